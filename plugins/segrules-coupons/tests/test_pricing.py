"""Prices and their reasons, without a database; what one has to say is in test_rules.py."""

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import segrules as sr
from hypothesis import given, settings
from hypothesis import strategies as st

from segrules_coupons import Action, Cart, CartError, Item, Quote, Reason, SalesRule, money
from segrules_coupons.judging import Conditions
from segrules_coupons.pricing import SENTENCES, Candidate, quote

SHOP = sr.Shop.default(timezone="Europe/Rome")
NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)


def priced(
    cart: Cart | dict[str, Any],
    rules: Sequence[SalesRule],
    customer: dict[str, Any] | None = None,
    at: datetime = NOW,
) -> Quote:
    cart = cart if isinstance(cart, Cart) else Cart.from_mapping(cart)
    judge = Conditions.of(rules, SHOP).judge(cart, customer or {}, at)
    return quote(cart, None, [Candidate(rule) for rule in rules], [], judge, at)


def cart(*lines: tuple[str, str | int], currency: str = "EUR", **more: Any) -> Cart:
    """Lines of price and quantity, with the skus A, B, C, …"""
    items = [Item(sku="ABCDEFGH"[place], price=price, qty=qty) for place, (price, qty) in enumerate(lines)]
    return Cart(items=items, currency=currency, **more)


def discounts(found: Quote) -> list[str]:
    return [str(line.discount) for line in found.lines]


# --- each action ---


def test_percent() -> None:
    found = priced(cart(("19.99", 3), ("5", 1)), [SalesRule(key="a", amount=10)])
    # 64.97 * 10% = 6.497, rounded once to 6.50; the lines have 5.997 and 0.50 of it
    assert found.discount == Decimal("6.50")
    assert discounts(found) == ["6.00", "0.50"]
    assert str(found.total) == "58.47"


def test_half_a_cent_goes_up() -> None:
    assert priced(cart(("0.05", 1)), [SalesRule(key="a", amount=10)]).discount == Decimal("0.01")
    assert priced(cart(("0.04", 1)), [SalesRule(key="a", amount=10)]).applied == ()


def test_one_rounding_for_all_lines() -> None:
    """Ten lines of 0.05 at 10% are 0.05 off together, and not 0.01 each."""
    found = priced(cart(*[("0.05", 1)] * 8), [SalesRule(key="a", amount=10)])
    assert found.discount == Decimal("0.04")
    assert discounts(found) == ["0.01"] * 4 + ["0.00"] * 4


def test_cart_fixed() -> None:
    rule = SalesRule(key="a", action=Action.CART_FIXED, amount=10, currency="EUR")
    assert discounts(priced(cart(("20", 1), ("5", 2)), [rule])) == ["6.67", "3.33"]
    found = priced(cart(("3", 1), ("4", 1)), [rule])
    assert (found.discount, found.total) == (Decimal(7), Decimal(0))


def test_item_fixed() -> None:
    rule = SalesRule(key="a", action=Action.ITEM_FIXED, amount="2.50", currency="EUR")
    assert discounts(priced(cart(("10", 3), ("1", 2), ("4", "1.5")), [rule])) == ["7.50", "2.00", "3.75"]


def test_buy_x_get_y() -> None:
    rule = SalesRule(key="a", action=Action.BUY_X_GET_Y, buy=2, get=1)
    assert discounts(priced(cart(("10", 1), ("5", 2), ("7", 3)), [rule])) == ["0.00", "10.00", "0.00"]
    assert discounts(priced(cart(("10", 2)), [rule])) == ["0.00"]
    assert discounts(priced(cart(("10", 3)), [rule])) == ["10.00"]
    half = SalesRule(key="a", action=Action.BUY_X_GET_Y, buy=1, get=1, amount=50)
    assert discounts(priced(cart(("10", 1), ("6", 1)), [half])) == ["0.00", "3.00"]


def test_buy_x_get_y_counts_whole_pieces_that_cost_something() -> None:
    rules = [
        SalesRule(key="gift", priority=9, amount=100, items='sku is "A"'),
        SalesRule(key="more", action=Action.BUY_X_GET_Y, buy=1, get=1),
    ]
    found = priced(cart(("1", 1), ("10", 1)), rules)
    assert [each.reason for each in found.verdicts] == [Reason.APPLIED, Reason.NOTHING_LEFT]
    assert discounts(priced(cart(("10", "1.9")), rules[1:])) == ["0.00"]


def test_free_shipping() -> None:
    rule = SalesRule(key="a", action=Action.FREE_SHIPPING)
    found = priced(cart(("10", 1), shipping="4.90"), [rule])
    assert (found.shipping_discount, found.total, found.free_shipping) == (Decimal("4.90"), Decimal(10), True)
    unknown = priced(cart(("10", 1)), [rule])
    assert (unknown.shipping_discount, unknown.total, unknown.free_shipping) == (0, 10, True)
    assert unknown.verdicts[0].applied
    twice = priced(cart(("10", 1), shipping="4.90"), [rule, SalesRule(key="b", action=Action.FREE_SHIPPING)])
    assert [each.reason for each in twice.verdicts] == [Reason.APPLIED, Reason.NOTHING_LEFT]


def test_a_discount_with_free_shipping() -> None:
    rule = SalesRule(key="a", amount=15, free_shipping=True, max_discount=5, currency="EUR")
    assert rule.offer == "15% off and free shipping"
    found = priced(cart(("20", 1), shipping="4.90"), [rule])
    assert (found.discount, found.shipping_discount, found.free_shipping) == (3, 2, False)
    assert priced(cart(("20", 1), shipping="1.90"), [rule]).free_shipping


def test_max_discount_is_shared_fairly() -> None:
    rule = SalesRule(key="a", amount=50, max_discount=10, currency="EUR")
    assert discounts(priced(cart(("30", 1), ("10", 1)), [rule])) == ["7.50", "2.50"]


@pytest.mark.parametrize(
    ("currency", "price", "total"), [("JPY", "333", "300"), ("KWD", "1.235", "1.111"), ("EUR", "1.23", "1.11")]
)
def test_currencies_with_other_decimals(currency: str, price: str, total: str) -> None:
    assert str(priced(cart((price, 1), currency=currency), [SalesRule(key="a", amount=10)]).total) == total


def test_prices_with_four_decimals_are_rounded_by_the_line() -> None:
    assert str(priced(cart(("0.3333", 3)), []).subtotal) == "1.00"


def test_items_narrow_a_discount() -> None:
    coffee = [{"code": "cof", "name": "Coffee"}]
    lines = [{"sku": "A", "price": 10, "categories": coffee}, {"sku": "B", "price": 10}]
    rule = SalesRule(key="a", amount=10, items='category is "coffee" and price < 20')
    assert discounts(priced({"currency": "EUR", "items": lines}, [rule])) == ["1.00", "0.00"]
    none = SalesRule(key="a", amount=10, items='sku is "Z"')
    found = priced({"currency": "EUR", "items": lines}, [none]).verdicts[0]
    assert found.reason is Reason.NOTHING_LEFT


# --- conditions ---


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("cart.subtotal >= 64.97", True),
        ("cart.subtotal > 64.97", False),
        ("cart.grand_total = 69.87", True),  # with shipping, before discounts
        ("cart.items_count = 2 and cart.items_qty = 4", True),
        ('any cart_item where (sku is "A" and qty >= 3)', True),
        ('no cart_item where (sku is "C")', True),
        ("sum(cart_item.row_total where price > 10) = 59.97", True),
        ('every cart_item where (sku in ("A", "B"))', True),
        ("cart.coupon_code is set", False),
        ("cart.applied_rules is set", False),
        ("cart.discount_amount = 0", True),
        ("cart.days_since_update = 0", True),
        ("count(cart) = 1", True),
        ("cart.store is de", True),
        ("cart.created_at before today", True),
        ("any cart where (count(item) = 2)", True),
    ],
)
def test_the_cart_in_conditions_is_the_one_being_priced(condition: str, holds: bool) -> None:
    bought = cart(("19.99", 3), ("5", 1), shipping="4.90", store="de", created_at=datetime(2025, 7, 1, tzinfo=UTC))
    assert bool(priced(bought, [SalesRule(key="a", amount=1, condition=condition)]).applied) is holds


def test_carts_of_before_do_not_count() -> None:
    old = {"carts": [{"id": 7, "status": "active", "subtotal": 500, "items": [{"id": 1, "sku": "OLD"}]}]}
    rule = SalesRule(key="a", amount=1, condition='cart.subtotal > 100 or any cart_item where (sku is "OLD")')
    assert not priced(cart(("1", 1)), [rule], old).applied


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True),
        ("lifetime.orders = 0", True),
        ('in segment "VIP"', False),
        ('not in segment "VIP"', True),
        ("customer.id is set", False),
        ("customer.group is not wholesale", True),
        ("customer.email is set", False),
        ("newsletter.status is subscribed", False),
        ("no order", True),
        ("cart.subtotal >= 1", True),
    ],
)
def test_a_guest_is_a_customer_of_whom_only_the_cart_is_known(condition: str, holds: bool) -> None:
    assert bool(priced(cart(("1", 1)), [SalesRule(key="a", amount=1, condition=condition)]).applied) is holds


# --- order, stacking, stopping ---


def test_highest_priority_first_each_on_what_is_left() -> None:
    rules = [
        SalesRule(key="b", amount=10),
        SalesRule(key="a", amount=50),
        SalesRule(key="first", priority=1, action=Action.CART_FIXED, amount=10, currency="EUR"),
    ]
    found = priced(cart(("110", 1)), rules)
    assert [(each.rule, str(each.discount)) for each in found.verdicts] == [
        ("first", "10.00"), ("a", "50.00"), ("b", "5.00"),
    ]  # fmt: skip


def test_stop_further() -> None:
    rules = [
        SalesRule(key="a", priority=3, amount=5, condition="false", stop_further=True),
        SalesRule(key="b", priority=2, amount=5, stop_further=True),
        SalesRule(key="c", priority=1, amount=5),
        SalesRule(key="d", priority=1, amount=5, condition="false"),
    ]
    found = priced(cart(("10", 1)), rules)
    assert [each.reason for each in found.verdicts] == [
        Reason.CONDITION, Reason.APPLIED, Reason.STOPPED, Reason.CONDITION,
    ]  # fmt: skip
    assert found.verdicts[2].message == 'the rule "b" lets no further ones apply'


def test_stack_groups() -> None:
    rules = [
        SalesRule(key="a", priority=3, amount=5, stack_group="sale", items='sku is "Z"'),
        SalesRule(key="b", priority=2, amount=5, stack_group="sale"),
        SalesRule(key="c", priority=1, amount=5, stack_group="sale"),
        SalesRule(key="d", priority=1, amount=5, stack_group="other"),
    ]
    found = priced(cart(("10", 1)), rules)
    assert [each.reason for each in found.verdicts] == [
        Reason.NOTHING_LEFT, Reason.APPLIED, Reason.STACK_GROUP, Reason.APPLIED,
    ]  # fmt: skip
    assert found.verdicts[2].message == 'the rule "b" of the same group applies already'


# --- reasons ---


def reason_of(rule: SalesRule, at: datetime = NOW, currency: str = "EUR") -> tuple[Reason, str]:
    [found] = priced(cart(("10", 1), currency=currency), [rule], at=at).verdicts
    return found.reason, found.message


def test_every_reason_of_a_rule() -> None:
    july = {"starts": datetime(2025, 7, 1, tzinfo=UTC), "ends": datetime(2025, 8, 1, tzinfo=UTC)}
    rule = SalesRule(key="a", amount=10, **july)  # type: ignore[arg-type]
    assert reason_of(rule, datetime(2025, 7, 1, tzinfo=UTC))[0] is Reason.APPLIED
    assert reason_of(rule, datetime(2025, 6, 30, 23, 59, 59, 999999, UTC)) == (
        Reason.NOT_STARTED, "it starts at 2025-07-01 00:00:00+00:00",
    )  # fmt: skip
    assert reason_of(rule, datetime(2025, 7, 31, 23, 59, 59, 999999, UTC))[0] is Reason.APPLIED
    assert reason_of(rule, datetime(2025, 8, 1, tzinfo=UTC)) == (
        Reason.ENDED, "it ended at 2025-08-01 00:00:00+00:00",
    )  # fmt: skip
    assert reason_of(SalesRule(key="a", amount=1, active=False)) == (Reason.INACTIVE, "it is switched off")
    euros = SalesRule(key="a", amount=1, currency="EUR", min_subtotal="10.01")
    assert reason_of(euros, currency="USD") == (Reason.CURRENCY, "it is in EUR, and the cart is not")
    assert reason_of(euros) == (Reason.MIN_SUBTOTAL, "it needs a subtotal of 10.01 EUR or more")
    assert reason_of(SalesRule(key="a", amount=1, currency="EUR", min_subtotal=10))[0] is Reason.APPLIED
    assert reason_of(SalesRule(key="a", amount=1, condition="false")) == (
        Reason.CONDITION, "its condition is not true: false",
    )  # fmt: skip
    assert reason_of(SalesRule(key="a", amount=1, items="false"))[1] == SENTENCES[Reason.NOTHING_LEFT]


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Reason) - {Reason.APPLIED}


def test_a_condition_that_means_nothing_any_more_stops_no_other() -> None:
    found = priced(
        cart(("10", 1)),
        [SalesRule(key="bad", amount=5, condition="customer.shoe_size > 40"), SalesRule(key="ok", amount=5)],
    )
    assert [each.reason for each in found.verdicts] == [Reason.BROKEN, Reason.APPLIED]
    assert "shoe_size" in found.verdicts[0].message


def test_the_price_as_text() -> None:
    rules = [
        SalesRule(key="ten", amount=10, priority=2),
        SalesRule(key="vip", amount=5, condition='in segment "VIP"'),
        SalesRule(key="ship", action=Action.FREE_SHIPPING),
    ]
    found = priced(cart(("19.99", 3), ("5", 1), shipping="4.90"), rules)
    assert str(found).splitlines() == [
        "subtotal 64.97 EUR",
        "  + ten: 10% off, -6.50 EUR",
        "  + ship: free shipping, -4.90 EUR shipping",
        '  - vip: its condition is not true: in segment "VIP"',
        "shipping 0.00 EUR",
        "total 58.47 EUR",
    ]
    assert "in segment" in str(found.explain("vip"))


def test_what_is_offered() -> None:
    def offer(**fields: Any) -> str:
        return SalesRule(key="a", **fields).offer

    assert offer(amount="15.0") == "15% off"
    assert offer(amount="12.5") == "12.5% off"
    assert offer(action="cart_fixed", amount="10.00", currency="EUR") == "10.00 EUR off"
    assert offer(action="item_fixed", amount=1, currency="USD") == "1.00 USD off each piece"
    assert offer(action="buy_x_get_y", buy=2, get=1) == "buy 2 get 1 free"
    assert offer(action="buy_x_get_y", buy=1, get=1, amount=50) == "buy 1 get 1 at 50% off"
    assert offer(action="free_shipping") == "free shipping"


# --- properties of money ---

AMOUNTS = st.decimals(0, 500, places=2, allow_nan=False)
LINES = st.lists(
    st.tuples(st.decimals(0, 300, places=4), st.sampled_from([Decimal(1), Decimal(2), Decimal(7), Decimal("0.35")])),
    max_size=6,
)


@st.composite
def sales_rules(draw: st.DrawFn) -> list[SalesRule]:
    found = []
    for place in range(draw(st.integers(1, 5))):
        action = draw(st.sampled_from(Action))
        fields: dict[str, Any] = {}
        match action:
            case Action.PERCENT:
                fields = {"amount": draw(st.decimals("0.01", 100, places=2))}
            case Action.CART_FIXED | Action.ITEM_FIXED:
                fields = {"amount": draw(st.decimals("0.01", 200, places=2))}
            case Action.BUY_X_GET_Y:
                fields = {"buy": draw(st.integers(1, 3)), "get": draw(st.integers(1, 3))}
            case Action.FREE_SHIPPING:
                pass
        if action is not Action.FREE_SHIPPING:
            fields["items"] = draw(st.sampled_from([None, 'sku in ("A", "C", "E")', "price > 20"]))
        found.append(
            SalesRule(
                key=f"r{place}",
                action=action,
                currency="EUR",
                priority=draw(st.integers(0, 2)),
                stop_further=draw(st.integers(0, 4)) == 0,
                stack_group=draw(st.sampled_from([None, None, "g"])),
                free_shipping=draw(st.booleans()),
                max_discount=draw(st.none() | st.decimals("0.01", 50, places=2)),
                min_subtotal=draw(st.none() | AMOUNTS),
                **fields,
            )
        )
    return found


@settings(max_examples=80, deadline=None)
@given(LINES, st.none() | AMOUNTS, sales_rules(), st.randoms(use_true_random=False))
def test_money_adds_up_and_is_never_below_zero(
    lines: list[tuple[Decimal, Decimal]], shipping: Decimal | None, rules: list[SalesRule], chance: random.Random
) -> None:
    items = [Item(id=f"line{n}", sku="ABCDEF"[n], price=price, qty=qty) for n, (price, qty) in enumerate(lines)]
    whole = Cart(items=items, currency="EUR", shipping=shipping)
    found = priced(whole, rules)
    for line in found.lines:
        assert 0 <= line.discount <= line.row_total
        assert line.total >= 0
        assert line.discount == line.discount.quantize(Decimal("0.01"))
    assert found.total >= 0
    assert 0 <= found.shipping_discount <= found.shipping
    assert found.discount == sum((each.discount for each in found.verdicts), Decimal(0))
    assert found.shipping_discount == sum((each.shipping_discount for each in found.verdicts), Decimal(0))
    assert found.total == found.subtotal - found.discount + found.shipping - found.shipping_discount
    for line in found.lines:
        assert line.discount == sum(each.lines.get(line.id, 0) for each in found.verdicts)
    for verdict in found.verdicts:
        rule = next(each for each in rules if each.key == verdict.rule)
        assert verdict.discount == sum(verdict.lines.values())
        if rule.max_discount is not None:
            assert verdict.discount + verdict.shipping_discount <= rule.max_discount
    # neither the order of the rules nor that of the lines decides anything
    rules, items = rules[:], items[:]
    chance.shuffle(rules)
    chance.shuffle(items)
    again = priced(Cart(items=items, currency="EUR", shipping=shipping), rules)
    assert again.verdicts == found.verdicts
    assert {line.id: line.discount for line in again.lines} == {line.id: line.discount for line in found.lines}


@given(
    st.lists(st.fractions(0, 1000, max_denominator=1000), max_size=12),
    st.none() | st.integers(0, 3000),
)
def test_shares_come_to_the_rounded_sum(shares: list[Fraction], highest: int | None) -> None:
    found = money.apportioned(shares, list(range(len(shares))), highest)
    exact = money.rounded(sum(shares, Fraction(0)))
    total = exact if highest is None else min(exact, highest)
    assert sum(found) == total
    for whole, share in zip(found, shares, strict=True):
        assert 0 <= whole <= -(-share.numerator // share.denominator)


def test_single_rules_by_hand() -> None:
    """Every action against plain arithmetic on small carts."""
    for first, second, amount in itertools.product(range(12), range(12), (1, 33, 50, 100)):
        found = priced(cart((f"0.{first:02}", 1), (f"0.{second:02}", 1)), [SalesRule(key="a", amount=amount)])
        assert found.discount == Decimal((2 * (first + second) * amount + 100) // 200) / 100


# --- what is refused ---


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": ""}, "'' cannot be the key of a sales rule: use 1 to 64 letters"),
        ({"key": "a b"}, "'a b' cannot be the key"),
        ({}, "a: the action percent needs an amount, in percent"),
        ({"amount": 101}, "a: the action percent takes an amount above 0 and up to 100 percent; this one is 101"),
        ({"amount": 0}, "takes an amount above 0"),
        ({"amount": 9.99}, "amount: 9.99 is not exact; write a Decimal"),
        ({"amount": "many"}, "'many' is no number"),
        ({"amount": -1}, "amount: -1 is no amount"),
        ({"amount": "NaN"}, "amount: NaN is no amount"),
        ({"action": "cart_fixed"}, "a: the action cart_fixed needs an amount above 0"),
        ({"action": "cart_fixed", "amount": 5}, "a: amount is an amount of money, so give the currency"),
        ({"amount": 5, "min_subtotal": 1}, "a: min_subtotal is an amount of money, so give the currency"),
        ({"amount": 5, "currency": "eur"}, "a: 'eur' is no currency; write three capitals like \"EUR\""),
        (
            {"action": "item_fixed", "amount": "1.5", "currency": "JPY"},
            "a: amount 1.5 has more than the 0 decimals of JPY",
        ),
        ({"amount": 5, "currency": "EUR", "max_discount": 0}, "nothing would ever be taken off"),
        ({"action": "free_shipping", "amount": 5}, "a: the action free_shipping takes no amount"),
        ({"action": "free_shipping", "items": "true"}, "takes no items; what must be in the cart belongs into"),
        ({"action": "buy_x_get_y", "buy": 1}, "a: the action buy_x_get_y needs buy and get"),
        ({"amount": 5, "get": 1}, "a: the action percent takes neither buy nor get"),
        ({"amount": 5, "uses_total": 0}, "uses_total: 0 is no count; write a whole number from 1, or None"),
        ({"amount": 5, "priority": 1.5}, "priority: 1.5 is no whole number"),
        ({"amount": 5, "starts": datetime(2025, 1, 1)}, "starts: 2025-01-01 00:00:00 has no time zone"),
        ({"amount": 5, "ends": "2025-01-01"}, "ends: '2025-01-01' is neither a moment nor a day"),
        ({"amount": 5, "starts": date(2025, 2, 1), "ends": date(2025, 1, 31)}, "a: it would end (2025-01-31) before"),
        ({"amount": 5, "starts": NOW, "ends": NOW}, "before it starts"),
        ({"amount": 5, "name": "two\nlines"}, "name is one line of at most 191 characters"),
    ],
)
def test_refused_rules(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(sr.SegrulesError) as error:
        SalesRule(**{"key": "a", **fields})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "[] is no cart; write a mapping with currency and items"),
        ({"items": []}, "the cart has no currency"),
        ({"currency": "EUR"}, "the cart has no items"),
        ({"currency": "EUR", "items": {}}, "items: write a list of lines"),
        ({"currency": "EUR", "items": [], "total": 1}, "total: a cart has no such field; there are items, currency"),
        ({"currency": "euro", "items": []}, "currency: 'euro' is no currency"),
        ({"currency": "EUR", "items": [{}]}, "items[0].price: it is missing"),
        ({"currency": "EUR", "items": [7]}, "items[0] 7 is no line; give an Item or a mapping"),
        ({"currency": "EUR", "items": [{"price": 1.5}]}, "items[0].price: 1.5 is a float, which is not exact"),
        ({"currency": "EUR", "items": [{"price": "x"}]}, "items[0].price: 'x' is no number"),
        ({"currency": "EUR", "items": [{"price": True}]}, "items[0].price: True is no number"),
        ({"currency": "EUR", "items": [{"price": -1}]}, "items[0].price: -1 cannot be; it must be 0 or more"),
        ({"currency": "EUR", "items": [{"price": "0.00001"}]}, "items[0].price: 0.00001 has more than 4 decimals"),
        ({"currency": "EUR", "items": [{"price": 1, "qty": 0}]}, "items[0].qty: a line of no pieces cannot be priced"),
        (
            {"currency": "EUR", "items": [{"price": 1, "row_total": "1.001"}]},
            "items[0].row_total: 1.001 has more than the 2 decimals of EUR",
        ),
        ({"currency": "EUR", "items": [], "shipping": "0.001"}, "shipping: 0.001 has more than the 2 decimals"),
        ({"currency": "EUR", "items": [{"price": 1, "id": 1}] * 2}, "items: two lines have the same id"),
        ({"currency": "EUR", "items": [{"price": 1}] * 10_001}, "items: a cart has at most 10,000 lines"),
        ({"currency": "EUR", "items": [], "created_at": "soon"}, "created_at: 'soon' is no moment"),
        (
            {"currency": "EUR", "items": [{"price": 1, "colour": "red"}]},
            "cart.items[0].colour: the vocabulary has no such name",
        ),
        ({"currency": "EUR", "items": [{"price": 1, "sku": 7}]}, "cart.items[0].sku: 7 is an int; write text"),
    ],
)
def test_refused_carts(data: Any, message: str) -> None:
    with pytest.raises(CartError) as error:
        priced(data, [])
    assert message in str(error.value)
