"""What somebody who knows the database would write by hand for the ten practical examples, and what others generate.

Each example has several hand-written statements with one and the same answer, since no shape wins on every
database; the fastest of them on an engine is that engine's expert. ``peer`` is the shape of platforms that answer
each condition by a sub-query of its own. Placeholders: ``{month_day}`` and ``{money(5000)}`` differ by engine.
"""

from __future__ import annotations

from attrs import frozen

SUBSCRIBED = """EXISTS (SELECT 1 FROM newsletter_subscriptions n WHERE n.customer_id = c.id AND n.status = 'subscribed'
  AND NOT EXISTS (SELECT 1 FROM newsletter_subscriptions m WHERE m.customer_id = n.customer_id
    AND (m.changed_at > n.changed_at OR m.changed_at = n.changed_at AND m.id > n.id)))"""
SUBSCRIBED_IN = """c.id IN (SELECT n.customer_id FROM newsletter_subscriptions n WHERE n.status = 'subscribed'
  AND NOT EXISTS (SELECT 1 FROM newsletter_subscriptions m WHERE m.customer_id = n.customer_id
    AND (m.changed_at > n.changed_at OR m.changed_at = n.changed_at AND m.id > n.id)))"""
ACTIVE = "c.is_active = TRUE"


def category(name: str) -> str:
    return f"""(SELECT pc.product_id FROM product_categories pc JOIN categories k ON k.id = pc.category_id
  WHERE lower(k.name) = '{name.lower()}' OR k.code = '{name}')"""


CAMERAS, ACCESSORIES, COFFEE = category("Cameras"), category("Camera Accessories"), category("Coffee")

VALID = "o.status NOT IN ('canceled', 'closed')"
PLACED = "o.status <> 'canceled'"

#: The last shipping address that is the default, smallest id first, in Great Britain.
PARCELS_TO_GB = """SELECT a.customer_id FROM addresses a WHERE a.kind = 'shipping' AND a.is_default = TRUE AND a.country = 'GB'
  AND NOT EXISTS (SELECT 1 FROM addresses b WHERE b.customer_id = a.customer_id AND b.kind = 'shipping'
    AND b.is_default = TRUE AND b.id < a.id)"""


@frozen
class Example:
    """The hand-written statements for one of the ten, and the peer's."""

    expert: dict[str, str]
    peer: str


def _per_subscription(condition: str) -> dict[str, str]:
    """The same statement with the subscription asked by EXISTS and by IN."""
    head = f"SELECT c.id FROM customers c WHERE {ACTIVE} AND {condition}"
    return {"exists": f"{head} AND {SUBSCRIBED}", "in": f"{head} AND {SUBSCRIBED_IN}"}


def _bought(categories: str, condition: str) -> str:
    return f"""SELECT o.customer_id FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE {PLACED} AND i.product_id IN {categories}{condition}"""


def _correlated(categories: str, condition: str = "") -> str:
    return f"""SELECT 1 FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE o.customer_id = c.id AND {PLACED} AND i.product_id IN {categories}{condition}"""


LATELY = " AND o.created_at >= :days_90 AND o.created_at <= :now"
COFFEE_DAYS = " AND o.created_at >= :days_35 AND o.created_at < :days_27"

VIP_TOTALS = f"""(SELECT o.customer_id, SUM(o.grand_total) AS sales FROM orders o WHERE {VALID} GROUP BY o.customer_id
  HAVING SUM(o.grand_total) > {{money(5000)}} AND COUNT(*) > 10 AND SUM(o.grand_total) > {{money(200)}} * COUNT(*))"""
REFUNDED = """(SELECT COALESCE(SUM(r.amount), 0) FROM orders o JOIN refunds r ON r.order_id = o.id
  WHERE o.customer_id = c.id)"""
REFUNDS = """(SELECT o.customer_id, SUM(r.amount) AS refunds FROM refunds r JOIN orders o ON o.id = r.order_id
  GROUP BY o.customer_id)"""

AWAY = f"""(SELECT o.customer_id FROM orders o WHERE {PLACED} GROUP BY o.customer_id HAVING MAX(o.created_at) < :days_180
  AND COUNT(*) > 1 AND SUM(CASE WHEN o.status <> 'closed' THEN o.grand_total ELSE 0 END) > {{money(100)}})"""

GOLD = f"""(SELECT o.customer_id FROM orders o WHERE {PLACED} GROUP BY o.customer_id HAVING MAX(o.created_at) >= :days_59
  AND SUM(CASE WHEN o.status <> 'closed' THEN o.grand_total ELSE 0 END) > {{money(950)}}
  AND SUM(CASE WHEN o.status <> 'closed' THEN o.grand_total ELSE 0 END) < {{money(1000)}})"""


def _each(total: str, comparison: str, status: str) -> str:
    """One total of a customer's orders as the peer asks for it."""
    return f"""c.id IN (SELECT o.customer_id FROM orders o WHERE {status} GROUP BY o.customer_id
  HAVING {total} {comparison})"""


NO_ORDERS = f"c.id NOT IN (SELECT o.customer_id FROM orders o WHERE {VALID})"
NONE = f"NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND {VALID})"
ABANDONED = "k.is_active = TRUE AND k.grand_total > {money(200)} AND k.updated_at < :hour_1"
DEAR = "p.price > {money(500)} AND v.viewed_at >= :days_7 AND v.viewed_at <= :now"

EXAMPLES: dict[str, Example] = {
    "vip-platinum": Example(
        {
            "grouped, refunds per customer": f"""SELECT c.id FROM customers c JOIN {VIP_TOTALS} t ON t.customer_id = c.id
              WHERE {ACTIVE} AND 20 * {REFUNDED} < t.sales""",
            "two groups": f"""SELECT c.id FROM customers c JOIN {VIP_TOTALS} t ON t.customer_id = c.id
              LEFT JOIN {REFUNDS} f ON f.customer_id = c.id
              WHERE {ACTIVE} AND 20 * COALESCE(f.refunds, 0) < t.sales""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {_each("SUM(o.grand_total)", "> {money(5000)}", VALID)}
          AND {_each("COUNT(*)", "> 10", VALID)} AND {_each("SUM(o.grand_total)", "> {money(200)} * COUNT(*)", VALID)}
          AND 20 * {REFUNDED} < (SELECT COALESCE(SUM(o.grand_total), 0) FROM orders o
            WHERE o.customer_id = c.id AND {VALID})""",
    ),
    "cart-abandoned": Example(
        {
            **_per_subscription(f"EXISTS (SELECT 1 FROM carts k WHERE k.customer_id = c.id AND {ABANDONED})"),
            "carts in": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED}
              AND c.id IN (SELECT k.customer_id FROM carts k WHERE {ABANDONED})""",
            "both in": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED_IN}
              AND c.id IN (SELECT k.customer_id FROM carts k WHERE {ABANDONED})""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED_IN}
          AND c.id IN (SELECT k.customer_id FROM carts k WHERE {ABANDONED})""",
    ),
    "new-no-order": Example(
        _per_subscription(f"c.created_at >= :days_29 AND {NONE}"),
        f"SELECT c.id FROM customers c WHERE {ACTIVE} AND c.created_at >= :days_29 AND {NO_ORDERS} AND {SUBSCRIBED_IN}",
    ),
    "win-back": Example(
        {
            "grouped in": f"SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED} AND c.id IN {AWAY}",
            "grouped joined": f"""SELECT c.id FROM customers c JOIN {AWAY} t ON t.customer_id = c.id
              WHERE {ACTIVE} AND {SUBSCRIBED}""",
            "grouped joined, in": f"""SELECT c.id FROM customers c JOIN {AWAY} t ON t.customer_id = c.id
              WHERE {ACTIVE} AND {SUBSCRIBED_IN}""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED_IN}
          AND {_each("MAX(o.created_at)", "< :days_180", PLACED)} AND {_each("COUNT(*)", "> 1", PLACED)}
          AND {_each("SUM(o.grand_total)", "> {money(100)}", VALID)}""",
    ),
    "birthday": Example(
        _per_subscription("{month_day}"),
        f"SELECT c.id FROM customers c WHERE {ACTIVE} AND {{month_day}} AND {SUBSCRIBED_IN}",
    ),
    "camera-no-accessory": Example(
        {
            "exists": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND EXISTS ({_correlated(CAMERAS, LATELY)})
              AND NOT EXISTS ({_correlated(ACCESSORIES)})""",
            "in, not exists": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND c.id IN ({_bought(CAMERAS, LATELY)})
              AND NOT EXISTS ({_correlated(ACCESSORIES)})""",
            "in, not in": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND c.id IN ({_bought(CAMERAS, LATELY)})
              AND c.id NOT IN ({_bought(ACCESSORIES, "")})""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND c.id IN ({_bought(CAMERAS, LATELY)})
          AND c.id NOT IN ({_bought(ACCESSORIES, "")})""",
    ),
    "uk-new": Example(
        {
            "in": f"""SELECT c.id FROM customers c JOIN websites w ON w.id = c.website_id
              WHERE {ACTIVE} AND w.code = 'uk' AND c.created_at >= :year_2025 AND c.id IN ({PARCELS_TO_GB})""",
            "exists": f"""SELECT c.id FROM customers c JOIN websites w ON w.id = c.website_id
              WHERE {ACTIVE} AND w.code = 'uk' AND c.created_at >= :year_2025
                AND EXISTS ({PARCELS_TO_GB} AND a.customer_id = c.id)""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND c.website_id IN (SELECT id FROM websites WHERE code = 'uk')
          AND c.created_at >= :year_2025 AND c.id IN ({PARCELS_TO_GB})""",
    ),
    "coffee-due": Example(
        {
            **_per_subscription(f"c.id IN ({_bought(COFFEE, COFFEE_DAYS)})"),
            "both exist": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED}
              AND EXISTS ({_correlated(COFFEE, COFFEE_DAYS)})""",
        },
        f"SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED_IN} AND c.id IN ({_bought(COFFEE, COFFEE_DAYS)})",
    ),
    "browser": Example(
        {
            **_per_subscription(f"""c.id IN (SELECT v.customer_id FROM product_views v
              JOIN products p ON p.id = v.product_id WHERE {DEAR}) AND {NONE}"""),
            "all exist": f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED} AND {NONE}
              AND EXISTS (SELECT 1 FROM product_views v JOIN products p ON p.id = v.product_id
                WHERE v.customer_id = c.id AND {DEAR})""",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {SUBSCRIBED_IN} AND {NO_ORDERS} AND c.id IN
          (SELECT v.customer_id FROM product_views v JOIN products p ON p.id = v.product_id WHERE {DEAR})""",
    ),
    "near-gold": Example(
        {
            "grouped in": f"SELECT c.id FROM customers c WHERE {ACTIVE} AND c.id IN {GOLD}",
            "grouped joined": f"SELECT c.id FROM customers c JOIN {GOLD} t ON t.customer_id = c.id WHERE {ACTIVE}",
        },
        f"""SELECT c.id FROM customers c WHERE {ACTIVE} AND {_each("SUM(o.grand_total)", "> {money(950)}", VALID)}
          AND {_each("SUM(o.grand_total)", "< {money(1000)}", VALID)}
          AND {_each("MAX(o.created_at)", ">= :days_59", PLACED)}""",
    ),
}
