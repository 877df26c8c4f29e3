"""Laws that hold for every rule, whatever it says: they need no second interpreter."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from segrules import conditions, parse
from segrules.language import format_condition, nodes
from segrules.shop import Shop
from segrules.testing import Population, Scene, Seeded, Stage, customers, fresh, rules
from segrules.testing.questions import RuleQuestion, ids_in_memory
from segrules.testing.rules import make_rule
from segrules.vocabulary import Vocabulary

SHOP = Shop.default("Europe/Rome", vocabulary=Vocabulary.of(*conditions.segrules_condition_types()))
SCENE = Scene(SHOP, datetime(2025, 3, 30, 0, 30, tzinfo=UTC))
POPULATION = Population.drawn(Seeded("laws"), SCENE, 80).customers
ACTIVE = frozenset(each["id"] for each in POPULATION if each["is_active"])

GENTLE = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with fresh("sqlite") as backend:
        opened = Stage(backend, SHOP)
        opened.put(POPULATION)
        yield opened
        opened.close()


def question(node: nodes.Condition, parameters: Any) -> RuleQuestion:
    return RuleQuestion.of(node, SCENE, parameters)


def pairs(seed: str, count: int = 40) -> Iterator[tuple[Any, Any]]:
    chooser = Seeded(seed)
    for _ in range(count):
        left, right = make_rule(chooser, SCENE, size=6), make_rule(chooser, SCENE, size=6)
        renamed = {f"q{name}": value for name, value in right.parameters.items()}
        yield (left.node, left.parameters), (_renamed(right.node), renamed)


def _renamed(node: Any) -> Any:
    """The same with each parameter under another name, so that two rules can be joined."""
    if isinstance(node, nodes.Parameter):
        return attrs.evolve(node, name=f"q{node.name}")
    changed = {}
    for attribute in attrs.fields(type(node)):
        value = getattr(node, attribute.name)
        if isinstance(value, nodes.Node):
            changed[attribute.name] = _renamed(value)
        elif isinstance(value, tuple):
            changed[attribute.name] = tuple(_renamed(each) if isinstance(each, nodes.Node) else each for each in value)
    return attrs.evolve(node, **changed)


@pytest.mark.parametrize("where", ["memory", "database"])
def test_complement_and_de_morgan(where: str, stage: Stage) -> None:
    """``not a`` is everybody else, ``a and not a`` nobody, and ``not (a and b)`` is ``not a or not b``."""

    def ids(node: nodes.Condition, parameters: Any) -> frozenset[int]:
        asked = question(node, parameters)
        return ids_in_memory(asked, POPULATION) if where == "memory" else stage.ids(asked)

    def group(kind: nodes.GroupKind, *items: nodes.Condition) -> nodes.Condition:
        return nodes.Group(kind, items)

    for (a, of_a), (b, of_b) in pairs(where):
        both = {**of_a, **of_b}
        not_a, not_b = nodes.Not(a), nodes.Not(b)
        in_a, in_b = ids(a, of_a), ids(b, of_b)
        assert ids(not_a, of_a) == ACTIVE - in_a, format_condition(a)
        assert ids(group(nodes.GroupKind.ALL, a, not_a), of_a) == frozenset(), format_condition(a)
        assert ids(group(nodes.GroupKind.ALL, a, b), both) == in_a & in_b
        assert ids(group(nodes.GroupKind.ANY, a, b), both) == in_a | in_b
        assert ids(nodes.Not(group(nodes.GroupKind.ALL, a, b)), both) == ids(
            group(nodes.GroupKind.ANY, not_a, not_b), both
        )
        assert ids(group(nodes.GroupKind.NONE, a, b), both) == ACTIVE - in_a - in_b


@GENTLE
@given(made=rules(SCENE), customer=customers(SCENE))
def test_the_canonical_text_means_the_same(made: Any, customer: Any) -> None:
    """What ``format`` prints reads back as the same rule with the same answer, and prints the same again."""
    text = format_condition(made.node)
    rule = parse(text, SHOP)
    assert rule.condition == made.node
    assert str(rule) == text
    again = parse(str(rule), SHOP)
    keywords = {"at": SCENE.at, "parameters": {name: made.parameters[name] for name in rule.parameters}}
    assert rule.predicate(SHOP, **keywords)(customer) == again.predicate(SHOP, **keywords)(customer)


@GENTLE
@given(customer=customers(SCENE))
def test_a_customer_comes_back_from_the_database(customer: Any, stage: Stage) -> None:
    """Written into the tables and loaded again, a customer gets the same answers."""
    from segrules import Customer

    stage.put([customer])
    loaded = Customer.load(stage.connection, SHOP, customer["id"])
    chooser = Seeded("loaded")
    for _ in range(15):
        made = make_rule(chooser, SCENE)
        if any(isinstance(each, nodes.InSegment) for each in nodes.walk(made.node)):
            continue
        matches = question(made.node, made.parameters).judge()
        assert matches(loaded) == matches(customer), format_condition(made.node)
    stage.put(POPULATION)
