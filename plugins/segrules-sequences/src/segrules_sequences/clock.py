"""The present, as a term of SQL: leases and due moments are judged by the clock of the database, never a worker's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from attrs import define, frozen
from segrules.shop.columns import UtcMoment
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class Instant(UtcMoment):
    """A moment to the microsecond, kept naive in UTC and aware in Python."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The aware moment; MariaDB gives a moment that came as a parameter back as text."""
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return None if value is None else value.replace(tzinfo=UTC)


class _Now(FunctionElement[datetime]):
    """The moment at which the statement began, so many milliseconds later; stable, so that an index serves it."""

    name = "segrules_now"
    type = Instant()
    inherit_cache = True

    def __init__(self, milliseconds: int) -> None:
        super().__init__(sa.literal(milliseconds, sa.BigInteger))


@compiles(_Now, "postgresql")
def _on_postgresql(element: _Now, compiler: Any, **keywords: Any) -> str:
    later = compiler.process(element.clauses, **keywords)
    return f"(timezone('utc', statement_timestamp()) + {later} * interval '1 millisecond')"


@compiles(_Now, "mysql")
@compiles(_Now, "mariadb")
def _on_mariadb(element: _Now, compiler: Any, **keywords: Any) -> str:
    return f"(UTC_TIMESTAMP(6) + INTERVAL 1000 * {compiler.process(element.clauses, **keywords)} MICROSECOND)"


@compiles(_Now, "sqlite")
def _on_sqlite(element: _Now, compiler: Any, **keywords: Any) -> str:
    later = compiler.process(element.clauses, **keywords)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', printf('%+.3f seconds', {later} / 1000.0)) || '000')"


class Clock(Protocol):
    """Where the engine takes the present from."""

    def now(self, later: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
        """The present, or a moment so much later, as a term of SQL."""
        ...


@frozen
class DatabaseClock:
    """The clock of the database server; ``off`` sets it wrong, for tests."""

    off: timedelta = timedelta(0)

    def now(self, later: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
        """The present of the database."""
        return _Now((later + self.off) // timedelta(milliseconds=1))


@define
class SetClock:
    """A clock that stands until it is set: what a simulation runs by."""

    at: datetime

    def now(self, later: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
        """The moment that it is set to."""
        return sa.bindparam("set_clock", callable_=lambda: self.at + later, type_=Instant(), unique=True)
