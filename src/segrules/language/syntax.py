"""The syntax tree: what was written, before anybody asks what it means.

A tree is built from its leaves upwards while the text is read, so neither building it nor learning its
depth needs recursion. Literals keep their raw text: what is wrong inside one is told together with all
other mistakes.
"""

from __future__ import annotations

from typing import Any, Protocol

from attrs import field, frozen

from segrules.errors import Span


class Token(Protocol):
    """A word or sign as the lexer hands it over: a string that knows its place and its terminal."""

    type: str
    start_pos: int
    end_pos: int

    def __str__(self) -> str: ...
    def lower(self) -> str: ...


@frozen
class Form:
    """Something written from ``start`` to ``end``; ``depth`` levels of nesting are in it."""

    start: int
    end: int
    depth: int = field(kw_only=True, default=0)

    @property
    def span(self) -> Span:
        """The place in the source."""
        return Span(self.start, self.end)


# --- values ----------------------------------------------------------------------------------------


@frozen
class Numeral(Form):
    """A number, raw."""

    text: str


@frozen
class Percentage(Form):
    """``5% of X``; without ``of`` the operand is None."""

    number: Numeral
    operand: Form | None


@frozen
class Quoted(Form):
    """A text with its quotes and escapes, raw."""

    text: str


@frozen
class Dated(Form):
    """A date or date-time, raw."""

    text: str


@frozen
class Named(Form):
    """``:name``."""

    name: str


@frozen
class Duration(Form):
    """``7 days``; with ``ago`` True ``… ago``, with False ``… from now``."""

    number: Numeral
    unit: str
    ago: bool | None = None


@frozen
class Path(Form):
    """One name or several joined by dots, as written."""

    names: tuple[str, ...]


@frozen
class Arithmetic(Form):
    """Two values joined by ``+``, ``-`` or ``*``."""

    left: Form
    sign: str
    right: Form


@frozen
class Minus(Form):
    """A value with a minus before it."""

    operand: Form


@frozen
class Anniversary(Form):
    """``anniversary of F``."""

    path: Path


@frozen
class Aggregate(Form):
    """``sum(R.field where …)``."""

    function: str
    distinct: bool
    path: Path
    where: Form | None


# --- conditions ------------------------------------------------------------------------------------


@frozen
class Chain(Form):
    """Two or more conditions joined by ``and``, or by ``or`` when ``either``."""

    items: tuple[Form, ...]
    either: bool


@frozen
class Negated(Form):
    """``not x``."""

    item: Form


@frozen
class Grouped(Form):
    """Something in parentheses."""

    item: Form


@frozen
class Group(Form):
    """``all of (…)`` and its kin; ``word`` in lower case with single blanks."""

    word: str
    items: tuple[Form, ...]


@frozen
class Sign(Form):
    """A comparing word or sign: its canonical ``word`` without ``not``, and whether it is negated."""

    word: str
    negated: bool


@frozen
class Compared(Form):
    """Two values compared."""

    left: Form
    sign: Sign
    right: Form


@frozen
class BothBounds(Form):
    """``x between a and b``."""

    left: Form
    sign: Sign
    low: Form
    high: Form


@frozen
class Listed(Form):
    """``x in (a, b)`` or ``x in :list``."""

    left: Form
    sign: Sign
    values: tuple[Form, ...] | Named


@frozen
class Window(Form):
    """``last 7 days`` or ``this month``: a length or the word of a unit."""

    word: str
    length: Duration | None
    unit: str


@frozen
class Windowed(Form):
    """``x in last 7 days``."""

    left: Form
    sign: Sign
    window: Window


@frozen
class Presence(Form):
    """``x is set``."""

    left: Form
    sign: Sign


@frozen
class Quantified(Form):
    """``any R where (…)``; ``word`` in lower case with single blanks."""

    word: str
    number: Numeral | None
    relation: Path
    where: Form | None


@frozen
class Picked(Form):
    """``last R has (…)``."""

    last: bool
    relation: Path
    where: Form


@frozen
class Member(Form):
    """``in segment "name"``."""

    name: Quoted


# --- building --------------------------------------------------------------------------------------

#: The spellings of one comparing sign.
_SIGNS = {
    "EQUAL": "=",
    "UNEQUAL": "=",
    "LESS": "<",
    "LESS_EQUAL": "<=",
    "GREATER": ">",
    "GREATER_EQUAL": ">=",
    "IS": "is",
    "BEFORE": "before",
    "AFTER": "after",
    "ON": "on",
    "CONTAINS": "contains",
    "STARTS_WITH": "starts with",
    "ENDS_WITH": "ends with",
    "BETWEEN": "between",
    "IN": "in",
    "SET": "set",
}

Parts = list[Any]


def _words(token: Token) -> str:
    return " ".join(token.lower().split())


class Builder:
    """One method for each rule of the grammar; it gets the parts that were read and makes a form of them."""

    def start(self, parts: Parts) -> Form:
        form: Form = parts[0]
        return form

    # conditions

    def disjunction(self, parts: Parts) -> Form:
        return self._chain(parts, either=True)

    def conjunction(self, parts: Parts) -> Form:
        return self._chain(parts, either=False)

    def _chain(self, parts: Parts, either: bool) -> Form:
        return Chain(parts[0].start, parts[-1].end, tuple(parts), either, depth=max([each.depth for each in parts]))

    def negated(self, parts: Parts) -> Form:
        word, item = parts
        return Negated(word.start_pos, item.end, item, depth=item.depth + 1)

    def compared(self, parts: Parts) -> Form:
        left, sign, right = parts
        return Compared(left.start, right.end, left, sign, right, depth=max(left.depth, right.depth))

    def between_both(self, parts: Parts) -> Form:
        left, sign, low, high = parts
        return BothBounds(left.start, high.end, left, sign, low, high, depth=max(left.depth, low.depth, high.depth))

    def listed(self, parts: Parts) -> Form:
        left, sign, _, values, close = parts
        depth = max(left.depth, max([each.depth for each in values], default=0) if values else 0)
        return Listed(left.start, close.end_pos, left, sign, tuple(values or ()), depth=depth)

    def listed_parameter(self, parts: Parts) -> Form:
        left, sign, token = parts
        return Listed(left.start, token.end_pos, left, sign, self.parameter([token]), depth=left.depth)

    def within(self, parts: Parts) -> Form:
        left, sign, window = parts
        return Windowed(left.start, window.end, left, sign, window, depth=left.depth)

    def is_set(self, parts: Parts) -> Form:
        left, sign = parts
        return Presence(left.start, sign.end, left, sign, depth=left.depth)

    def operator(self, parts: Parts) -> Sign:
        """The last word says how it compares; any ``not`` and ``!=`` negates."""
        last = parts[-1]
        word = "is" if last.type == "NOT" else _SIGNS[last.type]
        negated = last.type in ("NOT", "UNEQUAL") or any(each.type == "NOT" for each in parts[:-1])
        return Sign(parts[0].start_pos, last.end_pos, word, negated)

    between = membership = presence = operator

    def values(self, parts: Parts) -> Parts:
        return parts

    def conditions(self, parts: Parts) -> Parts:
        return parts

    def window(self, parts: Parts) -> Window:
        word, length = parts
        if isinstance(length, Duration):
            return Window(word.start_pos, length.end, word.lower(), length, length.unit)
        return Window(word.start_pos, length.end_pos, word.lower(), None, _unit(length))

    def grouped(self, parts: Parts) -> Form:
        opening, item, close = parts
        return Grouped(opening.start_pos, close.end_pos, item, depth=item.depth + 1)

    def group(self, parts: Parts) -> Form:
        word, _, items, close = parts
        items = tuple(items or ())
        depth = 1 + max([each.depth for each in items], default=0)
        return Group(word.start_pos, close.end_pos, _words(word), items, depth=depth)

    def quantifier(self, parts: Parts) -> Parts:
        return parts

    def quantified(self, parts: Parts) -> Form:
        (word, *number), relation, opening, where, close = parts
        count = self.number(number) if number else None
        if opening is None:
            return Quantified(word.start_pos, relation.end, _words(word), count, relation, None)
        start, end = word.start_pos, close.end_pos
        return Quantified(start, end, _words(word), count, relation, where, depth=where.depth + 1)

    def picked(self, parts: Parts) -> Form:
        word, relation, _, where, close = parts
        return Picked(word.start_pos, close.end_pos, word.lower() == "last", relation, where, depth=where.depth + 1)

    def in_segment(self, parts: Parts) -> Form:
        word, name = parts
        return Member(word.start_pos, name.end_pos, self.quoted([name]))

    # values

    def arithmetic(self, parts: Parts) -> Form:
        left, sign, right = parts
        return Arithmetic(left.start, right.end, left, str(sign), right, depth=1 + max(left.depth, right.depth))

    def negative(self, parts: Parts) -> Form:
        sign, operand = parts
        return Minus(sign.start_pos, operand.end, operand, depth=operand.depth + 1)

    def percentage(self, parts: Parts) -> Form:
        number, _, operand = parts
        return Percentage(
            number.start_pos, operand.end, self.number([number]), operand, depth=operand.depth + 1
        )

    def bare_percentage(self, parts: Parts) -> Form:
        number, sign = parts
        return Percentage(number.start_pos, sign.end_pos, self.number([number]), None)

    def anniversary(self, parts: Parts) -> Form:
        word, path = parts
        return Anniversary(word.start_pos, path.end, path)

    def aggregate(self, parts: Parts) -> Form:
        function, _, distinct, path, where, close = parts
        depth = 1 + (where.depth if where is not None else 0)
        return Aggregate(
            function.start_pos, close.end_pos, function.lower(), distinct is not None, path, where, depth=depth
        )

    def number(self, parts: Parts) -> Numeral:
        (token,) = parts
        return Numeral(token.start_pos, token.end_pos, str(token))

    def quoted(self, parts: Parts) -> Quoted:
        (token,) = parts
        return Quoted(token.start_pos, token.end_pos, str(token))

    def dated(self, parts: Parts) -> Dated:
        (token,) = parts
        return Dated(token.start_pos, token.end_pos, str(token))

    def parameter(self, parts: Parts) -> Named:
        (token,) = parts
        return Named(token.start_pos, token.end_pos, str(token)[1:].lower())

    def length(self, parts: Parts) -> Duration:
        number, unit = parts
        return Duration(number.start_pos, unit.end_pos, self.number([number]), _unit(unit))

    def bare_length(self, parts: Parts) -> Form:
        form: Form = parts[0]
        return form

    def ago(self, parts: Parts) -> Form:
        length, word = parts
        return Duration(length.start, word.end_pos, length.number, length.unit, True)

    def from_now(self, parts: Parts) -> Form:
        length, word = parts
        return Duration(length.start, word.end_pos, length.number, length.unit, False)

    def path(self, parts: Parts) -> Path:
        return Path(parts[0].start_pos, parts[-1].end_pos, tuple([str(each) for each in parts]))

    relation = path


def _unit(token: Token) -> str:
    word = token.lower()
    return word[:-1] if word.endswith("s") else word
