"""Who is told when members change, and asked before a segment does: installed plugins, and listeners of one store."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points

import sqlalchemy as sa

from segrules.hookspecs import MembersChanged, SegmentChange
from segrules.vocabulary import GROUP, registered

#: Is called inside the transaction that changes the members; what it raises undoes the change.
Listener = Callable[[sa.Connection, MembersChanged], None]
#: Follows a change inside the transaction that makes it, or gives what does not allow it.
Consulted = Callable[[sa.Connection, SegmentChange], list[str]]


@cache
def installed() -> Listener | None:
    """One listener that calls every installed plugin with the hook, or None when there is none; found once."""
    manager, _ = registered(entry_points(group=GROUP))
    hook = manager.hook.segrules_members_changed
    if not hook.get_hookimpls():
        return None

    def tell(connection: sa.Connection, change: MembersChanged) -> None:
        hook(connection=connection, change=change)

    return tell


@cache
def consulted() -> Consulted | None:
    """One that asks every installed plugin with the hook, or None when there is none; found once."""
    manager, _ = registered(entry_points(group=GROUP))
    hook = manager.hook.segrules_segment_changing
    if not hook.get_hookimpls():
        return None

    def ask(connection: sa.Connection, change: SegmentChange) -> list[str]:
        return sorted(each for found in hook(connection=connection, change=change) for each in found)

    return ask
