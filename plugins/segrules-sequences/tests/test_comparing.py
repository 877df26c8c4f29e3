"""Intervals against published figures, and what may be said of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segrules_sequences.comparing import Verdict, compared, wilson

#: R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: method 3.
ONE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
#: The same volume, 873-890, table II: method 10.
TWO = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
    (10, 10, 0, 10, 0.6075, 1.0),
]


@pytest.mark.parametrize(("count", "of", "low", "high"), ONE)
def test_the_interval_of_one_rate(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(("count", "of", "other", "of_other", "low", "high"), TWO)
def test_the_interval_of_a_difference(count: int, of: int, other: int, of_other: int, low: float, high: float) -> None:
    found = compared(count, of, other, of_other)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00005)
    assert found.difference == pytest.approx(count / of - other / of_other)


@pytest.mark.parametrize(
    ("count", "of", "other", "of_other", "verdict"),
    [
        (60, 1000, 30, 1000, Verdict.BETTER),
        (30, 1000, 60, 1000, Verdict.WORSE),
        (40, 1000, 38, 1000, Verdict.UNCLEAR),
        # Ten of 200 make five of a hundred: just enough, and not with one less.
        (8, 100, 2, 100, Verdict.UNCLEAR),
        (8, 100, 1, 100, Verdict.TOO_SMALL),
        (97, 100, 94, 100, Verdict.TOO_SMALL),
        (9, 10, 1, 10, Verdict.BETTER),
        # The interval alone would call this better.
        (4, 4, 0, 4, Verdict.TOO_SMALL),
        (500, 10_000, 0, 90, Verdict.TOO_SMALL),
    ],
)
def test_what_may_be_said(count: int, of: int, other: int, of_other: int, verdict: Verdict) -> None:
    found = compared(count, of, other, of_other)
    assert found is not None and found.verdict is verdict
    assert found.low < found.difference <= found.high


def test_a_lift_is_a_part_of_the_other_rate() -> None:
    found, nothing = compared(60, 1000, 40, 1000), compared(60, 1000, 0, 1000)
    assert found is not None and found.lift == pytest.approx(0.5)
    assert nothing is not None and nothing.lift is None
    assert compared(0, 0, 1, 10) is None and compared(1, 10, 0, 0) is None


def test_an_interval_ends_where_differences_do() -> None:
    found = compared(511, 511, 0, 1)
    assert found is not None and found.high == 1


@given(st.data())
def test_an_interval_turns_round_with_its_groups(data: st.DataObject) -> None:
    of, of_other = (data.draw(st.integers(1, 10**6)) for _ in range(2))
    count, other = data.draw(st.integers(0, of)), data.draw(st.integers(0, of_other))
    one, two = compared(count, of, other, of_other), compared(other, of_other, count, of)
    assert one is not None and two is not None
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low))
    assert -1 <= one.low <= one.difference <= one.high <= 1
