"""A few customers of a shop for books and coffee, made with Oscar's own models."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from oscar.core.loading import get_model

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)

Basket, BasketLine = get_model("basket", "Basket"), get_model("basket", "Line")
Category, Product = get_model("catalogue", "Category"), get_model("catalogue", "Product")
ProductClass, Partner = get_model("catalogue", "ProductClass"), get_model("partner", "Partner")
StockRecord, Country = get_model("partner", "StockRecord"), get_model("address", "Country")
UserAddress, Order = get_model("address", "UserAddress"), get_model("order", "Order")
OrderLine, OrderDiscount = get_model("order", "Line"), get_model("order", "OrderDiscount")
Source, SourceType = get_model("payment", "Source"), get_model("payment", "SourceType")
UserProductView, WishList = get_model("analytics", "UserProductView"), get_model("wishlists", "WishList")


@transaction.atomic
def fill() -> None:
    """Anna, Ben, Cleo and Dan, with what they did."""
    goods = ProductClass.objects.create(name="Goods", slug="goods")
    books, coffee = Category.add_root(name="Books", slug="books"), Category.add_root(name="Coffee", slug="coffee")
    partner = Partner.objects.create(name="Warehouse", code="warehouse")
    stock = {}
    for upc, title, price, category in (("B1", "A novel", "12.50", books), ("C1", "Espresso beans", "18.00", coffee)):
        product = Product.objects.create(upc=upc, title=title, product_class=goods)
        product.categories.add(category)
        stock[upc] = StockRecord.objects.create(
            product=product, partner=partner, partner_sku=f"SKU-{upc}", price=Decimal(price), num_in_stock=99
        )
    country = Country.objects.create(iso_3166_1_a2="IT", iso_3166_1_a3="ITA", printable_name="Italy", name="ITALY")

    anna, ben, cleo, dan = (
        User.objects.create_user(name, f"{name}@Example.com", first_name=name.title(), last_name="Rossi")
        for name in ("anna", "ben", "cleo", "dan")
    )
    User.objects.filter(pk=dan.pk).update(is_active=False)
    User.objects.filter(pk=anna.pk).update(date_joined=NOW - timedelta(days=400), last_login=NOW - timedelta(days=2))
    User.objects.exclude(pk=anna.pk).update(date_joined=NOW - timedelta(days=5))
    UserAddress.objects.create(
        user=anna, first_name="Anna", last_name="Rossi", line1="Via Roma 1", line4="Rome", postcode="00100",
        country=country, is_default_for_shipping=True, is_default_for_billing=True,
    )  # fmt: skip

    order(stock, "1001", anna, 300, {"C1": 3}, status="Complete")
    refunded = order(stock, "1002", anna, 20, {"B1": 2}, status="Complete", voucher="SUMMER")
    order(stock, "1003", anna, 10, {"C1": 10}, status="Cancelled")
    order(stock, "1004", ben, 30, {"B1": 1}, status="Pending")
    order(stock, "1005", None, 3, {"C1": 1}, status="Being processed", guest="CLEO@example.com")
    order(stock, "1006", dan, 3, {"C1": 50}, status="Complete")
    source = Source.objects.create(
        order=refunded, source_type=SourceType.objects.create(name="Card", code="card"), currency="GBP",
        amount_allocated=Decimal(25), amount_debited=Decimal(25),
    )  # fmt: skip
    source.refund(Decimal("5.00"))

    basket = Basket.objects.create(owner=ben)
    record = stock["C1"]
    BasketLine.objects.create(
        basket=basket, product=record.product, stockrecord=record, quantity=2, line_reference="1",
        price_currency="GBP", price_excl_tax=Decimal(15), price_incl_tax=Decimal(18),
    )  # fmt: skip
    BasketLine.objects.update(date_updated=NOW - timedelta(hours=3))
    UserProductView.objects.create(user=cleo, product=stock["B1"].product)
    UserProductView.objects.update(date_created=NOW - timedelta(days=1))
    wishes = WishList.objects.create(owner=cleo, name="Birthday", visibility=WishList.SHARED)
    wishes.add(stock["C1"].product)


def order(stock, number, user, days_ago, pieces, *, status, voucher=None, guest=""):
    """An order with its lines, a fifth of the price being tax; with a voucher a pound is taken off."""
    total = sum(stock[upc].price * quantity for upc, quantity in pieces.items()) - (1 if voucher else 0)
    net = (total / Decimal("1.2")).quantize(Decimal("0.01"))
    made = Order.objects.create(
        number=number, user=user, guest_email=guest, currency="GBP", status=status, total_incl_tax=total,
        total_excl_tax=net, shipping_incl_tax=0, shipping_excl_tax=0, date_placed=NOW - timedelta(days=days_ago),
        shipping_method="Courier", shipping_code="courier",
    )  # fmt: skip
    for upc, quantity in pieces.items():
        record, gross = stock[upc], stock[upc].price * quantity
        OrderLine.objects.create(
            order=made, product=record.product, stockrecord=record, partner=record.partner, partner_name="Warehouse",
            partner_sku=record.partner_sku, title=record.product.title, upc=upc, quantity=quantity, status=status,
            line_price_incl_tax=gross, line_price_excl_tax=gross, unit_price_incl_tax=record.price,
            unit_price_excl_tax=record.price, line_price_before_discounts_incl_tax=gross,
            line_price_before_discounts_excl_tax=gross, num_allocated=0,
        )  # fmt: skip
    if voucher:
        OrderDiscount.objects.create(order=made, voucher_code=voucher, amount=Decimal(1), frequency=1)
    return made
