"""What goals cost in a shop with many runs: one event, a refresh in which thousands enter the goal's segment, statistics.

python benchmarks/goals.py postgresql --runs 1000000
"""

import argparse
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from segrules.testing.backends import fresh

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import conftest, shops

from segrules_sequences import Goal, Step, Variant
from segrules_sequences.goals import credit, runs_of

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
FAR = timedelta(days=1)


def filled(engine: sa.Engine, runs: int) -> shops.World:
    """So many runs of as many customers, each with two mails of the last days; a tenth is held out."""
    world = shops.World(shops.make_shop(engine, 3), NOW)
    variants = [Variant(name=each, template=each) for each in "AB"]
    steps = [Step(delay="0 minutes", name="one", variants=variants), Step(delay="1 day", template="two")]
    world.sequences.save(shops.sequence(*steps, goal=Goal(event="order"), holdout=10))
    t = world.sequences.tables
    (sequence,) = world.store.engine.connect().scalars(sa.select(t.sequences.c.id)).all()
    ended = {"sequence_id": sequence, "version": 1}
    for start in range(0, runs, 10_000):
        ids = range(start, min(start + 10_000, runs))
        measured = {each: NOW - timedelta(minutes=each % 40_000) for each in ids}
        with world.store.engine.begin() as connection:
            connection.execute(
                t.enrolments.insert(),
                [{**ended, "id": each + 1, "customer_id": each, "running_id": None, "state": "finished",
                  "enrolled_at": at, "ended_at": at + FAR, "measured_at": at, "held_out": each % 10 == 0}
                 for each, at in measured.items()],
            )  # fmt: skip
            connection.execute(
                t.deliveries.insert(),
                [{**ended, "enrolment_id": each + 1, "customer_id": each, "step": step, "position": position,
                  "variant": "AB"[each % 2] if position == 1 else None, "state": "sent", "planned_at": at, "due_at": at,
                  "attempts": 1, "token": 1, "begun_at": at + FAR * (position - 1), "ended_at": at}
                 for each, at in measured.items() if each % 10
                 for position, step in ((1, "one"), (2, "two"))],
            )  # fmt: skip
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in (t.enrolments, t.deliveries):
                connection.exec_driver_sql(
                    f"ANALYZE {'TABLE ' if engine.dialect.name != 'postgresql' else ''}{table.name}"
                )
    return world


def measured(world: shops.World, runs: int) -> None:
    t = world.sequences.tables
    began = time.perf_counter()
    counted = sum(
        world.sequences.converted(each * (runs // 200) + 1, event_id=f"{each}", value=3) for each in range(200)
    )
    print(f"200 events, one by one: {counted} count, {(time.perf_counter() - began) * 5:.2f} ms each")
    moved = sa.Table(
        "moved",
        sa.MetaData(),
        sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
        prefixes=["TEMPORARY"],
    )
    (sequence,) = world.store.engine.connect().scalars(sa.select(t.sequences.c.id)).all()
    with world.sequences.setting.engine.connect() as connection, connection.begin():
        moved.create(connection)
        many = [{"customer_id": each * 7 % runs} for each in range(min(10_000, runs // 8))]
        connection.execute(moved.insert(), many)
        began = time.perf_counter()
        runs_of_many = runs_of(t, sequence, Goal(event="order"), sa.select(moved.c.customer_id), NOW)
        count = credit(connection, t, runs_of_many, at=NOW)
        print(f"{len(many):,} enter the segment: {count:,} count, {time.perf_counter() - began:.2f} s")
        moved.drop(connection)
    began = time.perf_counter()
    (found,) = world.sequences.statistics()
    print(f"statistics of {runs:,} runs: {time.perf_counter() - began:.2f} s; {found.mailed}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", choices=conftest.BACKENDS)
    parser.add_argument("--runs", type=int, default=100_000)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        place = nullcontext() if given.database == "sqlite" else fresh(given.database)
        with place as found:
            engine = conftest.sqlite(Path(folder) / "shop.db") if found is None else found.engine
            measured(filled(engine, given.runs), given.runs)
            engine.dispose()
