"""What segrules finds when it looks for plugins: sequences hear of everybody who enters or leaves a segment.

Loading this module loads neither SQLAlchemy nor a template engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segrules.hookspecs import MembersChanged, hookimpl

if TYPE_CHECKING:
    import sqlalchemy as sa


@hookimpl
def segrules_members_changed(connection: sa.Connection, change: MembersChanged) -> None:
    """Enrol who entered, stop who left, in the transaction of the refresh."""
    from segrules_sequences.enrolment import members_changed

    members_changed(connection, change)
