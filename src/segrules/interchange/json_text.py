"""The JSON form of a rule as text, so that one reader decides what a rule means, whatever it was written in.

While the text is written, it is kept which stretch of it stands for which place of the JSON, so that a mistake in the
text is told at its place in the JSON. Nothing is pasted: names have matched the pattern of names, texts are quoted,
numbers are digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import define, field

from segrules.errors import Diagnostic, JsonMistake, Span
from segrules.interchange import json_shapes as shapes
from segrules.language.spelling import quoted


@define
class Written:
    """The text of a rule, and which stretch of it stands for which place of the JSON."""

    pieces: list[str] = field(factory=list)
    places: list[tuple[int, int, str]] = field(factory=list)
    length: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Written:
        """The text of a document that has the shape of a rule."""
        written = cls()
        written.condition(document["rule"], "/rule")
        return written

    @property
    def text(self) -> str:
        """The text."""
        return "".join(self.pieces)

    def mistake(self, diagnostic: Diagnostic) -> JsonMistake:
        """A mistake in the text at its place in the JSON."""
        suggestion = diagnostic.suggestion
        write = None if suggestion is None else suggestion.text
        hint = diagnostic.hint if diagnostic.hint is not None or write is None else f"in the language: {write}"
        return JsonMistake(self.pointer(diagnostic.span), diagnostic.message, diagnostic.code, hint, write)

    def pointer(self, span: Span) -> str:
        """The innermost place of the JSON whose text holds a span."""
        around = [each for each in self.places if each[0] <= span.start and span.end <= each[1]]
        return min(around, key=lambda each: (each[1] - each[0], -len(each[2])))[2] if around else "/rule"

    def put(self, text: str) -> None:
        """Write a piece of text."""
        self.pieces.append(text)
        self.length += len(text)

    def put_at(self, text: str, pointer: str) -> None:
        """Write a piece of text that stands for one place."""
        start = self.length
        self.put(text)
        self.places.append((start, self.length, pointer))

    # conditions

    def condition(self, value: Mapping[str, Any], pointer: str, chained: bool = False) -> None:
        """A condition with its comments; in a chain or behind ``not``, other chains stand in parentheses."""
        comments = value.get("comments", {})
        for line in comments.get("before", ()):
            self.put(f"\n{line}\n")
        start = self.length
        parentheses = chained and value["condition"] in ("and", "or")
        if parentheses:
            self.put("(")
        self.core(value, pointer)
        if parentheses:
            self.put(")")
        self.places.append((start, self.length, pointer))
        if comments.get("behind") is not None:
            self.put(f"  {comments['behind']}\n")
        for line in comments.get("after", ()):
            self.put(f"\n{line}\n")

    def core(self, value: Mapping[str, Any], pointer: str) -> None:
        """A condition without its comments and parentheses."""
        word, negated = value["condition"], "not " if value.get("negated") else ""
        match word:
            case "and" | "or":
                self.listed(value["items"], f" {word} ", f"{pointer}/items", chained=True)
            case "all of" | "any of" | "none of":
                self.put(f"{word} (")
                self.listed(value["items"], ", ", f"{pointer}/items", chained=False)
                self.put(")")
            case "not":
                self.put("not ")
                self.condition(value["item"], f"{pointer}/item", chained=True)
            case "compare":
                self.operand(value["left"], f"{pointer}/left")
                self.put_at(f" {_sign(value['operator'], bool(negated))} ", f"{pointer}/operator")
                self.operand(value["right"], f"{pointer}/right")
            case "between":
                self.operand(value["left"], f"{pointer}/left")
                self.put(f" {negated}between ")
                self.operand(value["low"], f"{pointer}/low")
                self.put(" and ")
                self.operand(value["high"], f"{pointer}/high")
            case "in":
                self.operand(value["left"], f"{pointer}/left")
                self.put(f" {negated}in ")
                self.values(value["values"], f"{pointer}/values")
            case "within":
                self.operand(value["left"], f"{pointer}/left")
                self.put(f" {negated}in ")
                self.window(value["window"], f"{pointer}/window")
            case "set":
                self.operand(value["operand"], f"{pointer}/operand")
                self.put(f" is {negated}set")
            case "field":
                self.put_at(value["field"], f"{pointer}/field")
            case "constant":
                self.put("true" if value["value"] else "false")
            case "segment":
                self.put(f"{negated}in segment ")
                self.put_at(quoted(value["name"]), f"{pointer}/name")
            case _:
                self.opened(word, value, pointer)

    def opened(self, word: str, value: Mapping[str, Any], pointer: str) -> None:
        """A condition about rows."""
        self.put(f"{word} ")
        if "number" in value:
            self.put_at(_digits(value["number"]), f"{pointer}/number")
            self.put(" ")
        self.put_at(value["rows"], f"{pointer}/rows")
        if "where" in value:
            self.put(" has (" if word in ("first", "last") else " where (")
            self.condition(value["where"], f"{pointer}/where")
            self.put(")")

    def listed(self, items: Sequence[Mapping[str, Any]], between: str, pointer: str, chained: bool) -> None:
        """Conditions side by side."""
        for place, item in enumerate(items):
            if place:
                self.put(between)
            self.condition(item, f"{pointer}/{place}", chained)

    def values(self, values: Any, pointer: str) -> None:
        """The values of a list, or the parameter in their stead."""
        if isinstance(values, Mapping):
            self.operand(values, pointer)
            return
        self.put("(")
        for place, each in enumerate(values):
            if place:
                self.put(", ")
            self.operand(each, f"{pointer}/{place}")
        self.put(")")

    def window(self, window: Mapping[str, Any], pointer: str) -> None:
        """A stretch of time."""
        amount = f"{_digits(window['amount'])} {window['unit']}s" if "amount" in window else window["unit"]
        self.put_at(f"{window['word']} {amount}", pointer)

    # values

    def operand(self, value: Mapping[str, Any], pointer: str, binding: int = 0) -> None:
        """A value, in parentheses when it binds less than ``binding`` (1 +, 2 *, 3 -, 4 primary)."""
        start, word = self.length, next(each for each in shapes.OPERANDS if each in value)
        own = _binding(word, value)
        if own < binding:
            self.put("(")
        self.core_operand(word, value, pointer, own)
        if own < binding:
            self.put(")")
        self.places.append((start, self.length, pointer))

    def core_operand(self, word: str, value: Mapping[str, Any], pointer: str, own: int) -> None:
        """A value without its parentheses."""
        content = value[word]
        match word:
            case "number":
                self.put_at(_digits(content), f"{pointer}/number")
            case "text" | "choice":
                self.put_at(quoted(content), f"{pointer}/{word}")
            case "yesno":
                self.put_at("true" if content else "false", f"{pointer}/yesno")
            case "ago" | "from_now":
                way = "ago" if word == "ago" else "from now"
                self.put_at(f"{_digits(content['amount'])} {content['unit']}s {way}", f"{pointer}/{word}")
            case "parameter":
                self.put_at(f":{content}", f"{pointer}/parameter")
            case "anniversary_of":
                self.put("anniversary of ")
                self.put_at(content, f"{pointer}/anniversary_of")
            case "aggregate":
                self.aggregate(value, pointer)
            case "calculate":
                self.operand(value["left"], f"{pointer}/left", own)
                self.put_at(f" {content} ", f"{pointer}/calculate")
                self.operand(value["right"], f"{pointer}/right", own + 1)
            case "minus":
                self.put("- ")
                self.operand(content, f"{pointer}/minus", 3)
            case "percent":
                self.put_at(f"{_digits(content)}% of ", f"{pointer}/percent")
                self.operand(value["of"], f"{pointer}/of", 4)
            case _:  # date, moment, day, field
                self.put_at(content, f"{pointer}/{word}")

    def aggregate(self, value: Mapping[str, Any], pointer: str) -> None:
        """What rows make together."""
        self.put(f"{value['aggregate']}({'distinct ' if value.get('distinct') else ''}")
        start = self.length
        self.put_at(value["rows"], f"{pointer}/rows")
        if "field" in value:
            self.put(".")
            self.put_at(value["field"], f"{pointer}/field")
            self.places.append((start, self.length, f"{pointer}/field"))
        if "where" in value:
            self.put(" where ")
            self.condition(value["where"], f"{pointer}/where")
        self.put(")")


def _binding(word: str, value: Mapping[str, Any]) -> int:
    match word:
        case "calculate":
            return 2 if value["calculate"] == "*" else 1
        case "minus":
            return 3
        case "number":
            return 3 if _digits(value["number"]).startswith("-") else 4
        case _:
            return 4


def _sign(operator: str, negated: bool) -> str:
    if not negated:
        return operator
    # the language has words for what is negated of an order
    return {"=": "!=", "<": "not before", ">": "not after"}.get(operator, f"not {operator}")


def _digits(number: int | Decimal | str) -> str:
    return number if isinstance(number, str) else f"{number:f}" if isinstance(number, Decimal) else str(number)
