"""Rules of other shapes than the ten practical examples, on which the planner's choices were not tuned."""

from __future__ import annotations

from benchmarks.expert import ABANDONED, ACTIVE, COFFEE, PLACED, VALID, Example
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
