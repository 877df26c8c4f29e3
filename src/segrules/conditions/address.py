"""The customer's addresses, and the default one for bills and for parcels."""

from collections.abc import Sequence
from typing import ClassVar

from segrules.algebra import Compare, Const, Kind, Op, Pick, Predicate, all_of
from segrules.condition import ConditionType, Country, Example, NameOrCode, Rows, Scope, Text, Where


class Address(ConditionType, word="address", plural="addresses", rows=Rows("addresses")):
    """All addresses in the customer's address book."""

    first_name = Text("The first name on the address.")
    last_name = Text("The last name on the address.")
    company = Text("The company on the address.")
    street = Text("Street and number.")
    city = Text("The city.")
    region = NameOrCode("The state or province, by name or by code.", code="region_code")
    postcode = Text("The postal code.")
    country = Country("The country as its two-letter code.")
    phone = Text("The telephone number.")

    examples: ClassVar[Sequence[Example]] = (
        Example(
            'any address where (city is "München")',
            matches={"addresses": [{"city": "Roma"}, {"city": "MÜNCHEN"}]},
            misses={"addresses": [{"city": "Munchen"}, {"city": None}]},
        ),
        Example(
            'address.region is "CA"',
            matches={"addresses": [{"region": "California", "region_code": "CA"}]},
            misses={"addresses": [{"region": "California", "region_code": "ca"}]},
        ),
        Example(
            'no address where (country is "GB")',
            matches={"addresses": [{"country": None}]},
            misses={"addresses": [{"country": None}, {"country": "GB"}]},
        ),
    )


def _default(kind: str) -> Where:
    def is_default_of_kind(address: Scope) -> Predicate:
        flag = Compare(Op.EQ, address.field("is_default", Kind.YESNO), Const(True, Kind.YESNO), Kind.YESNO)
        return all_of(address.is_one_of("kind", (kind,)), flag)

    return is_default_of_kind


#: Several defaults of one kind are a mistake of the shop; the smallest id settles it.
FIRST = Pick(by=None, latest=False)


class BillingAddress(
    Address,
    word="billing_address",
    plural="billing_addresses",
    rows=Rows("addresses", where=_default("billing"), pick=FIRST),
):
    """The default address for bills."""

    examples: ClassVar[Sequence[Example]] = (
        Example(
            'billing_address.country is "GB"',
            matches={"addresses": [{"kind": "billing", "is_default": True, "country": "GB"}]},
            misses={"addresses": [{"kind": "shipping", "is_default": True, "country": "GB"}]},
        ),
        Example(
            'billing_address.country is not "GB"',
            matches={"addresses": []},
            misses={"addresses": [{"kind": "billing", "is_default": True, "country": "GB"}]},
        ),
    )


class ShippingAddress(
    Address,
    word="shipping_address",
    plural="shipping_addresses",
    rows=Rows("addresses", where=_default("shipping"), pick=FIRST),
):
    """The default address for parcels."""

    examples: ClassVar[Sequence[Example]] = (
        Example(
            'shipping_address.postcode starts with "SW"',
            matches={"addresses": [{"id": 1, "kind": "shipping", "is_default": True, "postcode": "sw1A 1AA"}]},
            misses={
                "addresses": [
                    {"id": 2, "kind": "shipping", "is_default": True, "postcode": "SW1A 1AA"},
                    {"id": 1, "kind": "shipping", "is_default": True, "postcode": "E1 6AN"},
                ]
            },
        ),
    )
