"""When a mail may go out, against a clock that is read minute by minute."""

import random
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from segrules_sequences.lengths import DAYS, Cap, Delay, Window
from segrules_sequences.timing import Limits, after, earliest, opening

MINUTE = timedelta(minutes=1)
#: Zones with changes of their clocks in every way: by half hours, at midnight, twice in one spring, over a day.
ODD = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut", "Africa/Casablanca",
    "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu", "Europe/Dublin", "Antarctica/Troll", "America/Havana",
)  # fmt: skip


def is_open(moment: datetime, window: Window, zone: ZoneInfo) -> bool:
    """By what the clock on the wall says."""
    local = moment.astimezone(zone)
    clock, today, yesterday = local.time(), DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if window.start < window.end:
        return today in window.days and window.start <= clock < window.end
    return (today in window.days and clock >= window.start) or (yesterday in window.days and clock < window.end)


def scanned(moment: datetime, window: Window, zone: ZoneInfo, minutes: int) -> datetime:
    """The first open moment of a walk in steps that meet every full quarter of an hour, or every minute."""
    while not is_open(moment, window, zone):
        moment += MINUTE * (minutes - moment.minute % minutes)
    return moment


def test_10000_random_windows_equal_a_scan_of_the_clock() -> None:
    random.seed(20_261_122)
    zones = sorted(each for each in zoneinfo.available_timezones() if "/" in each)
    differences = []
    for number in range(10_000):
        name = random.choice(ODD if number % 2 else zones)
        zone = ZoneInfo(name)
        start, length = random.randrange(0, 1440, 15), random.choice((15, 30, 60, 240, 600, 660, 1200, 1425))
        end = (start + length) % 1440
        days = DAYS if number % 3 else tuple(sorted(random.sample(DAYS, random.choice((5, 6))), key=DAYS.index))
        window = Window(start=time(start // 60, start % 60), end=time(end // 60, end % 60), days=days)
        moment = datetime(1995, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(40 * 525_600))
        if number % 2:  # near a change of the clock, if there is one in that year
            moment = near_a_change(moment, zone)
        # Since 1995 clocks differ, and change, by quarters of an hour; some are read each minute all the same.
        expected = scanned(moment, window, zone, 1 if number % 50 == 0 else 15)
        if opening(moment, window, zone) != expected:
            differences.append((name, moment, window))
    assert differences == []


def near_a_change(moment: datetime, zone: ZoneInfo) -> datetime:
    for day in range(0, 366, 7):
        probe = moment + timedelta(days=day)
        if probe.astimezone(zone).utcoffset() != (probe + timedelta(days=7)).astimezone(zone).utcoffset():
            return probe + timedelta(minutes=random.randrange(8 * 1440))
    return moment


@pytest.mark.parametrize(
    ("zone", "night"),
    [(name, night) for name in ODD for night in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8))]
    + [(name, date(2026, 4, 5)) for name in sorted(zoneinfo.available_timezones())[::70]],
)
def test_a_daily_step_comes_once_on_each_day_around_a_change(zone: str, night: date) -> None:
    """Enrolled at 02:30 local time, a step each local day: one moment on each of seven calendar days."""
    clock = ZoneInfo(zone)
    start = datetime.combine(night - timedelta(days=3), time(2, 30), clock).astimezone(UTC)
    days = [after(start, Delay.of(f"{number} days local"), clock).astimezone(clock).date() for number in range(1, 8)]
    assert days == [night + timedelta(days=number - 3) for number in range(1, 8)]


def test_a_day_is_24_hours_and_a_local_day_keeps_the_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 18, tzinfo=berlin)
    assert after(start, Delay.of("1 day"), berlin).astimezone(berlin) == datetime(2026, 3, 29, 19, tzinfo=berlin)
    assert after(start, Delay.of("1 day local"), berlin) == datetime(2026, 3, 29, 18, tzinfo=berlin)


def test_a_local_day_into_a_gap_is_the_first_moment_behind_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 2, 30, tzinfo=berlin)
    assert after(start, Delay.of("1 day local"), berlin) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    twice = datetime(2026, 10, 24, 2, 30, tzinfo=berlin)
    assert after(twice, Delay.of("1 day local"), berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    window = Window(start="22:00", end="06:00", days="fri")
    saturday = datetime(2026, 11, 21, 5, 59, tzinfo=UTC)
    assert opening(saturday, window, ZoneInfo("UTC")) == saturday
    assert opening(saturday + MINUTE, window, ZoneInfo("UTC")) == datetime(2026, 11, 27, 22, tzinfo=UTC)


def test_window_gap_and_cap_push_each_other_on() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)  # a Friday
    window = Window(start="09:00", end="17:00", days=("mon", "tue", "wed", "thu", "fri"))
    limits = Limits(window, gap_until=day.replace(hour=18), cap=Cap.of("2 in 4 days"), sent=[
        day - timedelta(days=2), day - timedelta(hours=1)
    ])  # fmt: skip
    # 18:00 is closed, so Monday 09:00; by then two days have gone since the first of the two mails plus four: Sunday.
    assert earliest(day, limits) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert earliest(day, Limits(cap=Cap.of("2 in 4 days"), sent=limits.sent)) == day + timedelta(days=2)
    assert earliest(day, Limits()) == day
