"""Lengths of time and what is made of them: delays, windows, caps; each from the text that a file has for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time, timedelta

from attrs import field, frozen

from segrules_sequences.errors import SequenceError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DURATION = re.compile(r"(\d{1,7}) *(minute|hour|day|week)s?( +local)?", re.IGNORECASE)
_CAP = re.compile(r"(\d{1,4}) +in +(.+)", re.IGNORECASE)
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


def duration(given: str | timedelta) -> timedelta:
    """A length of time from its text, like ``30 minutes`` or ``2 days``; SequenceError when it is none."""
    if isinstance(given, timedelta):
        return given
    found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None or found[3]:
        raise SequenceError(f'{given!r} is no length of time; write one like "30 minutes", "6 hours" or "2 days"')
    return int(found[1]) * _UNITS[found[2].lower()]


def duration_text(length: timedelta) -> str:
    """A length of time as text, in the largest unit that fits."""
    for unit, one in reversed(_UNITS.items()):
        if length % one == timedelta(0) and (length or unit == "minute"):
            return f"{length // one} {unit}{'' if length == one else 's'}"
    raise SequenceError(f"{length} is no whole number of minutes")


def or_never(given: str | timedelta | None) -> timedelta | None:
    """A length of time, or None for ``never``."""
    return None if given is None or given == "never" else duration(given)


@frozen
class Delay:
    """How long after the trigger. ``local`` counts days of the customer's calendar and keeps the time of the day."""

    length: timedelta
    local: bool = False

    @classmethod
    def of(cls, given: str | timedelta | Delay) -> Delay:
        """A delay from its text, like ``1 hour`` or ``1 day local``."""
        if isinstance(given, Delay):
            return given
        if isinstance(given, timedelta):
            return cls(given)
        found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
        if found is None:
            raise SequenceError(f'{given!r} is no delay; write one like "1 hour", "3 days" or "1 day local"')
        if found[3] and found[2].lower() not in ("day", "week"):
            raise SequenceError(f'{given!r}: only days and weeks can be local; write "{found[1]} {found[2]}s"')
        return cls(int(found[1]) * _UNITS[found[2].lower()], bool(found[3]))

    def __str__(self) -> str:
        return f"{self.length.days} days local" if self.local else duration_text(self.length)


def _time(given: str | time) -> time:
    if isinstance(given, time):
        return given
    try:
        return time.fromisoformat(given)
    except (TypeError, ValueError):
        raise SequenceError(f'{given!r} is no time of the day; write one like "09:00"') from None


def _days(given: Iterable[str] | str) -> tuple[str, ...]:
    chosen = {str(each).lower()[:3] for each in ([given] if isinstance(given, str) else given)}
    unknown = chosen - set(DAYS)
    if unknown:
        raise SequenceError(f"{min(unknown)!r} is no day of the week; write {', '.join(DAYS)}")
    return tuple(each for each in DAYS if each in chosen)


@frozen(kw_only=True)
class Window:
    """When mails may go out, by the customer's clock: from ``start`` until before ``end``, on these days.

    One that ends before it starts goes on after midnight, and belongs to the day on which it starts.
    """

    start: time = field(converter=_time)
    end: time = field(converter=_time)
    days: tuple[str, ...] = field(default=DAYS, converter=_days)

    def __attrs_post_init__(self) -> None:
        if self.start == self.end:
            raise SequenceError(f"the window from {self.start:%H:%M} to {self.end:%H:%M} is never open")
        if not self.days:
            raise SequenceError("the window is open on no day; leave days out for all of them")
        for each in (self.start, self.end):
            if each.tzinfo is not None or each.second or each.microsecond:
                raise SequenceError("a window starts and ends at whole minutes, without a time zone")


@frozen
class Cap:
    """No more than so many mails to one customer within a period."""

    mails: int
    period: timedelta

    @classmethod
    def of(cls, given: str | Cap | None) -> Cap | None:
        """A cap from its text, like ``3 in 7 days``."""
        if given is None or isinstance(given, Cap):
            return given
        found = _CAP.fullmatch(given.strip()) if isinstance(given, str) else None
        if found is None or int(found[1]) < 1:
            raise SequenceError(f'{given!r} is no cap; write one like "3 in 7 days"')
        return cls(int(found[1]), duration(found[2]))

    def __str__(self) -> str:
        return f"{self.mails} in {duration_text(self.period)}"


def reentry_rule(given: str | timedelta | None) -> timedelta | None:
    """``always``, ``never``, or ``after 30 days``; None stands for never."""
    match given:
        case None | timedelta():
            return given
        case "always":
            return timedelta(0)
        case "never":
            return None
        case str() if given.startswith("after "):
            return duration(given.removeprefix("after "))
        case _:
            raise SequenceError(f'{given!r} is no rule of re-entry; write "always", "never" or "after 30 days"')
