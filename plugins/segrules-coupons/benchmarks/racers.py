"""Racers in processes, each with a connection of its own, on one-use codes; then caps of a rule and of customers.

Every racer tries every code in an order of its own, reserves and confirms what it gets, until no code is left.

    python plugins/segrules-coupons/benchmarks/racers.py [--racers 64] [--codes 1000] [sqlite postgresql mariadb]
"""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import suppress

import sqlalchemy as sa
from databases import chosen, database

from segrules_coupons import CodeRefusedError, SalesRule


def racer(connect, start, number, codes, tries):
    store = connect()
    order = list(codes)
    random.Random(number).shuffle(order)
    start.wait()
    for code in order[:tries]:
        with suppress(CodeRefusedError):
            store.reserve(f"{number}-{code}", code, number)
            store.confirm(f"{number}-{code}")
    for turn in range(4):
        with suppress(CodeRefusedError):
            store.reserve(f"cap-{number}-{turn}", "EVERYBODY", (number + turn) % 100)
    store.engine.dispose()


def main():
    given = chosen(__doc__, racers=64, codes=1_000, tries=1_000)
    for name in given.databases:
        with database(name) as connect:
            store = connect()
            store.save(SalesRule(key="once", amount=10, needs_code=True))
            store.save(SalesRule(key="cap", amount=10, needs_code=True, uses_total=101, uses_per_customer=2))
            store.choose_code("cap", "EVERYBODY")
            store.make_batch("race", "once", given.codes)
            codes = [each.code for each in store.codes(batch="race")]
            store.engine.dispose()
            context = multiprocessing.get_context("fork")
            barrier = context.Barrier(given.racers + 1)
            racers = [
                context.Process(target=racer, args=(connect, barrier, number, codes, given.tries))
                for number in range(given.racers)
            ]
            for each in racers:
                each.start()
            barrier.wait()
            start = time.perf_counter()
            for each in racers:
                each.join()
            seconds = time.perf_counter() - start
            failed = sum(each.exitcode != 0 for each in racers)
            uses, rules = store.tables.uses, store.tables.rules
            with store.engine.connect() as connection:
                ids = dict(connection.execute(sa.select(rules.c.key, rules.c.id)).all())
                per_code = connection.scalars(
                    sa.select(sa.func.count()).where(uses.c.rule_id == ids["once"]).group_by(uses.c.coupon_id)
                ).all()
                per_customer = connection.scalars(
                    sa.select(sa.func.count()).where(uses.c.rule_id == ids["cap"]).group_by(uses.c.customer)
                ).all()
            over = sum(number > 1 for number in per_code)
            under = given.codes - len(per_code)
            attempts = given.racers * (given.tries + 4)
            print(
                f"{name:12} {given.racers} racers, {attempts:,} attempts in {seconds:.0f} s ({attempts / seconds:,.0f}/s): "
                f"{over} codes used twice, {under} left over, {failed} racers failed; "
                f"cap 101: {sum(per_customer)} uses, {max(per_customer)} by one customer at most",
                flush=True,
            )
            assert (over, under, failed, sum(per_customer)) == (0, 0, 0, 101)
            assert max(per_customer) <= 2
            store.engine.dispose()


if __name__ == "__main__":
    main()
