"""The database of a command: found, opened, and explained when it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segrules.cli.failures import Blame, Failure
from segrules.errors import ShopError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.shop import Shop

VARIABLE = "SEGRULES_DATABASE"

database_option = click.option(
    "--database",
    envvar=VARIABLE,
    metavar="URL",
    help=f"The database, like duckdb:///shop.duckdb or postgresql://user@host/shop.  [env: {VARIABLE}]",
)

#: What a bare file name stands for, by its suffix.
_SUFFIXES = {".duckdb": "duckdb", ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite"}
_BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb", "duckdb")
#: The drivers that segrules comes with, where SQLAlchemy's first choice is another.
_DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
#: The part of the installation that brings a database's driver.
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "duckdb": "duckdb"}

#: How many of a database's shortcomings are told at once.
_SHOWN = 6


def open_engine(database: str | None, *, create: bool = False) -> sa.Engine:
    """An engine that can run rules. With ``create``, a file that is not there yet may be made."""
    if not database:
        raise Failure(Blame.USAGE, f"give the database with --database URL, or in the variable {VARIABLE}")
    import sqlalchemy as sa

    from segrules.sql import prepare

    url = _url(database)
    backend = url.get_backend_name()
    if backend not in _BACKENDS:
        known = ", ".join(_BACKENDS)
        raise Failure(Blame.USAGE, f'"{url.drivername}" is no database that can be opened; there are {known}')
    if backend in ("sqlite", "duckdb") and not create and url.database not in (None, "", ":memory:"):
        if not Path(str(url.database)).exists():
            raise Failure(Blame.ENVIRONMENT, f"there is no database file {url.database}")
    try:
        engine = sa.create_engine(url)
    except sa.exc.NoSuchModuleError:
        raise Failure(Blame.USAGE, f'"{url.drivername}" is no driver of {backend}') from None
    except ImportError as cause:
        extra = _EXTRAS.get(backend)
        way_out = f"; install it with: pip install 'segrules[{extra}]'" if extra else ""
        raise Failure(Blame.ENVIRONMENT, f"the driver for {backend} is missing ({cause}){way_out}") from None
    with told(engine):
        with engine.connect():
            pass
        prepare(engine)
    return engine


@contextmanager
def told(engine: sa.Engine, shop: Shop | None = None) -> Iterator[None]:
    """What the database refuses is told as a failure of the environment.

    With a shop, its mapping is held against the database first, which names what is missing.
    """
    import sqlalchemy as sa

    refusals = (sa.exc.DBAPIError, _native_error(engine))
    try:
        yield
    except refusals as cause:
        where = engine.url.render_as_string(hide_password=True)
        if shop is not None:
            with suppress(*refusals):
                _hold_against(shop, engine, where)
        reason = " ".join(str(getattr(cause, "orig", None) or cause).split())
        raise Failure(Blame.ENVIRONMENT, f"the database {where} says: {reason}") from None


def _hold_against(shop: Shop, engine: sa.Engine, where: str) -> None:
    """The database has the shop's tables; a Failure that names the first few that it lacks."""
    try:
        shop.check(engine)
    except ShopError as error:
        lines = str(error).splitlines()
        shown = [f"  {line}" for line in lines[:_SHOWN]]
        if len(lines) > _SHOWN:
            shown.append(f"  and {len(lines) - _SHOWN} more")
        declaration = getattr(shop, "declaration", None)
        head = f"the database {where} does not hold the default shop (segrules demo makes one to try):"
        if declaration is not None:
            head = f"the database {where} is not as {declaration.name} says (segrules doctor looks closer):"
        raise Failure(Blame.ENVIRONMENT, "\n".join([head, *shown])) from None


def _native_error(engine: sa.Engine) -> type[Exception]:
    """The root of the driver's own errors, which may come out of work that goes past SQLAlchemy."""
    found: type[Exception] = engine.dialect.loaded_dbapi.Error
    return found


def _url(database: str) -> sa.URL:
    """The URL of a database; a bare file name is one too when its suffix tells what it is."""
    import sqlalchemy as sa

    if "://" not in database:
        backend = _SUFFIXES.get(Path(database).suffix.lower())
        if backend is None:
            raise Failure(
                Blame.USAGE,
                f'"{database}" is no database URL; write one like sqlite:///shop.db or postgresql://user@host/shop',
            )
        return sa.URL.create(backend, database=database)
    try:
        url = sa.make_url(database)
    except (sa.exc.ArgumentError, ValueError):
        raise Failure(Blame.USAGE, "this is no database URL; write one like postgresql://user@host/shop") from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
