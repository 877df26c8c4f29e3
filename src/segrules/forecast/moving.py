"""Which parts of a rule move with the clock, and which way they push a comparison."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import frozen

from segrules import algebra
from segrules.algebra import (
    Aggregate,
    Compare,
    Const,
    DayNumber,
    DaysUntil,
    Fold,
    InSegment,
    Kind,
    OnMonthDay,
    Op,
    Predicate,
    Source,
    Term,
    children,
    walk,
)
from segrules.clock import (
    DayEdge,
    DayRange,
    MonthDays,
    Now,
    PeriodDay,
    RelativeDay,
    RelativeInstant,
    Unit,
    Until,
)

_YEAR = {Unit.DAY: 365, Unit.WEEK: 53, Unit.MONTH: 12, Unit.QUARTER: 4, Unit.YEAR: 1}


def is_moving(value: Any) -> bool:
    """Whether a constant's value is another one at another moment."""
    match value:
        case RelativeDay() | PeriodDay() | Now() | RelativeInstant():
            return True
        case DayEdge(day=day):
            return is_moving(day)
        case DayRange(first=first, last=last):
            return (is_moving(first) or is_moving(last)) and not _is_whole_year(first, last)
        case Until():
            return _is_met_by_some(value)
        case MonthDays(windows=windows):
            return any(is_moving(each) for each in windows)
        case _:
            return False


def is_instant(value: Any) -> bool:
    """Whether a moving value moves at every moment, and not at midnights alone."""
    return isinstance(value, Now | RelativeInstant)


def moves(node: Term | Predicate | Source, live: frozenset[str]) -> bool:
    """Whether anything inside moves; ``live`` are the segments that are evaluated with the rule."""
    match node:
        case Const(value=value):
            return is_moving(value)
        case OnMonthDay(days=MonthDays() as days) if is_moving(days):
            return True
        case DaysUntil():
            return True
        case InSegment(name=name):
            return name in live
        case Aggregate(fold=Fold.COUNT, source=source, value=value) if value is not None:
            # Which values are there to count does not depend on how large they are.
            inner = (each for each in walk(value) if isinstance(each, Source))
            return moves(source, live) or any(moves(each, live) for each in inner)
        case _:
            return any(moves(each, live) for each in children(node))


def _is_whole_year(first: Any, last: Any) -> bool:
    """Whether the days of a window are the whole year at every moment."""
    match first, last:
        case RelativeDay(amount=0), RelativeDay(amount=amount, unit=unit):
            return amount >= _YEAR[unit]
        case RelativeDay(amount=amount, unit=unit), RelativeDay(amount=0):
            return -amount >= _YEAR[unit]
        case PeriodDay(unit=Unit.YEAR, offset=start), PeriodDay(unit=Unit.YEAR, offset=end):
            return start <= end and first.edge.value == "start" and last.edge.value == "end"
        case _:
            return False


def _is_met_by_some(until: Until) -> bool:
    """Whether some distances to a return satisfy it and some do not; they lie between 0 and 365 days."""
    match until.op:
        case "=":
            return 0 <= until.days <= 365
        case "<" | ">=":
            return 0 < until.days <= 365
        case _:
            return 0 <= until.days < 365


def is_growing(comparison: Compare, live: frozenset[str], positive: frozenset[Term]) -> bool | None:
    """Whether a comparison that holds goes on to hold as time passes (or, if not, once it fails goes on to fail).

    None when it may turn either way. The comparison is no ``=``. ``positive`` are numbers known to be more than 0.
    """
    if comparison.kind in (Kind.DATE, Kind.MOMENT):
        pulls = [_pull(each, live) for each in (comparison.left, comparison.right)]
        if None in pulls or all(pulls):
            return None
        pull = 1 if pulls[0] else -1
    else:
        try:
            left, right = (_Slope(live, positive).factors(each) for each in (comparison.left, comparison.right))
            factors = _added(left, right, Fraction(-1)).values()
        except _TurnsEitherWayError:
            return None
        if any(each > 0 for each in factors) and any(each < 0 for each in factors):
            return None
        pull = 1 if any(each > 0 for each in factors) else -1
    return (pull > 0) == (comparison.op in (Op.GT, Op.GE))


def _pull(term: Term, live: frozenset[str]) -> int | None:
    """1 for a moving constant, 0 for what stands still, None for what moves inside."""
    if isinstance(term, Const):
        return int(is_moving(term.value))
    return None if moves(term, live) else 0


class _TurnsEitherWayError(Exception):
    """Something moves in another way than a day times what is not negative, or times a constant."""


#: Moving days, each multiplied with terms that stand still and are not negative, and the constant factor of each.
_Factors = dict[tuple[Any, tuple[Term, ...]], Fraction]


def _added(left: _Factors, right: _Factors, times: Fraction = Fraction(1)) -> _Factors:
    found = dict(left)
    for key, factor in right.items():
        found[key] = found.get(key, Fraction(0)) + factor * times
    return found


@frozen
class _Slope:
    """Which way numbers are pulled by the clock."""

    live: frozenset[str]
    positive: frozenset[Term]

    def factors(self, term: Term) -> _Factors:
        """The moving days in a number."""
        live = self.live
        match term:
            case DayNumber(term=Const(value=value)) if is_moving(value):
                return {(value, ()): Fraction(1)}
            case algebra.Sum(terms=terms):
                found: _Factors = {}
                for each in terms:
                    found = _added(found, self.factors(each))
                return found
            case algebra.Product(left=left, right=right) if moves(term, live):
                if moves(left, live):
                    left, right = right, left
                inner = self.factors(right)
                if isinstance(left, Const) and isinstance(left.value, Decimal):
                    return _added({}, inner, Fraction(left.value))
                if not moves(left, live) and is_never_negative(left, self.positive):
                    return {(value, (*others, left)): factor for (value, others), factor in inner.items()}
                raise _TurnsEitherWayError
            case _ if not moves(term, live):
                return {}
            case Aggregate(fold=Fold.SUM, source=source, value=value) if value is not None and not moves(source, live):
                count = Aggregate(Fold.COUNT, source, value, Kind.NUMBER)
                return {(day, (*others, count)): factor for (day, others), factor in self.factors(value).items()}
            case (
                Aggregate(fold=Fold.MIN | Fold.MAX, source=source, value=value)
                | algebra.Picked(source=source, value=value)
            ) if value is not None and not moves(source, live):
                inner = self.factors(value)
                if not any(others for _, others in inner):
                    return inner
                # Each row goes the way of its value, and so does the one that is taken.
                factors = inner.values()
                if any(each > 0 for each in factors) and any(each < 0 for each in factors):
                    raise _TurnsEitherWayError
                return {(value, (term,)): sum(factors, Fraction(0))}
            case _:
                raise _TurnsEitherWayError


def is_never_negative(term: Term, positive: frozenset[Term]) -> bool:
    """Whether a number is known to be 0 or more."""
    match term:
        case _ if term in positive:
            return True
        case Const(value=Decimal() as value):
            return value >= 0
        case Aggregate(fold=Fold.COUNT | Fold.COUNT_DISTINCT):
            return True
        case algebra.Product(left=left, right=right):
            return is_never_negative(left, positive) and is_never_negative(right, positive)
        case algebra.Sum(terms=terms):
            return all(is_never_negative(each, positive) for each in terms)
        case _:
            return False
