"""The demonstration shop's rows: the same everywhere, whole in themselves, spread as shops are."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from segrules.demo.generator import OF_CUSTOMERS, TABLES, DemoShop

AT = datetime(2025, 7, 4, 12, 0, tzinfo=UTC)
FINGERPRINT = "e0f2543aa40f502385c4072541e3e8d2709d439df034f162acbb9bcfb8432306"

#: The table and column to which each column points that points anywhere.
POINTERS = {
    ("stores", "website_id"): "websites",
    ("product_categories", "product_id"): "products",
    ("product_categories", "category_id"): "categories",
    ("customers", "group_id"): "customer_groups",
    ("customers", "store_id"): "stores",
    ("customers", "website_id"): "websites",
    **{(table, "customer_id"): "customers" for table in OF_CUSTOMERS if "customer_id" in TABLES[table]},
    ("carts", "store_id"): "stores",
    ("orders", "store_id"): "stores",
    ("cart_items", "cart_id"): "carts",
    ("order_items", "order_id"): "orders",
    ("refunds", "order_id"): "orders",
    ("wishlist_items", "wishlist_id"): "wishlists",
    **{(table, "product_id"): "products" for table in ("cart_items", "order_items", "product_views", "wishlist_items")},
}


def tables_of(demo: DemoShop, size: int = 1000) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {table: [] for table in TABLES}
    for batch in demo.batches(size):
        for table, rows in batch.items():
            found[table] += [dict(zip(TABLES[table], row, strict=True)) for row in rows]
    return found


@pytest.fixture(scope="module")
def shop() -> dict[str, list[dict]]:
    return tables_of(DemoShop(3000, AT))


def test_the_same_number_moment_and_seed_give_the_same_rows():
    """Whoever changes the rows on purpose raises ``loading.EDITION`` and puts the new fingerprint here."""
    digest = hashlib.sha256()
    for batch in DemoShop(200, AT).batches(size=64):
        for table in TABLES:
            digest.update(repr((table, list(batch.get(table, ())))).encode())
    assert digest.hexdigest() == FINGERPRINT


def test_another_seed_gives_other_rows():
    assert list(DemoShop(20, AT, seed=1).histories()) != list(DemoShop(20, AT, seed=2).histories())


def test_the_zone_in_which_the_moment_is_given_does_not_matter():
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    assert list(DemoShop(20, elsewhere).histories()) == list(DemoShop(20, AT).histories())


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        DemoShop(20, datetime(2025, 7, 4))


def test_a_small_shop_is_the_beginning_of_a_large_one():
    large = DemoShop(500, AT).histories()
    assert list(DemoShop(50, AT).histories()) == [next(large) for _ in range(50)]


@pytest.mark.parametrize("size", [1, 7, 60, 1000])
def test_batches_of_any_size_hold_the_same_rows(size):
    assert tables_of(DemoShop(60, AT), size) == tables_of(DemoShop(60, AT), 60)


def test_ids_count_up_from_one_and_pointers_point_somewhere(shop):
    ids = {}
    for table, rows in shop.items():
        if "id" in TABLES[table]:
            ids[table] = {row["id"] for row in rows}
            assert [row["id"] for row in rows] == list(range(1, len(rows) + 1)), table
    for (table, column), target in POINTERS.items():
        dangling = [row for row in shop[table] if row[column] is not None and row[column] not in ids[target]]
        assert not dangling, (table, column)


def test_parents_come_before_their_children():
    """So that a database may check every pointer while rows go in."""
    seen = {table: set() for table in TABLES}
    for batch in DemoShop(50, AT).batches(size=10):
        for table, rows in batch.items():
            for row in rows:
                named = dict(zip(TABLES[table], row, strict=True))
                for (from_table, column), target in POINTERS.items():
                    if from_table == table and named[column] is not None:
                        assert named[column] in seen[target]
                seen[table].add(named.get("id"))


def test_customers_buy_as_customers_do(shop):
    customers, orders = len(shop["customers"]), len(shop["orders"])
    per_customer = Counter(row["customer_id"] for row in shop["orders"])
    assert 2.7 < orders / customers < 3.5
    assert 0.35 < 1 - len(per_customer) / customers < 0.41
    assert 2.3 < len(shop["order_items"]) / orders < 2.7
    assert 4.5 < len(shop["product_views"]) / customers < 5.5
    assert 0.35 < len(shop["carts"]) / customers < 0.45
    busiest = sorted(per_customer.values(), reverse=True)
    assert busiest[0] > 30 and sum(busiest[: customers // 10]) > orders / 3, "few buy much"


def test_nothing_lies_in_the_future_and_orders_come_after_nothing(shop):
    present = AT.replace(tzinfo=None)
    for table, rows in shop.items():
        for column in ("created_at", "updated_at", "changed_at", "at", "viewed_at", "added_at"):
            if column in TABLES[table]:
                assert all(row[column] is None or row[column] <= present for row in rows), (table, column)


def test_amounts_are_exact_and_add_up(shop):
    items = {}
    for item in shop["order_items"]:
        assert item["row_total"] == item["qty"] * item["price"]
        items.setdefault(item["order_id"], []).append(item)
    for order in shop["orders"]:
        assert order["subtotal"] == sum(item["row_total"] for item in items[order["id"]])
        extra = order["tax_amount"] + (order["shipping_amount"] or 0) - (order["discount_amount"] or 0)
        if order["shipping_amount"] is not None:
            assert order["grand_total"] == order["subtotal"] + extra
    amounts = [value for rows in shop.values() for row in rows for value in row.values() if isinstance(value, Decimal)]
    assert all(amount == amount.quantize(Decimal("0.0001")) and amount >= 0 for amount in amounts)
    assert not any(isinstance(value, float) for rows in shop.values() for row in rows for value in row.values())


def test_awkward_values_come_up(shop):
    customers, orders = shop["customers"], shop["orders"]
    births = [row["birth_date"] for row in customers if row["birth_date"] is not None]
    assert any((each.month, each.day) == (2, 29) for each in births)
    assert any(not row["is_active"] for row in customers)
    for column in ("email", "first_name", "gender", "birth_date", "group_id", "store_id"):
        assert any(row[column] is None for row in customers), column
    names = "".join(row["first_name"] or "" for row in customers)
    assert {"É", "İ", "Ł", "Σ", "ë"} <= set(names)
    assert any(row["company"] == "" for row in shop["addresses"]), "empty text is not missing"
    per_customer = Counter(row["customer_id"] for row in shop["newsletter_subscriptions"])
    assert max(per_customer.values()) > 1
    moments = Counter((row["customer_id"], row["created_at"]) for row in orders)
    assert max(moments.values()) > 1, "two orders of one moment"
    assert any(row["qty"] % 1 for row in shop["order_items"])
    assert {row["status"] for row in orders} == {"pending", "processing", "complete", "on_hold", "closed", "canceled"}
    assert {row["coupon_code"] for row in orders} >= {"SUMMER", "summer", "SUMMER25", "VIP_10%", None}
    assert any(row["product_id"] is None for row in shop["order_items"])
    assert any(row["price"] is None for row in shop["products"])
    linked = {row["product_id"] for row in shop["product_categories"]}
    assert any(row["id"] not in linked for row in shop["products"]), "a product without categories"
    assert len({row["timezone"] for row in shop["stores"]}) > 5 and len(shop["websites"]) == 3
