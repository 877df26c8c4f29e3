"""Rules of other shapes than the ten practical examples; the last few were looked at when all choices stood."""

from __future__ import annotations

from benchmarks.expert import ABANDONED, ACTIVE, CAMERAS, COFFEE, PLACED, SUBSCRIBED, SUBSCRIBED_IN, VALID, Example
from segrules.demo.rules import DemoRule

_BOOKS = f"""SELECT o.customer_id FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE {PLACED} AND i.sku = 'BOO-001'"""
_LATE_REFUND = """SELECT o.customer_id FROM refunds r JOIN orders o ON o.id = r.order_id
  WHERE r.created_at >= :days_60 AND r.created_at <= :now"""
_YEARS = """SELECT o.customer_id FROM orders o WHERE o.created_at >= :last_year AND o.created_at < :next_year
  GROUP BY o.customer_id HAVING SUM(CASE WHEN o.created_at >= :this_year THEN o.grand_total ELSE 0 END)
    > 2 * SUM(CASE WHEN o.created_at < :this_year THEN o.grand_total ELSE 0 END)"""
_PER_YEAR = " > 2 * ".join(
    f"(SELECT COALESCE(SUM(o.grand_total), 0) FROM orders o WHERE o.customer_id = c.id"
    f" AND o.created_at >= :{first} AND o.created_at < :{end})"
    for first, end in (("this_year", "next_year"), ("last_year", "this_year"))
)
_COFFEE_SUM = f"""SELECT o.customer_id FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE {PLACED} AND i.product_id IN {COFFEE} GROUP BY o.customer_id HAVING SUM(i.row_total) > {{money(100)}}"""
_MUCH = f"""SELECT o.customer_id FROM orders o WHERE {VALID} GROUP BY o.customer_id
  HAVING SUM(o.grand_total) > {{money(5000)}}"""
_CART = f"SELECT k.customer_id FROM carts k WHERE {ABANDONED}"
_VIEWS = """SELECT v.customer_id FROM product_views v WHERE v.viewed_at >= :days_30 AND v.viewed_at <= :now
  GROUP BY v.customer_id HAVING COUNT(*) > 5"""
_NO_ORDER = f"NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND {VALID})"
_HEAD = f"SELECT c.id FROM customers c WHERE {ACTIVE} AND"
_JOIN = "SELECT c.id FROM customers c JOIN"

OTHERS: dict[DemoRule, Example] = {
    DemoRule("one-product", "Bought one product", 'any order_item where (sku is "BOO-001")'): Example(
        {
            "exists": f"{_HEAD} EXISTS ({_BOOKS} AND o.customer_id = c.id)",
            "in": f"{_HEAD} c.id IN ({_BOOKS})",
        },
        f"{_HEAD} c.id IN ({_BOOKS})",
    ),
    DemoRule("refunded", "Got money back lately", "any refund where (created_at in last 60 days)"): Example(
        {
            "exists": f"{_HEAD} EXISTS ({_LATE_REFUND} AND o.customer_id = c.id)",
            "in": f"{_HEAD} c.id IN ({_LATE_REFUND})",
        },
        f"{_HEAD} c.id IN ({_LATE_REFUND})",
    ),
    DemoRule(
        "growing",
        "Spends more than twice as much this year as last year",
        """sum(order.grand_total where created_at in this year)
           > 2 * sum(order.grand_total where created_at in last year)""",
    ): Example(
        {
            "grouped in": f"{_HEAD} c.id IN ({_YEARS})",
            "grouped joined": f"{_JOIN} ({_YEARS}) t ON t.customer_id = c.id WHERE {ACTIVE}",
            "per customer": f"{_HEAD} {_PER_YEAR}",
        },
        f"{_HEAD} {_PER_YEAR}",
    ),
    DemoRule(
        "coffee-lover",
        "Spent more than 100 on coffee",
        'sum(order_item.row_total where category is "Coffee") > 100',
    ): Example(
        {
            "grouped in": f"{_HEAD} c.id IN ({_COFFEE_SUM})",
            "grouped joined": f"{_JOIN} ({_COFFEE_SUM}) t ON t.customer_id = c.id WHERE {ACTIVE}",
        },
        f"{_HEAD} c.id IN ({_COFFEE_SUM})",
    ),
    DemoRule(
        "either",
        "A dear cart left alone, or a top spender",
        """any of (lifetime.sales > 5000,
                   any cart where (status is active and grand_total > 200 and updated_at before 1 hour ago))""",
    ): Example(
        {
            "in or in": f"{_HEAD} (c.id IN ({_MUCH}) OR c.id IN ({_CART}))",
            "in or exists": f"{_HEAD} (c.id IN ({_MUCH}) OR EXISTS ({_CART} AND k.customer_id = c.id))",
            "joined": f"{_JOIN.replace('JOIN', 'LEFT JOIN')} ({_MUCH}) t ON t.customer_id = c.id"
            f" WHERE {ACTIVE} AND (t.customer_id IS NOT NULL OR EXISTS ({_CART} AND k.customer_id = c.id))",
        },
        f"{_HEAD} (c.id IN ({_MUCH}) OR c.id IN ({_CART}))",
    ),
    DemoRule(
        "looking",
        "Looks at much, has never bought",
        "count(product_view where viewed_at in last 30 days) > 5 and lifetime.orders = 0",
    ): Example(
        {
            "joined, not exists": f"{_JOIN} ({_VIEWS}) t ON t.customer_id = c.id WHERE {ACTIVE} AND {_NO_ORDER}",
            "in, not exists": f"{_HEAD} c.id IN ({_VIEWS}) AND {_NO_ORDER}",
            "per customer": f"{_HEAD} (SELECT COUNT(*) FROM product_views v WHERE v.customer_id = c.id"
            f" AND v.viewed_at >= :days_30 AND v.viewed_at <= :now) > 5 AND {_NO_ORDER}",
            "per customer, at last": f"{_HEAD} {_NO_ORDER} AND (SELECT COUNT(*) FROM product_views v"
            " WHERE v.customer_id = c.id AND v.viewed_at >= :days_30 AND v.viewed_at <= :now) > 5",
        },
        f"{_HEAD} c.id IN ({_VIEWS}) AND c.id NOT IN (SELECT o.customer_id FROM orders o WHERE {VALID})",
    ),
}

_REGULAR = """SELECT o.customer_id FROM orders o WHERE o.status = 'complete' AND o.created_at >= :days_90
  AND o.created_at <= :now GROUP BY o.customer_id HAVING COUNT(*) >= 3"""
_THIS_YEAR = "c.created_at >= :this_year AND c.created_at < :next_year"
_VIEWED = "SELECT v.customer_id FROM product_views v WHERE v.viewed_at >= :days_30 AND v.viewed_at <= :now"
_SOLD = f"""(SELECT o.customer_id, SUM(o.grand_total) AS sales FROM orders o WHERE {VALID} GROUP BY o.customer_id
  HAVING COUNT(*) > 2)"""
_BACK = """(SELECT o.customer_id, SUM(r.amount) AS refunds FROM refunds r JOIN orders o ON o.id = r.order_id
  GROUP BY o.customer_id)"""
_BACK_OF_ONE = """(SELECT COALESCE(SUM(r.amount), 0) FROM orders o JOIN refunds r ON r.order_id = o.id
  WHERE o.customer_id = c.id)"""
_TRADE = "c.group_id IN (SELECT g.id FROM customer_groups g WHERE g.code = 'wholesale')"
_SOME = f"SELECT o.customer_id FROM orders o WHERE {VALID} GROUP BY o.customer_id HAVING SUM(o.grand_total) > {{money(1000)}}"
_SOME_OF_ONE = f"(SELECT SUM(o.grand_total) FROM orders o WHERE o.customer_id = c.id AND {VALID}) > {{money(1000)}}"
_COUPON = """SELECT o.customer_id FROM orders o WHERE o.coupon_code IS NOT NULL AND NOT EXISTS (SELECT 1 FROM orders n
  WHERE n.customer_id = o.customer_id AND (n.created_at > o.created_at OR n.created_at = o.created_at AND n.id > o.id))"""
_WISH = f"""SELECT w.customer_id FROM wishlists w JOIN wishlist_items i ON i.wishlist_id = w.id
  WHERE i.product_id IN {COFFEE}"""
_HAD = f"""SELECT o.customer_id FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE {PLACED} AND i.product_id IN {COFFEE}"""
_SEEN = f"""SELECT v.customer_id FROM product_views v WHERE v.viewed_at >= :days_7 AND v.viewed_at <= :now
  AND v.product_id IN {CAMERAS}"""
_TAKEN = f"""SELECT o.customer_id FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE {PLACED} AND o.created_at >= :days_30 AND o.created_at <= :now AND i.product_id IN {CAMERAS}"""
_DEAREST = "SELECT o.customer_id FROM orders o GROUP BY o.customer_id HAVING MAX(o.grand_total) > {money(1000)}"
_DEAR = "SELECT o.customer_id FROM orders o WHERE o.grand_total > {money(1000)}"
_ANY_REFUND = "SELECT o.customer_id FROM refunds r JOIN orders o ON o.id = r.order_id"


def _one(rows: str, letter: str = "o") -> str:
    """A list of customers as a question about one."""
    return f"EXISTS ({rows} AND {letter}.customer_id = c.id)"


OTHERS |= {
    DemoRule(
        "regular", "Three orders lately", "count(order where status is complete and created_at in last 90 days) >= 3"
    ): Example(
        {
            "grouped in": f"{_HEAD} c.id IN ({_REGULAR})",
            "grouped joined": f"{_JOIN} ({_REGULAR}) t ON t.customer_id = c.id WHERE {ACTIVE}",
            "per customer": f"""{_HEAD} (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id
              AND o.status = 'complete' AND o.created_at >= :days_90 AND o.created_at <= :now) >= 3""",
        },
        f"{_HEAD} c.id IN ({_REGULAR})",
    ),
    DemoRule("new-buyer", "Came this year, and bought", "customer.created_at in this year and lifetime.orders > 0"): (
        Example(
            {
                "exists": f"{_HEAD} {_THIS_YEAR} AND {_one(f'SELECT 1 FROM orders o WHERE {VALID}')}",
                "in": f"{_HEAD} {_THIS_YEAR} AND c.id IN (SELECT o.customer_id FROM orders o WHERE {VALID})",
            },
            f"{_HEAD} {_THIS_YEAR} AND c.id IN (SELECT o.customer_id FROM orders o WHERE {VALID})",
        )
    ),
    DemoRule(
        "asleep",
        "Came before last year, and looks at nothing now",
        "customer.created_at before 2024-01-01 and no product_view where (viewed_at in last 30 days)",
    ): Example(
        {
            "not exists": f"{_HEAD} c.created_at < :last_year AND NOT {_one(_VIEWED, 'v')}",
            "not in": f"{_HEAD} c.created_at < :last_year AND c.id NOT IN ({_VIEWED})",
        },
        f"{_HEAD} c.created_at < :last_year AND c.id NOT IN ({_VIEWED})",
    ),
    DemoRule(
        "gives-back",
        "Gives back a fifth of what they buy",
        "lifetime.refunds > 20% of lifetime.sales and lifetime.orders > 2",
    ): Example(
        {
            "two groups": f"""{_JOIN} {_SOLD} t ON t.customer_id = c.id JOIN {_BACK} f ON f.customer_id = c.id
              WHERE {ACTIVE} AND 5 * f.refunds > t.sales""",
            "grouped, refunds per customer": f"""{_JOIN} {_SOLD} t ON t.customer_id = c.id
              WHERE {ACTIVE} AND 5 * {_BACK_OF_ONE} > t.sales""",
        },
        f"""{_HEAD} c.id IN (SELECT o.customer_id FROM orders o WHERE {VALID} GROUP BY o.customer_id HAVING COUNT(*) > 2)
          AND 5 * {_BACK_OF_ONE} > (SELECT SUM(o.grand_total) FROM orders o WHERE o.customer_id = c.id AND {VALID})""",
    ),
    DemoRule(
        "trade", "The trade's good customers", "customer.group is wholesale and lifetime.sales > 1000"
    ): Example(
        {
            "in": f"{_HEAD} {_TRADE} AND c.id IN ({_SOME})",
            "joined": f"{_JOIN} ({_SOME}) t ON t.customer_id = c.id WHERE {ACTIVE} AND {_TRADE}",
            "per customer": f"{_HEAD} {_TRADE} AND {_SOME_OF_ONE}",
        },
        f"{_HEAD} {_TRADE} AND c.id IN ({_SOME})",
    ),
    DemoRule("coupon-last", "Used a coupon last time", "last order has (coupon_code is set)"): Example(
        {"exists": f"{_HEAD} {_one(_COUPON)}", "in": f"{_HEAD} c.id IN ({_COUPON})"},
        f"{_HEAD} c.id IN ({_COUPON})",
    ),
    DemoRule(
        "wants-coffee",
        "Wishes for coffee, and never bought any",
        'any wishlist_item where (category is "Coffee") and no order_item where (category is "Coffee")',
    ): Example(
        {
            "in, not exists": f"{_HEAD} c.id IN ({_WISH}) AND NOT {_one(_HAD)}",
            "exists": f"{_HEAD} {_one(_WISH, 'w')} AND NOT {_one(_HAD)}",
            "in, not in": f"{_HEAD} c.id IN ({_WISH}) AND c.id NOT IN ({_HAD})",
        },
        f"{_HEAD} c.id IN ({_WISH}) AND c.id NOT IN ({_HAD})",
    ),
    DemoRule(
        "still-looking",
        "Looked at a camera this week, and did not buy one this month",
        """any product_view where (category is "Cameras" and viewed_at in last 7 days)
           and no order_item where (category is "Cameras" and order.created_at in last 30 days)""",
    ): Example(
        {
            "in, not exists": f"{_HEAD} c.id IN ({_SEEN}) AND NOT {_one(_TAKEN)}",
            "exists": f"{_HEAD} {_one(_SEEN, 'v')} AND NOT {_one(_TAKEN)}",
            "in, not in": f"{_HEAD} c.id IN ({_SEEN}) AND c.id NOT IN ({_TAKEN})",
        },
        f"{_HEAD} c.id IN ({_SEEN}) AND c.id NOT IN ({_TAKEN})",
    ),
    DemoRule("dear-and-kept", "A dear order, and nothing ever came back", "max(order.grand_total) > 1000 and no refund"): (
        Example(
            {
                "exists": f"{_HEAD} {_one(_DEAR)} AND NOT EXISTS ({_ANY_REFUND} WHERE o.customer_id = c.id)",
                "in, not exists": f"{_HEAD} c.id IN ({_DEAR}) AND NOT EXISTS ({_ANY_REFUND} WHERE o.customer_id = c.id)",
                "in, not in": f"{_HEAD} c.id IN ({_DEAR}) AND c.id NOT IN ({_ANY_REFUND})",
            },
            f"{_HEAD} c.id IN ({_DEAREST}) AND c.id NOT IN ({_ANY_REFUND})",
        )
    ),
}  # fmt: skip

_CARTS = "SELECT k.customer_id FROM carts k WHERE k.is_active = TRUE"
_RECENT = "c.created_at >= :days_90 AND c.created_at <= :now"
_LOOKS = """SELECT v.customer_id FROM product_views v WHERE v.viewed_at >= :this_year AND v.viewed_at < :next_year
  GROUP BY v.customer_id HAVING COUNT(*) > 10"""
_LOOKS_OF_ONE = """(SELECT COUNT(*) FROM product_views v WHERE v.customer_id = c.id
  AND v.viewed_at >= :this_year AND v.viewed_at < :next_year) > 10"""
_FIRST = """SELECT o.customer_id FROM orders o WHERE o.grand_total > {money(500)} AND NOT EXISTS (SELECT 1 FROM orders n
  WHERE n.customer_id = o.customer_id AND (n.created_at < o.created_at OR n.created_at = o.created_at AND n.id < o.id))"""

#: Never tuned on: what these show was looked at when the planner's choices stood.
UNSEEN: dict[DemoRule, Example] = {
    DemoRule(
        "new-with-cart",
        "Came in the last three months, and has a cart",
        "customer.created_at in last 90 days and any cart where (status is active)",
    ): Example(
        {
            "exists": f"{_HEAD} {_RECENT} AND {_one(_CARTS, 'k')}",
            "in": f"{_HEAD} {_RECENT} AND c.id IN ({_CARTS})",
        },
        f"{_HEAD} {_RECENT} AND c.id IN ({_CARTS})",
    ),
    DemoRule(
        "reader",
        "Looks at much, and reads the newsletter",
        "count(product_view where viewed_at in this year) > 10 and newsletter.status is subscribed",
    ): Example(
        {
            "grouped in": f"{_HEAD} {SUBSCRIBED} AND c.id IN ({_LOOKS})",
            "grouped joined": f"{_JOIN} ({_LOOKS}) t ON t.customer_id = c.id WHERE {ACTIVE} AND {SUBSCRIBED}",
            "per customer": f"{_HEAD} {SUBSCRIBED} AND {_LOOKS_OF_ONE}",
            "per customer, subscribed in": f"{_HEAD} {SUBSCRIBED_IN} AND {_LOOKS_OF_ONE}",
        },
        f"{_HEAD} {SUBSCRIBED_IN} AND c.id IN ({_LOOKS})",
    ),
    DemoRule(
        "trade-start",
        "The trade's customers whose first order was dear",
        "first order has (grand_total > 500) and customer.group is wholesale",
    ): Example(
        {
            "exists": f"{_HEAD} {_TRADE} AND {_one(_FIRST)}",
            "in": f"{_HEAD} {_TRADE} AND c.id IN ({_FIRST})",
        },
        f"{_HEAD} {_TRADE} AND c.id IN ({_FIRST})",
    ),
    DemoRule(
        "care",
        "Something came back, or an order was very dear",
        "any of (any refund, max(order.grand_total) > 2000)",
    ): Example(
        {
            "in or in": f"{_HEAD} (c.id IN ({_ANY_REFUND}) OR c.id IN ({_DEAR.replace('1000', '2000')}))",
            "exists or exists": f"{_HEAD} ({_one(_ANY_REFUND + ' WHERE TRUE')} OR {_one(_DEAR.replace('1000', '2000'))})",
        },
        f"{_HEAD} (c.id IN ({_ANY_REFUND}) OR c.id IN ({_DEAREST.replace('1000', '2000')}))",
    ),
}  # fmt: skip
