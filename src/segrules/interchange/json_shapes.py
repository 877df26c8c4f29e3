"""What each object of the JSON form holds: what the published schema says, for messages that name the way out."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
OPERATORS = ("=", "<", "<=", ">", ">=", "contains", "starts with", "ends with")
FUNCTIONS = ("count", "sum", "avg", "min", "max", "first", "last")
NEAR = ("now", "today", "yesterday", "tomorrow")


@frozen
class Shape:
    """An object: the kind of each member, and which of them may be left out."""

    members: Mapping[str, str]
    optional: frozenset[str] = frozenset()


def _shape(**members: str) -> Shape:
    """Members by kind; a kind that ends in ``?`` may be left out."""
    optional = frozenset(name for name, kind in members.items() if kind.endswith("?"))
    return Shape({name: kind.removesuffix("?") for name, kind in members.items()}, optional)


def _condition(**members: str) -> Shape:
    return _shape(condition="word", **members, comments="comments?")


_ITEMS = _condition(items="conditions")
_ROWS = _condition(rows="path", where="condition?")
_COUNTED = _condition(number="number", rows="path", where="condition?")
_PICKED = _condition(rows="path", where="condition")

#: Each condition by the word under ``condition``.
CONDITIONS: Mapping[str, Shape] = {
    "and": _condition(items="two conditions"),
    "or": _condition(items="two conditions"),
    "all of": _ITEMS,
    "any of": _ITEMS,
    "none of": _ITEMS,
    "not": _condition(item="condition"),
    "compare": _condition(left="operand", operator="operator", right="operand", negated="boolean?"),
    "between": _condition(left="operand", low="operand", high="operand", negated="boolean?"),
    "in": _condition(left="operand", values="values", negated="boolean?"),
    "within": _condition(left="operand", window="window", negated="boolean?"),
    "set": _condition(operand="operand", negated="boolean?"),
    "field": _condition(field="path"),
    "constant": _condition(value="boolean"),
    "segment": _condition(name="text", negated="boolean?"),
    "any": _ROWS,
    "no": _ROWS,
    "every": _ROWS,
    "at least": _COUNTED,
    "at most": _COUNTED,
    "exactly": _COUNTED,
    "first": _PICKED,
    "last": _PICKED,
}

#: Each value by the member that tells it from the others.
OPERANDS: Mapping[str, Shape] = {
    "number": _shape(number="number"),
    "text": _shape(text="text"),
    "choice": _shape(choice="text"),
    "yesno": _shape(yesno="boolean"),
    "date": _shape(date="date"),
    "moment": _shape(moment="moment"),
    "day": _shape(day="near day"),
    "ago": _shape(ago="length"),
    "from_now": _shape(from_now="length"),
    "parameter": _shape(parameter="name"),
    "aggregate": _shape(aggregate="function", distinct="boolean?", rows="path", field="name?", where="condition?"),
    "field": _shape(field="path"),
    "anniversary_of": _shape(anniversary_of="path"),
    "calculate": _shape(calculate="sign", left="operand", right="operand"),
    "minus": _shape(minus="operand"),
    "percent": _shape(percent="number", of="operand"),
}

LENGTH = _shape(amount="number", unit="unit")
WINDOW = _shape(word="window word", amount="number?", unit="unit")
COMMENTS = _shape(before="comment lines?", behind="comment?", after="comment lines?")
DOCUMENT = _shape(version="version", rule="condition")
