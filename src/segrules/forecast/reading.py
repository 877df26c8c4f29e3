"""A rule bound to a span of time.

Binding fixes one present; here a rule is bound to all the moments of a span at once. Every bound of time moves
forward, so most comparisons can turn once only, and the two ends of the span tell how.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import assert_never

import attrs
from attrs import define

from segrules import algebra
from segrules.algebra import (
    FALSE,
    TRUE,
    Aggregate,
    Compare,
    Const,
    DaysUntil,
    Exists,
    Field,
    Fold,
    Kind,
    OnMonthDay,
    Op,
    Predicate,
    Term,
    all_of,
    negate,
    walk,
)
from segrules.binding import Binding, bind_condition, bind_source, everyone, solve_days_until
from segrules.clock import MICROSECOND, MonthDays
from segrules.forecast.anniversaries import days_in_span
from segrules.forecast.moving import is_growing, is_instant, is_moving
from segrules.forecast.outlook import Outlook, both, either, settled
from segrules.forecast.ranges import ZERO, Ranges
from segrules.forecast.span import Span, first_moment, next_midnight

_COMPLEMENT = {Op.LT: Op.GE, Op.LE: Op.GT, Op.GT: Op.LE, Op.GE: Op.LT}
#: Which end of the rows decides alone whether one of them stands so: ``max(x) > 5`` says that there is an ``x > 5``.
_BY_ONE_ROW = {(Fold.MAX, Op.GT), (Fold.MAX, Op.GE), (Fold.MIN, Op.LT), (Fold.MIN, Op.LE)}


def look(rule: Predicate, binding: Binding, low: datetime, high: datetime) -> Span:
    """A lowered rule in a span, asked of everyone who can be a member at all."""
    reader = _Reader(low, high, binding)
    changing = reader.condition(rule).changing
    return Span(
        low,
        high,
        all_of(*everyone(binding), changing) if changing != FALSE else FALSE,
        tuple(reader.passings),
        tuple(each for each in reader.turns if low < each <= high),
    )


@define
class _Reader(Ranges):
    """Reads a rule with the eyes of one span."""

    def condition(self, node: Predicate) -> Outlook:
        """The outlook of a lowered condition."""
        if not self.moves(node):
            return settled(bind_condition(node, self.binding))
        match node:
            case algebra.And(items=items):
                with self._knowing(items):
                    return both([self.condition(item) for item in items])
            case algebra.Or(items=items):
                with self._knowing([negate(item) for item in items]):
                    return either([self.condition(item) for item in items])
            case algebra.Not(item=item):
                return self.condition(item).opposite
            case algebra.InSegment(name=name):
                return self.condition(self.binding.segments[name])
            case Exists(source=source, where=where) if source.pick is None:
                return self.condition(all_of(source.where, where)).of_a_row(self._unconditional(source))
            case Exists(source=source, where=where) if not self.moves(source):
                return self.condition(where).of_a_row(bind_source(source, self.binding))
            case OnMonthDay(term=term, days=MonthDays() as days) if not self.moves(term):
                return self._returning(term, days)
            case algebra.OneOf(term=term, values=values, kind=Kind.NUMBER):
                return either([self.condition(Compare(Op.EQ, term, value, Kind.NUMBER)) for value in values])
            case algebra.Present(term=term):
                return self._present(term)
            case Compare():
                return self._compare(node)
            case _:
                return self._stirred(node)

    @contextmanager
    def _knowing(self, items: Sequence[Predicate]) -> Iterator[None]:
        """Inside, the denominators are positive that items say are: where one is not, those decide alone."""
        outer = self._positive
        found = {each.left for each in items if isinstance(each, Compare) and (each.op, each.right) == (Op.GT, ZERO)}
        self._positive = outer | found
        yield
        self._positive = outer

    def _present(self, term: Term) -> Outlook:
        """A term has a value, which does not depend on how large the value is."""
        match term:
            case Const(value=value):
                return settled(algebra.Truth(value is not None))
            case algebra.Sum() | algebra.Product() | algebra.DayNumber() | DaysUntil():
                return both([self._present(each) for each in _terms_in(term)])
            case algebra.FirstPresent(terms=terms) | algebra.Latest(terms=terms):
                return either([self._present(each) for each in terms])
            case algebra.Picked(source=source, value=value):
                return self.condition(Exists(source, algebra.Present(value)))
            case Aggregate(fold=Fold.MIN | Fold.MAX, source=source, value=value) if value is not None:
                return self.condition(Exists(source, algebra.Present(value)))
            case Aggregate():
                return settled(TRUE)
            case Field():
                return settled(algebra.Present(term))
            case _:
                assert_never(term)

    def _compare(self, node: Compare) -> Outlook:
        op, left, right, kind = node.op, node.left, node.right, node.kind
        if any(isinstance(each, DaysUntil) for each in walk(node)):
            return self._days_until(node)
        if any(isinstance(each, Const) and each.value is None for each in (left, right)):
            return settled(FALSE)
        if op is Op.EQ:
            if kind not in (Kind.NUMBER, Kind.DATE, Kind.MOMENT):
                return self._stirred(node)
            return both([self.condition(Compare(each, left, right, kind)) for each in (Op.GE, Op.LE)])
        if isinstance(left, Const) and isinstance(right, Const):
            return self._of_time_alone(node)
        if isinstance(left, Const):
            return self._compare(Compare(op.mirrored, right, left, kind))
        if isinstance(left, Aggregate) and left.fold in (Fold.MIN, Fold.MAX) and isinstance(right, Const):
            return self._of_extreme(left, op, right, kind)
        if isinstance(left, algebra.Picked) and isinstance(right, Const) and not self.moves(left.source):
            return self.condition(Exists(left.source, Compare(op, left.value, right, kind)))
        grows = is_growing(node, frozenset(self.binding.segments), self._positive)
        if grows is not None:
            return self._turned_once(node, grows)
        if kind is Kind.NUMBER:
            return self._of_ranges(node)
        if kind in (Kind.DATE, Kind.MOMENT):
            return self._of_stirred_term(node)
        return self._stirred(node)

    def _of_extreme(self, extreme: Aggregate, op: Op, bound: Const, kind: Kind) -> Outlook:
        """The smallest or largest of rows against a constant, said of the rows."""
        source, value = extreme.source, extreme.value
        assert value is not None
        if (extreme.fold, op) in _BY_ONE_ROW:
            return self.condition(Exists(source, Compare(op, value, bound, kind)))
        contrary = Exists(source, Compare(_COMPLEMENT[op], value, bound, kind))
        return both([self.condition(Exists(source, algebra.Present(value))), self.condition(contrary).opposite])

    def _turned_once(self, node: Compare, grows: bool) -> Outlook:
        """A comparison that can turn one way only: both ends of the span tell all."""
        ends = [bind_condition(node, each) for each in self.ends]
        return self._between(node, ends[0], ends[1], grows)

    def _between(self, leaf: Compare, low: Predicate, high: Predicate, grows: bool) -> Outlook:
        if low == high:
            return settled(low)
        match low, high:
            case Compare(op=op, left=Aggregate() as extreme), Compare(left=other) if (
                extreme == other and extreme.fold in (Fold.MIN, Fold.MAX) and extreme.value is not None
            ):
                by_one = (extreme.fold, op) in _BY_ONE_ROW
                turned = op if by_one else _COMPLEMENT[op]
                rows = [attrs.evolve(each, op=turned, left=extreme.value) for each in (low, high)]
                found = self._between(leaf, rows[0], rows[1], grows == by_one).of_a_row(extreme.source)
                present = Exists(extreme.source, algebra.Present(extreme.value))
                return found if by_one else both([settled(present), found.opposite])
            case Exists(source=source, where=Compare() as before), Exists(source=same, where=Compare() as after) if (
                source == same
            ):
                return self._between(leaf, before, after, grows).of_a_row(source)
            case Compare(op=op, left=term, right=Const(value=date() as start)), Compare(
                left=other, right=Const(value=date() as stop)
            ) if term == other:
                self._pass(leaf, op, term, start, stop)
            case _:
                self._turn_with(leaf)
        always, sometimes = (low, high) if grows else (high, low)
        contrary = negate(always)
        if isinstance(always, Compare) and isinstance(sometimes, Compare) and always.left == sometimes.left:
            if isinstance(always.right, Const) and isinstance(sometimes.right, Const):
                # The value is there, since it stands in relation to the other bound.
                contrary = attrs.evolve(always, op=_COMPLEMENT[always.op])
        return Outlook(always, sometimes, all_of(sometimes, contrary))

    # --- days of the year ----------------------------------------------------------------------------

    def _returning(self, term: Term, days: MonthDays) -> Outlook:
        first, last = (each.clock for each in self.ends)
        always, sometimes = days_in_span(days, first, last)
        if always != sometimes:
            self._turn_at_midnight()
        found = [frozenset(always), frozenset(sometimes), frozenset(sometimes - always)]
        return Outlook(*(bind_condition(OnMonthDay(term, each), self.binding) for each in found))

    def _days_until(self, node: Compare) -> Outlook:
        """Days until an anniversary, which binding solves for the days of the year."""
        solved = solve_days_until(node)
        return self._stirred(node) if solved is None else self.condition(solved)

    # --- time alone ----------------------------------------------------------------------------------

    def _of_time_alone(self, node: Compare) -> Outlook:
        """A condition on two times turns for everybody at once."""
        ends = [bind_condition(node, each) for each in self.ends]
        left, right = (each.value for each in (node.left, node.right) if isinstance(each, Const))
        if is_moving(left) and is_moving(right):
            if is_instant(left) and is_instant(right):
                return settled(ends[0])
            night = next_midnight(self.ends[0].clock)
            self._turn(night)
            if self.high > night:
                until = bind_condition(node, self.at(night - MICROSECOND))
                if until != ends[0]:
                    self._turn(first_moment(self.low, night - MICROSECOND, lambda at: self._is_turned(node, at)))
                return Outlook(FALSE, TRUE, TRUE)
        if ends[0] == ends[1]:
            return settled(ends[0])
        self._turn(first_moment(self.low, self.high, lambda at: self._is_turned(node, at)))
        return Outlook(FALSE, TRUE, TRUE)


def _terms_in(term: Term) -> list[Term]:
    """The terms directly inside one."""
    return [each for each in algebra.children(term) if isinstance(each, Term)]
