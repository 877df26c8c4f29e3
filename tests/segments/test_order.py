"""Order, circles and the schedule: plain functions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import segrules as sr
from segrules.segments.dependencies import circle, ordered
from segrules.segments.schedule import last_time

names = st.sampled_from("abcdef")
graphs = st.dictionaries(names, st.sets(names, max_size=3), max_size=6)


def reachable(start: str, uses: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(uses.get(start, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += uses.get(each, ())
    return found


@given(graphs)
def test_circles_are_found(uses: dict[str, set[str]]) -> None:
    way = circle(uses)
    assert (way is None) == all(name not in reachable(name, uses) for name in uses)
    if way is not None:
        assert way[0] == way[-1]
        assert all(after in uses[before] for before, after in pairwise(way))


@given(graphs, st.lists(names, unique=True))
def test_used_segments_come_first(uses: dict[str, set[str]], chosen: list[str]) -> None:
    order = ordered(chosen, uses)
    assert sorted(order) == sorted(chosen)
    if circle(uses) is None:
        for name in chosen:
            assert all(order.index(used) < order.index(name) for used in reachable(name, uses) & set(chosen))


def test_a_long_chain() -> None:
    uses = {str(n): {str(n + 1)} for n in range(5_000)}
    assert circle(uses) is None
    assert ordered(["0", "5000"], uses) == ["5000", "0"]


@pytest.mark.parametrize(
    ("expression", "zone", "now", "expected"),
    [
        ("0 5 * * *", "UTC", "2025-07-04T05:00:00+00:00", "2025-07-04T05:00"),
        ("0 5 * * *", "UTC", "2025-07-04T04:59:59+00:00", "2025-07-03T05:00"),
        ("0 5 * * *", "UTC", "2025-07-04T05:00:59+00:00", "2025-07-04T05:00"),
        ("0 5 * * *", "Europe/Rome", "2025-07-04T03:30:00+00:00", "2025-07-04T03:00"),
        ("0 5 * * *", "Europe/Rome", "2025-01-04T03:30:00+00:00", "2025-01-03T04:00"),
        ("30 2 * * *", "Europe/Rome", "2025-03-30T12:00:00+00:00", "2025-03-30T01:00"),
        ("30 2 * * *", "Europe/Rome", "2025-10-26T12:00:00+00:00", "2025-10-26T00:30"),
        ("*/15 * * * *", "UTC", "2025-07-04T05:44:00+00:00", "2025-07-04T05:30"),
        ("0 5 * * MON", "UTC", "2025-07-04T05:44:00+00:00", "2025-06-30T05:00"),
        ("0 5 29 2 *", "UTC", "2025-07-04T05:44:00+00:00", "2024-02-29T05:00"),
    ],
)
def test_when_the_schedule_came(expression: str, zone: str, now: str, expected: str) -> None:
    found = last_time(expression, ZoneInfo(zone), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)), st.sampled_from(["0 5 * * *", "30 2 * * *", "0 * * * *"])
)
def test_the_schedule_never_goes_back(moment: datetime, expression: str) -> None:
    zone, now = ZoneInfo("Europe/Rome"), moment.replace(tzinfo=UTC)
    found = last_time(expression, zone, now)
    assert found <= now < found + timedelta(hours=26)
    assert last_time(expression, zone, found) == found
    assert last_time(expression, zone, now + timedelta(hours=1)) >= found


def test_a_schedule_that_is_none() -> None:
    for wrong in ("5", "0 25 * * *", "daily"):
        with pytest.raises(sr.SegmentError, match="is no schedule"):
            last_time(wrong, ZoneInfo("UTC"), datetime(2025, 7, 4, tzinfo=UTC))
