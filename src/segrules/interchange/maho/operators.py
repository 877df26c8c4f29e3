"""The source's operators, and the text of a comparison for each kind of field.

Every function gives a comparison that is false for a missing value wherever the source's is; the source keeps SQL's
reading, in which a missing value is neither like nor unlike anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from math import ceil, floor
from typing import Any

from attrs import frozen

from segrules.interchange.maho.tree import Leaf
from segrules.language.spelling import literal_choice, quoted


class NotCarriedError(Exception):
    """A condition cannot be said in the language; the message says why, and what to do."""


class Op(Enum):
    """What an operator asks."""

    EQ = "="
    NE = "!="
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="
    LIKE = "contains"
    NOT_LIKE = "not contains"
    IN = "in"
    NOT_IN = "not in"

    @property
    def opposite(self) -> Op:
        """The operator that holds where this one does not, of a value that is there."""
        return _OPPOSITES[self]

    @property
    def is_negative(self) -> bool:
        """Whether the language's own word for it holds for a missing value."""
        return self in (Op.NE, Op.NOT_LIKE, Op.NOT_IN)


_OPPOSITES = {
    Op.EQ: Op.NE, Op.NE: Op.EQ, Op.GT: Op.LE, Op.LE: Op.GT, Op.LT: Op.GE, Op.GE: Op.LT,
    Op.LIKE: Op.NOT_LIKE, Op.NOT_LIKE: Op.LIKE, Op.IN: Op.NOT_IN, Op.NOT_IN: Op.IN,
}  # fmt: skip

_OPERATORS = {
    "==": Op.EQ, "!=": Op.NE, ">": Op.GT, ">=": Op.GE, "<": Op.LT, "<=": Op.LE,
    "{}": Op.LIKE, "!{}": Op.NOT_LIKE, "()": Op.IN, "!()": Op.NOT_IN,
}  # fmt: skip

_ORDER = (Op.GT, Op.GE, Op.LT, Op.LE)
_LIKE = (Op.LIKE, Op.NOT_LIKE)
_SEVERAL = (Op.IN, Op.NOT_IN)

_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T][0-9:]+)?\Z")


@frozen
class Asked:
    """A condition's operator and its values as texts; several only with ``in``."""

    op: Op
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The one value."""
        return self.values[0]


def asked(leaf: Leaf) -> Asked:
    """What a condition asks, as the source reads its operator and value."""
    op = _OPERATORS.get(leaf.operator)
    if op is None:
        known = "which the source itself cannot run" if leaf.operator in ("[]", "![]") else "which is unknown"
        raise NotCarriedError(f'its operator is "{leaf.operator}", {known}')
    if leaf.value is None or leaf.value is False:
        raise NotCarriedError("it has no value")
    if isinstance(leaf.value, dict):
        values = tuple(_scalar(each) for each in leaf.value.values())
    elif isinstance(leaf.value, list | tuple):
        values = tuple(_scalar(each) for each in leaf.value)
    elif op in _SEVERAL:
        return Asked(op, tuple(each.strip() for each in _scalar(leaf.value).split(",")))
    else:
        return Asked(op, (_scalar(leaf.value),))
    if not values:
        raise NotCarriedError("it has no value")
    if op not in _SEVERAL:
        if op not in (Op.EQ, Op.NE):
            raise NotCarriedError(f'"{leaf.operator}" takes one value, and it has a list')
        if len(values) == 1:
            return Asked(op, values)
        op = Op.IN if op is Op.EQ else Op.NOT_IN
    return Asked(op, tuple(each.strip() for each in values))


def _scalar(value: Any) -> str:
    if value is True:
        return "1"
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    raise NotCarriedError("its value is neither text nor a number")


# --- comparisons -----------------------------------------------------------------------------------


def _written(field: str, op: Op, values: Sequence[str]) -> str:
    if op in _SEVERAL:
        return f"{field} {op.value} ({', '.join(values)})"
    return f"{field} {op.value} {values[0]}"


def _only(question: Asked, allowed: Sequence[Op], noun: str) -> None:
    if question.op not in allowed:
        raise NotCarriedError(f'{noun} cannot be compared with "{question.op.value}" here')


def number(text: str) -> Decimal:
    """A number as the source stores it."""
    if not _NUMBER.match(text.strip()):
        raise NotCarriedError(f'"{text}" is no number' if text.strip() else "it has no value")
    return Decimal(text.strip())


def whole(text: str) -> int:
    """The whole number that PHP makes of a number."""
    return int(number(text))


def _decimal(value: Decimal | int) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def in_numbers(field: str, question: Asked, read: Callable[[str], Decimal | int] = number) -> str:
    """A number compared."""
    _only(question, (Op.EQ, Op.NE, *_ORDER, *_SEVERAL), "a number")
    return _written(field, question.op, [_decimal(read(each)) for each in question.values])


def holds_for_zero(question: Asked) -> bool:
    """Whether zero compares as asked."""
    values = [number(each) for each in question.values]
    first = values[0]
    match question.op:
        case Op.EQ | Op.IN:
            return 0 in values
        case Op.NE | Op.NOT_IN:
            return 0 not in values
        case Op.GT:
            return first < 0
        case Op.GE:
            return first <= 0
        case Op.LT:
            return first > 0
        case _:
            return first >= 0


def in_ids(field: str, question: Asked) -> str:
    """The number of something compared: equal or not."""
    _only(question, (Op.EQ, Op.NE, *_SEVERAL), "an id")
    for each in question.values:
        if number(each) != whole(each):
            raise NotCarriedError(f'"{each}" is no id')
    return _written(field, question.op, [str(whole(each)) for each in question.values])


def in_texts(field: str, question: Asked) -> str:
    """Text or codes compared or searched."""
    if question.op in _ORDER:
        raise NotCarriedError(f'text has no order here, and "{question.op.value}" asks for one')
    return _written(field, question.op, [quoted(each) for each in question.values])


def in_choices(field: str, question: Asked, named: Callable[[str], str]) -> str:
    """A choice compared; ``named`` is the choice that a stored value stands for."""
    _only(question, (Op.EQ, Op.NE, *_SEVERAL), "a choice")
    values = [each.strip() for each in question.values]
    if "" in values:
        raise NotCarriedError("it has no value")
    return _written(field, question.op, [literal_choice(named(each)) for each in values])


def has_wildcard(question: Asked) -> bool:
    """Whether the text to search for holds what SQL's LIKE reads as other characters."""
    return question.op in _LIKE and any(char in question.value for char in "%_\\")


# --- days and moments ------------------------------------------------------------------------------


def day(text: str) -> date:
    """The day of a stored date."""
    found = _DAY.match(text.strip())
    if found is None:
        raise NotCarriedError(f'"{text}" is no date' if text.strip() else "it has no value")
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise NotCarriedError(f'"{text}" is not in the calendar') from None


_DAY_WORDS = {Op.EQ: "on", Op.NE: "not on", Op.GT: "after", Op.GE: ">=", Op.LT: "before", Op.LE: "<="}


def in_days(field: str, question: Asked) -> str:
    """A date, or a moment's day in the shop's zone, compared with a day."""
    _only(question, tuple(_DAY_WORDS), "a date")
    return f"{field} {_DAY_WORDS[question.op]} {day(question.value).isoformat()}"


def in_utc_days(field: str, question: Asked) -> str:
    """A moment's day in UTC compared with a day, as comparisons with the moments at which that day begins and ends."""
    _only(question, tuple(_DAY_WORDS), "a date")
    start, end = _midnight(question.value, 0), _midnight(question.value, 1)
    return {
        Op.EQ: f"({field} >= {start} and {field} before {end})",
        Op.NE: f"({field} before {start} or {field} >= {end})",
        Op.GT: f"{field} >= {end}",
        Op.GE: f"{field} >= {start}",
        Op.LT: f"{field} before {start}",
        Op.LE: f"{field} before {end}",
    }[question.op]


def in_moments(field: str, question: Asked, utc: bool) -> str:
    """A moment compared with the first moment of a day in UTC; with the day where that is the same."""
    _only(question, tuple(_DAY_WORDS), "a date")
    if utc and question.op in (Op.GE, Op.LT):
        return in_days(field, question)
    return f"{field} {question.op.value} {_midnight(question.value, 0)}"


def _midnight(text: str, days: int) -> str:
    try:
        return f"{(day(text) + timedelta(days=days)).isoformat()}T00:00Z"
    except OverflowError:
        raise NotCarriedError(f'"{text}" is the last day of the calendar') from None


def in_days_ago(field: str, question: Asked) -> str:
    """How many days ago a moment was, compared with numbers: said as a comparison with a day."""
    _only(question, (Op.EQ, Op.NE, *_ORDER, *_SEVERAL), "a number of days")
    values = [number(each) for each in question.values]
    if question.op in (*_SEVERAL, Op.EQ, Op.NE):
        days = [_ago(int(each)) for each in values if each == int(each)]
        if not days:
            return f"{field} is set" if question.op.is_negative else "false"
        word = ("not " if question.op.is_negative else "") + ("in" if question.op in _SEVERAL else "on")
        return f"{field} {word} ({', '.join(days)})" if question.op in _SEVERAL else f"{field} {word} {days[0]}"
    # Further back than n days is before that day; the number of days is whole, so a fraction goes to the next one.
    match question.op:
        case Op.GT:
            return f"{field} before {_ago(floor(values[0]))}"
        case Op.GE:
            return f"{field} <= {_ago(ceil(values[0]))}"
        case Op.LT:
            return f"{field} after {_ago(ceil(values[0]))}"
        case _:
            return f"{field} >= {_ago(floor(values[0]))}"


def _ago(days: int) -> str:
    return f"{days} days ago" if days >= 0 else f"{-days} days from now"
