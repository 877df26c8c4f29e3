"""The rules that the demonstration runs: the ten of a shop's daily work, and a tour of the language."""

from __future__ import annotations

from attrs import frozen


@frozen
class DemoRule:
    """A rule with the name of its segment and a title that tells a shop owner whom it finds.

    ``website`` scopes it; ``in segment`` of another demonstration rule is answered by that rule.
    """

    name: str
    title: str
    text: str
    website: str | None = None


PRACTICAL = (
    DemoRule(
        "vip-platinum",
        "Top spenders who keep what they buy",
        """lifetime.sales > 5000 and lifetime.orders > 10 and lifetime.average_order > 200
           and lifetime.refunds < 5% of lifetime.sales""",
    ),
    DemoRule(
        "cart-abandoned",
        "Left a cart worth more than 200 an hour ago or earlier",
        """any cart where (status is active and grand_total > 200 and updated_at before 1 hour ago)
           and newsletter.status is subscribed""",
    ),
    DemoRule(
        "new-no-order",
        "Registered within 30 days and has not bought yet",
        """customer.days_since_registration < 30 and lifetime.orders = 0
           and newsletter.status is subscribed""",
    ),
    DemoRule(
        "win-back",
        "Good customer who has been away for half a year",
        """activity.days_since_last_order > 180 and activity.orders > 1
           and newsletter.status is subscribed and lifetime.sales > 100""",
    ),
    DemoRule(
        "birthday",
        "Has a birthday today",
        "customer.days_until_birthday = 0 and newsletter.status is subscribed",
    ),
    DemoRule(
        "camera-no-accessory",
        "Bought a camera lately, and never an accessory",
        """any order_item where (category is "Cameras" and order.created_at in last 90 days)
           and no order_item where (category is "Camera Accessories")""",
    ),
    DemoRule(
        "uk-new",
        "New customer of the UK website with parcels to Great Britain",
        'shipping_address.country is "GB" and customer.created_at after 2025-01-01',
        website="uk",
    ),
    DemoRule(
        "coffee-due",
        "Bought coffee four to five weeks ago",
        """any order_item where (category is "Coffee" and order.created_at between 35 days ago and 28 days ago)
           and newsletter.status is subscribed""",
    ),
    DemoRule(
        "browser",
        "Looked at something dear this week and never bought",
        """any product_view where (price > 500 and viewed_at in last 7 days)
           and lifetime.orders = 0 and newsletter.status is subscribed""",
    ),
    DemoRule(
        "near-gold",
        "Fifty short of the gold tier, and still active",
        "lifetime.sales > 950 and lifetime.sales < 1000 and activity.days_since_last_order < 60",
    ),
)

TOUR = (
    DemoRule("birthday-week", "Has a birthday within a week", "customer.birthday in next 7 days"),
    DemoRule(
        "undecided",
        "Looked at something dear this week and did not buy that very thing",
        """any product_view where (price > 500 and viewed_at in last 7 days
                                   and no order_item where (sku = product_view.sku))""",
    ),
    DemoRule(
        "regular",
        "Three orders in the last three months",
        "count(order where status is complete and created_at in last 90 days) >= 3",
    ),
    DemoRule(
        "growing",
        "Spent more than twice as much this year as last year",
        """sum(order.grand_total where created_at in this year)
           > 2 * sum(order.grand_total where created_at in last year)""",
    ),
    DemoRule(
        "coupon-fan",
        "Used a coupon last time, on a decent order",
        "last order has (coupon_code is set) and last(order.grand_total where status is complete) > 100",
    ),
    DemoRule(
        "wake-up",
        "A dear cart left alone, or a good customer gone quiet",
        """any of (
             any cart where (status is active and grand_total > 200 and days_since_update > 1),
             all of (activity.days_since_last_order > 180, lifetime.sales > 500),
           )""",
    ),
    DemoRule(
        "vip-retail",
        "Top spenders outside the trade",
        'in segment "vip-platinum" and customer.group not in (wholesale, staff)',
    ),
    DemoRule(
        "complete-the-set",
        "A camera in the cart, but no accessory for it",
        """any cart_item where (category is "Cameras")
           and no cart_item where (category is "Camera Accessories")""",
    ),
    DemoRule(
        "still-dreaming",
        "A wish older than a month that was never bought",
        """any wishlist_item where (added_at before 30 days ago
                                    and no order_item where (sku = wishlist_item.sku))""",
    ),
    DemoRule(
        "california",
        "Parcels to California",
        'shipping_address.country is "US" and shipping_address.region is "CA"',
    ),
    DemoRule("anniversary", "Joined on this day of an earlier year", "anniversary of customer.created_at is today"),
    DemoRule("unsubscribed", "Active customer who gets no newsletter", "newsletter.status is not subscribed"),
    DemoRule(
        "never-unhappy",
        "Ordered, and every single order was completed without a refund",
        "any order and every order where (status is complete and no refunds)",
    ),
)

RULES = (*PRACTICAL, *TOUR)
