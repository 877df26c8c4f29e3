"""The language: text to typed nodes and back.

``parse`` reads a rule, ``format_condition`` prints its one canonical form, ``lint`` tells what is allowed but
hardly meant. The grammar itself is ``grammar/segrules.lark``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
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


@frozen
class Parsed:
    """A rule that was read: its condition, what its parameters must be, its text, and what reading noticed."""

    condition: nodes.Condition
    parameters: Mapping[str, Expected]
    source: Source = field(eq=False)
    findings: tuple[Diagnostic, ...] = field(default=(), eq=False, repr=False)


def parse(text: str, vocabulary: Vocabulary, *, name: str = "<rule>", limits: Limits = DEFAULT) -> Parsed:
    """The typed nodes of a rule; raises RuleError that carries every mistake in it."""
    source = Source(text, name)
    form = read(source, limits)
    resolver = Resolver(source, vocabulary, limits)
    condition = None
    with suppress(EnoughError):
        condition = resolver.condition(form)
    if condition is None or resolver.report.diagnostics:
        raise RuleError(sorted(resolver.report.diagnostics, key=lambda each: each.span))
    condition = with_comments(condition, source, comments(source))
    return Parsed(condition, MappingProxyType(resolver.parameters), source, tuple(resolver.findings.diagnostics))


__all__ = ["Expected", "Limits", "Parsed", "format_condition", "format_operand", "lint", "parse"]
