"""Temporary tables of a connection, and what statements find kept in them until they are dropped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.sql.visitors import InternalTraversal

from segrules.sql.functions import engine_name

#: Tables of so few rows need no key.
_SMALL = 100


class _Kept(Executable, ClauseElement):
    """A query whose rows are kept: PostgreSQL uses all its workers for that, not for INSERT."""

    inherit_cache = True
    _traverse_internals = [("head", InternalTraversal.dp_string), ("query", InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, head: str, query: sa.Select[Any]) -> None:
        self.head, self.query = head, query


@compiles(_Kept)
def _write_kept(element: _Kept, compiler: Any, **keywords: Any) -> str:
    return f"{element.head} {compiler.process(element.query, **keywords)}"


def temporary(name: str, key: list[sa.Column[Any]], *rest: sa.Column[Any]) -> sa.Table:
    """What stands for a temporary table; no two of its rows have the same key."""
    return sa.Table(name, sa.MetaData(), *key, *rest, info={"key": len(key)})


def keep(
    connection: sa.Connection,
    table: sa.Table,
    query: sa.Select[Any],
    *,
    until_commit: bool = False,
    composite: bool = False,
) -> int:
    """The rows of a query lie in a new temporary table; how many they are.

    ``until_commit``: on PostgreSQL the table is gone with the transaction. ``composite``: the query joins several
    passes over whole tables, and has many expressions.
    """
    engine = engine_name(connection.dialect.name)
    if engine == "sqlite":  # whose CREATE … AS knows no key
        create(connection, table)
        return add(connection, table, query)
    begun = f"CREATE TEMPORARY TABLE {table.name}"
    match engine:
        case "mariadb":
            head = f"{begun} ({_key(connection, table)})"
            if composite and getattr(connection.dialect, "is_mariadb", False):
                # It would make each pass anew for each customer.
                head = f"SET STATEMENT optimizer_switch='split_materialized=off' FOR {head}"
        case "postgresql":
            if composite:  # it would compile each expression, for as long as all of them run
                connection.exec_driver_sql("SET LOCAL jit = off")
            head = f"{begun}{' ON COMMIT DROP' if until_commit else ''} AS"
        case _:  # DuckDB joins by hashing, so that a key would only cost
            head = f"{begun} AS"
    count = _written(connection, table, head, query)
    if count < 0:
        count = int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
    settle(connection, table, count)
    return count


def create(connection: sa.Connection, table: sa.Table, *, until_commit: bool = False) -> None:
    """A new temporary table without rows."""
    engine = engine_name(connection.dialect.name)
    parts = [_column(connection, each) for each in table.c]
    if engine in ("sqlite", "mariadb"):
        parts.append(_key(connection, table))
    end = ""
    if engine == "sqlite" and len(_keyed(table)) == len(table.c) > 1:
        end = " WITHOUT ROWID"
    elif engine == "postgresql" and until_commit:
        end = " ON COMMIT DROP"
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {table.name} ({', '.join(parts)}){end}")


def add(connection: sa.Connection, table: sa.Table, query: sa.Select[Any]) -> int:
    """The rows of a query lie in a temporary table, besides those it has; how many they are, -1 if nobody tells."""
    place = "temp." if connection.dialect.name == "sqlite" else ""
    return _written(connection, table, f"INSERT INTO {place}{table.name}", query)


def settle(connection: sa.Connection, table: sa.Table, count: int) -> None:
    """Without statistics PostgreSQL takes a new table for one of some thousand rows, and without key joins it badly."""
    if count and engine_name(connection.dialect.name) == "postgresql":
        quote = connection.dialect.identifier_preparer.quote
        key = ", ".join(quote(each.name) for each in _keyed(table))
        if count > _SMALL:
            connection.exec_driver_sql(f"CREATE UNIQUE INDEX ON pg_temp.{table.name} ({key})")
        connection.exec_driver_sql(f"ANALYZE pg_temp.{table.name} ({key})")


def drop(connection: sa.Connection, table: sa.Table) -> None:
    """The temporary table is not there."""
    # Without the word TEMPORARY MariaDB would commit the transaction.
    engine = engine_name(connection.dialect.name)
    place = {"mariadb": "TEMPORARY TABLE IF EXISTS ", "postgresql": "TABLE IF EXISTS pg_temp."}
    connection.exec_driver_sql(f"DROP {place.get(engine, 'TABLE IF EXISTS temp.')}{table.name}")


# --- inside ---


def _keyed(table: sa.Table) -> list[sa.Column[Any]]:
    return list(table.c)[: table.info["key"]]


def _key(connection: sa.Connection, table: sa.Table) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return f"PRIMARY KEY ({', '.join(quote(each.name) for each in _keyed(table))})"


def _column(connection: sa.Connection, column: sa.Column[Any]) -> str:
    dialect = connection.dialect
    said, in_key = dialect.identifier_preparer.quote(column.name), any(column is each for each in _keyed(column.table))
    if dialect.name == "sqlite" and in_key and isinstance(column.type, sa.Integer):
        said += " INTEGER"  # by which alone it is the number of the row
    elif dialect.name != "sqlite" or in_key:
        # On SQLite the others have no type: what comes out must be what went in.
        said += f" {dialect.type_compiler_instance.process(column.type)}"
    return said + (" NOT NULL" if in_key else "")


def _written(connection: sa.Connection, table: sa.Table, head: str, query: sa.Select[Any]) -> int:
    named = (column.label(own.name) for column, own in zip(query.selected_columns, table.c, strict=True))
    return int(connection.execute(_Kept(head, query.with_only_columns(*named, maintain_column_froms=True))).rowcount)
