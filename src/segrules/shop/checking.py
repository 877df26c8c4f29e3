"""Whether a mapping fits a live database: each table and column is there, with a type that can hold the field."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

from segrules.errors import ShopError
from segrules.shop.columns import Money
from segrules.shop.mapping import Mapping

#: What sort of content a type has; types of one sort can stand for one another.
_SORTS: tuple[tuple[str, tuple[type[TypeEngine[Any]], ...]], ...] = (
    ("yes or no", (sa.Boolean,)),
    ("a number", (sa.Integer, sa.Numeric)),
    ("a moment", (sa.DateTime, sa.TIMESTAMP)),
    ("a date", (sa.Date,)),
    ("text", (sa.String, sa.Enum, sa.Uuid)),
)


def check(mapping: Mapping, engine: sa.Engine) -> None:
    """The mapping fits the database. Raises ShopError that names every table and column that does not."""
    found = problems(mapping, engine)
    if found:
        raise ShopError("\n".join(found))


def problems(mapping: Mapping, engine: sa.Engine) -> list[str]:
    """One sentence for each mapped table or column that the database lacks or keeps otherwise."""
    inspector = sa.inspect(engine)
    found: list[str] = []
    known: dict[str | None, list[str]] = {}
    for table in sorted(mapping.tables, key=lambda each: each.fullname):
        names = known.get(table.schema)
        if names is None:
            names = known[table.schema] = _names(inspector, table.schema)
        if table.name not in names:
            found.append(f'there is no table "{table.fullname}"{_meant(table.name, names)}')
            continue
        columns = {column["name"]: column for column in inspector.get_columns(table.name, schema=table.schema)}
        found += _of_columns(table, columns, engine.dialect)
    return found


def _names(inspector: sa.Inspector, schema: str | None) -> list[str]:
    names = list(inspector.get_table_names(schema=schema))
    try:
        return names + list(inspector.get_view_names(schema=schema))
    except (NotImplementedError, sa.exc.SQLAlchemyError):
        return names


def _of_columns(table: sa.Table, live: dict[str, Any], dialect: sa.Dialect) -> Iterator[str]:
    for column in table.columns:
        there = live.get(column.name)
        if there is None:
            yield f'table "{table.fullname}" has no column "{column.name}"{_meant(column.name, list(live))}'
            continue
        place = f'column "{column.name}" of table "{table.fullname}"'
        wanted, kept = _sort(column.type, dialect), _sort(there["type"], dialect)
        if wanted is not None and kept is not None and not _fits(wanted, kept, there["type"], dialect):
            yield f"{place} should hold {wanted}, but the database keeps {kept} there ({there['type']})"
        elif isinstance(there["type"], sa.Float) and not isinstance(column.type, sa.Float):
            yield f"{place} is a float ({there['type']}), which is not exact; use NUMERIC or whole units"
        elif isinstance(column.type, Money) and _rounds(there["type"], dialect):
            yield f"{place} keeps fewer than {Money.scale} decimals ({there['type']}); declare it as sa.Numeric instead"
        if column.nullable is False and there["nullable"]:
            yield f"{place} is mapped as never NULL, but the database allows NULL; declare it nullable or add NOT NULL"


def _fits(wanted: str, kept: str, kind: TypeEngine[Any], dialect: sa.Dialect) -> bool:
    if wanted == kept:
        return True
    # MariaDB and SQLite have no boolean of their own; SQLite keeps moments and dates as text.
    flags = {"yes or no", "a number"}
    return dialect.name in ("sqlite", "mysql", "mariadb") and {wanted, kept} == flags and isinstance(kind, sa.Integer)


def _rounds(kind: TypeEngine[Any], dialect: sa.Dialect) -> bool:
    if dialect.name == "sqlite":
        return not isinstance(kind, sa.Integer)
    return isinstance(kind, sa.Numeric) and kind.scale is not None and kind.scale < Money.scale


def _sort(kind: TypeEngine[Any], dialect: sa.Dialect) -> str | None:
    """What sort of content a type has, or None when it cannot be told."""
    plain = kind.load_dialect_impl(dialect) if isinstance(kind, TypeDecorator) else kind
    return next((sort for sort, types in _SORTS if isinstance(plain, types)), None)


def _meant(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
