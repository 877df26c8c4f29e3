"""Stored segments: kept in tables beside the shop's, refreshed in SQL, read by index. See :class:`SegmentStore`."""

from segrules.segments.membership import Member, Point
from segrules.segments.planning import Action, Step
from segrules.segments.reporting import Refresh
from segrules.segments.segment import Mode, Segment, State, Status
from segrules.segments.store import SegmentStore
from segrules.segments.trying import Difference, Passing

__all__ = [
    "Action",
    "Difference",
    "Member",
    "Mode",
    "Passing",
    "Point",
    "Refresh",
    "Segment",
    "SegmentStore",
    "State",
    "Status",
    "Step",
]
