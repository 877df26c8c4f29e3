"""The shapes that a customer in memory can have, and how the compiled code reads a field of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from keyword import iskeyword
from typing import Any

from segrules.algebra import Kind, fold
from segrules.memory import reading


class Shape(Enum):
    """What the code of a rule is written for."""

    DICTIONARY = "plain dictionaries that have every name, with rows of that kind, of the usual classes"
    MAPPING = "mappings with get, of the usual classes"
    OBJECT = "objects with attributes, of the usual classes"
    TRUSTED = "the data inside a Customer, which has been checked"
    CAREFUL = "anything, read with care; the others leave to this what they doubt"


#: What every program may name besides its own constants; it stands in the place of the builtins.
NAMES: dict[str, Any] = {
    "Exception": Exception, "KeyError": KeyError, "dict": dict,
    "bool": bool, "date": date, "datetime": datetime, "Decimal": Decimal, "getattr": getattr, "int": int,
    "len": len, "list": list, "lower": str.lower, "str": str, "tuple": tuple, "fold": fold,
    "read": reading.read, "rows": reading.rows,
    "holds": reading.holds, "id_of": reading.id_of, "sure_ordered": reading.sure_ordered, "ordered": reading.ordered,
}  # fmt: skip

_CLASSES = {
    Kind.NUMBER: "({v} := {code}).__class__ is Decimal or {v}.__class__ is int",
    Kind.ID: "({v} := {code}).__class__ is int",
    Kind.TEXT: "({v} := {code}).__class__ is str",
    Kind.CODE: "({v} := {code}).__class__ is str",
    Kind.CHOICE: "({v} := {code}).__class__ is str",
    Kind.YESNO: "({v} := {code}) is True or {v} is False",
    Kind.DATE: "({v} := {code}).__class__ is date",
    Kind.MOMENT: "({v} := {code}).__class__ is datetime and {v}.tzinfo is None",
}

_READERS: dict[Kind, tuple[Callable[[Any], bool], Callable[[Any, str], Any]]] = {
    Kind.NUMBER: (reading.sure_number, reading.number),
    Kind.ID: (reading.sure_identity, reading.identity),
    Kind.TEXT: (reading.sure_text, reading.text),
    Kind.CODE: (reading.sure_text, reading.text),
    Kind.CHOICE: (reading.sure_text, reading.text),
    Kind.YESNO: (reading.sure_yes_no, reading.yes_no),
    Kind.DATE: (reading.sure_day, reading.day),
    Kind.MOMENT: (reading.sure_moment, reading.moment),
}

NAMES |= {function.__name__ + "_" + kind.name: function for kind, pair in _READERS.items() for function in pair}

_SURE = {kind: f"{{v}} is not None and {sure.__name__}_{kind.name}({{v}})" for kind, (sure, _) in _READERS.items()}
_USUAL = {kind: f"({usual} or {_SURE[kind]})" for kind, usual in _CLASSES.items()}
_PRESENT = "({v} := {code}) is not None"
_CAREFUL = {
    kind: f"({{v}} := {reader.__name__}_{kind.name}({{code}}, {{label}})) is not None"
    for kind, (_, reader) in _READERS.items()
}

#: What every rule may ask of the customer itself, though a shop's own class seldom has it.
_OFTEN_ABSENT = frozenset({"is_active", "segments", "newsletter"})


def read(shape: Shape, row: str, name: str, constant: str) -> str:
    """The code that reads a field of a row; ``constant`` names the string with the field's name."""
    match shape:
        case Shape.DICTIONARY:
            return f"{row}[{constant}]"
        case Shape.MAPPING | Shape.TRUSTED:
            return f"{row}.get({constant})"
        case Shape.OBJECT if row == "r0" and name in _OFTEN_ABSENT:
            return f"getattr({row}, {constant}, None)"
        case Shape.OBJECT if is_attribute(name):
            return f"{row}.{name}"
        case Shape.OBJECT | Shape.CAREFUL:
            return f"read({row}, {constant})"


def guard(shape: Shape, kind: Kind, value: str, code: str, label: str, exact: bool) -> str:
    """The code that reads ``code`` into ``value``, and is true when there is one and its class is right.

    Without ``exact`` days, moments and text stay unchecked.
    """
    if shape is Shape.CAREFUL:
        return _CAREFUL[kind].format(v=value, code=code, label=label)
    if shape is Shape.TRUSTED or (not exact and kind in (Kind.DATE, Kind.MOMENT, Kind.TEXT)):
        return _PRESENT.format(v=value, code=code)
    return _USUAL[kind].format(v=value, code=code)


def sure(shape: Shape, kind: Kind, value: str) -> str:
    """The code that is true when a value of an unusual class is right, and false when there is none."""
    if shape is Shape.TRUSTED:
        return f"{value} is not None"
    return _SURE[kind].format(v=value)


def order_guard(shape: Shape, value: str, code: str, label: str) -> str:
    """Like :func:`guard`, for what rows are picked by."""
    match shape:
        case Shape.CAREFUL:
            return f"({value} := ordered({code}, {label})) is not None"
        case Shape.TRUSTED:
            return _PRESENT.format(v=value, code=code)
        case Shape.DICTIONARY | Shape.MAPPING | Shape.OBJECT:
            usual = _CLASSES[Kind.MOMENT].format(v=value, code=code)
            return f"({usual} or {value} is not None and sure_ordered({value}))"


def is_attribute(name: str) -> bool:
    """Whether a name may stand behind a dot; not what a dictionary has for itself, except the link ``items``."""
    plain = name.isascii() and name.isidentifier() and not iskeyword(name) and not name.startswith("__")
    return plain and (name == "items" or not hasattr(dict, name))
