"""What takes its time: databases that fail twenty times, a million runs, lateness, races, poison, and a soak.

    python benchmarks/long.py outage --database postgresql --kind restart --mails 4000 --faults 20
    python benchmarks/long.py race --database mariadb --people 2000
    python benchmarks/long.py poison --database postgresql --mails 10000
    python benchmarks/long.py claim --database postgresql --runs 1000000
    python benchmarks/long.py late --database sqlite --minutes 2
    python benchmarks/long.py soak --database postgresql --minutes 12 --rate 50

One JSON object is printed for each run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segrules.segments import Segment, SegmentStore
from segrules.segments import store as module
from segrules.sql import prepare
from segrules.testing import servers
from segrules.testing.backends import fresh
from tests.conftest import sqlite
from tests.killing import LEASE, die, fork, start, with_recorder
from tests.outages import ANSWERS, QUESTIONS, Network, accepted_lines, full, locked, restarted, survived
from tests.racing import raced
from tests.shops import accepted, add_customers, database_now, make_sequences, make_shop, sequence, states
from tests.test_outages import FAST, IMMEDIATE
from tests.test_reliability import reads_by_index, settled

from segrules_sequences import Sequences, database, plugin
from segrules_sequences.clock import SetClock


@contextmanager
def engine_of(options: argparse.Namespace, folder: Path) -> Iterator[sa.Engine]:
    if options.database == "sqlite":
        folder.mkdir(exist_ok=True)
        engine = sqlite(folder / "shop.db", synchronous="FULL")
        yield engine
        engine.dispose()
    else:
        with fresh(options.database) as backend:
            yield backend.engine


def enrolled(store: SegmentStore, record: Path, mode: str = "reconcile") -> Sequences:
    sequences = with_recorder(store, record)
    sequences.save(sequence("0 minutes: hello", sender="recorder", delivery=mode))
    store.refresh("anns")
    return sequences


def share(values: list[float], part: float) -> float:
    return round(sorted(values)[min(int(len(values) * part), len(values) - 1)], 2)


# --- a database that fails ---


def outage(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Nothing is lost and nothing sent twice, and mails go out again within seconds."""
    record = folder / "record"
    if options.kind == "restart" and options.database != "sqlite":
        with getattr(servers, options.database)() as server:
            engine = sa.create_engine(server.url)
            prepare(engine)
            kinds = itertools.cycle((FAST[options.database], IMMEDIATE[options.database]))
            faults = [restarted(server, next(kinds), random.choice((0, 0, 3))) for _ in range(options.faults)]
            found = failing(engine, engine, record, options, faults)
            engine.dispose()
            return found
    with engine_of(options, folder) as engine:
        if options.database == "sqlite":
            database._PATIENCE = 300
            every = itertools.cycle((full(record, 1.0), locked(folder / "shop.db", 3.0)))
            return failing(engine, engine, record, options, [next(every) for _ in range(options.faults)])
        with Network.to(engine) as network:
            lengths = (network.lost(ANSWERS, 0.2), network.lost(QUESTIONS, 0.2), network.late(3.0), network.down(3.0))
            every = itertools.cycle(lengths)
            faults = [next(every) for _ in range(options.faults)]
            return failing(engine, network.engine(engine), record, options, faults)


def failing(engine: sa.Engine, reached: sa.Engine, record: Path, options: argparse.Namespace, faults) -> dict:
    store = make_shop(engine, options.mails)
    enrolled(store, record)
    engine.dispose()
    between = options.mails // (options.faults + 2)
    began = time.monotonic()
    back = survived(SegmentStore(reached, store.shop), record, options.mails, faults, between=between)
    seconds = time.monotonic() - began
    sequences = with_recorder(store, record)
    settled(sequences)
    found, after = accepted(record), states(sequences)
    return {
        "kind": options.kind, "faults": len(faults), "seconds": round(seconds, 1), "states": dict(after),
        "lost": options.mails - len(found), "duplicates": sum(found.values()) - len(found),
        "back_after_seconds": {"median": share(back, 0.5), "most": round(max(back), 2)},
    }  # fmt: skip


# --- stops that race ---


def race(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    with engine_of(options, folder) as engine:
        began = time.monotonic()
        _, found = raced(make_shop(engine, options.people), options.people)
        return {
            "stops": dict(found.stops), "mails": found.mails, "begun_after_the_stop": len(found.late),
            "seconds": round(time.monotonic() - began, 1),
        }  # fmt: skip


# --- poison ---


def poison(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """What 200 mails that cannot be written, first in line, cost the others: the least of three runs each."""
    spent: dict[int, list[float]] = {0: [], 200: []}
    for number, bad in enumerate((0, 200) * 3):
        with engine_of(options, folder / str(number)) as engine:
            store = make_shop(engine, options.mails)
            add_customers(store, range(1_000_001, 1_000_001 + bad), name="Bob")
            store.save(Segment(name="bobs", rule='customer.first_name is "Bob"'))
            sequences = make_sequences(store)
            sequences.save(sequence("0 minutes: broken", name="bad", segment="bobs"))
            sequences.save(sequence("0 minutes: hello"))
            for segment in ("bobs", "anns"):
                store.refresh(segment)
            worker = sequences.worker()
            used = time.process_time()
            while worker.run_once()["claimed"]:
                pass
            spent[bad].append(time.process_time() - used)
            worker.close()
            ended = states(sequences)
            assert ended["sent"] == options.mails
    least = {bad: min(each) for bad, each in spent.items()}
    return {
        "mails": options.mails, "states_with_poison": dict(ended),
        "processor_time_without_and_with": [round(each, 2) for each in least.values()],
        "with_poison": f"{100 * least[200] / least[0]:.1f} %",
    }  # fmt: skip


# --- a million runs ---


def moment(name: str, base: datetime, number: str, milliseconds: int) -> str:
    """SQL for a moment so many milliseconds after the base for each unit of a number."""
    text = base.replace(tzinfo=None).isoformat(" ", "microseconds")
    match name:
        case "postgresql":
            return f"timestamp '{text}' + ({number}) * interval '{milliseconds} milliseconds'"
        case "sqlite":
            seconds = f"printf('+%.3f seconds', ({number}) * {milliseconds} / 1000.0)"
            return f"strftime('%Y-%m-%d %H:%M:%f', '{text}', {seconds}) || '000'"
        case _:
            return f"TIMESTAMP '{text}' + INTERVAL ({number}) * {milliseconds * 1000} MICROSECOND"


def claim(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """How long one claim takes, with a million runs of which ten are due each second."""
    with engine_of(options, folder) as engine:
        store = make_shop(engine, 1000)
        base = datetime(2030, 1, 1, tzinfo=database_now(make_sequences(store)).tzinfo)
        clock = SetClock(base)
        sequences = make_sequences(store, clock=clock)
        t, many = sequences.tables, options.runs // 1000
        number = "(a.id - 1) * 1000 + b.id"
        filled = {
            t.enrolments.name: {"sequence_id": "1", "customer_id": number, "running_id": number, "state": "'active'", "version": "1",
                                "enrolled_at": moment(engine.dialect.name, base, "0", 1)},
            t.deliveries.name: {"enrolment_id": number, "sequence_id": "1", "customer_id": number, "step": "'hello'",
                                "position": "1", "state": "'planned'", "attempts": "0", "token": "0", "version": "1",
                                "planned_at": moment(engine.dialect.name, base, number, 100),
                                "due_at": moment(engine.dialect.name, base, number, 100)},
        }  # fmt: skip
        quoted = engine.dialect.identifier_preparer.quote
        with engine.begin() as connection:
            for table, columns in filled.items():
                names, values = ", ".join(quoted(each) for each in columns), ", ".join(columns.values())
                chosen = f"SELECT {values} FROM customers a CROSS JOIN customers b WHERE a.id <= {many}"
                connection.exec_driver_sql(f"INSERT INTO {table} ({names}) {chosen}")
        reads_by_index(sequences)
        worker = sequences.worker()
        times, used = [], time.process_time()
        for _ in range(options.rounds):
            clock.at += timedelta(seconds=1)
            began = time.perf_counter()
            claims = worker.claim()
            times.append((time.perf_counter() - began) * 1000)
            assert len(claims) == 10, len(claims)
        worker.close()
        return {
            "runs": options.runs, "claims": len(times), "milliseconds": {str(p): share(times, p) for p in (0.5, 0.95, 0.99)},
            "median_of_the_first_and_last_hundred": [share(times[:100], 0.5), share(times[-100:], 0.5)],
            "processor_ms_per_claim": round((time.process_time() - used) * 1000 / len(times), 2),
        }  # fmt: skip


# --- lateness ---


def working(store: SegmentStore, record: Path, poll: float) -> None:
    store.engine.dispose(close=False)
    with_recorder(store, record).worker(lease=LEASE * 30).run(poll=poll)


def late(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """How long after its time each mail begins, with two workers that look every five seconds."""
    mails = options.minutes * 60 * options.rate
    with engine_of(options, folder) as engine:
        store = make_shop(engine, mails)
        sequences = enrolled(store, folder / "record")
        spread(sequences, options.rate)
        engine.dispose()
        workers = [fork.Process(target=working, args=(store, folder / "record", 5.0), daemon=True) for _ in range(2)]
        for each in workers:
            each.start()
        limit = time.monotonic() + options.minutes * 60 + 120
        while accepted_lines(folder / "record") < mails and time.monotonic() < limit:
            time.sleep(0.5)
        time.sleep(1)
        for each in workers:
            die(each)
        d = sequences.tables.deliveries
        with engine.connect() as connection:
            rows = connection.execute(sa.select(d.c.begun_at, d.c.due_at).where(d.c.begun_at.is_not(None))).all()
        seconds = [(row.begun_at - row.due_at).total_seconds() for row in rows]
        return {"mails": len(rows), "late_seconds": {str(p): share(seconds, p) for p in (0.5, 0.95, 0.99, 1.0)}}


def spread(sequences: Sequences, rate: int) -> None:
    """The planned mails are due so many each second from now on."""
    d, engine = sequences.tables.deliveries, sequences.setting.engine
    base = database_now(sequences) + timedelta(seconds=3)
    with engine.begin() as connection:
        first = connection.scalar(sa.select(sa.func.min(d.c.id)))
        due = moment(engine.dialect.name, base, f"id - {first}", 1000 // rate)
        connection.exec_driver_sql(f"UPDATE {d.name} SET due_at = {due}")


# --- a long run ---


def soak(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Mails at a steady rate with a worker killed each minute; the memory and open files of one that lives on."""
    mails = options.minutes * 60 * options.rate
    record = folder / "record"
    with engine_of(options, folder) as engine:
        store = make_shop(engine, mails)
        sequences = enrolled(store, record)
        spread(sequences, options.rate)
        engine.dispose()
        workers = [start(store, record, batch=20) for _ in range(3)]
        samples: list[tuple[float, int, int, int]] = []
        began, kills, minute = time.monotonic(), 0, 1
        while accepted_lines(record) < mails and time.monotonic() - began < options.minutes * 60 + 180:
            time.sleep(5)
            elapsed = time.monotonic() - began
            samples.append((elapsed, resident(workers[0].pid), open_files(workers[0].pid), accepted_lines(record)))
            if elapsed > 60 * minute:
                minute, place = minute + 1, 1 + kills % 2
                die(workers[place])
                workers[place] = start(store, record, batch=20)
                kills += 1
        for each in workers:
            each.terminate()
        for each in workers:
            each.join(60)
        settled(sequences)
        found = accepted(record)
        warm = [each for each in samples if each[0] > 60]
        return {
            "minutes": round((time.monotonic() - began) / 60, 1), "kills": kills, "mails": mails,
            "states": dict(states(sequences)), "lost": mails - len(found),
            "duplicates": sum(found.values()) - len(found),
            "resident_kib": {"after_a_minute": warm[0][1], "least": min(each[1] for each in warm),
                             "most": max(each[1] for each in warm), "at_the_end": warm[-1][1]},
            "open_files": sorted(Counter(each[2] for each in warm).items()),
        }  # fmt: skip


def resident(pid: int | None) -> int:
    words = Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def open_files(pid: int | None) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs = {each.__name__: each for each in (outage, race, poison, claim, late, soak)}
    parser.add_argument("run", choices=list(runs))
    parser.add_argument("--database", choices=["sqlite", "postgresql", "mariadb"], required=True)
    parser.add_argument("--kind", choices=["restart", "network", "file"], default="restart", help="of outage")
    parser.add_argument("--mails", type=int, default=4000, help="of outage and poison")
    parser.add_argument("--faults", type=int, default=20, help="of outage")
    parser.add_argument("--people", type=int, default=10_000, help="of race")
    parser.add_argument("--runs", type=int, default=1_000_000, help="of claim: so many runs, by thousands")
    parser.add_argument("--rounds", type=int, default=1000, help="of claim: so many claims")
    parser.add_argument("--minutes", type=int, default=12, help="of late and soak")
    parser.add_argument("--rate", type=int, default=50, help="of late and soak: mails due each second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    # Only this package's plugin has a part in it.
    module.installed = lambda: lambda connection, change: plugin.segrules_members_changed(connection, change)
    with tempfile.TemporaryDirectory() as folder:
        used = os.times()
        found = runs[options.run](options, Path(folder))
        after = os.times()
        spent = sum(after[:4]) - sum(used[:4])
        facts = {"run": options.run, "database": options.database, **found, "processor_seconds": round(spent, 1)}
        print(json.dumps({**facts, "load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
