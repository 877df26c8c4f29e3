"""Runs are stopped in every way while workers send, and each mail's beginning is held against the stop's commit."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from attrs import define, field

from segrules_sequences import Sequences, Status

from .shops import database_now, rename, sequence

HOW = ("unsubscribe", "forget", "exit", "pause", "off")
STEPS = 6


def stop_by(how: str, sequences: Sequences, customer: int) -> None:
    match how:
        case "unsubscribe":
            sequences.unsubscribe(customer)
        case "forget":
            sequences.forget(customer)
        case "exit":
            rename(sequences.store, customer, "Bob")
            sequences.store.refresh("anns", customers=[customer])
        case "pause":
            sequences.switch("s", Status.PAUSED)
        case "off":
            sequences.switch("s", Status.OFF)


@define
class Race:
    """What was stopped how often, how many mails began, and those that began after their stop was committed."""

    stops: Counter[str] = field(factory=Counter)
    mails: int = 0
    late: list[str] = field(factory=list)


def raced(sequences: Sequences, people: int, *, workers: int = 2, pause_every: int = 20) -> Race:
    """Each of so many customers, with mails that are due one after another, is stopped while workers send."""
    steps = (f"0 minutes: mail{number}" for number in range(STEPS))
    sequences.save(sequence(*steps, gap="0 minutes"))
    sequences.store.refresh("anns")
    d = sequences.tables.deliveries
    with sequences.setting.engine.connect() as connection:
        run_of = {row.customer_id: row.enrolment_id for row in connection.execute(sa.select(d))}
    team = [sequences.worker(batch=5) for _ in range(workers)]
    threads = [threading.Thread(target=worker.run, kwargs={"poll": 0.01}) for worker in team]
    for thread in threads:
        thread.start()
    race, stopped, pauses = Race(), {}, []
    for number, customer in enumerate(random.sample(sorted(run_of), people)):
        how = random.choice(HOW[:3])
        stop_by(how, sequences, customer)
        stopped[run_of[customer]] = (how, database_now(sequences))
        race.stops[how] += 1
        if number % pause_every == pause_every - 1:
            stop_by("pause", sequences, customer)
            since = database_now(sequences)
            threading.Event().wait(0.02)
            pauses.append((since, database_now(sequences)))
            sequences.switch("s", Status.ACTIVE)
            race.stops["pause"] += 1
    for worker, thread in zip(team, threads, strict=True):
        worker.stopping.set()
        thread.join(30)
    with sequences.setting.engine.connect() as connection:
        rows = connection.execute(sa.select(d.c.enrolment_id, d.c.begun_at).where(d.c.begun_at.is_not(None))).all()
    race.mails = len(rows)
    race.late = [each for row in rows for each in _late(row.begun_at, stopped.get(row.enrolment_id), pauses)]
    return race


def _late(begun: datetime, stop: tuple[str, datetime] | None, pauses: list[tuple[datetime, datetime]]) -> list[str]:
    found = [f"pause from {since} to {until}, begun {begun}" for since, until in pauses if since < begun < until]
    if stop is not None and begun > stop[1]:
        found.append(f"{stop[0]} at {stop[1]}, begun {begun}")
    return found
