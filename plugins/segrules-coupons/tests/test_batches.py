"""Codes by the thousand."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
import segrules as sr
import sqlalchemy as sa

from segrules_coupons import BatchError, CouponStore, Limits, Pattern, SalesRule, batches

MANY = 25_000


@pytest.fixture
def ready(store: CouponStore) -> CouponStore:
    store.save(SalesRule(key="flyer", amount=10, needs_code=True, uses_per_coupon=3))
    return store


def counted(store: CouponStore, name: str) -> tuple[int, int]:
    """How many codes of a batch there are, and how many different ones."""
    coupons = store.tables.coupons
    with store.engine.connect() as connection:
        numbers = sa.select(sa.func.count(), sa.func.count(sa.distinct(coupons.c.code)))
        own = sa.select(store.tables.batches.c.id).where(store.tables.batches.c.name == name).scalar_subquery()
        all_of_them, different = connection.execute(numbers.where(coupons.c.batch_id == own)).one()
    return all_of_them, different


@pytest.mark.parametrize("by_copy", [True, False])
def test_a_batch(ready: CouponStore, by_copy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not by_copy:
        monkeypatch.setattr(batches, "copied", lambda *given: False)
    missing: list[int] = []
    expires = datetime(2099, 1, 1, tzinfo=UTC)
    made = ready.make_batch(
        "june", "flyer", 20_500, pattern="FLY-####-####-####?", expires=expires, progress=missing.append
    )
    assert (made.asked, made.made, made.rule, made.source, made.expires) == (20_500, 20_500, "flyer", "june", expires)
    assert made.is_complete
    assert missing == [10_500, 500, 0]
    assert counted(ready, "june") == (20_500, 20_500)
    code = next(ready.codes(batch="june"))
    assert (code.max_uses, code.expires, code.customer, code.bound) == (3, expires, None, False)
    assert code.code.startswith("FLY-")
    ready.reserve("o", code.code, 1)
    # asked for again: nothing happens
    assert ready.make_batch("june", "flyer", 20_500, pattern="FLY-####-####-####?", expires=expires) == made
    assert counted(ready, "june") == (20_500, 20_500)


def test_a_code_that_is_taken_is_made_anew(ready: CouponStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.make_batch("one", "flyer", 5)
    taken = [each.code.replace("-", "") for each in ready.codes(batch="one")]
    given = Pattern.codes
    turns = iter([taken[:3]])

    def codes(self: Pattern, count: int, customer: str = "") -> list[str]:
        found = given(self, count, customer)
        clashing = next(turns, [])
        return clashing + found[len(clashing) :]

    monkeypatch.setattr(Pattern, "codes", codes)
    missing: list[int] = []
    ready.make_batch("two", "flyer", 50, progress=missing.append)
    assert missing == [3, 0]
    assert counted(ready, "two") == (50, 50)


def work(connect: Callable[[], CouponStore]) -> None:
    connect().make_batch("big", "flyer", MANY)


def test_killed_in_the_middle(connect: Callable[[], CouponStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 at random moments: chunks are whole, the number is true, and the next one goes on."""
    monkeypatch.setattr(batches, "CHUNK", 500)
    store = connect()
    store.save(SalesRule(key="flyer", amount=10, needs_code=True))
    store.engine.dispose()
    chance = random.Random(7)
    seen = []
    for _ in range(4):
        process = multiprocessing.get_context("fork").Process(target=work, args=(connect,), daemon=True)
        process.start()
        time.sleep(0.1 + chance.random() * 0.5)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found = [each for each in store.batches() if each.name == "big"]
        if found:
            _settled(store)
            made = store.batch("big").made
            assert counted(store, "big") == (made, made)
            seen.append(made)
    assert seen == sorted(seen)
    monkeypatch.setattr(batches, "CHUNK", 10_000)
    assert store.make_batch("big", "flyer", MANY).made == MANY
    assert counted(store, "big") == (MANY, MANY)
    store.engine.dispose()


def _settled(store: CouponStore) -> None:
    """The server has noticed that the process is dead, and ended its transaction."""
    with store.engine.begin() as connection:
        connection.execute(sa.select(store.tables.batches).with_for_update()).all()


def test_two_make_one_batch(connect: Callable[[], CouponStore], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 1_000)
    connect().save(SalesRule(key="flyer", amount=10, needs_code=True))
    errors: list[Exception] = []

    def run() -> None:
        store = connect()
        try:
            store.make_batch("both", "flyer", 10_000)
        except Exception as error:  # a thread's error would be lost
            errors.append(error)
        store.engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert counted(connect(), "both") == (10_000, 10_000)


def test_two_batches_in_a_space_that_is_too_small_for_both(connect: Callable[[], CouponStore]) -> None:
    """3,000 codes twice in a space of 4,096: whoever finds no room is told so, and nothing goes on for ever."""
    pattern = Pattern("T-####", "23456789")
    first = connect()
    first.save_all([SalesRule(key=key, amount=10, needs_code=True) for key in "ab"])
    told: list[str] = []

    def run(key: str) -> None:
        own = connect()
        store = CouponStore(own.engine, own.shop, limits=Limits(density=Fraction(1)))
        try:
            store.make_batch(key, key, 3_000, pattern=pattern)
        except sr.SegrulesError as error:
            told.append(str(error))
        store.engine.dispose()

    threads = [threading.Thread(target=run, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(told) <= 2
    assert all("which is too few" in each or "has no codes left" in each for each in told)
    made = {each.name: counted(first, each.name)[0] for each in first.batches()}
    assert {each.name: each.made for each in first.batches()} == made
    assert sum(made.values()) <= 4_096
    assert max(made.values(), default=0) <= 3_000
    first.engine.dispose()


def test_a_full_space_can_be_filled(lite: CouponStore) -> None:
    lite.save(SalesRule(key="a", amount=10, needs_code=True))
    roomy = CouponStore(lite.engine, lite.shop, limits=Limits(density=Fraction(1)))
    assert roomy.make_batch("all", "a", 16, pattern=Pattern("F-####", "23")).made == 16
    with pytest.raises(sr.SegrulesError, match="which is too few for 17 that are live"):
        roomy.make_batch("more", "a", 1, pattern=Pattern("F-####", "23"))


def test_a_pattern_without_codes_left(lite: CouponStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lite.save(SalesRule(key="a", amount=10, needs_code=True))
    monkeypatch.setattr(Pattern, "check_room", lambda *given: None)
    with pytest.raises(BatchError, match='the pattern of the batch "all" has no codes left: 4 are missing'):
        lite.make_batch("all", "a", 20, pattern=Pattern("F-####", "23"))
    assert lite.batch("all").made == 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.make_batch("b", "flyer", 0), "a batch has 1 to 5,000,000 codes; 0 cannot be made"),
        (lambda s: s.make_batch("b", "flyer", 5_000_001), "5000001 cannot be made"),
        (lambda s: s.make_batch("b", "flyer", 1.5), "1.5 cannot be made"),
        (lambda s: s.make_batch("b", "flyer", 1000, pattern="F-######"), "which is too few for 1,000 that are live"),
        (lambda s: s.make_batch("b", "flyer", 10, pattern=Pattern.legacy("F")), "has the customer in it, so a batch"),
        (lambda s: s.make_batch("b", "none", 10), 'there is no sales rule "none"'),
        (lambda s: s.make_batch("personal:x", "flyer", 10), 'begins with "personal:" is for the codes of single'),
        (lambda s: s.make_batch("", "flyer", 10), "batch: '' is none"),
        (
            lambda s: s.make_batch("there", "flyer", 6),
            '"there" already, with another asked: choose another name, or ask',
        ),
        (lambda s: s.make_batch("there", "other", 5, source="x"), "with another rule, another source"),
        (lambda s: s.batch("none"), 'there is no batch "none"'),
        (lambda s: s.void(batch="none"), 'there is no batch "none"'),
        (lambda s: s.void(batch=s.batches()[-1].name), "holds codes of single customers; withdraw those one by one"),
        (lambda s: s.void(["NOPE-1"]), "there is no code …PE-1; none of them was withdrawn"),
    ],
)
def test_refused(lite: CouponStore, call: Callable[[CouponStore], Any], message: str) -> None:
    lite.save_all([SalesRule(key=key, amount=10, needs_code=True) for key in ("flyer", "other")])
    lite.make_batch("there", "flyer", 5)
    lite.issue("flyer", 1, "k")
    with pytest.raises(sr.SegrulesError) as error:
        call(lite)
    assert message in str(error.value)
