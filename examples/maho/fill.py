"""A few customers of a shop for coffee on two websites, as Maho would have written them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)
ANNA, BEN, CLEO, DORA = 1, 2, 3, 4
BEANS, MUG, RED_MUG = 11, 12, 13
COFFEE, KITCHEN = 21, 22
FEMALE, MALE = 31, 32
CUSTOMER, ADDRESS, CATEGORY, PRODUCT = 1, 2, 3, 4

#: Which attributes there are: their tables are those of the entity with the type at the end.
ATTRIBUTES = {
    CUSTOMER: {
        "firstname": "varchar", "lastname": "varchar", "dob": "datetime", "gender": "int",
        "default_billing": "int", "default_shipping": "int",
    },
    ADDRESS: {"firstname": "varchar", "street": "text", "city": "varchar", "region_id": "int", "country_id": "varchar"},
    CATEGORY: {"name": "varchar"},
    PRODUCT: {"name": "varchar", "price": "decimal"},
}  # fmt: skip
TABLES = {
    CUSTOMER: "customer_entity",
    ADDRESS: "customer_address_entity",
    CATEGORY: "catalog_category_entity",
    PRODUCT: "catalog_product_entity",
}


def fill(engine: sa.Engine) -> None:
    """The tables of schema.sql with everything below in them, in an empty database."""
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        text = (Path(__file__).parent / "schema.sql").read_text()
        for statement in "\n".join(line for line in text.splitlines() if not line.startswith("--")).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        shop = Shop(connection)
        people(shop)
        catalogue(shop)
        orders(shop)
        interests(shop)
        segments(shop)


class Shop:
    """Writes rows, numbering those that have no number."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.numbers = count(1001)
        self.attributes: dict[tuple[int, str], int] = {}
        for kind, listed in ATTRIBUTES.items():
            for code, stored in listed.items():
                number = self.attributes[kind, code] = next(self.numbers)
                self.row(
                    "eav_attribute",
                    attribute_id=number, entity_type_id=kind, attribute_code=code, backend_type=stored,
                )  # fmt: skip

    def row(self, table: str, **values: Any) -> None:
        """One row."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        self.connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)

    def set(self, kind: int, number: int, **values: Any) -> None:
        """Attributes of one customer, address, category or product."""
        for code, value in values.items():
            self.row(
                f"{TABLES[kind]}_{ATTRIBUTES[kind][code]}", value_id=next(self.numbers), entity_type_id=kind,
                attribute_id=self.attributes[kind, code], entity_id=number, value=value,
            )  # fmt: skip

    def order(self, number: int, customer: int | None, days_ago: int, status: str, total: str, **more: Any) -> None:
        """An order, in the store of the first website unless it says otherwise."""
        made = moment(days_ago)
        values = {"store_id": 1, "order_currency_code": "EUR", "created_at": made, "updated_at": made, **more}
        self.row("sales_flat_order", entity_id=number, customer_id=customer, status=status, grand_total=total, **values)

    def item(self, order: int, product: int, sku: str, kind: str, qty: int, price: str, total: str, **more: Any) -> int:
        """One row of an order; its number."""
        number = next(self.numbers)
        self.row(
            "sales_flat_order_item", item_id=number, order_id=order, product_id=product, sku=sku, name=sku.title(),
            product_type=kind, qty_ordered=qty, price=price, row_total=total, **more,
        )  # fmt: skip
        return number


def moment(days_ago: int, hours: int = 0) -> str:
    """So long before NOW, as it is stored."""
    return (NOW - timedelta(days=days_ago, hours=hours)).strftime("%Y-%m-%d %H:%M:%S")


def people(shop: Shop) -> None:
    """Websites, stores, groups and customers."""
    for number, code in ((1, "base"), (2, "uk")):
        shop.row("core_website", website_id=number, code=code)
        shop.row("core_store", store_id=number, code=f"{code}_en", website_id=number, name=code)
    for number, code in ((0, "NOT LOGGED IN"), (1, "General"), (2, "Wholesale")):
        shop.row("customer_group", customer_group_id=number, customer_group_code=code)
    for option, label in ((FEMALE, "Female"), (MALE, "Male")):
        shop.row("eav_attribute_option_value", value_id=option, option_id=option, value=label)
    shop.row("directory_country_region", region_id=51, country_id="IT", code="RM", default_name="Roma")
    for number, name, site, group, active, days_ago in (
        (ANNA, "Anna", 1, 2, 1, 400),
        (BEN, "Ben", 1, 1, 1, 5),
        (CLEO, "Cleo", 2, 1, 1, 90),
        (DORA, "Dora", 1, 1, 0, 90),
    ):
        made = moment(days_ago)
        shop.row(
            "customer_entity", entity_id=number, entity_type_id=CUSTOMER, email=f"{name.lower()}@Example.com",
            website_id=site, store_id=site, group_id=group, is_active=active, created_at=made, updated_at=made,
        )  # fmt: skip
        shop.set(CUSTOMER, number, firstname=name)
    shop.set(CUSTOMER, ANNA, gender=FEMALE, dob="1990-07-05 00:00:00", default_billing=41, default_shipping=41)
    shop.set(CUSTOMER, BEN, gender=MALE)
    for number, city in ((41, "Rome"), (42, "Milan")):
        shop.row("customer_address_entity", entity_id=number, entity_type_id=ADDRESS, parent_id=ANNA)
        shop.set(ADDRESS, number, firstname="Anna", city=city, street="Via Roma 1\nScala B", country_id="IT")
    shop.set(ADDRESS, 41, region_id=51)
    shop.row("log_customer", log_id=1, customer_id=ANNA, login_at=moment(2), store_id=1)
    shop.row("log_customer", log_id=2, customer_id=ANNA, login_at=moment(9), store_id=1)
    for number, customer, status in ((1, ANNA, 1), (2, BEN, 3), (3, 0, 1)):
        shop.row(
            "newsletter_subscriber", subscriber_id=number, customer_id=customer, subscriber_status=status,
            change_status_at=moment(100),
        )  # fmt: skip


def catalogue(shop: Shop) -> None:
    """Two categories and three products."""
    for number, sku, kind, price in (
        (BEANS, "beans", "simple", "15"), (MUG, "mug", "configurable", "10"), (RED_MUG, "mug-red", "simple", "10"),
    ):  # fmt: skip
        shop.row("catalog_product_entity", entity_id=number, entity_type_id=PRODUCT, type_id=kind, sku=sku)
        shop.set(PRODUCT, number, name=sku.replace("-", " ").title(), price=price)
    shop.set(CATEGORY, COFFEE, name="Coffee")
    shop.set(CATEGORY, KITCHEN, name="Kitchen")
    for category, product in ((COFFEE, BEANS), (KITCHEN, MUG), (KITCHEN, RED_MUG)):
        shop.row("catalog_category_product", category_id=category, product_id=product)


def orders(shop: Shop) -> None:
    """Orders and credit memos."""
    shop.order(
        101, ANNA, 300, "complete", "54.00", subtotal="45", tax_amount="9", total_qty_ordered="3",
        shipping_method="flatrate_flatrate",
    )  # fmt: skip
    shop.item(101, BEANS, "beans", "simple", 3, "15", "45", row_total_incl_tax="54")
    shop.order(102, ANNA, 20, "processing", "25.60", coupon_code="SUMMER", discount_amount="-2.00", shipping_amount="4")
    whole = shop.item(102, MUG, "mug-red", "configurable", 2, "10", "20", discount_amount="2")
    shop.item(102, RED_MUG, "mug-red", "simple", 2, "0", "0", parent_item_id=whole)
    shop.row("sales_flat_order_payment", entity_id=1, parent_id=102, method="checkmo")
    shop.order(103, ANNA, 10, "canceled", "540")
    shop.order(104, BEN, 30, "holded", "12.50")
    shop.item(104, RED_MUG, "mug-red", "simple", 1, "10.4167", "10.4167")
    shop.order(105, None, 3, "processing", "18.00", customer_email="cleo@example.com")
    shop.item(105, BEANS, "beans", "simple", 1, "15", "15")
    shop.order(106, CLEO, 60, "closed", "100", store_id=2)
    shop.order(107, DORA, 3, "complete", "900")
    shop.row("sales_flat_creditmemo", entity_id=1, order_id=102, state=2, grand_total="5.00", created_at=moment(18))
    shop.row("sales_flat_creditmemo", entity_id=2, order_id=101, state=3, grand_total="50.00", created_at=moment(18))


def interests(shop: Shop) -> None:
    """Carts, views and a wishlist."""
    for number, customer, active in ((1, BEN, 1), (2, CLEO, 0)):
        shop.row(
            "sales_flat_quote", entity_id=number, customer_id=customer, is_active=active, store_id=1, items_count=1,
            items_qty="2", base_subtotal="30", base_subtotal_with_discount="27", base_grand_total="33",
            applied_rule_ids="7,12", created_at=moment(1), updated_at=moment(0, hours=3),
        )  # fmt: skip
    shop.row("sales_flat_quote_address", address_id=1, quote_id=1, base_tax_amount="6")
    shop.row(
        "sales_flat_quote_item", item_id=1, quote_id=1, product_id=BEANS, product_type="simple", sku="beans",
        name="Beans", qty="2", price="15", row_total="30",
    )  # fmt: skip
    for number, customer, product in ((1, CLEO, BEANS), (2, None, BEANS), (3, BEN, MUG), (4, ANNA, BEANS)):
        shop.row(
            "report_viewed_product_index",
            index_id=number, customer_id=customer, product_id=product, added_at=moment(1),
        )  # fmt: skip
    shop.row("wishlist", wishlist_id=1, customer_id=CLEO, shared=1)
    shop.row("wishlist_item", wishlist_item_id=1, wishlist_id=1, product_id=RED_MUG, qty="1", added_at=moment(40))


def segments(shop: Shop) -> None:
    """Two segments, as Maho's own editor keeps them."""
    kind = "customersegmentation/segment_condition_"

    def condition(name: str, attribute: str, operator: str, value: str) -> dict[str, Any]:
        return {"type": kind + name, "attribute": attribute, "operator": operator, "value": value}

    for number, name, sites, conditions in (
        (
            1,
            "Women who buy wholesale",
            "1",
            [
                condition("customer_attributes", "gender", "==", str(FEMALE)),
                condition("customer_attributes", "group_id", "==", "2"),
                condition("customer_clv", "lifetime_sales", ">", "79"),
                condition("order_items", "product_sku", "==", "beans"),
                condition("order_items", "product_type", "==", "configurable"),
            ],
        ),
        (2, "Looked at coffee", "2", [condition("product_viewed", "category_id", "==", str(COFFEE))]),
    ):
        tree = {"type": kind + "combine", "aggregator": "all", "value": "1", "conditions": conditions}
        shop.row(
            "customer_segment",
            segment_id=number, name=name, website_ids=sites, conditions_serialized=json.dumps(tree),
        )  # fmt: skip
