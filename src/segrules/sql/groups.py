"""The totals that a rule asks for, by relation, and what they are for a customer without a row."""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from typing import Any

from attrs import frozen

from segrules import algebra
from segrules.algebra import (
    Aggregate,
    Const,
    Exists,
    Field,
    FirstPresent,
    Fold,
    InSegment,
    Latest,
    Native,
    OnMonthDay,
    Predicate,
    Product,
    Sum,
    Term,
)
from segrules.sql.normal import UNKNOWN, totals


@frozen
class Group:
    """The totals of one relation that a rule asks for."""

    rows: tuple[algebra.Row, ...]
    totals: tuple[Aggregate, ...]

    @property
    def name(self) -> str:
        """The relation, for the reasons of a plan."""
        return self.rows[-1].entity

    def empty(self, term: Term) -> Any:
        """The value of a term for a customer without such rows, as far as that decides it."""
        match term:
            case Const(value=value):
                return value
            case Aggregate(fold=fold) if term in self.totals:
                return Decimal(0) if fold in (Fold.COUNT, Fold.COUNT_DISTINCT, Fold.SUM) else None
            case Sum(terms=terms):
                return _sum([self.empty(each) for each in terms])
            case Product(left=left, right=right):
                return _product(self.empty(left), self.empty(right))
            case algebra.DayNumber(term=inner):
                return None if self.empty(inner) is None else UNKNOWN
            case FirstPresent(terms=terms) | Latest(terms=terms):
                return None if all(self.empty(each) is None for each in terms) else UNKNOWN
            case _:
                return UNKNOWN

    def alone(self, predicate: Predicate) -> bool:
        """Whether a predicate is about these totals and constants only."""
        return _is_about(predicate, self.totals)


def groups_of(parts: list[Predicate], known: Container[Term] = ()) -> list[Group]:
    """The totals in some conditions, by the rows that they are made of; without those that are known."""
    found: dict[tuple[algebra.Row, ...], dict[Aggregate, None]] = {}
    for part in parts:
        for total in totals(part):
            if total in known:
                continue
            found.setdefault(total.source.rows, {})[total] = None
    return [Group(rows, tuple(of)) for rows, of in found.items()]


def _is_about(node: Any, of: tuple[Aggregate, ...]) -> bool:
    if isinstance(node, Aggregate):
        return node in of
    if isinstance(node, (Field, Exists, algebra.Picked, algebra.DayNumber, OnMonthDay, InSegment, Native)):
        return False
    return all(_is_about(child, of) for child in algebra.children(node))


def _sum(values: list[Any]) -> Any:
    if any(each is None for each in values):
        return None
    return UNKNOWN if any(each is UNKNOWN for each in values) else sum(values, Decimal(0))


def _product(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    return UNKNOWN if left is UNKNOWN or right is UNKNOWN else left * right
