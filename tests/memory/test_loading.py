"""A customer is read from any database with just what the rules ask, in one statement for each entity."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.demo import DemoShop, loading, nested_customers
from segrules.demo.rules import PRACTICAL
from segrules.testing import BACKENDS, fresh_or_skipped

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
SHOP = sr.Shop.default(timezone="Europe/Rome")
DEMO = DemoShop(60, AT)


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: Any) -> Iterator[sa.Engine]:
    with fresh_or_skipped(request.param) as backend:
        loading.fill(backend.engine, SHOP, DEMO)
        yield backend.engine


def read(engine: sa.Engine, needs: Any) -> tuple[sr.Customer, list[str]]:
    """Customer 7 and the statements that it took."""
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    with engine.connect() as connection:
        sa.event.listen(connection, "before_cursor_execute", note)
        return sr.Customer.load(connection, SHOP, 7, needs), statements


def test_only_what_is_asked_is_read(engine: sa.Engine) -> None:
    rule = sr.parse("customer.group is vip and lifetime.sales > 100 and customer.email is set", SHOP)
    customer, statements = read(engine, rule)
    assert set(customer) == {"id", "group", "email", "is_active", "website", "orders"}
    assert all(set(order) == {"id", "status", "grand_total", "website"} for order in customer["orders"])
    assert len(statements) == 2
    assert "birth_date" not in "".join(statements)
    assert len(read(engine, sr.parse("customer.group is vip", SHOP))[1]) == 1


def test_a_set_of_rules_reads_everything_it_needs_once(engine: sa.Engine) -> None:
    rules = {each.name: sr.parse(each.text, SHOP) for each in PRACTICAL}
    together = sr.RuleSet(rules, SHOP)
    customer, statements = read(engine, together)
    assert len(statements) == len(set(statements)) <= 14
    with engine.connect() as connection:
        for loaded, nested in zip(
            sr.Customer.load_many(connection, SHOP, range(1, 61), together), nested_customers(DEMO), strict=True
        ):
            expected = [name for name, rule in rules.items() if rule.predicate(SHOP, at=AT, segments=rules)(nested)]
            assert list(together.matching(loaded, at=AT)) == expected
    assert customer["id"] == 7


def test_rules_that_are_meant_are_read_too(engine: sa.Engine) -> None:
    old = sr.parse("customer.created_at before 2020-01-01", SHOP)
    together = sr.RuleSet({"others": sr.parse('not in segment "old"', SHOP)}, SHOP, segments={"old": old})
    assert "created_at" in read(engine, together)[0]
