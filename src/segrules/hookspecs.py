"""The hooks that a plugin may implement. They register; nothing calls them once per customer or row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import pluggy
from attrs import frozen

from segrules.condition import ConditionType

if TYPE_CHECKING:
    import sqlalchemy as sa

PROJECT = "segrules"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Reason(Enum):
    """Why the members of a segment changed."""

    #: All customers were judged anew.
    REFRESH = "refresh"
    #: Some customers were judged anew; all others stayed as they were.
    PARTIAL = "partial"
    #: The segment was switched off, so everybody left.
    DEACTIVATED = "deactivated"
    #: The segment was deleted, so everybody left.
    DELETED = "deleted"


@frozen(eq=False)
class MembersChanged:
    """Who entered and who left a segment, in the transaction that writes it.

    ``entered`` and ``left`` select customer ids (one column, ``customer_id``) on the connection that comes with
    them, and only until its transaction ends. ``at`` is the moment for which the customers were judged. ``prefix`` and
    ``schema`` say where the store's tables are, so that a plugin can keep its own beside them.
    """

    segment: str
    reason: Reason
    at: datetime
    entered: sa.Select[Any]
    left: sa.Select[Any]
    entered_count: int
    left_count: int
    prefix: str = "segrules_"
    schema: str | None = None


@hookspec
def segrules_condition_types() -> Iterable[type[ConditionType]]:  # type: ignore[empty-body]
    """The condition types that this plugin adds to the vocabulary."""


@hookspec
def segrules_members_changed(connection: sa.Connection, change: MembersChanged) -> None:
    """Members of a stored segment have changed, and the transaction is still open.

    What is written on the connection is kept or undone together with the membership; an error undoes both. Not
    called when nobody entered or left. Never commit or roll back here.
    """
