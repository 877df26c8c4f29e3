"""A statement that serves again at another moment is the one that would be written for that moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.algebra import CUSTOMER, Compare, Const, Field, Kind, Op, Predicate
from segrules.errors import SegrulesError
from segrules.segments.remembering import Questions
from segrules.sql import select
from segrules.sql.engines import ENGINES
from segrules.sql.normal import normalised
from segrules.sql.reuse import Slots, marked, shape
from segrules.sql.shared import share
from segrules.sql.statements import dialect_of
from segrules.testing.choosing import Seeded
from segrules.testing.questions import RuleQuestion
from segrules.testing.rules import make_rule
from segrules.testing.scene import Scene

SHOP = sr.Shop.default(timezone="Europe/Rome")
LATER = [timedelta(**{unit: many}) for unit, many in (("seconds", 1), ("hours", 7), ("days", 1), ("days", 95))]


def drawn(chooser: Seeded, scene: Scene, many: int) -> Iterator[RuleQuestion]:
    while many:
        made = make_rule(chooser, scene, None, 8)
        try:
            yield RuleQuestion.of(made.node, scene, made.parameters)
        except SegrulesError:
            continue
        many -= 1


def asked(questions: list[RuleQuestion], at: datetime, dialect: sa.Dialect) -> dict[Hashable, Predicate]:
    found: dict[Hashable, Predicate] = {}
    for number, each in enumerate(questions):
        predicate = normalised(each.rule.bound(SHOP, **{**each._keywords, "at": at}))
        try:
            select(predicate, SHOP.mapping, dialect, SHOP.zone)
        except SegrulesError:
            continue
        found[number] = predicate
    return found


def made(said: dict[Hashable, Predicate], slots: Slots, dialect: sa.Dialect) -> Questions:
    def alone(predicate: Predicate, members: Any) -> sa.Select[Any]:
        return select(predicate, SHOP.mapping, dialect, SHOP.zone, members)

    shared = share(said, SHOP.mapping, dialect, SHOP.zone, enough=2)
    return Questions(shared, slots, said, alone)


def written(statement: sa.Select[Any], dialect: sa.Dialect) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=dialect)
    values = dict(compiled.params)
    for value in values.values():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            assert type(each).__module__ != "segrules.sql.reuse", "no driver knows such a moment"
    return str(compiled), values


@pytest.mark.parametrize("engine", list(ENGINES))
def test_as_written_anew(engine: str) -> None:
    dialect = dialect_of(engine)
    seen: Counter[str] = Counter()
    for seed in range(3):
        chooser = Seeded(f"reuse {seed}")
        scene = Scene.drawn(chooser, SHOP)
        timely = [each for each in drawn(chooser, scene, 25) if any(shape(asked([each], scene.at, dialect))[1])]
        for question in timely:
            seen += compared([question], scene.at, dialect)
        seen += compared(timely, scene.at, dialect)
    assert seen["again"] > 20, seen


def compared(questions: list[RuleQuestion], at: datetime, dialect: sa.Dialect) -> Counter[str]:
    """How often statements served again, and how often not."""
    said = asked(questions, at, dialect)
    key, moments = shape(said)
    found = marked(said, moments)
    assert found == said, "they are equal to what they were"
    kept = made(found, Slots(moments), dialect)
    for number in said:
        kept.statement(number, {})
    seen: Counter[str] = Counter()
    for later in LATER:
        then = asked(questions, at + later, dialect)
        alike, moments = shape(then)
        if alike != key or not kept.slots.complete:
            seen["anew"] += 1
            continue
        kept.slots.fill(moments)
        fresh = made(then, Slots(moments), dialect)
        assert (kept.shared is None) == (fresh.shared is None)
        if kept.shared is not None and fresh.shared is not None:
            assert written(kept.shared.filling, dialect) == written(fresh.shared.filling, dialect)
        for number in then:
            assert written(kept.statement(number, {}), dialect) == written(fresh.statement(number, {}), dialect)
        seen["again"] += 1
    return seen


def before(value: Any, kind: Kind, name: str = "created_at") -> Predicate:
    return Compare(Op.LT, Field(CUSTOMER, name, kind), Const(value, kind), kind)


def test_the_order_of_moments_is_part_of_the_shape() -> None:
    """Where one overtakes another, what was decided by holding them against each other may not hold any more."""
    first, second = datetime(2025, 7, 4, tzinfo=UTC), datetime(2025, 7, 5, tzinfo=UTC)
    keys = {
        shape({1: before(one, Kind.MOMENT), 2: before(other, Kind.MOMENT)})[0]
        for one, other in ((first, second), (second, first), (first, first), (second, second + timedelta(days=9)))
    }
    assert len(keys) == 3
    day = date(2025, 7, 4)
    assert shape({1: before(day, Kind.DATE, "birth_date")})[1] == ((), (day,))


def test_what_was_made_from_a_moment_serves_once() -> None:
    said: dict[Hashable, Predicate] = {1: before(datetime(2025, 7, 4), Kind.MOMENT)}
    _, moments = shape(said)
    mark = marked(said, moments)[1].right.value  # type: ignore[union-attr]
    slots = Slots(moments)
    statement = slots.collect(sa.select(sa.literal(mark + timedelta(days=1), sa.DateTime())))
    assert not slots.complete
    assert [*statement.compile().params.values()] == [datetime(2025, 7, 5)]
    assert {type(each) for each in statement.compile().params.values()} == {datetime}
