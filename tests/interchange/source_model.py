"""What the source's statements mean, on customers as its tables hold them: True, False, or None for SQL's NULL.

Written from what each condition class does, without a look at the importer: it is what the importer is held against.
A customer is a dict of rows; ``in_segment`` says whether the statement finds it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

PREFIX = "customersegmentation/segment_condition_"
NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)
OPTIONS = {"7": "Male", "8": "Female"}


def in_segment(tree, customer):
    """Whether a statement made of a whole tree finds the customer; no conditions find everybody."""
    found = evaluate(tree, customer)
    return found is True or found == "nothing"


def evaluate(node, customer):
    if node["type"] != PREFIX + "combine":
        return leaf(node, customer)
    parts = [part for part in (evaluate(each, customer) for each in node["conditions"]) if part != "nothing"]
    if not parts:
        return "nothing"
    wanted = node["aggregator"] != "all"  # the value that decides: a False in all, a True in any
    found = wanted if wanted in parts else None if None in parts else not wanted
    if node["value"] in (None, False, 0, "", "0"):
        return None if found is None else not found
    return found


# --- comparing -------------------------------------------------------------------------------------


def values_of(node):
    value = node["value"]
    if node["operator"] in ("()", "!()") and not isinstance(value, list):
        return [each.strip() for each in str(value).split(",")]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def compare(found, operator, values):
    """A value of a column compared as SQL does."""
    if found is None:
        return None
    if operator in ("!=", "!{}", "!()"):
        return not compare(found, operator[1:] if operator != "!=" else "==", values)
    if isinstance(found, str):
        found, values = found.lower(), [each.lower() for each in values]
        if operator == "{}":
            return values[0] in found
    elif isinstance(found, datetime):
        values = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in values]
    elif isinstance(found, date):
        values = [date.fromisoformat(each[:10]) for each in values]
    else:
        values = [Fraction(each) for each in values]
    if operator in ("==", "()"):
        return found in values
    other = values[0]
    return {">": found > other, ">=": found >= other, "<": found < other, "<=": found <= other}[operator]


def days(moment, later=NOW):
    """DATEDIFF: whole days between the days of two moments in UTC."""
    return None if moment is None else (later.date() - moment.date()).days


def some(found, node):
    """``customer IN (SELECT … WHERE column operator value)``."""
    return any(compare(each, node["operator"], values_of(node)) is True for each in found)


def having(found, node):
    """The same of one value for each customer that has rows; None stands for a customer without."""
    return compare(found, node["operator"], values_of(node)) is True


# --- classes ---------------------------------------------------------------------------------------


def leaf(node, customer):
    attribute = node["attribute"]
    return CLASSES[node["type"].removeprefix(PREFIX)](attribute, node, customer)


def customer_attributes(attribute, node, c):
    if attribute in ("email", "group_id", "store_id"):
        return compare(c[attribute], node["operator"], values_of(node))
    if attribute == "created_at":
        return compare(c["created_at"].date(), node["operator"], values_of(node))
    if attribute == "days_since_registration":
        return compare(days(c["created_at"]), node["operator"], values_of(node))
    if attribute == "days_until_birthday":
        return some([] if c["dob"] is None else [until_birthday(c["dob"])], node)
    return some([c[attribute]], node)


def until_birthday(born):
    for year in (NOW.year, NOW.year + 1):
        leap = year % 4 == 0
        day = date(year, born.month, 28 if (born.month, born.day) == (2, 29) and not leap else born.day)
        if day >= NOW.date():
            return (day - NOW.date()).days
    raise AssertionError


def address(attribute, node, c):
    return some([each[attribute] for each in c["addresses"]], node)


def placed(c):
    return [each for each in c["orders"] if each["status"] != "canceled"]


def timebased(attribute, node, c):
    node = {**node, "value": str(int(Decimal(str(node["value"]))))}
    moments = sorted(each["created_at"] for each in placed(c))
    login = max(c["logins"], default=None)
    last = moments[-1] if moments else None
    if attribute == "days_since_last_login":
        return having(days(login), node)
    if attribute == "days_since_last_order":
        return having(days(last), node)
    if attribute == "days_since_first_order":
        return having(days(moments[0] if moments else None), node)
    if attribute == "days_inactive":
        return having(days(max(login or c["created_at"], last or c["created_at"])), node)
    if attribute == "order_frequency_days":
        if len(moments) < 2:
            return False
        return having(Fraction(days(moments[0], moments[-1]), len(moments) - 1), node)
    assert attribute == "days_without_purchase"
    if not moments:
        return node["operator"] in (">", ">=")
    return having(days(last), node)


def clv(attribute, node, c):
    valid = [each["grand_total"] for each in c["orders"] if each["status"] not in ("canceled", "closed")]
    refunds = [amount for each in c["orders"] for amount in each["creditmemos"]]
    if attribute == "lifetime_sales":
        return having(sum(valid, Decimal(0)), node)
    if attribute == "number_of_orders":
        return having(len(valid), node)
    if attribute == "average_order_value":
        return having(Fraction(sum(valid)) / len(valid) if valid else Fraction(0), node)
    if attribute == "lifetime_profit":
        return having(sum(valid) - sum(refunds) if valid else None, node)
    return having(sum(refunds) if refunds else None, node)


def newsletter(attribute, node, c):
    row = c["subscriber"]
    return False if row is None else some([row[attribute]], node)


def order_attributes(attribute, node, c):
    column = {"total_amount": "grand_total"}.get(attribute, attribute)
    if attribute == "days_since_last_order":
        return having(days(max((each["created_at"] for each in c["orders"]), default=None)), node)
    totals = [each["grand_total"] for each in placed(c)]
    if attribute == "average_order_amount":
        return having(Fraction(sum(totals)) / len(totals) if totals else None, node)
    if attribute == "total_ordered_amount":
        return having(sum(totals) if totals else None, node)
    return some([each[column] for each in c["orders"]], node)


def order_items(attribute, node, c):
    column = attribute.removeprefix("product_")
    return some([item[column] for each in placed(c) for item in each["items"]], node)


def active(c):
    return [each for each in c["carts"] if each["is_active"]]


def cart_attributes(attribute, node, c):
    carts = c["carts"] if attribute == "is_active" else active(c)
    return some([each[attribute] for each in carts], node)


def cart_items(attribute, node, c):
    column = attribute.removeprefix("product_").removeprefix("base_")
    return some([item[column] for each in active(c) for item in each["items"]], node)


def viewed(attribute, node, c):
    rows = c["views"]
    last = max((each["added_at"] for each in rows), default=None)
    if attribute == "view_count":
        return having(len(rows) or None, node)
    if attribute == "last_viewed_at":
        return having(last, node)
    if attribute == "days_since_last_view":
        return having(days(last), node)
    return products(attribute, rows, node)


def wishlist(attribute, node, c):
    rows = [item for each in c["wishlists"] for item in each["items"]]
    if attribute == "wishlist_items_count":
        return having(len(rows) or None, node)
    if attribute == "days_since_added":
        return having(days(max((each["added_at"] for each in rows), default=None)), node)
    if attribute == "added_at":
        return some([each["added_at"] for each in rows], node)
    if attribute == "wishlist_shared":
        return some([each["shared"] for each in c["wishlists"]], node)
    return products(attribute, rows, node)


def products(attribute, rows, node):
    if attribute == "category_id":
        return some([number for each in rows for number in each["categories"]], node)
    return some(
        [each[attribute.removeprefix("product_") if attribute != "product_id" else attribute] for each in rows], node
    )


CLASSES = {
    "customer_attributes": customer_attributes,
    "customer_address": address,
    "customer_timebased": timebased,
    "customer_clv": clv,
    "customer_newsletter": newsletter,
    "order_attributes": order_attributes,
    "order_items": order_items,
    "cart_attributes": cart_attributes,
    "cart_items": cart_items,
    "product_viewed": viewed,
    "product_wishlist": wishlist,
}
