"""Times against times: whole days have two edges, instants are exact."""

from __future__ import annotations

from typing import assert_never

from segrules import algebra
from segrules.algebra import Const, Kind, Op, Predicate, Term, all_of
from segrules.clock import Day, DayEdge, Edge, Instant, RelativeDay, RelativeInstant, Unit
from segrules.language import nodes

_MICROSECONDS = {Unit.HOUR: 3_600_000_000, Unit.MINUTE: 60_000_000}


def _edge(day: Day, edge: Edge) -> Const:
    return Const(DayEdge(day, edge), Kind.MOMENT)


def moment_against_day(moment: Term, op: Op, day: Day) -> Predicate:
    """A moment against a whole day, half open: after and until mean its end, before and since its start."""

    def compare(op: Op, edge: Edge) -> Predicate:
        return algebra.Compare(op, moment, _edge(day, edge), Kind.MOMENT)

    match op:
        case Op.LT:
            return compare(Op.LT, Edge.START)
        case Op.LE:
            return compare(Op.LT, Edge.END)
        case Op.GT:
            return compare(Op.GE, Edge.END)
        case Op.GE:
            return compare(Op.GE, Edge.START)
        case Op.EQ:
            return all_of(compare(Op.GE, Edge.START), compare(Op.LT, Edge.END))
        case _:
            assert_never(op)


def relative_day(length: nodes.Length, sign: int) -> Day:
    """The day that lies a length of days or longer units away."""
    return RelativeDay(sign * int(length.amount), length.unit)


def instant(length: nodes.Length, sign: int) -> Instant:
    """The instant that lies a length of hours or minutes away."""
    return RelativeInstant(sign * int(length.amount * _MICROSECONDS[length.unit]))
