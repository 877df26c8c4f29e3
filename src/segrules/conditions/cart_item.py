"""What lies in the customer's active carts."""

from segrules.condition import Amount, ConditionType, Example, Quantity, Rows
from segrules.conditions.cart import active
from segrules.conditions.product import Product

ROWS = Rows("carts.items", where=lambda item: active(item.parent), inside="item", large=True)


class CartItem(Product, ConditionType, word="cart_item", rows=ROWS):
    """Items in active carts; ``cart.…`` reaches the cart."""

    qty = Quantity("How many pieces.")
    row_total = Amount("What all the pieces cost.")

    examples = (
        Example(
            'any cart_item where (category is "Cameras" and qty >= 2)',
            matches={"carts": [{"items": [{"qty": 2, "categories": [{"code": "cam", "name": "cameras"}]}]}]},
            misses={"carts": [{"items": [{"qty": "1.9999", "categories": [{"code": "cam", "name": "Cameras"}]}]}]},
        ),
        Example(
            'cart_item.sku is "TRIPOD"',
            matches={"carts": [{"items": [{"sku": "TRIPOD"}]}]},
            misses={"carts": [{"status": "inactive", "items": [{"sku": "TRIPOD"}]}, {"items": [{"sku": "tripod"}]}]},
        ),
    )
