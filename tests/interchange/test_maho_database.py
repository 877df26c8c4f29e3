"""What was carried over finds in a real database whom the source's own statement finds."""

import random
from itertools import count

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.testing import insert
from tests.interchange import source_data as data
from tests.interchange.source_model import NOW, in_segment
from tests.interchange.test_maho_meaning import SHOP, imported, tree_of


def stored(value, numbers):
    """A customer as the tables hold it: numbers of its own for every row, moments without a zone."""
    if isinstance(value, dict):
        return {name: next(numbers) if name == "id" else stored(each, numbers) for name, each in value.items()}
    if isinstance(value, list):
        return [stored(each, numbers) for each in value]
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value


@pytest.fixture(scope="module")
def database():
    """SQLite with 50 customers, and the same ones as the source holds them."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sr.prepare(engine)
    SHOP.create_tables(engine)
    numbers, known, rows = count(1), {}, []
    for seed in range(50):
        customer = data.make_customer(random.Random(f"stored {seed}"))
        for each in (*customer["orders"], *customer["carts"]):
            each["store_id"] = each["store_id"] or 1  # here an order or cart has a store
        if customer["subscriber"] is not None:
            customer["subscriber"]["change_status_at"] = customer["subscriber"]["change_status_at"] or NOW
        row = {name: each for name, each in stored(data.here(customer), numbers).items() if each is not None}
        rows.append({**row, "is_active": True})
        known[row["id"]] = customer
    with engine.begin() as connection:
        insert(connection, SHOP, rows)
    yield engine, known
    engine.dispose()


def test_every_attribute(database):
    engine, known = database
    found = 0
    with engine.connect() as connection:
        for place, question in enumerate(data.QUESTIONS[::2]):
            tree = tree_of(data.make_leaf(random.Random(f"{question}"), *question), value=str(1 - place % 2))
            rule = sr.parse(imported(tree).rule)
            members = set(connection.execute(rule.select(SHOP, engine.dialect, at=NOW)).scalars())
            assert members == {number for number, customer in known.items() if in_segment(tree, customer)}, rule
            found += 0 < len(members) < len(known)
    assert found > 0.8 * len(data.QUESTIONS[::2])
