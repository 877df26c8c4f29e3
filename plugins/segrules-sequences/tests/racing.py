"""Runs are stopped in every way while workers send, and each mail's beginning is held against the stop's commit."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from time import monotonic, sleep

import sqlalchemy as sa
from attrs import define, field
from segrules.segments import SegmentStore

from segrules_sequences import Sequences, Status
from segrules_sequences.ports import Outgoing, Receipt

from .shops import Memory, database_now, make_sequences, rename, sequence

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


class Paced(Memory):
    """A sender that keeps step with those who stop runs, so that neither is done before the other, however fast."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        waits_until(lambda: len(self.mails) <= (self.stopped + 1) * STEPS // 2)
        return super().send(mail, deadline)


def waits_until(true: Callable[[], bool]) -> None:
    """Waits, but not for ever: what the other one does may have ended."""
    end = monotonic() + 2
    while not true() and monotonic() < end:
        sleep(0.001)


def raced(store: SegmentStore, people: int, *, workers: int = 2, pause_every: int = 20) -> tuple[Sequences, Race]:
    """Each of so many customers, with mails that are due one after another, is stopped while workers send."""
    pace = Paced()
    sequences = make_sequences(store, senders={"memory": lambda: pace})
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
        waits_until(lambda: len(pace.mails) > pace.stopped)
        stop_by(how, sequences, customer)
        stopped[run_of[customer]] = (how, database_now(sequences))
        race.stops[how] += 1
        pace.stopped += 1
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
    return sequences, race


def _late(begun: datetime, stop: tuple[str, datetime] | None, pauses: list[tuple[datetime, datetime]]) -> list[str]:
    found = [f"pause from {since} to {until}, begun {begun}" for since, until in pauses if since < begun < until]
    if stop is not None and begun > stop[1]:
        found.append(f"{stop[0]} at {stop[1]}, begun {begun}")
    return found
