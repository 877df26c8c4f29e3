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
#: Tables of so few rows need no statistics.
_SMALL = 100

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
        """A new temporary table, which goes at the latest with ``drop_all``."""
        column = sa.Column("customer_id", self.customer, primary_key=True, autoincrement=False)
        table = sa.Table(f"segrules_{name}", sa.MetaData(), column, prefixes=["TEMPORARY"])
        if self.engine == "postgresql":
            table.dialect_options["postgresql"]["on_commit"] = "DROP"
        if self.engine == "mariadb":
            # There a rollback leaves temporary tables where they are.
            self._drop(table)
        table.create(self.connection, checkfirst=False)
        return table

    def drop_all(self, tables: Iterable[sa.Table]) -> None:
        """None of the tables is there when the transaction has ended."""
        if self.engine == "postgresql":
            return
        with suppress(sa.exc.SQLAlchemyError):  # the transaction may have failed, and takes them along
            for table in tables:
                self._drop(table)

    def _drop(self, table: sa.Table) -> None:
        # Without the word TEMPORARY MariaDB would commit the transaction.
        place = "TABLE IF EXISTS temp." if self.engine != "mariadb" else "TEMPORARY TABLE IF EXISTS "
        self.connection.exec_driver_sql(f"DROP {place}{table.name}")

    def fill(self, table: sa.Table, statement: sa.Select[Any]) -> int:
        """Put the ids of a statement into a table; how many they are."""
        result = self.connection.execute(table.insert().from_select(["customer_id"], statement))
        count = self.counted(result, sa.select(table))
        self._measured(table, count)
        return count

    def fill_with(self, table: sa.Table, ids: Iterable[Any]) -> None:
        """Put these ids into a table."""
        rows = [{"customer_id": each} for each in dict.fromkeys(ids)]
        for start in range(0, len(rows), BATCH):
            self.connection.execute(table.insert(), rows[start : start + BATCH])
        self._measured(table, len(rows))

    def _measured(self, table: sa.Table, count: int) -> None:
        """Without statistics PostgreSQL takes a new table for small, and joins it row by row."""
        if self.engine == "postgresql" and count > _SMALL:
            self.connection.exec_driver_sql(f"ANALYZE pg_temp.{table.name}")

    def counted(self, result: sa.CursorResult[Any], rows: sa.Select[Any]) -> int:
        """How many rows a statement wrote; where the driver does not tell, the rows are counted."""
        if result.rowcount >= 0:
            return int(result.rowcount)
        return int(self.connection.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)
