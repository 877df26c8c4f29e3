"""The life of one customer of the demonstration shop after the other.

Distributions follow what shops see: most customers buy little, few buy much; 38 in 100 never bought; what they
look at is what they have a taste for. Awkward values come up on purpose: missing ones, two moments that are
equal, moments on the full hour, 29 February, letters beyond ASCII, the codes of others in another case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import sqrt
from random import Random
from typing import Any, TypeVar

from segrules.demo.catalogue import GROUPS, SHELVES, STORES, Product, Store
from segrules.demo.people import COUNTRIES, Country, Place

T = TypeVar("T")
Values = tuple[Any, ...]


def _of_hundred(**shares: int) -> tuple[str, ...]:
    """Each word as often as its share says."""
    return tuple(word for word, share in shares.items() for _ in range(share))


_DAY = 86_400_000_000
_STORES = {store.code: store for store in STORES}
_BY_SHARE = tuple(country for country in COUNTRIES for _ in range(country.share))
_GROUP_BY_SHARE = tuple(group.id for group in GROUPS for _ in range(group.share))

#: The shelves that customers have a taste for; a name that comes twice is twice as frequent.
_TASTES = (
    *("coffee", "coffee", "coffee", "kitchen", "kitchen", "books", "books", "books", "clothing", "clothing"),
    *("clothing", "games", "tea", "audio", "phones", "cameras", "camera-accessories", "camera-accessories"),
    *("gift-cards", "laptops"),
)
_LAVISH = ("cameras", "laptops", "phones", "audio", "cameras", "laptops")

_COUPONS = ("WELCOME10", "SUMMER", "SUMMER25", "summer", "VIP_10%", "FREESHIP")
_PAYMENTS = ("card", "card", "card", "paypal", "bank_transfer", "cash_on_delivery")
_SHIPMENTS = ("standard", "standard", "express", "pickup")
#: Of a hundred orders, and of a hundred customers' newsletters; None has no subscription.
_STATUSES = _of_hundred(complete=78, processing=6, pending=4, closed=4, canceled=6, on_hold=2)
_SUBSCRIPTIONS = (*_of_hundred(subscribed=58, unsubscribed=12, unconfirmed=5, not_active=3), *(None,) * 22)
_YOUNG_STATUSES = ("pending", "processing", "processing", "complete", "canceled")
_WISHLISTS = ("Christmas", "Geburtstag", "Idées cadeaux", "50% off", None)


def amount(units: int) -> Decimal:
    """An amount that was counted in ten-thousandths."""
    return Decimal(units).scaleb(-4)


class Storyteller:
    """Tells the customers of a shop in order; every id is the next of its table."""

    def __init__(self, seed: int, at: datetime) -> None:
        self._random: Callable[[], float] = Random(seed).random
        self._at = at
        self._ids: dict[str, int] = {}
        self._rows: dict[str, list[Values]] = {}

    def next_customer(self) -> dict[str, list[Values]]:
        """The rows of the next customer by table."""
        self._rows = {}
        chance = self._random()
        # An account is up to four years old; the younger, the more there are.
        age = 1500 * chance * (0.3 + 0.7 * chance)
        country = self._one_of(_BY_SHARE)
        store = _STORES[self._one_of(country.stores)]
        customer = self._customer(country, store, age)
        if self._random() < 0.92:
            self._addresses(customer, country)
        self._newsletter(customer, age)
        lavish = self._random() < 0.035
        taste = self._one_of(_TASTES)
        self._orders(customer, store, age, taste, lavish)
        self._carts(customer, store, age, taste, lavish)
        self._views(customer, age, taste, lavish)
        self._logins(customer, age)
        self._wishlists(customer, age, taste, lavish)
        return self._rows

    # --- chance ------------------------------------------------------------------------------------

    def _one_of(self, values: Sequence[T]) -> T:
        return values[int(self._random() * len(values))]

    def _ago(self, days: float) -> datetime:
        """A moment so many days before the shop's present; now and then exactly on the hour."""
        moment = self._at - timedelta(microseconds=int(days * _DAY))
        return moment.replace(minute=0, second=0, microsecond=0) if self._random() < 0.02 else moment

    def _add(self, table: str, *values: Any) -> int:
        number = self._ids[table] = self._ids.get(table, 0) + 1
        self._rows.setdefault(table, []).append((number, *values))
        return number

    def _product(self, taste: str, lavish: bool) -> Product:
        """A product, more often than not to the customer's taste; the lavish look at the upper end."""
        if lavish and self._random() < 0.6:
            shelf = SHELVES[self._one_of(_LAVISH)]
        else:
            shelf = SHELVES[taste if self._random() < 0.55 else self._one_of(_TASTES)]
        chance = self._random()
        return shelf[int((chance if lavish else chance * chance) * len(shelf))]

    # --- the person --------------------------------------------------------------------------------

    def _customer(self, country: Country, store: Store, age: float) -> Values:
        chance = self._random()
        gender = "female" if chance < 0.44 else "male" if chance < 0.86 else "other" if chance < 0.9 else None
        male = gender == "male" or (gender != "female" and self._random() < 0.5)
        first, family = self._one_of(country.male if male else country.female), self._one_of(country.family)
        number = self._ids.get("customers", 0) + 1
        mailbox = f"{country.mailboxes[first]}.{country.mailboxes[family]}".strip(".") or "customer"
        email = f"{mailbox}.{number}@{self._one_of(('example.org', 'example.com', 'mail.example.net'))}"
        if self._random() < 0.1:
            email = email.title()
        chance = self._random()
        nameless, homeless = chance < 0.02, chance > 0.99
        self._add(
            "customers",
            None if 0.02 < chance < 0.025 else email,
            None if nameless else first,
            None if nameless else family,
            gender,
            self._birth_date(),
            self._ago(age),
            self._one_of(_GROUP_BY_SHARE) if chance > 0.03 else None,
            None if homeless else store.id,
            None if homeless else store.website.id,
            self._random() >= 0.02,
        )
        return self._rows["customers"][0]

    def _birth_date(self) -> date | None:
        chance = self._random()
        if chance < 0.15:
            return None
        if chance < 0.155:
            return date(1948 + 4 * int(self._random() * 15), 2, 29)
        return date(1945, 1, 1) + timedelta(days=int(self._random() * 365.25 * 62))

    def _addresses(self, customer: Values, country: Country) -> None:
        kinds = ["billing", "shipping"] if self._random() < 0.85 else ["billing"]
        if self._random() < 0.12:
            kinds.append(self._one_of(("billing", "shipping")))
        for place, kind in enumerate(kinds):
            # The third is an old address, and now and then a shop forgot to make it the former default.
            default = place < 2 or self._random() < 0.05
            abroad = kind == "shipping" and self._random() < 0.04
            self._address(customer, kind, default, self._one_of(COUNTRIES) if abroad else country)

    def _address(self, customer: Values, kind: str, default: bool, country: Country) -> None:
        place: Place = self._one_of(country.places)
        postcode = "".join(str(int(self._random() * 10)) if char == "#" else char for char in place.postcode)
        if self._random() < 0.05:
            postcode = postcode.lower()
        chance = self._random()
        self._add(
            "addresses",
            customer[0],
            kind,
            default,
            customer[2],
            customer[3],
            f"{customer[3] or 'Smith'} & Söhne" if chance < 0.06 else "" if chance < 0.08 else None,
            f"{self._one_of(country.streets)} {1 + int(self._random() * 120)}",
            place.city.upper() if chance > 0.97 else place.city,
            place.region,
            place.region_code,
            postcode if chance < 0.98 else None,
            country.code if chance < 0.99 else None,
            f"{country.dialling} {int(self._random() * 9_000_000) + 1_000_000}" if self._random() < 0.7 else None,
        )

    def _newsletter(self, customer: Values, age: float) -> None:
        status = self._one_of(_SUBSCRIPTIONS)
        if status is None:
            return
        if self._random() < 0.05:
            former = self._ago(age * self._random())
            self._add("newsletter_subscriptions", customer[0], customer[1], "unsubscribed", former)
        self._add("newsletter_subscriptions", customer[0], customer[1], status, self._ago(age * self._random()))

    def _logins(self, customer: Values, age: float) -> None:
        if self._random() < 0.25:
            return
        for _ in range(1 + int(4 * self._random())):
            chance = self._random()
            self._add("logins", customer[0], self._ago(age * chance * chance))

    # --- what it bought ----------------------------------------------------------------------------

    def _orders(self, customer: Values, store: Store, age: float, taste: str, lavish: bool) -> None:
        if self._random() < 0.38:
            return
        count = 1 + int(4.4 * (1 / sqrt(1 - self._random()) - 1))
        if lavish:
            count += 4
        days = sorted((age * self._random() for _ in range(min(count, 90))), reverse=True)
        previous: datetime | None = None
        for ago in days:
            same = previous is not None and self._random() < 0.01
            previous = previous if same else self._ago(ago)
            where = store if self._random() < 0.95 else self._one_of(STORES)
            self._order(customer, where, ago, previous, taste, lavish)

    def _order(
        self, customer: Values, store: Store, ago: float, placed: datetime | None, taste: str, lavish: bool
    ) -> None:
        assert placed is not None
        status = self._one_of(_STATUSES if ago > 4 else _YOUNG_STATUSES)
        coupon = self._one_of(_COUPONS) if self._random() < 0.15 else None
        order = self._ids.get("orders", 0) + 1
        subtotal = pieces = 0
        for _ in range(1 + int(4 * self._random())):
            product, quarters = self._product(taste, lavish), self._quarters()
            row = product.cents * 25 * quarters
            subtotal += row
            pieces += quarters
            self._add(
                "order_items",
                order,
                # A product that is gone from the catalogue leaves its name on the item, but no categories.
                product.id if self._random() < 0.99 else None,
                product.sku,
                product.name,
                product.type,
                amount(quarters * 2500),
                amount(product.cents * 100),
                amount(row),
                amount(row * 6 // 5),
                amount(row // 10) if coupon else amount(0) if self._random() < 0.9 else None,
            )
        tax = subtotal // 500 * 100
        shipping = 0 if subtotal > 500_000 else 49_000
        discount = subtotal // 1000 * 100 if coupon else 0
        total = subtotal + tax + shipping - discount
        chance = self._random()
        self._add(
            "orders",
            customer[0],
            store.id if self._random() < 0.99 else None,
            status,
            store.currency,
            amount(pieces * 2500),
            amount(subtotal),
            amount(tax),
            amount(shipping) if chance < 0.97 else None,
            amount(discount) if coupon or chance > 0.04 else None,
            amount(total),
            self._one_of(_PAYMENTS) if chance < 0.98 else None,
            self._one_of(_SHIPMENTS) if chance < 0.95 else None,
            coupon,
            placed,
            placed + timedelta(microseconds=int(self._random() * min(ago, 20) * _DAY)) if chance < 0.9 else None,
        )
        self._refunds(order, status, ago, total)

    def _refunds(self, order: int, status: str, ago: float, total: int) -> None:
        if status == "closed":
            self._add("refunds", order, amount(total), self._ago(ago * self._random()))
        elif status == "complete" and self._random() < 0.04:
            for _ in range(1 if self._random() < 0.8 else 2):
                self._add("refunds", order, amount(total // 500 * 100), self._ago(ago * self._random()))

    def _quarters(self) -> int:
        """How many quarters of a piece: one piece mostly; some goods are sold by weight."""
        chance = self._random()
        if chance < 0.76:
            return 4
        return 4 * (2 + int(10 * (chance - 0.76))) if chance < 0.98 else 1 + int(self._random() * 10)

    # --- what it wants -----------------------------------------------------------------------------

    def _carts(self, customer: Values, store: Store, age: float, taste: str, lavish: bool) -> None:
        chance = self._random()
        for _ in range(0 if chance < 0.67 else 1 if chance < 0.93 else 2):
            chance = self._random()
            # Most carts lie for days; a few were touched within the hour.
            changed = min(age, 60 * chance * chance * chance)
            self._cart(customer, store, changed + (age - changed) * self._random() * 0.1, changed, taste, lavish)

    def _cart(self, customer: Values, store: Store, created: float, changed: float, taste: str, lavish: bool) -> None:
        cart = self._ids.get("carts", 0) + 1
        subtotal = pieces = count = 0
        for _ in range(int(5 * self._random())):
            product, quarters = self._product(taste, lavish), self._quarters()
            row = product.cents * 25 * quarters
            subtotal, pieces, count = subtotal + row, pieces + quarters, count + 1
            self._add(
                "cart_items",
                cart,
                product.id,
                product.sku,
                product.name,
                product.type,
                amount(quarters * 2500),
                amount(product.cents * 100),
                amount(row),
            )
        chance = self._random()
        coupon = self._one_of(_COUPONS) if chance < 0.12 else None
        without_coupon = "CLUB" if chance < 0.2 else "" if chance < 0.3 else None
        rules = f"{coupon},CLUB" if chance < 0.05 else coupon or without_coupon
        tax = subtotal // 500 * 100
        discount = subtotal // 1000 * 100 if coupon else 0
        computed = chance < 0.95
        self._add(
            "carts",
            customer[0],
            store.id,
            self._random() < 0.65,
            count,
            amount(pieces * 2500),
            amount(subtotal) if computed else None,
            amount(tax) if computed else None,
            amount(discount) if coupon and computed else None,
            amount(subtotal + tax - discount) if computed else None,
            coupon,
            rules,
            self._ago(created),
            self._ago(changed),
        )

    def _views(self, customer: Values, age: float, taste: str, lavish: bool) -> None:
        if self._random() < 0.3:
            return
        chance = self._random()
        for _ in range(1 + int(20 * chance * chance)):
            product, ago = self._product(taste, lavish), self._random()
            self._add("product_views", customer[0], product.id, self._ago(min(age, 150) * ago * ago))

    def _wishlists(self, customer: Values, age: float, taste: str, lavish: bool) -> None:
        chance = self._random()
        for _ in range(0 if chance < 0.86 else 1 if chance < 0.97 else 2):
            wishlist = self._add("wishlists", customer[0], self._one_of(_WISHLISTS), self._random() < 0.3)
            for _ in range(int(5 * self._random())):
                product = self._product(taste, lavish)
                self._add("wishlist_items", wishlist, product.id, self._ago(age * self._random()))
