"""Sets of values, as far as lints reason about them: which values of one operand make a comparison true."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen

from segrules.clock import Clock, DayEdge, Edge, FixedDay, FixedInstant, Now, PeriodDay, RelativeDay, RelativeInstant
from segrules.language import nodes
from segrules.language.order import exact

Bound = Decimal | datetime
#: From and to; a bound is (value, 0 at the value itself or 1 just behind it); None is no bound.
Stretch = tuple[tuple[Any, int] | None, tuple[Any, int] | None]


@frozen
class Ranges:
    """Stretches of ordered values, sorted and apart, each from its start up to before its end; and perhaps missing."""

    missing: bool
    stretches: tuple[Stretch, ...]

    def __and__(self, other: Ranges) -> Ranges:
        found: list[Stretch] = []
        for low, high in self.stretches:
            for low_, high_ in other.stretches:
                start = low if low_ is None or (low is not None and low >= low_) else low_
                end = high if high_ is None or (high is not None and high <= high_) else high_
                if start is None or end is None or start < end:
                    found.append((start, end))
        return Ranges(self.missing and other.missing, tuple(found))

    def __invert__(self) -> Ranges:
        found: list[Stretch] = []
        start: tuple[Any, int] | None = None
        open_ended = True
        for low, high in self.stretches:
            if low is not None and (start is None or start < low):
                found.append((start, low))
            start = high
            if high is None:
                open_ended = False
        if open_ended:
            found.append((start, None))
        return Ranges(not self.missing, tuple(found))

    def __or__(self, other: Ranges) -> Ranges:
        return ~(~self & ~other)

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.missing and not self.stretches


@frozen
class Words:
    """Some words, or all but some; and perhaps missing."""

    missing: bool
    words: frozenset[str]
    all_but: bool = False

    def __invert__(self) -> Words:
        return Words(not self.missing, self.words, not self.all_but)

    def __and__(self, other: Words) -> Words:
        missing = self.missing and other.missing
        match self.all_but, other.all_but:
            case False, False:
                return Words(missing, self.words & other.words)
            case True, True:
                return Words(missing, self.words | other.words, True)
            case True, False:
                return Words(missing, other.words - self.words)
            case _:
                return Words(missing, self.words - other.words)

    def __or__(self, other: Words) -> Words:
        return ~(~self & ~other)

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.missing and not self.words and not self.all_but


def as_words(values: Ranges | Words) -> Words:
    """What ``is set``, ``is not set`` or an empty list leaves of the words."""
    return values if isinstance(values, Words) else Words(values.missing, frozenset(), bool(values.stretches))


Values = Ranges | Words
#: Longer lists are not reasoned about.
MANY = 100
EVERYTHING = Ranges(True, ((None, None),))


def _stretch(low: Bound | None, high: Bound | None, high_included: bool) -> Ranges:
    start = None if low is None else (low, 0)
    end = None if high is None else (high, 1 if high_included else 0)
    return Ranges(False, ((start, end),) if start is None or end is None or start < end else ())


def _number(comparison: nodes.Comparison, value: Decimal) -> Ranges | None:
    match comparison:
        case nodes.Comparison.EQUAL:
            return _stretch(value, value, True)
        case nodes.Comparison.LESS:
            return _stretch(None, value, False)
        case nodes.Comparison.LESS_EQUAL:
            return _stretch(None, value, True)
        case nodes.Comparison.GREATER:
            return Ranges(False, (((value, 1), None),))
        case nodes.Comparison.GREATER_EQUAL:
            return _stretch(value, None, False)
        case _:
            return None


@frozen
class Reasoning:
    """Turns comparisons into sets of values; with a clock also those with relative times."""

    clock: Clock | None

    def times(self, operand: nodes.Operand) -> tuple[datetime, datetime, bool] | None:
        """Start, end (exclusive for a day, the instant itself otherwise), and whether it is a whole day."""
        match operand:
            case nodes.DayLiteral(day=FixedDay(day=day)) if self.clock is None:
                start = datetime.combine(day, time())
                return start, start + timedelta(days=1), True
            case nodes.MomentLiteral(moment=moment) if self.clock is None:
                return None if moment.tzinfo is not None else (moment, moment, False)
            case _ if self.clock is None:
                return None
            case nodes.DayLiteral(day=day_):
                return self._day(day_, Edge.START), self._day(day_, Edge.END), True
            case nodes.NowLiteral():
                now = self.clock.moment_of(Now())
                return now, now, False
            case nodes.AgoLiteral():
                at = self.clock.moment_of(instant_of(operand))
                return at, at, False
            case nodes.MomentLiteral(moment=moment):
                at = self.clock.moment_of(FixedInstant(moment))
                return at, at, False
            case _:
                return None

    def _day(self, day: FixedDay | RelativeDay | PeriodDay, edge: Edge) -> datetime:
        assert self.clock is not None
        return self.clock.moment_of(DayEdge(day, edge))

    def of(self, condition: nodes.Condition) -> tuple[nodes.Operand, Values] | None:
        """The operand that a comparison is about, and the values with which it is true; None when unknown."""
        found: Values | None = None
        match condition:
            case nodes.Compare(left=left):
                found = self._compared(condition)
            case nodes.Between(left=left):
                found = self._between(condition.low, condition.high)
            case nodes.Not(item=item):
                inner = self.of(item)
                return None if inner is None else (inner[0], ~inner[1])
            case nodes.OneOf(left=left, values=()):
                found = Ranges(False, ())
            case nodes.OneOf(left=left, values=tuple() as values) if len(values) <= MANY:
                for value in values:
                    one = self._equal(value)
                    if one is None or type(found or one) is not type(one):
                        return None
                    found = one if found is None else found | one  # type: ignore[operator]
            case nodes.Within(left=left):
                found = self._within(condition)
            case nodes.IsSet(operand=left):
                found = Ranges(False, ((None, None),))
            case _:
                return None
        if found is None:
            return None
        return left, ~found if getattr(condition, "negated", False) else found

    def _equal(self, value: nodes.Operand) -> Values | None:
        number = exact(value)
        if number is not None:
            return _number(nodes.Comparison.EQUAL, number)
        match value:
            case nodes.Choice():
                return Words(False, frozenset({value.value}))
            case nodes.YesNo():
                return Words(False, frozenset({str(value.value)}))
            case nodes.Text():
                return Words(False, frozenset({value.value}))
        times = self.times(value)
        return None if times is None else _stretch(times[0], times[1], not times[2])

    def _compared(self, condition: nodes.Compare) -> Values | None:
        comparison = condition.comparison
        if comparison is nodes.Comparison.EQUAL:
            return self._equal(condition.right)
        number = exact(condition.right)
        if number is not None:
            return _number(comparison, number)
        times = self.times(condition.right)
        if times is None:
            return None
        start, end, whole = times
        match comparison:
            case nodes.Comparison.LESS:
                return _stretch(None, start, False)
            case nodes.Comparison.LESS_EQUAL:
                return _stretch(None, end, not whole)
            case nodes.Comparison.GREATER:
                return Ranges(False, (((end, 0 if whole else 1), None),))
            case nodes.Comparison.GREATER_EQUAL:
                return _stretch(start, None, False)
            case _:
                return None

    def _between(self, low: nodes.Operand, high: nodes.Operand) -> Values | None:
        first, second = exact(low), exact(high)
        if first is not None and second is not None:
            return _stretch(first, second, True)
        start, end = self.times(low), self.times(high)
        if start is None or end is None:
            return None
        return _stretch(start[0], end[1], not end[2])

    def _within(self, condition: nodes.Within) -> Values | None:
        if self.clock is None:
            return None
        window, now = condition.window, self.clock.moment_of(Now())
        if isinstance(window, nodes.PeriodWindow):
            first = PeriodDay(window.offset, window.unit, Edge.START)
            last = PeriodDay(window.offset, window.unit, Edge.END)
            return _stretch(self._day(first, Edge.START), self._day(last, Edge.END), False)
        length, sign = window.length, -1 if window.last else 1
        if length.unit.is_exact:
            at = self.clock.moment_of(instant_of(nodes.AgoLiteral(length, window.last)))
            return _stretch(at, now, True) if window.last else _stretch(now, at, True)
        day = RelativeDay(sign * int(length.amount), length.unit)
        if window.last:
            return _stretch(self._day(day, Edge.START), now, True)
        return _stretch(now, self._day(day, Edge.END), False)


def instant_of(literal: nodes.AgoLiteral) -> RelativeInstant:
    """``2 hours ago`` as an expression of time."""
    size = 3_600_000_000 if literal.length.unit.value == "hour" else 60_000_000
    return RelativeInstant(int(literal.length.amount * size) * (-1 if literal.ago else 1))


def is_relative(condition: nodes.Condition) -> bool:
    """Whether a comparison means other values on another day."""
    return any(
        isinstance(each, (nodes.NowLiteral, nodes.AgoLiteral, nodes.Within))
        or (isinstance(each, nodes.DayLiteral) and isinstance(each.day, RelativeDay))
        for each in nodes.walk(condition)
    )
