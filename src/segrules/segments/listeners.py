"""Who is told when members change: installed plugins, and listeners of one store."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points

import sqlalchemy as sa

from segrules.hookspecs import MembersChanged
from segrules.vocabulary import GROUP, registered

#: Is called inside the transaction that changes the members; what it raises undoes the change.
Listener = Callable[[sa.Connection, MembersChanged], None]


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
