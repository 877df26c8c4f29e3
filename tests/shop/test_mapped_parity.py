"""Made-up rules over a shop that keeps floats, epochs, local times and letters: SQL and memory give one answer."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.errors import BackendError
from segrules.shop.columns import Money, UtcMoment
from segrules.testing.backends import BACKENDS, fresh_or_skipped
from segrules.testing.choosing import Seeded
from segrules.testing.customers import Population
from segrules.testing.questions import RuleQuestion
from segrules.testing.rules import make_rule
from segrules.testing.scene import Scene
from segrules.testing.writing import insert

RULES = 100
ROME = ZoneInfo("Europe/Rome")
QUANTITIES = ("qty", "items_qty", "total_qty")
FILE = """
timezone = "Europe/Rome"
times = "epoch_us"
money = "float"
decimals = 4

[customer]
table = "odd_customers"
same = ["email", "first_name", "last_name", "gender", "birth_date", "created_at"]
joins.store = { table = "odd_stores", on = "store_id" }
joins.website = { table = "odd_websites", on = "website_id" }
joins.group = { table = "odd_customer_groups", on = "group_id" }
[customer.fields]
is_active = { column = "is_active", yes = "Y" }
store = "store.code"
website = "website.code"
group = "group.code"

[addresses]
table = "odd_addresses"
same = ["first_name", "last_name", "company", "street", "city", "region", "region_code", "postcode", "country", "phone"]
fields.kind = "kind"
fields.is_default = { column = "is_default", yes = ["Y", "y"] }

[newsletter]
table = "odd_newsletter_subscriptions"
same = ["status", "changed_at"]

[logins]
table = "odd_logins"
same = ["at"]

[orders]
table = "odd_orders"
times = "local"
same = ["status", "currency", "total_qty", "subtotal", "tax_amount", "shipping_amount", "discount_amount",
        "grand_total", "payment_method", "shipping_method", "coupon_code", "created_at", "updated_at"]
joins.store = { table = "odd_stores", on = "store_id" }
joins.website = { table = "odd_websites", on = "store.website_id" }
fields = { store = "store.code", website = "website.code" }

[orders.refunds]
table = "odd_refunds"
times = "epoch_us"
same = ["amount", "created_at"]

[orders.items]
table = "odd_order_items"
where = "id > 0"
same = ["product_id", "sku", "name", "type", "qty", "price", "row_total", "row_total_incl_tax", "discount_amount"]

[orders.items.categories]
table = "odd_product_categories"
key = "category_id"
joins.category = { table = "odd_categories", on = "category_id" }
fields = { code = "category.code", name = "category.name" }

[carts]
table = "odd_carts"
same = ["items_count", "items_qty", "subtotal", "grand_total", "tax_amount", "discount_amount", "coupon_code",
        "applied_rules", "created_at", "updated_at"]
joins.store = { table = "odd_stores", on = "store_id" }
joins.website = { table = "odd_websites", on = "store.website_id" }
[carts.fields]
store = "store.code"
website = "website.code"
status = { column = "is_active", codes = { active = "Y", inactive = "N" } }

[carts.items]
table = "odd_cart_items"
same = ["product_id", "sku", "name", "type", "qty", "price", "row_total"]

[carts.items.categories]
table = "odd_product_categories"
key = "category_id"
joins.category = { table = "odd_categories", on = "category_id" }
fields = { code = "category.code", name = "category.name" }

[product_views]
table = "odd_product_views"
same = ["product_id", "viewed_at"]
joins.product = { table = "odd_products", on = "product_id" }
fields = { sku = "product.sku", name = "product.name", price = "product.price", type = "product.type" }

[product_views.categories]
table = "odd_product_categories"
key = "category_id"
joins.category = { table = "odd_categories", on = "category_id" }
fields = { code = "category.code", name = "category.name" }

[wishlists]
table = "odd_wishlists"
same = ["name"]
fields = { shared = { column = "shared", yes = "Y" } }

[wishlists.items]
table = "odd_wishlist_items"
same = ["product_id", "added_at"]
joins.product = { table = "odd_products", on = "product_id" }
fields = { sku = "product.sku", name = "product.name", price = "product.price", type = "product.type" }

[wishlists.items.categories]
table = "odd_product_categories"
key = "category_id"
joins.category = { table = "odd_categories", on = "category_id" }
fields = { code = "category.code", name = "category.name" }
"""


def odd(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    """The type in which the odd shop keeps a column of the default one."""
    if isinstance(column.type, Money):
        return sa.Numeric(16, 4) if column.name in QUANTITIES else sa.Double()
    if isinstance(column.type, UtcMoment):
        return column.type if column.table.name == "orders" else sa.BigInteger()
    return sa.String(1) if isinstance(column.type, sa.Boolean) else column.type


def oddly(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Money) and column.name not in QUANTITIES:
        return float(value)
    if isinstance(column.type, UtcMoment) and column.table.name == "orders":
        return value.replace(tzinfo=UTC).astimezone(ROME).replace(tzinfo=None)
    if isinstance(column.type, UtcMoment):
        return (value - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    return "NY"[value] if isinstance(column.type, sa.Boolean) else value


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A database with the made-up customers of the kit in the odd tables."""
    with fresh_or_skipped(request.param) as backend:
        shop = sr.Shop.default("Europe/Rome")
        shop.create_tables(backend.engine)
        chooser = Seeded(f"mapped/{request.param}")
        population = Population.drawn(chooser, Scene(shop), 40)
        metadata = sa.MetaData()
        with backend.engine.begin() as connection:
            insert(connection, shop, population.customers)
            for table in shop.own_tables.metadata.sorted_tables:
                columns = [
                    sa.Column(each.name, odd(each), primary_key=each.primary_key, autoincrement=False)
                    for each in table.c
                ]
                copy = sa.Table(f"odd_{table.name}", metadata, *columns)
                copy.create(connection)
                rows = [
                    {column.name: oddly(column, value) for column, value in zip(table.c, row, strict=True)}
                    for row in connection.execute(sa.select(table))
                ]
                if rows:
                    connection.execute(copy.insert(), rows)
        yield backend.engine


def test_sql_and_memory_agree(engine: sa.Engine) -> None:
    shop = sr.Shop.declared(tomllib.loads(FILE))
    scene = Scene(shop)
    chooser = Seeded(f"rules/{engine.dialect.name}")
    asked = matched = 0
    with engine.connect() as connection:
        shop.check(engine)
        customers = list(sr.Customer.load_many(connection, shop, range(1, 41)))
        assert len(customers) == 40
        while asked < RULES:
            made = make_rule(chooser, scene)
            try:
                question = RuleQuestion.of(made.node, scene, made.parameters)
                statement = question.statement(engine.dialect)
            except (sr.RuleError, BackendError):
                continue
            if question.rule.segments:
                continue
            found = set(connection.scalars(statement))
            judge = question.judge()
            assert {each["id"] for each in customers if judge(each)} == found, str(question.rule)
            asked += 1
            matched += 0 < len(found) < 40
    assert matched > RULES / 5
