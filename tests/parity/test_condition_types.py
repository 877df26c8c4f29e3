"""Every condition type that comes with segrules keeps the promise that a stranger's has to keep."""

from segrules import conditions
from segrules.testing import parity_suite
from segrules.vocabulary import Vocabulary

OURS = Vocabulary.of(*conditions.segrules_condition_types())

TestCustomer = parity_suite(conditions.Customer, OURS)
TestAddress = parity_suite(conditions.Address, OURS)
TestBillingAddress = parity_suite(conditions.BillingAddress, OURS)
TestShippingAddress = parity_suite(conditions.ShippingAddress, OURS)
TestActivity = parity_suite(conditions.Activity, OURS)
TestLifetime = parity_suite(conditions.Lifetime, OURS)
TestRefund = parity_suite(conditions.Refund, OURS)
TestNewsletter = parity_suite(conditions.Newsletter, OURS)
TestCart = parity_suite(conditions.Cart, OURS)
TestCartItem = parity_suite(conditions.CartItem, OURS)
TestOrder = parity_suite(conditions.Order, OURS)
TestOrderItem = parity_suite(conditions.OrderItem, OURS)
TestProductView = parity_suite(conditions.ProductView, OURS)
TestWishlist = parity_suite(conditions.Wishlist, OURS)
TestWishlistItem = parity_suite(conditions.WishlistItem, OURS)
TestCombine = parity_suite(conditions.Combine, OURS)
TestSegment = parity_suite(conditions.Segment, OURS)
