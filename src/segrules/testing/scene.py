"""What the customers of one population and the rules about them have in common: the present, the zone, the codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from segrules.algebra import Kind
from segrules.clock import Clock
from segrules.shop.shop import Shop
from segrules.testing import values
from segrules.testing.choosing import Chooser, happens, one_of, some_of
from segrules.testing.shapes import Kept, Shapes
from segrules.vocabulary import Vocabulary

#: Stores by code, each with the code of its website; the same in every population.
STORES: Mapping[str, str] = MappingProxyType({"main": "base", "it_shop": "base", "outlet": "outlet", "Main": "outlet"})
GROUPS = ("general", "wholesale", "staff", "Staff")
#: Segments whose stored members a rule may ask about.
SEGMENTS = ("VIP", "new")
WEBSITES = tuple(dict.fromkeys(STORES.values()))
#: Fields that hold the code of a record that the shop keeps elsewhere.
RECORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"store": tuple(STORES), "group": GROUPS, "website": WEBSITES}
)

Customer = dict[str, Any]


@frozen
class Scene:
    """A shop at one moment: what its words are, what its customers look like, which days are near."""

    shop: Shop
    at: datetime = datetime(2025, 7, 4, 12, tzinfo=UTC)
    shapes: Shapes = field(init=False, eq=False, repr=False)
    moments: values.Moments = field(init=False, eq=False, repr=False)

    @shapes.default
    def _shapes(self) -> Shapes:
        return Shapes.of(self.vocabulary, self.shop.mapping)

    @moments.default
    def _moments(self) -> values.Moments:
        return values.Moments(Clock(self.at, self.shop.zone))

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the shop."""
        return self.shop.vocabulary

    @classmethod
    def drawn(cls, chooser: Chooser, shop: Shop) -> Scene:
        """A scene of a shop at one of the presents."""
        return cls(shop, one_of(chooser, values.PRESENTS))

    def choices(self, kept: Kept) -> tuple[str, ...]:
        """The values that a choice field may hold here."""
        return kept.choices or RECORDS.get(kept.name) or values.UNDECLARED

    def value(self, chooser: Chooser, kept: Kept, large: bool = False) -> Any:
        """A value of a kept field, or None where it may be missing."""
        if not kept.required and happens(chooser, 5):
            return None
        match kept.kind:
            case Kind.NUMBER if kept.is_whole:
                return one_of(chooser, values.WHOLES)
            case Kind.NUMBER:
                if large and happens(chooser, 100):
                    return one_of(chooser, values.LARGE)
                return Decimal(one_of(chooser, values.QUANTITIES if kept.is_quantity else values.AMOUNTS))
            case Kind.ID:
                return one_of(chooser, values.IDS)
            case Kind.TEXT:
                return one_of(chooser, values.TEXTS)
            case Kind.CODE if kept.is_set:
                return sorted(set(some_of(chooser, values.ELEMENTS, 0, 3)))
            case Kind.CODE:
                return one_of(chooser, values.COUNTRIES if kept.is_country else values.CODES)
            case Kind.CHOICE:
                return one_of(chooser, self.choices(kept))
            case Kind.YESNO:
                return happens(chooser, 2)
            case Kind.DATE:
                return self.moments.day(chooser)
            case Kind.MOMENT:
                return self.moments.moment(chooser)
