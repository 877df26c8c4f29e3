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


@frozen(eq=False)
class SegmentChange:
    """A stored segment that is about to get another name, or to be deleted: then ``new`` is None.

    ``shop`` is what the rules of the store are about; ``prefix`` and ``schema`` say where its tables are.
    """

    segment: str
    new: str | None
    shop: Any
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


@hookspec
def segrules_segment_changing(connection: sa.Connection, change: SegmentChange) -> Iterable[str]:  # type: ignore[empty-body]
    """A stored segment is about to be renamed or deleted, in the transaction that does it.

    Who names segments follows, on the connection, or gives what needs this one as it is, such as
    ``the sales rule "summer"``: then nothing changes, and the refusal lists it. Never commit or roll back here.
    """
