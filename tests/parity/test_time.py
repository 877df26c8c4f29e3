"""Every hour around the days on which clocks change and leap days, by brute force with zoneinfo alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segrules import conditions, parse
from segrules.shop import Shop
from segrules.testing import Scene
from segrules.testing.filling import filled
from segrules.testing.questions import RuleQuestion, ids_in_memory
from segrules.vocabulary import Vocabulary

OURS = Vocabulary.of(*conditions.segrules_condition_types())

#: A zone, and a day on which its clocks change; two midnights are skipped, one whole day is missing.
CHANGES = [
    ("Europe/Rome", date(2025, 3, 30)),
    ("Europe/Rome", date(2025, 10, 26)),
    ("America/New_York", date(2025, 3, 9)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Australia/Lord_Howe", date(2025, 4, 6)),
    ("Pacific/Apia", date(2011, 12, 31)),
    ("Asia/Kolkata", date(2024, 2, 29)),
]


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=lambda each: str(each))
def test_days_around_a_change_of_clocks(zone: str, day: date, stages: Any) -> None:
    shop = Shop.default(zone, vocabulary=OURS)
    scene = Scene(shop, datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC))
    noon = datetime(day.year, day.month, day.day, 12)
    moments = [noon + timedelta(minutes=30 * step) for step in range(-120, 121)]
    moments += [moment - timedelta(microseconds=1) for moment in moments]
    customers = [
        filled(scene, {"created_at": moment, "orders": [{"created_at": moment}]}, number)
        for number, moment in enumerate(moments, start=1)
    ]
    local = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() for moment in moments]
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    expected = {
        f"customer.created_at on {day}": [each == day for each in local],
        f"customer.created_at before {day}": [each < day for each in local],
        f"customer.created_at after {day}": [each > day for each in local],
        f"customer.created_at between {before} and {day}": [before <= each <= day for each in local],
        f"customer.created_at not on {after}": [each != after for each in local],
        "customer.created_at is yesterday": [each == before for each in local],
        "customer.days_since_registration = 1": [(day - each).days == 1 for each in local],
        "customer.days_since_registration <= 0": [(day - each).days <= 0 for each in local],
        "activity.days_since_last_order = 2": [(day - each).days == 2 for each in local],
        "anniversary of customer.created_at is today": [_returns(each, day) for each in local],
        "customer.created_at in this month": [(each.year, each.month) == (day.year, day.month) for each in local],
    }
    questions = {text: RuleQuestion(parse(text, shop), scene) for text in expected}
    for text, answers in expected.items():
        wanted = {number for number, holds in enumerate(answers, start=1) if holds}
        assert ids_in_memory(questions[text], customers) == wanted, text
    with stages(shop) as opened:
        for stage in opened:
            stage.put(customers)
            for text, answers in expected.items():
                wanted = {number for number, holds in enumerate(answers, start=1) if holds}
                assert stage.ids(questions[text]) == wanted, f"{text} on {stage.name}"


def _returns(born: date, today: date) -> bool:
    try:
        return born.replace(year=today.year) == today
    except ValueError:
        return (today.month, today.day) == (2, 28)


def test_birthdays_of_every_day_through_five_years(stages: Any) -> None:
    """Each day of the calendar is somebody's birthday; each night of leap and common years asks whose it is."""
    shop = Shop.default(vocabulary=OURS)
    born = [date(2000, 1, 1) + timedelta(days=number) for number in range(366)]
    plain = [{"birth_date": each} for each in born]
    todays = [date(2024, 2, 28) + timedelta(days=step) for step in (0, 1, 2, 306, 307, 308, 365, 366, 367, 1461)]
    scene = Scene(shop, datetime(2024, 1, 1, tzinfo=UTC))
    customers = [filled(scene, each, number) for number, each in enumerate(plain, start=1)]
    with stages(shop) as opened:
        for stage in opened:
            stage.put(customers)
        for today in todays:
            scene = Scene(shop, datetime(today.year, today.month, today.day, 12, tzinfo=UTC))
            for days in (0, 1, 3, 30):
                window = [today + timedelta(days=step) for step in range(days + 1)]
                wanted = {n for n, each in enumerate(born, start=1) if any(_returns(each, day) for day in window)}
                asked = RuleQuestion(parse(f"customer.birthday in next {days} days", shop), scene)
                until = RuleQuestion(parse(f"customer.days_until_birthday <= {days}", shop), scene)
                assert ids_in_memory(asked, customers) == ids_in_memory(until, customers) == wanted
                for stage in opened:
                    assert stage.ids(asked) == stage.ids(until) == wanted, f"{today}, {days} days on {stage.name}"
