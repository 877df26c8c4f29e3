"""What the customer has been worth: sales, orders, average, profit, and the refunds themselves."""

from segrules.condition import Amount, ConditionType, Example, Moment, Rows, Whole, difference
from segrules.conditions.order import valid


class Lifetime(ConditionType, word="lifetime", plural="lifetimes"):
    """The customer's totals over all time: sales over orders neither canceled nor closed, refunds of every order."""

    sales = Amount("The sum of the grand totals.", meaning=lambda c: c.total("orders", "grand_total", valid))
    orders = Whole("The number of orders.", meaning=lambda c: c.count("orders", valid))
    average_order = Amount("The average grand total.", meaning=lambda c: c.mean("orders", "grand_total", valid))
    profit = Amount(
        "Sales less the refunds of those same orders.",
        meaning=lambda c: difference(
            c.total("orders", "grand_total", valid),
            c.total("orders.refunds", "amount", lambda refund: valid(refund.parent)),
        ),
    )
    refunds = Amount("What was refunded, of every order.", meaning=lambda c: c.total("orders.refunds", "amount"))

    examples = (
        Example(
            "lifetime.sales > 5000",
            matches={"orders": [{"grand_total": "4999.9999"}, {"grand_total": "0.0002"}]},
            misses={"orders": [{"grand_total": 5000}, {"grand_total": 1, "status": "canceled"}]},
        ),
        Example(
            "lifetime.refunds < 5% of lifetime.sales",
            matches={"orders": [{"grand_total": 100, "refunds": [{"amount": "4.9999"}]}]},
            misses={"orders": [{"grand_total": 100, "refunds": [{"amount": 5}]}]},
        ),
        Example(
            "lifetime.orders = 0",
            matches={"orders": [{"status": "closed"}]},
            misses={"orders": [{"status": "complete"}]},
        ),
        Example(
            "lifetime.average_order > 200",
            matches={"orders": [{"grand_total": 200}, {"grand_total": "200.0001"}]},
            misses={"orders": [{"grand_total": 200}]},
        ),
        Example("lifetime.average_order is not set", matches={"orders": []}, misses={"orders": [{}]}),
        Example(
            "lifetime.profit >= 90",
            matches={
                "orders": [
                    {"grand_total": 100, "refunds": [{"amount": 10}]},
                    {"status": "closed", "refunds": [{"amount": 9}]},
                ]
            },
            misses={"orders": [{"grand_total": 100, "refunds": [{"amount": "10.0001"}]}]},
        ),
    )


class Refund(ConditionType, word="refund", rows=Rows("orders.refunds", moment="created_at", inside="refund")):
    """Refunds of the customer's orders, whatever the order's status; ``order.…`` reaches the order."""

    amount = Amount("What was paid back.", required=True)
    created_at = Moment("When it was paid back.", required=True)

    examples = (
        Example(
            "any refund where (amount > 50 and order.status is closed)",
            matches={"orders": [{"status": "closed", "refunds": [{"amount": "50.01"}]}]},
            misses={"orders": [{"status": "closed", "refunds": [{"amount": 50}]}, {"refunds": [{"amount": 60}]}]},
        ),
        Example(
            "count(refund where created_at in last 7 days) >= 2",
            matches={
                "orders": [
                    {"refunds": [{"created_at": "2025-06-27T00:00:00"}]},
                    {"refunds": [{"created_at": "2025-07-04T12:00:00"}]},
                ]
            },
            misses={
                "orders": [
                    {"refunds": [{"created_at": "2025-06-26T23:59:59.999999"}, {"created_at": "2025-07-04T12:00:00"}]}
                ]
            },
        ),
    )
