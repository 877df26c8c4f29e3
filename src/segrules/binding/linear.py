"""Comparisons of sums: which unknowns they have, and what they say of the only one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from attrs import frozen

from segrules import algebra
from segrules.algebra import Const, Op, Term


def days_in(term: Term) -> bool:
    """Whether day arithmetic stands in a term, outside any aggregate."""
    match term:
        case algebra.DayNumber() | algebra.DaysUntil():
            return True
        case algebra.Sum(terms=terms):
            return any(days_in(each) for each in terms)
        case algebra.Product(left=left, right=right):
            return days_in(left) or days_in(right)
        case _:
            return False


def whole_bound(op: Op, bound: Fraction) -> tuple[Op, int] | None:
    """The same comparison of a whole number as ``<=``, ``>=`` or ``=`` of a whole bound; None: never."""
    match op:
        case Op.EQ:
            return (op, int(bound)) if bound.denominator == 1 else None
        case Op.LT:
            return Op.LE, math.ceil(bound) - 1
        case Op.LE:
            return op, math.floor(bound)
        case Op.GT:
            return Op.GE, math.floor(bound) + 1
        case Op.GE:
            return op, math.ceil(bound)
        case _:
            assert_never(op)


class NotLinearError(Exception):
    """Two unknowns are multiplied, or a value is missing."""


@frozen
class Line:
    """A sum of unknown terms times constant factors, and a constant."""

    factors: Mapping[Term, Fraction]
    constant: Fraction

    def __sub__(self, other: Line) -> Line:
        return self.plus(other.times(Fraction(-1)))

    def plus(self, other: Line) -> Line:
        """The sum."""
        factors = dict(self.factors)
        for atom, factor in other.factors.items():
            factors[atom] = factors.get(atom, Fraction(0)) + factor
        return Line(factors, self.constant + other.constant)

    def times(self, factor: Fraction) -> Line:
        """The product with a constant."""
        return Line({atom: each * factor for atom, each in self.factors.items()}, self.constant * factor)


def as_line(term: Term) -> Line:
    """A number as a sum of unknowns; raises NotLinearError when it is none."""
    match term:
        case Const(value=Decimal() as value):
            return Line({}, Fraction(value))
        case Const(value=None):
            raise NotLinearError
        case algebra.Sum(terms=terms):
            total = Line({}, Fraction(0))
            for each in terms:
                total = total.plus(as_line(each))
            return total
        case algebra.Product(left=left, right=right):
            first, second = as_line(left), as_line(right)
            if not first.factors:
                return second.times(first.constant)
            if not second.factors:
                return first.times(second.constant)
            raise NotLinearError
        case _:
            return Line({term: Fraction(1)}, Fraction(0))
