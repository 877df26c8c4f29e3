"""When something turns in a span: the moments that time brings by itself, and the bounds that pass fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import attrs
from attrs import define, field

from segrules import algebra
from segrules.algebra import CUSTOMER, Aggregate, Compare, Const, Exists, Field, Op, Predicate, Source, Term, walk
from segrules.binding import Binding, bind_condition
from segrules.forecast.moving import is_instant, moves
from segrules.forecast.span import Passing, clock_at, first_moment, next_midnight


@define
class Turns:
    """Notes what turns while a rule is read for one span."""

    low: datetime
    high: datetime
    binding: Binding
    passings: dict[Passing, None] = field(factory=dict)
    turns: dict[datetime, None] = field(factory=dict)
    _bindings: dict[datetime, Binding] = field(factory=dict)
    _moving: dict[int, bool] = field(factory=dict)
    _kept: list[object] = field(factory=list)

    def at(self, moment: datetime) -> Binding:
        """The same evaluation at another moment."""
        found = self._bindings.get(moment)
        if found is None:
            found = attrs.evolve(self.binding, clock=clock_at(moment, self.binding))
            if moment in (self.low, self.high):
                self._bindings[moment] = found
        return found

    def moves(self, node: Term | Predicate | Source) -> bool:
        """Whether anything in it moves with the clock."""
        found = self._moving.get(id(node))
        if found is None:
            self._kept.append(node)
            found = self._moving[id(node)] = moves(node, frozenset(self.binding.segments))
        return found

    @property
    def ends(self) -> tuple[Binding, Binding]:
        """The evaluations at both ends."""
        return self.at(self.low), self.at(self.high)

    def _pass(self, leaf: Compare, op: Op, term: Term, start: date, stop: date) -> None:
        """Notes that a bound moves over everything that a term can be."""
        touching = op in (Op.LE, Op.GT)

        def bound_at(moment: datetime) -> date:
            return _constant_in(bind_condition(leaf, self.at(moment)))

        for each in _values_in(term):
            if isinstance(each, Field):
                self.passings[Passing(each, touching, start, stop, bound_at)] = None
            elif isinstance(each.value, date):
                value = each.value
                known = Passing(Field(CUSTOMER, "id", each.kind), touching, start, stop, bound_at)
                if known.is_over(value, self.high) and not known.is_over(value, self.low):
                    self._turn(first_moment(self.low, self.high, lambda at, p=known, v=value: p.is_over(v, at)))  # type: ignore[misc]

    def _is_turned(self, node: Compare, moment: datetime) -> bool:
        return bind_condition(node, self.at(moment)) != bind_condition(node, self.at(self.low))

    def _turn(self, moment: datetime) -> None:
        self.turns[moment] = None

    def _turn_with(self, leaf: Compare) -> None:
        """Notes when the bounds of a comparison, which only grow, are others than at the start of the span."""
        if any(isinstance(each, Const) and is_instant(each.value) for each in walk(leaf)):
            self._turn(first_moment(self.low, self.high, lambda at: self._is_turned(leaf, at)))
        else:
            self._turn_at_midnight()

    def _turn_at_midnight(self) -> None:
        self._turn(next_midnight(self.ends[0].clock))


def _values_in(term: Term) -> Iterator[Field | Const]:
    """The fields and constants of which a moment or date is one."""
    match term:
        case Field() | Const():
            yield term
        case Aggregate(value=value) if value is not None:
            yield from _values_in(value)
        case algebra.Picked(value=value):
            yield from _values_in(value)
        case algebra.FirstPresent(terms=terms) | algebra.Latest(terms=terms):
            for each in terms:
                yield from _values_in(each)
        case _:
            raise AssertionError(f"{term} is no moment or date")


def _constant_in(bound: Predicate) -> date:
    """The bound of a comparison of a moment or date with a constant."""
    match bound:
        case Compare(right=Const(value=date() as value)):
            return value
        case Exists(where=where):
            return _constant_in(where)
        case _:
            raise AssertionError(f"{bound} has no bound in time")
