"""The language: text to typed nodes and back.

``parse`` reads a rule, ``format_condition`` prints its one canonical form, ``lint`` tells what is allowed but
hardly meant. The grammar itself is ``grammar/segrules.lark``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType

from attrs import field, frozen

from segrules.errors import Diagnostic, RuleError, Source
from segrules.language import nodes
from segrules.language.comments import with_comments
from segrules.language.limits import Limits
from segrules.language.lint import lint
from segrules.language.printer import format_condition, format_operand
from segrules.language.reading import comments, read
from segrules.language.report import EnoughError
from segrules.language.resolver import Resolver
from segrules.language.values import Expected
from segrules.vocabulary import Vocabulary

DEFAULT = Limits()

#: From so many characters on, reading makes enough objects for the garbage collector to wake up often.
LONG = 4_096


@frozen
class Parsed:
    """A rule that was read: its condition, what its parameters must be, its text, and what reading noticed."""

    condition: nodes.Condition
    parameters: Mapping[str, Expected]
    source: Source = field(eq=False)
    findings: tuple[Diagnostic, ...] = field(default=(), eq=False, repr=False)


def parse(text: str, vocabulary: Vocabulary, *, name: str = "<rule>", limits: Limits = DEFAULT) -> Parsed:
    """The typed nodes of a rule; raises RuleError that carries every mistake in it, TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"a rule is text (str), not {type(text).__name__}: {text!r:.60}")
    source = Source(text, name)
    with _no_collection(len(text) > LONG):
        try:
            form = read(source, limits)
        except RuleError:
            raise _all_mistakes(source, vocabulary, limits) from None
        resolver = Resolver(source, vocabulary, limits)
        condition = None
        with suppress(EnoughError):
            condition = resolver.condition(form)
    if condition is None or resolver.report.diagnostics:
        raise _all_mistakes(source, vocabulary, limits)
    condition = with_comments(condition, source, comments(source))
    return Parsed(condition, MappingProxyType(resolver.parameters), source, tuple(resolver.findings.diagnostics))


def _all_mistakes(source: Source, vocabulary: Vocabulary, limits: Limits) -> RuleError:
    from segrules.language.recovering import mistakes

    return RuleError(mistakes(source, vocabulary, limits))


@contextmanager
def _no_collection(long: bool) -> Iterator[None]:
    """Keeps the collector from going through all the memory again and again: what is made here stays."""
    if not (long and gc.isenabled()):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


__all__ = ["Expected", "Limits", "Parsed", "format_condition", "format_operand", "lint", "parse"]
