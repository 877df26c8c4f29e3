"""The cart that is priced: plain data of the shop, checked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
from attrs import field, frozen

from segrules_coupons import money
from segrules_coupons.errors import CartError

#: So many lines a cart may have.
MOST_ITEMS = 10_000


def _exact(value: Any, what: str) -> Decimal:
    if isinstance(value, float):
        raise CartError(f'{what}: {value!r} is a float, which is not exact; write Decimal("{value}") or "{value}"')
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise CartError(f"{what}: {value!r} is no number; write a Decimal, an int or decimal text")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise CartError(f"{what}: {value!r} is no number; write a Decimal, an int or decimal text") from None
    if not number.is_finite() or number < 0 or number >= money.HIGHEST:
        raise CartError(f"{what}: {value} cannot be; it must be 0 or more, and below 10^12")
    if number != number.quantize(Decimal("0.0001")):
        raise CartError(f"{what}: {value} has more than 4 decimals")
    return number


def _price(value: Any) -> Decimal:
    return _exact(value, "price")


def _qty(value: Any) -> Decimal:
    return _exact(value, "qty")


def _row_total(value: Any) -> Decimal | None:
    return None if value is None else _exact(value, "row_total")


def _shipping(value: Any) -> Decimal | None:
    return None if value is None else _exact(value, "shipping")


def _tax(value: Any) -> Decimal | None:
    return None if value is None else _exact(value, "tax_amount")


def _rows(value: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(value)


@frozen(kw_only=True)
class Item:
    """One line of a cart: so many pieces at one price.

    ``row_total`` is what the line costs before discounts, by default price times quantity, rounded to the currency.
    ``categories`` are rows with ``code`` and ``name``; ``attributes`` are further fields of the product that the shop's
    vocabulary knows. ``id`` tells the line from the others, by default it is its place.
    """

    price: Decimal = field(converter=_price)
    qty: Decimal = field(default=Decimal(1), converter=_qty)
    row_total: Decimal | None = field(default=None, converter=_row_total)
    sku: str | None = None
    name: str | None = None
    type: str | None = None
    product_id: int | None = None
    categories: Sequence[Mapping[str, Any]] = field(factory=tuple, converter=_rows)
    attributes: Mapping[str, Any] = field(factory=dict)
    id: Any = None

    def __attrs_post_init__(self) -> None:
        if not self.qty:
            raise CartError("qty: a line of no pieces cannot be priced; leave it out")


_ITEM = frozenset(attrs.fields_dict(Item)) - {"attributes"}


def _items(given: Iterable[Any]) -> tuple[Item, ...]:
    return tuple(_item(place, each) for place, each in enumerate(given))


@frozen(kw_only=True)
class Cart:
    """What a customer is about to buy.

    All amounts are in ``currency``, either all with tax or all without, as the shop shows its prices. ``shipping`` is
    None as long as it is not known. The rest is for conditions that ask for it.
    """

    items: tuple[Item, ...] = field(converter=_items)
    currency: str
    shipping: Decimal | None = field(default=None, converter=_shipping)
    tax_amount: Decimal | None = field(default=None, converter=_tax)
    store: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    id: int | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.currency, str) or not money.is_currency(self.currency):
            raise CartError(f'currency: {self.currency!r} is no currency; write three capitals like "EUR"')
        if len(self.items) > MOST_ITEMS:
            raise CartError(f"items: a cart has at most {MOST_ITEMS:,} lines; this one has {len(self.items):,}")
        if len({each.id for each in self.items}) < len(self.items):
            raise CartError("items: two lines have the same id")
        places = money.decimals(self.currency)
        amounts = {f"items[{n}].row_total": each.row_total for n, each in enumerate(self.items)}
        for what, amount in {**amounts, "shipping": self.shipping}.items():
            if amount is not None and money.units(amount, self.currency) is None:
                raise CartError(f"{what}: {amount} has more than the {places} decimals of {self.currency}")

    @classmethod
    def from_mapping(cls, data: Any) -> Cart:
        """The cart of plain data, such as JSON holds; numbers may be decimal text. Raises CartError."""
        if not isinstance(data, Mapping):
            raise CartError(f"{data!r} is no cart; write a mapping with currency and items")
        known = attrs.fields_dict(cls)
        for name in data:
            if name not in known:
                raise CartError(f"{name}: a cart has no such field; there are {', '.join(known)}")
        for name in ("currency", "items"):
            if name not in data:
                raise CartError(f"the cart has no {name}")
        items = data["items"]
        if isinstance(items, str | bytes | Mapping) or not hasattr(items, "__iter__"):
            raise CartError("items: write a list of lines")
        moments = {name: _moment(name, data[name]) for name in ("created_at", "updated_at") if data.get(name)}
        return cls(**{**data, **moments})

    @property
    def row_units(self) -> list[int]:
        """What each line costs before discounts, in smallest units of the currency."""
        return [self._units(each) for each in self.items]

    @property
    def subtotal(self) -> Decimal:
        """What all lines cost before discounts."""
        return money.amount_of(sum(self.row_units), self.currency)

    def _units(self, item: Item) -> int:
        if item.row_total is not None:
            return money.exact_units(item.row_total, self.currency)
        return money.rounded(Fraction(item.price) * Fraction(item.qty) * 10 ** money.decimals(self.currency))


def _item(place: int, given: Any) -> Item:
    try:
        if isinstance(given, Mapping):
            own = {name: given[name] for name in given if name in _ITEM}
            if "price" not in own:
                raise CartError("price: it is missing")
            more = {name: given[name] for name in given if name not in _ITEM and name != "attributes"}
            given = Item(**own, attributes={**given.get("attributes", {}), **more})
        if not isinstance(given, Item):
            raise CartError(f"{given!r} is no line; give an Item or a mapping")
    except CartError as error:
        raise CartError(f"items[{place}]{'.' if ': ' in str(error) else ' '}{error}") from None
    return given if given.id is not None else attrs.evolve(given, id=place)


def _moment(name: str, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise CartError(f'{name}: {value!r} is no moment; write ISO text such as "2025-01-31T10:00:00Z"') from None
    if not isinstance(value, datetime):
        raise CartError(f"{name}: {value!r} is no moment")
    return value
