"""Hand-judged customers against every reader: in memory, and on each database."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.demo.rules import PRACTICAL
from segrules.testing.backends import BACKENDS, fresh_or_skipped
from segrules.testing.writing import insert

from .filling import Numbers, filled
from .meanings import AT, CASES
from .small_shop import CUSTOMERS, MEMBERS

NOW = datetime.fromisoformat(AT)
SEGMENTS = ("VIP", "staff")

Judged = dict[str, sr.Customer]


def customers(data: dict[str, dict[str, Any]]) -> Judged:
    """Complete customers by name, numbered in their order."""
    complete = {name: filled(row, Numbers(place)) for place, (name, row) in enumerate(data.items(), start=1)}
    return {name: sr.Customer.from_mapping(row) for name, row in complete.items()}


CASE_NAMES = [f"{number}: {rule}" for number, (rule, _, _) in enumerate(CASES)]


@pytest.fixture(scope="module")
def cases() -> Judged:
    return customers({name: customer for name, (_, customer, _) in zip(CASE_NAMES, CASES, strict=True)})


@pytest.fixture(scope="module")
def small_shop() -> Judged:
    return customers(CUSTOMERS)


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    with fresh_or_skipped(request.param) as backend:
        yield backend.engine


@pytest.mark.parametrize(("name", "case"), list(zip(CASE_NAMES, CASES, strict=True)), ids=CASE_NAMES)
def test_in_memory(name: str, case: tuple[str, dict[str, Any], bool], cases: Judged) -> None:
    rule, _, expected = case
    assert sr.parse(rule).predicate(sr.Shop.default(), at=NOW)(cases[name]) is expected


def test_the_ten_examples_in_memory(small_shop: Judged) -> None:
    shop = sr.Shop.default()
    for example in PRACTICAL:
        matches = sr.parse(example.text).predicate(shop, at=NOW, website=example.website)
        assert {name for name, customer in small_shop.items() if matches(customer)} == MEMBERS[example.name], (
            example.name
        )


def test_on_databases(engine: sa.Engine, cases: Judged, small_shop: Judged) -> None:
    """Every case and every one of the ten examples; and what is loaded from the database is judged alike."""
    wrong = []
    shop = sr.Shop.default(prefix="cases_")
    shop.create_tables(engine)
    with engine.begin() as connection:
        insert(connection, shop, cases.values())
        for number, (name, (text, _, expected)) in enumerate(zip(CASE_NAMES, CASES, strict=True), start=1):
            rule = sr.parse(text)
            stored = {segment: members(segment, cases, shop) for segment in SEGMENTS}
            found = set(connection.scalars(rule.select(shop, engine.dialect, at=NOW, segments=stored)))
            matches = rule.predicate(shop, at=NOW)
            everyone = {customer["id"] for customer in cases.values() if matches(customer)}
            if (number in found) is not expected or found != everyone:
                wrong.append((name, number in found, found ^ everyone))
            loaded = sr.Customer.load(connection, shop, number, needs=rule)
            if "in segment" not in text and matches(loaded) is not expected:
                wrong.append((name, "loaded", loaded))
    shop = sr.Shop.default(prefix="small_")
    shop.create_tables(engine)
    with engine.begin() as connection:
        insert(connection, shop, small_shop.values())
        names = {customer["id"]: name for name, customer in small_shop.items()}
        for example in PRACTICAL:
            statement = sr.parse(example.text).select(shop, engine.dialect, at=NOW, website=example.website)
            ids = set(connection.scalars(statement))
            if {names[each] for each in ids} != MEMBERS[example.name]:
                wrong.append((example.name, {names[each] for each in ids}, MEMBERS[example.name]))
    assert wrong == []


def members(segment: str, judged: Judged, shop: sr.Shop) -> sa.Select[Any]:
    """The stored members of a segment as the database would hand them over."""
    customer = shop.mapping.entity("").key
    ids = [each["id"] for each in judged.values() if segment in each.get("segments", ())]
    return sa.select(customer).where(customer.in_(ids))
