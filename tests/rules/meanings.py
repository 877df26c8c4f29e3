"""What rules mean at their boundaries, judged by hand: (rule, a customer, whether it matches).

Noon of Friday 4 July 2025 in UTC, in a shop that lives by UTC.
"""

from typing import Any

AT = "2025-07-04T12:00:00+00:00"

Case = tuple[str, dict[str, Any], bool]


def orders(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"orders": list(rows)}


def placed(*moments: str) -> dict[str, Any]:
    return {"orders": [{"created_at": moment} for moment in moments]}


def registered(moment: str) -> dict[str, Any]:
    return {"created_at": moment}


A, B = {"code": "a", "name": "Alpha"}, {"code": "b", "name": "Beta"}

MISSING: list[Case] = [
    ('customer.first_name = "Ann"', {"first_name": None}, False),
    ('customer.first_name != "Ann"', {"first_name": None}, True),
    ('not customer.first_name = "Ann"', {"first_name": None}, True),
    ('customer.first_name not in ("Ann", "Bob")', {}, True),
    ('customer.first_name not contains "nn"', {}, True),
    ("customer.birth_date not between 2000-01-01 and 2000-12-31", {}, True),
    ("customer.birth_date not in this year", {}, True),
    ("not customer.birthday is today", {}, True),
    ("customer.first_name is not set", {}, True),
    ("customer.first_name is set", {"first_name": ""}, True),
    ('customer.first_name contains ""', {"first_name": ""}, True),
    ('customer.first_name contains ""', {}, False),
    ("avg(order.grand_total) < 5", {}, False),
    ("not avg(order.grand_total) < 5", {}, True),
    ("sum(order.discount_amount) = 0", orders({"discount_amount": None}), True),
    ("avg(order.discount_amount) = 4", orders({"discount_amount": None}, {"discount_amount": 4}), True),
    ("max(order.created_at) is set", {}, False),
    ("any order where (subtotal > 1 or subtotal <= 1)", orders({"subtotal": None}), False),
    ("any order where (not (subtotal > 1) and not (subtotal <= 1))", orders({"subtotal": None}), True),
    ("lifetime.average_order * 2 + 1 > 0", {}, False),
]

TEXT: list[Case] = [
    ('customer.first_name = "élise"', {"first_name": "ÉLISE"}, True),
    ('customer.first_name = "elise"', {"first_name": "Élise"}, False),
    ('customer.first_name = "σ"', {"first_name": "Σ"}, True),
    ('customer.first_name = "ς"', {"first_name": "Σ"}, False),
    ('customer.first_name = "ß"', {"first_name": "ẞ"}, True),
    ('customer.first_name = "ss"', {"first_name": "ß"}, False),
    ('customer.first_name = "i"', {"first_name": "İ"}, True),
    ('customer.first_name = "k"', {"first_name": "\u212a"}, True),
    ('customer.first_name = "ann"', {"first_name": "Ann "}, False),
    ('customer.first_name contains "50%"', {"first_name": "5012"}, False),
    ('customer.first_name contains "a_c"', {"first_name": "abc"}, False),
    ('customer.first_name ends with "\\\\"', {"first_name": "x\\"}, True),
    ('customer.first_name = "O\'Neil"', {"first_name": "o'neil"}, True),
    ('order.coupon_code is "Save"', orders({"coupon_code": "SAVE"}), False),
    ('order.coupon_code starts with "SA"', orders({"coupon_code": "SAVE"}), True),
    ('order.coupon_code starts with "sa"', orders({"coupon_code": "SAVE"}), False),
    ("order.status is Complete", orders({"status": "complete"}), True),
]

NUMBERS: list[Case] = [
    ("sum(order.grand_total) = 0.3", orders({"grand_total": "0.1"}, {"grand_total": "0.2"}), True),
    ("avg(order.grand_total) = 0.15", orders({"grand_total": "0.1"}, {"grand_total": "0.2"}), True),
    (
        "avg(order.grand_total) between 0.33 and 0.34",
        orders({"grand_total": 1}, {"grand_total": 0}, {"grand_total": 0}),
        True,
    ),
    (
        "avg(order.grand_total) in (0.333333, 0.5)",
        orders({"grand_total": 1}, {"grand_total": 0}, {"grand_total": 0}),
        False,
    ),
    ("avg(order.grand_total) * 3 = 1", orders({"grand_total": 1}, {"grand_total": 0}, {"grand_total": 0}), True),
    ("order.grand_total > 99.99994", orders({"grand_total": "99.9999"}), False),
    ("order.grand_total > 99.99989", orders({"grand_total": "99.9999"}), True),
    ("any order where (grand_total != 99.99995)", orders({"grand_total": "99.9999"}), True),
    ("any order where (grand_total = -1)", orders({"grand_total": -1}), True),
    (
        "any order where (grand_total - tax_amount > 2 * shipping_amount)",
        orders({"grand_total": 10, "tax_amount": 3, "shipping_amount": "3.4999"}),
        True,
    ),
    (
        "any order where (grand_total - tax_amount > 2 * shipping_amount)",
        orders({"grand_total": 10, "tax_amount": 3, "shipping_amount": "3.5"}),
        False,
    ),
    ("any order where (tax_amount = 22% of subtotal)", orders({"subtotal": "10.05", "tax_amount": "2.211"}), True),
    (
        "count(distinct order.coupon_code) = 2",
        orders({"coupon_code": "a"}, {"coupon_code": "A"}, {"coupon_code": "a"}, {"coupon_code": None}),
        True,
    ),
    ("min(order.grand_total) = 1 and max(order.grand_total) = 3", orders({"grand_total": 3}, {"grand_total": 1}), True),
    ("count(order) in (0, 2)", {}, True),
]

DAYS: list[Case] = [
    ("customer.created_at before 2025-07-04", registered("2025-07-03T23:59:59.999999"), True),
    ("customer.created_at before 2025-07-04", registered("2025-07-04T00:00:00"), False),
    ("customer.created_at after 2025-07-03", registered("2025-07-04T00:00:00"), True),
    ("customer.created_at after 2025-07-03", registered("2025-07-03T23:59:59.999999"), False),
    ("customer.created_at on 2025-07-03", registered("2025-07-03T23:59:59.999999"), True),
    ("customer.created_at <= 2025-07-03", registered("2025-07-03T23:59:59.999999"), True),
    ("customer.created_at between 2025-07-01 and 2025-07-03", registered("2025-07-03T23:59:59.999999"), True),
    ("customer.created_at in last 7 days", registered("2025-06-27T00:00:00"), True),
    ("customer.created_at in last 7 days", registered("2025-06-26T23:59:59.999999"), False),
    ("customer.created_at in last 7 days", registered("2025-07-04T12:00:00"), True),
    ("customer.created_at in last 7 days", registered("2025-07-04T12:00:00.000001"), False),
    ("customer.created_at in next 7 days", registered("2025-07-11T23:59:59.999999"), True),
    ("customer.created_at in next 7 days", registered("2025-07-04T11:59:59.999999"), False),
    ("customer.created_at in last 6 hours", registered("2025-07-04T06:00:00"), True),
    ("customer.created_at in last 6 hours", registered("2025-07-04T05:59:59.999999"), False),
    ("customer.created_at in last 0 days", registered("2025-07-04T00:00:00"), True),
    ("customer.created_at in this week", registered("2025-06-30T00:00:00"), True),
    ("customer.created_at in this week", registered("2025-07-07T00:00:00"), False),
    ("customer.created_at in last quarter", registered("2025-04-01T00:00:00"), True),
    ("customer.created_at in last quarter", registered("2025-07-01T00:00:00"), False),
    ("customer.created_at in last 3 months", registered("2025-04-04T00:00:00"), True),
    ("customer.created_at before 2 hours ago", registered("2025-07-04T09:59:59.999999"), True),
    ("customer.created_at before 1.5 hours ago", registered("2025-07-04T10:30:00"), False),
    ("customer.created_at = 2025-07-04T12:00", registered("2025-07-04T12:00:00"), True),
    ("customer.created_at = 2025-07-04T14:00+02:00", registered("2025-07-04T12:00:00"), True),
    ("customer.days_since_registration = 1", registered("2025-07-03T00:00:00"), True),
    ("customer.days_since_registration = -1", registered("2025-07-05T23:59:59"), True),
    ("customer.days_since_registration between 1 and 2", registered("2025-07-02T00:00:00"), True),
    ("customer.days_since_registration > 0.5", registered("2025-07-04T00:00:00"), False),
    ("customer.days_since_registration in (3, 5)", registered("2025-06-29T00:00:00"), True),
    ("customer.days_since_registration > 2 * activity.orders", {**registered("2025-07-01T00:00:00"), **placed("2025-07-02T00:00:00")}, True),
    ("customer.days_since_registration > 2 * activity.orders", {**registered("2025-07-02T00:00:00"), **placed("2025-07-02T00:00:00")}, False),
    ("customer.birth_date in next 7 days", {"birth_date": "2025-07-04"}, True),
    ("customer.birth_date in last 7 days", {"birth_date": "2025-06-27"}, True),
    ("customer.birth_date before 18 years ago", {"birth_date": "2007-07-03"}, True),
    ("customer.birth_date before 18 years ago", {"birth_date": "2007-07-04"}, False),
    ("customer.birthday in last 3 days", {"birth_date": "1990-07-01"}, True),
    ("customer.birthday in last 3 days", {"birth_date": "1990-06-30"}, False),
    ("customer.birthday in this month", {"birth_date": "1990-07-31"}, True),
    ("customer.birthday on 2025-02-28", {"birth_date": "2000-02-29"}, True),
    ("customer.birthday on 2024-02-28", {"birth_date": "2000-02-29"}, False),
    ("customer.birthday in (2025-07-05, today)", {"birth_date": "1990-07-05"}, True),
    ("customer.days_until_birthday between 0 and 7", {"birth_date": "1990-07-11"}, True),
    ("customer.days_until_birthday > 360", {"birth_date": "1990-07-03"}, True),
    ("anniversary of customer.created_at is today", registered("2020-07-04T23:59:59.999999"), True),
    ("anniversary of customer.created_at is today", registered("2020-07-05T00:00:00"), False),
]  # fmt: skip

ROWS: list[Case] = [
    ("any order where (grand_total > 5 and status is pending)", orders({"grand_total": 6}, {"grand_total": 4, "status": "pending"}), False),
    ("order.grand_total > 5 and order.status is pending", orders({"grand_total": 6}, {"grand_total": 4, "status": "pending"}), True),
    ("not order.status is complete", orders({"status": "complete"}, {"status": "pending"}), False),
    ("no order", {}, True),
    ("every order where (grand_total > 5)", {}, True),
    ("at least 2 orders where (grand_total > 5)", orders({"grand_total": 6}, {"grand_total": 6}), True),
    ("at most 1 order where (grand_total > 5)", orders({"grand_total": 6}, {"grand_total": 6}), False),
    ("exactly 0 orders", {}, True),
    ("exactly 2 orders where (status is complete)", orders({}, {}, {"status": "pending"}), True),
    ("last order has (status is complete)", orders({"id": 1, "created_at": "2025-01-01T00:00:00", "status": "pending"}, {"id": 2, "created_at": "2025-01-01T00:00:00"}), True),
    ("first order has (status is complete)", orders({"id": 1, "created_at": "2025-01-01T00:00:00", "status": "pending"}, {"id": 2, "created_at": "2025-01-01T00:00:00"}), False),
    ("last order has (status is complete)", {}, False),
    ("last(order.grand_total where status is complete) = 1", orders({"id": 1, "created_at": "2025-01-01T00:00:00", "grand_total": 1}, {"id": 2, "created_at": "2025-02-01T00:00:00", "grand_total": 2, "status": "pending"}), True),
    ("lifetime.orders = 1 and activity.orders = 2 and count(order) = 3", orders({}, {"status": "closed"}, {"status": "canceled"}), True),
    ("any order_item where (sku = \"X\")", orders({"status": "canceled", "items": [{"sku": "X"}]}), False),
    ("any order where (any item where (sku = \"X\"))", orders({"status": "canceled", "items": [{"sku": "X"}]}), True),
    ("any order where (count(items) = 2 and sum(item.qty) = 5)", orders({"items": [{"qty": 2}, {"qty": 3}]}, {"items": [{"qty": 5}]}), True),
    ("any order where (sum(order.items.qty) = 5)", orders({"items": [{"qty": 2}]}, {"items": [{"qty": 3}]}), False),
    ("any order_item where (row_total > 10 and order.grand_total > 20)", orders({"grand_total": 21, "items": [{"row_total": 9}]}, {"grand_total": 19, "items": [{"row_total": 11}]}), False),
    ("any order where (sum(refund.amount) >= grand_total)", orders({"grand_total": 5, "refunds": [{"amount": 2}, {"amount": 3}]}), True),
    ("any refund where (amount > 1 and order.status is closed)", orders({"status": "closed", "refunds": [{"amount": 2}]}), True),
    ("any order_item where (category is not \"Alpha\")", orders({"items": [{"categories": [A, B]}]}), False),
    ("any order_item where (category is not \"Alpha\")", orders({"items": [{"categories": []}]}), True),
    ("any order_item where (category is \"A\")", orders({"items": [{"categories": [A]}]}), False),
    ("any order_item where (category contains \"ET\")", orders({"items": [{"categories": [B]}]}), True),
    ("any order_item where (category in (\"a\", \"x\"))", orders({"items": [{"categories": [A, B]}]}), True),
    ("any order_item where (category is not set)", orders({"items": [{"categories": []}]}), True),
    ("any product_view where (any order_item where (category = product_view.category))", {"product_views": [{"categories": [A, B]}], **orders({"items": [{"categories": [B]}]})}, True),
    ("any product_view where (any order_item where (category = product_view.category))", {"product_views": [{"categories": [A]}], **orders({"items": [{"categories": [B]}]})}, False),
    ("count(distinct order_item.category) = 2", orders({"items": [{"categories": [A, B]}]}, {"items": [{"categories": [A]}]}), True),
    ("any cart where (applied_rules contains \"VIP\" and applied_rules is set)", {"carts": [{"applied_rules": ["SUMMER", "VIP"]}]}, True),
    ("any cart where (applied_rules contains \"VI\")", {"carts": [{"applied_rules": ["VIP"]}]}, False),
    ("any cart where (applied_rules is not set)", {"carts": [{"applied_rules": []}]}, True),
    ("address.region is \"california\"", {"addresses": [{"region": "California", "region_code": "CA"}]}, True),
    ("address.region is \"ca\"", {"addresses": [{"region": "California", "region_code": "CA"}]}, False),
    ("shipping_address.city is not \"Rome\"", {}, True),
    ("shipping_address.country is \"IT\"", {"addresses": [{"id": 2, "kind": "shipping", "is_default": True, "country": "IT"}, {"id": 1, "kind": "shipping", "is_default": True, "country": "FR"}]}, False),
    ("any order where (created_at > customer.created_at)", {"created_at": "2025-01-01T00:00:00", **placed("2025-01-01T00:00:00.000001")}, True),
    ("any order where (grand_total > avg(order.grand_total))", orders({"grand_total": 1}, {"grand_total": 2}), True),
    ("any order where (grand_total > avg(order.grand_total))", orders({"grand_total": 1}, {"grand_total": 1}), False),
    ("any wishlist_item where (wishlist.shared and wishlist.name is \"xmas\")", {"wishlists": [{"name": "Xmas", "shared": True, "items": [{}]}]}, True),
    ("in segment \"VIP\" and not in segment \"staff\"", {"segments": ["VIP"]}, True),
    ("true", {"is_active": False}, False),
    ("not true", {}, False),
    ("false", {}, False),
]  # fmt: skip

CASES = [*MISSING, *TEXT, *NUMBERS, *DAYS, *ROWS]
