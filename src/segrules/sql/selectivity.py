"""How much a condition leaves, as far as its form tells: no statistics are asked, so a statement needs no connection.

Lengths of time tell most. Shops live for years, so a month is a small part of their customers, and a year is a part.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from segrules.algebra import CUSTOMER, And, Compare, Const, Field, Kind, OneOf, OnMonthDay, Op, Predicate, Term
from segrules.clock import naive_utc

#: A stretch of time that leaves few of a table's rows.
_SHORT = timedelta(days=14)
#: Customers who came so long ago at most are few of all; those of this time are a part of them.
_NEW, _YEAR = timedelta(days=30), timedelta(days=366)


def is_selective(part: Predicate, now: datetime | None = None) -> bool:
    """Whether a condition on the customer's own columns leaves few of them; ``now`` is naive UTC."""
    match part:
        case Compare(op=Op.GT | Op.GE, left=Field(row=row), right=Const(value=datetime() as since)):
            return row == CUSTOMER and _age(since, now) <= _NEW
        case Compare(op=Op.EQ, left=Field(row=row), right=Const(), kind=Kind.ID | Kind.TEXT | Kind.CODE | Kind.DATE):
            return row == CUSTOMER
        case OneOf(term=Field(row=row), kind=Kind.ID | Kind.TEXT | Kind.CODE):
            return row == CUSTOMER
        case OnMonthDay(term=Field(row=row), days=frozenset() as days):
            return row == CUSTOMER and len(days) <= 31
        case _:
            return False


def narrows(part: Predicate, now: datetime | None = None) -> bool:
    """Whether a condition on the customer's own columns leaves a part of them; one choice of some leaves its share."""
    match part:
        case Compare(op=Op.GT | Op.GE, left=Field(row=row), right=Const(value=datetime() as since)):
            return row == CUSTOMER and _age(since, now) <= _YEAR
        case Compare(op=Op.EQ, left=Field(row=row), right=Const(), kind=Kind.CHOICE):
            return row == CUSTOMER
        case OneOf(term=Field(row=row), values=values, kind=Kind.CHOICE):
            return row == CUSTOMER and len(values) <= 2
        case _:
            return is_selective(part, now)


def is_bound(part: Predicate) -> bool:
    """Whether a condition sets a bound to a column, and nothing else."""
    match part:
        case Compare(op=Op.GT | Op.GE | Op.LT | Op.LE, left=Field(), right=Const()):
            return True
        case _:
            return False


def stretch(where: Predicate) -> Literal["short", "long"] | None:
    """How long a time the moments of a condition leave, where it names one."""
    lower: dict[Term, datetime] = {}
    upper: dict[Term, datetime] = {}
    for part in where.items if isinstance(where, And) else (where,):
        match part:
            case Compare(op=op, left=Field() as moment, right=Const(value=datetime() as value)) if op is not Op.EQ:
                (lower if op in (Op.GT, Op.GE) else upper)[moment] = value
            case _:
                pass
    if not lower:
        return None
    return "short" if any(upper.get(each, datetime.max) - since <= _SHORT for each, since in lower.items()) else "long"


def _age(since: datetime, now: datetime | None) -> timedelta:
    return (naive_utc(datetime.now(UTC)) if now is None else now) - since
