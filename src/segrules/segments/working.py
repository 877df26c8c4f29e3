"""Temporary tables of one transaction, and what else differs between databases when members are written."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.types import TypeEngine

from segrules.sql.functions import engine_name

#: So many ids travel in one INSERT.
BATCH = 10_000

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


@frozen
class Workbench:
    """The temporary tables of one connection; each has one column, ``customer_id``, which is its key."""

    connection: sa.Connection
    customer: TypeEngine[Any]

    @property
    def engine(self) -> str:
        """Which database it is."""
        return engine_name(self.connection.dialect.name)

    def table(self, name: str) -> sa.Table:
        """A new temporary table."""
        column = sa.Column("customer_id", self.customer, primary_key=True, autoincrement=False)
        table = sa.Table(f"segrules_{name}", sa.MetaData(), column, prefixes=["TEMPORARY"])
        self.drop(table)
        table.create(self.connection, checkfirst=False)
        return table

    def drop(self, table: sa.Table) -> None:
        """Such a table is not there any more."""
        # Without that word MariaDB would commit the transaction.
        kind = "TEMPORARY TABLE" if self.engine == "mariadb" else "TABLE"
        place = {"sqlite": "temp.", "postgresql": "pg_temp.", "duckdb": "temp."}.get(self.engine, "")
        self.connection.exec_driver_sql(f"DROP {kind} IF EXISTS {place}{table.name}")

    def drop_all(self, tables: Iterable[sa.Table]) -> None:
        """None of the tables is there any more, as far as the connection still listens."""
        with suppress(sa.exc.SQLAlchemyError):
            for table in tables:
                self.drop(table)

    def fill(self, table: sa.Table, statement: sa.Select[Any]) -> int:
        """Put the ids of a statement into a table; how many they are."""
        result = self.connection.execute(table.insert().from_select(["customer_id"], statement))
        self._measured(table)
        return self.counted(result, sa.select(table))

    def fill_with(self, table: sa.Table, ids: Iterable[Any]) -> None:
        """Put these ids into a table."""
        rows = [{"customer_id": each} for each in dict.fromkeys(ids)]
        for start in range(0, len(rows), BATCH):
            self.connection.execute(table.insert(), rows[start : start + BATCH])
        self._measured(table)

    def _measured(self, table: sa.Table) -> None:
        """Without statistics PostgreSQL takes a new table for small, and joins it row by row."""
        if self.engine == "postgresql":
            self.connection.exec_driver_sql(f"ANALYZE pg_temp.{table.name}")

    def counted(self, result: sa.CursorResult[Any], rows: sa.Select[Any]) -> int:
        """How many rows a statement wrote; where the driver does not tell, the rows are counted."""
        if result.rowcount >= 0:
            return int(result.rowcount)
        return int(self.connection.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)
