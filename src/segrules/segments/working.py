"""Temporary tables of one transaction, and what else differs between databases when members are written."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.types import TypeEngine

from segrules.sql.functions import engine_name

#: So many ids travel in one INSERT.
BATCH = 10_000
#: Tables of so few rows need no statistics.
_SMALL = 100
#: Where temporary tables get their key when they are made.
_KEYED = ("sqlite", "mariadb")

#: By these codes a server says that somebody else holds what is wanted.
_BUSY_STATES = {"55P03", "40P01", "40001"}
_BUSY_NUMBERS = {1205, 1213, 1020, 3572}
_BUSY_WORDS = ("database is locked", "database table is locked", "conflict", "could not set lock")


def is_busy(error: BaseException) -> bool:
    """Whether a database refuses because somebody else is at work."""
    if not isinstance(error, sa.exc.DBAPIError):
        return type(error).__module__.startswith(("duckdb", "_duckdb")) and "conflict" in str(error).lower()
    original: Any = error.orig
    if getattr(original, "sqlstate", None) in _BUSY_STATES:
        return True
    arguments = getattr(original, "args", ())
    if arguments and arguments[0] in _BUSY_NUMBERS:
        return True
    text = str(original).lower()
    return any(each in text for each in _BUSY_WORDS)


def undisturbed(engine: sa.Engine) -> sa.Engine:
    """The engine with the isolation under which reading the shop's rows takes no locks on them.

    MariaDB at its default level locks every row that an INSERT … SELECT reads, so the shop would have to wait.
    """
    if engine_name(engine.dialect.name) == "mariadb":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return engine


class _Kept(Executable, ClauseElement):
    """What a statement finds, kept in a temporary table: PostgreSQL uses all its workers for that, not for INSERT."""

    inherit_cache = False

    def __init__(self, table: sa.Table, statement: sa.Select[Any]) -> None:
        self.table, self.statement = table, statement


@compiles(_Kept)
def _write_kept(element: _Kept, compiler: Any, **keywords: Any) -> str:
    query = compiler.process(element.statement, **keywords)
    return f"CREATE TEMPORARY TABLE {element.table.name} (customer_id) ON COMMIT DROP AS {query}"


@frozen
class Workbench:
    """The temporary tables of one connection, for as long as it is entered; each has one column, ``customer_id``."""

    connection: sa.Connection
    customer: TypeEngine[Any]
    _tables: list[sa.Table] = field(factory=list, init=False)

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *error: object) -> None:
        """None of the tables is there when the transaction has ended."""
        if self.engine != "postgresql":
            with suppress(sa.exc.SQLAlchemyError):  # the transaction may have failed, and takes them along
                for table in self._tables:
                    self._drop(table)

    @property
    def engine(self) -> str:
        """Which database it is."""
        return engine_name(self.connection.dialect.name)

    def found(self, name: str, statement: sa.Select[Any]) -> tuple[sa.Table, int]:
        """A new table with the ids that a statement finds, and how many they are; none comes twice."""
        if self.engine == "postgresql":
            table = self._table(name)
            count = self.connection.execute(_Kept(table, statement)).rowcount
            self._finished(table, count)
            return table, count
        table = self._created(name)
        result = self.connection.execute(table.insert().from_select(["customer_id"], statement))
        return table, self.counted(result, sa.select(table))

    def holding(self, name: str, ids: Iterable[Any]) -> sa.Table:
        """A new table with these ids."""
        table = self._created(name)
        rows = [{"customer_id": each} for each in dict.fromkeys(ids)]
        for start in range(0, len(rows), BATCH):
            self.connection.execute(table.insert(), rows[start : start + BATCH])
        if self.engine == "postgresql":
            self._finished(table, len(rows))
        return table

    def counted(self, result: sa.CursorResult[Any], rows: sa.Select[Any]) -> int:
        """How many rows a statement wrote; where the driver does not tell, the rows are counted."""
        if result.rowcount >= 0:
            return int(result.rowcount)
        return int(self.connection.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)

    # --- inside ---

    def _table(self, name: str) -> sa.Table:
        # DuckDB joins by hashing, so that a key would only cost; the servers' databases need one.
        column = sa.Column("customer_id", self.customer, primary_key=self.engine in _KEYED, autoincrement=False)
        return sa.Table(f"segrules_{name}", sa.MetaData(), column, prefixes=["TEMPORARY"])

    def _created(self, name: str) -> sa.Table:
        table = self._table(name)
        if self.engine == "postgresql":
            table.dialect_options["postgresql"]["on_commit"] = "DROP"
        if self.engine == "mariadb":
            # There a rollback leaves temporary tables where they are.
            self._drop(table)
        table.create(self.connection, checkfirst=False)
        self._tables.append(table)
        return table

    def _drop(self, table: sa.Table) -> None:
        # Without the word TEMPORARY MariaDB would commit the transaction.
        place = "TABLE IF EXISTS temp." if self.engine != "mariadb" else "TEMPORARY TABLE IF EXISTS "
        self.connection.exec_driver_sql(f"DROP {place}{table.name}")

    def _finished(self, table: sa.Table, count: int) -> None:
        """Without key and statistics PostgreSQL takes a new table for small, and joins it row by row."""
        if count > _SMALL:
            self.connection.exec_driver_sql(f"CREATE UNIQUE INDEX ON pg_temp.{table.name} (customer_id)")
            self.connection.exec_driver_sql(f"ANALYZE pg_temp.{table.name}")
