"""Which segments are due, and when the next one will be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import field, frozen

from segrules.segments.catalogue import Stored
from segrules.segments.schedule import last_time, next_time
from segrules.segments.segment import Mode, Status


@frozen
class Due:
    """What is due at a moment, by the schedule and by the passing of time.

    ``lag`` is by how much members may lag behind the passing of time; None: the schedule alone counts.
    """

    schedule: str
    zone: ZoneInfo
    lag: timedelta | None
    now: datetime
    since: datetime = field(init=False)

    @since.default
    def _latest(self) -> datetime:
        return last_time(self.schedule, self.zone, self.now)

    def includes(self, stored: Stored, outdated: Iterable[int]) -> bool:
        """Whether a segment is due; ``outdated`` are those that name one of which members came or went."""
        if not is_automatic(stored):
            return False
        turn = self.turn(stored)
        return not stored.is_current(self.since) or stored.id in outdated or (turn is not None and turn <= self.now)

    def turn(self, stored: Stored) -> datetime | None:
        """When members will lag too far behind; None when that is not known, or never."""
        change = stored.state.next_change_at
        return None if self.lag is None or change is None else change + self.lag

    def next(self, segments: Iterable[Stored], outdated: Iterable[int]) -> datetime | None:
        """When one of these is due next, which may be now; None when none is automatic.

        One that failed is tried again by whoever comes, and calls nobody.
        """
        automatic = [each for each in segments if is_automatic(each)]
        if not automatic:
            return None
        calling = [each for each in automatic if each.state.status not in (Status.ERROR, Status.PROCESSING)]
        if any(self.includes(each, outdated) for each in calling):
            return self.now
        turns = [turn for turn in map(self.turn, calling) if turn is not None]
        return min([next_time(self.schedule, self.zone, self.now), *turns])


def is_automatic(stored: Stored) -> bool:
    """Whether the schedule refreshes a segment."""
    return stored.segment.active and stored.segment.mode is Mode.AUTO
