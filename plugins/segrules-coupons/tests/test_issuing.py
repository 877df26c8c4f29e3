"""Codes for customers and codes that somebody chose."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
import segrules as sr
import sqlalchemy as sa

from segrules_coupons import CouponStore, Limits, Pattern, SalesRule

NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)


@pytest.fixture
def ready(store: CouponStore) -> CouponStore:
    store.save(SalesRule(key="welcome", amount=10, needs_code=True))
    return store


def test_one_code_for_each_key(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "mail-1", pattern=Pattern.usual("HI"), expires=timedelta(days=7), source="mail/1")
    assert code.code.startswith("HI-")
    assert (code.rule, code.customer, code.bound, code.max_uses, code.source) == ("welcome", "1", True, 1, "mail/1")
    assert code.expires is not None
    left = code.expires - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7, minutes=1)
    # asked again, whatever else is asked: the same
    assert ready.issue("welcome", 1, "mail-1", pattern="OTHER-############") == code
    assert ready.issue("welcome", 1, "mail-2") != code
    assert ready.find(code.code.lower()) == code
    assert ready.find("HI-7777-7777-77777") is None
    assert ready.find("?") is None
    assert ready.issue("welcome", UUID(int=7), "mail-3").customer == str(UUID(int=7))


def test_the_same_key_at_the_same_time(connect: Callable[[], CouponStore]) -> None:
    """Many processes that try one mail get one code, and leave one."""
    connect().save(SalesRule(key="welcome", amount=10, needs_code=True))
    found: list[Any] = []

    def work() -> None:
        store = connect()
        try:
            found.extend(store.issue("welcome", 1, f"mail-{n}").code for n in range(10))
        except Exception as error:  # a thread's error would be lost
            found.append(error)
        finally:
            store.engine.dispose()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert len(set(found)) == 10
    assert len(list(connect().codes(rule="welcome"))) == 10


def test_in_the_callers_transaction(ready: CouponStore) -> None:
    with ready.engine.connect() as connection:
        code = ready.issue("welcome", 1, "k", connection=connection)
        assert ready.issue("welcome", 1, "k", connection=connection) == code
        assert ready.find(code.code, connection=connection) == code
        connection.rollback()
    assert ready.find(code.code) is None
    with ready.engine.begin() as connection:
        kept = ready.issue("welcome", 1, "k", connection=connection)
    assert ready.find(kept.code) == kept


def test_reuse_looks_by_owner_rule_and_form(ready: CouponStore) -> None:
    """Customer 1 never gets the code of 12 or 21, nor one of another form."""
    ready.save(SalesRule(key="other", amount=10, needs_code=True))
    usual = Pattern.usual("CART")

    def issue(customer: int, key: str, rule: str = "welcome", **more: Any) -> Any:
        return ready.issue(rule, customer, key, reuse_unused=True, **{"pattern": usual, "source": "a", **more})

    theirs = [issue(12, "k12"), issue(21, "k21")]
    mine = issue(1, "k1")
    assert mine not in theirs
    assert issue(1, "k2") == mine
    assert issue(1, "k3", rule="other").code != mine.code
    assert issue(1, "k4", pattern=Pattern.usual("VIP")).code != mine.code
    assert issue(1, "k5", source="b").code != mine.code
    assert issue(1, "k6", bound=False).code != mine.code
    assert ready.issue("welcome", 1, "k7", pattern=usual, source="a").code != mine.code
    ready.void([each.code for each in ready.codes() if each.customer == "1" and each.code != mine.code])
    ready.reserve("o", mine.code, 1)
    assert issue(1, "k8").code != mine.code


def test_a_reused_code_is_good_for_as_long_as_a_new_one(ready: CouponStore) -> None:
    def issue(key: str, days: int | None) -> Any:
        expires = None if days is None else timedelta(days=days)
        return ready.issue("welcome", 1, key, reuse_unused=True, expires=expires)

    short = issue("k1", 1)
    longer = issue("k2", 30)
    assert longer.code == short.code
    assert longer.expires > short.expires + timedelta(days=28)
    assert issue("k3", 2).expires == longer.expires
    assert issue("k4", None).expires is None
    assert issue("k5", 3) == attrs.evolve(short, expires=None)
    moment = datetime.now(UTC) + timedelta(days=90)
    dated = ready.issue("welcome", 2, "k6", expires=moment)
    again = ready.issue("welcome", 2, "k7", expires=moment + timedelta(days=1), reuse_unused=True)
    assert (again.code, again.expires) == (dated.code, moment + timedelta(days=1))


def test_an_expired_code_is_not_reused(ready: CouponStore) -> None:
    old = ready.issue("welcome", 1, "k1", expires=datetime.now(UTC) - timedelta(seconds=1))
    assert ready.issue("welcome", 1, "k2", reuse_unused=True).code != old.code


def test_changing_a_rule_changes_no_code(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k", expires=timedelta(days=3))
    ready.save(attrs.evolve(ready.get("welcome"), uses_per_coupon=5, ends=datetime(2099, 1, 1, tzinfo=UTC)))
    assert ready.find(code.code) == code
    assert ready.issue("welcome", 1, "k2").max_uses == 5


def test_the_legacy_form_is_bound_to_its_customer(ready: CouponStore) -> None:
    code = ready.issue("welcome", 12345, "k", pattern=Pattern.legacy("CART"), bound=False)
    assert code.code.startswith("CART12345")
    assert code.bound
    with pytest.raises(sr.SegrulesError, match="'a@b' cannot stand there: use a pattern without @"):
        ready.issue("welcome", "a@b", "k2", pattern=Pattern.legacy("CART"))


def test_codes_of_ones_own_choice(ready: CouponStore) -> None:
    code = ready.choose_code("welcome", "summer-25", max_uses=100, expires=timedelta(days=1))
    assert (code.code, code.max_uses, code.bound, code.batch) == ("SUMMER25", 100, False, None)
    assert ready.choose_code("welcome", "FOR-ANNA", customer=1).bound
    with pytest.raises(sr.SegrulesError, match='there is a code "SUMMER25" already'):
        ready.choose_code("welcome", "SUMMER 25")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.issue("nothing", 1, "k"), 'there is no sales rule "nothing"'),
        (lambda s: s.issue("auto", 1, "k"), 'the sales rule "auto" applies without a code: set needs_code'),
        (lambda s: s.issue("off", 1, "k"), 'the sales rule "off" is switched off, so no codes are made for it'),
        (lambda s: s.issue("welcome", 1, "k", expires=timedelta(0)), "a code that expires in 0:00:00 would never be"),
        (lambda s: s.issue("welcome", 1, "k", expires=datetime(2025, 1, 1)), "expires must have a time zone"),
        (lambda s: s.issue("welcome", 1, "k", pattern="A-####"), "which is too few for 10,000,000 that are live"),
        (lambda s: s.issue("welcome", "", "k"), "customer: '' is none; give a whole number, a UUID or 1 to 191"),
        (lambda s: s.issue("welcome", 1.5, "k"), "customer: 1.5 is none"),
        (lambda s: s.issue("welcome", 1, "k" * 192), "issue key: 'kkk"),
        (lambda s: s.issue("welcome", 1, "k", source="a\nb"), "source: 'a\\nb' is none"),
        (lambda s: s.choose_code("welcome", "AB"), "'AB' cannot be a code: use 4 to 64 letters and digits"),
        (lambda s: s.choose_code("welcome", "ÄÖÜß"), "cannot be a code"),
        (lambda s: s.codes(rule="nothing").__next__(), 'there is no sales rule "nothing"'),
        (lambda s: s.codes(batch="nothing").__next__(), 'there is no batch "nothing"'),
    ],
)
def test_refused(lite: CouponStore, call: Callable[[CouponStore], Any], message: str) -> None:
    lite.save_all(
        [
            SalesRule(key="welcome", amount=10, needs_code=True),
            SalesRule(key="auto", amount=10),
            SalesRule(key="off", amount=10, needs_code=True, active=False),
        ]
    )
    with pytest.raises(sr.SegrulesError) as error:
        call(lite)
    assert message in str(error.value)


def test_an_issue_key_has_one_owner(ready: CouponStore) -> None:
    ready.issue("welcome", 1, "k")
    with pytest.raises(sr.SegrulesError, match='the issue key "k" belongs to another customer'):
        ready.issue("welcome", 2, "k")


def test_patterns_that_would_be_confused(ready: CouponStore) -> None:
    ready.issue("welcome", 1, "k", pattern="CART-############?")
    with pytest.raises(sr.SegrulesError, match='could be taken for mistyped ones of "CART-############\\?"'):
        ready.issue("welcome", 1, "k2", pattern="CAR-##############")
    with pytest.raises(sr.SegrulesError, match="this code would look like a mistyped one"):
        ready.choose_code("welcome", "CART" + "2" * 12 + "3")
    ready.choose_code("welcome", "ZZ" + "2" * 12 + "3")
    with pytest.raises(sr.SegrulesError, match="the code …2223 that somebody chose would look like a mistyped one"):
        ready.issue("welcome", 1, "k3", pattern="ZZ-############?")


def test_codes_that_are_taken_are_tried_again(ready: CouponStore) -> None:
    """In a space of four codes all four are made, then there is a clear end."""
    roomy = CouponStore(ready.engine, ready.shop, limits=Limits(personal=1, density=1))  # type: ignore[arg-type]
    four = Pattern("TINY-##", "23")
    made: set[str] = set()

    def issue(number: int) -> None:
        made.add(roomy.issue("welcome", 1, f"k{number}", pattern=four).code)

    with pytest.raises(sr.SegrulesError, match='"TINY-##" has no codes left that are not taken; write more #'):
        list(map(issue, range(5)))
    assert made <= {"TINY-22", "TINY-23", "TINY-32", "TINY-33"}
    assert len(made) >= 3


def test_codes_are_compared_byte_by_byte(ready: CouponStore) -> None:
    ready.choose_code("welcome", "ABCDE")
    with ready.engine.begin() as connection:
        table = ready.tables.coupons
        assert connection.scalars(sa.select(table.c.code).where(table.c.code == "abcde")).all() == []
        assert connection.scalars(sa.select(table.c.code).where(table.c.code == "ABCDE ")).all() == []
