"""The days of the year that windows cover throughout a span of days, and those that they cover at some time in it."""

from __future__ import annotations

from datetime import date
from typing import assert_never

from segrules.clock import Clock, DayRange, FixedDay, MonthDays, RelativeDay, Unit, Until, add_units, month_day

_YEAR = frozenset(month_day(date.fromordinal(date(2000, 1, 1).toordinal() + number)) for number in range(366))


def days_in_span(days: MonthDays, first: Clock, last: Clock) -> tuple[frozenset[int], frozenset[int]]:
    """The month-days in the windows on every day from the first clock's to the last's, and at least those on any."""
    if first.today == last.today:
        found = first.month_days_of(days)
        return found, found
    always: frozenset[int] = frozenset()
    sometimes: frozenset[int] = frozenset()
    for window in days.windows:
        match window:
            case DayRange():
                throughout, ever = _of_range(window, first, last)
            case Until():
                throughout, ever = _until(window, first, last)
            case _:
                assert_never(window)
        always, sometimes = always | throughout, sometimes | ever
    return always, sometimes


def _of_range(window: DayRange, first: Clock, last: Clock) -> tuple[frozenset[int], frozenset[int]]:
    return (
        _between(last, last.date_of(window.first), first.date_of(window.last)),
        _between(last, first.date_of(window.first), last.date_of(window.last)),
    )


def _until(until: Until, first: Clock, last: Clock) -> tuple[frozenset[int], frozenset[int]]:
    match until.op:
        case "=":
            there = DayRange(RelativeDay(until.days), RelativeDay(until.days))
            return frozenset(), _of_range(there, first, last)[1]
        case "<" | "<=":
            return _within(until.days - (until.op == "<"), first, last)
        case _:
            sooner, later = _within(until.days - (until.op == ">="), first, last)
            return _YEAR - later, _YEAR - sooner


def _within(days: int, first: Clock, last: Clock) -> tuple[frozenset[int], frozenset[int]]:
    """The month-days that return in so many days at most; a return after a whole year may be left out of the first."""
    return _of_range(DayRange(RelativeDay(0), RelativeDay(days)), first, last)


def _between(clock: Clock, low: date, high: date) -> frozenset[int]:
    if add_units(low, 366, Unit.DAY) <= high:
        return _YEAR
    return clock.month_days_of(MonthDays((DayRange(FixedDay(low), FixedDay(high)),)))
