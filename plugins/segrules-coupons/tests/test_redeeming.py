"""Uses of one order: reserved, confirmed, given back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
import segrules as sr
import sqlalchemy as sa

from segrules_coupons import CodeRefusedError, CouponStore, Reason, ReservationError, SalesRule
from segrules_coupons.redeeming import UseState

CART = {"currency": "EUR", "shipping": "4.90", "items": [{"sku": "A", "price": "10", "qty": 2}]}


@pytest.fixture
def ready(store: CouponStore) -> CouponStore:
    store.save_all(
        [
            SalesRule(key="welcome", amount=10, needs_code=True),
            SalesRule(key="second", amount=5, needs_code=True, gives_back=False),
            SalesRule(key="auto", amount=1, uses_total=2),
        ]
    )
    return store


def pass_time(store: CouponStore) -> None:
    """All that is reserved now should have been confirmed long ago."""
    uses = store.tables.uses
    with store.engine.begin() as connection:
        changed = sa.update(uses).where(uses.c.reserved_until.is_not(None))
        connection.execute(changed.values(reserved_until=datetime(2025, 1, 1)))


def used(store: CouponStore, code: str) -> int:
    found = store.find(code)
    assert found is not None
    return found.used


def states(store: CouponStore, order: str) -> dict[str, UseState]:
    return {each.rule: each.state for each in store.reservation(order).uses}


def test_a_quote_is_reserved_and_confirmed(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k")
    quote = ready.price(CART, 1, codes=[code.code])
    before = datetime.now(UTC)
    held = ready.reserve("order-1", quote)
    assert {each.rule: (each.code, each.discount) for each in held.uses} == {
        "welcome": (code.code, Decimal("1.98")),
        "auto": (None, Decimal("0.20")),
    }
    assert held.until is not None
    assert timedelta(minutes=29) < held.until - before < timedelta(minutes=31)
    assert ready.reserve("order-1", quote) == ready.reservation("order-1") == held
    assert used(ready, code.code) == 1
    assert ready.get("auto").used == ready.get("welcome").used == 1
    done = ready.confirm("order-1", revenue=Decimal("22.72"))
    assert {each.state for each in done.uses} == {UseState.CONFIRMED}
    assert done.until is None
    assert ready.confirm("order-1") == ready.reserve("order-1", quote) == done
    pass_time(ready)
    assert ready.reap() == 0


def test_released_uses_can_be_had_again(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("order-1", code, 1)
    with pytest.raises(CodeRefusedError) as error:
        ready.reserve("order-2", code, 1)
    assert error.value.reason is Reason.CODE_USED_UP
    assert error.value.public == "This code cannot be used."
    assert str(error.value) == f"the code …{code[-4:]} cannot be used: the code has been used"
    assert states(ready, "order-1") == {"welcome": UseState.RESERVED}
    ready.release("order-1")
    assert states(ready, "order-1") == {"welcome": UseState.RELEASED}
    assert ready.release("order-1") == ready.reservation("order-1")
    ready.reserve("order-2", code, 1)
    with pytest.raises(ReservationError, match='"order-1" cannot be confirmed: its use of "welcome" is released'):
        ready.confirm("order-1")
    ready.release("order-2")
    ready.reserve("order-1", code, 1)
    assert states(ready, "order-1") == {"welcome": UseState.RESERVED}


def test_cancelled_orders(ready: CouponStore) -> None:
    codes = [ready.issue(rule, 1, rule).code for rule in ("welcome", "second")]
    ready.reserve("order-1", codes, 1)
    ready.confirm("order-1")
    ready.release("order-1")
    assert states(ready, "order-1") == {"welcome": UseState.RELEASED, "second": UseState.CONFIRMED}
    assert [used(ready, code) for code in codes] == [0, 1]


def test_all_or_nothing(ready: CouponStore) -> None:
    good, taken = ready.issue("welcome", 1, "a").code, ready.issue("second", 1, "b").code
    ready.reserve("order-1", taken, 1)
    with pytest.raises(CodeRefusedError):
        ready.reserve("order-2", [good, taken], 1, rules=["auto"])
    assert used(ready, good) == 0
    assert ready.get("auto").used == ready.get("welcome").used == 0
    with pytest.raises(ReservationError, match='the order "order-2" has reserved nothing'):
        ready.reservation("order-2")


def test_time_over(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("order-1", code, 1)
    pass_time(ready)
    # nobody has taken it yet, so a late payment still gets it
    assert states(ready, "order-1") == {"welcome": UseState.RESERVED}
    ready.confirm("order-1")
    assert states(ready, "order-1") == {"welcome": UseState.CONFIRMED}
    ready.release("order-1")
    ready.reserve("order-1", code, 1)
    pass_time(ready)
    assert (ready.reap(), ready.reap()) == (1, 0)
    assert states(ready, "order-1") == {"welcome": UseState.EXPIRED}
    assert used(ready, code) == ready.get("welcome").used == 0
    with pytest.raises(ReservationError, match='its use of "welcome" is expired, and somebody else may have it by now'):
        ready.confirm("order-1")
    assert ready.reserve("order-1", code, 1).until is not None


def test_what_is_over_is_given_to_the_next_without_waiting_for_the_reaper(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("order-1", code, 1)
    ready.reserve("order-2", [], rules=["auto"])
    ready.reserve("order-3", [], rules=["auto"])
    with pytest.raises(CodeRefusedError, match='the sales rule "auto" cannot be used: all its uses are taken'):
        ready.reserve("order-4", [], rules=["auto"])
    pass_time(ready)
    ready.reserve("order-4", [code], 1, rules=["auto"])
    assert states(ready, "order-1") == {"welcome": UseState.EXPIRED}
    assert ready.get("auto").used == 1


def test_an_order_whose_time_is_over_reserves_anew(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("order-1", code, 1)
    pass_time(ready)
    again = ready.reserve("order-1", code, 1)
    assert again.until is not None
    assert again.until > datetime.now(UTC)
    assert used(ready, code) == 1


def test_slots_stay_without_gaps(ready: CouponStore) -> None:
    ready.choose_code("welcome", "MANY", max_uses=5)
    for n in range(5):
        ready.reserve(f"o{n}", "MANY")
    ready.release("o1")
    ready.release("o3")
    ready.reserve("o9", "MANY")
    uses = ready.tables.uses
    with ready.engine.connect() as connection:
        held = sa.select(uses.c.order_ref, uses.c.slot).where(uses.c.slot.is_not(None))
        slots = {row.order_ref: row.slot for row in connection.execute(held)}
    assert sorted(slots.values()) == [1, 2, 3, 4]
    assert set(slots) == {"o0", "o2", "o4", "o9"}


def test_the_database_itself_forbids_two_uses_of_one_slot(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("order-1", code, 1)
    uses = ready.tables.uses
    with ready.engine.connect() as connection:
        row = connection.execute(sa.select(uses)).one()._asdict()
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(sa.insert(uses).values({**row, "id": 999_999, "order_ref": "order-2"}))


def test_limits_of_customer_and_rule(ready: CouponStore) -> None:
    ready.save(
        SalesRule(key="each", amount=1, needs_code=True, uses_per_customer=2, uses_total=3, uses_per_coupon=None)
    )
    ready.choose_code("each", "EACH")
    ready.reserve("o1", "EACH", 1)
    ready.reserve("o2", "EACH", 1)
    for customer, order, reason in ((1, "o3", Reason.CUSTOMER_USED_UP), (None, "o4", Reason.NEEDS_CUSTOMER)):
        with pytest.raises(CodeRefusedError) as error:
            ready.reserve(order, "EACH", customer)
        assert error.value.reason is reason
    ready.reserve("o5", "EACH", 2)
    with pytest.raises(CodeRefusedError) as error:
        ready.reserve("o6", "EACH", 3)
    assert error.value.reason is Reason.USED_UP
    ready.release("o1")
    ready.reserve("o6", "EACH", 1)
    assert ready.get("each").used == 3


def test_limits_that_are_set_later_count_what_was_used_before(ready: CouponStore) -> None:
    ready.choose_code("welcome", "MANY")
    for n in range(3):
        ready.reserve(f"o{n}", "MANY", 1)
    ready.save(attrs.evolve(ready.get("welcome"), uses_per_customer=3))
    with pytest.raises(CodeRefusedError):
        ready.reserve("o3", "MANY", 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"active": False}, Reason.INACTIVE),
        ({"starts": datetime.now(UTC) + timedelta(hours=1)}, Reason.NOT_STARTED),
        ({"ends": datetime.now(UTC) - timedelta(hours=1)}, Reason.ENDED),
    ],
)
def test_the_rule_is_asked_by_the_clock_of_the_database(
    ready: CouponStore, change: dict[str, Any], reason: Reason
) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.save(attrs.evolve(ready.get("welcome"), **change))
    with pytest.raises(CodeRefusedError) as error:
        ready.reserve("o", code, 1)
    assert error.value.reason is reason


def test_the_code_is_asked_too(ready: CouponStore) -> None:
    def reason(code: str, customer: Any = 1) -> Reason:
        with pytest.raises(CodeRefusedError) as error:
            ready.reserve("o", code, customer)
        assert code[:-4] not in str(error.value)
        return error.value.reason

    code = ready.issue("welcome", 1, "k").code
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    assert reason(wrong) is Reason.CODE_MISTYPED
    assert reason("NO-SUCH-CODE") is Reason.CODE_UNKNOWN
    assert reason(code, 2) is reason(code, None) is Reason.CODE_OF_ANOTHER
    late = datetime.now(UTC) - timedelta(seconds=1)
    assert reason(ready.issue("welcome", 1, "k2", expires=late).code) is Reason.CODE_EXPIRED
    early = datetime.now(UTC) + timedelta(hours=1)
    assert reason(ready.choose_code("welcome", "EARLY", starts=early).code) is Reason.CODE_NOT_STARTED
    ready.void(code)
    assert reason(code) is Reason.CODE_VOID


def test_a_code_that_is_withdrawn_may_be_confirmed_where_it_is_held(ready: CouponStore) -> None:
    code = ready.issue("welcome", 1, "k").code
    ready.reserve("o", code, 1)
    ready.void(code)
    assert states(ready, "o") == {"welcome": UseState.RESERVED}
    ready.confirm("o")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.reserve("o", []), 'the order "o" wants to use nothing: give codes, rules or a quote'),
        (
            lambda s: s.reserve("o", "ONE", ttl=timedelta(0)),
            "for more than nothing and up to 30 days, 0:00:00, not 0:0",
        ),
        (lambda s: s.reserve("o", "ONE", ttl=timedelta(days=31)), "up to 30 days"),
        (lambda s: s.reserve("", "ONE"), "order: '' is none"),
        (lambda s: s.reserve("o", [], rules=["welcome"]), 'the sales rule "welcome" cannot be used: it needs a code'),
        (
            lambda s: s.reserve("o", ["ONE", "TWO"]),
            "the code …TWO cannot be used: another code brings in the same rule",
        ),
        (lambda s: s.reserve("o", [], rules=["nothing"]), 'there is no sales rule "nothing"'),
        (lambda s: s.confirm("nothing"), 'the order "nothing" has reserved nothing'),
        (lambda s: s.release("nothing"), 'the order "nothing" has reserved nothing'),
        (lambda s: (s.reserve("o", "ONE"), s.reserve("o", "TWO")), 'the order "o" holds other codes or rules; release'),
        (lambda s: s.reserve("o", s.price(CART, 1), 2), "the quote is for another customer; price the cart for this"),
        (lambda s: s.reserve("o", ["A"] * 21), "a cart takes at most 20 codes"),
    ],
)
def test_refused(lite: CouponStore, call: Callable[[CouponStore], Any], message: str) -> None:
    lite.save(SalesRule(key="welcome", amount=10, needs_code=True))
    for code in ("ONE1", "TWO1"):
        lite.choose_code("welcome", code)
    with lite.engine.begin() as connection:
        for code in ("ONE", "TWO"):
            table = lite.tables.coupons
            connection.execute(sa.update(table).where(table.c.code == f"{code}1").values(code=code))
    with pytest.raises(sr.SegrulesError) as error:
        call(lite)
    assert message in str(error.value)


def test_in_the_callers_transaction(ready: CouponStore) -> None:
    """Refused in the middle, only what the refusal began is undone."""
    code, taken = ready.issue("welcome", 1, "a").code, ready.issue("second", 1, "b").code
    ready.reserve("order-0", taken, 1)
    with ready.engine.begin() as connection:
        ready.reserve("order-1", code, 1, connection=connection)
        with pytest.raises(CodeRefusedError):
            ready.reserve("order-2", [taken], 1, rules=["auto"], connection=connection)
        ready.reserve("order-3", [], rules=["auto"], connection=connection)
    assert states(ready, "order-1") == {"welcome": UseState.RESERVED}
    assert ready.get("auto").used == 1
    with ready.engine.connect() as connection:
        ready.confirm("order-1", connection=connection)
        ready.release("order-3", connection=connection)
        connection.rollback()
    assert states(ready, "order-1") == {"welcome": UseState.RESERVED}
    assert ready.get("auto").used == 1


def test_many_reservations_are_over(ready: CouponStore) -> None:
    ready.choose_code("welcome", "MANY")
    ready.choose_code("second", "MORE")
    for n in range(24):
        ready.reserve(f"o{n}", ["MANY", "MORE"][n % 2], n)
    pass_time(ready)
    assert ready.reap() == 24
    assert used(ready, "MANY") == used(ready, "MORE") == ready.get("welcome").used == 0
