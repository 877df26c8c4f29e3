"""Fourteen customers who can be judged by hand, at noon of 4 July 2025, UTC.

Each has a name that says why it is there. What a customer does not mention is empty or harmless.
"""

from typing import Any

AT = "2025-07-04T12:00:00+00:00"

CAMERA = {"code": "cam", "name": "Cameras"}
ACCESSORY = {"code": "acc", "name": "Camera Accessories"}
COFFEE = {"code": "cof", "name": "Coffee"}

SUBSCRIBED = {"id": 1, "status": "subscribed", "changed_at": "2025-01-01T00:00:00"}
LONG_AGO = "2020-01-01T00:00:00"


def order(day: str, total: object, status: str = "complete", **more: Any) -> dict[str, Any]:
    return {"created_at": day if "T" in day else f"{day}T10:00:00", "grand_total": total, "status": status, **more}


def item(*categories: dict[str, str], sku: str = "S") -> dict[str, Any]:
    return {"sku": sku, "categories": list(categories), "qty": 1}


def customer(created_at: str = LONG_AGO, newsletter: Any = None, **more: Any) -> dict[str, Any]:
    return {"created_at": created_at, "newsletter": newsletter, "website": "main", **more}


CUSTOMERS: dict[str, dict[str, Any]] = {
    # 11 orders, 5,500.11 in all, refunds of 275.0055 would be exactly 5 %: one ten-thousandth less is a VIP.
    "vip": customer(
        orders=[order("2025-01-01", "500.01", refunds=[{"amount": "275.0054"}])] + [order("2025-01-01", "500.01")] * 10
    ),
    "refunds too much": customer(
        orders=[order("2025-01-01", "500.01", refunds=[{"amount": "275.0055"}])] + [order("2025-01-01", "500.01")] * 10
    ),
    "one order short": customer(orders=[order("2025-01-01", "600")] * 10),
    # The cart was touched an hour and a microsecond ago.
    "left a cart": customer(
        newsletter=SUBSCRIBED,
        carts=[{"grand_total": "200.0001", "updated_at": "2025-07-04T10:59:59.999999", "status": "active"}],
    ),
    "still shopping": customer(
        newsletter=SUBSCRIBED,
        carts=[{"grand_total": "200.0001", "updated_at": "2025-07-04T11:00:00", "status": "active"}],
    ),
    # Registered 29 calendar days ago, at the first instant of that day.
    "newcomer": customer(
        created_at="2025-06-05T00:00:00", newsletter=SUBSCRIBED, orders=[order("2025-06-06", 10, "canceled")]
    ),
    "newcomer of yesterday's month": customer(created_at="2025-06-04T23:59:59.999999", newsletter=SUBSCRIBED),
    # Last order 181 calendar days ago; the canceled one does not count.
    "gone quiet": customer(
        newsletter=SUBSCRIBED,
        orders=[order("2025-01-04T23:59:59.999999", 60), order("2024-05-05", 41), order("2025-06-01", 9, "canceled")],
    ),
    "has a birthday": customer(newsletter=SUBSCRIBED, birth_date="1979-07-04"),
    "photographer": customer(
        orders=[order("2025-04-05T00:00:00", 5, items=[item(CAMERA)]), order("2025-06-01", 5, items=[item(COFFEE)])]
    ),
    "equipped photographer": customer(
        orders=[order("2025-06-01", 5, items=[item(CAMERA)]), order("2015-06-01", 5, items=[item(ACCESSORY)])]
    ),
    "from London": customer(
        created_at="2025-01-02T00:00:00",
        website="uk",
        addresses=[
            {"kind": "shipping", "is_default": True, "country": "GB"},
            {"kind": "billing", "is_default": True, "country": "FR"},
        ],
    ),
    "coffee drinker": customer(
        newsletter=SUBSCRIBED,
        orders=[order("2025-06-06T23:59:59.999999", 5, items=[item(COFFEE, CAMERA)])],
    ),
    "dreamer": customer(
        newsletter=SUBSCRIBED,
        product_views=[{"price": "500.0001", "viewed_at": "2025-06-27T00:00:00", "sku": "L"}],
    ),
    "nearly gold": customer(orders=[order("2025-05-06T00:00:00", "999.9999"), order("2025-07-01", 5000, "closed")]),
    "inactive customer with a birthday": customer(newsletter=SUBSCRIBED, birth_date="1979-07-04", is_active=False),
}

#: The members of each example, by hand.
MEMBERS: dict[str, set[str]] = {
    "vip-platinum": {"vip"},
    "cart-abandoned": {"left a cart"},
    "new-no-order": {"newcomer"},
    "win-back": {"gone quiet"},
    "birthday": {"has a birthday"},
    "camera-no-accessory": {"photographer", "coffee drinker"},
    "uk-new": {"from London"},
    "coffee-due": {"coffee drinker"},
    "browser": {"dreamer"},
    "near-gold": {"nearly gold"},
}
