"""Customers as the source's tables hold them, the same ones as this library sees them, and conditions about them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.interchange.source_model import NOW, OPTIONS, PREFIX

GROUPS = {1: "General", 2: "Wholesale Plus"}
STORES = {0: "admin", 1: "main", 2: "uk"}
TEXTS = ("ann", "Bob", "annabel", "")
CODES = ("abc", "abcd", "x-1")
NUMBERS = ("-5", "0", "0.5", "1", "2", "5", "10.25", "100")
COUNTRIES = ("GB", "IT")
TYPES = ("simple", "bundle")
STATUSES = ("pending", "complete", "closed", "canceled", "holded")
DAYS = tuple((NOW.date() + timedelta(days=each)).isoformat() for each in (-400, -30, -5, -1, 0, 1))
SUBSCRIPTIONS = {1: "subscribed", 2: "not_active", 3: "unsubscribed", 4: "unconfirmed"}


def moment(rng):
    """A moment near one of the days that conditions name: at midnight, just around it, or in between."""
    start = datetime.fromisoformat(rng.choice(DAYS)).replace(tzinfo=NOW.tzinfo)
    return start + rng.choice((timedelta(0), timedelta(seconds=-1), timedelta(hours=9), timedelta(hours=23)))


def amount(rng):
    return Decimal(rng.choice(("0", "0.5", "1", "2", "5", "10.25", "100")))


def maybe(rng, value):
    return None if rng.random() < 0.25 else value


def several(rng, make, most=2):
    return [make(rng) for _ in range(rng.randint(0, most))]


def product(rng):
    number = rng.randint(1, 3)
    return {
        "product_id": number,
        "sku": CODES[number - 1],
        "name": TEXTS[number - 1],
        "type": TYPES[number % 2],
        "price": Decimal(number),
        "categories": [number] if number > 1 else [],
    }


def order_item(rng):
    return {
        "sku": maybe(rng, rng.choice(CODES)),
        "name": maybe(rng, rng.choice(TEXTS)),
        "type": rng.choice(TYPES),
        "price": maybe(rng, amount(rng)),
        "qty_ordered": maybe(rng, amount(rng)),
        "row_total": maybe(rng, amount(rng)),
        "row_total_incl_tax": maybe(rng, amount(rng)),
        "discount_amount": maybe(rng, amount(rng)),
    }


def order(rng):
    row = {name: maybe(rng, amount(rng)) for name in ("total_qty", "subtotal", "tax_amount", "shipping_amount")}
    discount = maybe(rng, amount(rng))
    return {
        **row,
        "discount_amount": discount and -discount,
        "grand_total": amount(rng),
        "status": rng.choice(STATUSES),
        "created_at": moment(rng),
        "updated_at": maybe(rng, moment(rng)),
        "store_id": maybe(rng, rng.choice((1, 2))),
        "currency_code": maybe(rng, rng.choice(CODES)),
        "payment_method": maybe(rng, rng.choice(CODES)),
        "shipping_method": maybe(rng, rng.choice(CODES)),
        "coupon_code": maybe(rng, rng.choice(CODES)),
        "items": several(rng, order_item),
        "creditmemos": several(rng, amount),
    }


def cart_item(rng):
    return {
        "sku": rng.choice(CODES),
        "name": rng.choice(TEXTS),
        "price": maybe(rng, amount(rng)),
        "qty": maybe(rng, amount(rng)),
        "row_total": maybe(rng, amount(rng)),
    }


def cart(rng):
    return {
        "is_active": rng.choice((0, 1, 1)),
        "items_count": maybe(rng, rng.randint(0, 5)),
        "items_qty": maybe(rng, amount(rng)),
        "base_subtotal": maybe(rng, amount(rng)),
        "base_grand_total": maybe(rng, amount(rng)),
        "created_at": moment(rng),
        "updated_at": moment(rng),
        "store_id": maybe(rng, rng.choice((1, 2))),
        "coupon_code": maybe(rng, rng.choice(CODES)),
        "applied_rule_ids": maybe(rng, rng.choice(("3", "4,3", "5"))),
        "items": several(rng, cart_item),
    }


def address(rng):
    row = {
        name: maybe(rng, rng.choice(TEXTS))
        for name in ("firstname", "lastname", "company", "street", "city", "region", "postcode", "telephone")
    }
    return {**row, "country_id": maybe(rng, rng.choice(COUNTRIES))}


def view(rng):
    return {**product(rng), "added_at": moment(rng)}


def make_customer(rng):
    """A customer as the source's tables hold it."""
    views = {each["product_id"]: each for each in several(rng, view, 3)}
    subscriber = {"subscriber_status": rng.randint(1, 4), "change_status_at": maybe(rng, moment(rng))}
    return {
        "email": maybe(rng, rng.choice(TEXTS)),
        "firstname": maybe(rng, rng.choice(TEXTS)),
        "lastname": maybe(rng, rng.choice(TEXTS)),
        "gender": maybe(rng, int(rng.choice(list(OPTIONS)))),
        "dob": maybe(
            rng, rng.choice((date(1990, 7, 4), date(1980, 7, 5), date(1996, 2, 29), *map(date.fromisoformat, DAYS)))
        ),
        "created_at": moment(rng),
        "group_id": rng.choice(list(GROUPS)),
        "store_id": maybe(rng, rng.choice(list(STORES))),
        "addresses": several(rng, address),
        "logins": several(rng, moment),
        "orders": several(rng, order, 3),
        "carts": several(rng, cart),
        "views": list(views.values()),
        "subscriber": maybe(rng, subscriber),
        "wishlists": several(rng, lambda rng: {"shared": rng.randint(0, 1), "items": several(rng, view)}),
    }


# --- the same customer here ------------------------------------------------------------------------


def here(c):
    """The customer as this library sees it, by the mapping that the default shop describes."""

    def bought(each):
        return {"sku": each["sku"], "name": each["name"], "price": each["price"], "categories": []}

    def seen(each):
        categories = [{"code": str(number), "name": f"Category {number}"} for number in each["categories"]]
        return {
            **{name: each[name] for name in ("product_id", "sku", "name", "type", "price")},
            "categories": categories,
        }

    subscriber = c["subscriber"]
    return {
        "id": 1,
        "email": c["email"],
        "first_name": c["firstname"],
        "last_name": c["lastname"],
        "gender": c["gender"] and OPTIONS[str(c["gender"])].lower(),
        "birth_date": c["dob"],
        "created_at": c["created_at"],
        "group": GROUPS[c["group_id"]],
        "store": None if c["store_id"] is None else STORES[c["store_id"]],
        "website": "base",
        "addresses": [
            {
                "id": n,
                "kind": "billing",
                "is_default": False,
                "first_name": a["firstname"],
                "last_name": a["lastname"],
                "company": a["company"],
                "street": a["street"],
                "city": a["city"],
                "region": a["region"],
                "region_code": None,
                "postcode": a["postcode"],
                "country": a["country_id"],
                "phone": a["telephone"],
            }
            for n, a in enumerate(c["addresses"])
        ],
        "logins": [{"id": n, "at": at} for n, at in enumerate(c["logins"])],
        "newsletter": subscriber
        and {
            "id": 1,
            "status": SUBSCRIPTIONS[subscriber["subscriber_status"]],
            "changed_at": subscriber["change_status_at"],
        },
        "orders": [
            {
                "id": n,
                "status": {"holded": "on_hold"}.get(o["status"], o["status"]),
                "total_qty": o["total_qty"],
                "subtotal": o["subtotal"],
                "tax_amount": o["tax_amount"],
                "shipping_amount": o["shipping_amount"],
                "discount_amount": o["discount_amount"] if o["discount_amount"] is None else -o["discount_amount"],
                "grand_total": o["grand_total"],
                "created_at": o["created_at"],
                "updated_at": o["updated_at"],
                "store": o["store_id"] and STORES[o["store_id"]],
                "website": "base",
                "currency": o["currency_code"],
                "payment_method": o["payment_method"],
                "shipping_method": o["shipping_method"],
                "coupon_code": o["coupon_code"],
                "items": [
                    {
                        **bought(i),
                        "id": m,
                        "type": i["type"],
                        "qty": i["qty_ordered"],
                        "row_total": i["row_total"],
                        "row_total_incl_tax": i["row_total_incl_tax"],
                        "discount_amount": i["discount_amount"],
                    }
                    for m, i in enumerate(o["items"])
                ],
                "refunds": [
                    {"id": m, "amount": a, "created_at": o["created_at"]} for m, a in enumerate(o["creditmemos"])
                ],
            }
            for n, o in enumerate(c["orders"])
        ],
        "carts": [
            {
                "id": n,
                "status": "active" if k["is_active"] else "inactive",
                "items_count": k["items_count"],
                "items_qty": k["items_qty"],
                "subtotal": k["base_subtotal"],
                "grand_total": k["base_grand_total"],
                "tax_amount": None,
                "discount_amount": None,
                "coupon_code": k["coupon_code"],
                "created_at": k["created_at"],
                "updated_at": k["updated_at"],
                "store": k["store_id"] and STORES[k["store_id"]],
                "website": "base",
                "applied_rules": (k["applied_rule_ids"] or "").split(",") if k["applied_rule_ids"] else None,
                "items": [
                    {**bought(i), "id": m, "type": "simple", "qty": i["qty"], "row_total": i["row_total"]}
                    for m, i in enumerate(k["items"])
                ],
            }
            for n, k in enumerate(c["carts"])
        ],
        "product_views": [{**seen(v), "id": n, "viewed_at": v["added_at"]} for n, v in enumerate(c["views"])],
        "wishlists": [
            {
                "id": n,
                "name": None,
                "shared": bool(w["shared"]),
                "items": [{**seen(i), "id": m, "added_at": i["added_at"]} for m, i in enumerate(w["items"])],
            }
            for n, w in enumerate(c["wishlists"])
        ],
    }


# --- conditions ------------------------------------------------------------------------------------

TEXT_OPERATORS = ("==", "!=", "{}", "!{}", "()", "!()")
NUMBER_OPERATORS = ("==", "!=", ">", ">=", "<", "<=")
LISTS = ("()", "!()")

#: For each kind of attribute: the operators that its values take, and the values.
KINDS = {
    "text": (TEXT_OPERATORS, TEXTS),
    "code": (TEXT_OPERATORS, CODES),
    "number": (NUMBER_OPERATORS + LISTS, NUMBERS),
    "one number": (NUMBER_OPERATORS, NUMBERS),
    "days": (NUMBER_OPERATORS + LISTS, ("0", "1", "5", "30", "0.04", "5.5", "-1")),
    "whole days": (NUMBER_OPERATORS, ("0", "1", "5", "30", "30.7", "-1")),
    "date": (NUMBER_OPERATORS, DAYS),
    "gender": (("==", "!=", *LISTS), ("7", "8")),
    "group": (("==", "!=", *LISTS), ("1", "2")),
    "store": (("==", "!=", *LISTS), ("1", "2")),
    "country": (("==", "!=", *LISTS), COUNTRIES),
    "region": (TEXT_OPERATORS, TEXTS),
    "status": (("==", "!=", *LISTS), STATUSES),
    "subscription": (("==", "!=", *LISTS), ("1", "2", "3", "4")),
    "type": (("==", "!=", *LISTS), TYPES),
    "flag": (("==", "!="), ("0", "1")),
    "id": (("==", "!=", *LISTS), ("1", "2", "3")),
    "rules": (("{}", "!{}"), ("3", "5")),
}


def attributes(kind, names):
    return dict.fromkeys(names.split(), kind)


ATTRIBUTES = {
    "customer_attributes": {
        **attributes("text", "email firstname lastname"),
        "gender": "gender",
        **attributes("date", "dob created_at"),
        "group_id": "group",
        "store_id": "store",
        **attributes("days", "days_since_registration days_until_birthday"),
    },
    "customer_address": {
        **attributes("text", "firstname lastname company street city postcode telephone"),
        "region": "region",
        "country_id": "country",
    },
    "customer_timebased": attributes(
        "whole days",
        "days_since_last_login days_since_last_order days_inactive days_since_first_order"
        " order_frequency_days days_without_purchase",
    ),
    "customer_clv": attributes(
        "one number", "lifetime_sales number_of_orders average_order_value lifetime_profit lifetime_refunds"
    ),
    "customer_newsletter": {"subscriber_status": "subscription", "change_status_at": "date"},
    "order_attributes": {
        **attributes(
            "number", "total_qty total_amount subtotal tax_amount shipping_amount discount_amount grand_total"
        ),
        **attributes("date", "created_at updated_at"),
        "status": "status",
        "store_id": "store",
        **attributes("code", "currency_code payment_method shipping_method coupon_code"),
        "days_since_last_order": "days",
        **attributes("one number", "average_order_amount total_ordered_amount"),
    },
    "order_items": {
        "product_name": "text",
        "product_sku": "code",
        "product_type": "type",
        "product_price": "number",
        **attributes("number", "qty_ordered row_total row_total_incl_tax discount_amount"),
    },
    "cart_attributes": {
        **attributes("number", "items_count items_qty base_subtotal base_grand_total"),
        **attributes("date", "created_at updated_at"),
        "is_active": "flag",
        "store_id": "store",
        "applied_rule_ids": "rules",
        "coupon_code": "code",
    },
    "cart_items": {
        **attributes("number", "qty price base_price row_total base_row_total product_price"),
        "product_name": "text",
        "product_sku": "code",
    },
    "product_viewed": {
        "product_id": "id",
        "product_name": "text",
        "product_sku": "code",
        "category_id": "id",
        "view_count": "number",
        "last_viewed_at": "date",
        "days_since_last_view": "days",
    },
    "product_wishlist": {
        "product_id": "id",
        "product_name": "text",
        "product_sku": "code",
        "category_id": "id",
        "wishlist_items_count": "number",
        "added_at": "date",
        "days_since_added": "days",
        "wishlist_shared": "flag",
    },
}

QUESTIONS = [
    (type_, attribute, operator)
    for type_, known in ATTRIBUTES.items()
    for attribute, kind in known.items()
    for operator in KINDS[kind][0]
]


def make_leaf(rng, type_, attribute, operator):
    """A condition with one of the values of its kind; of lists, as a list or as text with commas."""
    kind = ATTRIBUTES[type_][attribute]
    choices = [each for each in KINDS[kind][1] if each or type_ != "order_items"]  # which the source passes over
    value = rng.choice(choices)
    if operator in LISTS:
        values = rng.sample(choices, rng.randint(1, 2))
        value = values if rng.random() < 0.5 else ", ".join(values)
    elif operator in ("==", "!=") and kind not in ("one number", "whole days") and rng.random() < 0.2:
        value = [value]
    return {
        "type": PREFIX + type_,
        "attribute": attribute,
        "operator": operator,
        "value": value,
        "is_value_processed": False,
    }


def make_tree(rng, depth=2):
    """A tree of conditions."""
    items = [
        make_tree(rng, depth - 1) if depth and rng.random() < 0.3 else make_leaf(rng, *rng.choice(QUESTIONS))
        for _ in range(rng.randint(0 if depth < 2 else 1, 3))
    ]
    return {
        "type": PREFIX + "combine",
        "attribute": None,
        "operator": None,
        "value": rng.choice(("1", "0", 1, 0, True)),
        "is_value_processed": None,
        "aggregator": rng.choice(("all", "any")),
        "conditions": items,
    }
