"""Segments refreshed at once have the members that each finds by itself, whatever they share, on every database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.errors import SegrulesError
from segrules.segments import Segment, SegmentStore, Status
from segrules.segments.judging import Judge, Judgement
from segrules.testing.backends import BACKENDS, Backend, fresh_or_skipped
from segrules.testing.choosing import Seeded, happens, one_of
from segrules.testing.customers import Population
from segrules.testing.questions import RuleQuestion
from segrules.testing.rules import make_rule
from segrules.testing.scene import WEBSITES, Scene
from segrules.testing.stage import Stage

from .shops import NOW, ids

SHOP = sr.Shop.default(timezone="Europe/Rome")
#: Stored before the others, which may name them.
NAMED = (Segment(name="VIP", rule="lifetime.orders > 0"), Segment(name="new", rule="customer.id in (1, 4, 7)"))


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh_or_skipped(request.param) as found:
        yield found


def emptied(store: SegmentStore) -> SegmentStore:
    store.create_tables()
    with store.engine.begin() as connection:
        for table in store.metadata.sorted_tables:
            connection.execute(sa.delete(table))
    return store


def drawn(chooser: Seeded, scene: Scene, many: int) -> Iterator[Segment]:
    """Segments of all sorts, on some websites, for some groups."""
    while many:
        made = make_rule(chooser, scene, None, 8)
        try:
            question = RuleQuestion.of(made.node, scene, {})
        except SegrulesError:
            continue
        if question.rule.parameters:
            continue
        website = [one_of(chooser, WEBSITES)] if happens(chooser, 6) else []
        groups = ["staff", "general"] if happens(chooser, 8) else []
        yield Segment(name=f"s{many:02}", rule=question.rule, websites=website, groups=groups)
        many -= 1


def refreshed(store: SegmentStore, name: str, **more: Any) -> sr.Refresh | None:
    """The refresh of one segment; None when its rule is refused."""
    try:
        return store.refresh(name, **more)
    except SegrulesError:
        return None


@pytest.mark.parametrize("seed", range(2))
def test_members_are_those_of_each_alone(backend: Backend, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = Seeded(f"segments {seed}")
    monkeypatch.setattr("segrules.segments.sharing.ENOUGH", one_of(chooser, (1, 2)))
    scene = Scene.drawn(chooser, SHOP)
    stage = Stage(backend, SHOP)
    stage.close()
    together, alone = (emptied(SegmentStore(stage.engine, SHOP, prefix=prefix)) for prefix in ("a_", "b_"))
    segments = [*NAMED, *drawn(chooser, scene, 15)]
    for store in (together, alone):
        store.save_all(segments)
    names = [each.name for each in segments]
    for customers in (None, [1, 2, 5, 9, 77]):
        stage.connection = stage.engine.connect()
        stage.put(Population.drawn(chooser, scene, 10).customers)
        stage.close()
        done = {each.segment: each for each in together.refresh_all(at=scene.at, customers=customers)}
        for name in names:
            singly = refreshed(alone, name, at=scene.at, customers=customers)
            if singly is None:  # its own shape may be refused, such as by DuckDB for too many sub-queries
                continue
            found = done[name]
            assert (found.matched, found.entered, found.left) == (singly.matched, singly.entered, singly.left), name
            assert list(together.members(name)) == list(alone.members(name)), together.get(name)
    assert sum(each.error is None for each in done.values()) > 8
    with stage.engine.connect() as connection:
        assert not sa.inspect(connection).has_table("segrules_shared"), "nothing is left on the connection"


# --- what happens meanwhile ------------------------------------------------------------------------

BOUGHT = datetime(2025, 1, 1)
SPENT = {name: f"lifetime.sales > {amount}" for name, amount in {"a": 10, "b": 20, "c": 30, "d": 40}.items()}


@pytest.fixture
def spenders(store: SegmentStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[SegmentStore]:
    """Customers who have spent ten times their number, up to 50; four segments of them, which share."""
    monkeypatch.setattr("segrules.segments.sharing.ENOUGH", 3)
    orders = store.shop.tables["orders"]  # type: ignore[attr-defined]
    with store.engine.begin() as connection:
        connection.execute(sa.delete(orders))
        connection.execute(
            orders.insert(),
            [
                {"id": n, "customer_id": n, "status": "complete", "grand_total": 10 * n, "created_at": BOUGHT}
                for n in range(1, 6)
            ],
        )
    store.save_all([Segment(name=name, rule=rule) for name, rule in SPENT.items()])
    yield store
    with store.engine.begin() as connection:
        connection.execute(sa.delete(orders))


def buy(store: SegmentStore, customer: int) -> None:
    orders = store.shop.tables["orders"]  # type: ignore[attr-defined]
    with store.engine.begin() as connection:
        connection.execute(
            orders.insert(),
            {"id": 100, "customer_id": customer, "status": "complete", "grand_total": 500, "created_at": BOUGHT},
        )


def test_what_is_shared_is_said(spenders: SegmentStore, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "segrules.refresh"):
        done = spenders.refresh_all(at=NOW)
    assert [(each.segment, each.matched) for each in done] == [("a", 4), ("b", 3), ("c", 2), ("d", 1)]
    said: Any = caplog.records[0]
    assert (said.shared["shared"], said.shared["columns"]) == (4, 2)
    assert caplog.records[0].getMessage().startswith("shared=4 columns=2 seconds=")
    assert len(caplog.records) == 5


@pytest.fixture
def singly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments share, and each is written by itself."""
    monkeypatch.setattr("segrules.segments.sharing.TOGETHER", 1)


@pytest.mark.usefixtures("singly")
def test_whoever_was_refreshed_meanwhile_is_judged_by_itself(spenders: SegmentStore) -> None:
    """What is shared is as old as the run; members that somebody else has written since then are newer."""
    spenders.refresh_all(at=NOW)

    def meanwhile(number: int, of: int, latest: sr.Refresh) -> None:
        if latest.segment == "a":
            buy(spenders, 9)
            spenders.refresh("c", at=NOW, customers=[9])

    spenders.refresh_all(at=NOW, progress=meanwhile)
    assert ids(spenders, "c") == [4, 5, 9]
    assert ids(spenders, "d") == [5], "as of the moment at which the run began"
    spenders.refresh_all(at=NOW)
    assert ids(spenders, "d") == [5, 9]


@pytest.mark.usefixtures("singly")
def test_whoever_was_changed_meanwhile_is_judged_by_itself(spenders: SegmentStore) -> None:
    def meanwhile(number: int, of: int, latest: sr.Refresh) -> None:
        if latest.segment == "a":
            spenders.save(sr.Segment(name="c", rule="lifetime.sales > 0", version=1))
            spenders.deactivate("d")

    done = spenders.refresh_all(at=NOW, progress=meanwhile)
    assert [(each.segment, each.matched) for each in done] == [("a", 4), ("b", 3), ("c", 5), ("d", 0)]
    assert done[3].skipped


def test_one_that_cannot_be_asked_spoils_nothing(spenders: SegmentStore, caplog: pytest.LogCaptureFixture) -> None:
    segments = spenders.tables.segments
    with spenders.engine.begin() as connection:
        connection.execute(sa.update(segments).where(segments.c.name == "a").values(rule="customer.nonsense is 1"))
    with caplog.at_level(logging.INFO, "segrules.refresh"):
        done = spenders.refresh_all(at=NOW)
    assert sorted((each.segment, each.matched, each.failed) for each in done) == [
        ("a", 0, True), ("b", 3, False), ("c", 2, False), ("d", 1, False),
    ]  # fmt: skip
    assert any(getattr(each, "shared", {}).get("shared") == 3 for each in caplog.records)


def test_one_listener_that_raises_stops_no_other(spenders: SegmentStore) -> None:
    """What was written together is undone together, and then each is refreshed by itself."""
    told: list[str] = []

    def listen(connection: sa.Connection, change: sr.MembersChanged) -> None:
        told.append(change.segment)
        if change.segment == "b":
            raise ValueError("not this one")

    store = SegmentStore(spenders.engine, spenders.shop, listeners=[listen])
    done = store.refresh_all(at=NOW)
    assert [(each.segment, each.entered, each.failed) for each in done] == [
        ("a", 4, False), ("b", 0, True), ("c", 2, False), ("d", 1, False),
    ]  # fmt: skip
    assert told == ["a", "b", "a", "b", "c", "d"]
    assert [len(ids(store, name)) for name in "abcd"] == [4, 0, 2, 1]
    assert [len(store.history(name)) for name in "abcd"] == [1, 0, 1, 1]
    assert [store.state(name).status.value for name in "abcd"] == ["completed", "error", "completed", "completed"]
    assert store.state("b").message == "ValueError: not this one"


def test_members_that_somebody_changes_while_they_are_judged(
    spenders: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody is locked out while customers are judged, so what was found may be too old to be written."""
    if spenders.engine.dialect.name != "sqlite":
        pytest.skip("there the segments' rows are locked meanwhile")
    judged, others = Judge.judged, iter([1])

    def slowly(judge: Judge, *arguments: Any) -> Judgement:
        found = judged(judge, *arguments)
        for _ in others:  # once
            judge.run.connection.commit()
            buy(spenders, 9)
            spenders.refresh("c", at=NOW)
        return found

    monkeypatch.setattr(Judge, "judged", slowly)
    done = spenders.refresh_all(at=NOW)
    assert {each.segment: each.matched for each in done} == {"a": 4, "b": 3, "c": 3, "d": 1}
    assert (ids(spenders, "c"), ids(spenders, "d")) == ([4, 5, 9], [5])
    assert [len(spenders.history(name)) for name in "abcd"] == [1, 1, 2, 1]


def test_without_what_is_shared(
    spenders: SegmentStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure there, such as a full temporary disk, is told, and each segment is judged by itself."""

    def full(*arguments: Any, **further: Any) -> None:
        raise sa.exc.OperationalError("CREATE", {}, Exception("no space left"))

    monkeypatch.setattr("segrules.segments.sharing.keep", full)
    done = spenders.refresh_all(at=NOW)
    assert [each.matched for each in done] == [4, 3, 2, 1]
    assert caplog.records[0].levelname == "WARNING"
    assert "no space left" in caplog.records[0].getMessage()


@pytest.mark.usefixtures("singly")
def test_the_connection_is_lost_meanwhile(spenders: SegmentStore) -> None:
    """The segment whose turn it is fails and says so; the others go on without what was shared."""
    if spenders.engine.dialect.name in ("sqlite", "duckdb"):
        pytest.skip("there is no server")
    postgresql = spenders.engine.dialect.name == "postgresql"
    numbers: list[int] = []

    def listen(connection: sa.Connection, change: sr.MembersChanged) -> None:
        asked = sa.text(f"SELECT {'pg_backend_pid' if postgresql else 'connection_id'}()")
        numbers.append(int(connection.scalar(asked) or 0))

    def cut(number: int, of: int, latest: sr.Refresh) -> None:
        if latest.segment == "a":
            with spenders.engine.begin() as killer:
                said = f"SELECT pg_terminate_backend({numbers[0]})" if postgresql else f"KILL {numbers[0]}"
                killer.execute(sa.text(said))

    store = SegmentStore(spenders.engine, spenders.shop, listeners=[listen])
    done = store.refresh_all(at=NOW, progress=cut)
    assert [each.failed for each in done] == [False, True, False, False]
    assert (ids(store, "a"), ids(store, "b"), ids(store, "c")) == ([2, 3, 4, 5], [], [4, 5])
    assert [store.state(name).status for name in "abc"] == [Status.COMPLETED, Status.PENDING, Status.COMPLETED]
    assert store.refresh("b", at=NOW).matched == 3
