"""The shop, the database and the store that the settings name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Unpack

import sqlalchemy as sa
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.models.expressions import RawSQL
from sqlalchemy.sql.compiler import ExpandedState, SQLCompiler

from segrules.rule import Given, Rule
from segrules.segments import SegmentStore
from segrules.shop import Shop
from segrules.shop.presets import PRESETS
from segrules.sql import prepare
from segrules.sql.engines import add_functions

_KEYS = ("SHOP", "DATABASE", "PREFIX", "SCHEDULE")
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mariadb+pymysql"}
#: What of a database's OPTIONS says how to reach it; the drivers take it in the address.
_REACHED = {
    "postgresql": ("service", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"),
    "mysql": ("unix_socket", "read_default_file", "read_default_group", "ssl_ca", "ssl_cert", "ssl_key"),
}


def given_settings() -> dict[str, Any]:
    """What ``SEGRULES`` says. Raises ImproperlyConfigured for a key that it does not have."""
    given = getattr(settings, "SEGRULES", {})
    unknown = sorted(set(given) - set(_KEYS))
    if unknown:
        raise ImproperlyConfigured(f'SEGRULES has no key "{unknown[0]}"; it has {", ".join(_KEYS)}')
    return dict(given)


@cache
def shop() -> Shop:
    """The shop of ``SEGRULES["SHOP"]``: a mapping file, the name of a preset, or a Shop; else the default one.

    Days are those of the mapping file's zone; of the default shop and of presets those of Django's TIME_ZONE.
    """
    given = given_settings().get("SHOP")
    if given is None:
        return Shop.default(timezone=settings.TIME_ZONE)
    if isinstance(given, Shop):
        return given
    if str(given) in PRESETS:
        return Shop.preset(str(given), timezone=settings.TIME_ZONE)
    if not Path(given).exists():
        known = ", ".join(PRESETS)
        raise ImproperlyConfigured(f'SEGRULES["SHOP"]: there is no file {given}, and no preset; presets are {known}')
    return Shop.load(given)


def alias() -> str:
    """The name of the database among Django's."""
    return str(given_settings().get("DATABASE", "default"))


def url() -> sa.URL:
    """The address of Django's database, for SQLAlchemy. Raises ImproperlyConfigured for one that it cannot be."""
    known = connections[alias()]
    facts = known.settings_dict
    driver = _DRIVERS.get(known.vendor)
    if driver is None:
        raise ImproperlyConfigured(f"segrules knows no {known.vendor}; it knows {', '.join(_DRIVERS)}")
    name = str(facts["NAME"] or "")
    if driver == "sqlite":
        if known.is_in_memory_db():
            raise ImproperlyConfigured(
                "a database in memory cannot be opened twice: give it a file, in tests by TEST NAME"
            )
        return sa.URL.create(driver, database=name)
    host = str(facts["HOST"] or "")
    query = {key: str(value) for key, value in facts["OPTIONS"].items() if key in _REACHED[known.vendor]}
    if known.vendor == "mysql":
        query["charset"] = "utf8mb4"
        if host.startswith("/"):
            host, query["unix_socket"] = "", host
    return sa.URL.create(
        driver,
        username=facts["USER"] or None,
        password=facts["PASSWORD"] or None,
        host=host or None,
        port=int(facts["PORT"]) if facts["PORT"] else None,
        database=name or None,
        query=query,
    )


@cache
def _engine_at(address: sa.URL) -> sa.Engine:
    made = sa.create_engine(address)
    prepare(made)
    return made


def engine() -> sa.Engine:
    """An engine on the same database with connections of its own; what Django has not committed, it does not see."""
    return _engine_at(url())


@cache
def store() -> SegmentStore:
    """The stored segments, in the same database."""
    given = given_settings()
    facts = {key.lower(): given[key] for key in ("PREFIX", "SCHEDULE") if key in given}
    return SegmentStore(engine(), shop(), **facts)


def forget() -> None:
    """What was made from the settings is made anew."""
    shop.cache_clear()
    store.cache_clear()


@cache
def _dialect(address: sa.URL) -> sa.Dialect:
    """The dialect in which Django takes a statement: with %s for each value."""
    made = sa.create_engine(address, paramstyle="format")
    prepare(made)
    return made.dialect


def matching(rule: Rule, **given: Unpack[Given]) -> RawSQL:
    """The ids of all customers that match, as a sub-query: ``User.objects.filter(pk__in=matching(rule))``.

    It runs on Django's own connection, inside its transaction. Values are bound, never written into the text.
    """
    known = connections[alias()]
    if known.vendor == "sqlite":
        known.ensure_connection()
        add_functions(known.connection)
    dialect = _dialect(sa.URL.create("sqlite") if known.vendor == "sqlite" else url())
    compiled = rule.select(shop(), dialect, **given).compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    sent = compiled.construct_expanded_state(escape_names=False)
    values = [_sent(compiled, sent, name) for name in sent.positiontup or ()]
    return RawSQL(sent.statement, values)


def _sent(compiled: SQLCompiler, sent: ExpandedState, name: str) -> Any:
    """A value as the driver takes it."""
    value = sent.parameters[name]
    process = sent.processors.get(name)
    if process is None and name in compiled.binds:
        process = compiled.binds[name].type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)
    return value if process is None else process(value)
