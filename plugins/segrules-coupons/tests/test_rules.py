"""Sales rules as they are stored, and prices with what the database knows."""

import datetime as dt
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
import segrules as sr
import sqlalchemy as sa

from segrules_coupons import (
    CartError,
    CouponError,
    CouponStore,
    Limits,
    Reason,
    SalesRule,
    SalesRuleConflictError,
    SalesRuleError,
    TooManyAttemptsError,
)

CART = {"currency": "EUR", "shipping": "4.90", "items": [{"sku": "A", "price": "10", "qty": 2}]}
NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)

FULL = SalesRule(
    key="summer",
    name="Sommer \U0001f31e",
    description="Zwei\nZeilen",
    active=False,
    condition="cart.subtotal   >=  50",
    items='sku is "A"',
    action="item_fixed",
    amount="2.5",
    currency="EUR",
    free_shipping=True,
    max_discount="99999999999.99",
    min_subtotal=20,
    starts=datetime(2025, 6, 1, 0, 0, 0, 1, tzinfo=UTC),
    ends=datetime(2025, 9, 1, tzinfo=UTC),
    priority=-3,
    stop_further=True,
    stack_group="season",
    needs_code=True,
    uses_total=1000,
    uses_per_coupon=None,
    uses_per_customer=2,
    gives_back=False,
)


def test_a_rule_comes_back_as_it_was_saved(store: CouponStore) -> None:
    saved = store.save(FULL)
    assert saved == store.get("summer") == attrs.evolve(FULL, condition="cart.subtotal >= 50")
    assert (saved.version, saved.used) == (1, 0)
    more = SalesRule(key="b2g1", action="buy_x_get_y", buy=2, get=1, priority=5)
    assert store.save(more) == more
    assert [each.key for each in store.list()] == ["b2g1", "summer"]
    store.delete("b2g1")
    assert [each.key for each in store.list()] == ["summer"]


def test_days_are_those_of_the_shop(store: CouponStore) -> None:
    saved = store.save(SalesRule(key="a", amount=5, starts=date(2025, 7, 1), ends=date(2025, 7, 31)))
    assert saved.starts == datetime(2025, 6, 30, 22, tzinfo=UTC)
    assert saved.ends == datetime(2025, 7, 31, 22, tzinfo=UTC)

    def reason(at: datetime) -> Reason:
        return store.price(CART, at=at).verdicts[0].reason

    assert reason(datetime(2025, 6, 30, 21, 59, 59, tzinfo=UTC)) is Reason.NOT_STARTED
    assert reason(datetime(2025, 6, 30, 22, tzinfo=UTC)) is Reason.APPLIED
    assert reason(datetime(2025, 7, 31, 21, 59, 59, tzinfo=UTC)) is Reason.APPLIED
    assert reason(datetime(2025, 7, 31, 22, tzinfo=UTC)) is Reason.ENDED


def test_somebody_else_was_faster(store: CouponStore) -> None:
    read = store.save(SalesRule(key="a", amount=5))
    store.save(attrs.evolve(read, amount=Decimal(6)))
    with pytest.raises(SalesRuleConflictError, match='"a" was read at version 1, and it is version 2: get it anew'):
        store.save(attrs.evolve(read, amount=Decimal(7)))
    with pytest.raises(SalesRuleConflictError, match="read at version 0, and it is version 2"):
        store.save(SalesRule(key="a", amount=5))
    store.delete("a")
    with pytest.raises(SalesRuleConflictError, match="not stored"):
        store.save(read)


def test_all_or_none(store: CouponStore) -> None:
    with pytest.raises(sr.RuleError):
        store.save_all([SalesRule(key="a", amount=5), SalesRule(key="b", amount=5, condition="nonsense")])
    assert list(store.list()) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"condition": "customer.shoe_size > 4"}, "--> a:1:1"),
        ({"condition": "cart.subtotal > :limit"}, "a: nobody gives :limit a value when a cart is priced"),
        ({"condition": 'in segment "Gold"'}, 'a: there is no segment "Gold" in the store of segments'),
        ({"items": 'sku is "A" and\ncolour is "red"'}, "--> a, items:2:1"),
        ({"items": "true) or (false"}, 'a: the items "true) or (false" are no single condition'),
    ],
)
def test_refused_when_saved(lite: CouponStore, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(sr.SegrulesError) as error:
        lite.save(SalesRule(key="a", amount=5, **fields))
    assert message in str(error.value)


def test_a_mistake_in_items_is_shown_in_its_own_text(lite: CouponStore) -> None:
    with pytest.raises(sr.RuleError) as error:
        lite.save(SalesRule(key="a", amount=5, items='category is "Coffee" and pryce > 5'))
    [diagnostic] = error.value.diagnostics
    assert diagnostic.source.text == 'category is "Coffee" and pryce > 5'
    assert diagnostic.source.text[diagnostic.span.start : diagnostic.span.end] == "pryce"
    assert diagnostic.suggestion is not None
    assert diagnostic.suggestion.text == "price"
    assert diagnostic.suggestion.span == diagnostic.span


def test_unknown_rules(lite: CouponStore) -> None:
    lite.save(SalesRule(key="Welcome", amount=5))
    with pytest.raises(SalesRuleError, match='there is no sales rule "welcom"; did you mean "Welcome"'):
        lite.get("welcom")
    with pytest.raises(SalesRuleError, match=r'there is no sales rule "zzz"$'):
        lite.delete("zzz")


def test_a_rule_with_codes_or_uses_stays(store: CouponStore) -> None:
    store.save_all([SalesRule(key="a", amount=5, needs_code=True), SalesRule(key="b", amount=5)])
    store.issue("a", 1, "k")
    store.reserve("o", [], rules=["b"])
    for key, what in (("a", "codes"), ("b", "uses")):
        with pytest.raises(SalesRuleError, match=f'"{key}" has {what}, so it stays: switch it off'):
            store.delete(key)


def test_a_segment_that_a_sales_rule_names_stays_as_it_is(store: CouponStore) -> None:
    assert store.segments is not None
    store.segments.save(sr.Segment(name='Gold "24"', rule="true"))
    store.save(SalesRule(key="b", amount=5, condition='not in segment "VIP" or cart.subtotal > 1'))
    store.save(
        SalesRule(key="a", amount=5, active=False, condition='any order where (status is complete) or in segment "VIP"')
    )
    store.save(SalesRule(key="c", amount=5, condition='customer.email is "in segment VIP"'))
    for change, what in ((lambda s: s.rename("VIP", "V"), "renamed"), (lambda s: s.delete("VIP"), "deleted")):
        with pytest.raises(sr.SegmentError) as refusal:
            change(store.segments)
        rules = 'the sales rule "a", the sales rule "b"'
        assert str(refusal.value) == f'the segment "VIP" cannot be {what}: it is used by {rules}; change that first'
    assert store.price(CART, {"id": 7, "segments": ["VIP"]}) is not None
    # One that cannot be read any more holds what its text may mean.
    with store.engine.begin() as connection:
        table = store.tables.rules
        connection.execute(sa.update(table).where(table.c.key == "b").values(condition='gone in segment "VIP"'))
    store.delete("a")
    with pytest.raises(sr.SegmentError, match='the sales rule "b"; change'):
        store.segments.rename("VIP", "V")
    with store.engine.begin() as connection:
        connection.execute(sa.delete(table).where(table.c.key == "b"))
    assert store.segments.rename("VIP", "V").name == "V"
    store.segments.rename("V", "VIP")
    store.segments.delete('Gold "24"')
    elsewhere = sr.SegmentStore(store.engine, store.shop, prefix="other-shop.")
    assert needing_of(elsewhere) == []


def needing_of(store: sr.SegmentStore) -> list[str]:
    from segrules_coupons.rules import needing

    with store.engine.connect() as connection:
        return needing(connection, sr.SegmentChange("x", None, store.shop, "other-shop."))


def test_a_store_without_segments(lite: CouponStore) -> None:
    without = CouponStore(lite.engine, lite.shop)
    with pytest.raises(SalesRuleError, match='it names the segment "VIP", and this store knows no segments'):
        without.save(SalesRule(key="a", amount=5, condition='in segment "VIP"'))


def test_a_prefix_is_a_name(lite: CouponStore) -> None:
    with pytest.raises(CouponError, match='"x; drop" cannot begin the names of tables'):
        CouponStore(lite.engine, prefix="x; drop")


def test_no_other_database() -> None:
    engine = sa.create_engine("duckdb://")
    with pytest.raises(sr.BackendError, match="coupons are kept in sqlite, postgresql, mariadb; duckdb is not"):
        CouponStore(engine).create_tables()


# --- prices ---


def test_customers_and_segments_come_from_the_database(store: CouponStore) -> None:
    store.save(SalesRule(key="vip", amount=50, condition='in segment "VIP" and customer.email is "C1@example.com"'))
    assert store.price(CART, 1, at=NOW).discount == 10
    assert store.price(CART, 2, at=NOW).discount == 0
    assert store.price(CART, at=NOW).discount == 0
    with pytest.raises(sr.EvaluationError, match="there is no customer 99"):
        store.price(CART, 99)


def test_customers_in_memory(lite: CouponStore) -> None:
    lite.save(SalesRule(key="vip", amount=50, condition='in segment "VIP" and lifetime.orders = 0'))
    assert lite.price(CART, {"id": 7, "segments": ["VIP"]}).discount == 10
    assert lite.price(CART, sr.Customer({"id": 7, "segments": ()})).discount == 0
    with pytest.raises(CartError, match=r"the customer: orders\[0\].grand_total: 1.5 is a float"):
        lite.price(CART, {"orders": [{"grand_total": 1.5}]})


def test_the_shops_own_carts_are_not_read(store: CouponStore) -> None:
    store.save(SalesRule(key="a", amount=5, condition='any cart_item where (sku is "A") and customer.id is set'))
    statements: list[str] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def listen(*arguments: Any) -> None:
        statements.append(arguments[2])

    try:
        assert store.price(CART, 1, at=NOW).applied
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", listen)
    assert not [each for each in statements if "cart" in each]
    assert len(statements) <= 3


def test_the_moment_has_a_zone(lite: CouponStore) -> None:
    with pytest.raises(CartError, match="the moment must have a time zone"):
        lite.price(CART, at=datetime(2025, 1, 1))


def test_a_changed_rule_counts_at_once(store: CouponStore) -> None:
    rule = store.save(SalesRule(key="a", amount=10))
    other = CouponStore(store.engine, store.shop)
    assert other.price(CART).discount == 2
    store.save(attrs.evolve(rule, condition="cart.subtotal > 100"))
    assert other.price(CART).discount == 0
    assert store.price(CART).discount == 0


def test_limits_in_prices(store: CouponStore) -> None:
    store.save_all(
        [
            SalesRule(key="total", amount=1, uses_total=1),
            SalesRule(key="each", amount=1, uses_per_customer=1),
        ]
    )

    def reasons(customer: int | None, **more: Any) -> list[Reason]:
        return [each.reason for each in store.price(CART, customer, **more).verdicts]

    assert reasons(1) == [Reason.APPLIED, Reason.APPLIED]
    assert reasons(None) == [Reason.NEEDS_CUSTOMER, Reason.APPLIED]
    store.reserve("o", [], 1, rules=["total", "each"])
    assert reasons(1) == [Reason.CUSTOMER_USED_UP, Reason.USED_UP]
    assert reasons(2) == [Reason.APPLIED, Reason.USED_UP]
    # what the order holds itself is not in its way
    assert reasons(1, order_ref="o") == [Reason.APPLIED, Reason.APPLIED]
    # and what is over, and only not given back yet, in nobody's
    with store.engine.begin() as connection:
        connection.execute(sa.update(store.tables.uses).values(reserved_until=datetime(2025, 1, 1)))
    assert reasons(1) == [Reason.APPLIED, Reason.APPLIED]


def test_codes_in_prices(store: CouponStore) -> None:
    store.save_all(
        [
            SalesRule(key="welcome", amount=10, needs_code=True, condition="cart.coupon_code is set"),
            SalesRule(key="other", amount=50, needs_code=True, min_subtotal=100, currency="EUR"),
        ]
    )
    mine = store.issue("welcome", 1, "k1")
    second = store.issue("welcome", 1, "k2")
    other = store.choose_code("other", "OTHER-1")
    chosen = store.choose_code("welcome", "EARLY-1", starts=datetime.now(UTC) + timedelta(hours=1))
    late = store.issue("welcome", 1, "k3", expires=datetime.now(UTC) - timedelta(hours=1))
    void = store.issue("welcome", 1, "k4")
    store.void([void.code])
    used = store.issue("welcome", 1, "k5", bound=False)
    store.reserve("o", used.code, 1)

    def told(code: str, customer: int | None = 1) -> tuple[Reason, str]:
        [verdict] = store.price(CART, customer, codes=[code]).codes
        return verdict.reason, verdict.public

    cannot = "This code cannot be used."
    assert told(mine.code.lower().replace("-", " ")) == (Reason.APPLIED, "The code has been applied.")
    assert told(mine.code, 2) == (Reason.CODE_OF_ANOTHER, cannot)
    assert told("NO-SUCH-CODE") == (Reason.CODE_UNKNOWN, cannot)
    assert told(chosen.code) == (Reason.CODE_NOT_STARTED, cannot)
    # the one who was given a code may know what is wrong with it, a stranger may not
    for code, reason, public in (
        (late, Reason.CODE_EXPIRED, "The code has expired."),
        (void, Reason.CODE_VOID, "The code has been withdrawn."),
        (used, Reason.CODE_USED_UP, "The code has been used."),
    ):
        assert told(code.code) == (reason, public)
        assert told(code.code, 2)[1] == told(code.code, None)[1] == cannot
    wrong = mine.code[:-1] + ("2" if mine.code[-1] != "2" else "3")
    assert told(wrong) == (Reason.CODE_MISTYPED, "There is a typing error in this code.")
    assert told("???") == (Reason.CODE_MISTYPED, "There is a typing error in this code.")
    assert told(other.code) == (Reason.MIN_SUBTOTAL, "This code needs a subtotal of 100.00 EUR or more.")

    both = store.price(CART, 1, codes=[second.code, mine.code, mine.code.lower()])
    assert sorted(each.reason.value for each in both.codes) == ["applied", "code_superfluous"]
    assert both == store.price(CART, 1, codes=[mine.code, second.code], at=both.at)
    assert both.discount == 2
    everything = store.price(CART, None, everything=True)
    assert {each.rule: each.reason for each in everything.verdicts} == {
        "welcome": Reason.NEEDS_CODE,
        "other": Reason.NEEDS_CODE,
    }


def test_a_typing_error_costs_no_look_up(store: CouponStore) -> None:
    store.save(SalesRule(key="welcome", amount=10, needs_code=True))
    code = store.issue("welcome", 1, "k").code
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    store.price(CART, codes=[wrong])
    statements: list[str] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def listen(*arguments: Any) -> None:
        statements.append(arguments[2])

    try:
        store.price(CART, codes=[wrong])
        assert not [each for each in statements if "FROM segrules_coupons" in each.replace("\n", " ")]
        store.price(CART, codes=[code])
        assert [each for each in statements if "FROM segrules_coupons" in each.replace("\n", " ")]
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", listen)


def test_too_many_codes(lite: CouponStore) -> None:
    with pytest.raises(CartError, match="a cart takes at most 20 codes; 21 were typed"):
        lite.price(CART, codes=["A"] * 21)
    with pytest.raises(CartError, match="7 is no code; give text"):
        lite.price(CART, codes=[7])  # type: ignore[list-item]


def test_the_limiter_is_asked_before_a_code_is_looked_up(lite: CouponStore) -> None:
    asked: list[str] = []

    def limiter(caller: str) -> bool:
        asked.append(caller)
        return len(asked) <= 2

    store = CouponStore(lite.engine, lite.shop, limiter=limiter, limits=Limits(codes=5))
    store.save(SalesRule(key="a", amount=10, needs_code=True))
    store.price(CART, codes=["CODE-1"])
    assert asked == []
    store.price(CART, codes=["CODE-1", "not a code!"], caller="203.0.113.7")
    with pytest.raises(TooManyAttemptsError, match="too many codes have been tried"):
        store.price(CART, codes=["CODE-2", "CODE-3"], caller="203.0.113.7")
    with pytest.raises(TooManyAttemptsError):
        store.reserve("o", "CODE-2", caller="203.0.113.7")
    assert asked == ["203.0.113.7"] * 4


def test_explained(store: CouponStore) -> None:
    store.save(SalesRule(key="a", amount=10, condition="cart.subtotal > 100 or customer.id = 1"))
    found = store.price(CART, 1, at=NOW)
    assert "✗ cart.subtotal > 100" in str(found.explain("a"))
    with pytest.raises(SalesRuleError, match='no sales rule "b" was looked at for this cart'):
        found.explain("b")


def test_moments_are_utc_in_every_zone(store: CouponStore) -> None:
    east = dt.timezone(timedelta(hours=9))
    saved = store.save(SalesRule(key="a", amount=5, ends=datetime(2025, 7, 5, tzinfo=east)))
    assert saved.ends == datetime(2025, 7, 4, 15, tzinfo=UTC)
