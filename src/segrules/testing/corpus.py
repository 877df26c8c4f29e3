"""Rules with hand-checked answers, kept as data: parity proves agreement, a corpus pins the truth.

A corpus file is TOML::

    [[case]]
    rule = "order.grand_total > 100"
    at = "2025-07-04T12:00:00+00:00"        # optional
    timezone = "Europe/Rome"                # optional
    website = "base"                        # optional
    parameters = { low = 5 }                # optional
    matches = [{ orders = [{ grand_total = "100.01" }] }]
    misses = [{ orders = [{ grand_total = 100 }] }, {}]

Customers are written as in a condition type's examples.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from segrules.condition import Example
from segrules.rule import parse
from segrules.shop.shop import DefaultShop, Shop
from segrules.testing.filling import whole
from segrules.testing.questions import RuleQuestion, ids_in_memory
from segrules.testing.scene import Scene
from segrules.testing.stage import Stage
from segrules.vocabulary import Vocabulary


class OpensStages(Protocol):
    """The fixture ``stages``."""

    def __call__(self, shop: DefaultShop) -> AbstractContextManager[Sequence[Stage]]:
        """The tables of a shop on every backend."""


@frozen
class Case:
    """A rule, and customers of whom it is known whether they match."""

    rule: str
    matches: Sequence[Mapping[str, Any]]
    misses: Sequence[Mapping[str, Any]]
    at: str = Example("", {}, {}).at
    timezone: str = "UTC"
    website: str | None = None
    parameters: Mapping[str, Any] = {}

    def question(self, shop: DefaultShop) -> RuleQuestion:
        """The rule, ready to be asked of a shop."""
        scene = Scene(shop, datetime.fromisoformat(self.at))
        return RuleQuestion(parse(self.rule, shop), scene, self.parameters, self.website)

    def customers(self, scene: Scene) -> list[dict[str, Any]]:
        """Those who match, then those who do not, numbered from 1 and complete."""
        return whole(scene, [*self.matches, *self.misses])

    def wrong(self, found: frozenset[int]) -> list[str]:
        """What is wrong with an answer, customer by customer."""
        wanted = range(1, len(self.matches) + 1)
        lines = [f"does not match, but should: {self.matches[number - 1]}" for number in wanted if number not in found]
        lines += [
            f"matches, but should not: {data}"
            for number, data in enumerate(self.misses, start=len(self.matches) + 1)
            if number in found
        ]
        return lines


def read_corpus(path: str | Path) -> list[Case]:
    """The cases of a corpus file, or of all ``*.toml`` files of a folder."""
    path = Path(path)
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    return [Case(**case) for file in files for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]]


def run_corpus(path: str | Path, stages: OpensStages | None = None, vocabulary: Vocabulary | None = None) -> int:
    """How many answers of a corpus came out as it says, in memory and with ``stages`` on every backend.

    Raises AssertionError that lists every wrong answer.
    """
    failures: list[str] = []
    checked = 0
    cases = read_corpus(path)
    for timezone in sorted({case.timezone for case in cases}):
        shop = Shop.default(timezone, vocabulary=vocabulary)
        own = [case for case in cases if case.timezone == timezone]
        for label, case, found in _answers(own, shop, stages):
            checked += len(case.matches) + len(case.misses)
            failures += [f"{case.rule} ({label}): {line}" for line in case.wrong(found)]
    assert not failures, "\n".join(failures)
    return checked


def _answers(
    cases: Sequence[Case], shop: DefaultShop, stages: OpensStages | None
) -> Iterator[tuple[str, Case, frozenset[int]]]:
    asked = [(case, case.question(shop)) for case in cases]
    staged = [(case, question, case.customers(question.scene)) for case, question in asked]
    for case, question, customers in staged:
        yield "in memory", case, ids_in_memory(question, customers)
    if stages is not None:
        with stages(shop) as opened:
            for stage in opened:
                for case, question, customers in staged:
                    stage.put(customers)
                    yield f"on {stage.name}", case, stage.ids(question)
