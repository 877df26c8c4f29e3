"""A few customers of a shop for tea and cups, as WooCommerce would have written them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)
ANNA, BEN, CLEO, DORA = 1, 2, 3, 4
TEA, CUP, RED_CUP = 11, 12, 13


def fill(engine: sa.Engine) -> None:
    """The tables of schema.sql with everything below in them, in an empty database."""
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci")
        text = (Path(__file__).parent / "schema.sql").read_text()
        for statement in "\n".join(line for line in text.splitlines() if not line.startswith("--")).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        shop = Shop(connection)
        people(shop)
        catalogue(shop)
        orders(shop)


class Shop:
    """Writes rows, numbering those that have no number."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.numbers = count(1)

    def row(self, table: str, **values: Any) -> None:
        """One row."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        self.connection.execute(sa.text(f"INSERT INTO wp_{table} ({names}) VALUES ({marks})"), values)

    def user_meta(self, user: int, **values: Any) -> None:
        """What WordPress keeps beside a user."""
        for key, value in values.items():
            self.row("usermeta", umeta_id=next(self.numbers), user_id=user, meta_key=key, meta_value=str(value))

    def order(self, number: int, user: int, days_ago: int, status: str, total: str, tax: str, **more: Any) -> None:
        """An order, or a refund, with its further facts."""
        made = moment(days_ago)
        facts = {key: more.pop(key) for key in ("shipping_total_amount", "discount_total_amount") if key in more}
        self.row(
            "wc_orders", id=number, customer_id=user, type=more.pop("type", "shop_order"), status=status,
            currency="EUR", total_amount=total, tax_amount=tax, date_created_gmt=made, date_updated_gmt=made, **more,
        )  # fmt: skip
        self.row("wc_order_operational_data", id=next(self.numbers), order_id=number, **facts)

    def item(self, order: int, kind: str, name: str, **meta: Any) -> None:
        """One row of an order: a product, a coupon, a way to ship."""
        item = next(self.numbers)
        self.row(
            "woocommerce_order_items", order_item_id=item, order_id=order, order_item_type=kind, order_item_name=name
        )
        for key, value in meta.items():
            self.row(
                "woocommerce_order_itemmeta",
                meta_id=next(self.numbers), order_item_id=item, meta_key=key, meta_value=str(value),
            )  # fmt: skip

    def line(self, order: int, name: str, product: int, qty: int, full: str, net: str, tax: str, variation=0) -> None:
        """Some pieces of a product, with what they cost before and after discount, and the tax."""
        self.item(
            order, "line_item", name, _product_id=product, _variation_id=variation, _qty=qty,
            _line_subtotal=full, _line_total=net, _line_tax=tax,
        )  # fmt: skip


def moment(days_ago: int) -> str:
    """So many days before NOW, as it is stored."""
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%d %H:%M:%S")


def people(shop: Shop) -> None:
    """Customers with what they have told about themselves."""
    for user, name, days_ago in ((ANNA, "anna", 400), (BEN, "ben", 5), (CLEO, "cleo", 5), (DORA, "dora", 5)):
        shop.row("users", ID=user, user_login=name, user_email=f"{name}@Example.com", user_registered=moment(days_ago))
        # WordPress writes empty names for those who have told none.
        told = name.title() if user in (ANNA, BEN) else ""
        shop.user_meta(user, first_name=told, last_name="", wp_capabilities='a:1:{s:8:"customer";b:1;}')
    midnight = (NOW - timedelta(days=2)).replace(hour=0)
    shop.user_meta(ANNA, wc_last_active=int(midnight.timestamp()))
    for kind in ("billing", "shipping"):
        shop.user_meta(ANNA, **{f"{kind}_country": "IT", f"{kind}_city": "Rome", f"{kind}_state": "RM"})
        shop.user_meta(BEN, **{f"{kind}_country": "", f"{kind}_city": ""})
    shop.user_meta(ANNA, billing_first_name="Anna", billing_company="", billing_postcode="00100")


def catalogue(shop: Shop) -> None:
    """Two products in two categories, one of them with a variation."""
    for post, title, kind, parent in (
        (TEA, "Green tea", "product", 0),
        (CUP, "Cup", "product", 0),
        (RED_CUP, "Cup - red", "product_variation", CUP),
    ):
        shop.row("posts", ID=post, post_title=title, post_type=kind, post_parent=parent)
    for post, sku in ((TEA, "TEA-1"), (CUP, "CUP"), (RED_CUP, "CUP-RED")):
        shop.row("wc_product_meta_lookup", product_id=post, sku=sku)
    for term, name, taxonomy in (
        (21, "Tea", "product_cat"),
        (22, "Cups", "product_cat"),
        (23, "simple", "product_type"),
        (24, "variable", "product_type"),
    ):
        shop.row("terms", term_id=term, name=name, slug=name.lower())
        shop.row("term_taxonomy", term_taxonomy_id=term + 10, term_id=term, taxonomy=taxonomy, description="")
    for post, term in ((TEA, 21), (TEA, 23), (CUP, 22), (CUP, 24)):
        shop.row("term_relationships", object_id=post, term_taxonomy_id=term + 10)


def orders(shop: Shop) -> None:
    """Orders in every state, and a refund."""
    shop.order(101, ANNA, 300, "wc-completed", "54.00", "9.00", payment_method="cod")
    shop.line(101, "Green tea", TEA, 3, "45", "45", "9")
    shop.item(101, "shipping", "Flat rate", method_id="flat_rate", cost="0")
    shop.order(
        102, ANNA, 20, "wc-processing", "25.60", "3.60", payment_method="stripe",
        shipping_total_amount="4", discount_total_amount="2",
    )  # fmt: skip
    shop.line(102, "Cup - red", CUP, 2, "20", "18", "3.6", variation=RED_CUP)
    shop.item(102, "coupon", "summer", discount_amount="2")
    shop.order(105, 0, 18, "wc-completed", "-5.00", "0", type="shop_order_refund", parent_order_id=102)
    shop.order(103, ANNA, 10, "wc-cancelled", "540", "90")
    shop.order(104, BEN, 30, "wc-pending", "12.50", "2.08333333")
    shop.line(104, "Cup - red", CUP, 1, "10.41666667", "10.41666667", "2.08333333", variation=RED_CUP)
    shop.order(106, 0, 3, "wc-processing", "18.00", "3.00", billing_email="CLEO@example.com")
    shop.line(106, "Green tea", TEA, 1, "15", "15", "3")
    shop.order(107, DORA, 2, "wc-checkout-draft", "500", "0")
    shop.order(108, DORA, 2, "trash", "500", "0")
    shop.order(109, DORA, 60, "wc-refunded", "100", "0")
