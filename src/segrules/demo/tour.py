"""The demonstration's rules over its shop: how many each finds, how fast, and whether memory agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING

from attrs import frozen

from segrules.customer import Customer
from segrules.demo.generator import DemoShop
from segrules.demo.rules import RULES, DemoRule
from segrules.rule import Rule, parse
from segrules.shop import Shop

if TYPE_CHECKING:
    import sqlalchemy as sa


@frozen
class Outcome:
    """What one rule came to: its members, the time its statement took, and the customers judged in memory too.

    ``disagreed`` holds the ids of those of whom the database and memory say different things. ``example`` is the id
    of a member, when there is one.
    """

    rule: DemoRule
    members: int
    seconds: float
    example: int | None
    checked: int
    disagreed: Sequence[int]

    @property
    def agreed(self) -> int:
        """Of how many customers database and memory say the same."""
        return self.checked - len(self.disagreed)


def parsed_rules(shop: Shop) -> Mapping[str, Rule]:
    """The demonstration's rules by name, in their order."""
    return {each.name: parse(each.text, shop, name=each.name) for each in RULES}


def outcomes(engine: sa.Engine, shop: Shop, demo: DemoShop, *, sample: int = 50) -> Iterator[Outcome]:
    """Each rule in turn: counted by the database, then asked of some customers in memory.

    ``sample`` says how many: half of them members, where there are enough.
    """
    rules = parsed_rules(shop)
    with engine.connect() as connection:
        for each in RULES:
            yield _outcome(connection, shop, demo, each, rules, sample)


def _outcome(
    connection: sa.Connection, shop: Shop, demo: DemoShop, each: DemoRule, rules: Mapping[str, Rule], sample: int
) -> Outcome:
    rule = rules[each.name]
    segments = {name: rules[name] for name in rule.segments}
    start = perf_counter()
    count = rule.count(connection, shop, at=demo.at, website=each.website, segments=segments)
    seconds = perf_counter() - start
    statement = rule.select(shop, connection.dialect, at=demo.at, website=each.website, segments=segments)
    members = set(connection.execute(statement).scalars())
    assert len(members) == count, f"{each.name}: counted {count}, selected {len(members)}"
    asked = _sample(members, demo, sample)
    matches = rule.predicate(shop, at=demo.at, website=each.website, segments=segments)
    needed = [rule, *segments.values()]
    customers = Customer.load_many(connection, shop, asked, needs=needed)
    said = {customer["id"]: matches(customer) for customer in customers}
    disagreed = [number for number in asked if said[number] != (number in members)]
    return Outcome(each, count, seconds, min(members, default=None), len(asked), disagreed)


def _sample(members: set[int], demo: DemoShop, size: int) -> list[int]:
    """Ids of customers, the same at every run: half of them members where there are enough."""
    draw = Random(demo.seed).sample
    inside = draw(sorted(members), min(size // 2, len(members)))
    everyone = range(1, demo.customers + 1)
    outside = [each for each in draw(everyone, min(demo.customers, 4 * size)) if each not in members]
    return sorted([*inside, *outside[: size - len(inside)]])
