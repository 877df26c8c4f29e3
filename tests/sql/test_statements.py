"""What a statement looks like: values bound, identifiers quoted, cached, and nothing read for an impossible rule."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from segrules import sql
from segrules.algebra import CUSTOMER, Compare, Const, Field, Kind, Op, all_of
from segrules.condition import Scope, number
from segrules.conditions import newsletter
from segrules.conditions.order import valid
from segrules.shop.default import DefaultTables, default_mapping, default_tables

me = Scope()
_sales, _orders = me.total("orders", "grand_total", valid), me.count("orders", valid)
SALES = Compare(Op.GT, _sales, number("1234.5"), Kind.NUMBER)
ORDERS = Compare(Op.GT, _orders, number(12345), Kind.NUMBER)
STATUS = Compare(Op.EQ, newsletter.status(me), Const("subscribed", Kind.CHOICE), Kind.CHOICE)
IMPOSSIBLE = all_of(SALES, Compare(Op.LT, _sales, number(950), Kind.NUMBER))


def of_email(mail: str) -> Compare:
    return Compare(Op.EQ, Field(CUSTOMER, "email", Kind.TEXT), Const(mail, Kind.TEXT), Kind.TEXT)


DIALECTS = ("sqlite", "postgresql", "mariadb", "duckdb")


@pytest.mark.parametrize("name", DIALECTS)
def test_every_value_is_bound(name: str, zone: Any) -> None:
    nasty = "x' OR 1=1 --\\"
    dialect = sql.dialect_of(name)
    rule = all_of(of_email(nasty), SALES, ORDERS, STATUS)
    statement = sql.select(rule, default_mapping(default_tables()), dialect, zone)
    text = str(statement.compile(dialect=dialect))
    for value in ("OR 1=1", "1234", "subscribed", "canceled"):
        assert value not in text.replace("newsletter_subscriptions", "")


@pytest.mark.parametrize("name", DIALECTS)
def test_an_impossible_rule_reads_nothing(name: str, zone: Any) -> None:
    plan = sql.plan(IMPOSSIBLE, default_mapping(default_tables()), sql.dialect_of(name), zone)
    assert "orders" not in str(plan.statement)
    assert "can never hold" in str(plan)


def test_names_are_quoted(zone: Any) -> None:
    tables = default_tables(prefix='odd "name" ')
    statement = sql.select(SALES, default_mapping(tables), sql.dialect_of("sqlite"), zone)
    assert '"odd ""name"" customers"' in str(statement.compile(dialect=sql.dialect_of("sqlite")))


def test_the_second_statement_comes_from_the_cache(engine: sa.Engine, shop: DefaultTables, zone: Any) -> None:
    mapping = default_mapping(shop)
    with engine.connect() as connection:
        hits = []
        for mail in ("a@b.c", "d@e.f"):
            rule = all_of(of_email(mail), SALES, ORDERS, STATUS)
            result = connection.execute(sql.select(rule, mapping, engine.dialect, zone))
            hits.append(result.context.cache_hit.name)
            result.close()
    assert hits[1] == "CACHE_HIT"


def test_given_customers_drive_every_part(zone: Any) -> None:
    ids, dialect = sa.select(sa.table("changed", sa.column("id")).c.id), sql.dialect_of("postgresql")
    statement = sql.select(all_of(SALES, STATUS), default_mapping(default_tables()), dialect, zone, among=ids)
    assert str(statement).count("SELECT changed.id") == 2
    assert "orders.customer_id IN (SELECT changed.id" in str(statement)


def test_totals_of_one_table_are_computed_in_one_pass(zone: Any) -> None:
    plan = sql.plan(all_of(SALES, ORDERS), default_mapping(default_tables()), sql.dialect_of("postgresql"), zone)
    assert str(plan.statement).count("FROM orders") == 1
    assert "2 total(s) in one grouped pass" in str(plan)
