"""When a mail may go out: its delay, the customer's clock, the window, the gap to the mail before, and the cap.

Every moment is aware. A zone's clock is taken in stretches between two changes of its offset: inside one the local
time is a plain sum, so that gaps, repeated hours and skipped days need no rules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules_sequences.lengths import DAYS, Cap, Delay, Window

_UTC = ZoneInfo("UTC")
#: A window that opens at all opens within this.
_FURTHEST = timedelta(days=40)
_STRIDE = timedelta(hours=12)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
#: Window, gap and cap may push each other on; after so many rounds the mail waits where it is, and is asked again.
_ROUNDS = 8


@frozen
class Limits:
    """What holds a mail back beyond its delay. ``sent`` are the moments of the customer's mails under the cap."""

    window: Window | None = None
    zone: ZoneInfo = _UTC
    gap_until: datetime | None = None
    cap: Cap | None = None
    sent: Sequence[datetime] = ()


def after(start: datetime, delay: Delay, zone: ZoneInfo) -> datetime:
    """The moment a delay after another; a local one that falls into a gap is the first moment behind it."""
    if not delay.local:
        return start.astimezone(UTC) + delay.length
    return _resolved(start.astimezone(zone).replace(tzinfo=None) + delay.length, zone)


def earliest(moment: datetime, limits: Limits) -> datetime:
    """The first moment, up to and including this one, at which nothing holds the mail back."""
    for _ in range(_ROUNDS):
        found = moment if limits.window is None else opening(moment, limits.window, limits.zone)
        if limits.gap_until is not None:
            found = max(found, limits.gap_until)
        found = _below(limits.cap, limits.sent, found)
        if found == moment:
            break
        moment = found
    return moment


def opening(moment: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The first moment, up to and including this one, at which a window is open by a zone's clock."""
    moment = moment.astimezone(UTC)
    for begin, end, offset in _stretches(moment, zone):
        local = begin.replace(tzinfo=None) + offset
        found = _opening(local, window)
        if found - local < end - begin:
            return begin + (found - local)
    return moment + _FURTHEST


def _opening(local: datetime, window: Window) -> datetime:
    """The same on a clock that never changes."""
    midnight = datetime.combine(local.date(), time())
    starts, length = _since_midnight(window.start), _since_midnight(window.end) - _since_midnight(window.start)
    if length < timedelta(0):
        length += _DAY
    for number in range(-1, 8):
        day = midnight + number * _DAY
        if DAYS[day.weekday()] in window.days and local < day + starts + length:
            return max(local, day + starts)
    raise AssertionError("a window is open on some day of each week")


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute)


def _below(cap: Cap | None, sent: Sequence[datetime], moment: datetime) -> datetime:
    """The first moment at which one more mail keeps to the cap."""
    if cap is None or len(sent) < cap.mails:
        return moment
    return max(moment, sorted(sent)[-cap.mails] + cap.period)


def _stretches(moment: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Beginning, end and offset of each stretch in which a zone's clock runs evenly, from a moment on."""
    begin, last = moment, moment + _FURTHEST
    offset = _offset(begin, zone)
    probe = begin
    while probe < last:
        following = probe + _STRIDE
        if _offset(following, zone) != offset:
            change = _change(probe, following, zone)
            yield begin, change, offset
            begin, offset, following = change, _offset(change, zone), change
        probe = following
    yield begin, last, offset


def _change(before: datetime, behind: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, to the second, at which the offset is no longer that of ``before``."""
    low, high = int(before.timestamp()), -int(-behind.timestamp() // 1)
    offset = _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def _resolved(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a local time: of two the first, and of none the first moment behind the gap."""
    found = local.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    other = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(min(found, other) - _SECOND, max(found, other) + _SECOND, zone)
