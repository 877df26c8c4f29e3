"""Fills the shop once, then asks each rule in two ways and compares: with SQL, and in memory over customers loaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import sqlalchemy as sa
from fill import ANNA, BEN, CLEO, DORA, NOW, fill

import segrules as sr

SHOP = sr.Shop.preset("woocommerce", timezone="Europe/Rome")
#: Each rule with its members, worked out by hand from fill.py.
RULES = {
    "lifetime.orders = 2 and lifetime.sales = 79.60": [ANNA],  # 54.00 and 25.60; the third one was cancelled
    "lifetime.orders >= 1": [ANNA, BEN, CLEO],  # Cleo ordered as a guest; Dora's drafts are no orders
    "any order where (status is closed) and lifetime.orders = 0": [DORA],
    "lifetime.refunds > 5% of lifetime.sales": [ANNA],
    "any order where (coupon_code is 'summer' and discount_amount = 2 and payment_method is 'stripe')": [ANNA],
    "any order where (coupon_code is 'SUMMER')": [],  # codes are exact, whatever the collation
    "any order where (status is canceled and created_at in last 14 days)": [ANNA],
    "any order where (total_qty = 3 and subtotal = 45 and tax_amount = 9 and shipping_method is 'flat_rate')": [ANNA],
    "any order where (tax_amount = 2.0833)": [BEN],  # WooCommerce keeps eight decimals
    "any order where (shipping_amount > 0)": [ANNA],
    "any order_item where (category is 'Tea' and order.created_at in last 7 days)": [CLEO],
    "any order_item where (sku is 'CUP-RED' and type is variable and category is 'Cups')": [ANNA, BEN],
    "any order_item where (price = 10 and discount_amount = 2 and row_total_incl_tax = 21.6)": [ANNA],
    "no order_item": [DORA],
    "shipping_address.city is 'rome' and billing_address.country is 'IT'": [ANNA],
    "any address where (company is set)": [],
    "customer.first_name is set": [ANNA, BEN],
    "customer.created_at in last 30 days and customer.email ends with '@example.com'": [BEN, CLEO, DORA],
    "activity.days_since_last_login = 2": [ANNA],
}


def check(engine: sa.Engine) -> int:
    """How many rules have other members than expected, or others in memory than in SQL."""
    SHOP.check(engine)
    wrong = 0
    with engine.connect() as connection:
        for text, expected in RULES.items():
            rule = sr.parse(text, SHOP)
            ids = sorted(connection.scalars(rule.select(SHOP, engine.dialect, at=NOW)))
            matches = rule.predicate(SHOP, at=NOW)
            everybody = [ANNA, BEN, CLEO, DORA]
            customers = sr.Customer.load_many(connection, SHOP, everybody, needs=rule)
            loaded = [user for user, customer in zip(everybody, customers, strict=True) if matches(customer)]
            agree = ids == loaded == expected
            wrong += not agree
            print(f"{'agree   ' if agree else 'DISAGREE'}  {ids!s:<12}  {' '.join(str(rule).split())}")
    return wrong


def main() -> int:
    """0 when all agree."""
    file = Path(__file__).parent / "shop.sqlite3"
    engine = sa.create_engine(os.environ.get("DATABASE_URL") or f"sqlite:///{file}")
    sr.prepare(engine)
    if not sa.inspect(engine).has_table("wp_users"):
        fill(engine)
    return 1 if check(engine) else 0


if __name__ == "__main__":
    sys.exit(main())
