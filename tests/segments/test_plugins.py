"""Installed plugins hear of members who enter and leave."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.segments import Segment, SegmentStore, listeners

from .conftest import Stores
from .shops import Ear


def test_a_plugin_is_told(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stores("sqlite")
    ear, only_change = Ear(), []

    class Plugin:
        @sr.hookimpl
        def segrules_members_changed(self, connection: sa.Connection, change: sr.MembersChanged) -> None:
            ear(connection, change)

    class Brief:
        @sr.hookimpl
        def segrules_members_changed(self, change: sr.MembersChanged) -> None:
            only_change.append(change.segment)

    plugins = {"one": Plugin(), "two": Brief()}
    points = [SimpleNamespace(name=name, value=name, dist=None, load=lambda p=p: p) for name, p in plugins.items()]
    asked: list[str] = []

    def entry_points(group: str) -> Any:
        asked.append(group)
        return points

    monkeypatch.setattr(listeners, "entry_points", entry_points)
    listeners.installed.cache_clear()
    try:
        store = SegmentStore(found.engine, found.shop)
        store.save(Segment(name="a", rule='customer.first_name is "a"'))
        store.refresh("a")
        assert ear.latest() == ("a", "refresh", [1, 4, 7, 10], [])
        store.refresh("a")
        assert ear.heard == []
        assert only_change == ["a"]
        assert asked == ["segrules"], "plugins are asked once"
    finally:
        listeners.installed.cache_clear()


class Users:
    """A plugin that names segments: it follows, unless something needs a segment as it is."""

    def __init__(self, *needs: str) -> None:
        self.needs, self.followed = needs, []  # type: tuple[str, ...], list[tuple[str, str | None, str]]

    @sr.hookimpl
    def segrules_segment_changing(self, connection: sa.Connection, change: sr.SegmentChange) -> list[str]:
        names = sa.Table(f"{change.prefix}segments", sa.MetaData(), sa.Column("name", sa.String))
        stored = connection.scalars(sa.select(names.c.name).order_by(names.c.name)).all()
        self.followed.append((change.segment, change.new, " ".join(stored)))
        assert change.shop.mapping is not None
        return list(self.needs)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"])
def test_plugins_follow_a_segment_or_hold_it(stores: Stores, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stores(backend)
    follower, holder = Users(), Users('the sales rule "summer"')
    points = [
        SimpleNamespace(name=str(each), value="", dist=None, load=lambda p=each: p) for each in (follower, holder)
    ]
    monkeypatch.setattr(listeners, "entry_points", lambda group: points)
    store = SegmentStore(found.engine, found.shop)
    store.save(Segment(name="a", rule="true"))
    store.refresh("a")
    listeners.consulted.cache_clear()
    try:
        for change, what in ((lambda: store.rename("a", "b"), "renamed"), (lambda: store.delete("a"), "deleted")):
            with pytest.raises(sr.SegmentError) as refusal:
                change()
            assert str(refusal.value) == (
                f'the segment "a" cannot be {what}: it is used by the sales rule "summer"; change that first'
            )
            assert [each.name for each in store.list()] == ["a"] and store.size("a") == 12
        with pytest.raises(sr.SegmentError, match='the sales rule "summer"'):
            store.apply([], prune=True)
        holder.needs = ()
        follower.followed.clear()
        assert store.rename("a", "b").name == "b"
        store.delete("b")
        assert follower.followed == [("a", "b", "b"), ("b", None, "b")]
        with pytest.raises(sr.SegmentError, match='no segment "a"'):
            store.rename("a", "c")
        assert len(follower.followed) == 2
    finally:
        listeners.consulted.cache_clear()


def test_without_plugins_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "entry_points", lambda group: [])
    for each in (listeners.installed, listeners.consulted):
        each.cache_clear()
        assert each() is None
        each.cache_clear()


def test_a_misspelt_hook_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        @sr.hookimpl
        def segrules_member_changed(self, connection: sa.Connection) -> None:
            raise AssertionError

    point = SimpleNamespace(name="x", value="x", dist=None, load=Plugin)
    monkeypatch.setattr(listeners, "entry_points", lambda group: [point])
    listeners.installed.cache_clear()
    with pytest.raises(sr.VocabularyError, match="plugin"):
        listeners.installed()
    listeners.installed.cache_clear()
