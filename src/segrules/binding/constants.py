"""Questions about constants, answered without asking a customer."""

from __future__ import annotations

from typing import Any, assert_never

from segrules import algebra
from segrules.algebra import Const, Kind, Op, Predicate
from segrules.clock import Day, Instant, MonthDays


def is_time(value: object) -> bool:
    """Whether a constant is still an expression of time."""
    return isinstance(value, Day | Instant | MonthDays)


def constant_truth(predicate: Predicate) -> bool | None:
    """The answer of a question about constants, when it is one."""
    match predicate:
        case algebra.Compare(left=Const(value=a), right=Const(value=b)) if is_time(a) or is_time(b):
            return None
        case algebra.Compare(op=op, left=Const(value=a), right=Const(value=b), kind=kind):
            return a is not None and b is not None and holds(op, a, b, kind)
        case algebra.OneOf(term=Const(value=value), values=values):
            return any(value == each.value for each in values)
        case _:
            return None


def holds(op: Op, left: Any, right: Any, kind: Kind) -> bool:
    """Whether two plain values of one kind stand in a relation."""
    if kind is Kind.TEXT:
        left, right = algebra.fold(left), algebra.fold(right)
    match op:
        case Op.EQ:
            holds = left == right
        case Op.LT:
            holds = left < right
        case Op.LE:
            holds = left <= right
        case Op.GT:
            holds = left > right
        case Op.GE:
            holds = left >= right
        case _:
            assert_never(op)
    return bool(holds)
