"""Windows: ``in last 7 days``, ``in this month``, for moments, dates and anniversaries."""

from __future__ import annotations

from typing import assert_never

from segrules import algebra
from segrules.algebra import Const, Kind, Op, Predicate, all_of
from segrules.clock import Day, DayRange, Edge, MonthDays, Now, PeriodDay, RelativeDay
from segrules.language import nodes
from segrules.lowering.days import instant, moment_against_day, relative_day
from segrules.lowering.operands import Operand, Return, Value


def within(left: Operand, window: nodes.LengthWindow | nodes.PeriodWindow) -> Predicate:
    """A moment, date or anniversary lies inside a window."""
    match window:
        case nodes.PeriodWindow(offset=offset, unit=unit):
            first: Day = PeriodDay(offset, unit, Edge.START)
            final: Day = PeriodDay(offset, unit, Edge.END)
            exact = False
        case nodes.LengthWindow(length=length, last=last):
            exact = length.unit.is_exact
            away = relative_day(length, -1 if last else 1) if not exact else RelativeDay(0)
            first, final = (away, RelativeDay(0)) if last else (RelativeDay(0), away)
        case _:
            assert_never(window)
    match left:
        case Return(term=term):
            return algebra.OnMonthDay(term, MonthDays((DayRange(first, final),)))
        case Value(term=term, kind=Kind.DATE):
            return all_of(
                algebra.Compare(Op.GE, term, Const(first, Kind.DATE), Kind.DATE),
                algebra.Compare(Op.LE, term, Const(final, Kind.DATE), Kind.DATE),
            )
        case Value(term=term):
            now = Const(Now(), Kind.MOMENT)
            if isinstance(window, nodes.PeriodWindow):
                return all_of(moment_against_day(term, Op.GE, first), moment_against_day(term, Op.LE, final))
            if exact:
                edge = Const(instant(window.length, -1 if window.last else 1), Kind.MOMENT)
                low, high = (edge, now) if window.last else (now, edge)
                return all_of(
                    algebra.Compare(Op.GE, term, low, Kind.MOMENT), algebra.Compare(Op.LE, term, high, Kind.MOMENT)
                )
            if window.last:
                return all_of(moment_against_day(term, Op.GE, first), algebra.Compare(Op.LE, term, now, Kind.MOMENT))
            return all_of(algebra.Compare(Op.GE, term, now, Kind.MOMENT), moment_against_day(term, Op.LE, final))
        case _:
            raise AssertionError(f"the resolver lets no {type(left).__name__} stand before a window")
