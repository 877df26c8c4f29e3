"""Times on the wall as moments in UTC: one table for each zone, which SQL and Python both read."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from math import floor
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules.clock import offsets


@frozen
class LocalTime:
    """A zone's table: from each of ``starts`` on, ``meanings`` says what a time on the wall means.

    A meaning is the seconds east of UTC, or, inside a gap, the moment of the gap. There is one meaning more than there
    are starts: the first holds before all of them. Of an hour that comes twice, the first is meant. So a later time on
    the wall is never an earlier moment.
    """

    starts: tuple[datetime, ...]
    meanings: tuple[int | datetime, ...]
    changes: tuple[datetime, ...]
    seconds: tuple[int, ...]

    def moment(self, wall: datetime) -> datetime:
        """The naive UTC moment of a time on the wall."""
        meaning = self.meanings[bisect_right(self.starts, wall)]
        return meaning if isinstance(meaning, datetime) else wall - timedelta(seconds=meaning)

    def first(self, moment: datetime) -> datetime:
        """The first time on the wall that does not mean an earlier moment than this naive UTC one."""
        place = bisect_right(self.changes, moment)
        wall = moment + timedelta(seconds=self.seconds[place])
        if place == 0:
            return wall
        before = self.changes[place - 1] + timedelta(seconds=self.seconds[place - 1])
        if self.changes[place - 1] == moment and before < wall:
            return before
        return max(wall, before)


@cache
def local_time(zone: ZoneInfo) -> LocalTime:
    """The table of a zone."""
    changes, seconds = offsets(zone)
    starts: list[datetime] = []
    meanings: list[int | datetime] = [seconds[0]]
    for change, before, after in zip(changes, seconds, seconds[1:], strict=False):
        starts.append(change + timedelta(seconds=before))
        if after > before:
            meanings.append(change)
            starts.append(change + timedelta(seconds=after))
        meanings.append(after)
    return LocalTime(tuple(starts), tuple(meanings), changes, seconds)


def read_text(text: str, zone: str) -> datetime:
    """The naive UTC moment of ISO text; without an offset it is a time on the wall of the zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC).replace(tzinfo=None)
    return moment if zone == "UTC" else local_time(ZoneInfo(zone)).moment(moment)


def floor_units(number: int | float | str | Decimal) -> int:
    """The whole units of a number, as a database may hand it over."""
    return floor(Decimal(number)) if isinstance(number, str) else floor(number)
