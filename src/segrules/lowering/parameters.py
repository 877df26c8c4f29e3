"""Parameters: plain values given at evaluation, held to the kind of what stands opposite."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, assert_never

from segrules import algebra, condition
from segrules.algebra import Const, Kind
from segrules.clock import FixedDay, FixedInstant
from segrules.condition import Choice, Country, FieldType
from segrules.errors import ParameterError
from segrules.language.countries import COUNTRIES, suggested
from segrules.lowering.operands import Number, Operand, Value, WholeDay

_SIXTH = Decimal("0.000001")


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_SIXTH, context=algebra.EXACT_ROUNDING)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def can_be_kept(text: str) -> bool:
    """Whether every database can hold a text: no NUL in it, no half of a surrogate pair."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def given_value(name: str, value: Any, kind: Kind, opposite: FieldType | None) -> Operand:
    """A parameter's plain value as an operand of a kind; ``opposite`` is the field that it meets, if any."""

    def refuse(wanted: str) -> ParameterError:
        return ParameterError(f":{name} stands for {wanted}; {value!r} is {_article(type(value).__name__)}")

    if value is None:
        return Number(Const(None, Kind.NUMBER)) if kind is Kind.NUMBER else Value(Const(None, kind), kind)
    match kind:
        case Kind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
                raise refuse("a number (int or Decimal)")
            exact = Decimal(value)
            if not exact.is_finite() or abs(exact) >= 10**15 or exact != _rounded(exact):
                raise ParameterError(f":{name} may have 15 digits before the point and 6 after it; got {value}")
            return Number(condition.number(exact))
        case Kind.ID:
            if isinstance(value, bool) or not isinstance(value, int):
                raise refuse("an id (int)")
            if not -(2**63) <= value < 2**63:
                raise ParameterError(f":{name} is {value}; an id has 64 bits")
            return Value(Const(value, kind), kind)
        case Kind.TEXT | Kind.CODE:
            if not isinstance(value, str):
                raise refuse("text (str)")
            if not can_be_kept(value):
                raise ParameterError(f":{name} holds a character that no database can keep")
            if isinstance(opposite, Country) and value not in COUNTRIES:
                code = suggested(value)
                way_out = f"write {code!r}" if code else "a country is its two-letter code of ISO 3166, like 'GB'"
                raise ParameterError(f":{name} stands for a country code; {value!r} is none: {way_out}")
            return Value(Const(value, kind), kind)
        case Kind.CHOICE:
            if not isinstance(value, str):
                raise refuse("a choice (str)")
            return Value(Const(_choice(name, value, opposite), kind), kind)
        case Kind.YESNO:
            if not isinstance(value, bool):
                raise refuse("yes or no (bool)")
            return Value(Const(value, kind), kind)
        case Kind.DATE:
            if not isinstance(value, date) or isinstance(value, datetime):
                raise refuse("a day (date)")
            return WholeDay(FixedDay(value))
        case Kind.MOMENT:
            if isinstance(value, datetime):
                return Value(Const(FixedInstant(value), kind), kind)
            if isinstance(value, date):
                return WholeDay(FixedDay(value))
            raise refuse("a moment (datetime, or date for a whole day)")
        case _:
            assert_never(kind)


def _choice(name: str, value: str, opposite: FieldType | None) -> str:
    if isinstance(opposite, Choice) and opposite.values is not None:
        found = next((each for each in opposite.values if each.lower() == value.lower()), None)
        if found is None:
            raise ParameterError(f":{name} is {value!r}; it can be {', '.join(opposite.values)}")
        return found
    return value
