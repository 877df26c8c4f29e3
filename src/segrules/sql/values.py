"""A term as SQL: the expression and what is known about it; exact arithmetic on numbers.

A number's expression holds ``value * 10 ** unit``. On SQLite, which has no decimals, every number is such a
whole number; elsewhere only columns of whole minor units are. ``scale`` and ``limit`` follow how many decimals
a number can have and how large it can get, so that what a database cannot hold is refused, never rounded.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.sql import ColumnElement

from segrules.algebra import Kind, Op
from segrules.errors import BackendError
from segrules.shop.mapping import Stored
from segrules.sql.functions import wide_order, wide_product, wide_sum

INT64 = 2**63 - 1
#: Amounts, counts and sums per customer stay below this.
DECLARED = 10**12
_EXACT = Context(prec=200)
#: How many digits a database calculates with, and how many of them may be decimals.
_DIGITS = {"duckdb": (38, 38), "mariadb": (65, 38)}


@frozen(eq=False)
class Value:
    """A term as SQL. ``stored`` is known for a bare field only; ``constant`` for a constant only."""

    sql: ColumnElement[Any]
    kind: Kind
    nullable: bool
    unit: int = 0
    scale: int = 0
    limit: int = DECLARED
    stored: Stored | None = None
    constant: Any = None
    exact: bool = True
    cheap: bool = False


@frozen
class Arithmetic:
    """Numbers on one database."""

    engine: str

    @property
    def whole(self) -> bool:
        """Whether every number is a whole number of small units."""
        return self.engine == "sqlite"

    def constant(self, value: Decimal | int) -> Value:
        """A number from a rule."""
        plain = Decimal(value).normalize(_EXACT)
        scale = max(0, -int(plain.as_tuple().exponent))
        limit = abs(int(plain.scaleb(scale, _EXACT)))
        unit = scale if self.whole else 0
        return Value(self.bound(plain, scale, unit), Kind.NUMBER, False, unit, scale, limit, constant=plain, cheap=True)

    def bound(self, value: Decimal, scale: int, unit: int) -> ColumnElement[Any]:
        """A bound parameter that holds ``value * 10 ** unit``."""
        shifted = value.scaleb(unit, _EXACT)
        if shifted == shifted.to_integral_value():
            whole = int(shifted)
            if self.whole and abs(whole) > INT64:
                return sa.literal(str(whole), sa.String())
            if abs(whole) <= INT64 and scale <= unit:
                return sa.literal(whole, sa.BigInteger())
        text = format(shifted, "f")
        number = sa.Numeric(max(len(text.replace(".", "").lstrip("-")), 1), max(scale - unit, 0))
        if "E" in str(Decimal(text)):
            return sa.cast(sa.literal(text, sa.String()), number)
        return sa.literal(Decimal(text), number)

    def _checked(self, value: Value, what: str) -> Value:
        digits, decimals = _DIGITS.get(self.engine, (1000, 1000))
        if len(str(value.limit)) > digits or value.scale > decimals:
            raise BackendError(
                f"{what} of this rule can reach {len(str(value.limit))} digits,"
                f" and {self.engine} is exact to {digits} only;"
                " compare smaller numbers, or run the rule on PostgreSQL"
            )
        return value

    def _shifted(self, value: Value, unit: int) -> Value:
        """The same number in a smaller unit."""
        if value.unit == unit:
            return value
        if value.constant is not None:
            scale = max(value.scale, unit)
            limit = value.limit * 10 ** (scale - value.scale)
            return attrs.evolve(
                value, sql=self.bound(value.constant, value.scale, unit), unit=unit, scale=scale, limit=limit
            )
        factor = 10 ** (unit - value.unit)
        scale = max(value.scale, unit)
        limit = value.limit * 10 ** (scale - value.scale)
        sql = self._times(value.sql, sa.literal(factor, sa.BigInteger()), limit if self.whole else 0)
        return attrs.evolve(value, sql=sql, unit=unit, scale=scale, limit=limit, stored=None)

    def _times(self, left: ColumnElement[Any], right: ColumnElement[Any], limit: int) -> ColumnElement[Any]:
        if self.whole and limit > INT64:
            return wide_product(left, right)
        return self._roomy(left) * self._roomy(right)

    def _wide(self, value: Value, limit: int) -> ColumnElement[Any]:
        """An operand of a result that can reach ``limit``; DuckDB keeps results of narrow decimals in 18 digits."""
        if self.engine != "duckdb" or limit < 10**17:
            return value.sql
        return sa.cast(value.sql, sa.Numeric(38, max(value.scale - value.unit, 0)))

    def _roomy(self, operand: ColumnElement[Any]) -> ColumnElement[Any]:
        """An operand whose type leaves room for the result; whole numbers overflow at 64 bits or before."""
        if self.whole or not isinstance(operand.type, sa.Integer):
            return operand
        return sa.cast(operand, sa.Numeric(19, 0))

    def add(self, terms: list[Value]) -> Value:
        """The exact sum."""
        unit = max(each.unit for each in terms)
        aligned = [self._shifted(each, unit) for each in terms]
        scale = max(each.scale for each in aligned)
        limit = sum(each.limit * 10 ** (scale - each.scale) for each in aligned)
        sql = self._wide(aligned[0], limit)
        for each in aligned[1:]:
            if self.whole and limit > INT64:
                sql = wide_sum(sql, each.sql)
            else:
                sql = self._roomy(sql) + self._roomy(self._wide(each, limit))
        nullable = any(each.nullable for each in terms)
        return self._checked(Value(sql, Kind.NUMBER, nullable, unit, scale, limit), "a sum")

    def multiply(self, left: Value, right: Value) -> Value:
        """The exact product."""
        if left.constant is not None and right.constant is not None:
            return self.constant(_EXACT.multiply(left.constant, right.constant))
        for one, other in ((left, right), (right, left)):
            if one.constant == 1:
                return attrs.evolve(other, stored=None)
        limit = left.limit * right.limit
        found = Value(
            self._times(self._wide(left, limit), self._wide(right, limit), limit),
            Kind.NUMBER,
            left.nullable or right.nullable,
            left.unit + right.unit,
            left.scale + right.scale,
            limit,
        )
        return self._checked(found, "a product")

    def align(self, values: list[Value]) -> list[Value]:
        """The same numbers in one unit."""
        unit = max(each.unit for each in values)
        return [self._shifted(each, unit) for each in values]

    def compare(self, op: Op, left: Value, right: Value) -> ColumnElement[bool] | bool:
        """A comparison of two numbers that may be NULL; True or False where the constant decides it alone.

        True stands for "whenever it is present".
        """
        if left.constant is not None and right.constant is None:
            return self.compare(op.mirrored, right, left)
        if right.constant is not None and left.constant is None:
            return self._against(op, left, right.constant)
        left, right = self.align([left, right])
        # A database brings both sides to one scale before it compares them.
        for each in (left, right):
            finer = max(left.scale, right.scale) - each.scale
            self._checked(attrs.evolve(each, limit=each.limit * 10**finer), "a number")
        if self.whole and max(left.limit, right.limit) > INT64:
            return apply(op, wide_order(left.sql, right.sql), sa.literal(0, sa.Integer()))
        return apply(op, left.sql, right.sql)

    def _against(self, op: Op, left: Value, constant: Decimal) -> ColumnElement[bool] | bool:
        """A number against a constant; the constant is rounded to the number's scale the way that keeps the answer."""
        shifted = constant.scaleb(left.scale, _EXACT)
        floor = int(shifted.to_integral_value(ROUND_FLOOR, _EXACT))
        ceiling = int(shifted.to_integral_value(ROUND_CEILING, _EXACT))
        if op is Op.EQ and floor != ceiling:
            return False
        whole = ceiling if op in (Op.LT, Op.GE) else floor
        if abs(whole) > INT64 and (left.limit <= INT64 or (left.stored is not None and self.whole)):
            return op is not Op.EQ and (op in (Op.LT, Op.LE)) == (whole > 0)
        value = Decimal(whole).scaleb(-left.scale, _EXACT)
        right = self.bound(value, left.scale, left.unit)
        if self.whole and left.limit > INT64:
            return apply(op, wide_order(left.sql, right), sa.literal(0, sa.Integer()))
        return apply(op, left.sql, right)


def apply(op: Op, left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """One comparison."""
    match op:
        case Op.EQ:
            return left == right
        case Op.LT:
            return left < right
        case Op.LE:
            return left <= right
        case Op.GT:
            return left > right
        case Op.GE:
            return left >= right
