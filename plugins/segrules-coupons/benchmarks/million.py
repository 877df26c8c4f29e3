"""One million codes on each database: seconds, codes per second, memory of this program.

python plugins/segrules-coupons/benchmarks/million.py [--count 1000000] [sqlite postgresql mariadb]
"""

from __future__ import annotations

import multiprocessing
import resource
import time

from databases import chosen, counted, database

from segrules_coupons import Pattern, SalesRule


def make(connect, count):
    store = connect()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    store.make_batch("million", "million", count)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{seconds:7.1f} s, {count / seconds:9,.0f} codes/s, {own:.1f} s of them in this program, "
        f"{after.ru_maxrss / 1024:.0f} MB at most (+{(after.ru_maxrss - before.ru_maxrss) / 1024:.0f} MB)",
        flush=True,
    )
    store.engine.dispose()


def main():
    given = chosen(__doc__, count=1_000_000)
    start = time.perf_counter()
    Pattern.usual().codes(given.count)
    print(f"{'made only':12} {time.perf_counter() - start:7.1f} s", flush=True)
    for name in given.databases:
        with database(name) as connect:
            store = connect()
            store.save(SalesRule(key="million", amount=10, needs_code=True))
            store.engine.dispose()
            print(f"{name:12} ", end="", flush=True)
            # In a process of its own, so that its memory is its own.
            process = multiprocessing.get_context("fork").Process(target=make, args=(connect, given.count))
            process.start()
            process.join()
            store = connect()
            assert counted(store) == (given.count, given.count), counted(store)
            store.engine.dispose()


if __name__ == "__main__":
    main()
