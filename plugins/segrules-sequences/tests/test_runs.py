"""Who is enrolled when members change, and what ends a run."""

from datetime import timedelta

import attrs
import pytest
import sqlalchemy as sa
from segrules.errors import SegmentError
from segrules.segments import Segment, SegmentStore

from segrules_sequences import Sequences, Status, Step

from .shops import World, add_customers, rename, runs, sequence, states


def test_entering_enrols_and_the_first_mail_goes_out(sequences: Sequences, store: SegmentStore) -> None:
    sequences.save(sequence("0 minutes: hello", "2 days: again"))
    store.refresh("anns")
    assert runs(sequences) == {"active": 3} and states(sequences) == {"planned": 3}
    worker = sequences.worker()
    assert worker.run_once() == {"claimed": 3, "sent": 3}
    assert sorted(worker.sender("memory").received()) == [(f"c{each}@example.org", "hello") for each in (1, 2, 3)]  # type: ignore[attr-defined]
    assert states(sequences) == {"sent": 3, "planned": 3}
    assert worker.run_once() == {"claimed": 0}
    worker.close()


def test_leaving_stops_what_still_runs(world: World) -> None:
    world.sequences.save(sequence("0 minutes: hello", "2 days: again"))
    world.refresh()
    world.work()
    rename(world.store, 2, "Bob")
    world.pass_by(hours=1).refresh()
    assert runs(world.sequences) == {"active": 2, "stopped: left the segment": 1}
    assert states(world.sequences) == {"sent": 3, "planned": 2, "skipped: left the segment": 1}
    world.took()
    world.pass_by(days=2)
    assert sorted(world.took()) == [("c1@example.org", "again"), ("c3@example.org", "again")]
    assert runs(world.sequences) == {"finished": 2, "stopped: left the segment": 1}


def test_an_exit_sequence_begins_on_leaving_and_ends_on_coming_back(world: World) -> None:
    world.sequences.save(sequence("1 hour: sorry", "2 days: come back", on="exit"))
    world.refresh()
    assert runs(world.sequences) == {}
    rename(world.store, 1, "Bob")
    rename(world.store, 2, "Bob")
    world.refresh()
    world.pass_by(hours=1)
    assert sorted(world.took()) == [("c1@example.org", "sorry"), ("c2@example.org", "sorry")]
    rename(world.store, 1, "Ann")
    world.refresh()
    assert runs(world.sequences) == {"active": 1, "stopped: came back into the segment": 1}
    world.pass_by(days=2)
    assert world.took() == [("c2@example.org", ["come", "back"][0])]


@pytest.mark.parametrize("how", ["deactivate", "delete"])
def test_a_segment_that_goes_stops_runs_and_begins_none(world: World, how: str) -> None:
    """Everybody leaves a segment that is switched off, yet nobody did anything."""
    world.sequences.save(sequence("1 hour: hello", name="in"))
    world.sequences.save(sequence("1 hour: sorry", name="out", on="exit"))
    world.refresh()
    if how == "delete":
        with pytest.raises(SegmentError) as refusal:
            world.store.delete("anns")
        users = 'the sequence "in", which is active, the sequence "out", which is active'
        assert str(refusal.value) == f'the segment "anns" cannot be deleted: it is used by {users}; change that first'
        assert runs(world.sequences) == {"active": 3}
        for name in ("in", "out"):
            world.sequences.switch(name, Status.OFF)
    getattr(world.store, how)("anns")
    why = "segment switched off" if how == "deactivate" else "sequence switched off"
    assert runs(world.sequences) == {f"stopped: {why}": 3}
    world.pass_by(days=3)
    assert world.took() == []


@pytest.mark.parametrize(
    ("reentry", "after_an_hour", "after_40_days"), [("always", 2, 3), ("after 30 days", 1, 2), ("never", 1, 1)]
)
def test_re_entry(small_world: World, reentry: str, after_an_hour: int, after_40_days: int) -> None:
    world = small_world
    world.sequences.save(sequence("0 minutes: hello", reentry=reentry))

    def again() -> int:
        for name in ("Bob", "Ann"):
            rename(world.store, 1, name)
            world.refresh()
            world.work()
        return sum(recipient == "c1@example.org" for recipient, _ in world.memory.received())

    world.refresh()
    world.work()
    world.pass_by(hours=1)
    assert again() == after_an_hour
    world.pass_by(days=40)
    assert again() == after_40_days


def test_no_second_run_while_one_goes_on(world: World) -> None:
    world.sequences.save(sequence("0 minutes: hello", "9 days: again", reentry="always", stop=False, member=False))
    world.refresh()
    for name in ("Bob", "Ann", "Bob", "Ann"):
        rename(world.store, 1, name)
        world.refresh()
    assert runs(world.sequences) == {"active": 3} and states(world.sequences) == {"planned": 3}


def test_sequences_of_one_segment_do_not_overlap_unless_they_may(small_world: World) -> None:
    world = small_world
    world.sequences.save(sequence("0 minutes: hello", "9 days: again", name="in", stop=False))
    out = world.sequences.save(sequence("0 minutes: sorry", name="out", on="exit"))
    world.refresh()
    rename(world.store, 1, "Bob")
    world.refresh()
    assert runs(world.sequences) == {"active": 3}
    world.sequences.save(attrs.evolve(out, overlap=True))
    rename(world.store, 2, "Bob")
    world.refresh()
    assert runs(world.sequences) == {"active": 4}


def test_a_refresh_that_fails_enrols_nobody(sequences: Sequences, store: SegmentStore) -> None:
    def fail(connection: sa.Connection, change: object) -> None:
        raise RuntimeError("undone")

    sequences.save(sequence("0 minutes: hello"))
    failing = SegmentStore(store.engine, store.shop, listeners=[fail])
    with pytest.raises(RuntimeError, match="undone"):
        failing.refresh("anns")
    assert runs(sequences) == {} and states(sequences) == {}
    store.refresh("anns")
    assert runs(sequences) == {"active": 3}


def test_a_customer_can_be_let_in_as_it_happens(sequences: Sequences, store: SegmentStore) -> None:
    """One customer is judged anew, so that an hour after is an hour after."""
    sequences.save(sequence("0 minutes: hello"))
    store.refresh("anns")
    add_customers(store, [77])
    store.refresh("anns", customers=[77])
    assert runs(sequences) == {"active": 4}


def test_switching_off_stops_and_pausing_holds(world: World) -> None:
    world.sequences.save(sequence("1 hour: hello"))
    world.refresh()
    world.sequences.switch("s", Status.PAUSED)
    assert states(world.sequences) == {"held": 3}
    add_customers(world.store, [4])
    world.refresh()
    assert states(world.sequences) == {"held": 4}, "who enters meanwhile waits too"
    world.pass_by(days=1)
    assert world.took() == []
    world.sequences.switch("s", Status.ACTIVE)
    world.work()
    assert len(world.took()) == 4
    world.sequences.save(sequence("1 day: once", name="t", on="exit"))
    rename(world.store, 4, "Bob")
    world.refresh()
    world.sequences.switch("t", Status.OFF)
    assert states(world.sequences)["skipped: sequence switched off"] == 1
    rename(world.store, 3, "Bob")
    world.refresh()
    assert runs(world.sequences) == {"finished": 4, "stopped: sequence switched off": 1}


def test_a_changed_sequence_goes_on_with_what_was_not_sent(small_world: World) -> None:
    """A step put in before the one that was sent does not make that one come again."""
    world = small_world
    saved = world.sequences.save(sequence("0 minutes: one", "2 days: two"))
    world.refresh()
    world.work()
    changed = attrs.evolve(
        saved,
        steps=tuple(
            Step(delay=f"{number} days", template=name) for number, name in enumerate(("zero", "one", "new", "two"))
        ),
    )
    world.sequences.save(changed)
    world.live(5 * 24, 6)
    templates = [name for recipient, name in world.took() if recipient == "c1@example.org"]
    assert templates == ["one", "two"], "the step that was planned already comes; what was put in before does not"
    add_customers(world.store, [9])
    world.refresh()
    world.live(5 * 24, 6)
    assert [name for _, name in world.took()] == ["zero", "one", "new", "two"]


def test_a_step_taken_out_is_skipped_and_a_step_switched_off_too(small_world: World) -> None:
    world = small_world
    saved = world.sequences.save(sequence("0 minutes: one", "1 day: two", "2 days: three"))
    world.refresh()
    world.work()
    world.sequences.save(attrs.evolve(saved, steps=(saved.steps[0], attrs.evolve(saved.steps[2], active=False))))
    world.live(72, 6)
    assert [name for _, name in world.took()] == ["one"] * 3
    assert states(world.sequences) == {"sent": 3, "skipped: step removed": 3, "skipped: step switched off": 3}
    assert runs(world.sequences) == {"finished": 3}


def test_the_same_customers_are_held_out_each_time(small_world: World) -> None:
    world = small_world
    add_customers(world.store, range(100, 300))
    world.sequences.save(sequence("0 minutes: hello", holdout=25, reentry="always"))
    world.refresh()
    world.work()
    first = {recipient for recipient, _ in world.took()}
    assert runs(world.sequences) == {"finished": 203}
    assert 0.15 < (203 - len(first)) / 203 < 0.36
    for active in (False, True):
        world.store.save(attrs.evolve(world.store.get("anns"), active=active))
    world.pass_by(hours=1).refresh()
    world.work()
    assert {recipient for recipient, _ in world.took()} == first


def test_other_segments_and_stores_without_sequences_are_left_alone(world: World) -> None:
    world.sequences.save(sequence("0 minutes: hello"))
    world.store.save(Segment(name="all", rule="true"))
    world.refresh("all")
    assert runs(world.sequences) == {}
    other = SegmentStore(world.store.engine, world.store.shop, prefix="bare_")
    other.create_tables()
    try:
        other.save(Segment(name="anns", rule="true"))
        assert other.refresh("anns").entered == 3
    finally:
        other.metadata.drop_all(world.store.engine)


def test_forgetting_leaves_the_figures(world: World) -> None:
    world.sequences.save(sequence("0 minutes: hello", "1 day: again"))
    world.refresh()
    world.work()
    assert world.sequences.forget(2) == 1
    assert runs(world.sequences) == {"active": 2, "stopped: customer deleted": 1}
    t = world.sequences.tables
    with world.store.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(t.mails)) == 2
        for table in (t.enrolments, t.deliveries):
            assert 2 not in connection.scalars(sa.select(table.c.customer_id)).all()
    (figures,) = world.sequences.statistics()
    assert (figures.started, figures.sent, figures.stopped) == (3, 3, 1)
    assert timedelta(0) == world.sequences.standing().late
