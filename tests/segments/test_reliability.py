"""Members are the old or the new set, never a mixture, and the status tells the truth, whatever happens."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.segments import Segment, SegmentStore, Status
from segrules.sql import prepare

from .conftest import Stores
from .shops import NOW, cleaned, ids, make_store, rename

#: So many customers, half of them called a, half b.
MANY = 2_000
RULES = {letter: f'customer.first_name is "{letter}"' for letter in "ab"}
EXPECTED = {letter: [n for n in range(1, MANY + 1) if "ba"[n % 2] == letter] for letter in "ab"}

#: Makes an engine of its own, which another process may call too.
Connect = Callable[[], sa.Engine]


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Connect:
    path = tmp_path / "shop.db"
    return lambda: _prepared(sa.create_engine(f"sqlite:///{path}"))


def _prepared(engine: sa.Engine) -> sa.Engine:
    prepare(engine)
    return engine


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def connect(request: pytest.FixtureRequest, stores: Stores, sqlite_file: Connect) -> Connect:
    """A shop of many customers and an empty store, on a database that several processes can use."""
    names = "ab" * (MANY // 2)
    if request.param == "sqlite":
        cleaned(make_store(sqlite_file()), names)
        return sqlite_file
    engine = stores(request.param, names).engine
    if request.param == "mariadb":
        return lambda: _prepared(sa.create_engine(engine.url))
    with engine.connect() as connection:
        schema = connection.scalar(sa.text("SELECT current_schema()"))
    return lambda: _prepared(sa.create_engine(engine.url, connect_args={"options": f"-csearch_path={schema}"}))


def store_at(connect: Connect, **more: Any) -> SegmentStore:
    return SegmentStore(connect(), sr.Shop.default(), **more)


def turn(connect: Connect) -> None:
    """Change the segment from one rule to the other and refresh it, for ever."""
    store = store_at(connect)
    while True:
        segment = store.get("letters")
        letter = "b" if segment.rule == RULES["a"] else "a"
        store.save(attrs.evolve(segment, rule=RULES[letter]))
        store.refresh("letters")


def test_killed_at_random_points(connect: Connect) -> None:
    store = store_at(connect)
    store.save(Segment(name="letters", rule=RULES["a"]))
    store.refresh("letters")
    chance = random.Random(20250704)
    for _ in range(5):
        process = multiprocessing.get_context("fork").Process(target=turn, args=(connect,), daemon=True)
        process.start()
        time.sleep(0.15 + chance.random() * 0.35)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found, state, segment = ids(store, "letters"), store.state("letters"), store.get("letters")
        assert state.status is not Status.ERROR
        assert found in EXPECTED.values()
        assert state.members == store.history("letters")[-1].members == len(found)
        if state.status is Status.COMPLETED:
            assert segment.rule == RULES["a" if found == EXPECTED["a"] else "b"]
        assert not store.refresh("letters").failed
        assert store.state("letters").status is Status.COMPLETED
        assert ids(store, "letters") == EXPECTED["a" if segment.rule == RULES["a"] else "b"]
    store.engine.dispose()


def test_two_at_once(connect: Connect) -> None:
    """Both end well, one behind the other, and nobody enters twice."""
    heard: list[tuple[int, int]] = []
    inside: list[str] = []

    def listen(connection: sa.Connection, change: sr.MembersChanged) -> None:
        assert not inside, "two refreshes of one segment at once"
        inside.append(change.segment)
        time.sleep(0.05)
        heard.append((change.entered_count, change.left_count))
        inside.pop()

    several = [store_at(connect, listeners=[listen]) for _ in range(3)]
    several[0].save(Segment(name="letters", rule=RULES["a"]))
    done: list[Any] = []

    def work(store: SegmentStore) -> None:
        try:
            done.append(store.refresh("letters"))
        except Exception as error:  # a thread's error would be lost
            done.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.matched for each in done] == [MANY // 2] * 3
    assert heard == [(MANY // 2, 0)]
    assert sorted(each.entered for each in done) == [0, 0, MANY // 2]
    assert len(several[0].history("letters")) == 3
    for store in several:
        store.engine.dispose()


def test_due_started_twice(connect: Connect) -> None:
    several = [store_at(connect) for _ in range(2)]
    several[0].save_all([Segment(name=name, rule=RULES["a"]) for name in "xyz"])
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda store=store: done.extend(each.segment for each in store.refresh_due(NOW)))
        for store in several
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["x", "y", "z"]
    for store in several:
        store.engine.dispose()


def test_many_editors(connect: Connect) -> None:
    """Segments saved at the same time are all saved, each under an id of its own."""
    several = [store_at(connect) for _ in range(4)]
    errors: list[Exception] = []

    def work(number: int) -> None:
        for each in range(5):
            try:
                several[number].save(Segment(name=f"{number}-{each}", rule="true"))
            except Exception as error:  # a thread's error would be lost
                errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(several[0].list()) == 20
    for store in several:
        store.engine.dispose()


def test_not_waiting(connect: Connect) -> None:
    """While one refreshes, another that will not wait is refused, and readers see the old members."""
    if connect().dialect.name == "sqlite":
        pytest.skip("SQLite locks the database, not the segment")
    other = store_at(connect)
    seen: list[Any] = []

    def listen(connection: sa.Connection, change: sr.MembersChanged) -> None:
        seen.append((len(ids(other, "letters")), other.state("letters").status))
        with pytest.raises(sr.SegmentBusyError, match='"letters" is being refreshed'):
            other.refresh("letters", wait=False)
        seen.append(other.save(attrs.evolve(other.get("letters"), title="saved meanwhile")).version)

    store = store_at(connect, listeners=[listen])
    store.save(Segment(name="letters", rule=RULES["a"]))
    assert store.refresh("letters", wait=False).entered == MANY // 2
    assert seen == [(0, Status.PROCESSING), 2]
    assert store.state("letters").status is Status.COMPLETED
    for each in (store, other):
        each.engine.dispose()


def test_the_connection_is_cut(connect: Connect) -> None:
    """The server ends the refresh's connection in the middle of its transaction."""
    if connect().dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    other = store_at(connect)

    def cut(connection: sa.Connection, change: sr.MembersChanged) -> None:
        postgresql = connection.dialect.name == "postgresql"
        number = connection.scalar(sa.text(f"SELECT {'pg_backend_pid' if postgresql else 'connection_id'}()"))
        with other.engine.begin() as killer:
            killer.execute(sa.text(f"SELECT pg_terminate_backend({number})" if postgresql else f"KILL {number}"))

    store = store_at(connect, listeners=[cut])
    store.save(Segment(name="letters", rule=RULES["a"]))
    with pytest.raises(sa.exc.OperationalError):
        store.refresh("letters")
    assert ids(other, "letters") == []
    state = other.state("letters")
    assert state.status is Status.ERROR
    assert "OperationalError" in (state.message or "") or "AdminShutdown" in (state.message or "")
    assert other.refresh("letters").entered == MANY // 2
    for each in (store, other):
        each.engine.dispose()


def test_a_database_that_takes_nothing(sqlite_file: Connect, tmp_path: Path) -> None:
    store = cleaned(make_store(sqlite_file()), "abab")
    store.save(Segment(name="letters", rule=RULES["a"]))
    store.refresh("letters")
    rename(store, {2: "a"})
    url = f"sqlite:///file:{tmp_path / 'shop.db'}?mode=ro&uri=true"
    frozen = SegmentStore(_prepared(sa.create_engine(url)), store.shop)
    assert frozen.contains("letters", 1)
    assert frozen.matches("letters", 2)
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        frozen.refresh("letters")
    done = frozen.refresh_all()
    assert "readonly" in (done[0].error or "")
    assert ids(frozen, "letters") == [1, 3]
    assert store.state("letters").status is Status.COMPLETED


def test_a_full_disk(sqlite_file: Connect) -> None:
    store = cleaned(make_store(sqlite_file()), "ab" * (MANY // 2))
    store.save(Segment(name="letters", rule="customer.id in (1, 3)"))
    store.refresh("letters")
    store.save(attrs.evolve(store.get("letters"), rule="true"))
    with store.engine.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    full = sqlite_file()
    sa.event.listen(full, "connect", lambda raw, record: raw.execute(f"PRAGMA max_page_count = {pages}") and None)
    with pytest.raises(sa.exc.OperationalError, match="full"):
        SegmentStore(full, store.shop).refresh("letters")
    assert ids(store, "letters") == [1, 3]
    state = store.state("letters")
    assert (state.status, state.members) == (Status.ERROR, 2)
    assert "full" in (state.message or "")
    assert store.refresh("letters").matched == MANY


def test_duckdb_says_who_is_in_the_way(tmp_path: Path) -> None:
    """DuckDB has one writer; the other one is told so."""
    pytest.importorskip("duckdb")
    url = f"duckdb:///{tmp_path / 'shop.duckdb'}"
    store = cleaned(make_store(_prepared(sa.create_engine(url))), "abab")
    store.save(Segment(name="letters", rule=RULES["a"]))
    other = SegmentStore(store.engine, store.shop)
    refused: list[str] = []

    def listen(connection: sa.Connection, change: sr.MembersChanged) -> None:
        with pytest.raises(sr.SegmentBusyError) as error:
            other.refresh("letters")
        refused.append(str(error.value))

    SegmentStore(store.engine, store.shop, listeners=[listen]).refresh("letters")
    assert ids(store, "letters") == [1, 3]
    assert "somebody else is at work" in refused[0]
    store.engine.dispose()
