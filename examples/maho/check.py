"""Fills the shop once, asks each rule in two ways and compares, then takes over the segments that Maho has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import sqlalchemy as sa
from fill import ANNA, BEN, CLEO, DORA, NOW, fill

import segrules as sr
from segrules.interchange.maho import Importer, read_database

SHOP = sr.Shop.preset("maho")
#: Each rule with its members, worked out by hand from fill.py.
RULES = {
    "lifetime.orders = 2 and lifetime.sales = 79.60": [ANNA],  # 54.00 and 25.60; the third one was cancelled
    "lifetime.orders >= 1": [ANNA, BEN],  # Cleo's one is closed, a guest's is nobody's, Dora is not active
    "any order where (status is closed and store is 'uk_en')": [CLEO],
    "any order where (status is on_hold)": [BEN],
    "lifetime.refunds > 5% of lifetime.sales and lifetime.refunds = 5": [ANNA],  # the other memo was cancelled
    "any order where (coupon_code is 'SUMMER' and discount_amount = 2 and payment_method is 'checkmo')": [ANNA],
    "any order where (total_qty = 3 and tax_amount = 9 and shipping_method is 'flatrate_flatrate')": [ANNA],
    "any order_item where (category is 'Coffee' and order.created_at before 100 days ago)": [ANNA],
    "any order_item where (category is '22' and type is configurable and sku is 'mug-red')": [ANNA],
    "any order_item where (type is simple and category is 'Kitchen')": [ANNA, BEN],
    "customer.gender is female and customer.group is 'Wholesale' and customer.website is base": [ANNA],
    "customer.days_until_birthday = 1 and customer.birth_date = 1990-07-05": [ANNA],
    "customer.first_name starts with 'C' and customer.email ends with '@example.com'": [CLEO],
    "shipping_address.city is 'rome' and billing_address.region is 'RM'": [ANNA],
    "any address where (city is 'Milan' and street contains 'scala b' and region is not set)": [ANNA],
    "newsletter.status is subscribed": [ANNA],
    "newsletter.status is not_subscribed": [CLEO],
    "activity.days_since_last_login = 2": [ANNA],
    "cart.status is active and cart.grand_total = 33 and cart.tax_amount = 6 and cart.discount_amount = 3": [BEN],
    "cart.applied_rules contains '12' and cart.updated_at before 1 hour ago": [BEN, CLEO],
    "any cart_item where (category is 'coffee' and qty >= 2)": [BEN],
    "any product_view where (name is 'Beans' and price = 15 and viewed_at in last 2 days)": [ANNA, CLEO],
    "any wishlist where (shared and any wishlist_item where (sku is 'mug-red' and added_at before 30 days ago))": [
        CLEO
    ],
}
#: The segments of Maho with their members.
SEGMENTS = {"Women who buy wholesale": [ANNA], "Looked at coffee": [CLEO]}


def check(engine: sa.Engine) -> int:
    """How many rules and segments have other members than expected, or others in memory than in SQL."""
    SHOP.check(engine)
    return sum(not _agrees(engine, text, expected) for text, expected in RULES.items()) + _wrong_segments(engine)


def _agrees(engine: sa.Engine, text: str, expected: list[int]) -> bool:
    rule = sr.parse(text, SHOP)
    everybody = [ANNA, BEN, CLEO, DORA]
    with engine.connect() as connection:
        ids = sorted(connection.scalars(rule.select(SHOP, engine.dialect, at=NOW)))
        matches = rule.predicate(SHOP, at=NOW)
        customers = sr.Customer.load_many(connection, SHOP, everybody, needs=rule)
        loaded = [number for number, customer in zip(everybody, customers, strict=True) if matches(customer)]
    agree = ids == loaded == expected
    print(f"{'agree   ' if agree else 'DISAGREE'}  {ids!s:<8}  {' '.join(str(rule).split())}")
    return agree


def _wrong_segments(engine: sa.Engine) -> int:
    """The segments as ``segrules import maho`` takes them over, stored and refreshed."""
    store = sr.SegmentStore(engine, SHOP)
    store.create_tables()
    found = {}
    for each in Importer(SHOP.vocabulary).segments(read_database(engine)):
        store.save(sr.Segment(name=each.name, rule=each.rule, websites=each.websites, active=each.active))
        store.refresh(each.name, at=NOW)
        found[each.name] = [member.customer_id for member in store.members(each.name)]
        print(f"{each.name}: {found[each.name]}, carried over {each.carried.value}")
    return sum(found.get(name) != members for name, members in SEGMENTS.items())


def main() -> int:
    """0 when all agree."""
    file = Path(__file__).parent / "shop.sqlite3"
    engine = sa.create_engine(os.environ.get("DATABASE_URL") or f"sqlite:///{file}")
    sr.prepare(engine)
    if not sa.inspect(engine).has_table("customer_entity"):
        fill(engine)
    return 1 if check(engine) else 0


if __name__ == "__main__":
    sys.exit(main())
