"""Plain data becomes a customer, or every mistake in it is told with its place."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from segrules.condition import ConditionType, Moment, Quantity, Rows, Whole
from segrules.conditions import segrules_condition_types
from segrules.errors import CustomerError
from segrules.memory import Customer
from segrules.vocabulary import Vocabulary

BUILT_IN = Vocabulary.of(*segrules_condition_types())


def read(data: Any, vocabulary: Vocabulary = BUILT_IN) -> Customer:
    return Customer.from_mapping(data, vocabulary)


def test_plain_data_becomes_values() -> None:
    def carts() -> Iterator[dict[str, Any]]:
        yield {
            "id": 1,
            "applied_rules": ["A", "B"],
            "items": [{"qty": "2.50", "product_id": 7, "categories": [{"code": "c"}]}],
        }

    customer = read(
        {
            "id": 5,
            "birth_date": "2000-02-29",
            "created_at": "2025-01-01T10:00:00+02:00",
            "is_active": True,
            "segments": ["vip"],
            "website": "main",
            "carts": carts(),
            "orders": [{"grand_total": 12, "website": "main", "store": None, "refunds": []}],
            "addresses": [{"kind": "billing", "is_default": True, "region": "California", "region_code": "CA"}],
            "newsletter": {"id": 1, "status": "subscribed", "changed_at": datetime(2025, 1, 1, tzinfo=UTC)},
            "logins": [{"id": 1, "at": "2025-07-01"}],
        }
    )
    assert customer["birth_date"] == date(2000, 2, 29)
    assert customer["created_at"] == datetime(2025, 1, 1, 8)
    assert customer["carts"][0]["items"][0]["qty"] == Decimal("2.50")
    assert customer["carts"][0]["applied_rules"] == ("A", "B")
    assert customer["newsletter"]["changed_at"] == datetime(2025, 1, 1)
    assert customer["logins"][0]["at"] == datetime(2025, 7, 1)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(CustomerError) as caught:
        read(
            {
                "id": "5",
                "emial": "a@b.c",
                "is_active": 1,
                "birth_date": datetime(2000, 1, 1),
                "created_at": "yesterday",
                "orders": [
                    {},
                    7,
                    {"grand_total": 12.5, "status": 5, "items": [{"qty": "1,5", "price": Decimal("NaN")}]},
                ],
                "carts": [{"items_count": "1.5", "applied_rules": "A,B"}],
                "wishlists": 3,
                "segments": [1],
            }
        )
    assert str(caught.value).splitlines() == [
        "id: '5' is a str; an id is a whole number",
        "emial: the vocabulary has no such name; did you mean email?",
        "is_active: 1 is an int; write True or False",
        "birth_date: datetime.datetime(2000, 1, 1, 0, 0) is a datetime; the field is a day, write its date()",
        "created_at: 'yesterday' is no moment; write ISO text such as \"2025-01-31T10:00:00Z\"",
        "orders[1]: 7 is an int; write a mapping of names to values",
        'orders[2].grand_total: 12.5 is a float; write Decimal("12.5") or "12.5"',
        "orders[2].status: 5 is an int; write text",
        "orders[2].items[0].qty: '1,5' is a str; write an int, a Decimal or decimal text such as \"12.50\"",
        "orders[2].items[0].price: NaN is no number that can be compared; leave it out",
        "carts[0].items_count: 1.5 is no whole number",
        "carts[0].applied_rules: 'A,B' is a str; write a list of codes",
        "wishlists: 3 is an int; write a list of rows",
        "segments: 1 is an int; a code is text",
    ]


def test_derived_fields_are_no_data() -> None:
    for name in ("days_since_registration", "birthday", "days_until_birthday"):
        with pytest.raises(CustomerError, match=f"{name}: the vocabulary has no such name"):
            read({name: 5})
    with pytest.raises(CustomerError, match="the customer: None is a NoneType"):
        read(None)


class LoyaltyEvent(ConditionType, word="loyalty_event", rows=Rows("loyalty_events", moment="booked_at")):
    """Points that were booked."""

    points = Whole("How many.")
    booked_at = Moment("When.")


def test_a_plugin_brings_its_rows_and_a_shop_its_fields() -> None:
    vocabulary = BUILT_IN.extended(LoyaltyEvent, fields={"customer": {"discount": Quantity("A discount.")}})
    customer = read(
        {"discount": "0.5", "loyalty_events": [{"points": 3, "booked_at": "2025-01-01T00:00:00Z"}]}, vocabulary
    )
    assert customer["discount"] == Decimal("0.5")
    assert customer["loyalty_events"] == [{"points": 3, "booked_at": datetime(2025, 1, 1)}]
    with pytest.raises(CustomerError, match="loyalty_events: the vocabulary has no such name"):
        read({"loyalty_events": []})


def test_every_example_of_the_condition_types_is_a_customer() -> None:
    for relation in BUILT_IN:
        for example in relation.type.examples:
            read(example.matches)
            read(example.misses)
