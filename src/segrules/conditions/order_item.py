"""What the customer bought."""

from segrules.condition import Amount, ConditionType, Example, Quantity, Rows
from segrules.conditions.order import placed
from segrules.conditions.product import Product

ROWS = Rows("orders.items", where=lambda item: placed(item.parent), inside="item", large=True)


class OrderItem(Product, ConditionType, word="order_item", rows=ROWS):
    """Items of all orders that were not canceled; ``order.…`` reaches the order."""

    qty = Quantity("How many pieces.")
    row_total = Amount("What all the pieces cost, before tax.")
    row_total_incl_tax = Amount("What all the pieces cost, with tax.")
    discount_amount = Amount("The discount on the item, as a positive amount.")

    examples = (
        Example(
            'any order_item where (category is "Coffee" and order.created_at between 35 days ago and 28 days ago)',
            matches={
                "orders": [
                    {
                        "created_at": "2025-05-30T00:00:00",
                        "items": [{"categories": [{"code": "cof", "name": "Coffee"}]}],
                    }
                ]
            },
            misses={
                "orders": [
                    {
                        "created_at": "2025-06-07T00:00:00",
                        "items": [{"categories": [{"code": "cof", "name": "Coffee"}]}],
                    },
                    {"created_at": "2025-06-01T00:00:00", "items": [{"categories": []}]},
                ]
            },
        ),
        Example(
            'no order_item where (category is "acc")',
            matches={
                "orders": [{"status": "canceled", "items": [{"categories": [{"code": "acc", "name": "Accessories"}]}]}]
            },
            misses={"orders": [{"items": [{"categories": [{"code": "acc", "name": "Accessories"}]}]}]},
        ),
        Example(
            'any order where (status is complete and any item where (sku = "X"))',
            matches={"orders": [{"items": [{"sku": "X"}]}]},
            misses={"orders": [{"status": "pending", "items": [{"sku": "X"}]}, {"items": [{"sku": "x"}]}]},
        ),
        Example(
            "count(distinct order_item.category) = 2",
            matches={
                "orders": [
                    {
                        "items": [
                            {"categories": [{"code": "a", "name": "A"}, {"code": "b", "name": "B"}]},
                            {"categories": [{"code": "a", "name": "A"}]},
                        ]
                    }
                ]
            },
            misses={"orders": [{"items": [{"categories": [{"code": "a", "name": "A"}]}] * 2}]},
        ),
    )
