"""The source's condition classes with their attributes, and the statement that each of them makes."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from segrules.interchange.maho.operators import NotCarriedError, asked
from segrules.interchange.maho.statements import (
    Classes,
    Said,
    Translate,
    applied_rules,
    average,
    average_or_zero,
    cart_status,
    category,
    column,
    counted,
    elapsed,
    inactive,
    last_of_all_orders,
    last_row,
    order_discount,
    own,
    passed_over,
    product_attribute,
    profit,
    rows,
    shared,
    subscription,
    total,
    without_purchase,
)
from segrules.interchange.maho.tree import Leaf

#: The classes, each with its attributes.
CLASSES: Mapping[str, Mapping[str, Translate]] = {
    "customer_attributes": {
        "email": column("customer.email", "text"),
        "firstname": own("customer.first_name", "text"),
        "lastname": own("customer.last_name", "text"),
        "gender": own("customer.gender", "gender"),
        "dob": own("customer.birth_date", "date"),
        "created_at": own("customer.created_at", "utc day"),
        "group_id": column("customer.group", "groups"),
        "store_id": column("customer.store", "stores"),
        "days_since_registration": own("customer.days_since_registration", "days"),
        "days_until_birthday": own("customer.days_until_birthday", "days"),
    },
    "customer_address": {
        "firstname": rows("address", "first_name", "text"),
        "lastname": rows("address", "last_name", "text"),
        "company": rows("address", "company", "text"),
        "street": rows("address", "street", "text"),
        "city": rows("address", "city", "text"),
        "region": rows("address", "region", "text", "region"),
        "postcode": rows("address", "postcode", "text"),
        "country_id": rows("address", "country", "code"),
        "telephone": rows("address", "phone", "text"),
    },
    "customer_timebased": {
        "days_since_last_login": elapsed("activity.days_since_last_login", "activity.last_login_at"),
        "days_since_last_order": elapsed("activity.days_since_last_order", "activity.last_order_at"),
        "days_inactive": inactive,
        "days_since_first_order": elapsed("activity.days_since_first_order", "activity.first_order_at"),
        "order_frequency_days": elapsed("activity.order_frequency_days", "activity.order_frequency_days"),
        "days_without_purchase": without_purchase,
    },
    "customer_clv": {
        "lifetime_sales": total("lifetime.sales", ""),
        "number_of_orders": total("lifetime.orders", ""),
        "average_order_value": average_or_zero,
        "lifetime_profit": profit,
        "lifetime_refunds": total("lifetime.refunds", "any refund"),
    },
    "customer_newsletter": {
        "subscriber_status": subscription,
        "change_status_at": own("newsletter.changed_at", "moment"),
    },
    "order_attributes": {
        "total_qty": rows("order", "total_qty", "number"),
        "total_amount": rows("order", "grand_total", "number"),
        "subtotal": rows("order", "subtotal", "number"),
        "tax_amount": rows("order", "tax_amount", "number"),
        "shipping_amount": rows("order", "shipping_amount", "number"),
        "discount_amount": order_discount,
        "grand_total": rows("order", "grand_total", "number"),
        "status": rows("order", "status", "status"),
        "created_at": rows("order", "created_at", "moment"),
        "updated_at": rows("order", "updated_at", "moment"),
        "store_id": rows("order", "store", "stores"),
        "currency_code": rows("order", "currency", "code"),
        "payment_method": rows("order", "payment_method", "code"),
        "shipping_method": rows("order", "shipping_method", "code"),
        "coupon_code": rows("order", "coupon_code", "code"),
        "days_since_last_order": last_of_all_orders,
        "average_order_amount": average("activity.average_order_amount", "activity.orders > 0"),
        "total_ordered_amount": total("activity.total_ordered_amount", "activity.orders > 0"),
    },
    "order_items": {
        "product_name": rows("order_item", "name", "text"),
        "product_sku": rows("order_item", "sku", "code"),
        "product_type": rows("order_item", "type", "type"),
        "product_price": rows("order_item", "price", "number", "as bought"),
        "qty_ordered": rows("order_item", "qty", "number"),
        "row_total": rows("order_item", "row_total", "number"),
        "row_total_incl_tax": rows("order_item", "row_total_incl_tax", "number"),
        "discount_amount": rows("order_item", "discount_amount", "number"),
    },
    "cart_attributes": {
        "is_active": cart_status,
        "items_count": rows("cart", "items_count", "number", only="status is active"),
        "items_qty": rows("cart", "items_qty", "number", only="status is active"),
        "base_subtotal": rows("cart", "subtotal", "number", "base", only="status is active"),
        "base_grand_total": rows("cart", "grand_total", "number", "base", only="status is active"),
        "created_at": rows("cart", "created_at", "moment", only="status is active"),
        "updated_at": rows("cart", "updated_at", "moment", only="status is active"),
        "store_id": rows("cart", "store", "stores", only="status is active"),
        "applied_rule_ids": applied_rules,
        "coupon_code": rows("cart", "coupon_code", "code", only="status is active"),
    },
    "cart_items": {
        "qty": rows("cart_item", "qty", "number"),
        "price": rows("cart_item", "price", "number"),
        "base_price": rows("cart_item", "price", "number", "base"),
        "row_total": rows("cart_item", "row_total", "number"),
        "base_row_total": rows("cart_item", "row_total", "number", "base"),
        "product_name": rows("cart_item", "name", "text", "as bought"),
        "product_sku": rows("cart_item", "sku", "code", "as bought"),
        "product_price": rows("cart_item", "price", "number", "as bought"),
        "product_type": passed_over(
            "the source passes over it as if it were not there, because no product attribute is called type;"
            " if it is wanted, write any cart_item where (type is …)"
        ),
        "created_at": passed_over("items in carts have no time of their own here; the cart has: any cart where (…)"),
        "updated_at": passed_over("items in carts have no time of their own here; the cart has: any cart where (…)"),
    },
    "product_viewed": {
        "product_id": rows("product_view", "product_id", "id"),
        "product_name": rows("product_view", "name", "text", "store view"),
        "product_sku": rows("product_view", "sku", "code"),
        "category_id": category("product_view"),
        "view_count": counted("count(distinct product_view.product_id)", "any product_view"),
        "last_viewed_at": last_row("product_view", "viewed_at", "moment"),
        "days_since_last_view": last_row("product_view", "days_since_view", "days"),
    },
    "product_wishlist": {
        "product_id": rows("wishlist_item", "product_id", "id"),
        "product_name": rows("wishlist_item", "name", "text", "store view"),
        "product_sku": rows("wishlist_item", "sku", "code"),
        "category_id": category("wishlist_item"),
        "wishlist_items_count": counted("count(wishlist_item)", "any wishlist_item"),
        "added_at": rows("wishlist_item", "added_at", "moment"),
        "days_since_added": last_row("wishlist_item", "days_since_added", "days"),
        "wishlist_shared": shared,
    },
}


def said_of(leaf: Leaf, classes: Classes) -> Said:
    """The condition in the language; NotCarriedError when it cannot be said."""
    attributes = CLASSES.get(leaf.type)
    if attributes is None:
        raise NotCarriedError(f'the source has no condition class "{leaf.type}" that is known here')
    translate = attributes.get(leaf.attribute)
    if translate is None and leaf.type in ("order_items", "cart_items") and leaf.attribute.startswith("product_"):
        translate = product_attribute
    if translate is None:
        raise NotCarriedError(f'the attribute "{leaf.attribute}" of {leaf.type} is unknown')
    if leaf.type == "order_items" and (leaf.value is None or leaf.value is False or leaf.value == ""):
        raise NotCarriedError("it has no value, and the source passes over it as if it were not there")
    said = translate(classes, leaf, asked(leaf))
    return evolve(said, differences=tuple(dict.fromkeys(said.differences)))
