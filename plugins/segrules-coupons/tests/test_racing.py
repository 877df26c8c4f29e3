"""Many at once: never one use too many, and never one too few. The full size is in benchmarks/racers.py."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from segrules_coupons import (
    CodeRefusedError,
    CouponsBusyError,
    CouponStore,
    Limits,
    Reason,
    ReservationError,
    SalesRule,
)

#: So many race, over so many connections.
RACERS, CONNECTIONS = 64, 8

Race = Callable[[CouponStore, int], None]


def race(connect: Callable[[], CouponStore], work: Race) -> None:
    """Let all racers work at the same time; an error of any is an error."""
    stores = [connect() for _ in range(CONNECTIONS)]
    errors: list[BaseException] = []
    start = threading.Barrier(RACERS)

    def run(number: int) -> None:
        try:
            start.wait()
            work(stores[number % CONNECTIONS], number)
        except BaseException as error:  # a thread's error would be lost
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.engine.dispose()
    assert errors == []


def test_one_use_codes(connect: Callable[[], CouponStore]) -> None:
    store = connect()
    store.save(SalesRule(key="once", amount=10, needs_code=True))
    store.make_batch("race", "once", 60)
    codes = [each.code for each in store.codes(batch="race")]
    tried: list[str] = []
    won: list[str] = []
    reasons: list[Reason] = []

    def work(store: CouponStore, number: int) -> None:
        for code in random.Random(number).sample(codes, 3):
            tried.append(code)
            order = f"{number}-{code}"
            try:
                store.reserve(order, code, number)
                store.confirm(order)
                won.append(code)
            except CodeRefusedError as error:
                reasons.append(error.reason)

    race(connect, work)
    assert Counter(won) == Counter(set(tried))
    assert set(reasons) == {Reason.CODE_USED_UP}
    assert sum(each.used for each in store.codes(batch="race")) == len(won) == store.get("once").used
    store.engine.dispose()


def test_limits_of_rule_and_customer(connect: Callable[[], CouponStore]) -> None:
    """17 uses in all and 2 for each of 12 customers, by one code and by none."""
    store = connect()
    store.save_all(
        [
            SalesRule(key="code", amount=10, needs_code=True, uses_total=17, uses_per_customer=2),
            SalesRule(key="open", amount=10, uses_total=17, uses_per_customer=2),
        ]
    )
    store.choose_code("code", "EVERYBODY")
    refused: list[Reason] = []

    def work(store: CouponStore, number: int) -> None:
        for rule, codes in (("code", ["EVERYBODY"]), ("open", [])):
            try:
                store.reserve(f"{rule}-{number}", codes, number % 12, rules=[] if codes else [rule])
            except CodeRefusedError as error:
                refused.append(error.reason)

    race(connect, work)
    uses, rules = store.tables.uses, store.tables.rules
    assert [each.used for each in store.list()] == [17, 17]
    with store.engine.connect() as connection:
        for key in ("code", "open"):
            rule_id = connection.scalar(sa.select(rules.c.id).where(rules.c.key == key))
            held = connection.scalars(sa.select(uses.c.customer).where(uses.c.rule_id == rule_id)).all()
            assert len(held) == 17
            assert max(Counter(held).values()) <= 2
    assert len(refused) == 2 * RACERS - 34
    assert set(refused) <= {Reason.USED_UP, Reason.CUSTOMER_USED_UP}
    store.engine.dispose()


def test_one_order_from_many_sides(connect: Callable[[], CouponStore]) -> None:
    """The same order reserved, confirmed and released by many: one use, or none."""
    store = connect()
    store.save(SalesRule(key="once", amount=10, needs_code=True))
    store.choose_code("once", "MANY")
    answers: list[object] = []

    def reserve(store: CouponStore, number: int) -> None:
        answers.append(store.reserve(f"order-{number % 4}", "MANY"))

    race(connect, reserve)
    assert store.get("once").used == 4
    assert len({str(each) for each in answers}) == 4

    def leave(store: CouponStore, number: int) -> None:
        if number % 3:
            store.release(f"order-{number % 4}")
        else:
            with suppress(ReservationError):
                store.confirm(f"order-{number % 4}")

    race(connect, leave)
    found = store.find("MANY")
    assert found is not None
    assert found.used == store.get("once").used == 0
    store.engine.dispose()


def test_several_codes_in_any_order_do_not_block_each_other(connect: Callable[[], CouponStore]) -> None:
    store = connect()
    keys: Sequence[str] = ["a", "b", "c"]
    store.save_all([SalesRule(key=key, amount=10, needs_code=True, uses_total=20) for key in keys])
    for key in keys:
        store.choose_code(key, f"CODE-{key}")

    def work(store: CouponStore, number: int) -> None:
        codes = random.Random(number).sample([f"CODE-{key}" for key in keys], 2)
        with suppress(CodeRefusedError):
            store.reserve(str(number), codes, number)
            if number % 2:
                store.release(str(number))

    race(connect, work)
    with store.engine.connect() as connection:
        uses, rules = store.tables.uses, store.tables.rules
        held = sa.select(rules.c.key, sa.func.count(uses.c.id)).join(uses, uses.c.rule_id == rules.c.id)
        rows = connection.execute(held.where(uses.c.state == "reserved").group_by(rules.c.key))
        counted = {key: int(number) for key, number in rows}
    assert {key: store.get(key).used for key in keys} == {key: counted.get(key, 0) for key in keys}
    assert all(number <= 20 for number in counted.values())
    store.engine.dispose()


def test_who_waits_too_long_is_told_so(connect: Callable[[], CouponStore]) -> None:
    store = connect()
    if store.engine.dialect.name != "sqlite":
        pytest.skip("the servers wait as long as they are set up to")
    store.save(SalesRule(key="once", amount=10))
    engine = sa.create_engine(store.engine.url, connect_args={"timeout": 0.05})
    hasty = CouponStore(engine, store.shop, limits=Limits(patience=timedelta(seconds=0.2)))
    with store.engine.begin() as connection:
        store.reserve("o", [], rules=["once"], connection=connection)
        with pytest.raises(
            CouponsBusyError, match="somebody else holds the database; nothing was written: database is"
        ):
            hasty.reserve("p", [], rules=["once"])
    assert hasty.get("once").used == 1
    engine.dispose()
    store.engine.dispose()
