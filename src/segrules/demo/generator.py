"""The rows of the demonstration shop: any number of customers, the same on every machine.

Number of customers, seed and moment decide every value. Customers come one after the other, each with all
that belongs to it, so a shop of any size passes through little memory, and the first thousand customers of
a large shop are the customers of the shop of a thousand.

Amounts are kept as whole ten-thousandths until they leave as decimals; random fractions only ever choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from segrules.demo.catalogue import CATEGORIES, GROUPS, PRODUCTS, STORES, WEBSITES
from segrules.demo.customers import Storyteller

Values = tuple[Any, ...]
#: The rows of one customer, or of many, by table.
Rows = Mapping[str, Sequence[Values]]

#: Every table with the columns that the generator fills, in an order in which each table follows those it refers to.
TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "websites": ("id", "code", "name"),
        "stores": ("id", "website_id", "code", "name", "timezone"),
        "customer_groups": ("id", "code"),
        "categories": ("id", "code", "name"),
        "products": ("id", "sku", "name", "price", "type"),
        "product_categories": ("product_id", "category_id"),
        "customers": (
            *("id", "email", "first_name", "last_name", "gender", "birth_date"),
            *("created_at", "group_id", "store_id", "website_id", "is_active"),
        ),
        "addresses": (
            *("id", "customer_id", "kind", "is_default", "first_name", "last_name", "company", "street"),
            *("city", "region", "region_code", "postcode", "country", "phone"),
        ),
        "newsletter_subscriptions": ("id", "customer_id", "email", "status", "changed_at"),
        "logins": ("id", "customer_id", "at"),
        "carts": (
            *("id", "customer_id", "store_id", "is_active", "items_count", "items_qty", "subtotal", "tax_amount"),
            *("discount_amount", "grand_total", "coupon_code", "applied_rules", "created_at", "updated_at"),
        ),
        "cart_items": ("id", "cart_id", "product_id", "sku", "name", "type", "qty", "price", "row_total"),
        "orders": (
            *("id", "customer_id", "store_id", "status", "currency", "total_qty", "subtotal", "tax_amount"),
            *("shipping_amount", "discount_amount", "grand_total", "payment_method", "shipping_method"),
            *("coupon_code", "created_at", "updated_at"),
        ),
        "order_items": (
            *("id", "order_id", "product_id", "sku", "name", "type", "qty", "price", "row_total"),
            *("row_total_incl_tax", "discount_amount"),
        ),
        "refunds": ("id", "order_id", "amount", "created_at"),
        "product_views": ("id", "customer_id", "product_id", "viewed_at"),
        "wishlists": ("id", "customer_id", "name", "shared"),
        "wishlist_items": ("id", "wishlist_id", "product_id", "added_at"),
    }
)

#: The tables that a customer has rows in; the others are the same for shops of all sizes.
OF_CUSTOMERS = tuple(TABLES)[list(TABLES).index("customers") :]


def _aware(shop: DemoShop, attribute: Any, at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("the moment of a demonstration shop must have a time zone, like datetime.now(UTC)")


@frozen
class DemoShop:
    """A demonstration shop: so many customers, with their history up to the moment ``at``."""

    customers: int
    at: datetime = field(validator=_aware)
    seed: int = 2025

    def settings(self) -> Rows:
        """The rows of the tables that do not depend on customers: sites, groups and the catalogue."""
        return {
            "websites": [(site.id, site.code, site.name) for site in WEBSITES],
            "stores": [(store.id, store.website.id, store.code, store.name, store.timezone) for store in STORES],
            "customer_groups": [(group.id, group.code) for group in GROUPS],
            "categories": [(category.id, category.code, category.name) for category in CATEGORIES],
            "products": [(each.id, each.sku, each.name, each.price, each.type) for each in PRODUCTS],
            "product_categories": [(each.id, category.id) for each in PRODUCTS for category in each.categories],
        }

    def histories(self) -> Iterator[Rows]:
        """One customer after the other: its rows in all tables that depend on it."""
        teller = Storyteller(self.seed, self.at.astimezone(UTC).replace(tzinfo=None))
        for _ in range(self.customers):
            yield teller.next_customer()

    def batches(self, size: int = 1000) -> Iterator[Rows]:
        """All rows of the shop: first those of the settings, then those of ``size`` customers at a time."""
        yield self.settings()
        waiting: dict[str, list[Values]] = {table: [] for table in OF_CUSTOMERS}
        for number, history in enumerate(self.histories(), start=1):
            for table, rows in history.items():
                waiting[table].extend(rows)
            if number % size == 0 or number == self.customers:
                yield waiting
                waiting = {table: [] for table in OF_CUSTOMERS}
