"""A database server that dies in the middle of a refresh, and one that takes nothing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.segments import Segment, SegmentStore, Status
from segrules.sql import prepare
from segrules.testing import servers

from .conftest import Stores
from .shops import NOW, cleaned, ids, make_store, rename

RULE = 'customer.first_name is "a"'


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_the_server_dies_and_comes_back(backend: str) -> None:
    """The old members are there, the status tells what happened, and the next refresh is as any other."""
    with getattr(servers, backend)() as server:
        engine = sa.create_engine(server.url)
        prepare(engine)
        deaths: list[str] = []

        def die(connection: sa.Connection, change: sr.MembersChanged) -> None:
            if change.segment == "b" and not deaths:
                deaths.append(change.segment)
                server.restart()
                connection.scalar(sa.select(1))

        store = SegmentStore(engine, cleaned(make_store(engine), "abcabcabcabc").shop)
        store.save_all([Segment(name=name, rule=f'customer.first_name is "{name}"') for name in "abc"])
        store.refresh_all(at=NOW)
        rename(store, {1: "b", 2: "c", 3: "a"})
        mortal = SegmentStore(engine, store.shop, listeners=[die])
        done = mortal.refresh_all(at=NOW)
        assert [each.failed for each in done] == [False, True, False]
        assert "OperationalError" in str(done[1].error) or "AdminShutdown" in str(done[1].error)
        assert (ids(store, "a"), ids(store, "b"), ids(store, "c")) == ([3, 4, 7, 10], [2, 5, 8, 11], [2, 6, 9, 12])
        assert store.state("b").status in (Status.ERROR, Status.PROCESSING)
        assert [point.members for point in store.history("b")] == [4]
        assert store.refresh("b", at=NOW).matched == 4
        assert ids(store, "b") == [1, 5, 8, 11]
        assert store.state("b").status is Status.COMPLETED
        engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_a_server_that_takes_nothing(backend: str, stores: Stores) -> None:
    """A standby that became primary too late, or a disk that is full: reading goes on, members stay."""
    store = stores(backend)
    store.save(Segment(name="letters", rule=RULE))
    store.refresh("letters", at=NOW)
    rename(store, {2: "a"})
    url = store.engine.url
    if backend == "postgresql":
        with store.engine.connect() as connection:
            schema = connection.scalar(sa.select(sa.func.current_schema()))
        options = f"-csearch_path={schema} -cdefault_transaction_read_only=on"
        frozen = sa.create_engine(url, connect_args={"options": options})
    else:
        frozen = sa.create_engine(url, connect_args={"init_command": "SET SESSION TRANSACTION READ ONLY"})
    prepare(frozen)
    reader = SegmentStore(frozen, store.shop)
    assert reader.contains("letters", 1)
    assert reader.matches("letters", 2, at=NOW)
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.only"):
        reader.refresh("letters", at=NOW)
    assert all("read" in str(each.error).lower() for each in reader.refresh_all(at=NOW))
    assert ids(store, "letters") == [1, 4, 7, 10]
    assert store.state("letters").status is Status.COMPLETED
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.only"):
        reader.save(attrs.evolve(store.get("letters"), title="new"))
    frozen.dispose()
    found: Any = store.refresh("letters", at=NOW)
    assert found.matched == 5
