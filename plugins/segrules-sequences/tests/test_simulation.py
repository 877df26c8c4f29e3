"""Dry runs: what would be sent, when, to whom."""

from datetime import UTC, datetime, timedelta

import pytest

from segrules_sequences import SequenceError, Step, Window
from segrules_sequences.simulation import Person, population, simulate

from .shops import sequence

START = datetime(2026, 11, 16, 9, tzinfo=UTC)


def test_what_would_be_sent_to_two_people() -> None:
    people = [
        Person(id=1, enters=START, subscribes=START, zone="Asia/Tokyo"),
        Person(id=2, enters=START + timedelta(hours=1), leaves=START + timedelta(days=2), subscribes=START),
    ]
    cart = sequence("1 hour: one", "1 day: two", "7 days: three", window=Window(start="09:00", end="20:00"))
    bye = sequence("0 minutes: bye", name="bye", on="exit", segment="anns")
    found = simulate([cart, bye], people, start=START, days=14)
    # In Tokyo it is 19:00 an hour after the first one entered, so the seventh day brings its mail in time as well.
    assert [(each.person, each.template, each.at - START) for each in found.mails] == [
        (1, "one", timedelta(hours=1)), (2, "one", timedelta(hours=2)),
        (1, "two", timedelta(days=1)), (2, "two", timedelta(hours=25)),
        (2, "bye", timedelta(days=2)), (1, "three", timedelta(days=7)),
    ]  # fmt: skip
    assert (found.people, found.mailed) == (2, 2)
    assert found.by_step() == {"bye 1 bye": 1, "s 1 one": 2, "s 2 two": 2, "s 3 three": 1}


def test_100_people_for_30_days_and_none_is_mailed_twice() -> None:
    window = Window(start="09:00", end="18:00", days=("mon", "tue", "wed", "thu", "fri"))
    steps = [Step(delay=f"{days} days local", template=f"t{days}", coupon={"rule": "x"}) for days in (0, 1, 4, 9)]
    cart = sequence(*steps, window=window, cap="2 in 7 days", reentry="always", holdout=10)
    found = simulate([cart], population(100, START, 20), start=START, days=30)
    mails = {(each.person, each.step) for each in found.mails}
    assert len(mails) == len(found.mails) > 150, "nobody enters again here, so no step comes twice"
    assert all(each.at < START + timedelta(days=30) for each in found.mails)
    for person in {each.person for each in found.mails}:
        own = sorted(each.at for each in found.mails if each.person == person)
        assert all(later - one >= timedelta(days=7) for one, later in zip(own, own[2:], strict=False))
    assert found.skipped["held out"] > 2 and found.skipped["not subscribed"] > 0
    assert sum(found.by_day().values()) == len(found.mails)


def test_limits_of_a_dry_run() -> None:
    with pytest.raises(SequenceError, match="1 to 800 days"):
        simulate([sequence()], [], start=START, days=0)
    with pytest.raises(SequenceError, match="time zone"):
        simulate([sequence()], [], start=START.replace(tzinfo=None), days=1)
