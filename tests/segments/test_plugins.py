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


def test_without_plugins_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "entry_points", lambda group: [])
    listeners.installed.cache_clear()
    assert listeners.installed() is None
    listeners.installed.cache_clear()


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
