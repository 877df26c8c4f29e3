"""What is allowed but hardly meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segrules.clock import Clock
from segrules.errors import Diagnostic
from segrules.vocabulary import Vocabulary

if TYPE_CHECKING:
    from segrules.language import Parsed


def lint(parsed: Parsed, vocabulary: Vocabulary, clock: Clock | None = None) -> list[Diagnostic]:
    """The warnings about a rule, in the order of its text."""
    return sorted(parsed.findings, key=lambda each: each.span)
