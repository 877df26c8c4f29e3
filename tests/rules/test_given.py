"""What is given with an evaluation: parameters, websites, segments, the moment and the time zone."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.testing.writing import insert

from .filling import Numbers, filled

NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)
SHOP = sr.Shop.default()


def customer(**data: Any) -> sr.Customer:
    return sr.Customer.from_mapping(filled(data, Numbers(1)))


def matches(rule: str, who: sr.Customer, **given: Any) -> bool:
    return sr.parse(rule).predicate(SHOP, at=NOW, **given)(who)


# --- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("lifetime.sales >= :p", 10, True),
        ("lifetime.sales >= :p", Decimal("10.000001"), False),
        ("lifetime.sales in :p", [9, 10], True),
        ("lifetime.sales in :p", [], False),
        ("lifetime.sales not in :p", [], True),
        ("lifetime.average_order in :p", [10, None], True),
        ("lifetime.sales = :p", None, False),
        ("lifetime.sales != :p", None, True),
        ("customer.first_name = :p", "ANN", True),
        ("customer.first_name contains :p", "", True),
        ("order.coupon_code = :p", "x", False),
        ("order.status is :p", "Complete", True),
        ("customer.group in :p", ["a", "retail"], True),
        ("customer.created_at on :p", date(2025, 1, 1), True),
        ("customer.created_at < :p", datetime(2025, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), False),
        ("customer.created_at < :p", datetime(2025, 1, 1, 3, tzinfo=timezone(timedelta(hours=2))), True),
        ("customer.birth_date = :p", date(1990, 7, 4), True),
        ("customer.birthday is :p", date(2030, 7, 4), True),
        ("customer.days_since_registration > :p", 183, True),
        ("customer.days_since_registration > :p", 184, False),
        ("customer.days_until_birthday = :p", 0, True),
        ("any wishlist where (shared = :p)", True, True),
        ("customer.id in :p", [1, 2], True),
        ("any order_item where (category is :p)", "alpha", True),
        ("5% of lifetime.sales = :p", Decimal("0.5"), True),
    ],
)
def test_parameters_take_the_type_of_what_stands_opposite(rule: str, value: Any, expected: bool) -> None:
    who = customer(
        first_name="Ann",
        group="retail",
        created_at="2025-01-01T00:00:00",
        birth_date="1990-07-04",
        wishlists=[{"shared": True}],
        orders=[{"grand_total": 10, "coupon_code": "X", "items": [{"categories": [{"code": "a", "name": "Alpha"}]}]}],
    )
    assert matches(rule, who, parameters={"p": value}) is expected


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        ("lifetime.sales > :p", {}, r"the rule needs :p: give parameters=\{'p': …\}"),
        ("lifetime.sales > :p", {"p": 1, "q": 2}, "the rule has no parameter :q; it has :p"),
        ("lifetime.sales > 1", {"q": 2}, "the rule has no parameter :q; it has none"),
        ("lifetime.sales > :p", {"p": 1.5}, r":p stands for a number \(int or Decimal\); 1.5 is a float"),
        ("lifetime.sales > :p", {"p": "1"}, r":p stands for a number .*; '1' is a str"),
        ("lifetime.sales > :p", {"p": True}, ":p stands for a number"),
        ("lifetime.sales > :p", {"p": Decimal("1e15")}, ":p may have 15 digits before the point and 6 after it"),
        ("lifetime.sales > :p", {"p": Decimal("0.0000001")}, ":p may have 15 digits"),
        ("lifetime.sales > :p", {"p": Decimal("NaN")}, ":p may have 15 digits"),
        ("lifetime.sales in :p", {"p": 5}, ":p is compared with a list; give a list, not 5"),
        ("customer.email = :p", {"p": 5}, r":p stands for text \(str\); 5 is an int"),
        ("customer.email = :p", {"p": "a\0"}, ":p holds a character that no database can keep"),
        ("order.status is :p", {"p": "shipped"}, ":p is 'shipped'; it can be pending, processing"),
        ("customer.created_at > :p", {"p": "2025-01-01"}, r":p stands for a moment \(datetime, or date"),
        ("customer.birth_date > :p", {"p": NOW}, r":p stands for a day \(date\)"),
        ("customer.id = :p", {"p": "1"}, r":p stands for an id \(int\)"),
        ("any wishlist where (shared = :p)", {"p": 1}, r":p stands for yes or no \(bool\)"),
    ],
)
def test_parameters_that_do_not_fit(rule: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(sr.ParameterError, match=message):
        sr.parse(rule).predicate(SHOP, at=NOW, parameters=given)


# --- websites --------------------------------------------------------------------------------------


@pytest.fixture
def two_websites() -> tuple[sr.Shop, list[sr.Customer], sa.Engine]:
    shop = sr.Shop.default()
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sr.prepare(engine)
    shop.create_tables(engine)
    order_here, order_there = {"website": "here", "grand_total": 10}, {"website": "there", "grand_total": 100}
    rows = [
        {"website": "here", "orders": [order_here, order_there]},
        {"website": "there", "orders": [order_here]},
        {"website": None, "orders": [order_here]},
        {"website": "here", "orders": [], "product_views": [{"sku": "S", "price": 1}]},
    ]
    customers = [sr.Customer.from_mapping(filled(row, Numbers(place))) for place, row in enumerate(rows, start=1)]
    with engine.begin() as connection:
        insert(connection, shop, customers)
    return shop, customers, engine


@pytest.mark.parametrize(
    ("rule", "website", "expected"),
    [
        ("true", None, {1, 2, 3, 4}),
        ("true", "here", {1, 4}),
        ("true", ["here", "there"], {1, 2, 4}),
        ("true", [], set()),
        ("true", "nowhere", set()),
        ("lifetime.sales = 110", None, {1}),
        ("lifetime.sales = 10", "here", {1}),
        ("lifetime.orders = 0", "there", {2}),
        ("any order_item", "here", set()),
        ("product_view.price = 1", "here", {4}),
        ("not true", "here", set()),
        ("no order", "here", {4}),
    ],
)
def test_a_website_scopes_customers_orders_and_carts(
    two_websites: tuple[sr.Shop, list[sr.Customer], sa.Engine], rule: str, website: Any, expected: set[int]
) -> None:
    shop, customers, engine = two_websites
    parsed = sr.parse(rule)
    judge = parsed.predicate(shop, at=NOW, website=website)
    assert {each["id"] for each in customers if judge(each)} == expected
    with engine.connect() as connection:
        assert set(connection.scalars(parsed.select(shop, engine.dialect, at=NOW, website=website))) == expected
        assert parsed.count(connection, shop, at=NOW, website=website) == len(expected)


# --- segments --------------------------------------------------------------------------------------


def test_a_live_segment_is_its_rule() -> None:
    rule = 'in segment "buyer" and not in segment "big"'
    segments = {"buyer": sr.parse("any order"), "big": sr.parse('in segment "buyer" and lifetime.sales > 5')}
    assert matches(rule, customer(orders=[{"grand_total": 5}]), segments=segments)
    assert not matches(rule, customer(orders=[{"grand_total": 6}]), segments=segments)
    assert sr.parse(rule).segments == {"buyer", "big"}


def test_segments_that_come_back_to_themselves_are_shown_as_a_circle() -> None:
    segments = {"a": sr.parse('in segment "b"'), "b": sr.parse('not in segment "a"')}
    with pytest.raises(sr.SegmentError, match='circle: "a" -> "b" -> "a"'):
        sr.parse('in segment "a"').predicate(SHOP, segments=segments)


def test_a_segment_that_was_not_given_is_an_error_in_sql() -> None:
    with pytest.raises(sr.SegmentError, match='there is no segment "VIP"; known are other: give it in segments='):
        sr.parse('in segment "VIP"').select(SHOP, "sqlite", segments={"other": sr.parse("true")})


# --- the clock -------------------------------------------------------------------------------------


def test_the_moment_must_have_a_time_zone() -> None:
    with pytest.raises(ValueError, match="must have a time zone"):
        sr.parse("true").predicate(SHOP, at=datetime(2025, 1, 1))


def test_days_are_those_of_the_shop_or_of_the_zone_that_is_given() -> None:
    who = customer(created_at="2025-07-03T22:30:00")
    rule = sr.parse("customer.created_at is today")
    assert not rule.predicate(SHOP, at=NOW)(who)
    assert rule.predicate(SHOP, at=NOW, timezone="Europe/Rome")(who)
    assert rule.predicate(sr.Shop.default(timezone="Europe/Rome"), at=NOW)(who)
    with pytest.raises(sr.ShopError, match='there is no time zone "Rome"'):
        rule.predicate(SHOP, timezone="Rome")


def test_what_can_be_read_only_once_is_read_once_by_every_verb() -> None:
    rule = sr.parse("lifetime.sales in :p and count(order where (grand_total in :p)) = 1")
    who = customer(website="it", orders=[{"grand_total": 9, "website": "it"}])

    def given() -> dict[str, Any]:
        return {"at": NOW, "parameters": {"p": iter([8, 9])}, "website": iter(["it", "de"])}

    assert rule.predicate(SHOP, **given())(who)
    assert rule.explain(who, SHOP, **given())
    assert rule.bound(SHOP, **given()) == rule.bound(SHOP, at=NOW, parameters={"p": [8, 9]}, website=["it", "de"])
    assert rule.next_change_for(who, SHOP, **given()) is None
    rules = sr.RuleSet({"one": rule, "two": rule}, SHOP, parameters=given()["parameters"], website=given()["website"])
    assert set(rules.matching(who, at=NOW)) == {"one", "two"}


def test_what_is_no_website_is_told_by_rules_and_sets_alike() -> None:
    with pytest.raises(sr.EvaluationError, match="a website is named by its code; 1 is none"):
        sr.parse("true").predicate(SHOP, website=[1])  # type: ignore[list-item]
    with pytest.raises(sr.EvaluationError, match="a website is named by its code; 1 is none"):
        sr.RuleSet({"all": sr.parse("true")}, SHOP, website=[1])  # type: ignore[list-item]


def test_an_unknown_dialect_is_told() -> None:
    with pytest.raises(sr.BackendError, match='there is no dialect "oracle"; there are sqlite'):
        sr.parse("true").select(SHOP, "oracle")


def test_a_shop_without_a_word_or_field_says_so() -> None:
    smaller = sr.Shop.default(vocabulary=sr.Vocabulary.installed().extended(without=["cart"]))
    with pytest.raises(sr.EvaluationError, match='this shop has no condition type "cart"; it has customer'):
        sr.parse("any cart").predicate(smaller)


def test_what_a_rule_needs_is_loaded_and_nothing_else(
    two_websites: tuple[sr.Shop, list[sr.Customer], sa.Engine],
) -> None:
    shop, _, engine = two_websites
    rule = sr.parse("lifetime.sales > 5 and any order where (count(items) = 0)")
    with engine.connect() as connection:
        loaded = sr.Customer.load(connection, shop, 1, needs=rule)
        assert set(loaded) == {"id", "is_active", "website", "orders"}
        assert set(loaded["orders"][0]) == {"id", "status", "grand_total", "website", "items"}
        everything = sr.Customer.load(connection, shop, 4)
        assert everything["product_views"][0]["sku"] == "S"
        with pytest.raises(sr.EvaluationError, match="there is no customer 99"):
            sr.Customer.load(connection, shop, 99, needs=rule)
        with pytest.raises(sr.EvaluationError, match="there is no customer 99"):
            rule.explain(99, shop, connection=connection, at=NOW)


def test_both_readers_explain_alike(two_websites: tuple[sr.Shop, list[sr.Customer], sa.Engine]) -> None:
    shop, customers, engine = two_websites
    rule = sr.parse(
        """lifetime.average_order > 50 and any of (order.grand_total between 10 and 20, customer.email is set,
        not customer.days_until_birthday < 3) and at least 2 orders where (status is complete)"""
    )
    with engine.connect() as connection:
        for each in customers:
            in_memory = rule.explain(each, shop, at=NOW)
            assert str(in_memory) == str(rule.explain(each["id"], shop, connection=connection, at=NOW))
            assert bool(in_memory) == rule.predicate(shop, at=NOW)(each)


# --- what leads nowhere ----------------------------------------------------------------------------


def test_a_parameter_that_can_be_read_once_is_the_same_everywhere() -> None:
    rule = "customer.id in :p and not customer.id not in :p"
    assert matches(rule, customer(), parameters={"p": (each for each in (1, 2))})


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        ("customer.id = :p", {"parameters": {"p": 2**63}}, ":p is 9223372036854775808; an id has 64 bits"),
        ("address.country is :p", {"parameters": {"p": "Germany"}}, "'Germany' is none: write 'DE'"),
        ("address.country in :p", {"parameters": {"p": ["de"]}}, "'de' is none"),
        ("true", {"website": 5 * "a" + "\0"}, "a website is named by its code"),
        ("true", {"website": [5]}, "a website is named by its code; 5 is none"),
        ('not in segment "Typo"', {"segments": {"VIP": sr.parse("true")}}, 'there is no segment "Typo"; known are VIP'),
        ('in segment "A"', {"segments": {"A": "true"}}, 'segment "A" is given as text'),
        ('in segment "A"', {"segments": {"A": sr.parse("customer.id = :x")}}, 'the rule of segment "A" has :x'),
        ("true", {"at": datetime.max.replace(tzinfo=UTC)}, "must lie between the years 1000 and 9998"),
        ("true", {"at": "2025"}, "is a datetime; '2025' is none"),
    ],
)
def test_what_cannot_be_meant_is_told(rule: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(sr.EvaluationError, match=message):
        sr.parse(rule).predicate(SHOP, **{"at": NOW, **given})


def test_live_segments_are_put_in_place_to_a_limit() -> None:
    chain = {str(number): sr.parse(f'in segment "{number + 1}"') for number in range(40)} | {"40": sr.parse("true")}
    assert matches('in segment "10"', customer(), segments=chain)
    with pytest.raises(sr.SegmentError, match="through 32 others; store some of them"):
        matches('in segment "0"', customer(), segments=chain)


def test_a_long_line_is_shown_around_the_mistake() -> None:
    with pytest.raises(sr.RuleError) as caught:
        sr.parse(" and ".join(["lifetime.sales > 1"] * 500 + ["lifetime.sale > 1"] + ["lifetime.orders > 1"] * 500))
    lines = str(caught.value).splitlines()
    assert max(map(len, lines)) < 260
    assert lines[2][lines[3].index("^") :].startswith("lifetime.sale ")


def test_an_attribute_that_a_column_cannot_hold_is_refused() -> None:
    from segrules.condition import NameOrCode

    with pytest.raises(sr.ShopError, match='the attribute "area" cannot be a name or code'):
        sr.Shop.default(customer_attributes={"area": NameOrCode("Where.", code="area_code")})
