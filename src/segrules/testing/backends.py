"""Databases to prove parity on: SQLite and DuckDB in process, PostgreSQL and MariaDB where a server answers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa
from attrs import define
from sqlalchemy.pool import StaticPool

BACKENDS = ("sqlite", "duckdb", "postgresql", "mariadb")

#: Where a server is looked for when the environment does not say.
SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    "mariadb": "mariadb+pymysql://root@127.0.0.1:3306/test?charset=utf8mb4",
}


@define
class Backend:
    """A database with nothing in it, gone when the test is over."""

    name: str
    engine: sa.Engine
    #: The tables that lie in it now.
    tables: sa.MetaData | None = None


class BackendAbsentError(Exception):
    """A backend cannot be reached; says why, and how to name another one."""


def required() -> tuple[str, ...]:
    """The backends that the environment promises: their absence is a failure, not a skip."""
    return tuple(each.strip() for each in os.environ.get("SEGRULES_REQUIRE_BACKENDS", "").split(",") if each.strip())


@contextmanager
def fresh(name: str) -> Iterator[Backend]:
    """A backend by its name, in a schema or database of its own. Raises BackendAbsentError."""
    from segrules.sql import prepare

    if name == "sqlite":
        engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        prepare(engine)
        yield Backend(name, engine)
        engine.dispose()
    elif name == "duckdb":
        try:
            engine = sa.create_engine("duckdb://")
        except ImportError as cause:
            raise BackendAbsentError(f"duckdb is not installed: {cause}") from cause
        prepare(engine)
        yield Backend(name, engine)
        engine.dispose()
    elif name in SERVERS:
        with _on_server(name) as engine:
            prepare(engine)
            yield Backend(name, engine)
    else:
        raise BackendAbsentError(f'there is no backend "{name}"; there are {", ".join(BACKENDS)}')


@contextmanager
def fresh_or_skipped(name: str) -> Iterator[Backend]:
    """The same for a test, which is skipped when the backend does not answer, or fails when it is promised."""
    import pytest

    with ExitStack() as stack:
        try:
            backend = stack.enter_context(fresh(name))
        except BackendAbsentError as absence:
            if name in required():
                pytest.fail(f"SEGRULES_REQUIRE_BACKENDS promises {name}, but {absence}", pytrace=False)
            pytest.skip(str(absence))
        yield backend


@contextmanager
def _on_server(name: str) -> Iterator[sa.Engine]:
    variable = f"SEGRULES_TEST_{name.upper()}"
    url = sa.make_url(os.environ.get(variable) or SERVERS[name])
    own = f"segrules_{secrets.token_hex(6)}"
    try:
        server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            create = f"CREATE SCHEMA {own}" if name == "postgresql" else f"CREATE DATABASE {own} CHARACTER SET utf8mb4"
            connection.exec_driver_sql(create)
    except (ImportError, sa.exc.SQLAlchemyError) as cause:
        reason = str(cause).strip().splitlines()[0]
        raise BackendAbsentError(
            f"{name} does not answer at {url.render_as_string()}: {reason}; give another one in {variable}"
        ) from cause
    if name == "postgresql":
        engine = sa.create_engine(url, connect_args={"options": f"-csearch_path={own}"})
    else:
        engine = sa.create_engine(url.set(database=own))
    try:
        yield engine
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {own} CASCADE" if name == "postgresql" else f"DROP DATABASE {own}")
        server.dispose()
