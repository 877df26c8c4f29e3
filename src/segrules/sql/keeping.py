"""What a statement finds, kept in a temporary table of the connection until it is dropped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.sql.visitors import InternalTraversal

from segrules.sql.functions import engine_name

#: Tables of so few rows need no statistics.
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


def keep(connection: sa.Connection, table: sa.Table, query: sa.Select[Any], *, until_commit: bool = False) -> int:
    """The rows of a query lie in a temporary table, whose first column is its key; how many they are.

    ``until_commit``: on PostgreSQL the table is gone with the transaction.
    """
    engine = engine_name(connection.dialect.name)
    prepared = connection.dialect.identifier_preparer
    named = (column.label(own.name) for column, own in zip(query.selected_columns, table.c, strict=True))
    query = query.with_only_columns(*named, maintain_column_froms=True)
    key, *rest = (prepared.quote(each.name) for each in table.c)
    create = f"CREATE TEMPORARY TABLE {table.name}"
    match engine:
        case "sqlite":
            # No types: what comes out must be what went in.
            whole = "INTEGER " if isinstance(table.c[0].type, sa.Integer) else ""
            connection.exec_driver_sql(f"{create} ({', '.join([f'{key} {whole}PRIMARY KEY NOT NULL', *rest])})")
            head = f"INSERT INTO temp.{table.name}"
        case "mariadb":
            head = f"{create} (PRIMARY KEY ({key}))"
        case "postgresql":
            head = f"{create}{' ON COMMIT DROP' if until_commit else ''} AS"
        case _:  # DuckDB joins by hashing, so that a key would only cost
            head = f"{create} AS"
    count = int(connection.execute(_Kept(head, query)).rowcount)
    if count < 0:  # the driver does not tell
        count = int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
    settle(connection, table, count)
    return count


def settle(connection: sa.Connection, table: sa.Table, count: int) -> None:
    """Without key and statistics PostgreSQL takes a new table for small, and joins it row by row."""
    if count > _SMALL and engine_name(connection.dialect.name) == "postgresql":
        key = connection.dialect.identifier_preparer.quote(table.c[0].name)
        connection.exec_driver_sql(f"CREATE UNIQUE INDEX ON pg_temp.{table.name} ({key})")
        connection.exec_driver_sql(f"ANALYZE pg_temp.{table.name} ({key})")


def drop(connection: sa.Connection, table: sa.Table) -> None:
    """The temporary table is not there."""
    # Without the word TEMPORARY MariaDB would commit the transaction.
    engine = engine_name(connection.dialect.name)
    place = {"mariadb": "TEMPORARY TABLE IF EXISTS ", "postgresql": "TABLE IF EXISTS pg_temp."}
    connection.exec_driver_sql(f"DROP {place.get(engine, 'TABLE IF EXISTS temp.')}{table.name}")
