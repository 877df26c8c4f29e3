"""What many rules share gives each of them the members that it has alone, on every database."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.algebra import Predicate
from segrules.errors import SegrulesError
from segrules.sql import select
from segrules.sql.keeping import drop, keep
from segrules.sql.shared import share
from segrules.testing.backends import BACKENDS, Backend, fresh_or_skipped
from segrules.testing.choosing import Seeded, happens, one_of
from segrules.testing.customers import Population
from segrules.testing.questions import MEMBERS, RuleQuestion
from segrules.testing.rules import make_rule
from segrules.testing.scene import SEGMENTS, WEBSITES, Scene
from segrules.testing.stage import Stage

SHOP = sr.Shop.default(timezone="Europe/Rome")
STORED = {name: sa.select(MEMBERS.c.customer_id).where(MEMBERS.c.segment == name) for name in SEGMENTS}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh_or_skipped(request.param) as found:
        yield found


def drawn(chooser: Seeded, scene: Scene, many: int) -> Iterator[RuleQuestion]:
    """Rules of all sorts about one shop at one moment."""
    while many:
        made = make_rule(chooser, scene, None, 8)
        website = one_of(chooser, WEBSITES) if happens(chooser, 6) else None
        try:
            yield RuleQuestion.of(made.node, scene, made.parameters, website)
        except SegrulesError:
            continue
        many -= 1


@pytest.mark.parametrize("seed", range(4))
def test_as_each_alone(backend: Backend, seed: int) -> None:
    stage = Stage(backend, SHOP)
    try:
        met = 0
        for number in range(2):
            chooser = Seeded(f"shared {seed}/{number}")
            scene = Scene.drawn(chooser, SHOP)
            stage.put(Population.drawn(chooser, scene, 12).customers)
            met += _agree(stage, chooser, list(drawn(chooser, scene, 25)))
        assert met > 10
    finally:
        stage.close()


def _agree(stage: Stage, chooser: Seeded, questions: list[RuleQuestion]) -> int:
    """How many of the rules had something to share, and were found to agree."""
    connection, dialect, zone = stage.connection, stage.engine.dialect, SHOP.zone
    bound: dict[Hashable, Predicate] = {}
    alone: dict[Hashable, sa.Select[tuple[int]]] = {}
    for number, each in enumerate(questions):
        predicate = each.rule.bound(SHOP, **each._keywords)
        try:
            alone[number] = select(predicate, SHOP.mapping, dialect, zone, STORED)
        except SegrulesError:
            continue
        bound[number] = predicate
    some = [1, 3, 4, 8] if happens(chooser, 3) else None
    found = share(bound, SHOP.mapping, dialect, zone, some, enough=one_of(chooser, (1, 1, 2)))
    if found is None:
        return 0
    keep(connection, found.table, found.filling)
    try:
        for key, predicate in bound.items():
            if key in found:
                expected = {row[0] for row in connection.execute(alone[key])}
                expected = expected if some is None else expected & set(some)
                statement = found.select(key, STORED)
                members = [row[0] for row in connection.execute(statement)]
                assert len(members) == len(set(members))
                assert set(members) == expected, f"{predicate}\n{statement}\n{found.filling}"
    finally:
        connection.rollback()
        drop(connection, found.table)
        connection.commit()
    return sum(each in found for each in bound)
