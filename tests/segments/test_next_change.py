"""When members change next by the passing of time alone: kept by each refresh, held against brute force."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.clock import MICROSECOND
from segrules.segments import Segment, SegmentStore, Status
from segrules.testing.backends import BACKENDS, Backend, fresh_or_skipped
from segrules.testing.choosing import Seeded
from segrules.testing.stage import Stage
from tests.forecast.walking import Walk

from .shops import NOW, ids

DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh_or_skipped(request.param) as found:
        yield found


@pytest.mark.parametrize("zone", ["Europe/Rome", "Australia/Lord_Howe"])
def test_against_brute_force(backend: Backend, zone: str) -> None:
    """Nobody comes or goes before the moment that is kept, and somebody does then; days of 23 and 25 hours included."""
    shop = sr.Shop.default(timezone=zone)
    stage = Stage(backend, shop)
    stage.close()
    store = SegmentStore(stage.engine, shop, prefix="next_", lag=timedelta(0))
    store.create_tables()
    met = 0
    for number in range(6):
        chooser = Seeded(f"next change {zone}/{number}")
        walk = Walk.drawn(chooser, shop, size=5)
        if walk is None or walk.question.rule.parameters or walk.question.rule.segments:
            continue
        stage.connection = stage.engine.connect()
        stage.put(walk.customers)
        stage.close()
        website = walk.question.website
        name = f"s{number}"
        store.save(Segment(name=name, rule=walk.question.rule, websites=() if website is None else [website]))
        try:
            store.refresh(name, at=walk.at)
        except sr.BackendError:  # some rules are too much for a database
            continue
        state, members = store.state(name), frozenset(ids(store, name))
        if state.foreseen_at is None:  # and of some the forecast is
            assert backend.name == "duckdb"
            continue
        assert state.foreseen_at == walk.at
        found = state.next_change_at
        singly = [walk.forecast(each) for each in walk.customers]
        first = min((each.moment for each in singly if each.moment is not None), default=None)
        assert found is None or (first is not None and found <= first), "too late"
        if found == first and all(each.is_exact for each in singly if each.moment == first):
            met += 1
        ahead = [walk.at.replace(tzinfo=UTC) + timedelta(hours=hours) for hours in (1, 6, 25, 49, 24 * 32, 24 * 400)]
        end = datetime(9000, 1, 1, tzinfo=UTC) if found is None else found
        for moment in [*(each for each in ahead if each < end), *([] if found is None else [found - MICROSECOND])]:
            assert _answering(walk, moment) == members, f"{walk}\nat {moment}"
        if found is not None and found == first:
            assert _answering(walk, found) != members, f"{walk}\nat {found}"
    store.metadata.drop_all(store.engine)
    assert met > 1


def _answering(walk: Walk, moment: datetime) -> frozenset[int]:
    answers = walk.answers(moment.replace(tzinfo=None), walk.customers)
    return frozenset(customer["id"] for customer, holds in zip(walk.customers, answers, strict=True) if holds)


# --- what is due because of it ---------------------------------------------------------------------

RULE = "customer.created_at in last 30 days"


def born(store: SegmentStore, moments: dict[int, datetime]) -> None:
    customers = store.shop.mapping.entity("").source
    assert isinstance(customers, sa.Table)
    with store.engine.begin() as connection:
        for number, moment in moments.items():
            changed = sa.update(customers).where(customers.c.id == number)
            connection.execute(changed.values(created_at=moment.replace(tzinfo=None)))


@pytest.fixture
def timely(store: SegmentStore) -> SegmentStore:
    """Customers 1 and 2 registered a week and two weeks ago, all others long ago; segments lag by an hour at most."""
    found = SegmentStore(store.engine, store.shop, lag=timedelta(hours=1))
    born(found, {1: NOW - 7 * DAY, 2: NOW - 14 * DAY})
    found.save(Segment(name="new", rule=RULE))
    found.save(Segment(name="of-new", rule='in segment "new" and customer.website is main'))
    return found


#: Customer 2 registered on 20 June, which is 31 days ago on 21 July.
TURN = datetime(2025, 7, 21, tzinfo=UTC)


def test_a_scheduler_wakes_when_it_must(timely: SegmentStore) -> None:
    assert timely.next_due(NOW) == NOW
    assert [(each.segment, each.matched) for each in timely.refresh_due(NOW)] == [("new", 2), ("of-new", 1)]
    state = timely.state("new")
    assert (state.next_change_at, state.foreseen_at) == (TURN, NOW)
    assert (timely.state("of-new").next_change_at, timely.state("of-new").foreseen_at) == (None, NOW)
    assert timely.next_due(NOW) == datetime(2025, 7, 5, 5, tzinfo=UTC), "the schedule comes first"
    weekly = SegmentStore(timely.engine, timely.shop, schedule="0 5 1 1 *", lag=timedelta(hours=1))
    due = weekly.next_due(NOW)
    assert due == TURN + timedelta(hours=1)
    assert weekly.refresh_due(due - MICROSECOND) == []
    assert [(each.segment, each.left) for each in weekly.refresh_due(due)] == [("new", 1), ("of-new", 1)]
    assert weekly.refresh_due(due) == []
    assert ids(weekly, "of-new") == []
    assert weekly.state("new").next_change_at == TURN + 7 * DAY


def test_who_names_a_changed_segment_is_due(timely: SegmentStore) -> None:
    timely.refresh_due(NOW)
    born(timely, {4: NOW - DAY})
    later = NOW + timedelta(minutes=1)
    assert timely.refresh("new", at=later).entered == 1
    assert timely.next_due(later) == later
    assert [(each.segment, each.entered) for each in timely.refresh_due(later)] == [("of-new", 1)]
    assert timely.refresh_due(later) == []


def test_without_a_lag_nobody_asks(timely: SegmentStore) -> None:
    plain = SegmentStore(timely.engine, timely.shop, schedule="0 5 1 1 *")
    plain.refresh_all(at=NOW)
    state = plain.state("new")
    assert (state.next_change_at, state.foreseen_at) == (None, None)
    assert plain.next_due(NOW) == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert plain.refresh_due(TURN + DAY) == []


def test_a_partial_refresh_keeps_the_promise(timely: SegmentStore) -> None:
    timely.refresh_all(at=NOW)
    later = NOW + timedelta(hours=3)
    born(timely, {5: NOW - 28 * DAY, 7: NOW - 20 * DAY})
    assert timely.refresh("new", at=later, customers=[5, 6]).entered == 1
    state = timely.state("new")
    assert state.next_change_at == datetime(2025, 7, 7, tzinfo=UTC), "of customer 5"
    assert (state.at, state.foreseen_at) == (NOW, NOW), "the others were judged then"
    born(timely, {5: NOW - 400 * DAY})
    assert timely.refresh("new", at=later, customers=[5]).left == 1
    assert timely.state("new").next_change_at == datetime(2025, 7, 7, tzinfo=UTC), "too early is allowed"
    plain = SegmentStore(timely.engine, timely.shop)
    plain.refresh("new", at=later, customers=[7])
    assert plain.state("new").foreseen_at is None, "what was promised does not hold for customer 7"
    timely.refresh("new", at=later, customers=[5])
    assert timely.state("new").foreseen_at is None
    timely.refresh("new", at=later)
    assert timely.state("new").next_change_at == datetime(2025, 7, 15, tzinfo=UTC)


def test_the_schedule_counts_full_refreshes_only(store: SegmentStore) -> None:
    """Who is told of changes every few minutes still judges everybody once a day."""
    store.save(Segment(name="new", rule=RULE))
    store.refresh_due(NOW)
    assert store.refresh("new", at=NOW + DAY, customers=[1]).error is None
    assert store.state("new").at == NOW
    assert [each.segment for each in store.refresh_due(NOW + DAY)] == ["new"]


def test_a_failure_to_foresee_fails_nothing(
    timely: SegmentStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise sr.BackendError("no idea")

    monkeypatch.setattr("segrules.segments.refreshing.foreseen", broken)
    assert timely.refresh("new", at=NOW).matched == 2
    assert (timely.state("new").status, timely.state("new").foreseen_at) == (Status.COMPLETED, None)
    assert 'when "new" changes next is not known: BackendError: no idea' in caplog.text
    assert timely.next_due(NOW + MICROSECOND) == NOW + MICROSECOND, "the other segment is new"


def test_a_failed_segment_wakes_nobody(timely: SegmentStore, caplog: pytest.LogCaptureFixture) -> None:
    timely.refresh_due(NOW)
    segments = timely.tables.segments
    with timely.engine.begin() as connection:
        connection.execute(sa.update(segments).where(segments.c.name == "of-new").values(rule="nonsense"))
    with caplog.at_level(logging.CRITICAL, "segrules.refresh"):
        tomorrow = NOW + DAY
        assert [(each.segment, each.failed) for each in timely.refresh_due(tomorrow)] == [
            ("new", False),
            ("of-new", True),
        ]
        assert timely.next_due(tomorrow) == datetime(2025, 7, 6, 5, tzinfo=UTC)
        assert [each.segment for each in timely.refresh_due(tomorrow)] == ["of-new"], "it is tried again each time"


def test_nothing_is_automatic(store: SegmentStore) -> None:
    assert store.next_due(NOW) is None
    with pytest.raises(sr.SegmentError, match="cannot be ahead of time"):
        SegmentStore(store.engine, store.shop, lag=-DAY)
