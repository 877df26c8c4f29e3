"""Temporary tables of one transaction, and what else differs between databases when members are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.types import TypeEngine

from segrules.sql.functions import engine_name
from segrules.sql.keeping import add, create, drop, keep, settle, temporary

#: Ids of customers, or a selectable of them.
Customers = Iterable[Any] | sa.Select[Any]

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
class Found:
    """How many customers a segment's statement found, in how many seconds."""

    customers: int
    seconds: float


@frozen
class Workbench:
    """The temporary tables of one connection: of one transaction, while it is entered, or ``lasting`` until cleared.

    They hold ids of customers, or pairs of a segment and a customer, each once.
    """

    connection: sa.Connection
    customer: TypeEngine[Any]
    lasting: bool = False
    _tables: dict[str, sa.Table] = field(factory=dict, init=False)

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.lasting and self.engine != "postgresql":
            self.clear()

    def clear(self) -> None:
        """None of the tables is there; a transaction that has failed takes them along itself."""
        with suppress(sa.exc.SQLAlchemyError):
            for table in self._tables.values():
                drop(self.connection, table)
        self._tables.clear()

    @property
    def engine(self) -> str:
        """Which database it is."""
        return engine_name(self.connection.dialect.name)

    def those(self, name: str, customers: Customers) -> sa.Table:
        """A new table with these ids."""
        table = self._table(name, self._customer())
        if isinstance(customers, sa.Select):
            given = customers.subquery().c[0]
            self._keep(table, sa.select(given).where(given.is_not(None)).distinct())
            return table
        self._create(table)
        rows = [{"customer_id": each} for each in dict.fromkeys(customers)]
        for start in range(0, len(rows), BATCH):
            self.connection.execute(table.insert(), rows[start : start + BATCH])
        settle(self.connection, table, len(rows))
        return table

    def pairs(self, name: str, statement: sa.Select[Any] | None = None) -> tuple[sa.Table, int]:
        """A new table with the pairs that a statement finds, and how many they are; without one it is empty."""
        table = self._table(name, sa.Column("segment_id", sa.BigInteger), self._customer())
        if statement is not None:
            return table, self._keep(table, statement)
        self._create(table)
        return table, 0

    def matched(self, statements: Mapping[int, sa.Select[Any]]) -> tuple[sa.Table, dict[int, Found]]:
        """A new table with the customers that each segment's statement finds."""
        found: dict[int, Found] = {}
        start = perf_counter()
        if len(statements) == 1:
            [(segment_id, statement)] = statements.items()
            table, count = self.pairs("matched", _paired(segment_id, statement))
            return table, {segment_id: Found(count, perf_counter() - start)}
        table, _ = self.pairs("matched")
        for segment_id, statement in statements.items():
            count = add(self.connection, table, _paired(segment_id, statement))
            found[segment_id] = Found(count, -start + (start := perf_counter()))
        if any(each.customers < 0 for each in found.values()):  # the driver does not tell
            counted = self.counted(table)
            found = {key: Found(counted.get(key, 0), each.seconds) for key, each in found.items()}
        settle(self.connection, table, sum(each.customers for each in found.values()))
        return table, found

    def counted(self, pairs: sa.FromClause) -> dict[int, int]:
        """How many customers there are with each segment."""
        rows = sa.select(pairs.c.segment_id, sa.func.count()).group_by(pairs.c.segment_id)
        return {key: count for key, count in self.connection.execute(rows)}  # noqa: C416

    # --- inside ---

    def _customer(self) -> sa.Column[Any]:
        return sa.Column("customer_id", self.customer)

    def _table(self, name: str, *key: sa.Column[Any]) -> sa.Table:
        table = temporary(f"segrules_{name}", list(key))
        if self.lasting or self.engine == "mariadb":
            # On MariaDB a rollback leaves temporary tables where they are.
            drop(self.connection, table)
        self._tables[name] = table
        return table

    def _create(self, table: sa.Table) -> None:
        create(self.connection, table, until_commit=not self.lasting)

    def _keep(self, table: sa.Table, statement: sa.Select[Any]) -> int:
        return keep(self.connection, table, statement, until_commit=not self.lasting)


def _paired(segment_id: int, statement: sa.Select[Any]) -> sa.Select[Any]:
    """The customers that a statement finds, each with the segment."""
    own = sa.literal(segment_id, sa.BigInteger)
    return statement.with_only_columns(own, *statement.selected_columns, maintain_column_froms=True)
