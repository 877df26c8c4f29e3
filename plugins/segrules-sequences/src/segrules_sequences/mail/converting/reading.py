"""The older syntax read: what is text, what is a directive, and what stands in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from attrs import frozen

_NAME = re.compile(r"/?[A-Za-z]{0,10}")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TEXT = re.compile(r"'(?P<single>[^'\\]*)'|\"(?P<double>[^\"\\]*)\"")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?(?![\w.])")
_PARAMETER = re.compile(
    r"\s+(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\s'\"]+))"
)


class UnclearError(Exception):
    """A part of a directive that has no counterpart; ``offset`` counts in the text of the directive."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.offset = reason, offset


@frozen
class Text:
    """Text between directives, and where it begins."""

    text: str
    start: int


@frozen
class Directive:
    """One directive: its name in lower case, what follows the name, and where it begins."""

    name: str
    rest: str
    start: int
    whole: str


def pieces(source: str) -> Iterator[Text | Directive]:
    """The texts and directives of a template in their order."""
    place = 0
    while True:
        start = source.find("{{", place)
        name = _NAME.match(source, start + 2) if start >= 0 else None
        end = source.find("}}", name.end()) if name is not None else -1
        if name is None or end < 0:
            break
        if start > place:
            yield Text(source[place:start], place)
        yield Directive(name[0].lower(), source[name.end() : end], start, source[start : end + 2])
        place = end + 2
    if place < len(source):
        yield Text(source[place:], place)


@frozen
class Step:
    """One step of a path: a name, and the arguments when it is called."""

    name: str
    arguments: tuple[str | int | Decimal, ...] | None = None


def path(text: str, offset: int = 0) -> tuple[Step, ...]:
    """The steps of a path such as ``store.getUrl('x')``. Raises UnclearError."""
    steps: list[Step] = []
    place = 0
    while True:
        found = _IDENTIFIER.match(text, place)
        if found is None:
            raise UnclearError("a name is wanted here, of letters and digits, with no _ before it", offset + place)
        place = found.end()
        arguments = None
        if text.startswith("(", place):
            arguments, place = _arguments(text, place + 1, offset)
        steps.append(Step(found[0], arguments))
        if place == len(text):
            return tuple(steps)
        if text[place] != ".":
            raise UnclearError("only a path can stand here, names with dots between them", offset + place)
        place += 1


def _arguments(text: str, place: int, offset: int) -> tuple[tuple[str | int | Decimal, ...], int]:
    values: list[str | int | Decimal] = []
    place = _blank(text, place)
    if text.startswith(")", place):
        return (), place + 1
    while True:
        place = _blank(text, place)
        found = _TEXT.match(text, place)
        number = _NUMBER.match(text, place)
        if found is not None:
            values.append(found["single"] if found["single"] is not None else found["double"])
            place = found.end()
        elif number is not None:
            values.append(Decimal(number[0]) if "." in number[0] else int(number[0]))
            place = number.end()
        else:
            raise UnclearError("an argument can only be a text in quotes or a number", offset + place)
        place = _blank(text, place)
        if text.startswith(")", place):
            return tuple(values), place + 1
        if not text.startswith(",", place):
            raise UnclearError("a comma or a closing bracket is wanted here", offset + place)
        place += 1


def _blank(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


@frozen
class Parameter:
    """The value of a parameter: a text, or a path when it is written with a $ before it."""

    value: str
    path: tuple[Step, ...] | None
    offset: int


def parameters(text: str, offset: int) -> dict[str, Parameter]:
    """The parameters ``name="value"`` of a directive. Raises UnclearError."""
    found: dict[str, Parameter] = {}
    place = 0
    while place < len(text) and text[place:].strip():
        match = _PARAMETER.match(text, place)
        if match is None:
            raise UnclearError('parameters are written name="value"', offset + _blank(text, place))
        value = next(each for each in (match["single"], match["double"], match["bare"]) if each is not None)
        start = offset + match.start("name")
        if match["name"] in found:
            raise UnclearError(f'the parameter "{match["name"]}" is there twice', start)
        steps = path(value[1:], start) if value.startswith("$") else None
        found[match["name"]] = Parameter(value, steps, start)
        place = match.end()
    return found
