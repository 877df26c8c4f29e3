"""What is harder to say of a span: numbers that grow and shrink, and conditions whose way is unknown."""

from __future__ import annotations

from abc import abstractmethod
from decimal import Decimal
from itertools import islice

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
    Fold,
    Kind,
    Op,
    Predicate,
    Source,
    Term,
    all_of,
    any_of,
    negate,
)
from segrules.binding import bind_condition, bind_source, bind_term
from segrules.clock import MICROSECOND
from segrules.forecast.moving import is_instant, is_never_negative
from segrules.forecast.outlook import Outlook, settled
from segrules.forecast.turns import Turns

#: What would take more nodes to say is taken to be stirred for everyone; when it may be is known all the same.
_LONG = 150
ZERO = Const(Decimal(0), Kind.NUMBER)


@define
class Ranges(Turns):
    """Says the smallest and the largest of numbers, and what is stirred at all."""

    #: Numbers that are known to be more than 0 where a condition is read.
    _positive: frozenset[Term] = frozenset()

    @abstractmethod
    def condition(self, node: Predicate) -> Outlook:
        """The outlook of a lowered condition."""

    def _unconditional(self, source: Source) -> Source:
        """The rows of a source with no condition but the scope of websites."""
        return bind_source(attrs.evolve(source, where=TRUE), self.binding)

    def _of_ranges(self, node: Compare) -> Outlook:
        """Two numbers, each between a smallest and a largest value."""
        left, right = self._range(node.left), self._range(node.right)
        if left is None or right is None:
            return self._stirred(node)
        least, most = (left[0], right[1]), (left[1], right[0])
        if node.op in (Op.LT, Op.LE):
            least, most = most, least
        always, sometimes = (Compare(node.op, *each, Kind.NUMBER) for each in (least, most))
        return Outlook(always, sometimes, all_of(sometimes, negate(always)))

    def _range(self, term: Term) -> tuple[Term, Term] | None:
        """The smallest and the largest value of a number in the span; None when that cannot be told."""
        if not self.moves(term):
            bound = bind_term(term, self.binding)
            return bound, bound
        match term:
            case algebra.DayNumber(term=Const()):
                low, high = (bind_term(term, each) for each in self.ends)
                if low != high:
                    self._turn_with(Compare(Op.GE, term, ZERO, Kind.NUMBER))
                return low, high
            case algebra.Sum(terms=terms):
                found = [self._range(each) for each in terms]
                kept = [each for each in found if each is not None]
                if len(kept) < len(found):
                    return None
                return algebra.Sum(tuple(low for low, _ in kept)), algebra.Sum(tuple(high for _, high in kept))
            case algebra.Product(left=left, right=right):
                return self._range_of_product(left, right)
            case Aggregate(fold=Fold.COUNT | Fold.COUNT_DISTINCT | Fold.SUM, source=Source(pick=None)):
                return self._range_of_total(term)
            case _:
                return None

    def _range_of_product(self, left: Term, right: Term) -> tuple[Term, Term] | None:
        still, other = (right, left) if self.moves(left) else (left, right)
        if self.moves(still) or not (isinstance(still, Const) or is_never_negative(still, self._positive)):
            return None
        inner, factor = self._range(other), bind_term(still, self.binding)
        if inner is None:
            return None
        low, high = (algebra.Product(factor, each) for each in inner)
        return (low, high) if is_never_negative(still, self._positive) else (high, low)

    def _range_of_total(self, total: Aggregate) -> tuple[Term, Term] | None:
        if total.value is not None and self.moves(total.value):
            values = None if self.moves(total.source) or total.fold is not Fold.SUM else self._range(total.value)
            if values is None:
                return None
            source = bind_source(total.source, self.binding)
            low, high = (attrs.evolve(total, source=source, value=each) for each in values)
            return low, high
        outlook = self.condition(total.source.where)
        rows = self._unconditional(total.source)
        value = None if total.value is None else bind_term(total.value, self.binding)

        def over(where: Predicate) -> Term:
            where = all_of(rows.where, where)
            return ZERO if where == FALSE else attrs.evolve(total, source=attrs.evolve(rows, where=where), value=value)

        if total.fold is not Fold.SUM or value is None:
            return over(outlook.always), over(outlook.sometimes)
        below, above = (over(all_of(outlook.changing, Compare(op, value, ZERO, Kind.NUMBER))) for op in (Op.LT, Op.GT))
        kept = over(outlook.always)
        return algebra.Sum((kept, below)), algebra.Sum((kept, above))

    def _stirred(self, node: Predicate) -> Outlook:
        """A condition whose way is unknown: it stays as it is where nothing inside is stirred."""
        bound = bind_condition(node, self.at(self.low))
        stirred = any_of(*(self._stir(each) for each in algebra.children(node)))
        if isinstance(node, Exists):
            inside = self._unconditional(node.source)
            met = all_of(self.condition(node.source.where).sometimes, self.condition(node.where).changing)
            stirred = any_of(self._stir(node.source), _row(inside, met))
        if len(list(islice(algebra.walk(stirred), _LONG))) == _LONG:
            return Outlook(FALSE, TRUE, TRUE)
        return Outlook(all_of(bound, negate(stirred)), any_of(bound, stirred), stirred)

    def _of_stirred_term(self, node: Compare) -> Outlook:
        """A moment from rows that come and go: it stays where nothing stirs those, while bounds move past it."""
        sides, stirred = [], []
        for each in (node.left, node.right):
            is_bound = isinstance(each, Const)
            sides.append(each if is_bound else bind_term(each, self.ends[0]))
            stirred.append(FALSE if is_bound else self._stir(each))
        found, stir = self.condition(Compare(node.op, sides[0], sides[1], node.kind)), any_of(*stirred)
        return Outlook(all_of(found.always, negate(stir)), any_of(found.sometimes, stir), any_of(found.changing, stir))

    def _stir(self, node: Term | Predicate | Source) -> Predicate:
        """Whether something in a part may change in the span."""
        if not self.moves(node):
            return FALSE
        match node:
            case Const(value=value):
                if bind_term(node, self.ends[0]) == bind_term(node, self.ends[1]):
                    return FALSE
                self._turn_at_midnight()
                if is_instant(value):
                    self._turn(self.low + MICROSECOND)
                return TRUE
            case DaysUntil():
                self._turn_at_midnight()
                return TRUE
            case Source(where=where):
                return _row(self._unconditional(node), self.condition(where).changing)
            case Aggregate(source=source, value=value) | algebra.Picked(source=source, value=value):
                found = self._stir(source)
                if value is None or not self.moves(value):
                    return found
                met = all_of(self.condition(source.where).sometimes, self._stir(value))
                return any_of(found, _row(self._unconditional(source), met))
            case algebra.Sum() | algebra.Product() | algebra.FirstPresent() | algebra.Latest() | algebra.DayNumber():
                return any_of(*(self._stir(each) for each in algebra.children(node)))
            case algebra.Field():
                return FALSE
            case _:
                return self.condition(node).changing


def _row(source: Source, where: Predicate) -> Predicate:
    """Some row, whether or not it is the one picked, satisfies."""
    return settled(where).of_a_row(attrs.evolve(source, pick=None)).sometimes
