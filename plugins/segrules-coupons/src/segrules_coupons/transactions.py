"""Transactions of the store: begun for writing, tried again while others are in the way, or the caller's own."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import segrules as sr
import sqlalchemy as sa
from attrs import frozen
from segrules.errors import BackendError
from segrules.segments.working import is_busy, undisturbed
from segrules.sql.functions import engine_name
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from segrules_coupons.errors import CouponsBusyError
from segrules_coupons.limits import Limits
from segrules_coupons.tables import Tables

T = TypeVar("T")

BACKENDS = ("sqlite", "postgresql", "mariadb")
#: Between two tries, in seconds, at first and at most.
_PAUSE, _LONGEST_PAUSE = 0.005, 0.25


class TryAgain(Exception):
    """Somebody else has done the same meanwhile: what was read is out of date."""


@frozen(eq=False)
class Desk:
    """One transaction, and what the work in it needs to know."""

    connection: sa.Connection
    tables: Tables
    shop: sr.Shop
    segments: sr.SegmentStore | None
    limits: Limits

    @property
    def engine(self) -> str:
        """Which database it is."""
        return engine_name(self.connection.dialect.name)

    def begin(self) -> None:
        """Take the right to write at once: SQLite refuses it later to one who has read meanwhile."""
        if self.engine == "sqlite":
            rules = self.tables.rules
            self.connection.execute(sa.update(rules).where(sa.false()).values(version=rules.c.version))

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """What is written inside is undone when it fails, and the transaction goes on."""
        self.begin()
        with self.connection.begin_nested():
            yield

    def insert_new(self, table: sa.Table, **values: Any) -> int:
        """Insert a row unless a unique key has it already; how many are new, so 0 or 1."""
        return self._inserted(self._insert(table).values(**values))

    def insert_each(self, table: sa.Table, column: str, texts: Sequence[str], **constants: Any) -> int:
        """Insert a row for each text unless a unique key has it already; how many are new. One statement for all."""
        listed = _listed(texts)
        given = [sa.literal(value, table.c[name].type) for name, value in constants.items()]
        rows = sa.select(listed.c.value, *given).select_from(listed).where(sa.true())
        return self._inserted(self._insert(table).from_select([column, *constants], rows))

    def _insert(self, table: sa.Table) -> Any:
        match self.engine:
            case "postgresql":
                return postgresql.insert(table).on_conflict_do_nothing()
            case "sqlite":
                return sqlite.insert(table).on_conflict_do_nothing()
            case _:
                return mysql.insert(table).prefix_with("IGNORE")

    def _inserted(self, statement: Any) -> int:
        # Without inline() the id of a new row would be asked for, and the count be lost.
        counted = statement.inline().execution_options(preserve_rowcount=True)
        number = int(self.connection.execute(counted).rowcount)
        assert number >= 0, "the driver does not tell how many rows it wrote"
        return number


class _Listed(FunctionElement[Any]):
    """The texts of a JSON list as the rows of a table with one column, ``value``."""

    name = "segrules_listed"
    inherit_cache = True


def _listed(texts: Sequence[str]) -> Any:
    return _Listed(sa.literal(json.dumps(texts), sa.Text)).table_valued(sa.column("value", sa.Text), name="listed")


@compiles(_Listed, "sqlite")
def _sqlite(element: _Listed, compiler: Any, **keywords: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **keywords)})"


@compiles(_Listed, "postgresql")
def _postgresql(element: _Listed, compiler: Any, **keywords: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **keywords)} AS JSON))"


@compiles(_Listed, "mysql")
@compiles(_Listed, "mariadb")
def _mariadb(element: _Listed, compiler: Any, **keywords: Any) -> str:
    given = compiler.process(element.clauses, **keywords)
    return f"JSON_TABLE({given}, '$[*]' COLUMNS (value VARCHAR(64) PATH '$'))"


@frozen(eq=False)
class Transactions:
    """Runs work in transactions of one database."""

    engine: sa.Engine
    limits: Limits

    @classmethod
    def of(cls, engine: sa.Engine, limits: Limits) -> Transactions:
        """Those of an engine; BackendError when coupons cannot be kept there."""
        if engine_name(engine.dialect.name) not in BACKENDS:
            raise BackendError(f"coupons are kept in {', '.join(BACKENDS)}; {engine.dialect.name} is not among them")
        return cls(undisturbed(engine), limits)

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """What work returns, in a transaction that is committed; tried anew while others are in the way."""
        return _patiently(self.limits.patience, lambda: self._once(work))

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """What work returns, which writes nothing."""
        with self.engine.connect() as connection:
            return work(connection)

    def _once(self, work: Callable[[sa.Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)


def _patiently(patience: timedelta, attempt: Callable[[], T]) -> T:
    end = time.monotonic() + patience.total_seconds()
    pause = _PAUSE
    while True:
        try:
            return attempt()
        except Exception as cause:
            if not (isinstance(cause, TryAgain) or is_busy(cause)):
                raise
            if time.monotonic() >= end:
                original = getattr(cause, "orig", None) or cause
                raise CouponsBusyError(f"somebody else holds the database; nothing was written: {original}") from cause
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE)
