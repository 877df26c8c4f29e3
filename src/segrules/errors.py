"""Every way segrules can say no, and how a mistake in a rule is shown.

SegrulesError
├── RuleError           the text of a rule does not mean anything; carries diagnostics
├── EvaluationError     the rule is fine, what was given with it is not
│   ├── ParameterError      a parameter is unknown, unused or of the wrong type
│   ├── SegmentError        a segment is unknown, refers to itself, or cannot be changed like that
│   │   ├── SegmentConflictError  somebody else has changed the segment since it was read
│   │   └── SegmentBusyError      somebody else is refreshing it, or holds the database
│   ├── MomentError         the moment of the evaluation has no time zone, or is none that databases know
│   ├── CustomerError       data of a customer in memory has a wrong type
│   └── BackendError        this database cannot give the exact answer, so it gives none
├── InterchangeError    what another program wrote cannot be read as a rule or a segment
│   └── RuleJsonError       the JSON form of a rule means nothing; carries mistakes with their places
├── ShopError           the mapping does not fit the database
└── VocabularyError     a plugin is broken, or two plugins use one word
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum

from attrs import field, frozen


class SegrulesError(Exception):
    """The root of everything that segrules raises on purpose."""


class EvaluationError(SegrulesError):
    """The rule is fine; what it is evaluated with is not."""


class ParameterError(EvaluationError):
    """A parameter is unknown, unused or of the wrong type."""


class SegmentError(EvaluationError):
    """A segment is unknown, comes back to itself, or cannot be changed like that."""


class SegmentConflictError(SegmentError):
    """Somebody else has changed the segment since it was read; get it anew and change that."""


class SegmentBusyError(SegmentError):
    """Somebody else is refreshing the segment, or holds the database; the members are as they were."""


class MomentError(EvaluationError, ValueError):
    """The moment of an evaluation has no time zone, or lies outside the calendar of databases."""


class CustomerError(EvaluationError):
    """Data of a customer in memory has a type that the field cannot have."""


class BackendError(EvaluationError):
    """The database cannot answer this rule exactly."""


class InterchangeError(SegrulesError):
    """What another program wrote cannot be read as a rule or a segment."""


@frozen
class JsonMistake:
    """One mistake in the JSON form of a rule: where, as a JSON pointer, and what.

    ``suggestion`` is text of the language.
    """

    pointer: str
    message: str
    code: str | None = None
    hint: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint is not None else ""
        return f"{self.pointer or '/'}: {self.message}{hint}"


class RuleJsonError(InterchangeError):
    """The JSON form of a rule has one or more mistakes; ``mistakes`` holds them all."""

    def __init__(self, mistakes: Sequence[JsonMistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.mistakes)


class ShopError(SegrulesError):
    """The mapping names something that the database or the vocabulary lacks."""


class VocabularyError(SegrulesError):
    """A plugin cannot be loaded, or two plugins claim one word."""


class Severity(Enum):
    """How much a diagnostic weighs: an error stops the rule, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@frozen(order=True)
class Span:
    """A half-open range of the source, counted in code points."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@frozen
class Suggestion:
    """A replacement of one stretch of the source that can be applied as it is."""

    text: str
    span: Span


@frozen
class Position:
    """A place in the source: line and column, both counted from 1, in code points."""

    line: int
    column: int


@frozen
class Source:
    """The text of a rule, which knows its lines."""

    text: str
    name: str = "<rule>"
    _starts: Sequence[int] = field(init=False, eq=False, repr=False)

    @_starts.default
    def _line_starts(self) -> Sequence[int]:
        starts = [0]
        for index, char in enumerate(self.text):
            if char == "\n":
                starts.append(index + 1)
        return starts

    def position(self, offset: int) -> Position:
        """The line and column of an offset in code points."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line counted from 1, without its line break."""
        start = self._starts[number - 1]
        stop = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:stop].rstrip("\r\n")

    def utf16(self, offset: int) -> int:
        """The same offset counted in UTF-16 code units, as editor protocols want it."""
        return offset + sum(1 for char in self.text[:offset] if ord(char) > 0xFFFF)


#: A longer line is shown in part.
WIDEST_LINE = 240


def _around(line: str, place: int) -> tuple[str, int]:
    """The part of a long line that lies around a place, and where the place is in it."""
    if len(line) <= WIDEST_LINE:
        return line, place
    start = max(0, min(place - WIDEST_LINE // 3, len(line) - WIDEST_LINE))
    part = line[start : start + WIDEST_LINE]
    more = "…" if start + WIDEST_LINE < len(line) else ""
    return ("…" + part[1:] if start else part) + more, place - start


@frozen
class Diagnostic:
    """One mistake or warning: a stable code, one sentence, the place, the way out."""

    code: str
    severity: Severity
    message: str
    span: Span
    source: Source = field(repr=False)
    suggestion: Suggestion | None = None
    hint: str | None = None

    @property
    def start(self) -> Position:
        """Where the marked text begins."""
        return self.source.position(self.span.start)

    @property
    def end(self) -> Position:
        """Where the marked text ends (exclusive)."""
        return self.source.position(self.span.end)

    def render(self) -> str:
        """The diagnostic with its source line and carets, for a terminal or a log."""
        start, end = self.start, self.end
        line = self.source.line(start.line)
        width = end.column - start.column if end.line == start.line else len(line) + 1 - start.column
        shown, before = _around(line.replace("\t", " "), start.column - 1)
        number = str(start.line)
        gutter = " " * len(number)
        rows = [
            f"{self.severity.value}[{self.code}]: {self.message}",
            f"{gutter}--> {self.source.name}:{start.line}:{start.column}",
            f"{number} | {shown}",
            f"{gutter} | {' ' * before}{'^' * max(1, min(width, len(shown) - before))}",
        ]
        if self.hint is not None:
            rows.append(f"{gutter} = {self.hint}")
        if self.suggestion is not None and self.hint != f"did you mean {self.suggestion.text}?":
            write = f"write: {self.suggestion.text.strip()}" if self.suggestion.text else "leave it out"
            rows.append(f"{gutter} = {write}")
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.render()


class RuleError(SegrulesError):
    """The text of a rule has one or more mistakes; ``diagnostics`` holds them all."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n\n".join(each.render() for each in self.diagnostics)
