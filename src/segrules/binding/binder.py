"""From algebra to bound algebra: one present, one scope of websites, other segments put in their place.

After binding every constant is a plain value and every negation stands at a leaf. Day arithmetic is
solved for the moment it is about (``days_since_x > 90`` becomes ``x < bound``), so that databases compare bare
columns with constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

import attrs
from attrs import frozen

from segrules import algebra
from segrules.algebra import CUSTOMER, Const, Kind, Op, Predicate, Row, Source, Term, all_of, any_of, negate, present
from segrules.binding.constants import constant_truth, holds, is_time
from segrules.binding.linear import NotLinearError, as_line, days_in, whole_bound
from segrules.clock import (
    Clock,
    Day,
    DayEdge,
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
    local_day,
)
from segrules.errors import EvaluationError, SegmentError

#: The rows that belong to one website each; their own rows follow them.
SCOPED = ("orders", "carts")

#: Through how many live segments a rule may refer to another; each is put in the place of its name.
DEEPEST_SEGMENTS = 32

#: Days further away than these 400 years are not moved with the present: the calendar might end before them.
_FAR = 146_097


@frozen
class Binding:
    """What an evaluation fixes: the clock, the websites, and the rules of live segments.

    ``websites``: each set restricts once more; none of them means all websites. ``segments``: the algebra of
    those segments that are evaluated live; the others are asked by stored membership.
    """

    clock: Clock
    websites: tuple[frozenset[str], ...] = ()
    segments: Mapping[str, Predicate] = attrs.field(factory=dict)


def bind(predicate: Predicate, binding: Binding) -> Predicate:
    """The rule for the shop's active customers of those websites, bound.

    Raises SegmentError when live segments refer to each other in a circle.
    """
    return all_of(*everyone(binding), bind_condition(predicate, binding))


def bind_openly(predicate: Predicate, binding: Binding) -> Predicate:
    """The same but for the clock: times stay expressions, for whoever asks one rule at many moments."""
    return all_of(*everyone(binding), _Binder(binding, is_open=True).predicate(predicate))


def everyone(binding: Binding) -> tuple[Predicate, ...]:
    """Who can be a member at all: active customers of the websites."""
    inactive = algebra.Compare(
        Op.EQ, algebra.Field(CUSTOMER, "is_active", Kind.YESNO), Const(False, Kind.YESNO), Kind.YESNO
    )
    return (negate(inactive), *_scope(CUSTOMER, binding))


def bind_condition(predicate: Predicate, binding: Binding) -> Predicate:
    """A condition bound, without the question whether the customer can be a member at all."""
    return _Binder(binding).predicate(predicate)


def bind_term(term: Term, binding: Binding) -> Term:
    """A term bound."""
    return _Binder(binding).term(term)


def bind_source(source: Source, binding: Binding) -> Source:
    """The rows of a source bound, those of the websites only."""
    return _Binder(binding).source(source)


def solve_days_until(node: algebra.Compare) -> algebra.OnMonthDay | algebra.Truth | None:
    """A comparison of days until an anniversary as one of its month and day, not bound; None when it has more parts."""
    try:
        found = as_line(node.left) - as_line(node.right)
    except NotLinearError:
        return None
    match [(atom, factor) for atom, factor in found.factors.items() if factor]:
        case [(algebra.DaysUntil(term=term), factor)]:
            return _until(term, node.op.mirrored if factor < 0 else node.op, -found.constant / factor)
        case _:
            return None


def _until(term: Term, op: Op, bound: Fraction) -> algebra.OnMonthDay | algebra.Truth:
    """So many days until an anniversary, said of its month and day."""
    whole = whole_bound(op, bound)
    return algebra.FALSE if whole is None else algebra.OnMonthDay(term, MonthDays((Until(whole[0].value, whole[1]),)))


def _scope(row: Row, binding: Binding) -> Iterable[Predicate]:
    website = algebra.Field(row, "website", Kind.CHOICE)
    for codes in binding.websites:
        if not codes:
            yield algebra.FALSE
        yield algebra.OneOf(website, tuple(Const(code, Kind.CHOICE) for code in sorted(codes)), Kind.CHOICE)


@frozen
class _Binder:
    binding: Binding
    within: tuple[str, ...] = ()
    is_open: bool = False

    # --- predicates --------------------------------------------------------------------------------

    def predicate(self, node: Predicate) -> Predicate:
        match node:
            case algebra.Truth():
                return node
            case algebra.And(items=items):
                return all_of(*(self.predicate(item) for item in items))
            case algebra.Or(items=items):
                return any_of(*(self.predicate(item) for item in items))
            case algebra.Not(item=item):
                return negate(self.predicate(item))
            case algebra.Compare(op=op, left=left, right=right, kind=kind):
                return self._compare(op, self.term(left), self.term(right), kind)
            case algebra.OneOf(values=()):
                return algebra.FALSE
            case algebra.OneOf(term=term, values=values, kind=kind):
                if days_in(term):
                    return any_of(*(self.predicate(algebra.Compare(Op.EQ, term, value, kind)) for value in values))
                return _on_a_row(self.term(term), lambda bound: algebra.OneOf(bound, values, kind))
            case algebra.TextMatch(match=match, term=term, needle=needle, kind=kind):
                bound_needle = self.term(needle)
                if isinstance(bound_needle, Const):
                    return _on_a_row(self.term(term), lambda bound: algebra.TextMatch(match, bound, bound_needle, kind))
                return algebra.TextMatch(match, self.term(term), bound_needle, kind)
            case algebra.Present(term=term):
                return present(self.term(term))
            case algebra.HasElement(field=field, element=element):
                return algebra.HasElement(field, None if element is None else self.term(element))
            case algebra.OnMonthDay(term=term, days=days):
                return self._on_month_day(self.term(term), days)
            case algebra.Exists(source=source, where=where):
                bound_source, bound_where = self.source(source), self.predicate(where)
                if algebra.FALSE in (bound_source.where, bound_where):
                    return algebra.FALSE
                return algebra.Exists(bound_source, bound_where)
            case algebra.InSegment(name=name):
                return self._segment(node, name)
            case algebra.Native(terms=terms):
                return attrs.evolve(node, terms=tuple(self.term(each) for each in terms))
            case _:
                assert_never(node)

    def _segment(self, node: algebra.InSegment, name: str) -> Predicate:
        live = self.binding.segments.get(name)
        if live is None:
            return node
        if name in self.within:
            circle = " -> ".join(f'"{each}"' for each in (*self.within[self.within.index(name) :], name))
            raise SegmentError(f"segments refer to each other in a circle: {circle}")
        if len(self.within) >= DEEPEST_SEGMENTS:
            raise SegmentError(
                f'segment "{name}" is referred to through {DEEPEST_SEGMENTS} others; store some of them instead'
            )
        inner = _Binder(self.binding, (*self.within, name), self.is_open)
        return inner.predicate(live)

    def _on_month_day(self, term: Term, days: MonthDays | frozenset[int]) -> Predicate:
        if self.is_open:
            return _on_a_row(term, lambda bound: algebra.OnMonthDay(bound, days))
        found = days if isinstance(days, frozenset) else self.binding.clock.month_days_of(days)
        if not found:
            return algebra.FALSE
        if len(found) == 366:
            return present(term)
        return _on_a_row(term, lambda bound: algebra.OnMonthDay(bound, found))

    def _compare(self, op: Op, left: Term, right: Term, kind: Kind) -> Predicate:
        if isinstance(left, Const) and not isinstance(right, Const):
            op, left, right = op.mirrored, right, left
        match left, right:
            case Const(value=a), Const(value=b) if not (is_time(a) or is_time(b)):
                return algebra.Truth(a is not None and b is not None and holds(op, a, b, kind))
            case _, Const(value=None):
                return algebra.FALSE
        if kind is Kind.NUMBER and (days_in(left) or days_in(right)):
            solved = self._solve(op, left, right)
            if solved is not None:
                return solved
        if isinstance(right, Const):
            return _on_a_row(left, lambda bound: algebra.Compare(op, bound, right, kind))
        return algebra.Compare(op, left, right, kind)

    # --- days --------------------------------------------------------------------------------------

    def _solve(self, op: Op, left: Term, right: Term) -> Predicate | None:
        """A comparison of one day with numbers, said of its moment or date; None when it has more parts."""
        try:
            found = as_line(left) - as_line(right)
        except NotLinearError:
            return None
        atoms = [(atom, factor) for atom, factor in found.factors.items() if factor]
        if len(atoms) != 1:
            if self.is_open and (solved := self._solve_openly(op, atoms, found.constant)) is not None:
                return solved
            if any(isinstance(atom, algebra.DaysUntil) for atom, _ in atoms):
                raise EvaluationError("days until an anniversary can be compared with a plain number only")
            return None
        (atom, factor) = atoms[0]
        bound = -found.constant / factor
        if factor < 0:
            op = op.mirrored
        match atom:
            case algebra.DayNumber(term=term):
                return self._day(term, op, bound)
            case algebra.DaysUntil(term=term):
                return self.predicate(_until(term, op, bound))
            case _:
                return None

    def _solve_openly(self, op: Op, atoms: list[tuple[Term, Fraction]], constant: Fraction) -> Predicate | None:
        """Days between one day and a day that moves with the present, said of the first; None for anything else."""
        match sorted(atoms, key=lambda atom: isinstance(atom[0], algebra.DayNumber) and _is_moving(atom[0].term)):
            case [
                (algebra.DayNumber(term=term), factor),
                (algebra.DayNumber(term=Const(value=RelativeDay(amount=amount, unit=Unit.DAY))), other),
            ] if factor == -other and not isinstance(term, Const):
                whole = whole_bound(op.mirrored if factor < 0 else op, amount - constant / factor)
                if whole is None:
                    return algebra.FALSE
                if abs(whole[1]) <= _FAR:
                    return self._about_day(term, whole[0], RelativeDay(whole[1]))
        return None

    def _day(self, term: Term, op: Op, bound: Fraction) -> Predicate:
        whole = whole_bound(op, bound)
        if whole is None:
            return algebra.FALSE
        op, number = whole
        if not date.min.toordinal() <= number < date.max.toordinal():
            below = number < date.min.toordinal()
            return present(term) if (op is Op.GE) == below and op is not Op.EQ else algebra.FALSE
        return self._about_day(term, op, FixedDay(date.fromordinal(number)))

    def _about_day(self, term: Term, op: Op, day: Day) -> Predicate:
        """A date or moment stands in ``<=``, ``>=`` or ``=`` to a whole day."""
        kind = Kind.DATE if _kind(term) is Kind.DATE else Kind.MOMENT
        if kind is Kind.DATE:
            return self._compare(op, term, self.term(Const(day, Kind.DATE)), Kind.DATE)
        start = self.term(Const(DayEdge(day, Edge.START), kind))
        end = self.term(Const(DayEdge(day, Edge.END), kind))
        match op:
            case Op.LE:
                return self._compare(Op.LT, term, end, kind)
            case Op.GE:
                return self._compare(Op.GE, term, start, kind)
            case _:
                return all_of(self._compare(Op.GE, term, start, kind), self._compare(Op.LT, term, end, kind))

    # --- terms and sources -------------------------------------------------------------------------

    def source(self, node: Source) -> Source:
        scoped = [each for row in node.rows if row.entity in SCOPED for each in _scope(row, self.binding)]
        return attrs.evolve(node, where=all_of(*scoped, self.predicate(node.where)))

    def term(self, node: Term) -> Term:
        match node:
            case Const(value=value):
                clock = self.binding.clock
                match value:
                    case _ if self.is_open:
                        return node
                    case FixedDay() | RelativeDay() | PeriodDay():
                        return Const(clock.date_of(value), node.kind)
                    case Now() | RelativeInstant() | FixedInstant() | DayEdge():
                        return Const(clock.moment_of(value), node.kind)
                    case _:
                        return node
            case algebra.Field():
                return node
            case algebra.Sum(terms=terms):
                return algebra.Sum(tuple(self.term(each) for each in terms))
            case algebra.Product(left=left, right=right):
                return algebra.Product(self.term(left), self.term(right))
            case algebra.Aggregate(source=source, value=value):
                return attrs.evolve(node, source=self.source(source), value=None if value is None else self.term(value))
            case algebra.Picked(source=source, value=value):
                return attrs.evolve(node, source=self.source(source), value=self.term(value))
            case algebra.FirstPresent(terms=terms) | algebra.Latest(terms=terms):
                return attrs.evolve(node, terms=tuple(self.term(each) for each in terms))
            case algebra.DayNumber(term=inner):
                bound = self.term(inner)
                if isinstance(bound, Const) and isinstance(bound.value, date):
                    day = bound.value
                    if isinstance(day, datetime):
                        day = local_day(day, self.binding.clock.zone)
                    return Const(Decimal(day.toordinal()), Kind.NUMBER)
                return algebra.DayNumber(bound)
            case algebra.DaysUntil(term=inner):
                return algebra.DaysUntil(self.term(inner))
            case _:
                assert_never(node)


def _on_a_row(term: Term, ask: Callable[[Term], Predicate]) -> Predicate:
    """A question about a term and constants; about a picked row's value it is asked on that row.

    A default behind the picked value counts when no row has one.
    """
    match term:
        case algebra.Picked(source=source, value=value):
            return algebra.Exists(source, _on_a_row(value, ask))
        case algebra.FirstPresent(terms=(algebra.Picked(source=source, value=value), Const() as default)):
            asked = ask(default)
            holds_without = constant_truth(asked)
            if holds_without is not None:
                found = algebra.Exists(source, ask(value))
                if not holds_without:
                    return found
                return any_of(found, negate(algebra.Exists(source, algebra.Present(value))))
    return ask(term)


def _is_moving(term: Term) -> bool:
    return isinstance(term, Const) and is_time(term.value)


def _kind(term: Term) -> Kind:
    match term:
        case (
            Const(kind=kind)
            | algebra.Field(kind=kind)
            | algebra.Aggregate(kind=kind)
            | algebra.Picked(kind=kind)
            | algebra.FirstPresent(kind=kind)
            | algebra.Latest(kind=kind)
        ):
            return kind
        case _:
            return Kind.NUMBER
