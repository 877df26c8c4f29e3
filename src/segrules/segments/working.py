"""Temporary tables of one transaction, and what else differs between databases when members are written."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.types import TypeEngine

from segrules.sql.functions import engine_name
from segrules.sql.keeping import drop, keep, settle

#: Ids of customers, or a selectable of them.
Customers = Iterable[Any] | sa.Select[Any]

#: So many ids travel in one INSERT.
BATCH = 10_000
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


@frozen
class Workbench:
    """The temporary tables of one connection, for as long as it is entered; each has one column, ``customer_id``.

    They end with the transaction, or if ``lasting`` when it is left.
    """

    connection: sa.Connection
    customer: TypeEngine[Any]
    lasting: bool = False
    _tables: list[sa.Table] = field(factory=list, init=False)

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *error: object) -> None:
        """None of the tables is there when the transaction has ended."""
        if self.lasting or self.engine != "postgresql":
            with suppress(sa.exc.SQLAlchemyError):  # the transaction may have failed, and takes them along
                for table in self._tables:
                    drop(self.connection, table)

    @property
    def engine(self) -> str:
        """Which database it is."""
        return engine_name(self.connection.dialect.name)

    def found(self, name: str, statement: sa.Select[Any]) -> tuple[sa.Table, int]:
        """A new table with the ids that a statement finds, and how many they are; none comes twice."""
        table = self._table(name)
        return table, keep(self.connection, table, statement, until_commit=not self.lasting)

    def those(self, name: str, customers: Customers) -> sa.Table:
        """A new table with these ids, each once."""
        if isinstance(customers, sa.Select):
            given = customers.subquery().c[0]
            return self.found(name, sa.select(given).where(given.is_not(None)).distinct())[0]
        table = self._table(name)
        if self.engine == "postgresql" and not self.lasting:
            table.dialect_options["postgresql"]["on_commit"] = "DROP"
        table.create(self.connection, checkfirst=False)
        rows = [{"customer_id": each} for each in dict.fromkeys(customers)]
        for start in range(0, len(rows), BATCH):
            self.connection.execute(table.insert(), rows[start : start + BATCH])
        settle(self.connection, table, len(rows))
        return table

    def counted(self, result: sa.CursorResult[Any], rows: sa.Select[Any]) -> int:
        """How many rows a statement wrote; where the driver does not tell, the rows are counted."""
        if result.rowcount >= 0:
            return int(result.rowcount)
        return int(self.connection.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)

    def _table(self, name: str) -> sa.Table:
        # DuckDB joins by hashing, so that a key would only cost; the servers' databases need one.
        column = sa.Column("customer_id", self.customer, primary_key=self.engine in _KEYED, autoincrement=False)
        table = sa.Table(f"segrules_{name}", sa.MetaData(), column, prefixes=["TEMPORARY"])
        if self.lasting or self.engine == "mariadb":
            # On MariaDB a rollback leaves temporary tables where they are.
            drop(self.connection, table)
        self._tables.append(table)
        return table
