"""The clock of the database, inside statements: no machine's own clock decides what has expired."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from segrules.shop.columns import UtcMoment
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

_MICROSECOND = timedelta(microseconds=1)


class _Later(FunctionElement[Any]):
    """The present moment of the database in UTC, so many microseconds later."""

    name = "segrules_later"
    type = UtcMoment()
    inherit_cache = True


@compiles(_Later, "sqlite")
def _sqlite(element: _Later, compiler: Any, **keywords: Any) -> str:
    shift = compiler.process(element.clauses, **keywords)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({shift} / 1000000.0) || ' seconds')"


@compiles(_Later, "postgresql")
def _postgresql(element: _Later, compiler: Any, **keywords: Any) -> str:
    # clock_timestamp() goes on while a transaction waits for a row, now() does not.
    shift = compiler.process(element.clauses, **keywords)
    return f"(timezone('UTC', clock_timestamp()) + {shift} * interval '1 microsecond')"


@compiles(_Later, "mysql")
@compiles(_Later, "mariadb")
def _mariadb(element: _Later, compiler: Any, **keywords: Any) -> str:
    shift = compiler.process(element.clauses, **keywords)
    return f"timestampadd(MICROSECOND, {shift}, utc_timestamp(6))"


def now(later: timedelta = timedelta(0)) -> sa.ColumnElement[Any]:
    """The database's present moment, or one that lies so far behind it."""
    return _Later(sa.literal(later // _MICROSECOND, sa.BigInteger))


def has_begun(starts: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a first moment, if there is one, has come."""
    return sa.or_(starts.is_(None), starts <= now())


def is_not_over(ends: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a moment at which something ends, if there is one, lies ahead."""
    return sa.or_(ends.is_(None), ends > now())
