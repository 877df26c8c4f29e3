"""Parity itself: one question about one population, in memory and on every backend, and what to say when they disagree.

A **case** is one generated question asked about one whole population of generated customers on one backend, and
compared with memory, customer by customer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pprint import pformat
from typing import Any

from attrs import define, field, frozen

from segrules.errors import BackendError, SegrulesError
from segrules.shop.shop import DefaultShop
from segrules.testing.choosing import Chooser, Seeded, happens, one_of
from segrules.testing.coverage import Coverage, missing_fields, references
from segrules.testing.customers import Population
from segrules.testing.questions import AlgebraQuestion, Question, RuleQuestion, ids_in_memory
from segrules.testing.rules import make_rule
from segrules.testing.scene import WEBSITES, Customer, Scene
from segrules.testing.shrinking import smaller_customer
from segrules.testing.stage import Stage
from segrules.testing.terms import make_predicate


@frozen
class Mismatch:
    """A question about which a backend and memory disagree, as small as it could be made."""

    question: Question
    customers: Sequence[Customer]
    backend: str
    memory: Any
    database: Any
    statement: str
    origin: str

    def __str__(self) -> str:
        scene = self.question.scene
        shown: Any = self.customers[0] if len(self.customers) == 1 else list(self.customers[:3])
        lines = [
            *self.question.described(),
            ("at", f"{scene.at.isoformat()} in {scene.shop.zone.key}"),
            ("customer", pformat(_plainest(shown), width=110, sort_dicts=False)),
            ("in memory", _shown(self.memory, self.customers)),
            (f"on {self.backend}", _shown(self.database, self.customers)),
            ("statement", self.statement),
        ]
        rows = [f"memory and {self.backend} disagree ({self.origin})"]
        rows += [f"  {label + ':':<12}{text.replace(chr(10), chr(10) + ' ' * 14)}" for label, text in lines]
        return "\n".join(rows)


@define
class Run:
    """So many cases from one seed; :meth:`go` leaves its findings in the attributes.

    ``about``: relations and fields of which each rule must mention one, in turn. ``algebra``: ask random predicates
    of the algebra instead of rules.
    """

    shop: DefaultShop
    stages: Sequence[Stage]
    seed: int | str = 0
    population: int = 60
    questions_each: int = 150
    about: Sequence[tuple[str, str]] = ()
    algebra: bool = False
    most_mismatches: int = 1
    shrinks: bool = True
    cases: Counter[str] = field(factory=Counter, init=False)
    refused: Counter[str] = field(factory=Counter, init=False)
    invalid: list[str] = field(factory=list, init=False)
    questions: int = field(default=0, init=False)
    telling: int = field(default=0, init=False)
    coverage: Coverage = field(factory=Coverage, init=False)
    mismatches: list[Mismatch] = field(factory=list, init=False)
    seconds: float = field(default=0.0, init=False)

    def go(self, cases: int, seconds: float | None = None) -> Run:
        """Compares until so many cases are done on the backends together, or enough mismatches are found.

        ``seconds``: begins no new population after so long.
        """
        started = time.perf_counter()
        number = 0
        while not self.is_over(cases) and (seconds is None or self.seconds < seconds):
            self.round(f"{self.seed}/{number}", cases)
            number += 1
            self.seconds = time.perf_counter() - started
        return self

    def is_over(self, cases: int) -> bool:
        """Whether there is nothing more to do."""
        tried = self.questions + len(self.invalid)
        return (
            sum(self.cases.values()) >= cases
            or len(self.mismatches) >= self.most_mismatches
            or tried * max(1, len(self.stages)) > 5 * cases + 500
        )

    def round(self, seed: str, cases: int) -> None:
        """One population and the questions about it."""
        chooser = Seeded(seed)
        scene = Scene.drawn(chooser, self.shop)
        population = Population.drawn(chooser, scene, self.population)
        missing = missing_fields(population)
        for stage in self.stages:
            stage.put(population.customers)
        for number in range(self.questions_each):
            question = self.ask(chooser, scene, missing, f"seed {seed}, question {number}")
            if question is not None:
                self.compare(question, population.customers, f"seed {seed}, question {number}")
            if self.is_over(cases):
                return

    def ask(self, chooser: Chooser, scene: Scene, missing: frozenset[tuple[str, str]], origin: str) -> Question | None:
        """A new question; None when what was made up is no valid rule."""
        if self.algebra:
            return AlgebraQuestion(make_predicate(chooser, scene), scene)
        turn = self.questions + len(self.invalid)
        made = make_rule(chooser, scene, self.about[turn % len(self.about)] if self.about else None)
        website = one_of(chooser, WEBSITES) if happens(chooser, 6) else None
        try:
            question = RuleQuestion.of(made.node, scene, made.parameters, website)
        except SegrulesError as refusal:
            self.invalid.append(f"{origin}: {refusal}")
            return None
        self.coverage.count(made.node, scene, missing)
        self.coverage.seen.update(references(made.node))
        return question

    def compare(self, question: Question, customers: Sequence[Customer], origin: str) -> None:
        """One question about one population on every stage."""
        self.questions += 1
        expected = _answer(lambda: ids_in_memory(question, customers))
        if isinstance(expected, frozenset):
            self.telling += 0 < len(expected) < len(customers)
        for stage in self.stages:
            found = _answer(lambda stage=stage: stage.ids(question))  # type: ignore[misc]
            if isinstance(found, BackendError):
                self.refused[stage.name] += 1
                continue
            self.cases[stage.name] += 1
            if found != expected:
                shown = shrink if self.shrinks else _as_it_is
                self.mismatches.append(shown(stage, question, customers, origin))
                stage.put(customers)

    def report(self) -> str:
        """What was done, in a few lines."""
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.cases.items()))
        return (
            f"seed {self.seed}: {self.questions} questions about populations of {self.population} "
            f"in {self.seconds:.0f} s; "
            f"cases: {done or 'none'}; refused: {dict(self.refused) or 'none'}; not valid: {len(self.invalid)}; "
            f"told customers apart: {self.telling}"
        )


def _answer(ask: Callable[[], frozenset[int]]) -> Any:
    """The answer, or what was said instead. Only BackendError is an answer that a backend may give by itself."""
    try:
        return ask()
    except BackendError as refusal:
        return refusal
    except SegrulesError as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    except Exception as failure:
        return f"{type(failure).__name__}: {str(failure)[:2000]}"


def shrink(stage: Stage, question: Question, customers: Sequence[Customer], origin: str) -> Mismatch:
    """The mismatch with a small question and, where one customer shows it, a single plain one."""

    def differs(question: Question, customers: Sequence[Customer]) -> bool:
        expected = _answer(lambda: ids_in_memory(question, customers))
        found = _answer(lambda: stage.ids(question))
        return not isinstance(found, BackendError) and found != expected

    customers = _one_that_differs(stage, question, customers, differs)
    question = _smallest(question, customers, differs)
    if len(customers) == 1:
        customers = [_plain(stage, question, customers[0], differs)]
        stage.put(customers)
        question = _smallest(question, customers, differs)
    return _as_it_is(stage, question, customers, origin)


def _as_it_is(stage: Stage, question: Question, customers: Sequence[Customer], origin: str) -> Mismatch:
    return Mismatch(
        question,
        customers,
        stage.name,
        _answer(lambda: ids_in_memory(question, customers)),
        _answer(lambda: stage.ids(question)),
        stage.explained(question),
        origin,
    )


_Differs = Callable[[Question, Sequence[Customer]], bool]


def _one_that_differs(
    stage: Stage, question: Question, customers: Sequence[Customer], differs: _Differs
) -> Sequence[Customer]:
    """The first half that still differs, over and over: one customer in the end, unless it takes several."""
    while len(customers) > 1:
        middle = len(customers) // 2
        for half in (customers[:middle], customers[middle:]):
            stage.put(half)
            if differs(question, half):
                customers = half
                break
        else:
            stage.put(customers)
            return customers
    return customers


def _smallest(question: Question, customers: Sequence[Customer], differs: _Differs, most: int = 300) -> Question:
    found = True
    while found:
        found = False
        for smaller in question.smaller():
            most -= 1
            if most < 0:
                return question
            if differs(smaller, customers):
                question, found = smaller, True
                break
    return question


def _plain(stage: Stage, question: Question, customer: Customer, differs: _Differs) -> Customer:
    entities = question.scene.shapes.entities

    def customer_differs(customer: Customer) -> bool:
        stage.put([customer])
        return differs(question, [customer])

    def optional(path: str, name: str) -> bool:
        known = entities[path].fields.get(name) if path in entities else None
        return known is not None and not known.required

    return smaller_customer(customer, customer_differs, optional)


def _shown(answer: Any, customers: Sequence[Customer]) -> str:
    if not isinstance(answer, frozenset):
        return str(answer)
    if len(customers) == 1:
        return "matches" if answer else "does not match"
    return f"{sorted(answer)} match"


def _plainest(value: Any) -> Any:
    """Data without what is missing or empty."""
    if isinstance(value, dict):
        return {name: _plainest(each) for name, each in value.items() if each is not None and each != []}
    return [_plainest(each) for each in value] if isinstance(value, list) else value
