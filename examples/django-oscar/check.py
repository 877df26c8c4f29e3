"""Fills the shop once, then asks each rule in three ways and compares: with Django, with SQL, in memory."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from fill import NOW, fill  # noqa: E402

import segrules as sr  # noqa: E402
from segrules.django import engine, matching, shop, store  # noqa: E402

#: Each rule with its members, worked out by hand from fill.py.
RULES = {
    "lifetime.orders = 2 and lifetime.sales = 78": "anna",  # 54.00 and 24.00; the third one was cancelled
    "lifetime.orders >= 1": "anna ben cleo",  # Cleo ordered as a guest; Dan is not active
    "lifetime.refunds > 5% of lifetime.sales": "anna",
    "any order where (coupon_code is 'SUMMER' and discount_amount = 1 and payment_method is 'card')": "anna",
    "any order where (status is canceled and created_at in last 14 days)": "anna",
    "any order_item where (category is 'Coffee' and order.created_at in last 7 days)": "cleo",
    "no order_item where (sku is 'SKU-B1')": "cleo",
    "any order where (total_qty = 3 and subtotal = 54 and tax_amount = 9)": "anna",
    "cart.status is active and cart.grand_total = 36 and cart.updated_at before 1 hour ago": "ben",
    "any cart_item where (category is 'Coffee' and qty >= 2)": "ben",
    "any product_view where (viewed_at in last 2 days and name contains 'NOVEL')": "cleo",
    "any wishlist where (shared and any wishlist_item where (category is 'coffee'))": "cleo",
    "shipping_address.city is 'rome' and billing_address.country is 'IT'": "anna",
    "customer.created_at in last 30 days and customer.email ends with '@example.com'": "ben cleo",
    "activity.days_since_last_login = 2": "anna",
}


def main() -> int:
    """0 when all agree."""
    call_command("migrate", verbosity=0, skip_checks=True)
    if not User.objects.exists():
        fill()
    shop().check(engine())
    wrong = 0
    for text, expected in RULES.items():
        rule = sr.parse(text, shop())
        with_django = User.objects.filter(pk__in=matching(rule, at=NOW)).order_by("pk")
        names = [user.username for user in with_django]
        with engine().connect() as connection:
            ids = sorted(connection.scalars(rule.select(shop(), engine().dialect, at=NOW)))
            matches = rule.predicate(shop(), at=NOW)
            everybody = list(User.objects.order_by("pk").values_list("pk", flat=True))
            customers = sr.Customer.load_many(connection, shop(), everybody, needs=rule)
            loaded = [pk for pk, customer in zip(everybody, customers, strict=True) if matches(customer)]
        agree = ids == loaded == [user.pk for user in with_django] and names == expected.split()
        wrong += not agree
        print(f"{'agree   ' if agree else 'DISAGREE'}  {', '.join(names):<18}  {' '.join(str(rule).split())}")
    segments = store()
    segments.create_tables()
    if not segments.list():
        segments.save(sr.Segment(name="buyers", rule="lifetime.orders >= 1"))
    print(segments.refresh("buyers", at=NOW))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
