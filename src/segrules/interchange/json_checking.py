"""Whether a document has the shape of a rule, and what is wrong with it; nothing of what its names and values mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from attrs import define, field

from segrules.errors import JsonMistake
from segrules.interchange import json_shapes as shapes
from segrules.interchange.json_shapes import Shape
from segrules.language.spelling import RESERVED

#: Deeper than this no rule may be, and Python's own stack is far.
_DEEPEST = 200
_MOST_MISTAKES = 25

_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*){0,3}\Z")
_NAME = re.compile(r"[^\W\d]\w*\Z")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)
#: Names that mean something else when they stand alone.
_WORDS = RESERVED | {"true", "false", "all", "none", *shapes.NEAR}


@define
class _Checking:
    """Holds a document against the shapes; all its mistakes are told at once."""

    mistakes: list[JsonMistake] = field(factory=list)

    def error(self, pointer: str, message: str, hint: str | None = None) -> None:
        if len(self.mistakes) < _MOST_MISTAKES:
            self.mistakes.append(JsonMistake(pointer, message, hint=hint))

    def shape(self, value: Mapping[str, Any], shape: Shape, pointer: str, what: str, depth: int) -> None:
        for name in value:
            if name not in shape.members:
                known = [each for each in shape.members if each not in value]
                self.error(
                    f"{pointer}/{escaped(name)}", f'{what} has no member "{name}"', meant(name, known, "it may have")
                )
        for name, kind in shape.members.items():
            if name in value:
                self.kind(value[name], kind, f"{pointer}/{name}", depth + 1)
            elif name not in shape.optional:
                self.error(pointer, f'{what} needs the member "{name}"')

    def kind(self, value: Any, kind: str, pointer: str, depth: int) -> None:
        check = _KINDS.get(kind)
        if check is not None and depth > _DEEPEST:
            self.error(pointer, f"the rule is nested deeper than {_DEEPEST} objects")
            return
        if check is not None:
            check(self, value, pointer, depth)
            return
        fits, expected = _PLAIN[kind]
        if not fits(value):
            hint = (
                'a float is not exact; write "0.75" as text' if kind == "number" and isinstance(value, float) else None
            )
            self.error(pointer, f"here should be {expected}", hint)

    def object(self, value: Any, pointer: str, what: str) -> bool:
        if isinstance(value, Mapping):
            return True
        self.error(pointer, f"here should be {what}, an object")
        return False

    def condition(self, value: Any, pointer: str, depth: int) -> None:
        if not self.object(value, pointer, "a condition"):
            return
        word = value.get("condition")
        shape = shapes.CONDITIONS.get(word) if isinstance(word, str) else None
        if shape is None:
            if "condition" not in value:
                self.error(
                    pointer, 'a condition needs the member "condition"', f"it is one of {', '.join(shapes.CONDITIONS)}"
                )
            else:
                hint = meant(word, shapes.CONDITIONS, "it is one of")
                self.error(f"{pointer}/condition", f"there is no condition {word!r}", hint)
            return
        self.shape(value, shape, pointer, f'a condition "{word}"', depth)
        if word == "compare" and "negated" in value and value.get("operator") in ("<=", ">="):
            other = ">" if value["operator"] == "<=" else "<"
            self.error(
                f"{pointer}/negated", f'"{value["operator"]}" is not negated', f'write "{other}", or a condition "not"'
            )

    def conditions(self, value: Any, pointer: str, depth: int, least: int = 1) -> None:
        if not isinstance(value, list) or len(value) < least:
            self.error(pointer, f"here should be a list of {'two or more' if least == 2 else 'one or more'} conditions")
            return
        for place, each in enumerate(value):
            self.kind(each, "condition", f"{pointer}/{place}", depth)

    def two_conditions(self, value: Any, pointer: str, depth: int) -> None:
        self.conditions(value, pointer, depth, 2)

    def operand(self, value: Any, pointer: str, depth: int) -> None:
        if not self.object(value, pointer, "a value"):
            return
        word = next((each for each in shapes.OPERANDS if each in value), None)
        if word is None:
            told = next((str(each) for each in value), "")
            hint = meant(told, shapes.OPERANDS, "it has one of")
            self.error(pointer, "this is no value", hint)
            return
        self.shape(value, shapes.OPERANDS[word], pointer, f'a value with "{word}"', depth)

    def values(self, value: Any, pointer: str, depth: int) -> None:
        if isinstance(value, Mapping) and "parameter" in value:
            self.operand(value, pointer, depth)
        elif isinstance(value, list):
            for place, each in enumerate(value):
                self.kind(each, "operand", f"{pointer}/{place}", depth)
        else:
            self.error(pointer, "here should be a list of values, or one parameter")

    def length(self, value: Any, pointer: str, depth: int) -> None:
        if self.object(value, pointer, "a length of time"):
            self.shape(value, shapes.LENGTH, pointer, "a length of time", depth)

    def window(self, value: Any, pointer: str, depth: int) -> None:
        if self.object(value, pointer, "a window"):
            self.shape(value, shapes.WINDOW, pointer, "a window", depth)
            if value.get("word") == "this" and "amount" in value:
                self.error(f"{pointer}/amount", "a window of this period has no amount")

    def comments(self, value: Any, pointer: str, depth: int) -> None:
        if self.object(value, pointer, "comments"):
            self.shape(value, shapes.COMMENTS, pointer, "comments", depth)

    def comment_lines(self, value: Any, pointer: str, depth: int) -> None:
        if not isinstance(value, list):
            self.error(pointer, "here should be a list of comments")
            return
        for place, each in enumerate(value):
            self.kind(each, "comment", f"{pointer}/{place}", depth)


_KINDS: Mapping[str, Callable[[_Checking, Any, str, int], None]] = {
    "condition": _Checking.condition,
    "conditions": _Checking.conditions,
    "two conditions": _Checking.two_conditions,
    "operand": _Checking.operand,
    "values": _Checking.values,
    "length": _Checking.length,
    "window": _Checking.window,
    "comments": _Checking.comments,
    "comment lines": _Checking.comment_lines,
}


def _text_like(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.match(value) is not None


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.match(value) is not None
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and _NUMBER.match(f"{value:f}") is not None


def _is_comment(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("#") and "\n" not in value and "\r" not in value


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and _PATH.match(value) is not None and value.lower() not in _WORDS


def _one_of(words: Iterable[str]) -> tuple[Callable[[Any], bool], str]:
    known = tuple(words)
    return lambda value: isinstance(value, str) and value in known, f"one of {', '.join(known)}"


_PLAIN: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "word": (lambda value: isinstance(value, str), "a text"),
    "text": (lambda value: isinstance(value, str), "a text"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "number": (_is_number, "a number, or one written as text in digits"),
    "path": (_is_path, 'a name such as "order" or "customer.email", and no word of the language alone'),
    "name": (_text_like(_NAME), "a name"),
    "date": (_text_like(_DATE), "a date such as 2025-01-31"),
    "moment": (_text_like(_MOMENT), "a moment such as 2025-01-31T10:00 or 2025-01-31T10:00Z"),
    "comment": (_is_comment, "a line that begins with #"),
    "version": (lambda value: value == 1 and not isinstance(value, bool), "1, the version of the form"),
    "operator": _one_of(shapes.OPERATORS),
    "function": _one_of(shapes.FUNCTIONS),
    "near day": _one_of(shapes.NEAR),
    "sign": _one_of(("+", "-", "*")),
    "unit": _one_of(shapes.UNITS),
    "window word": _one_of(("last", "next", "this")),
}


def meant(word: object, known: Iterable[str], otherwise: str) -> str | None:
    """A hint that names the likely word, else all of them."""
    words = list(known)
    near = difflib.get_close_matches(str(word), words, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"{otherwise} {', '.join(words)}" if words else None


def escaped(name: str) -> str:
    """A member's name in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def mistakes_of_shape(document: Any) -> list[JsonMistake]:
    """What keeps a document from having the shape of a rule; nothing of what its names and values mean."""
    checking = _Checking()
    if checking.object(document, "", "a rule with a version"):
        checking.shape(document, shapes.DOCUMENT, "", "a rule", 0)
    return checking.mistakes
