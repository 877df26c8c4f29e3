"""The statements that a bound rule becomes; every value in them is a bound parameter."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeDecorator

from segrules.algebra import Kind, Predicate, Term
from segrules.errors import BackendError
from segrules.shop.mapping import Mapping
from segrules.sql.depth import refuse_too_deep
from segrules.sql.engines import ENGINES
from segrules.sql.functions import engine_name
from segrules.sql.planner import Among, Plan, planned
from segrules.sql.values import Value
from segrules.sql.writer import Writer, answered

Members = AnyMapping[str, Any]


def dialect_of(dialect: sa.Dialect | str) -> sa.Dialect:
    """A dialect itself, or the one of a name: sqlite, postgresql, mariadb, mysql, duckdb."""
    if not isinstance(dialect, str):
        return dialect
    if engine_name(dialect) not in ENGINES:
        raise BackendError(f'there is no dialect "{dialect}"; there are {", ".join((*ENGINES, "mysql"))}')
    drivers = {"mariadb": "mariadb+pymysql", "mysql": "mariadb+pymysql"}
    return sa.make_url(f"{drivers.get(dialect, dialect)}://").get_dialect()()


def select(
    predicate: Predicate,
    mapping: Mapping,
    dialect: sa.Dialect,
    zone: ZoneInfo,
    members: Members | None = None,
    among: Among | None = None,
    now: datetime | None = None,
) -> sa.Select[Any]:
    """The ids of all customers for whom a bound predicate is true, as one SELECT.

    ``among``: only of those with these ids, a list or a SELECT of them; what it costs follows how many they are.
    ``now``: the moment of binding, by which it is judged how much a stretch of time leaves; the present by default.
    ``members`` gives a selectable of customer ids for each segment that the predicate names. Raises BackendError
    when the database cannot answer exactly, ShopError when the mapping lacks a field or relation.
    """
    return plan(predicate, mapping, dialect, zone, members, among, now).statement


def plan(
    predicate: Predicate,
    mapping: Mapping,
    dialect: sa.Dialect,
    zone: ZoneInfo,
    members: Members | None = None,
    among: Among | None = None,
    now: datetime | None = None,
) -> Plan:
    """The statement of ``select`` together with the reasons for its shape."""
    found = planned(predicate, Writer(mapping, dialect, zone, members, now), among)
    refuse_too_deep(found.statement, dialect)
    return found


def count(statement: sa.Select[Any]) -> sa.Select[Any]:
    """How many customers a statement of ``select`` finds."""
    return sa.select(sa.func.count()).select_from(statement.subquery("matching"))


def evaluate(
    items: Sequence[Predicate | Term],
    mapping: Mapping,
    dialect: sa.Dialect,
    zone: ZoneInfo,
    ids: Sequence[int] | sa.Select[Any],
    members: Members | None = None,
) -> sa.Select[Any]:
    """For customers with these ids: ``id`` and ``item0``, ``item1``, … with the truth or the value of each item.

    Numbers come back as Decimal, moments as naive UTC, choices under their own names.
    """
    writer = Writer(mapping, dialect, zone, members)
    columns: list[ColumnElement[Any]] = [writer.customer.key.label("id")]
    for number, item in enumerate(items):
        if isinstance(item, Predicate):
            column: ColumnElement[Any] = sa.type_coerce(answered(writer.write(item, writer.rows)), sa.Boolean())
        else:
            column = _shown(writer.terms.decoded(writer.terms.write(item, writer.rows)))
        columns.append(column.label(f"item{number}"))
    statement = sa.select(*columns).select_from(writer.frame.clause).where(writer.customer.key.in_(ids))
    refuse_too_deep(statement, dialect)
    return statement


def _shown(value: Value) -> ColumnElement[Any]:
    return sa.type_coerce(value.sql, Exact(value.unit)) if value.kind is Kind.NUMBER else value.sql


class Exact(TypeDecorator[Decimal]):
    """A number in units of 10 ** -unit, read as a Decimal."""

    impl = sa.types.NullType
    cache_ok = True

    def __init__(self, unit: int) -> None:
        super().__init__()
        self.unit = unit

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        """The number itself."""
        return None if value is None else Decimal(str(value)).scaleb(-self.unit)
