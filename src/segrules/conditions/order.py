"""The customer's orders."""

from segrules.algebra import Predicate, negate
from segrules.condition import Amount, Choice, Code, ConditionType, Example, Moment, Quantity, Rows, Scope

STATUSES = ("pending", "processing", "complete", "on_hold", "closed", "canceled")


def placed(order: Scope) -> Predicate:
    """Whether an order was not canceled."""
    return negate(order.is_one_of("status", order.statuses.canceled))


def valid(order: Scope) -> Predicate:
    """Whether an order was neither canceled nor closed."""
    return negate(order.is_one_of("status", (*order.statuses.canceled, *order.statuses.closed)))


class Order(ConditionType, word="order", rows=Rows("orders", moment="created_at", large=True)):
    """Orders of the customer, whatever their status; per-customer totals are in ``lifetime`` and ``activity``."""

    total_qty = Quantity("How many pieces were ordered.")
    subtotal = Amount("The sum of the items, before tax, shipping and discount.")
    tax_amount = Amount("The tax in it.")
    shipping_amount = Amount("What shipping cost.")
    discount_amount = Amount("The discount on it, as a positive amount.")
    grand_total = Amount("What was charged.", required=True)
    total_amount = Amount("Another word for grand_total.", column="grand_total", required=True)
    status = Choice("How far the order has come.", values=STATUSES, required=True)
    created_at = Moment("When it was placed.", required=True)
    updated_at = Moment("When it last changed.")
    store = Choice("The store in which it was placed, by its code.")
    currency = Code("The currency that was paid in, as its three-letter code.")
    payment_method = Code("The code of the payment method.")
    shipping_method = Code("The code of the shipping method.")
    coupon_code = Code("The coupon that was used.")

    examples = (
        Example(
            "count(order where status is complete and created_at in last 90 days) >= 3",
            matches={"orders": [{"created_at": "2025-04-05T00:00:00"}] * 3},
            misses={
                "orders": [{"created_at": "2025-04-05T00:00:00"}] * 2 + [{"created_at": "2025-04-04T23:59:59.999999"}]
            },
        ),
        Example(
            "order.grand_total > 100",
            matches={"orders": [{"grand_total": "100.0001"}]},
            misses={"orders": [{"grand_total": 100}]},
        ),
        Example(
            "sum(order.grand_total where created_at in this year)"
            " > 2 * sum(order.grand_total where created_at in last year)",
            matches={
                "orders": [
                    {"created_at": "2025-01-01T00:00:00", "grand_total": 101},
                    {"created_at": "2024-12-31T23:59:59.999999", "grand_total": 50},
                ]
            },
            misses={
                "orders": [
                    {"created_at": "2025-01-01T00:00:00", "grand_total": 100},
                    {"created_at": "2024-01-01T00:00:00", "grand_total": 50},
                ]
            },
        ),
        Example(
            "sum(order.grand_total) = 0.3",
            matches={"orders": [{"grand_total": "0.1"}, {"grand_total": "0.2"}]},
            misses={"orders": [{"grand_total": "0.1"}, {"grand_total": "0.2001"}]},
        ),
        Example(
            "last order has (coupon_code is set)",
            matches={"orders": [{"created_at": "2025-02-01", "coupon_code": "X"}, {"created_at": "2025-01-01"}]},
            misses={"orders": [{"created_at": "2025-01-01", "coupon_code": "X"}, {"created_at": "2025-02-01"}]},
        ),
        Example(
            "last(order.grand_total where status is complete) > 100",
            matches={
                "orders": [
                    {"created_at": "2025-01-01", "grand_total": 101},
                    {"created_at": "2025-02-01", "grand_total": 1, "status": "pending"},
                ]
            },
            misses={"orders": [{"created_at": "2025-01-01", "grand_total": 100}]},
        ),
        Example(
            "every order where (status is complete)",
            matches={"orders": []},
            misses={"orders": [{"status": "complete"}, {"status": "pending"}]},
        ),
        Example(
            "any order where (discount_amount is not set)",
            matches={"orders": [{"discount_amount": None}]},
            misses={"orders": [{"discount_amount": 0}]},
        ),
    )
