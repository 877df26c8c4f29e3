"""A batch whose process is killed (kill -9) again and again: exactly what was asked for, all different.

python plugins/segrules-coupons/benchmarks/killed.py [--count 1000000] [--kills 20] [sqlite postgresql mariadb]
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress

import sqlalchemy as sa
from databases import chosen, counted, database

from segrules_coupons import SalesRule


def make(connect, count):
    connect().make_batch("killed", "killed", count)


def main():
    given = chosen(__doc__, count=1_000_000, kills=20)
    chance = random.Random(1)
    for name in given.databases:
        with database(name) as connect:
            store = connect()
            store.save(SalesRule(key="killed", amount=10, needs_code=True))
            store.engine.dispose()
            start = time.perf_counter()
            in_work = 0
            for _ in range(given.kills):
                process = multiprocessing.get_context("fork").Process(target=make, args=(connect, given.count))
                process.start()
                time.sleep(chance.uniform(0.3, 1.6))
                in_work += process.is_alive()
                with suppress(ProcessLookupError):  # it may have come to its end
                    os.kill(process.pid, signal.SIGKILL)
                process.join()
                if store.batches():
                    with store.engine.begin() as connection:
                        # The server has noticed, and undone the chunk in the middle.
                        connection.execute(sa.select(store.tables.batches).with_for_update()).all()
                    made = store.batch("killed").made
                    assert counted(store) == (made, made), (counted(store), made)
                store.engine.dispose()
            before = store.batch("killed").made
            store.make_batch("killed", "killed", given.count)
            assert counted(store) == (given.count, given.count), counted(store)
            print(
                f"{name:12} {given.kills} kills, {in_work} of them at work; {before:,} codes were there after the last; "
                f"then {given.count:,}, all different, {time.perf_counter() - start:.0f} s in all",
                flush=True,
            )
            store.engine.dispose()


if __name__ == "__main__":
    main()
