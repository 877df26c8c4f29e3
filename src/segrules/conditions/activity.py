"""How long ago the customer came, bought, or did nothing."""

from segrules import algebra
from segrules.algebra import DayNumber, Kind, Term
from segrules.condition import (
    Amount,
    ConditionType,
    DaysSince,
    Example,
    Moment,
    Quantity,
    Ratio,
    Scope,
    Whole,
    days_since,
    difference,
    number,
)
from segrules.conditions.order import placed


def last_login(customer: Scope) -> Term:
    """The moment of the last login."""
    return customer.latest("logins", "at")


def last_order(customer: Scope) -> Term:
    """The moment of the last placed order."""
    return customer.latest("orders", "created_at", placed)


def first_order(customer: Scope) -> Term:
    """The moment of the first placed order."""
    return customer.earliest("orders", "created_at", placed)


def last_sign_of_life(customer: Scope) -> Term:
    """The later of last login and last order, else the registration."""
    latest = algebra.Latest((last_login(customer), last_order(customer)), Kind.MOMENT)
    return algebra.FirstPresent((latest, customer.moment("created_at")), Kind.MOMENT)


def last_purchase(customer: Scope) -> Term:
    """The last order, else the registration."""
    return algebra.FirstPresent((last_order(customer), customer.moment("created_at")), Kind.MOMENT)


def frequency(customer: Scope) -> Ratio:
    """Calendar days from first to last order, by the number of gaps between orders."""
    days = difference(DayNumber(last_order(customer)), DayNumber(first_order(customer)))
    return Ratio(days, difference(customer.count("orders", placed), number(1)))


class Activity(ConditionType, word="activity", plural="activities"):
    """When the customer last did something, and how often it buys; over all orders that were not canceled."""

    last_login_at = Moment("The last login.", meaning=last_login)
    days_since_last_login = DaysSince(
        "Calendar days since the last login.", meaning=lambda c: days_since(last_login(c))
    )
    last_order_at = Moment("The last order.", meaning=last_order)
    days_since_last_order = DaysSince(
        "Calendar days since the last order.", meaning=lambda c: days_since(last_order(c))
    )
    first_order_at = Moment("The first order.", meaning=first_order)
    days_since_first_order = DaysSince(
        "Calendar days since the first order.", meaning=lambda c: days_since(first_order(c))
    )
    days_inactive = DaysSince(
        "Calendar days since the last login or order, whichever is later; since registration without either.",
        meaning=lambda c: days_since(last_sign_of_life(c)),
    )
    days_without_purchase = DaysSince(
        "Calendar days since the last order; since registration without one.",
        meaning=lambda c: days_since(last_purchase(c)),
    )
    order_frequency_days = Quantity(
        "Calendar days between two orders, on average; needs two orders.", meaning=frequency
    )
    orders = Whole("The number of orders.", meaning=lambda c: c.count("orders", placed))
    average_order_amount = Amount(
        "The average grand total of the orders.", meaning=lambda c: c.mean("orders", "grand_total", placed)
    )
    total_ordered_amount = Amount(
        "The sum of the grand totals.", meaning=lambda c: c.total("orders", "grand_total", placed)
    )

    examples = (
        Example(
            "activity.days_since_last_order > 90",
            matches={"orders": [{"created_at": "2025-04-04T23:59:59.999999"}]},
            misses={"orders": [{"created_at": "2025-04-05T00:00:00"}]},
        ),
        Example(
            "activity.days_since_last_order > 90",
            matches={
                "orders": [
                    {"created_at": "2025-04-01T12:00:00"},
                    {"created_at": "2025-07-01T00:00:00", "status": "canceled"},
                ]
            },
            misses={"orders": []},
        ),
        Example(
            "activity.days_inactive >= 3",
            matches={"created_at": "2025-07-01T10:00:00"},
            misses={"created_at": "2020-01-01T00:00:00", "logins": [{"at": "2025-07-02T00:00:00"}]},
        ),
        Example(
            "activity.order_frequency_days <= 10",
            matches={"orders": [{"created_at": f"2025-06-{day:02}T08:00:00"} for day in (1, 6, 21)]},
            misses={"orders": [{"created_at": f"2025-06-{day:02}T08:00:00"} for day in (1, 6, 22)]},
        ),
        Example("activity.order_frequency_days is not set", matches={"orders": [{}]}, misses={"orders": [{}, {}]}),
        Example(
            "activity.average_order_amount > 0.1",
            matches={"orders": [{"grand_total": "0.1"}, {"grand_total": "0.1001"}]},
            misses={"orders": [{"grand_total": "0.1"}, {"grand_total": "0.1"}]},
        ),
        Example(
            "activity.days_without_purchase = 30",
            matches={"created_at": "2025-06-04T00:00:00"},
            misses={"created_at": "2025-06-04T00:00:00", "orders": [{"created_at": "2025-06-05T00:00:00"}]},
        ),
    )
