"""Forecasts for one customer that were worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

import segrules as sr
from segrules.algebra import CUSTOMER, Compare, Const, DayNumber, Field, Kind, Native, Op, any_of
from segrules.binding import Binding
from segrules.clock import Clock, Now, RelativeDay, RelativeInstant
from segrules.forecast import Forecast, OneCustomer, foresee

ROME = "Europe/Rome"
NOON = "2025-07-04T12:00"
ORDERS = [
    {"created_at": f"2025-{month:02}-15T10:00", "grand_total": 100, "status": "complete"} for month in (3, 4, 5, 6)
]

CASES: list[tuple[str, dict[str, Any], str, str | None]] = [
    # A window loses a moment when its first day has passed it, and gains one at that very moment.
    ("customer.created_at in last 30 days", {"created_at": "2025-06-20T10:00"}, NOON, "2025-07-20T22:00"),
    ("customer.created_at in last 6 hours", {"created_at": "2025-07-04T09:00"}, NOON, "2025-07-04T15:00:00.000001"),
    ("customer.created_at in last 6 hours", {"created_at": "2025-07-04T13:00"}, NOON, "2025-07-04T13:00"),
    ("customer.created_at before 1.5 hours ago", {"created_at": "2025-07-04T12:00"}, NOON, "2025-07-04T13:30:00.000001"),
    ("customer.created_at in last 7 days", {"created_at": "2020-01-01T00:00"}, NOON, None),
    ("customer.created_at in this month", {"created_at": "2025-07-02T10:00"}, NOON, "2025-07-31T22:00"),
    ("customer.created_at in next quarter", {"created_at": "2026-01-01T10:00"}, NOON, "2025-09-30T22:00"),
    # Both days of a change of summer time: 29 March to 31 March have 24, 23 and 24 hours.
    ("customer.days_since_registration >= 2", {"created_at": "2025-03-28T12:00"}, "2025-03-29T12:00", "2025-03-29T23:00"),
    ("customer.days_since_registration >= 3", {"created_at": "2025-03-28T12:00"}, "2025-03-29T12:00", "2025-03-30T22:00"),
    ("customer.days_since_registration = 3", {"created_at": "2025-10-24T12:00"}, "2025-10-26T12:00", "2025-10-26T23:00"),
    # Months clamp: on 28 February the day a month ago is 28 January, on 1 March it is 1 February.
    ("customer.created_at in last 1 month", {"created_at": "2025-01-30T12:00"}, "2025-02-10T12:00", "2025-02-28T23:00"),
    # Anniversaries, that of 29 February among them.
    ("customer.birthday is today", {"birth_date": "2000-02-29"}, "2025-02-01T12:00", "2025-02-27T23:00"),
    ("customer.birthday is today", {"birth_date": "2000-02-29"}, "2024-02-01T12:00", "2024-02-28T23:00"),
    ("customer.birthday is today", {"birth_date": "2000-02-29"}, "2024-02-29T12:00", "2024-02-29T23:00"),
    ("customer.days_until_birthday < 8", {"birth_date": "1980-01-05"}, "2025-07-04T12:00", "2025-12-28T23:00"),
    ("customer.birthday in next 365 days", {"birth_date": "1980-01-05"}, NOON, None),
    ("customer.birthday on 2025-07-04", {"birth_date": "1980-01-05"}, NOON, None),
    # Longer inactive than two of the usual distances between orders, which are 92 days by three.
    ("activity.days_inactive > 2 * activity.order_frequency_days", {"orders": ORDERS}, NOON, "2025-08-15T22:00"),
    ("not activity.days_inactive > 2 * activity.order_frequency_days", {"orders": ORDERS}, NOON, "2025-08-15T22:00"),
    # Days since two moments grow together: nothing ever changes.
    ("activity.days_inactive <= max(order.grand_total) - 99 + customer.days_since_registration", {"orders": ORDERS}, NOON, None),
    # 1,992 days lie between both moments; a quarter of them after the second one the first is five times as long ago.
    ("customer.days_since_registration > 5 * activity.days_since_last_order", {"orders": ORDERS}, NOON, "2026-10-25T23:00"),
    # Rows: the first candidates change nothing.
    ("count(order where created_at in last 90 days) >= 2", {"orders": ORDERS}, NOON, "2025-08-13T22:00"),
    ("sum(order.grand_total where created_at in this year) > 350", {"orders": ORDERS}, NOON, "2025-12-31T23:00"),
    ("activity.days_since_last_order > 90", {"orders": ORDERS}, NOON, "2025-09-13T22:00"),
    ("avg(order.grand_total where created_at in last 30 days) >= 100", {"orders": ORDERS}, NOON, "2025-07-15T22:00"),
    ("last order has (created_at in last 30 days)", {"orders": ORDERS}, NOON, "2025-07-15T22:00"),
    ("last(order.created_at where created_at before 20 days ago) in last 60 days", {"orders": ORDERS}, NOON, "2025-08-14T22:00"),
    ("max(order.grand_total where created_at in last 30 days) < 200", {"orders": ORDERS}, NOON, "2025-07-15T22:00"),
    ("no order where (created_at in last 60 days)", {"orders": ORDERS}, NOON, "2025-08-14T22:00"),
    # Two conditions that take turns at one moment change nothing together.
    ("customer.created_at in last 7 days or customer.created_at before 7 days ago", {"created_at": "2025-07-03T10:00"}, NOON, None),
    ("lifetime.orders > 2", {"orders": ORDERS}, NOON, None),
    ("customer.created_at in last 30 days", {"created_at": "2025-06-20T10:00", "is_active": False}, NOON, None),
]  # fmt: skip


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def customer(data: dict[str, Any]) -> sr.Customer:
    orders = [{"id": number, **each} for number, each in enumerate(data.get("orders", ()), start=1)]
    usual = {"id": 1, "is_active": True, "created_at": "2020-01-01T00:00"}
    return sr.Customer.from_mapping({**usual, **data, "orders": orders})


@pytest.mark.parametrize(("rule", "data", "at", "expected"), CASES, ids=[f"{rule} at {at}" for rule, _, at, _ in CASES])
def test_next_change(rule: str, data: dict[str, Any], at: str, expected: str | None) -> None:
    shop = sr.Shop.default(timezone=ROME)
    found = sr.parse(rule, shop).next_change_for(customer(data), shop, at=moment(at))
    assert found == moment(expected)


def test_live_segments_and_parameters() -> None:
    shop = sr.Shop.default(timezone=ROME)
    new = sr.parse("customer.created_at in last 30 days", shop)
    rule = sr.parse('in segment "new" and customer.days_since_registration < :days', shop)
    data = customer({"created_at": "2025-06-20T10:00"})

    def change(days: int) -> datetime | None:
        return rule.next_change_for(data, shop, at=moment(NOON), parameters={"days": days}, segments={"new": new})

    assert change(60) == moment("2025-07-20T22:00")
    assert change(20) == moment("2025-07-09T22:00")
    assert change(2) is None


def test_circles_are_refused() -> None:
    shop = sr.Shop.default()
    rule = sr.parse('in segment "a" and customer.created_at in last 30 days', shop)
    with pytest.raises(sr.SegmentError, match="circle"):
        rule.next_change_for(customer({}), shop, at=moment(NOON), segments={"a": rule})


def test_aware_moments_of_plain_objects() -> None:
    shop = sr.Shop.default(timezone=ROME)
    data = {"id": 1, "is_active": True, "created_at": datetime.fromisoformat("2025-06-20T12:00+02:00")}
    rule = sr.parse("customer.created_at in last 30 days", shop)
    assert rule.next_change_for(data, shop, at=moment(NOON)) == moment("2025-07-20T22:00")


def test_a_local_day_of_two_hours_ago() -> None:
    """The day of ``2 hours ago`` turns at two o'clock, not at midnight."""
    binding = Binding(Clock(datetime(2025, 7, 4, 12, tzinfo=UTC), sr.Shop.default().zone))
    days = [
        DayNumber(each)
        for each in (Field(CUSTOMER, "birth_date", Kind.DATE), Const(RelativeInstant(-7200000000), Kind.MOMENT))
    ]
    rule = Compare(Op.LT, *days, Kind.NUMBER)
    found = foresee(rule, binding, OneCustomer(customer({"birth_date": "2025-07-04"}), binding.clock.zone))
    assert found.moment == moment("2025-07-05T02:00")
    assert found.is_exact


def test_the_day_that_comes_back() -> None:
    """Clocks were put back from 00:01 to 23:01 of the day before: yesterday returned for an hour."""
    shop = sr.Shop.default(timezone="America/St_Johns")
    rule = sr.parse("customer.birthday is today", shop)
    data = customer({"birth_date": "1980-11-06"})
    changes, at = [], moment("2010-11-06T12:00")
    for _ in range(3):
        at = rule.next_change_for(data, shop, at=at)
        changes.append(at)
    assert changes == [moment(each) for each in ("2010-11-07T02:30", "2010-11-07T02:31", "2010-11-07T03:30")]


def foreseen(native: Native, at: datetime) -> Forecast:
    binding = Binding(Clock(at, sr.Shop.default().zone))
    never = Compare(Op.EQ, Field(CUSTOMER, "id", Kind.ID), Const(0, Kind.ID), Kind.ID)
    return foresee(any_of(native, never), binding, OneCustomer(customer({}), binding.clock.zone), limit=10)


def test_what_is_said_in_python_is_tried_day_by_day() -> None:
    at = datetime(2025, 7, 4, 12, tzinfo=UTC)

    def weekday(term: Const, day: date) -> Native:
        return Native("weekday", (term,), sql=lambda each: each, python=lambda each: each >= day)

    today = Const(RelativeDay(0), Kind.DATE)
    assert foreseen(weekday(today, date(2025, 7, 6)), at) == Forecast(datetime(2025, 7, 6, tzinfo=UTC), True, 4)
    given_up = foreseen(weekday(today, date(2026, 7, 6)), at)
    assert not given_up.is_exact
    assert given_up.moment is not None
    assert at < given_up.moment < datetime(2026, 7, 6, tzinfo=UTC)
    soon = foreseen(Native("late", (Const(Now(), Kind.MOMENT),), sql=lambda each: each, python=bool), at)
    assert not soon.is_exact
    assert soon.moment is not None
    assert (soon.moment - at).total_seconds() < 1
