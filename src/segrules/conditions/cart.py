"""The customer's shopping carts."""

from segrules.algebra import Predicate
from segrules.condition import (
    Amount,
    Choice,
    Code,
    Codes,
    ConditionType,
    DaysSince,
    Example,
    Moment,
    Quantity,
    Rows,
    Scope,
    Whole,
)


def active(cart: Scope) -> Predicate:
    """Whether a cart can still become an order."""
    return cart.is_one_of("status", ("active",))


class Cart(ConditionType, word="cart", rows=Rows("carts", moment="updated_at")):
    """Shopping carts, active and inactive ones."""

    status = Choice("Whether the cart can still become an order.", values=("active", "inactive"), required=True)
    items_count = Whole("How many different items are in it.")
    items_qty = Quantity("How many pieces are in it.")
    subtotal = Amount("The sum of its items, before tax and discount.")
    grand_total = Amount("What would have to be paid.")
    tax_amount = Amount("The tax in it.")
    discount_amount = Amount("The discount on it, as a positive amount.")
    coupon_code = Code("The coupon that was entered.")
    applied_rules = Codes("The codes of the sales rules that apply to it.")
    store = Choice("The store that it belongs to, by its code.")
    created_at = Moment("When it was begun.", required=True)
    updated_at = Moment("When it was last changed.", required=True)
    days_since_update = DaysSince("Calendar days since it was last changed.", of="updated_at")

    examples = (
        Example(
            "any cart where (status is active and grand_total > 200 and updated_at before 1 hour ago)",
            matches={"carts": [{"grand_total": "200.01", "updated_at": "2025-07-04T10:59:59.999999"}]},
            misses={
                "carts": [
                    {"grand_total": "200.01", "updated_at": "2025-07-04T11:00:00"},
                    {"grand_total": 200, "updated_at": "2025-07-01"},
                ]
            },
        ),
        Example(
            'any cart where (applied_rules contains "SUMMER")',
            matches={"carts": [{"applied_rules": ["VIP", "SUMMER"]}]},
            misses={"carts": [{"applied_rules": ["SUMMER25"]}]},
        ),
        Example(
            "any cart where (days_since_update > 1)",
            matches={"carts": [{"updated_at": "2025-07-02T23:59:59.999999"}]},
            misses={"carts": [{"updated_at": "2025-07-03T00:00:00"}]},
        ),
        Example(
            "last cart has (coupon_code is not set)",
            matches={"carts": [{"id": 1, "coupon_code": "A"}, {"id": 2, "coupon_code": None}]},
            misses={"carts": [{"id": 2, "coupon_code": "A"}, {"id": 1, "coupon_code": None}]},
        ),
    )
