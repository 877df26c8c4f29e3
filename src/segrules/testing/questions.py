"""What both interpreters are asked: a rule in its author's words, or a predicate of the algebra."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import attrs
import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.engine import Dialect

from segrules import sql
from segrules.algebra import And, Or, Predicate
from segrules.binding import Binding, bind
from segrules.clock import Clock
from segrules.errors import SegrulesError
from segrules.language import format_condition, nodes
from segrules.memory import compile_predicate
from segrules.rule import Rule, parse
from segrules.shop.columns import exact_text
from segrules.testing.scene import SEGMENTS, Customer, Scene
from segrules.testing.shrinking import reductions

#: The stored members of the segments that a rule may ask about.
MEMBERS = sa.Table(
    "kit_members",
    sa.MetaData(),
    sa.Column("segment", exact_text(20), primary_key=True),
    sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
)


class Question(Protocol):
    """A yes or no about every customer, which memory and a database answer each by themselves."""

    @property
    def scene(self) -> Scene:
        """The shop and the moment."""

    def judge(self) -> Callable[[Customer], bool]:
        """The answer in memory."""

    def statement(self, dialect: Dialect) -> sa.Select[Any]:
        """The answer in SQL."""

    def smaller(self) -> Iterator[Question]:
        """The same with something left out."""

    def described(self) -> list[tuple[str, str]]:
        """What is asked, line by line."""


def ids_in_memory(question: Question, customers: Iterable[Customer]) -> frozenset[int]:
    """The customers that match in memory."""
    matches = question.judge()
    return frozenset(customer["id"] for customer in customers if matches(customer))


@frozen
class RuleQuestion:
    """A rule, and what it is evaluated with."""

    rule: Rule
    scene: Scene
    parameters: Mapping[str, Any] = field(factory=dict)
    website: str | None = None

    @classmethod
    def of(
        cls, node: nodes.Condition, scene: Scene, parameters: Mapping[str, Any], website: str | None = None
    ) -> RuleQuestion:
        """The question that nodes ask, by way of their text. Raises RuleError."""
        rule = parse(format_condition(node), scene.shop)
        return cls(rule, scene, {name: each for name, each in parameters.items() if name in rule.parameters}, website)

    @property
    def _keywords(self) -> dict[str, Any]:
        return {"at": self.scene.at, "parameters": dict(self.parameters), "website": self.website}

    def judge(self) -> Callable[[Customer], bool]:
        """The rule as a predicate."""
        return self.rule.predicate(self.scene.shop, **self._keywords)

    def statement(self, dialect: Dialect) -> sa.Select[Any]:
        """The rule as a statement."""
        segments = {name: sa.select(MEMBERS.c.customer_id).where(MEMBERS.c.segment == name) for name in SEGMENTS}
        return self.rule.select(self.scene.shop, dialect, segments=segments, **self._keywords)

    def smaller(self) -> Iterator[Question]:
        """The rule with a part less, or without its website."""
        if self.website is not None:
            yield attrs.evolve(self, website=None)
        for node in reductions(self.rule.condition):
            try:
                yield self.of(node, self.scene, self.parameters, self.website)
            except SegrulesError:
                continue

    def described(self) -> list[tuple[str, str]]:
        """The rule in its author's words."""
        lines = [("rule", str(self.rule))]
        lines += [("parameters", repr(dict(self.parameters)))] if self.parameters else []
        lines += [("website", self.website)] if self.website else []
        return lines


@frozen
class AlgebraQuestion:
    """A predicate of the algebra with plain constants."""

    predicate: Predicate
    scene: Scene

    @property
    def _bound(self) -> Predicate:
        return bind(self.predicate, Binding(Clock(self.scene.at, self.scene.shop.zone)))

    def judge(self) -> Callable[[Customer], bool]:
        """The predicate as a function."""
        return compile_predicate(self._bound, self.scene.shop.zone)

    def statement(self, dialect: Dialect) -> sa.Select[Any]:
        """The predicate as a statement."""
        return sql.select(self._bound, self.scene.shop.mapping, dialect, self.scene.shop.zone, {})

    def smaller(self) -> Iterator[Question]:
        """The predicate with a part less."""
        if isinstance(self.predicate, And | Or):
            for item in self.predicate.items:
                yield attrs.evolve(self, predicate=item)

    def described(self) -> list[tuple[str, str]]:
        """The predicate as it prints."""
        return [("algebra", repr(self.predicate))]
