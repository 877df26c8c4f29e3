"""All mistakes of a text that cannot be read: where reading stops, the text is repaired and read on.

A repair is what the mistake itself suggests, or a hole in place of the condition around it: up to the next ``and``,
``or``, comma or parenthesis. Nothing is told of what a repair touches, nor of names that mean something else if the
hole is larger than it looks; so one mistake is told once, and none that only follows from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import attrs
from attrs import define, frozen

from segrules.errors import Diagnostic, RuleError, Source, Span, Suggestion
from segrules.language.limits import Limits
from segrules.language.phrases import in_other_words
from segrules.language.pieces import Piece, pieces
from segrules.language.reading import read
from segrules.language.report import EnoughError
from segrules.language.resolver import Resolver
from segrules.vocabulary import Vocabulary

#: So many characters are read again at most, in so many turns, however many mistakes there are.
MOST_READ = 96 * 1024
MOST_TURNS = 20
#: So many sentences are tried that may have been meant.
MOST_TRIES = 12

#: What stands in a hole.
_ANYTHING = "true"
_JOINERS = frozenset({"and", "or", "&&", "||"})


def mistakes(source: Source, vocabulary: Vocabulary, limits: Limits) -> list[Diagnostic]:
    """Every mistake that can be told of a text at once, in the order of the text; empty when it has none."""
    tries = iter(range(MOST_TRIES))

    def reads(span: Span, write: str) -> bool:
        if next(tries, None) is None:
            return False
        text = _Repaired(source, [_Repair(span, write, suggested=True)])
        return all(text.touching(text.original(each.span)) is None for each in _told(text.source, vocabulary, limits))

    told = in_other_words(source, _told(source, vocabulary, limits), vocabulary, reads)
    return sorted(told, key=lambda each: each.span)


def _told(source: Source, vocabulary: Vocabulary, limits: Limits) -> list[Diagnostic]:
    text = _Repaired(source)
    told: list[Diagnostic] = []
    left = MOST_READ
    for _ in range(MOST_TURNS):
        repaired = text.source
        left -= len(repaired.text)
        try:
            form = read(repaired, limits)
            break
        except RuleError as error:
            (found,) = error.diagnostics
        if found.code.startswith("SEG4") or found.code == "SEG102":
            return told or [found]
        place = text.original(found.span)
        around = text.touching(place)
        if around is None:
            found = text.told_of_original(found)
            if found.code != "SEG108" or all(each.code != "SEG104" for each in told):
                told.append(found)
        if left < 0 or not text.repair(found, place, around):
            return told
    else:
        return told
    resolver = Resolver(repaired, vocabulary, limits)
    with suppress(EnoughError):
        resolver.condition(form)
    unsure = [each for each in text.repairs if not each.suggested]
    loose = any(each.code == "SEG108" for each in told)
    for each in resolver.report.diagnostics:
        place = text.original(each.span)
        if any(_overlap(place, other.span) for other in text.repairs):
            continue
        if _depends_on_rows(each, loose) and (loose or any(other.span.end <= place.start for other in unsure)):
            continue
        told.append(text.told_of_original(each))
    return told


def _depends_on_rows(found: Diagnostic, loose: bool) -> bool:
    """Whether a name would mean something else inside another ``where``: outside of all, or anywhere when ``loose``."""
    if found.code in ("SEG503", "SEG315", "SEG204"):
        return loose
    bare = "." not in found.source.text[found.span.start : found.span.end]
    return bare and found.code in ("SEG201", "SEG203", "SEG208")


@frozen
class _Repair:
    """What is read instead of a stretch of the original, and whether the mistake itself suggests so."""

    span: Span
    text: str
    suggested: bool


@define
class _Repaired:
    """A text with some stretches replaced, which knows where everything stood before."""

    original_source: Source
    repairs: list[_Repair] = attrs.Factory(list)
    closing: int = 0
    _pieces: Sequence[Piece] = ()

    @property
    def source(self) -> Source:
        """The text as it is read now."""
        if not self.repairs and not self.closing:
            return self.original_source
        parts, end = [], 0
        for each in self.repairs:
            parts += [self.original_source.text[end : each.span.start], each.text]
            end = each.span.end
        parts.append(self.original_source.text[end:])
        if self.closing:
            parts.append("\n" + ")" * self.closing)
        return Source("".join(parts), self.original_source.name)

    def original(self, span: Span) -> Span:
        """The place in the original of a place in the repaired text."""
        return Span(self._offset(span.start, at_end=False), self._offset(span.end, at_end=True))

    def _offset(self, offset: int, at_end: bool) -> int:
        shift = 0
        for each in self.repairs:
            start = each.span.start + shift
            if offset < start + (not at_end and not each.text):
                break
            if offset <= start + len(each.text):
                return each.span.end if at_end else each.span.start
            shift += len(each.text) - (each.span.end - each.span.start)
        return min(offset - shift, len(self.original_source.text))

    def told_of_original(self, found: Diagnostic) -> Diagnostic:
        """The same mistake, about the original text."""
        if found.source is self.original_source:
            return found
        suggestion = found.suggestion
        if suggestion is not None:
            suggestion = Suggestion(suggestion.text, self.original(suggestion.span))
        return attrs.evolve(found, span=self.original(found.span), source=self.original_source, suggestion=suggestion)

    def touching(self, place: Span) -> _Repair | None:
        """The repair that a mistake stands in or right beside, so that it may be one's own."""
        text = self.original_source.text
        for each in self.repairs:
            between = text[place.end : each.span.start] + text[each.span.end : place.start]
            if not between.strip():
                return each
        return None

    def repair(self, found: Diagnostic, place: Span, around: _Repair | None) -> bool:
        """Makes the text readable at a mistake, or a repair larger that was not enough; False when nothing helps."""
        if around is not None:
            return self._grow(around, place)
        if found.code == "SEG108" and found.suggestion is None:
            self.closing += 1
            return True
        if found.suggestion is not None:
            certain = found.code != "SEG110"  # nobody knows how far a where without parentheses goes
            return self._replace(_Repair(found.suggestion.span, found.suggestion.text, suggested=certain))
        return self._replace(self._hole(place))

    def _grow(self, repair: _Repair, place: Span) -> bool:
        """Makes a repair larger: to the whole condition, then to the one that has it in parentheses."""
        self.repairs.remove(repair)
        if self._joins(repair.span):  # the condition before is what cannot be read
            span = self._stretch(Span(repair.span.start, repair.span.start))
        else:
            span = self._stretch(place.to(repair.span))
        if span.start == span.end or (span == repair.span and not repair.suggested):
            wider = self._around(span)
            if wider is None or wider == span:
                return False
            span = wider
        return self._replace(_Repair(span, _ANYTHING, suggested=False))

    def _replace(self, repair: _Repair) -> bool:
        """Takes a repair in, instead of those that it covers."""
        kept = [each for each in self.repairs if not _overlap(each.span, repair.span)]
        self.repairs = sorted([*kept, repair], key=lambda each: each.span)
        return True

    # --- how far a hole goes -----------------------------------------------------------------------

    def _words(self) -> Sequence[Piece]:
        if not self._pieces:
            self._pieces = pieces(self.original_source.text)
        return self._pieces

    def _hole(self, place: Span) -> _Repair:
        """A hole in place of the condition around a place; beside it where what joins conditions is at fault."""
        if self._joins(place):
            words, text = self._words(), self.original_source.text[place.start : place.end].lower()
            behind = words[-1][1] == place.start and text in _JOINERS
            return _Repair(place, f"{text} {_ANYTHING}" if behind else f" {_ANYTHING} {text}", suggested=False)
        return _Repair(self._stretch(place), _ANYTHING, suggested=False)

    def _joins(self, place: Span) -> bool:
        """Whether nothing but a sign that ends a condition stands there."""
        text = self.original_source.text[place.start : place.end].lower()
        return text in _JOINERS or text in (")", ",")

    def _stretch(self, place: Span) -> Span:
        """From one ``and``, ``or``, comma or parenthesis to the next, around a place."""
        words = self._words()
        inside = self._opening(place) is not None
        held = [each for each in words if each[1] < place.end and place.start < each[2]]
        start, end = min([place.start, *(each[1] for each in held)]), max([place.end, *(each[2] for each in held)])
        place, depth = Span(start, end), 0
        before = [each for each in words if each[2] <= place.start]
        for index in range(len(before) - 1, -1, -1):
            word = before[index][0].lower()
            depth += (word == ")") - (word == "(")
            if depth < 0 or (depth == 0 and self._ends(word, inside) and not _of_between(before[: index + 1])):
                break
            start = before[index][1]
        wanted = sum(
            (word.lower() == "between") - (word.lower() == "and") for word, at, to in words if at >= start and to <= end
        )
        depth = 0
        for word, at, to in words:
            if at < place.end:
                continue
            word = word.lower()
            depth += (word == "(") - (word == ")")
            if depth < 0:
                break
            if depth == 0 and self._ends(word, inside):
                if word != "and" or wanted <= 0:
                    break
                wanted -= 1
            wanted += word == "between"
            end = to
        return Span(start, end)

    def _ends(self, word: str, inside: bool) -> bool:
        return word in _JOINERS or (inside and word == ",")

    def _opening(self, place: Span) -> int | None:
        """Where the innermost parenthesis around a place opens."""
        depth = 0
        for word, at, to in reversed(self._words()):
            if to > place.start:
                continue
            depth += (word == ")") - (word == "(")
            if depth < 0:
                return at
        return None

    def _around(self, place: Span) -> Span | None:
        """The condition whose parentheses hold a place; None when there are none."""
        opening = self._opening(place)
        if opening is None:
            return None
        depth = 0
        for word, at, to in self._words():
            if at < opening:
                continue
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return self._stretch(Span(opening, to))
        return self._stretch(Span(opening, len(self.original_source.text)))


def _overlap(one: Span, other: Span) -> bool:
    """Whether two places share something; what is empty is shared by what it stands in or beside."""
    empty = one.start == one.end or other.start == other.end
    return one.start < other.end + empty and other.start < one.end + empty


def _of_between(before: Sequence[Piece]) -> bool:
    """Whether the ``and`` at the end joins the two ends of a ``between``."""
    if before[-1][0].lower() != "and":
        return False
    for word, _, _ in reversed(before[:-1]):
        word = word.lower()
        if word == "between":
            return True
        if word in _JOINERS or word in "(,)":
            return False
    return False
