"""The hooks that a plugin may implement. They register; nothing calls them once per customer or row."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from segrules.condition import ConditionType

PROJECT = "segrules"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def segrules_condition_types() -> Iterable[type[ConditionType]]:  # type: ignore[empty-body]
    """The condition types that this plugin adds to the vocabulary."""
