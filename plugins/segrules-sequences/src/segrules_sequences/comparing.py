"""Two rates held against each other: by how much they differ, how sure that is, and whether it can be told at all.

The interval is Newcombe's for the difference of two independent proportions, made of two Wilson score intervals
without a correction for continuity: method 10 of R. G. Newcombe, "Interval estimation for the difference between
independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998), 873-890. These are estimates,
so floats will do.
"""

from __future__ import annotations

from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from attrs import field, frozen

#: An interval holds the truth in so many of a hundred cases.
CONFIDENCE = 95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 200)
#: W. G. Cochran's rule: so many would be expected, in either group and either way, if the groups did not differ.
LEAST_EXPECTED = 5


class Verdict(StrEnum):
    """What may be said of a difference."""

    BETTER = "better"
    WORSE = "worse"
    #: The interval holds zero.
    UNCLEAR = "no clear difference"
    #: By Cochran's rule; whatever the interval says.
    TOO_SMALL = "too small to tell"


@frozen
class Comparison:
    """A rate against another, both from 0 to 1: the difference with its interval, and what may be said of it.

    ``lift`` is the difference as a part of the other rate; None where that is 0.
    """

    rate: float
    against: float
    low: float
    high: float
    verdict: Verdict
    difference: float = field(init=False)
    lift: float | None = field(init=False)

    @difference.default
    def _difference(self) -> float:
        return self.rate - self.against

    @lift.default
    def _lift(self) -> float | None:
        return self.difference / self.against if self.against else None


def wilson(count: int, of: int) -> tuple[float, float]:
    """The score interval of one proportion: E. B. Wilson, JASA 22 (1927), 209-212."""
    middle, spread = 2 * count + _Z**2, _Z * sqrt(_Z**2 + 4 * count * (of - count) / of)
    return max(0.0, (middle - spread) / (2 * (of + _Z**2))), min(1.0, (middle + spread) / (2 * (of + _Z**2)))


def compared(count: int, of: int, other: int, of_other: int) -> Comparison | None:
    """``count`` of ``of`` against ``other`` of ``of_other``; None where one of the groups is empty."""
    if not of or not of_other:
        return None
    one, two = count / of, other / of_other
    (low, high), (other_low, other_high) = wilson(count, of), wilson(other, of_other)
    difference = one - two
    # No further than a difference can be: the last digit of a square root may say otherwise.
    least = max(-1.0, difference - sqrt((one - low) ** 2 + (other_high - two) ** 2))
    most = min(1.0, difference + sqrt((high - one) ** 2 + (two - other_low) ** 2))
    return Comparison(one, two, least, most, _verdict(least, most, _expected(count + other, of, of_other)))


def _expected(count: int, of: int, of_other: int) -> float:
    """The least number that would be expected in a group, of those who did or of those who did not."""
    both = of + of_other
    return min(of, of_other) * min(count, both - count) / both


def _verdict(low: float, high: float, expected: float) -> Verdict:
    if expected < LEAST_EXPECTED:
        return Verdict.TOO_SMALL
    if low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if high < 0 else Verdict.UNCLEAR
