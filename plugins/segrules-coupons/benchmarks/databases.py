"""Where the benchmarks run: each database in a schema of its own, which is gone afterwards."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import segrules as sr
import sqlalchemy as sa
from segrules.testing.backends import fresh

from segrules_coupons import CouponStore, Limits

BACKENDS = ("sqlite", "postgresql", "mariadb")

#: Opens the same database anew, with so many connections.
Connect = Callable[..., CouponStore]


def chosen(description: str, **numbers: int) -> Any:
    """The databases and numbers that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("databases", nargs="*", default=BACKENDS, metavar="DATABASE", help=", ".join(BACKENDS))
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


@contextmanager
def database(name: str) -> Iterator[Connect]:
    """A database with the tables of a store. SQLite as a file in WAL mode, with its full synchronisation."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{Path(folder) / 'shop.db'}"
            store = at(url)
            store.create_tables()
            with store.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            store.engine.dispose()
            yield lambda connections=1: at(url, connections)
        return
    with fresh(name) as backend:
        CouponStore(backend.engine).create_tables()
        arguments = {}
        if name == "postgresql":
            with backend.engine.connect() as connection:
                schema = connection.scalar(sa.text("SELECT current_schema()"))
            arguments = {"options": f"-csearch_path={schema}"}
        url = backend.engine.url
        backend.engine.dispose()
        yield lambda connections=1: at(url, connections, **arguments)


def at(url: str | sa.URL, connections: int = 1, **arguments: str) -> CouponStore:
    """A store with so many connections of its own."""
    engine = sa.create_engine(url, connect_args=arguments, pool_size=connections, max_overflow=0, pool_timeout=600)
    # SQLite hands its one lock to whoever asks at the right moment, so with many processes some wait long.
    return CouponStore(engine, sr.Shop.default(), limits=Limits(patience=timedelta(minutes=10)))


def counted(store: CouponStore) -> tuple[int, int]:
    """How many codes there are, and how many different ones."""
    coupons = store.tables.coupons
    with store.engine.connect() as connection:
        row = connection.execute(sa.select(sa.func.count(), sa.func.count(sa.distinct(coupons.c.code)))).one()
    return row[0], row[1]
