"""Days, edges and periods, against zoneinfo and brute force."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segrules.clock import (
    Clock,
    DayEdge,
    DayRange,
    Edge,
    FixedDay,
    FixedInstant,
    MonthDays,
    Now,
    PeriodDay,
    RelativeDay,
    RelativeInstant,
    Unit,
    Until,
    add_units,
    day_ranges,
    local_day,
    month_day,
    naive_utc,
    offsets,
)

ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Rome", "America/New_York", "Asia/Kathmandu", "America/Sao_Paulo", "Australia/Lord_Howe")
]
MOMENTS = st.datetimes(datetime(1905, 1, 1), datetime(2095, 1, 1))


def clock(text: str, zone: str = "Europe/Rome") -> Clock:
    return Clock(datetime.fromisoformat(text), ZoneInfo(zone))


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_local_day_is_that_of_zoneinfo(moment: datetime, zone: ZoneInfo) -> None:
    assert local_day(moment, zone) == moment.replace(tzinfo=UTC).astimezone(zone).date()


@given(st.dates(date(1906, 1, 1), date(2094, 1, 1)), st.sampled_from(ZONES))
def test_a_day_holds_exactly_the_moments_between_its_edges(day: date, zone: ZoneInfo) -> None:
    here = Clock(datetime(2025, 1, 1, tzinfo=UTC), zone)
    start = here.moment_of(DayEdge(FixedDay(day), Edge.START))
    end = here.moment_of(DayEdge(FixedDay(day), Edge.END))
    tick = timedelta(microseconds=1)
    assert local_day(start, zone) == day
    assert local_day(start - tick, zone) < day
    assert local_day(end - tick, zone) == day
    assert local_day(end, zone) > day


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-07-04", 24)])
def test_days_of_daylight_saving_are_shorter_or_longer(day: str, hours: int) -> None:
    here = clock("2025-01-01T00:00:00+00:00")
    edges = [here.moment_of(DayEdge(FixedDay(date.fromisoformat(day)), edge)) for edge in Edge]
    assert edges[1] - edges[0] == timedelta(hours=hours)


def test_a_day_without_midnight_begins_at_its_first_instant() -> None:
    here = clock("2018-01-01T00:00:00+00:00", "America/Sao_Paulo")
    assert here.moment_of(DayEdge(FixedDay(date(2018, 11, 4)), Edge.START)) == datetime(2018, 11, 4, 3)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2025-03-30T02:30:00", "2025-03-30T01:00:00"),  # does not exist: the first instant after the gap
        ("2025-10-26T02:30:00", "2025-10-26T00:30:00"),  # exists twice: the first
        ("2025-10-26T03:00:00", "2025-10-26T02:00:00"),
    ],
)
def test_local_times_that_do_not_exist_or_exist_twice(local: str, utc: str) -> None:
    found = clock("2025-01-01T00:00:00+00:00").moment_of(FixedInstant(datetime.fromisoformat(local)))
    assert found == datetime.fromisoformat(utc)


def test_instants() -> None:
    here = clock("2025-07-04T12:00:00+02:00")
    assert here.moment_of(Now()) == datetime(2025, 7, 4, 10)
    assert here.moment_of(RelativeInstant(-90 * 60 * 10**6)) == datetime(2025, 7, 4, 8, 30)
    assert here.moment_of(FixedInstant(datetime.fromisoformat("2025-07-04T12:00:00+05:30"))) == datetime(
        2025, 7, 4, 6, 30
    )
    assert here.moment_of(RelativeInstant(-(10**18))) == datetime.min


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a time zone"):
        Clock.at(datetime(2025, 1, 1), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2025-01-31", 1, Unit.MONTH, "2025-02-28"),
        ("2024-01-31", 1, Unit.MONTH, "2024-02-29"),
        ("2024-02-29", 1, Unit.YEAR, "2025-02-28"),
        ("2025-05-31", -1, Unit.QUARTER, "2025-02-28"),
        ("2025-01-01", -1, Unit.DAY, "2024-12-31"),
        ("2025-01-01", 2, Unit.WEEK, "2025-01-15"),
    ],
)
def test_calendar_arithmetic_clamps(start: str, amount: int, unit: Unit, end: str) -> None:
    assert add_units(date.fromisoformat(start), amount, unit) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("offset", "unit", "first", "last"),
    [
        (0, Unit.WEEK, "2025-06-30", "2025-07-06"),
        (-1, Unit.MONTH, "2025-06-01", "2025-06-30"),
        (0, Unit.QUARTER, "2025-07-01", "2025-09-30"),
        (-1, Unit.QUARTER, "2025-04-01", "2025-06-30"),
        (1, Unit.YEAR, "2026-01-01", "2026-12-31"),
        (0, Unit.DAY, "2025-07-04", "2025-07-04"),
    ],
)
def test_periods(offset: int, unit: Unit, first: str, last: str) -> None:
    here = clock("2025-07-04T12:00:00+00:00")
    found = [here.date_of(PeriodDay(offset, unit, edge)).isoformat() for edge in Edge]
    assert found == [first, last]


def test_today_is_the_day_of_the_shop_not_of_utc() -> None:
    assert clock("2025-07-04T23:30:00+00:00").date_of(RelativeDay(0)) == date(2025, 7, 5)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.dates(date(1950, 1, 1), date(2000, 1, 1)), st.integers(0, 400))
def test_anniversaries_in_a_window_by_walking_the_days(today: date, born: date, length: int) -> None:
    here = Clock(datetime(today.year, today.month, today.day, 12, tzinfo=UTC), ZoneInfo("UTC"))
    days = here.month_days_of(MonthDays((DayRange(RelativeDay(0), RelativeDay(length)),)))
    walked = any(returns(born, today + timedelta(days=number)) for number in range(length + 1))
    assert (month_day(born) in days) == walked


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.dates(date(1950, 1, 1), date(2000, 1, 1)), st.integers(-1, 367))
def test_days_until_an_anniversary_by_walking_the_days(today: date, born: date, bound: int) -> None:
    here = Clock(datetime(today.year, today.month, today.day, 12, tzinfo=UTC), ZoneInfo("UTC"))
    distance = next(number for number in range(367) if returns(born, today + timedelta(days=number)))
    for op, holds in (("=", distance == bound), ("<", distance < bound), (">=", distance >= bound)):
        assert (month_day(born) in here.month_days_of(MonthDays((Until(op, bound),)))) == holds


def returns(born: date, day: date) -> bool:
    """Whether the anniversary falls on a day; said without any of the code under test."""
    if (born.month, born.day) == (2, 29):
        leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
        return (day.month, day.day) == ((2, 29) if leap else (2, 28))
    return (born.month, born.day) == (day.month, day.day)


def test_runs_of_month_days() -> None:
    assert day_ranges([1231, 228, 229, 301, 101]) == [(101, 101), (228, 301), (1231, 1231)]


def test_offsets_hold_before_and_after_the_table() -> None:
    moments, seconds = offsets(ZoneInfo("UTC"))
    assert (moments, seconds) == ((), (0,))
    assert naive_utc(datetime(2025, 1, 1)) == datetime(2025, 1, 1)
