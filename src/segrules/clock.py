"""Days, instants and periods: what an author says about time, and what it is at one moment.

An expression of time (``90 days ago``, ``now``, ``last quarter``) is a small frozen value that knows
nothing of the present. A :class:`Clock` holds the one present of an evaluation and the shop's time
zone, and turns expressions into dates and into naive UTC moments.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import assert_never
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules.errors import MomentError

MICROSECOND = timedelta(microseconds=1)

#: A literal year outside these cannot be held by every database.
FIRST_YEAR, LAST_YEAR = 1000, 9998


class Unit(Enum):
    """A unit of length in time; the value is its singular name."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def is_exact(self) -> bool:
        """True for minutes and hours, which are exact; longer units are calendar days."""
        return self in (Unit.MINUTE, Unit.HOUR)


class Edge(Enum):
    """Which boundary of a whole day or period is meant."""

    START = "start"
    END = "end"


@frozen
class FixedDay:
    """A day of the calendar, as a date literal names it."""

    day: date


@frozen
class RelativeDay:
    """The whole day that lies ``amount`` calendar units from today (negative: ago)."""

    amount: int
    unit: Unit = Unit.DAY


@frozen
class PeriodDay:
    """The first (START) or last (END) day of a calendar period: ``offset`` 0 is this one, -1 the last."""

    offset: int
    unit: Unit
    edge: Edge


Day = FixedDay | RelativeDay | PeriodDay


@frozen
class Now:
    """The present moment of the evaluation."""


@frozen
class RelativeInstant:
    """The instant that lies so many microseconds from now (negative: ago)."""

    microseconds: int


@frozen
class FixedInstant:
    """An instant as a date-time literal names it; a naive one is in the shop's time zone."""

    moment: datetime


@frozen
class DayEdge:
    """The instant at which a whole day starts or ends (the next one's start)."""

    day: Day
    edge: Edge


Instant = Now | RelativeInstant | FixedInstant | DayEdge


@frozen
class DayRange:
    """All days from ``first`` to ``last``, both included; empty when they are reversed."""

    first: Day
    last: Day


@frozen
class Until:
    """The days whose distance from today to their next return stands in ``op`` to ``days``.

    ``op`` is one of ``=``, ``<``, ``<=``, ``>``, ``>=``. The distance of today itself is 0.
    """

    op: str
    days: int


@frozen
class MonthDays:
    """The month-days (month * 100 + day) on which an anniversary falls inside any of the windows."""

    windows: tuple[DayRange | Until, ...]


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo) -> tuple[tuple[datetime, ...], tuple[int, ...]]:
    """The zone's changes of UTC offset from 1900 to 2100, as moments and seconds.

    Both interpreters read this one table, so a local day is the same in SQL and in Python. The second
    tuple is one longer: its first entry holds before the first change. Found by halving between weeks.
    """

    def offset_at(moment: datetime) -> int:
        found = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
        assert found is not None
        return round(found.total_seconds())

    moments: list[datetime] = []
    start = datetime(1900, 1, 1)
    seconds = [offset_at(start)]
    step = timedelta(days=7)
    while start.year < 2101:
        stop = start + step
        if offset_at(stop) != seconds[-1]:
            low, high = start, stop
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if offset_at(middle) == seconds[-1] else (low, middle)
            moments.append(high)
            seconds.append(offset_at(high))
            start = high
        else:
            start = stop
    return tuple(moments), tuple(seconds)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day in a zone of a naive UTC moment."""
    moments, seconds = offsets(zone)
    return (moment + timedelta(seconds=seconds[bisect_right(moments, moment)])).date()


def month_day(day: date) -> int:
    """Month times 100 plus day: 704 for the 4th of July."""
    return day.month * 100 + day.day


def naive_utc(moment: datetime) -> datetime:
    """The same moment as a naive datetime in UTC; a naive one is taken to be that already."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def add_units(day: date, amount: int, unit: Unit) -> date:
    """The day some calendar units away; months clamp to their last day, the calendar's ends hold."""
    match unit:
        case Unit.DAY | Unit.WEEK:
            number = day.toordinal() + amount * (7 if unit is Unit.WEEK else 1)
            return date.fromordinal(min(max(number, date.min.toordinal()), date.max.toordinal() - 1))
        case Unit.MONTH | Unit.QUARTER | Unit.YEAR:
            months = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}[unit] * amount
            index = day.year * 12 + day.month - 1 + months
            year, month = index // 12, index % 12 + 1
            if year < date.min.year:
                return date.min
            if year >= date.max.year:
                return date.max - timedelta(days=1)
            return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
        case Unit.HOUR | Unit.MINUTE:
            raise ValueError(f"{unit.value}s are exact, they do not move whole days")
        case _:
            assert_never(unit)


def period_start(day: date, unit: Unit) -> date:
    """The first day of the day, week (from Monday), month, quarter or year that holds a day."""
    match unit:
        case Unit.DAY:
            return day
        case Unit.WEEK:
            return day - timedelta(days=day.weekday())
        case Unit.MONTH:
            return day.replace(day=1)
        case Unit.QUARTER:
            return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case Unit.YEAR:
            return date(day.year, 1, 1)
        case Unit.HOUR | Unit.MINUTE:
            raise ValueError(f"{unit.value} is no calendar period")
        case _:
            assert_never(unit)


@frozen
class Clock:
    """One present moment (aware) and the time zone whose calendar the shop lives by."""

    now: datetime
    zone: ZoneInfo

    @classmethod
    def at(cls, moment: datetime | None, zone: ZoneInfo) -> Clock:
        """The clock of a moment; of the real present when none is given. MomentError for a naive moment."""
        if moment is None:
            moment = datetime.now(UTC)
        if not isinstance(moment, datetime):
            raise MomentError(f"the moment of an evaluation is a datetime; {moment!r} is none")
        if moment.tzinfo is None:
            raise MomentError("the moment of an evaluation must have a time zone, like datetime.now(UTC)")
        if not FIRST_YEAR < moment.year < LAST_YEAR:
            raise MomentError(f"the moment of an evaluation must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
        return cls(moment, zone)

    @property
    def today(self) -> date:
        """The calendar day in the shop's zone."""
        return local_day(naive_utc(self.now), self.zone)

    def date_of(self, day: Day) -> date:
        """The calendar day that an expression denotes now."""
        match day:
            case FixedDay():
                return day.day
            case RelativeDay():
                return add_units(self.today, day.amount, day.unit)
            case PeriodDay():
                start = add_units(period_start(self.today, day.unit), day.offset, day.unit)
                if day.edge is Edge.START:
                    return start
                return add_units(add_units(start, 1, day.unit), -1, Unit.DAY)
            case _:
                assert_never(day)

    def moment_of(self, instant: Instant) -> datetime:
        """The naive UTC moment that an expression denotes now."""
        match instant:
            case Now():
                return naive_utc(self.now)
            case RelativeInstant():
                try:
                    return naive_utc(self.now) + instant.microseconds * MICROSECOND
                except OverflowError:
                    return datetime.max if instant.microseconds > 0 else datetime.min
            case FixedInstant():
                if instant.moment.tzinfo is None:
                    return self._local(instant.moment)
                return naive_utc(instant.moment)
            case DayEdge():
                day = self.date_of(instant.day)
                if instant.edge is Edge.END:
                    day = add_units(day, 1, Unit.DAY)
                return self._local(datetime(day.year, day.month, day.day))
            case _:
                assert_never(instant)

    def month_days_of(self, days: MonthDays) -> frozenset[int]:
        """The month-days that fall inside the windows; 229 goes with 28 February of common years."""
        found: set[int] = set()
        for window in days.windows:
            match window:
                case DayRange():
                    found |= self._month_days_between(self.date_of(window.first), self.date_of(window.last))
                case Until():
                    found |= self._month_days_until(window)
                case _:
                    assert_never(window)
        return frozenset(found)

    def _month_days_between(self, first: date, last: date) -> set[int]:
        found: set[int] = set()
        for number in range(first.toordinal(), min(last.toordinal(), first.toordinal() + 1470) + 1):
            day = date.fromordinal(number)
            found.add(month_day(day))
            if month_day(day) == 228 and not calendar.isleap(day.year):
                found.add(229)
        return found

    def _month_days_until(self, until: Until) -> set[int]:
        found: set[int] = set()
        seen: set[int] = set()
        today = self.today
        for distance in range(367):
            day = add_units(today, distance, Unit.DAY)
            returning = {month_day(day)} | ({229} if month_day(day) == 228 and not calendar.isleap(day.year) else set())
            if compare_numbers(distance, until.op, until.days):
                found |= returning - seen
            seen |= returning
        return found

    def _local(self, local: datetime) -> datetime:
        """The naive UTC moment of a local wall clock time.

        A time that exists twice is read as the first; one that does not exist, as the first instant
        after the gap, so that a day begins at its first instant.
        """
        moments, seconds = offsets(self.zone)
        guess = bisect_right(moments, local - timedelta(days=1)) if local.year > 1 else 0
        for index in range(guess, len(seconds)):
            if index < len(moments) and _minus(local, seconds[index]) >= moments[index]:
                continue
            start = moments[index - 1] if index else None
            moment = _minus(local, seconds[index])
            return moment if start is None or moment >= start else start
        raise AssertionError("the last offset holds for ever")


def _minus(moment: datetime, seconds: int) -> datetime:
    try:
        return moment - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min if seconds > 0 else datetime.max


def compare_numbers(left: int, op: str, right: int) -> bool:
    """Whether two whole numbers stand in the relation named by one of ``= < <= > >=``."""
    match op:
        case "=":
            return left == right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case _:
            raise ValueError(f"unknown comparison {op!r}")


def day_ranges(days: Sequence[int]) -> list[tuple[int, int]]:
    """Month-days as inclusive runs of consecutive month-days, smallest first."""
    year = [month_day(date.fromordinal(date(2000, 1, 1).toordinal() + n)) for n in range(366)]
    place = {day: index for index, day in enumerate(year)}
    runs: list[tuple[int, int]] = []
    for day in sorted(days):
        if runs and place[runs[-1][1]] + 1 == place[day]:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs
