"""Databases: SQLite in a file, PostgreSQL and MariaDB where a server answers, each in a place of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from segrules.segments import SegmentStore
from segrules.segments.listeners import installed as listeners
from segrules.sql import prepare
from segrules.testing.backends import BackendAbsentError, fresh, required

from segrules_sequences import Sequences, plugin

from . import shops

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
BACKENDS = ("sqlite", "postgresql", "mariadb")
Engines = Callable[[str], sa.Engine]


@pytest.fixture(scope="session", autouse=True)
def _only_this_plugin() -> Iterator[None]:
    """Other plugins that happen to be installed have no part in these tests."""
    from segrules.hookspecs import MembersChanged
    from segrules.segments import listeners as module

    def tell(connection: sa.Connection, change: MembersChanged) -> None:
        plugin.segrules_members_changed(connection, change)

    listeners.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segrules.segments.store.installed", lambda: tell)
        patch.setattr("segrules.segments.store.consulted", lambda: plugin.segrules_segment_changing)
        yield
    assert module.installed is not None


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """An engine on each backend, made when it is first asked for, and emptied each time."""
    found: dict[str, sa.Engine] = {}
    with ExitStack() as stack:

        def engine(name: str) -> sa.Engine:
            if name not in found:
                if name == "sqlite":
                    path = tmp_path_factory.mktemp("sqlite") / "shop.db"
                    found[name] = sqlite(path)
                else:
                    try:
                        found[name] = stack.enter_context(fresh(name)).engine
                    except BackendAbsentError as absence:
                        if name in required():
                            raise
                        pytest.skip(str(absence))
            emptied(found[name])
            return found[name]

        yield engine
        for each in found.values():
            each.dispose()


def sqlite(path: Path, *, synchronous: str = "OFF") -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 60})
    prepare(engine)

    def quickly(connection: Any, record: object) -> None:
        # A process that is killed loses nothing of what the system has taken; the power is not cut here.
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    sa.event.listen(engine, "connect", quickly)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    return engine


def emptied(engine: sa.Engine) -> None:
    """Rows are deleted rather than tables dropped: making tables takes longest of all."""
    with engine.begin() as connection:
        for table in shops.tables_of(engine):
            connection.execute(sa.delete(table))


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest, engines: Engines) -> sa.Engine:
    return engines(request.param)


@pytest.fixture
def store(engine: sa.Engine) -> SegmentStore:
    """A shop of three Anns."""
    return shops.make_shop(engine, 3)


@pytest.fixture
def sequences(store: SegmentStore) -> Sequences:
    return shops.make_sequences(store)


@pytest.fixture
def on_sqlite(engines: Engines) -> SegmentStore:
    return shops.make_shop(engines("sqlite"), 3)


@pytest.fixture
def world(store: SegmentStore) -> Iterator[shops.World]:
    """Three Anns at noon of a Wednesday."""
    found = shops.World(store, NOON)
    yield found
    found.close()


@pytest.fixture
def small_world(on_sqlite: SegmentStore) -> Iterator[shops.World]:
    """The same on SQLite alone, for what no database has a part in."""
    found = shops.World(on_sqlite, NOON)
    yield found
    found.close()
