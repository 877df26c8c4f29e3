"""Transactions that write: what differs between the databases, and a connection that a worker keeps."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import sqlalchemy as sa
from attrs import define, field
from segrules.segments.working import is_busy

from segrules_sequences.errors import SettingsError

_T = TypeVar("_T")

#: So long SQLite waits for another writer, in milliseconds.
_PATIENCE = 60_000
_TRIES = 5
DATABASES = ("sqlite", "postgresql", "mysql", "mariadb")
#: Where a join is read with all of its rows locked, or none.
LOCK_WHOLE_JOINS = ("mysql", "mariadb")


def undisturbed(engine: sa.Engine) -> sa.Engine:
    """The engine at the isolation that all guards are made for: each statement sees what is committed by then."""
    name = engine.dialect.name
    if name not in DATABASES:
        raise SettingsError(f"sequences run on SQLite, PostgreSQL and MariaDB; {name} has no rows that can be claimed")
    return engine if name == "sqlite" else engine.execution_options(isolation_level="READ COMMITTED")


@contextmanager
def writing(connection: sa.Connection) -> Iterator[sa.Connection]:
    """One transaction on a connection; on SQLite with the right to write from its beginning."""
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_PATIENCE}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@define
class Link:
    """One connection that is kept between transactions, and made anew when it is lost."""

    engine: sa.Engine
    _connection: sa.Connection | None = field(default=None, init=False)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction."""
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self.close()
            self._connection = self.engine.connect()
        with writing(self._connection) as connection:
            yield connection

    def close(self) -> None:
        """The connection is given back."""
        if self._connection is not None:
            with suppress(sa.exc.DBAPIError):
                self._connection.close()
            self._connection = None


def retried(work: Callable[[], _T]) -> _T:
    """Do a transaction that others may have got in the way of, a few times if need be.

    MariaDB undoes one of two transactions whose locks meet in a circle, although both would be fine one by one.
    """
    for number in range(1, _TRIES):
        try:
            return work()
        except sa.exc.DBAPIError as cause:
            if not is_busy(cause):
                raise
            time.sleep(random.uniform(0.01, 0.05) * number)
    return work()


def lost(error: BaseException) -> bool:
    """Whether the database went away or is locked, so that the same may work a moment later."""
    if isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)):
        return True
    return (isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated) or is_busy(error)
