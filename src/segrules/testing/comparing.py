"""Parity itself: one rule over one population, in memory and on every backend, and what to say when they disagree.

A **case** is one generated rule evaluated over one whole population of generated customers on one backend, and
compared with memory, customer by customer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pprint import pformat
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import define, field, frozen

from segrules.errors import BackendError, SegrulesError
from segrules.language import format_condition, nodes
from segrules.rule import Rule, parse
from segrules.shop.shop import Shop
from segrules.testing.backends import Backend
from segrules.testing.choosing import Seeded, happens, one_of
from segrules.testing.coverage import Coverage, missing_fields, references
from segrules.testing.customers import Population
from segrules.testing.rules import Generated, make_rule
from segrules.testing.scene import SEGMENTS, WEBSITES, Customer, Scene
from segrules.testing.shrinking import smaller_customer, smaller_rule
from segrules.testing.writing import clear, insert


@frozen
class Setting:
    """What a rule is evaluated with: the scene, the values of its parameters, a website."""

    scene: Scene
    parameters: Mapping[str, Any] = field(factory=dict)
    website: str | None = None

    def keywords(self, members: sa.Table | None = None) -> dict[str, Any]:
        """The arguments of an evaluation; with ``members``, of one that reads stored memberships."""
        found: dict[str, Any] = {"at": self.scene.at, "parameters": dict(self.parameters), "website": self.website}
        if members is not None:
            found["segments"] = {
                name: sa.select(members.c.customer_id).where(members.c.segment == name) for name in SEGMENTS
            }
        return found


@frozen
class Mismatch:
    """A rule about which a backend and memory disagree, as small as it could be made."""

    rule: str
    setting: Setting
    customers: Sequence[Customer]
    backend: str
    memory: Any
    database: Any
    statement: str
    origin: str

    def __str__(self) -> str:
        shown = self.customers[0] if len(self.customers) == 1 else f"{len(self.customers)} customers"
        lines = [
            f"memory and {self.backend} disagree ({self.origin})",
            f"  rule:       {self.rule}",
            f"  at:         {self.setting.scene.at.isoformat()} in {self.setting.scene.shop.zone.key}",
        ]
        lines += [f"  parameters: {dict(self.setting.parameters)!r}"] if self.setting.parameters else []
        lines += [f"  website:    {self.setting.website}"] if self.setting.website else []
        lines += [
            f"  customer:   {pformat(_plainest(shown), width=110, sort_dicts=False)}",
            f"  in memory:  {self.memory}",
            f"  in SQL:     {self.database}",
            f"  statement:  {self.statement}",
        ]
        return "\n".join(lines)


class Stage:
    """One backend with the tables of a shop, on which one population after another lies."""

    def __init__(self, backend: Backend, shop: Shop, create: Callable[[sa.Engine], None]) -> None:
        self.backend = backend
        self.shop = shop
        self.members = sa.Table(
            "kit_members",
            sa.MetaData(),
            sa.Column("segment", sa.String(20), primary_key=True),
            sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
        )
        create(backend.engine)
        self.members.metadata.create_all(backend.engine)
        self.connection = backend.engine.connect()

    def close(self) -> None:
        """Lets the connection go."""
        self.connection.close()

    def put(self, customers: Sequence[Customer]) -> None:
        """Exactly these customers lie in the database."""
        connection = self.connection
        connection.execute(sa.delete(self.members))
        clear(connection, self.shop)
        insert(connection, self.shop, customers)
        members = [
            {"segment": name, "customer_id": customer["id"]}
            for customer in customers
            for name in customer.get("segments", ())
        ]
        if members:
            connection.execute(sa.insert(self.members), members)
        connection.commit()

    def ids(self, rule: Rule, setting: Setting) -> frozenset[int]:
        """The customers that the database says match."""
        statement = self.statement(rule, setting)
        try:
            return frozenset(row[0] for row in self.connection.execute(statement))
        finally:
            self.connection.rollback()

    def statement(self, rule: Rule, setting: Setting) -> sa.Select[Any]:
        """The statement for a rule."""
        return rule.select(setting.scene.shop, self.backend.engine.dialect, **setting.keywords(self.members))

    def explained(self, rule: Rule, setting: Setting) -> str:
        """The statement as text, for a message."""
        try:
            compiled = self.statement(rule, setting).compile(self.backend.engine)
            return f"{compiled}\n  with        {compiled.params}"
        except Exception as cause:
            return f"none: {cause}"


def memory_ids(rule: Rule, setting: Setting, customers: Iterable[Customer]) -> frozenset[int]:
    """The customers that match in memory."""
    matches = rule.predicate(setting.scene.shop, **setting.keywords())
    return frozenset(customer["id"] for customer in customers if matches(customer))


@define
class Run:
    """A run of so many cases from one seed; :meth:`go` leaves its findings in the attributes."""

    shop: Shop
    stages: Sequence[Stage]
    seed: int | str = 0
    population: int = 60
    rules_each: int = 150
    about: Sequence[tuple[str, str]] = ()
    most_mismatches: int = 1
    cases: Counter[str] = field(factory=Counter, init=False)
    refused: Counter[str] = field(factory=Counter, init=False)
    invalid: list[str] = field(factory=list, init=False)
    rules: int = field(default=0, init=False)
    telling: int = field(default=0, init=False)
    coverage: Coverage = field(factory=Coverage, init=False)
    mismatches: list[Mismatch] = field(factory=list, init=False)
    seconds: float = field(default=0.0, init=False)

    def go(self, cases: int) -> Run:
        """Compares until so many cases are done, or a mismatch is found."""
        started = time.perf_counter()
        round_ = 0
        while sum(self.cases.values()) < cases and len(self.mismatches) < self.most_mismatches:
            self.round(f"{self.seed}/{round_}", cases)
            round_ += 1
        self.seconds = time.perf_counter() - started
        return self

    def round(self, seed: str, cases: int) -> None:
        """One population and the rules about it."""
        chooser = Seeded(seed)
        scene = Scene.drawn(chooser, self.shop)
        population = Population.drawn(chooser, scene, self.population)
        missing = missing_fields(population)
        for stage in self.stages:
            stage.put(population.customers)
        for number in range(self.rules_each):
            about = self.about[(self.rules + len(self.invalid)) % len(self.about)] if self.about else None
            made = make_rule(chooser, scene, about)
            website = one_of(chooser, WEBSITES) if happens(chooser, 6) else None
            self.compare(made, Setting(scene, made.parameters, website), population, missing, f"seed {seed}, rule {number}")
            if sum(self.cases.values()) >= cases or len(self.mismatches) >= self.most_mismatches:
                return

    def compare(
        self,
        made: Generated,
        setting: Setting,
        population: Population,
        missing: frozenset[tuple[str, str]],
        origin: str,
    ) -> None:
        """One rule over one population on every stage."""
        text = format_condition(made.node)
        try:
            rule = parse(text, self.shop)
        except SegrulesError as refusal:
            self.invalid.append(f"{origin}: {text}\n{refusal}")
            return
        self.rules += 1
        expected = _answer(lambda: memory_ids(rule, setting, population.customers))
        for stage in self.stages:
            found = _answer(lambda: stage.ids(rule, setting))
            if isinstance(found, BackendError):
                self.refused[stage.backend.name] += 1
                continue
            self.cases[stage.backend.name] += 1
            if found != expected:
                self.mismatches.append(shrink(stage, rule, setting, population.customers, origin))
                stage.put(population.customers)
        if isinstance(expected, frozenset):
            self.telling += 0 < len(expected) < len(population.customers)
        self.coverage.count(made.node, setting.scene, missing)
        self.coverage.seen.update(references(made.node))

    def report(self) -> str:
        """What was done, in a few lines."""
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.cases.items()))
        lines = [
            f"seed {self.seed}: {self.rules} rules over populations of {self.population} customers in {self.seconds:.0f} s",
            f"cases: {done}; refused: {dict(self.refused) or 'none'}; not valid: {len(self.invalid)}",
            f"rules that told some customers from others: {self.telling}",
        ]
        return "\n".join(lines)


def _answer(ask: Callable[[], frozenset[int]]) -> Any:
    """The answer, or the error that came instead; two refusals of one rule agree."""
    try:
        return ask()
    except BackendError as refusal:
        return refusal
    except SegrulesError as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    except Exception as failure:
        return f"{type(failure).__name__}: {str(failure)[:2000]}"


def shrink(stage: Stage, rule: Rule, setting: Setting, customers: Sequence[Customer], origin: str) -> Mismatch:
    """The mismatch with a small rule and, where one customer shows it, a single plain customer."""

    def differs(rule: Rule, setting: Setting, customers: Sequence[Customer]) -> bool:
        expected = _answer(lambda: memory_ids(rule, setting, customers))
        found = _answer(lambda: stage.ids(rule, setting))
        return not isinstance(found, BackendError) and found != expected

    def rule_differs(node: nodes.Condition) -> bool:
        try:
            return differs(*_again(node, setting), customers)
        except SegrulesError:
            return False

    expected = _answer(lambda: memory_ids(rule, setting, customers))
    found = _answer(lambda: stage.ids(rule, setting))
    if isinstance(expected, frozenset) and isinstance(found, frozenset):
        for number in sorted(expected ^ found)[:5]:
            alone = [each for each in customers if each["id"] == number]
            stage.put(alone)
            if differs(rule, setting, alone):
                customers = alone
                break
        else:
            stage.put(customers)
    if setting.website is not None and differs(rule, attrs.evolve(setting, website=None), customers):
        setting = attrs.evolve(setting, website=None)
    for _ in range(2):
        rule, setting = _again(smaller_rule(rule.condition, rule_differs), setting)
        if len(customers) == 1:

            def customer_differs(customer: Customer) -> bool:
                stage.put([customer])
                return differs(rule, setting, [customer])

            entities = setting.scene.shapes.entities

            def optional(path: str, name: str) -> bool:
                known = entities[path].fields.get(name) if path in entities else None
                return known is not None and not known.required

            customers = [smaller_customer(customers[0], customer_differs, optional)]
            stage.put(customers)
    return Mismatch(
        str(rule),
        setting,
        customers,
        stage.backend.name,
        _shown(_answer(lambda: memory_ids(rule, setting, customers)), customers),
        _shown(_answer(lambda: stage.ids(rule, setting)), customers),
        stage.explained(rule, setting),
        origin,
    )


def _again(node: nodes.Condition, setting: Setting) -> tuple[Rule, Setting]:
    """A rule from nodes by way of its text, and the setting with the parameters that it still has."""
    rule = parse(format_condition(node), setting.scene.shop)
    kept = {name: value for name, value in setting.parameters.items() if name in rule.parameters}
    return rule, attrs.evolve(setting, parameters=kept)


def _shown(answer: Any, customers: Sequence[Customer]) -> Any:
    if not isinstance(answer, frozenset):
        return answer
    if len(customers) == 1:
        return "matches" if answer else "does not match"
    return sorted(answer)


def _plainest(value: Any) -> Any:
    """Data without what is missing or empty."""
    if isinstance(value, dict):
        return {name: _plainest(each) for name, each in value.items() if each is not None and each != []}
    return [_plainest(each) for each in value] if isinstance(value, list) else value
