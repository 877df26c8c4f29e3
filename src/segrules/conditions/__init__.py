"""The condition types that come with segrules, registered by the same hook as a stranger's."""

from collections.abc import Iterable

from segrules.condition import ConditionType
from segrules.conditions.activity import Activity
from segrules.conditions.address import Address, BillingAddress, ShippingAddress
from segrules.conditions.cart import Cart
from segrules.conditions.cart_item import CartItem
from segrules.conditions.combine import Combine
from segrules.conditions.customer import Customer
from segrules.conditions.lifetime import Lifetime, Refund
from segrules.conditions.newsletter import Newsletter
from segrules.conditions.order import Order
from segrules.conditions.order_item import OrderItem
from segrules.conditions.product_view import ProductView
from segrules.conditions.segment import Segment
from segrules.conditions.wishlist import Wishlist, WishlistItem
from segrules.hookspecs import hookimpl


@hookimpl
def segrules_condition_types() -> Iterable[type[ConditionType]]:
    """The thirteen types in the order of the language reference."""
    return (
        Customer,
        Address,
        BillingAddress,
        ShippingAddress,
        Activity,
        Lifetime,
        Refund,
        Newsletter,
        Cart,
        CartItem,
        Order,
        OrderItem,
        ProductView,
        Wishlist,
        WishlistItem,
        Combine,
        Segment,
    )
