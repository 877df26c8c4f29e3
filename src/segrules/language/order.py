"""Which of two values comes first, where the text alone says it."""

from __future__ import annotations

from decimal import Decimal

from segrules.clock import FixedDay, RelativeDay, Unit
from segrules.language import nodes

#: The shortest and the longest that each unit can be, in days.
_DAYS = {
    Unit.DAY: (Decimal(1), Decimal(1)),
    Unit.WEEK: (Decimal(7), Decimal(7)),
    Unit.MONTH: (Decimal(28), Decimal(31)),
    Unit.QUARTER: (Decimal(90), Decimal(92)),
    Unit.YEAR: (Decimal(365), Decimal(366)),
}
_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}
_HOURS = {Unit.HOUR: Decimal(24), Unit.MINUTE: Decimal(24 * 60)}


def exact(operand: nodes.Operand) -> Decimal | None:
    """The number that a literal is, with its sign."""
    match operand:
        case nodes.Number():
            return operand.value
        case nodes.Negative():
            inner = exact(operand.operand)
            return None if inner is None else -inner
        case _:
            return None


def _distance(operand: nodes.Operand) -> tuple[Decimal, Decimal] | None:
    """The least and the most days between the present and a relative day or instant; less is earlier."""
    match operand:
        case nodes.NowLiteral():
            return Decimal(0), Decimal(0)
        case nodes.AgoLiteral():
            days = operand.length.amount / _HOURS[operand.length.unit]
            days = -days if operand.ago else days
            return days, days
        case nodes.DayLiteral(day=RelativeDay(amount=amount, unit=unit)):
            low, high = _DAYS[unit]
            return min(amount * low, amount * high) - 1, max(amount * low, amount * high) + 1
        case _:
            return None


def swapped(low: nodes.Operand, high: nodes.Operand) -> bool:
    """Whether the second comes before the first, whatever the present is."""
    first, second = exact(low), exact(high)
    if first is not None and second is not None:
        return first > second
    match low, high:
        case nodes.DayLiteral(day=FixedDay(day=start)), nodes.DayLiteral(day=FixedDay(day=end)):
            return start > end
        case nodes.DayLiteral(day=RelativeDay() as one), nodes.DayLiteral(day=RelativeDay() as other):
            if one.unit is other.unit:
                return one.amount > other.amount
            if one.unit in _MONTHS and other.unit in _MONTHS:
                return one.amount * _MONTHS[one.unit] > other.amount * _MONTHS[other.unit]
            if {one.unit, other.unit} == {Unit.DAY, Unit.WEEK}:
                sizes = {Unit.DAY: 1, Unit.WEEK: 7}
                return one.amount * sizes[one.unit] > other.amount * sizes[other.unit]
        case nodes.MomentLiteral(moment=begin), nodes.MomentLiteral(moment=stop):
            if (begin.tzinfo is None) == (stop.tzinfo is None):
                return begin > stop
            return False
    near, far = _distance(low), _distance(high)
    return near is not None and far is not None and near[0] > far[1]
