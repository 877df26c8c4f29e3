"""The fields of a product, wherever one turns up: in a cart, an order, a view or a wishlist.

Not a condition type of its own. What was bought keeps its own name, sku, type and price; the categories are
those that the product has today.
"""

from segrules.condition import Amount, Categories, Choice, Code, Text

PRODUCT_TYPES = ("simple", "configurable", "grouped", "bundle", "virtual", "downloadable")


class Product:
    """The fields that every product row has."""

    sku = Code("The product's stock keeping unit, exactly.")
    name = Text("The product's name.")
    category = Categories("The categories that the product is in today, by name or code.")
    price = Amount("The price of one piece.")
    type = Choice("What kind of product it is.", values=PRODUCT_TYPES)
