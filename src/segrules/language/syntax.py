"""The syntax tree: what was written, before anybody asks what it means.

A tree is built from its leaves upwards while the text is read, so neither building it nor learning its
depth needs recursion. Literals keep their raw text: what is wrong inside one is told together with all
other mistakes. The classes are plain, because making two dozen of them otherwise would be a tenth of the time
that a short command takes; nothing changes a form once it is made.
"""

# ruff: noqa: RUF023 -- the slots stand in the order in which a form is made

from __future__ import annotations

from typing import Any

from segrules.errors import Span


class Form:
    """Something written from ``start`` to ``end``; ``depth`` levels of nesting are in it."""

    __slots__ = ("depth", "end", "start")

    start: int
    end: int
    depth: int

    def __init__(self, start: int, end: int, *parts: Any, depth: int = 0) -> None:
        self.start = start
        self.end = end
        self.depth = depth
        for name, part in zip(self.__slots__, parts, strict=True):
            setattr(self, name, part)

    def __repr__(self) -> str:
        parts = ", ".join(repr(getattr(self, each)) for each in self.__slots__)
        return f"{type(self).__name__}({parts})"

    @property
    def span(self) -> Span:
        """The place in the source."""
        return Span(self.start, self.end)


# --- values ----------------------------------------------------------------------------------------


class Numeral(Form):
    """A number, raw."""

    __slots__ = ("text",)

    text: str


class Percentage(Form):
    """``5% of X``; without ``of`` the operand is None."""

    __slots__ = ("number", "operand")

    number: Numeral
    operand: Form | None


class Quoted(Form):
    """A text with its quotes and escapes, raw."""

    __slots__ = ("text",)

    text: str


class Dated(Form):
    """A date or date-time, raw."""

    __slots__ = ("text",)

    text: str


class Named(Form):
    """``:name``."""

    __slots__ = ("name",)

    name: str


class Duration(Form):
    """``7 days``; with ``ago`` True ``… ago``, with False ``… from now``."""

    __slots__ = ("number", "unit", "ago")

    number: Numeral
    unit: str
    ago: bool | None


class Path(Form):
    """One name or several joined by dots, as written."""

    __slots__ = ("names",)

    names: tuple[str, ...]


class Arithmetic(Form):
    """Two values joined by ``+``, ``-`` or ``*``."""

    __slots__ = ("left", "sign", "right")

    left: Form
    sign: str
    right: Form


class Minus(Form):
    """A value with a minus before it."""

    __slots__ = ("operand",)

    operand: Form


class Anniversary(Form):
    """``anniversary of F``."""

    __slots__ = ("path",)

    path: Path


class Aggregate(Form):
    """``sum(R.field where …)``."""

    __slots__ = ("function", "distinct", "path", "where")

    function: str
    distinct: bool
    path: Path
    where: Form | None


# --- conditions ------------------------------------------------------------------------------------


class Chain(Form):
    """Two or more conditions joined by ``and``, or by ``or`` when ``either``."""

    __slots__ = ("items", "either")

    items: tuple[Form, ...]
    either: bool


class Negated(Form):
    """``not x``."""

    __slots__ = ("item",)

    item: Form


class Grouped(Form):
    """Something in parentheses."""

    __slots__ = ("item",)

    item: Form


class Group(Form):
    """``all of (…)`` and its kin; ``word`` in lower case with single blanks."""

    __slots__ = ("word", "items")

    word: str
    items: tuple[Form, ...]


class Sign(Form):
    """A comparing word or sign: its canonical ``word`` without ``not``, and whether it is negated."""

    __slots__ = ("word", "negated")

    word: str
    negated: bool


class Compared(Form):
    """Two values compared."""

    __slots__ = ("left", "sign", "right")

    left: Form
    sign: Sign
    right: Form


class BothBounds(Form):
    """``x between a and b``."""

    __slots__ = ("left", "sign", "low", "high")

    left: Form
    sign: Sign
    low: Form
    high: Form


class Listed(Form):
    """``x in (a, b)`` or ``x in :list``."""

    __slots__ = ("left", "sign", "values")

    left: Form
    sign: Sign
    values: tuple[Form, ...] | Named


class Window(Form):
    """``last 7 days`` or ``this month``: a length or the word of a unit."""

    __slots__ = ("word", "length", "unit")

    word: str
    length: Duration | None
    unit: str


class Windowed(Form):
    """``x in last 7 days``."""

    __slots__ = ("left", "sign", "window")

    left: Form
    sign: Sign
    window: Window


class Presence(Form):
    """``x is set``."""

    __slots__ = ("left", "sign")

    left: Form
    sign: Sign


class Quantified(Form):
    """``any R where (…)``; ``word`` in lower case with single blanks."""

    __slots__ = ("word", "number", "relation", "where")

    word: str
    number: Numeral | None
    relation: Path
    where: Form | None


class Picked(Form):
    """``last R has (…)``."""

    __slots__ = ("last", "relation", "where")

    last: bool
    relation: Path
    where: Form


class Member(Form):
    """``in segment "name"``."""

    __slots__ = ("name",)

    name: Quoted
