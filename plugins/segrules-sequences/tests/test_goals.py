"""Goals: entering a segment or an event of the shop, counted once, credited to a mail, against those held out."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segrules.segments import Segment, SegmentStore

from segrules_sequences import Goal, Sequence, SequenceError, Step, Variant
from segrules_sequences.comparing import Verdict, compared
from segrules_sequences.results import Reached
from segrules_sequences.statistics import Figures

from .conftest import NOON
from .shops import World, add_customers, make_sequences, rename, runs, sequence, states

ORDER = Goal(event="order")


def started(world: World, *steps: str | Step, **more: Any) -> World:
    world.sequences.save(sequence(*steps, **{"goal": ORDER, **more}))
    world.refresh()
    return world.work()


def figures(world: World) -> Figures:
    (found,) = world.sequences.statistics(sequence="s")
    return found


def credited(world: World) -> dict[str, tuple[int, Decimal]]:
    """Goals and what they were worth, by step."""
    found = {each.step: each.goal for each in figures(world).steps}
    return {name: (goal.reached, goal.value) for name, goal in found.items() if goal is not None and goal.reached}


# --- events ---


def test_an_event_is_credited_to_the_last_mail_before_it(world: World) -> None:
    started(world, "0 minutes: one", "2 days: two", "4 days: three")
    ordered = world.sequences.converted
    assert ordered(1, event_id="1001", value="49.90") == 1
    world.pass_by(days=2)
    assert ordered(2, event_id="1002", value=Decimal("10.05"), at=NOON + timedelta(hours=47)) == 1
    assert ordered("3", event_id="1003") == 1
    assert credited(world) == {"one": (2, Decimal("59.95")), "two": (1, Decimal(0))}
    found = figures(world)
    assert found.goal == "order" and found.mailed == Reached(3, 3, Decimal("59.95"))
    assert found.steps[1].goal == Reached(1, 1), "two had ordered before it went out"
    assert runs(world.sequences) == {"active": 3}, "the runs go on"


def test_an_event_counts_once(world: World) -> None:
    started(world)
    assert [world.sequences.converted(1, event_id="1", value=5) for _ in range(3)] == [1, 0, 0]
    assert world.sequences.converted(1, event_id="2", value=7) == 0, "the first one counts"
    assert world.sequences.converted(2, event_id="1") == 0, "an id is of one event, whoever it is said of"
    assert world.sequences.converted(2, event="review", event_id="1") == 0, "that is nobody's goal"
    assert credited(world) == {"hello": (1, Decimal(5))}


def test_of_events_told_in_any_order_the_earliest_counts(world: World) -> None:
    started(world, "0 minutes: one", "1 day: two")
    world.pass_by(days=3)
    for hours, worth in ((30, 3), (2, 1), (50, 4), (26, 2)):
        world.sequences.converted(1, event_id=str(hours), at=NOON + timedelta(hours=hours), value=worth)
    assert credited(world) == {"one": (1, Decimal(1))}


def test_an_event_counts_from_the_first_mail_on_and_not_for_ever(world: World) -> None:
    started(world, "1 hour: one", "1 day: two", goal=Goal(event="order", within="3 days"))
    assert world.sequences.converted(1, event_id="before", at=NOON) == 0
    world.pass_by(hours=1).pass_by(days=1).pass_by(days=3)
    at = NOON + timedelta(hours=1)
    assert world.sequences.converted(1, event_id="a", at=at + timedelta(days=3, seconds=1)) == 0
    assert world.sequences.converted(2, event_id="b", at=at - timedelta(seconds=1)) == 0
    assert world.sequences.converted(1, event_id="c", at=at + timedelta(days=3)) == 1
    assert world.sequences.converted(2, event_id="d", at=at) == 1
    assert credited(world) == {"two": (1, 0), "one": (1, 0)}
    assert world.sequences.converted(99, event_id="e") == 0, "a customer without a run"
    e = world.sequences.tables.events
    with world.store.engine.connect() as connection:
        told = connection.execute(sa.select(e.c.provider_event_id, e.c.kind, e.c.detail, e.c.customer_id)).all()
    assert ("order:e", "conversion", "order", 99) not in told and ("order:c", "conversion", "order", 1) in told


def test_a_goal_may_end_the_run(world: World) -> None:
    started(world, "0 minutes: one", "1 day: two", goal=Goal(event="order", ends=True))
    world.clock.at += timedelta(hours=1)
    assert world.sequences.converted(1, event_id="1") == 1
    assert world.sequences.converted(2, event_id="2", at=NOON - timedelta(seconds=1)) == 0, "before it began"
    world.pass_by(days=2)
    assert states(world.sequences) == {"sent": 5, "skipped: goal reached": 1}
    assert runs(world.sequences) == {"finished": 2, "stopped: goal reached": 1}


def test_a_goal_before_the_first_mail_ends_the_run_and_counts_for_nobody(small_world: World) -> None:
    world = small_world
    started(world, "1 day: one", goal=Goal(event="order", ends=True), holdout=50)
    assert world.sequences.converted(1, event_id="1") == 0
    world.pass_by(days=1)
    found = figures(world)
    assert found.mailed is not None and found.not_mailed is not None
    assert found.mailed.of + found.not_mailed.of == 2 and found.reasons == {"goal reached": 1}


def test_of_two_runs_the_later_one_gets_the_goal(world: World) -> None:
    started(world, "0 minutes: one", reentry="always")
    for name in ("Bob", "Ann"):
        rename(world.store, 1, name)
        world.pass_by(hours=12).refresh()
    world.work()
    e = world.sequences.tables.enrolments
    goals = sa.select(e.c.goal_at).where(e.c.customer_id == 1).order_by(e.c.id)
    for hours, expected in ((24, [None, 24]), (1, [1, 24]), (23, [1, 24])):
        world.sequences.converted(1, event_id=str(hours), at=NOON + timedelta(hours=hours))
        with world.store.engine.connect() as connection:
            found = connection.scalars(goals).all()
        assert found == [None if each is None else NOON + timedelta(hours=each) for each in expected]


def test_what_cannot_be_an_event_is_told(small_world: World) -> None:
    started(small_world)
    converted = small_world.sequences.converted
    for change, message in [
        ({"event_id": ""}, "cannot name a report of an event: use 1 to 120 printable characters"),
        ({"event": " order"}, "' order' cannot name a kind of event"),
        ({"at": datetime(2026, 11, 18)}, "2026-11-18T00:00:00 of an event has no time zone"),
        ({"at": NOON + timedelta(hours=2)}, "has not come yet; it is 2026-11-18T12:00:00"),
        ({"value": 4.5}, "the value 4.5 of an event is a float; amounts are Decimal or int"),
        ({"value": "-1"}, "the value '-1' of an event is no amount; write one like 49.90"),
        ({"value": "1.00001"}, "is no amount"),
        ({"value": "nan"}, "is no amount"),
        ({"value": Decimal(10) ** 12}, "is no amount"),
        ({"value": "ten"}, "is no amount"),
    ]:
        with pytest.raises(SequenceError) as raised:
            converted(1, **{"event_id": "1", **change})
        assert message in str(raised.value)
    assert credited(small_world) == {}


# --- segments ---


def buyers(world: World) -> World:
    world.store.save(Segment(name="buyers", rule='customer.last_name is "Buyer"'))
    return world


def buys(world: World, *customers: int, last_name: str | None = "Buyer") -> None:
    table = world.store.shop.tables["customers"]  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id.in_(customers)).values(last_name=last_name))
    world.refresh("buyers")


def test_entering_a_segment_is_a_goal(world: World) -> None:
    started(buyers(world), "0 minutes: one", "1 day: two", goal=Goal(segment="buyers", ends=True, within="7 days"))
    world.clock.at += timedelta(hours=5)
    buys(world, 1)
    world.pass_by(days=1)
    buys(world, 2)
    for name in (None, "Buyer"):
        buys(world, 1, last_name=name)
    assert credited(world) == {"one": (1, 0), "two": (1, 0)}
    world.pass_by(days=7)
    buys(world, 3)
    assert figures(world).mailed == Reached(3, 2) and figures(world).goal == "enters buyers"
    assert runs(world.sequences) == {"finished": 2, "stopped: goal reached": 1}


def test_coming_back_is_a_goal_of_those_who_left(small_world: World) -> None:
    world = small_world
    back = sequence("0 minutes: back", "1 day: again", name="s", on="exit", member=False, goal=Goal(segment="anns"))
    world.sequences.save(back)
    world.refresh()
    rename(world.store, 1, "Bob")
    world.refresh()
    world.pass_by(hours=1)
    rename(world.store, 1, "Ann")
    world.refresh()
    assert credited(world) == {"back": (1, 0)}
    assert runs(world.sequences) == {"stopped: came back into the segment": 1}


def test_a_goal_is_undone_with_its_refresh(world: World) -> None:
    started(buyers(world), goal=Goal(segment="buyers", ends=True))

    def fails(connection: sa.Connection, change: Any) -> None:
        raise RuntimeError("a listener that fails")

    world.store = SegmentStore(world.store.engine, world.store.shop, listeners=[fails])
    with pytest.raises(RuntimeError, match="a listener that fails"):
        buys(world, 1)
    assert credited(world) == {} and runs(world.sequences)["finished"] == 3


def test_a_goal_must_be_there_and_another_segment(small_world: World) -> None:
    with pytest.raises(Exception, match='there is no segment "nobody"'):
        small_world.sequences.save(sequence(goal=Goal(segment="nobody")))
    with pytest.raises(SequenceError, match='has entered "anns" already: its goal is another segment'):
        sequence(goal=Goal(segment="anns"))


# --- at once ---


@pytest.mark.parametrize("ends", [False, True])
def test_two_refreshes_and_many_reports_at_once_count_once(world: World, ends: bool) -> None:
    buyers(world)
    add_customers(world.store, range(10, 30))
    more = {"overlap": True, "goal": Goal(segment="buyers", ends=ends)}
    world.sequences.save(sequence("0 minutes: one", "1 day: two", name="of segment", **more))
    more["goal"] = Goal(event="order", ends=ends)
    started(world, "0 minutes: one", "1 day: two", **more)
    table = world.store.shop.tables["customers"]  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(table).values(last_name="Buyer"))
    gate, counts, problems = threading.Barrier(5), list[int](), list[BaseException]()

    def at_once(work: Any) -> None:
        try:
            gate.wait()
            work()
        except Exception as problem:
            problems.append(problem)

    def reports() -> None:
        mine = make_sequences(world.store, clock=world.clock, senders={"memory": lambda: world.memory})
        counts.extend(mine.converted(customer, event_id=f"{customer}", value=2) for customer in range(10, 30))

    def works() -> None:
        world.pass_by(days=1)

    def refreshes() -> None:
        world.store.refresh("buyers", at=NOON + timedelta(hours=1))

    work = [refreshes, refreshes, reports, reports, works]
    threads = [threading.Thread(target=at_once, args=(each,)) for each in work]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert not problems or all("refresh" in str(each) for each in problems), problems
    of_segment, of_event = world.sequences.statistics()
    assert sum(counts) == 20 and of_event.mailed == Reached(23, 20, Decimal(40))
    assert of_segment.mailed == Reached(23, 23)


# --- any order, any number ---


@pytest.fixture
def three_mails(small_world: World) -> World:
    """Three customers, with mails at once, after two days and after four; their goal is an order within three days."""
    started(small_world, "0 minutes: one", "2 days: two", "4 days: three", goal=Goal(event="order", within="3 days"))
    small_world.pass_by(days=2).pass_by(days=2).pass_by(days=6)
    return small_world


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 8), st.integers(-10, 100), st.integers(0, 9)), max_size=20
    )
)
def test_whatever_is_told_each_run_has_its_earliest_goal(
    three_mails: World, told: list[tuple[int, int, int, int]]
) -> None:
    world = three_mails
    t = world.sequences.tables
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(t.enrolments).values(goal_at=None, goal_value=None, goal_delivery_id=None))
        connection.execute(sa.delete(t.events))
    first: dict[int, tuple[int, int]] = {}
    heard: set[str] = set()
    for customer, event_id, hours, value in told:
        name = f"{customer}-{event_id}"
        world.sequences.converted(customer, event_id=name, at=NOON + timedelta(hours=hours), value=value)
        if name not in heard and 0 <= hours <= 72 and (customer not in first or hours < first[customer][0]):
            first[customer] = hours, value
        heard.add(name)
    expected: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for hours, value in first.values():
        step = "one" if hours < 48 else "two"
        expected[step] += 1
        worth[step] += value
    assert credited(world) == {name: (count, Decimal(worth[name])) for name, count in expected.items()}


# --- with and without ---


def test_mails_are_held_against_none_counted_alike(world: World) -> None:
    """Held out or not, a run counts from the moment at which its first mail goes or would go."""
    add_customers(world.store, range(10, 130))
    add_customers(world.store, range(300, 320), subscribed=False)
    started(
        world, "1 day: one", "2 days: two", holdout=50, consent_wait="1 hour", goal=Goal(event="order", within="5 days")
    )
    early = [world.sequences.converted(each, event_id=f"early {each}") for each in range(10, 20)]
    world.pass_by(days=1)
    e = world.sequences.tables.enrolments
    with world.store.engine.connect() as connection:
        held = set(connection.scalars(sa.select(e.c.customer_id).where(e.c.held_out)))
        mailed = set(connection.scalars(sa.select(e.c.customer_id).where(e.c.held_out.is_(False))))
    assert not any(early) and not (held | mailed) & set(range(300, 320)), "who cannot be mailed is in neither"
    assert len(held | mailed) == 123
    late = NOON + timedelta(days=6, seconds=1)
    world.pass_by(days=1).pass_by(days=5)
    few, many = sorted(held)[:10], sorted(mailed)[:25]
    for each in few + many:
        assert world.sequences.converted(each, event_id=str(each), at=late - timedelta(seconds=1), value=3) == 1
    for each in sorted(held)[10:12] + sorted(mailed)[25:27]:
        assert world.sequences.converted(each, event_id=str(each), at=late) == 0
    found = figures(world)
    assert found.mailed == Reached(len(mailed), 25, Decimal(75))
    assert found.not_mailed == Reached(len(held), 10, Decimal(30))
    assert found.against_none == compared(25, len(mailed), 10, len(held))
    assert found.against_none.verdict in (Verdict.BETTER, Verdict.UNCLEAR)
    assert credited(world) == {"two": (25, 75)}
    assert found.held_out == len(held)


def test_variants_are_held_against_the_first_one(small_world: World) -> None:
    world = small_world
    add_customers(world.store, range(10, 150))
    variants = [Variant(name=each, template=each) for each in ("plain", "fancy")]
    started(world, Step(delay="0 minutes", name="one", variants=variants), "1 day: two")
    mails = world.took()
    got = {name: [int(who[1 : who.index("@")]) for who, each in mails if each == name] for name in ("plain", "fancy")}
    world.pass_by(hours=3)
    for name, count in (("plain", 8), ("fancy", 25)):
        for customer in got[name][:count]:
            world.sequences.converted(customer, event_id=str(customer), value=10)
    plain, fancy = figures(world).steps[0].variants
    assert (plain.goal, fancy.goal) == (
        Reached(len(got["plain"]), 8, Decimal(80)), Reached(len(got["fancy"]), 25, Decimal(250)),
    )  # fmt: skip
    assert plain.against_first is None
    assert fancy.against_first == compared(25, len(got["fancy"]), 8, len(got["plain"]))
    assert figures(world).against_none is None, "nobody was held out"
    assert figures(world).steps[0].goal == Reached(143, 33, Decimal(330))


def test_a_goal_that_comes_later_counts_runs_that_begin_then(small_world: World) -> None:
    world = small_world
    saved = world.sequences.save(sequence("0 minutes: one", "1 day: two"))
    world.refresh()
    world.work()
    world.sequences.save(attrs.evolve(saved, goal=ORDER))
    world.pass_by(days=1)
    assert world.sequences.converted(1, event_id="1") == 0
    assert figures(world).mailed == Reached()


def test_the_report_and_what_is_left_after_cleaning(world: World) -> None:
    started(world)
    world.clock.at += timedelta(hours=1)
    world.sequences.converted(1, event_id="1", value="12.5")
    (day,), (next_day,) = (world.sequences.report((NOON + timedelta(days=n)).date()) for n in range(2))
    assert (day.reached, day.value, next_day.reached, next_day.value) == (1, Decimal("12.5"), 0, 0)
    world.sequences.forget(1)
    assert credited(world) == {"hello": (1, Decimal("12.5"))}
    world.pass_by(days=402)
    assert world.sequences.clean()["events removed"] == 1
    assert figures(world).started == 0


def test_what_a_goal_costs_does_not_grow_with_the_runs_of_others(small_world: World) -> None:
    """The run is found by an index, and so is its last mail."""
    world = small_world
    started(world)
    statements: list[Any] = []

    def seen(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if statement.startswith("UPDATE") and "goal_at" in statement:
            statements.append((statement, parameters))

    sa.event.listen(world.store.engine, "before_cursor_execute", seen)
    try:
        world.sequences.converted(1, event_id="1")
    finally:
        sa.event.remove(world.store.engine, "before_cursor_execute", seen)
    ((statement, parameters),) = statements
    with world.store.engine.connect() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    searches = [each for each in plan if each.startswith(("SCAN", "SEARCH"))]
    assert len(searches) == 2 and "(rowid=?)" in searches[0] and "(enrolment_id=?)" in searches[1], plan


def test_sequences_of_files(small_world: World) -> None:
    given = {"name": "s", "segment": "anns", "from": "a@b.example", "steps": [{"delay": "1 hour", "template": "t"}]}
    from segrules_sequences.spelling import from_plain

    found: Sequence = from_plain({**given, "goal": {"event": "order", "within": "3 days", "ends": True}})
    assert found.goal == Goal(event="order", within=timedelta(days=3), ends=True)
