"""What the customer looked at."""

from segrules.condition import ConditionType, DaysSince, Example, Id, Moment, Rows
from segrules.conditions.product import Product


class ProductView(
    Product, ConditionType, word="product_view", rows=Rows("product_views", moment="viewed_at", large=True)
):
    """Views of product pages; name, price and the like are the product's of today."""

    product_id = Id("The number of the product.", required=True)
    viewed_at = Moment("When it was looked at.", required=True)
    days_since_view = DaysSince("Calendar days since it was looked at.", of="viewed_at")

    examples = (
        Example(
            "any product_view where (price > 500 and viewed_at in last 7 days"
            " and no order_item where (sku = product_view.sku))",
            matches={
                "product_views": [{"sku": "A", "price": "500.01", "viewed_at": "2025-06-27T00:00:00"}],
                "orders": [{"items": [{"sku": "B"}]}],
            },
            misses={
                "product_views": [{"sku": "A", "price": "500.01", "viewed_at": "2025-06-27T00:00:00"}],
                "orders": [{"items": [{"sku": "A"}]}],
            },
        ),
        Example(
            "count(product_view where viewed_at in last 24 hours) >= 2",
            matches={"product_views": [{"viewed_at": "2025-07-03T12:00:00"}, {"viewed_at": "2025-07-04T12:00:00"}]},
            misses={
                "product_views": [{"viewed_at": "2025-07-03T11:59:59.999999"}, {"viewed_at": "2025-07-04T12:00:00"}]
            },
        ),
        Example(
            "product_view.product_id in (7, 8)",
            matches={"product_views": [{"product_id": 8}]},
            misses={"product_views": [{"product_id": 9}]},
        ),
    )
