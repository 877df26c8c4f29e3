"""What the demonstration shop sells, and the sites on which it does.

The product list is worked out from short tables, so it is the same on every machine and for every size of shop.
"""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen


@frozen
class Website:
    """One of the shop's websites."""

    id: int
    code: str
    name: str


@frozen
class Store:
    """A store view of a website, with the calendar that its customers live by."""

    id: int
    website: Website
    code: str
    name: str
    timezone: str
    currency: str


@frozen
class Group:
    """A customer group and how many of a hundred customers are in it."""

    id: int
    code: str
    share: int


@frozen
class Category:
    """A category of products."""

    id: int
    code: str
    name: str


@frozen
class Product:
    """A product with what one piece is sold for, in whole cents, and whether that price is public."""

    id: int
    sku: str
    name: str
    cents: int
    listed: bool
    type: str | None
    categories: tuple[Category, ...]

    @property
    def price(self) -> Decimal | None:
        """The public price of one piece; missing when it is on request."""
        return Decimal(self.cents).scaleb(-2) if self.listed else None


WEBSITES = (Website(1, "eu", "European Website"), Website(2, "uk", "UK Website"), Website(3, "us", "US Website"))

STORES = tuple(
    Store(number, WEBSITES[website - 1], code, name, timezone, currency)
    for number, (website, code, name, timezone, currency) in enumerate(
        (
            (1, "it", "Italia", "Europe/Rome", "EUR"),
            (1, "de", "Deutschland", "Europe/Berlin", "EUR"),
            (1, "fr", "France", "Europe/Paris", "EUR"),
            (1, "es", "España", "Europe/Madrid", "EUR"),
            (1, "pl", "Polska", "Europe/Warsaw", "PLN"),
            (2, "uk", "United Kingdom", "Europe/London", "GBP"),
            (3, "us_east", "United States, East", "America/New_York", "USD"),
            (3, "us_west", "United States, West", "America/Los_Angeles", "USD"),
        ),
        start=1,
    )
)

GROUPS = (Group(1, "general", 86), Group(2, "wholesale", 7), Group(3, "club", 5), Group(4, "staff", 2))

_CAMERAS = ("Compact Camera", "Mirrorless Camera", "Field Camera")
_ACCESSORIES = ("Memory Card", "Tripod", "Lens Filter", "Camera Bag", "Battery")

# code, name, sku prefix, product type, cheapest and dearest in cents, nouns, how many products
_SHELVES = (
    ("cameras", "Cameras", "CAM", "simple", 24_900, 289_900, _CAMERAS, 24),
    ("camera-accessories", "Camera Accessories", "ACC", "simple", 990, 24_900, _ACCESSORIES, 40),
    ("coffee", "Coffee", "COF", "simple", 690, 3_990, ("Espresso", "Filter Coffee", "Décaf", "Cold Brew"), 32),
    ("tea", "Tea", "TEA", "simple", 450, 2_990, ("Green Tea", "Oolong", "Rooibos"), 20),
    ("laptops", "Laptops", "LAP", "configurable", 54_900, 349_900, ("Laptop 13", "Laptop 14", "Laptop 16"), 20),
    ("phones", "Phones", "PHO", "configurable", 19_900, 129_900, ("Phone", "Phone Mini", "Phone Max"), 18),
    ("audio", "Audio", "AUD", "simple", 2_490, 59_900, ("Headphones", "Loudspeaker", "Earbuds"), 30),
    ("kitchen", "Kitchen", "KIT", "simple", 490, 18_900, ("Grinder", "Kettle", "Moka Pot", "Mug", "Crêpe Pan"), 40),
    ("books", "Books", "BOO", "simple", 590, 4_900, ("Handbook", "Novel", "Atlas", "Cookbook"), 48),
    ("clothing", "Clothing", "CLO", "configurable", 990, 15_900, ("T-Shirt", "Jumper", "Raincoat", "Scarf"), 48),
    ("games", "Games", "GAM", "downloadable", 490, 6_990, ("Puzzle", "Chess Set", "Quest"), 24),
    ("gift-cards", "Gift Cards", "GIF", "virtual", 1_000, 20_000, ("Gift Card",), 4),
)

_LINES = ("Aurora", "Borealis", "Café", "Dune", "Ébène", "Fjord", "Gøteborg", "Höhe", "Iris", "Łódź", "Noir", "Zürich")

#: Categories that lie across the shelves: the second category of some products.
_SALE, _NEW = "sale", "new-in"

CATEGORIES = tuple(
    Category(number, code, name)
    for number, (code, name) in enumerate(
        (*((shelf[0], shelf[1]) for shelf in _SHELVES), (_SALE, "Sale %"), (_NEW, "New_In")), start=1
    )
)


def _products() -> tuple[Product, ...]:
    found: list[Product] = []
    by_code = {category.code: category for category in CATEGORIES}
    for code, _, prefix, kind, cheapest, dearest, nouns, count in _SHELVES:
        for place in range(count):
            number = len(found) + 1
            # Squared, so most products of a shelf are cheap; rounded to the prices that shops like.
            cents = (cheapest + (dearest - cheapest) * place * place // (count * count)) // 100 * 100 + 90
            categories = [by_code[code]]
            if number % 7 == 0:
                categories.append(by_code[_SALE])
            if number % 11 == 0:
                categories.append(by_code[_NEW])
            if number % 53 == 0:
                categories = []
            name = f"{_LINES[number % len(_LINES)]} {nouns[place % len(nouns)]} {place + 1}"
            sku, of_type = f"{prefix}-{place + 1:03}", kind if number % 67 else None
            found.append(Product(number, sku, name, cents, number % 61 != 0, of_type, tuple(categories)))
    return tuple(found)


PRODUCTS = _products()

#: The products of each shelf, by the code of its category; what a customer has a taste for.
SHELVES = {shelf[0]: tuple(product for product in PRODUCTS if product.sku.startswith(shelf[2])) for shelf in _SHELVES}
