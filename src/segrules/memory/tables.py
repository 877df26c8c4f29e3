"""Which conditions hold for which values of one feature, as tables from values to sets of gates.

A feature is a field of the customer, a total, or a condition that many rules share. A set of gates is an int, one
bit for each; a bit is set where the gate's conditions about the feature decide it (see :mod:`.gates`). A gate has one
entry in a table at most, so that entries are put in and taken out again by the same exclusive or.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, assert_never

from attrs import define, field, frozen

from segrules import algebra
from segrules.algebra import CUSTOMER, Compare, Const, Field, Kind, OneOf, OnMonthDay, Op, Predicate, Present, Term
from segrules.binding import is_time
from segrules.clock import MonthDays, Now, RelativeInstant
from segrules.memory.terms import kind_of

#: Instants further away than these 400 years might meet the calendar's end; they are not looked up.
_FAR = 146_097 * 86_400_000_000


class Form(Enum):
    """How a feature is looked up."""

    EQUAL = "in a dictionary"
    ORDERED = "between constants that stay where they are for a day at least"
    INSTANT = "between instants that move with the present, all alike"
    MONTH_DAY = "by the month and day of a date or moment"
    TRUTH = "by its truth: it is itself a condition"


@frozen
class Key:
    """A table: what is looked up, and how."""

    feature: Term | Predicate
    form: Form

    @property
    def is_plain(self) -> bool:
        """Whether the feature is a field of the customer, which costs nothing to look at."""
        return isinstance(self.feature, Field) and self.feature.row == CUSTOMER

    @property
    def kind(self) -> Kind:
        """The kind of the feature's values."""
        return kind_of(self.feature) if isinstance(self.feature, Term) else Kind.YESNO

    @property
    def is_dated(self) -> bool:
        """Whether the order of its constants may change from day to day."""
        if self.form is Form.MONTH_DAY:
            return True
        return self.form is Form.ORDERED and self.kind in (Kind.DATE, Kind.MOMENT)


_EQUAL = (Kind.ID, Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.YESNO)


def key_of(leaf: Predicate) -> Key:
    """The table in which a leaf is an entry."""
    match leaf:
        case algebra.Not(item=item):
            return key_of(item)
        case Compare(left=Const(), right=right) if not isinstance(right, Const):
            return key_of(_turned(leaf))
        case Compare(left=term, right=Const(value=value), kind=kind) if not isinstance(term, Const):
            if kind in _EQUAL:
                return Key(term, Form.EQUAL)
            match value:
                case Now():
                    return Key(term, Form.INSTANT)
                case RelativeInstant(microseconds=distance):
                    return Key(term, Form.INSTANT) if abs(distance) <= _FAR else Key(leaf, Form.TRUTH)
                case None:
                    return Key(leaf, Form.TRUTH)
            return Key(term, Form.ORDERED)
        case OneOf(term=term, kind=kind) if not isinstance(term, Const):
            return Key(term, Form.EQUAL if kind in _EQUAL else Form.ORDERED)
        case Present(term=Field(kind=kind) as term):
            return Key(term, Form.EQUAL if kind in _EQUAL else Form.ORDERED)
        case OnMonthDay(term=term):
            return Key(term, Form.MONTH_DAY)
        case _:
            return Key(leaf, Form.TRUTH)


def _turned(predicate: Compare) -> Compare:
    return Compare(predicate.op.mirrored, predicate.right, predicate.left, predicate.kind)


# --- where a condition holds -------------------------------------------------------------------------

#: A value that no condition mentions, and what comes before all that are mentioned; they are equal to nothing else.
OTHER, LOWEST = object(), object()


@frozen
class Cell:
    """Values that no condition of a table tells apart: one constant, or all directly above it."""

    value: Any
    above: bool = False


MISSING, HOLDS, FAILS = Cell(None), Cell(True), Cell(False)


def _truth(predicate: Predicate, cell: Cell, resolve: Callable[[Any], Any]) -> bool:
    """Whether a condition about one feature holds for the values of a cell."""
    match predicate:
        case algebra.And(items=items):
            return all(_truth(item, cell, resolve) for item in items)
        case algebra.Or(items=items):
            return any(_truth(item, cell, resolve) for item in items)
        case algebra.Not(item=item):
            return not _truth(item, cell, resolve)
        case _ if cell is HOLDS or cell is FAILS:
            return cell is HOLDS
        case _ if cell is MISSING:
            return False
        case Present():
            return True
        case Compare(left=Const()):
            return _truth(_turned(predicate), cell, resolve)
        case Compare(op=op, right=Const(value=value), kind=kind):
            return _stands(cell, op, _resolved(value, kind, resolve))
        case OneOf(values=values, kind=kind):
            return any(_stands(cell, Op.EQ, _resolved(each.value, kind, resolve)) for each in values)
        case OnMonthDay(days=days):
            return cell.value in _days(days, resolve)
        case _:
            raise AssertionError(f"{predicate} has no values")


def _stands(cell: Cell, op: Op, constant: Any) -> bool:
    if constant is None:
        return False
    if cell.value is LOWEST:
        return op in (Op.LT, Op.LE)
    match op:
        case Op.EQ:
            return not cell.above and bool(cell.value == constant)
        case Op.LT:
            return bool(cell.value < constant)
        case Op.LE:
            return bool(cell.value < constant) or (not cell.above and bool(cell.value == constant))
        case Op.GT:
            return bool(cell.value > constant) or (cell.above and bool(cell.value == constant))
        case Op.GE:
            return bool(cell.value >= constant)
        case _:
            assert_never(op)


def _resolved(value: Any, kind: Kind, resolve: Callable[[Any], Any]) -> Any:
    if kind is Kind.TEXT and isinstance(value, str):
        return algebra.fold(value)
    return resolve(value) if is_time(value) else value


def _mentioned(predicate: Predicate, resolve: Callable[[Any], Any]) -> set[Any]:
    """The values that a condition about one feature names."""
    match predicate:
        case algebra.And(items=items) | algebra.Or(items=items):
            return set().union(*(_mentioned(item, resolve) for item in items))
        case algebra.Not(item=item):
            return _mentioned(item, resolve)
        case Compare(left=Const(value=value), kind=kind) | Compare(right=Const(value=value), kind=kind):
            return {_resolved(value, kind, resolve)}
        case OneOf(values=values, kind=kind):
            return {_resolved(each.value, kind, resolve) for each in values if each.value is not None}
        case OnMonthDay(days=days):
            return set(_days(days, resolve))
        case _:
            return set()


def _days(days: MonthDays | frozenset[int], resolve: Callable[[Any], Any]) -> frozenset[int]:
    return days if isinstance(days, frozenset) else frozenset(resolve(days))


def _distance(value: Any) -> int:
    """How far an instant is from now, in microseconds."""
    return value.microseconds if isinstance(value, RelativeInstant) else 0


def _as_it_is(value: Any) -> Any:
    assert not isinstance(value, MonthDays), "days of the year are found for a day only"
    return value


# --- tables ------------------------------------------------------------------------------------------


@frozen(eq=False)
class Entry:
    """The conditions of one gate about one feature: its bit is set where their truth is ``decisive``.

    Two entries are never equal.
    """

    bit: int
    decisive: bool
    condition: Predicate


@define(eq=False)
class Table:
    """The entries of one table, summed up: the gates at each value, told by what changes there."""

    form: Form
    missing: int = 0
    start: int = 0
    at: dict[Any, int] = field(factory=dict)
    above: dict[Any, int] = field(factory=dict)

    def toggled(self, entries: Iterable[Entry], resolve: Callable[[Any], Any]) -> Table:
        """A table of its own, in which these entries are put in that are not here, and taken out that are."""
        table = Table(self.form, self.missing, self.start, dict(self.at), dict(self.above))
        for entry in entries:
            table.toggle(entry, resolve)
        return table

    def toggle(self, entry: Entry, resolve: Callable[[Any], Any] = _as_it_is) -> None:
        """Puts an entry in, or takes it out."""
        bit, condition = entry.bit, entry.condition
        resolve = _distance if self.form is Form.INSTANT else resolve

        def decided(cell: Cell) -> bool:
            return _truth(condition, cell, resolve) is entry.decisive

        if self.form is Form.TRUTH:
            self.at[True] = self.at.get(True, 0) ^ (bit if decided(HOLDS) else 0)
            self.start ^= bit if decided(FAILS) else 0
            return
        if decided(MISSING):
            self.missing ^= bit
        before = default = decided(Cell(LOWEST if self.form in (Form.ORDERED, Form.INSTANT) else OTHER))
        if default:
            self.start ^= bit
        if self.form in (Form.EQUAL, Form.MONTH_DAY):
            for value in _mentioned(condition, resolve):
                if decided(Cell(value)) is not default:
                    self.at[value] = self.at.get(value, 0) ^ bit
            return
        for value in sorted(_mentioned(condition, resolve)):
            for cell, toggles in ((Cell(value), self.at), (Cell(value, above=True), self.above)):
                if (after := decided(cell)) is not before:
                    toggles[value] = toggles.get(value, 0) ^ bit
                    before = after

    def finished(self, kind: Kind) -> tuple[Any, ...]:
        """What the code looks values up in (see :mod:`.lookups`), for values of a kind."""
        match self.form:
            case Form.TRUTH:
                return self.at.get(True, 0), self.start
            case Form.EQUAL | Form.MONTH_DAY:
                return {value: self.start ^ bits for value, bits in self.at.items()}, self.start
            case Form.ORDERED:
                constants, at, between = self.in_order()
                if kind is Kind.NUMBER:
                    # For whole numbers constants rounded down stand in the same order, and compare faster.
                    return (*constants, _ENDS[kind]), at, between, tuple(map(math.floor, constants))
                return (*constants, _ENDS[kind]), at, between
            case Form.INSTANT:
                return self.in_order()[1:]
            case _:
                assert_never(self.form)

    def in_order(self) -> tuple[list[Any], tuple[int, ...], tuple[int, ...]]:
        """The constants in order, the gates at each, and those below the first and above each.

        Behind the last constant stands the end of all values, where nothing changes any more.
        """
        constants = sorted(self.at.keys() | self.above.keys())
        running, at, between = self.start, [], [self.start]
        for constant in constants:
            running ^= self.at.get(constant, 0)
            at.append(running)
            running ^= self.above.get(constant, 0)
            between.append(running)
        return constants, (*at, running), tuple(between)


_ENDS = {Kind.NUMBER: Decimal("Infinity"), Kind.DATE: date.max, Kind.MOMENT: datetime.max}
