"""Columns of numbers that never round: whole numbers of 64 bits, or decimals of as many digits as a result can have."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: A column or one value for all rows.
Values = Any


class NotColumnar(Exception):
    """Columns cannot answer this exactly; the function for single customers can."""


def decimals(whole: int, scale: int, more: int = 0) -> pa.DataType:
    """The narrowest type with so many digits before and behind the point, that leaves room for some more."""
    digits = max(whole + scale, 1)
    if digits + more <= 38:
        return pa.decimal128(digits, scale)
    if digits + more <= 76:
        return pa.decimal256(digits, scale)
    raise NotColumnar


def constant(value: Decimal) -> pa.Scalar:
    """One number for all rows."""
    scale = max(-int(value.as_tuple().exponent), 0)
    return pa.scalar(Decimal(f"{value:f}"), decimals(max(value.adjusted() + 1, 0), scale))


def _digits(values: Values) -> tuple[int, int]:
    """How many digits the numbers have before the point and behind it."""
    if pa.types.is_integer(values.type):
        return 19, 0
    return values.type.precision - values.type.scale, values.type.scale


def alike(values: Iterable[Values], more: int = 0) -> list[Values]:
    """The same numbers in one type, which has room for some more digits."""
    values = list(values)
    if not more and len({each.type for each in values}) == 1:
        return values
    wholes, scales = zip(*map(_digits, values), strict=True)
    type_ = decimals(max(wholes), max(scales), more)
    return [each.cast(type_) for each in values]


def add(one: Values, two: Values) -> Values:
    """The sum."""
    return pc.add(*alike((one, two), more=1))


def multiply(one: Values, two: Values) -> Values:
    """The product."""
    digits = sum(_digits(one)) + sum(_digits(two)) + 1
    one, two = (each.cast(decimals(*_digits(each), more=digits - sum(_digits(each)))) for each in (one, two))
    return pc.multiply(one, two)


def units(values: Values) -> tuple[Values, int] | None:
    """Numbers of at most 18 digits as whole numbers of so many places, which compare much faster; else None."""
    if pa.types.is_integer(values.type):
        return values, 0
    whole, scale = _digits(values)
    if whole + scale > 18:
        return None
    return pc.multiply(values, pa.scalar(Decimal(10**scale), pa.decimal128(scale + 1, 0))).cast(pa.int64()), scale


def summable(values: Values) -> Values:
    """The same numbers in a type that holds their sum."""
    more = len(str(len(values)))
    whole, scale = _digits(values)
    return values.cast(decimals(whole + more, scale))
