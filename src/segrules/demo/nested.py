"""The demonstration shop's customers as they look in memory, made from the very rows that go into a database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from segrules.demo.catalogue import GROUPS, PRODUCTS, STORES
from segrules.demo.generator import TABLES, DemoShop, Rows, Values

Mapping = dict[str, Any]

_STORES = {store.id: {"store": store.code, "website": store.website.code} for store in STORES}
_NOWHERE = {"store": None, "website": None}
_GROUPS = {group.id: group.code for group in GROUPS}
_CATEGORIES = {
    product.id: [{"id": category.id, "code": category.code, "name": category.name} for category in product.categories]
    for product in PRODUCTS
}
_CARDS = {
    product.id: {"sku": product.sku, "name": product.name, "price": product.price, "type": product.type}
    for product in PRODUCTS
}


def nested_customers(shop: DemoShop) -> Iterator[Mapping]:
    """One customer after the other as a nested mapping, in the shape that rules are evaluated on in memory."""
    return (nested(history) for history in shop.histories())


def nested(history: Rows) -> Mapping:
    """The nested mapping of one customer's rows."""
    customer = _named("customers", history["customers"][0])
    group, store = customer.pop("group_id"), customer.pop("store_id")
    customer.pop("website_id")
    subscriptions = _all(history, "newsletter_subscriptions")
    customer |= _STORES.get(store, _NOWHERE)
    customer |= {
        "group": _GROUPS.get(group),
        "addresses": _all(history, "addresses"),
        # Of several subscriptions the one that changed last speaks for the customer.
        "newsletter": max(subscriptions, key=lambda row: (row["changed_at"], row["id"]), default=None),
        "logins": _all(history, "logins"),
        "orders": _orders(history),
        "carts": _carts(history),
        "product_views": [_of_product(view) for view in _all(history, "product_views")],
        "wishlists": _wishlists(history),
    }
    return customer


def _named(table: str, row: Values) -> Mapping:
    return dict(zip(TABLES[table], row, strict=True))


def _all(history: Rows, table: str) -> list[Mapping]:
    """The rows of a table that belong to the customer directly, without the column that says so."""
    rows = [_named(table, row) for row in history.get(table, ())]
    for row in rows:
        row.pop("customer_id", None)
    return rows


def _below(history: Rows, table: str, pointer: str) -> dict[int, list[Mapping]]:
    """The rows of a table by the row that they belong to."""
    found: dict[int, list[Mapping]] = {}
    for row in _all(history, table):
        found.setdefault(row.pop(pointer), []).append(row)
    return found


def _orders(history: Rows) -> list[Mapping]:
    items, refunds = _below(history, "order_items", "order_id"), _below(history, "refunds", "order_id")
    orders = _all(history, "orders")
    for order in orders:
        order |= _STORES.get(order.pop("store_id"), _NOWHERE)
        order["items"] = [_with_categories(item) for item in items.get(order["id"], ())]
        order["refunds"] = refunds.get(order["id"], [])
    return orders


def _carts(history: Rows) -> list[Mapping]:
    items = _below(history, "cart_items", "cart_id")
    carts = _all(history, "carts")
    for cart in carts:
        cart |= _STORES.get(cart.pop("store_id"), _NOWHERE)
        cart["status"] = "active" if cart.pop("is_active") else "inactive"
        rules = cart["applied_rules"]
        cart["applied_rules"] = None if rules is None else [code for code in rules.split(",") if code]
        cart["items"] = [_with_categories(item) for item in items.get(cart["id"], ())]
    return carts


def _wishlists(history: Rows) -> list[Mapping]:
    items = _below(history, "wishlist_items", "wishlist_id")
    wishlists = _all(history, "wishlists")
    for wishlist in wishlists:
        wishlist["items"] = [_of_product(item) for item in items.get(wishlist["id"], ())]
    return wishlists


def _with_categories(row: Mapping) -> Mapping:
    """An item keeps its own name and price; its categories are those that the product has today."""
    row["categories"] = _CATEGORIES.get(row["product_id"], [])
    return row


def _of_product(row: Mapping) -> Mapping:
    """A view or a wish shows the product of today."""
    row |= _CARDS[row["product_id"]]
    row["categories"] = _CATEGORIES[row["product_id"]]
    return row
