"""What a database needs before rules run on it: SQLite gets its functions, the others a look once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import event

from segrules import clock
from segrules.algebra import fold
from segrules.errors import BackendError
from segrules.shop import storage
from segrules.sql import duckdb
from segrules.sql.functions import WITHOUT_CASE, engine_name, folded

ENGINES = ("sqlite", "postgresql", "mariadb", "duckdb")
_READY = "segrules_ready"
_PROBES = "ÀİẞΣςΚ\u212aꭰ𐐀𞤀Ÿ"

assert duckdb.Dialect.name in ENGINES


def prepare(engine: sa.Engine | sa.Connection) -> None:
    """Make an engine able to run rules, and with a connection that very connection; may be called any number of times.

    Raises BackendError when the database cannot fold text as rules compare it.
    """
    if isinstance(engine, sa.Connection):
        if engine.dialect.name == "sqlite" and not engine.info.get(_READY):
            _register(engine.connection.dbapi_connection, engine)
        engine = engine.engine
    if engine.dialect.name == "sqlite":
        if not event.contains(engine, "connect", _register):
            event.listen(engine, "connect", _register)
        if not event.contains(engine, "checkout", _on_checkout):
            event.listen(engine, "checkout", _on_checkout)
        return
    if getattr(engine.dialect, _READY, False):
        return
    if engine_name(engine.dialect.name) not in ENGINES:
        raise BackendError(f"segrules runs on {', '.join(ENGINES)}; it cannot prepare {engine.dialect.name}")
    with engine.connect():  # what is wrong with the connection itself is told as it is
        pass
    try:
        found = _folded_probes(engine)
    except sa.exc.DBAPIError as cause:
        if engine.dialect.name != "postgresql":
            raise BackendError(f"this database lacks the collation by which text ignores case: {cause.orig}") from cause
        found = None
    if engine.dialect.name == "postgresql" and found != fold(_PROBES):
        setattr(engine.dialect, WITHOUT_CASE, True)
        found = _folded_probes(engine)
    if found != fold(_PROBES):
        raise BackendError(
            f"this database folds {_PROBES!r} to {found!r}, not to {fold(_PROBES)!r}:"
            " text would not compare as in memory"
        )
    setattr(engine.dialect, _READY, True)


def _folded_probes(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        # compiled anew: a statement kept from before would fold in the way that was tried first
        fresh = connection.execution_options(compiled_cache=None)
        return fresh.scalar(sa.select(folded(sa.literal(_PROBES, sa.String()))))


def _on_checkout(connection: Any, record: Any, proxy: Any) -> None:
    """Connections that were pooled before the engine was prepared get the functions when they are next taken."""
    if not record.info.get(_READY):
        _register(connection, record)


def _register(connection: Any, record: Any) -> None:
    record.info[_READY] = True
    add_functions(connection)


def add_functions(connection: Any) -> None:
    """What rules ask of SQLite beyond its own functions."""
    connection.create_function("segrules_fold", 1, _fold, deterministic=True)
    connection.create_function("segrules_local_date", 2, _local_date, deterministic=True)
    connection.create_function("segrules_sum", 2, _sum, deterministic=True)
    connection.create_function("segrules_product", 2, _product, deterministic=True)
    connection.create_function("segrules_order", 2, _order, deterministic=True)
    storage.add_functions(connection)


def _local_date(moment: str | None, zone: str) -> str | None:
    """The calendar day in a zone of a moment as SQLite keeps it."""
    return None if moment is None else str(clock.local_day(datetime.fromisoformat(moment), ZoneInfo(zone)))


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(str(text))


def _wide(value: int) -> int | str:
    return value if -(2**63) <= value < 2**63 else str(value)


def _sum(left: int | str | None, right: int | str | None) -> int | str | None:
    return None if left is None or right is None else _wide(int(left) + int(right))


def _product(left: int | str | None, right: int | str | None) -> int | str | None:
    return None if left is None or right is None else _wide(int(left) * int(right))


def _order(left: int | str | None, right: int | str | None) -> int | None:
    if left is None or right is None:
        return None
    return (int(left) > int(right)) - (int(left) < int(right))
