"""Where the mistakes of one rule are collected, so that all of them are told together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NoReturn, Protocol

from attrs import Factory, define

from segrules.errors import Diagnostic, Severity, Source, Span, Suggestion

#: So many mistakes are told at once; who made more has other things to do first.
MOST = 100


class EnoughError(Exception):
    """Nothing more shall be looked for; what was found is in the report."""


class Placed(Protocol):
    """Anything that stands somewhere in the source."""

    @property
    def span(self) -> Span:
        """The place."""


@define
class Report:
    """The diagnostics found so far in one source."""

    source: Source
    diagnostics: list[Diagnostic] = Factory(list)

    def error(
        self,
        code: str,
        message: str,
        place: Placed | Span,
        *,
        write: str | None = None,
        hint: str | None = None,
        instead_of: Span | None = None,
    ) -> None:
        """Adds an error; ``write`` is what to put in place of the marked text (or ``instead_of`` another)."""
        self._add(Severity.ERROR, code, message, place, write, hint, instead_of)

    def stop(self, code: str, message: str, place: Placed | Span) -> NoReturn:
        """Adds an error and gives up: the rule is beyond a limit."""
        self.error(code, message, place)
        raise EnoughError

    def warning(
        self,
        code: str,
        message: str,
        place: Placed | Span,
        *,
        write: str | None = None,
        hint: str | None = None,
        instead_of: Span | None = None,
    ) -> None:
        """Adds a warning."""
        self._add(Severity.WARNING, code, message, place, write, hint, instead_of)

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        place: Placed | Span,
        write: str | None,
        hint: str | None,
        instead_of: Span | None,
    ) -> None:
        span = place if isinstance(place, Span) else place.span
        if severity is Severity.WARNING and len(self.diagnostics) >= MOST:
            return
        if any(each.code == code and each.span == span for each in self.diagnostics):
            return
        suggestion = None if write is None else Suggestion(write, instead_of or span)
        self.diagnostics.append(Diagnostic(code, severity, message, span, self.source, suggestion, hint))
        if severity is Severity.ERROR and len(self.diagnostics) >= MOST:
            raise EnoughError

    def text(self, place: Placed | Span) -> str:
        """What is written there."""
        span = place if isinstance(place, Span) else place.span
        return self.source.text[span.start : span.end]

    def short(self, place: Placed | Span) -> str:
        """What is written there, in one short line for a message."""
        text = " ".join(self.text(place).split())
        return text if len(text) <= 60 else text[:57] + "…"


def closest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known word that was most likely meant, or None."""
    return _closest(word, tuple(known), likeness)


@lru_cache(maxsize=1024)
def _closest(word: str, candidates: tuple[str, ...], likeness: float) -> str | None:
    from difflib import get_close_matches

    lowered = {each.lower(): each for each in reversed(candidates)}
    word = word.lower()
    found = get_close_matches(word, lowered, n=1, cutoff=likeness)
    if found:
        return lowered[found[0]]
    # "revenue_total" for "total_revenue", "status" for "order_status": the same parts in another order
    parts = set(word.split("_"))
    for each in candidates:
        if len(parts) > 1 and set(each.split("_")) == parts:
            return each
    return None


def listing(words: Iterable[str], limit: int = 12) -> str:
    """Some words as a list for a hint."""
    words = list(words)
    limit += len(words) == limit + 1  # "and 1 more" is as long as the word itself
    return ", ".join(words[:limit]) + (f" and {len(words) - limit} more" if len(words) > limit else "")
