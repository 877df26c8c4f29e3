"""When segments are due: a cron expression in the shop's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from segrules.errors import SegmentError

#: Every day at five in the morning.
DAILY = "0 5 * * *"


def last_time(expression: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The latest moment, up to and including now, at which a cron expression has come; in UTC.

    A day on which the local time does not exist has it at the first instant after the gap; one that has it twice,
    the first time. Raises SegmentError when the expression is none.
    """
    return _times(expression, zone, now)[0]


def next_time(expression: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The first moment after now at which it comes; in UTC."""
    return _times(expression, zone, now)[1]


def _times(expression: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The latest moment and the next one."""
    try:
        from cronsim import CronSim, CronSimError
    except ImportError as cause:
        raise SegmentError("the schedule needs cronsim: pip install 'segrules[schedule]'") from cause
    local = now.astimezone(zone)
    try:
        found = next(CronSim(expression, local, reverse=True))
        # Going backwards leaves out the very minute in which we are.
        start = local.replace(second=0, microsecond=0).astimezone(UTC)
        ahead = CronSim(expression, found)
        following = next(ahead)
        while following.astimezone(UTC) <= start:
            found, following = following, next(ahead)
    except (CronSimError, StopIteration) as cause:
        raise SegmentError(f'"{expression}" is no schedule: {cause}; write five fields like "{DAILY}"') from cause
    return found.astimezone(UTC), following.astimezone(UTC)
