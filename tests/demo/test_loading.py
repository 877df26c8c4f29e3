"""The demonstration in a database: whole, recognised, and never in the way of anybody's data."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.demo import DemoShop, loading, nested_customers

AT = datetime(2025, 7, 4, 12, 0, tzinfo=UTC)
DEMO = DemoShop(150, AT)


@pytest.fixture
def shop():
    return sr.Shop.default()


def test_customers_come_out_of_the_database_as_the_generator_nests_them(engine, shop):
    """One comparison for every value of every table: what went in, through columns and back."""
    loading.fill(engine, shop, DEMO)
    with engine.connect() as connection:
        loaded = list(sr.Customer.load_many(connection, shop, range(1, 151)))
    expected = list(nested_customers(DEMO))
    assert [dict(customer) for customer in loaded] == expected


def test_missing_values_and_empty_text_stay_apart(engine, shop):
    loading.fill(engine, shop, DEMO)
    company = shop.tables["addresses"].c.company
    wanted = [row["company"] for customer in nested_customers(DEMO) for row in customer["addresses"]]
    with engine.connect() as connection:
        found = connection.execute(sa.select(company).order_by(shop.tables["addresses"].c.id)).scalars().all()
    assert found == wanted and "" in found and None in found


def test_progress_hears_of_every_customer_and_the_indexes_are_there(engine, shop):
    heard = []
    loading.fill(engine, shop, DEMO, heard.append)
    assert heard[-1] == 150 and heard == sorted(heard)
    if engine.dialect.name != "duckdb":
        inspector = sa.inspect(engine)
        assert {each["name"] for each in inspector.get_indexes("orders")} >= {
            "ix_orders_customer_id_created_at",
            "ix_orders_created_at",
        }
        pointing = {each["referred_table"] for each in inspector.get_foreign_keys("orders")}
        assert pointing == {"customers", "stores"}
    shop.check(engine)


def test_a_demonstration_is_known_again(engine, shop):
    assert loading.find(engine, shop) is None and not loading.is_marked(engine)
    loading.fill(engine, shop, DEMO)
    assert loading.find(engine, shop) == DEMO and loading.is_marked(engine)


def test_removing_leaves_nothing_and_makes_room(engine, shop):
    loading.fill(engine, shop, DEMO)
    loading.remove(engine, shop)
    assert sa.inspect(engine).get_table_names() == []
    loading.fill(engine, shop, DemoShop(10, AT))
    assert loading.find(engine, shop) == DemoShop(10, AT)


def test_tables_of_others_are_not_touched_even_when_they_are_empty(engine, shop):
    shop.create_tables(engine)
    for attempt in (
        lambda: loading.find(engine, shop),
        lambda: loading.fill(engine, shop, DEMO),
        lambda: loading.remove(engine, shop),
    ):
        with pytest.raises(sr.ShopError, match="nothing was"):
            attempt()
    assert not loading.is_marked(engine)
    assert "customers" in sa.inspect(engine).get_table_names()


def test_what_was_broken_off_is_no_demonstration_and_makes_room(engine, shop):
    def break_off(customers):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loading.fill(engine, shop, DEMO, break_off)
    assert loading.find(engine, shop) is None and loading.is_marked(engine)
    loading.fill(engine, shop, DEMO)
    assert loading.find(engine, shop) == DEMO


def test_a_demonstration_of_another_edition_is_not_taken_for_this_one(engine, shop, monkeypatch):
    loading.fill(engine, shop, DemoShop(5, AT))
    monkeypatch.setattr(loading, "EDITION", loading.EDITION + 1)
    with pytest.raises(sr.ShopError, match="another version of segrules"):
        loading.find(engine, shop)


def test_sums_in_the_database_are_exact(engine, shop):
    loading.fill(engine, shop, DEMO)
    orders = shop.tables["orders"]
    with engine.connect() as connection:
        total = sum(connection.execute(sa.select(orders.c.grand_total)).scalars())
    assert total == sum(order["grand_total"] for each in nested_customers(DEMO) for order in each["orders"])
    assert isinstance(total, Decimal)
