"""From words and signs to the syntax tree, one form for each rule of the grammar."""

# ruff: noqa: D102 -- every method is named after the rule of the grammar that it builds

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from segrules.language import syntax


class Token(Protocol):
    """A word or sign as the lexer hands it over: a string that knows its place and its terminal."""

    type: str
    start_pos: int
    end_pos: int

    def __str__(self) -> str: ...
    def lower(self) -> str: ...


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

#: A value among many that are one word in the grammar.
_PLAIN = re.compile(
    r"""(?P<number>[0-9][\w.]*) | (?P<name>\w+)
      | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | [“„”](?:[^“”\\\n]|\\.)*[“”] | [‘‚’](?:[^‘’\\\n]|\\.)*[‘’]""",
    re.VERBOSE,
)

Parts = list[Any]


def _words(token: Token) -> str:
    words = token.lower()
    if "#" in words:
        words = "\n".join([line.partition("#")[0] for line in words.split("\n")])
    return " ".join(words.split())


class Builder:
    """One method for each rule of the grammar; it gets the parts that were read and makes a form of them."""

    def start(self, parts: Parts) -> syntax.Form:
        form: syntax.Form = parts[0]
        return form

    # conditions

    def disjunction(self, parts: Parts) -> syntax.Form:
        return self._chain(parts, either=True)

    def conjunction(self, parts: Parts) -> syntax.Form:
        return self._chain(parts, either=False)

    def _chain(self, parts: Parts, either: bool) -> syntax.Form:
        return syntax.Chain(
            parts[0].start, parts[-1].end, tuple(parts), either, depth=max([each.depth for each in parts])
        )

    def negated(self, parts: Parts) -> syntax.Form:
        word, item = parts
        return syntax.Negated(word.start_pos, item.end, item, depth=item.depth + 1)

    def compared(self, parts: Parts) -> syntax.Form:
        left, sign, right = parts
        return syntax.Compared(left.start, right.end, left, sign, right, depth=max(left.depth, right.depth))

    def between_both(self, parts: Parts) -> syntax.Form:
        left, sign, low, high = parts
        return syntax.BothBounds(
            left.start, high.end, left, sign, low, high, depth=max(left.depth, low.depth, high.depth)
        )

    def listed(self, parts: Parts) -> syntax.Form:
        left, sign, _, values, close = parts
        depth = max(left.depth, max([each.depth for each in values], default=0) if values else 0)
        return syntax.Listed(left.start, close.end_pos, left, sign, tuple(values or ()), depth=depth)

    def listed_parameter(self, parts: Parts) -> syntax.Form:
        left, sign, token = parts
        return syntax.Listed(left.start, token.end_pos, left, sign, self.parameter([token]), depth=left.depth)

    def within(self, parts: Parts) -> syntax.Form:
        left, sign, window = parts
        return syntax.Windowed(left.start, window.end, left, sign, window, depth=left.depth)

    def is_set(self, parts: Parts) -> syntax.Form:
        left, sign = parts
        return syntax.Presence(left.start, sign.end, left, sign, depth=left.depth)

    def operator(self, parts: Parts) -> syntax.Sign:
        """The last word says how it compares; any ``not`` and ``!=`` negates."""
        last = parts[-1]
        word = "is" if last.type == "NOT" else _SIGNS[last.type]
        negated = last.type in ("NOT", "UNEQUAL") or any(each.type == "NOT" for each in parts[:-1])
        return syntax.Sign(parts[0].start_pos, last.end_pos, word, negated)

    between = membership = presence = operator

    def values(self, parts: Parts) -> Parts:
        forms: Parts = []
        for part in parts:
            if isinstance(part, syntax.Form):
                forms.append(part)
            else:
                forms += self._many(part)
        return forms

    def _many(self, token: Token) -> Iterator[syntax.Form]:
        """The values of a list that were read as one word."""
        start = token.start_pos
        for found in _PLAIN.finditer(str(token)):
            place, text = (start + found.start(), start + found.end()), found.group()
            match found.lastgroup:
                case "number":
                    yield syntax.Numeral(*place, text)
                case "name":
                    yield syntax.Path(*place, (text,))
                case _:
                    yield syntax.Quoted(*place, text)

    def conditions(self, parts: Parts) -> Parts:
        return parts

    def window(self, parts: Parts) -> syntax.Window:
        word, length = parts
        if isinstance(length, syntax.Duration):
            return syntax.Window(word.start_pos, length.end, word.lower(), length, length.unit)
        return syntax.Window(word.start_pos, length.end_pos, word.lower(), None, _unit(length))

    def grouped(self, parts: Parts) -> syntax.Form:
        opening, item, close = parts
        return syntax.Grouped(opening.start_pos, close.end_pos, item, depth=item.depth + 1)

    def group(self, parts: Parts) -> syntax.Form:
        word, _, items, close = parts
        items = tuple(items or ())
        depth = 1 + max([each.depth for each in items], default=0)
        return syntax.Group(word.start_pos, close.end_pos, _words(word), items, depth=depth)

    def quantifier(self, parts: Parts) -> Parts:
        return parts

    def quantified(self, parts: Parts) -> syntax.Form:
        (word, *number), relation, opening, where, close = parts
        count = self.number(number) if number else None
        if opening is None:
            return syntax.Quantified(word.start_pos, relation.end, _words(word), count, relation, None)
        start, end = word.start_pos, close.end_pos
        return syntax.Quantified(start, end, _words(word), count, relation, where, depth=where.depth + 1)

    def picked(self, parts: Parts) -> syntax.Form:
        word, relation, _, where, close = parts
        return syntax.Picked(
            word.start_pos, close.end_pos, word.lower() == "last", relation, where, depth=where.depth + 1
        )

    def in_segment(self, parts: Parts) -> syntax.Form:
        word, name = parts
        return syntax.Member(word.start_pos, name.end_pos, self.quoted([name]))

    # values

    def arithmetic(self, parts: Parts) -> syntax.Form:
        left, sign, right = parts
        return syntax.Arithmetic(left.start, right.end, left, str(sign), right, depth=1 + max(left.depth, right.depth))

    def negative(self, parts: Parts) -> syntax.Form:
        sign, operand = parts
        return syntax.Minus(sign.start_pos, operand.end, operand, depth=operand.depth + 1)

    def percentage(self, parts: Parts) -> syntax.Form:
        number, _, operand = parts
        return syntax.Percentage(number.start_pos, operand.end, self.number([number]), operand, depth=operand.depth + 1)

    def bare_percentage(self, parts: Parts) -> syntax.Form:
        number, sign = parts
        return syntax.Percentage(number.start_pos, sign.end_pos, self.number([number]), None)

    def anniversary(self, parts: Parts) -> syntax.Form:
        word, path = parts
        return syntax.Anniversary(word.start_pos, path.end, path)

    def aggregate(self, parts: Parts) -> syntax.Form:
        function, _, distinct, path, where, close = parts
        depth = 1 + (where.depth if where is not None else 0)
        return syntax.Aggregate(
            function.start_pos, close.end_pos, function.lower(), distinct is not None, path, where, depth=depth
        )

    def number(self, parts: Parts) -> syntax.Numeral:
        (token,) = parts
        return syntax.Numeral(token.start_pos, token.end_pos, str(token))

    def quoted(self, parts: Parts) -> syntax.Quoted:
        (token,) = parts
        return syntax.Quoted(token.start_pos, token.end_pos, str(token))

    def dated(self, parts: Parts) -> syntax.Dated:
        (token,) = parts
        return syntax.Dated(token.start_pos, token.end_pos, str(token))

    def parameter(self, parts: Parts) -> syntax.Named:
        (token,) = parts
        return syntax.Named(token.start_pos, token.end_pos, str(token)[1:].lower())

    def length(self, parts: Parts) -> syntax.Duration:
        number, unit = parts
        return syntax.Duration(number.start_pos, unit.end_pos, self.number([number]), _unit(unit), None)

    def bare_length(self, parts: Parts) -> syntax.Form:
        form: syntax.Form = parts[0]
        return form

    def ago(self, parts: Parts) -> syntax.Form:
        length, word = parts
        return syntax.Duration(length.start, word.end_pos, length.number, length.unit, True)

    def from_now(self, parts: Parts) -> syntax.Form:
        length, word = parts
        return syntax.Duration(length.start, word.end_pos, length.number, length.unit, False)

    def path(self, parts: Parts) -> syntax.Path:
        return syntax.Path(parts[0].start_pos, parts[-1].end_pos, tuple([str(each) for each in parts]))

    relation = path


def _unit(token: Token) -> str:
    word = token.lower()
    return word[:-1] if word.endswith("s") else word
