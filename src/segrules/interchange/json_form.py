"""Rules as JSON and back, for programs that show and change rules, such as a visual rule builder.

    {"version": 1, "rule": {"condition": "set", "operand": {"field": "customer.email"}}}

The form mirrors the typed nodes of a rule. Reading it back goes through the language's own reader, so a rule means the
same whichever way it was written, and a mistake is told in the same words, with its place as a JSON pointer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from segrules.errors import JsonMistake, RuleError, RuleJsonError
from segrules.interchange.json_checking import mistakes_of_shape
from segrules.interchange.json_text import Written
from segrules.interchange.json_writing import condition_json
from segrules.language import Limits
from segrules.rule import Rule, parse
from segrules.shop.shop import Shop
from segrules.vocabulary import Vocabulary

VERSION = 1


def to_json(rule: Rule) -> dict[str, Any]:
    """The JSON form of a rule, comments included, as what ``json.dumps`` takes."""
    return {"version": VERSION, "rule": condition_json(rule.condition)}


def from_json(
    document: Mapping[str, Any] | str | bytes,
    shop: Shop | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    limits: Limits | None = None,
) -> Rule:
    """The rule that a JSON form means; RuleJsonError with all its mistakes when it means none.

    ``document`` is JSON text, or what ``json.loads`` makes of it; numbers with a fraction must then be Decimal or text,
    since a float is not exact. Names are those of the shop's vocabulary, as in :func:`segrules.parse`.
    """
    limits = limits or Limits()
    content = _loaded(document, limits) if isinstance(document, str | bytes) else document
    mistakes = mistakes_of_shape(content)
    if mistakes:
        raise RuleJsonError(mistakes)
    written = Written.of(content)
    try:
        return parse(written.text, shop, vocabulary=vocabulary, name="<json>", limits=limits)
    except RuleError as error:
        raise RuleJsonError([written.mistake(each) for each in error.diagnostics]) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of the form (draft 2020-12)."""
    text = files("segrules.interchange").joinpath("rule.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _loaded(text: str | bytes, limits: Limits) -> Any:
    # JSON is wordier than the language: every name is told with what it is.
    if len(text) > 32 * limits.source:
        raise RuleJsonError([JsonMistake("", f"the JSON is longer than {32 * limits.source // 1024} KiB")])

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise RuleJsonError([JsonMistake("", f'an object has the member "{twice}" twice')])
        return found

    try:
        return json.loads(text, object_pairs_hook=once, parse_float=Decimal)
    except RecursionError:
        raise RuleJsonError([JsonMistake("", "the JSON is nested too deep")]) from None
    except ValueError as cause:
        raise RuleJsonError([JsonMistake("", f"this is no JSON: {cause}")]) from None
