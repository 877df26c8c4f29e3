"""What segrules finds when it looks for plugins: sequences hear who enters or leaves a segment, and of its new name.

Loading this module loads neither SQLAlchemy nor a template engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segrules.hookspecs import MembersChanged, SegmentChange, hookimpl

if TYPE_CHECKING:
    import sqlalchemy as sa


@hookimpl
def segrules_members_changed(connection: sa.Connection, change: MembersChanged) -> None:
    """Enrol who entered, stop who left, in the transaction of the refresh."""
    from segrules_sequences.enrolment import members_changed

    members_changed(connection, change)


@hookimpl
def segrules_segment_changing(connection: sa.Connection, change: SegmentChange) -> list[str]:
    """Follow a segment to its new name; one that a sequence runs on is not deleted."""
    from segrules_sequences.following import segment_changing

    return segment_changing(connection, change)
