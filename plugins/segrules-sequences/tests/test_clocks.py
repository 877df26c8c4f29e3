"""Clocks that are wrong: a worker's decides nothing, and the database's may jump."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from segrules_sequences import Window

from .killing import with_recorder
from .shops import World, accepted, database_now, make_shop, sequence, states
from .wrong_clock import JUMPS

HOUR = timedelta(hours=1)
#: So far a clock may be off what it should show here.
SOON = timedelta(minutes=5)


def test_a_worker_whose_clock_jumps_sends_what_the_others_send(
    engine: sa.Engine, engines: Callable[[str], sa.Engine], tmp_path: Path
) -> None:
    """An hour ahead, an hour behind, a day ahead: what is due by the database goes out, in its window, and no more."""
    people = 2 * len(JUMPS) + 2
    store = make_shop(engine, people)
    sequences = with_recorder(store, tmp_path / "record")
    now = database_now(sequences)
    window = Window(start=(now - HOUR / 2).time().replace(second=0, microsecond=0),
                    end=(now + HOUR / 2).time().replace(second=0, microsecond=0))  # fmt: skip
    sequences.save(sequence("0 minutes: hello", "30 minutes: again", sender="recorder", window=window, gap="0 minutes"))
    store.refresh("anns")
    shown = [datetime.fromisoformat(line) for line in sent_by_a_wrong_clock(engine, tmp_path / "record")]
    assert len(shown) == people and len(accepted(tmp_path / "record")) == people
    assert states(sequences) == {"sent": people, "planned": people}
    for place, hours in enumerate(JUMPS):
        seen = shown[2 * place + 1]
        assert abs(seen - datetime.now(UTC) - hours * HOUR) < SOON, "the worker's clock was as wrong as it should be"
    d, e = sequences.tables.deliveries, sequences.tables.enrolments
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(d.c.step, d.c.begun_at, d.c.ended_at, d.c.due_at, e.c.enrolled_at).join_from(
                d, e, e.c.id == d.c.enrolment_id
            )
        ).all()
    for row in rows:
        if row.step == "again":
            assert row.due_at == row.enrolled_at + HOUR / 2
        else:
            assert timedelta(0) <= row.begun_at - row.enrolled_at < SOON
            assert timedelta(0) <= row.ended_at - row.begun_at < SOON


def sent_by_a_wrong_clock(engine: sa.Engine, record: Path) -> list[str]:
    """What the clock of a worker process showed at each claim."""
    url, schema = engine.url.render_as_string(hide_password=False), ""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            schema = str(connection.exec_driver_sql("SHOW search_path").scalar())
    done = subprocess.run(
        [sys.executable, "-m", "tests.wrong_clock", url, schema, str(record)],
        cwd=Path(__file__).resolve().parent.parent, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_clock_of_the_database_goes_back(world: World) -> None:
    """Nothing goes out early, what a dead worker had in hand comes back when its lease is over by that clock."""
    world.sequences.save(sequence("1 hour: hello", "2 hours: again", gap="0 minutes"))
    world.refresh()
    world.clock.at += HOUR
    dead = world.sequences.worker(batch=1)
    assert len(dead.claim()) == 1
    world.clock.at -= HOUR
    assert world.work().took() == [], "the others are due in an hour again"
    world.clock.at += HOUR
    assert len(world.work().took()) == 2
    world.clock.at += timedelta(minutes=1, seconds=1)
    assert len(world.work().took()) == 1 and states(world.sequences) == {"sent": 3, "planned": 3}
    dead.close()


def test_the_clock_of_the_database_jumps_while_a_mail_is_on_its_way(world: World) -> None:
    """The lease is over by the new clock, and whoever sent the mail still says what became of it."""
    world.sequences.save(sequence("0 minutes: hello", "9 days: again"))
    world.refresh()

    def jump(place: str) -> None:
        if place == "after_prepare":
            world.clock.at += HOUR
            assert world.worker.reap()["in doubt"] == 1
            world.clock.at -= 2 * HOUR

    sending = world.sequences.worker(batch=1, milestone=jump)
    assert sending.run_once()["sent"] == 1
    assert states(world.sequences) == {"sent": 1, "planned": 3}
    sending.close()
