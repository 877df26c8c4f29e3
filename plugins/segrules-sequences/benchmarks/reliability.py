"""The reliability runs at full size: workers that are killed or frozen while they send, and how fast they send.

    python benchmarks/reliability.py kill --database postgresql --mode reconcile --mails 10000 --kills 100
    python benchmarks/reliability.py freeze --database postgresql --mode at_most_once --mails 2000 --stops 80
    python benchmarks/reliability.py speed --database sqlite --mails 3000 --workers 2

One JSON object is printed for each run. The receiving side is a file to which each accepted mail's id is appended
before the sender hears of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segrules.segments import store as module
from segrules.testing.backends import fresh
from tests.conftest import sqlite
from tests.killing import fork, start, with_recorder
from tests.shops import KEY, Letters, Memory, accepted, database_now, make_sequences, make_shop, sequence, states

from segrules_sequences import Sequences, plugin
from segrules_sequences.hookspecs import registered

WORKERS = 8


def live(sequences: Sequences) -> int:
    """How many mails are neither sent nor given up nor in doubt."""
    found = states(sequences)
    return sum(found[each] for each in ("planned", "leased", "transmitting"))


def settle(sequences: Sequences) -> None:
    worker = sequences.worker()
    d = sequences.tables.deliveries
    for _ in range(5):
        past = database_now(sequences).replace(year=2020)
        with sequences.setting.engine.begin() as connection:
            connection.execute(sa.update(d).where(d.c.lease_until.is_not(None)).values(lease_until=past))
            connection.execute(sa.update(d).where(d.c.state.in_(["planned", "in_doubt"])).values(due_at=past))
        worker.reap()
        while worker.run_once()["claimed"]:
            pass
    worker.close()


def judged(sequences: Sequences, record: Path, mails: int) -> dict[str, object]:
    found, after = accepted(record), states(sequences)
    doubtful = {each.message_id for each in sequences.doubtful(limit=mails)}
    return {
        "states": dict(after),
        "duplicates": sum(count - 1 for count in found.values()),
        "in_doubt": len(doubtful),
        "in_doubt_arrived": len(doubtful & found.keys()),
        "lost": mails - after["sent"] - after["in_doubt"],
        "sent_without_arrival": after["sent"] - len(found.keys() - doubtful),
    }


def begun(store, record: Path, mode: str) -> Sequences:
    sequences = with_recorder(store, record)
    sequences.save(sequence("0 minutes: hello", sender="recorder", delivery=mode))
    store.refresh("anns")
    return sequences


def kill(store, record: Path, options: argparse.Namespace) -> dict[str, object]:
    sequences = begun(store, record, options.mode)
    workers = [start(store, record, delay=0.003, batch=20) for _ in range(WORKERS)]
    kills, began = 0, time.monotonic()
    pause = options.pause
    while live(sequences):
        time.sleep(random.uniform(pause / 2, pause * 1.5))
        if kills < options.kills:
            place = random.randrange(WORKERS)
            workers[place].kill()
            workers[place].join(10)
            workers[place] = start(store, record, delay=0.003, batch=20)
            kills += 1
        if time.monotonic() - began > options.limit:
            break
    seconds = time.monotonic() - began
    ended(workers)
    settle(sequences)
    return {"kills": kills, "seconds": round(seconds, 1), **judged(sequences, record, options.mails)}


def freeze(store, record: Path, options: argparse.Namespace) -> dict[str, object]:
    sequences = begun(store, record, options.mode)
    workers = [start(store, record, delay=0.003, batch=20) for _ in range(WORKERS)]
    frozen: list[tuple[float, int]] = []
    stops, began = 0, time.monotonic()
    while live(sequences) or frozen:
        now = time.monotonic()
        for moment, pid in [each for each in frozen if each[0] <= now]:
            os.kill(pid, signal.SIGCONT)
            frozen.remove((moment, pid))
        stopped = {pid for _, pid in frozen}
        awake = [each.pid for each in workers if each.pid not in stopped]
        if stops < options.stops and len(awake) > 2 and live(sequences):
            os.kill(pid := random.choice(awake), signal.SIGSTOP)
            frozen.append((now + 3.5, pid))
            stops += 1
        time.sleep(options.pause)
        if now - began > options.limit:
            for _, pid in frozen:
                os.kill(pid, signal.SIGCONT)
            break
    seconds = time.monotonic() - began
    ended(workers)
    settle(sequences)
    return {"stops": stops, "seconds": round(seconds, 1), **judged(sequences, record, options.mails)}


def ended(workers) -> None:
    for each in workers:
        each.terminate()
    for each in workers:
        each.join(60)


def speed(store, record: Path, options: argparse.Namespace) -> dict[str, object]:
    """Mails a second into a list, by so many worker processes; with processor seconds, as the machine may be shared."""
    sequences = make_sequences(store)
    sequences.save(sequence("0 minutes: hello"))
    store.refresh("anns")
    store.engine.dispose()
    began, used = time.perf_counter(), os.times()
    workers = [fork.Process(target=send_all, args=(store,)) for _ in range(options.workers)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    seconds, after = time.perf_counter() - began, os.times()
    assert states(sequences) == {"sent": options.mails}, states(sequences)
    processor = after.children_user + after.children_system - used.children_user - used.children_system
    return {
        "workers": options.workers,
        "seconds": round(seconds, 1),
        "mails_per_second": round(options.mails / seconds),
        "worker_processor_ms_per_mail": round(processor / options.mails * 1000, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def send_all(store) -> None:
    store.engine.dispose(close=False)
    memory = Memory()
    worker = Sequences(
        store, composer=Letters(), senders={"memory": lambda: memory}, key=KEY, plugins=registered(())
    ).worker()
    while worker.run_once()["claimed"]:
        pass
    worker.close()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", choices=["kill", "freeze", "speed"])
    parser.add_argument("--database", choices=["sqlite", "postgresql", "mariadb"], required=True)
    parser.add_argument("--mode", choices=["at_most_once", "reconcile", "at_least_once"], default="reconcile")
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--stops", type=int, default=80)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.4, help="seconds between two kills or stops")
    parser.add_argument("--limit", type=float, default=1200, help="seconds after which the run is broken off")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    # Only this package's plugin has a part in it.
    module.installed = lambda: lambda connection, change: plugin.segrules_members_changed(connection, change)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.database == "sqlite":
            engine = sqlite(folder / "shop.db", synchronous="FULL")
        else:
            engine = stack.enter_context(fresh(options.database)).engine
        store = make_shop(engine, options.mails)
        run = {"kill": kill, "freeze": freeze, "speed": speed}[options.run]
        facts = {"run": options.run, "database": options.database, "mails": options.mails}
        if options.run != "speed":
            facts["mode"] = options.mode
        print(json.dumps({**facts, **run(store, folder / "record", options)}), flush=True)
        engine.dispose()


if __name__ == "__main__":
    main()
