"""Which shape a rule's statement gets by the form of its conditions; what it finds is compared elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules import sql

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
SHOP = sr.Shop.default()
ENGINES = ("sqlite", "postgresql", "mariadb", "duckdb")


def statement(rule: str, engine: str = "postgresql", at: datetime = AT) -> str:
    dialect: sa.Dialect = sql.dialect_of(engine)
    found = sr.parse(rule).select(SHOP, dialect, at=at)
    return str(found.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize("rule", ["max(order.grand_total) > 1000", "min(order.grand_total) <= 5"])
def test_a_largest_value_above_a_bound_is_the_existence_of_a_row(rule: str) -> None:
    text = statement(rule)
    assert "GROUP BY" not in text and "EXISTS" in text


@pytest.mark.parametrize(
    "rule", ["max(order.grand_total) < 1000", "min(order.grand_total) > 5", "max(order.grand_total) = 5"]
)
def test_a_largest_value_below_a_bound_is_not(rule: str) -> None:
    assert "GROUP BY" in statement(rule)


def test_what_could_exist_is_totalled_where_the_rows_are_read_anyway() -> None:
    text = statement("max(order.grand_total) > 1000 and sum(order.grand_total) > 5000")
    assert "EXISTS" not in text and text.count("FROM orders") == 1


@pytest.mark.parametrize(
    ("first", "second", "bounds"),
    [("in last year", "in this year", 2), ("in last 400 days", "in last year", 2), ("in last year", "in next year", 4)],
)
def test_stretches_that_touch_are_read_as_one(first: str, second: str, bounds: int) -> None:
    text = statement(
        f"sum(order.grand_total where created_at {first}) > sum(order.grand_total where created_at {second})"
    )
    asked = text[text.index("WHERE") : text.index("GROUP BY")]
    assert asked.count("created_at") == bounds


def test_sqlite_reads_all_customers_for_a_condition_that_leaves_many() -> None:
    new, old = "customer.created_at after 2025-06-20", "customer.created_at after 2024-12-01"
    assert "likely" not in statement(new, "sqlite")
    assert "likely" in statement(old, "sqlite")
    assert "likely" not in statement(old, "sqlite", at=datetime(2024, 12, 5, tzinfo=UTC))
    assert all("likely" not in statement(old, engine) for engine in ENGINES[1:])


@pytest.mark.parametrize("engine", ENGINES)
def test_totals_of_a_part_of_the_customers(engine: str) -> None:
    of_a_part = "customer.group is wholesale and lifetime.sales > 1000"
    of_many = 'customer.group in ("wholesale", "general", "retailer") and lifetime.sales > 1000'
    asked = engine in ("sqlite", "mariadb")
    assert ("GROUP BY" in statement(of_a_part, engine)) is not asked
    assert "GROUP BY" in statement(of_many, engine)


def test_sqlite_lists_the_customers_of_the_one_thing_that_has_to_exist() -> None:
    coupon, new = "any order where (coupon_code is set)", "customer.days_since_registration < 30"
    lately = "any order where (created_at in last 30 days)"
    assert "EXISTS" not in statement(coupon, "sqlite")
    assert "EXISTS" in statement(f"{coupon} and {new}", "sqlite")
    assert "EXISTS" in statement(f"{coupon} and any product_view", "sqlite")
    assert "EXISTS" in statement(lately, "sqlite")


def test_what_is_plain_is_asked_of_a_picked_row_before_what_is_not() -> None:
    text = statement("last order has (coupon_code is set)", "mariadb")
    assert text.index("coupon_code IS NOT NULL") < text.index("NOT EXISTS")
