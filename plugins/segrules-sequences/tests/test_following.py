"""Segments that are renamed or deleted while sequences run on them."""

from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from segrules.errors import SegmentError
from segrules.segments import Segment, SegmentStore

from segrules_sequences import Goal, SequenceConflictError, SequenceError, Status

from .shops import World, add_customers, rename, runs, sequence, states


def test_a_sequence_follows_its_segment(world: World) -> None:
    saved = world.sequences.save(sequence("0 minutes: hello", "1 day: more", name="in"))
    out = world.sequences.save(sequence("0 minutes: sorry", name="out", on="exit", status="paused"))
    world.refresh()
    world.work()
    world.took()
    world.store.rename("anns", "Ännchen")
    found = world.sequences.get("in")
    assert found == attrs.evolve(saved, segment="Ännchen", version=2)
    assert world.sequences.get("out") == attrs.evolve(out, segment="Ännchen", version=2)
    assert world.sequences.statistics(segment="Ännchen")[0].running == 3
    # Whoever read it before is told so, and what waits goes on: who left hears nothing, who came is enrolled.
    with pytest.raises(SequenceConflictError):
        world.sequences.save(attrs.evolve(saved, topic="offers"))
    rename(world.store, 1, "Bob")
    add_customers(world.store, [9])
    world.refresh("Ännchen")
    assert runs(world.sequences) == {"active": 4, "stopped: left the segment": 1}
    world.pass_by(days=1)
    assert sorted(world.took()) == [
        ("c2@example.org", "more"), ("c3@example.org", "more"), ("c9@example.org", "hello")
    ]  # fmt: skip
    world.store.rename("Ännchen", "anns")
    assert world.sequences.get("in") == attrs.evolve(saved, version=3)


def test_a_goal_follows_its_segment(world: World) -> None:
    for name in ("buyers", "readers"):
        world.store.save(Segment(name=name, rule='customer.last_name is "Buyer"'))
    saved = world.sequences.save(sequence(goal=Goal(segment="buyers", within="3 days")))
    other = world.sequences.save(sequence(name="other", on="exit", goal=Goal(segment="readers")))
    world.refresh()
    world.work()
    world.store.rename("buyers", "Käufer")
    assert world.sequences.get("s") == attrs.evolve(saved, goal=Goal(segment="Käufer", within="3 days"), version=2)
    assert world.sequences.get("other") == other
    customers = world.store.shop.tables["customers"]  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == 1).values(last_name="Buyer"))
    world.refresh("Käufer")
    (found,) = world.sequences.statistics(sequence="s")
    assert found.mailed is not None and found.mailed.reached == 1
    with pytest.raises(SegmentError, match='used by the sequence "s", which is active'):
        world.store.delete("Käufer")


def test_a_rename_that_is_refused_changes_no_sequence(world: World) -> None:
    saved = world.sequences.save(sequence())
    world.store.save(attrs.evolve(world.store.get("anns"), name="taken", version=0))
    for name in ("taken", "", "anns"):
        with pytest.raises(SegmentError):
            world.store.rename("anns", name)
    assert world.sequences.get("s") == saved


def test_a_segment_is_deleted_when_no_sequence_runs_on_it(world: World) -> None:
    world.sequences.save(sequence())
    for status in (Status.ACTIVE, Status.PAUSED):
        world.sequences.switch("s", status)
        with pytest.raises(SegmentError, match=f'used by the sequence "s", which is {status.value}; change that first'):
            world.store.delete("anns")
    world.sequences.switch("s", Status.OFF)
    world.store.delete("anns")
    with pytest.raises(SegmentError, match='there is no segment "anns"'):
        world.sequences.switch("s", Status.ACTIVE)
    world.sequences.delete("s")
    with pytest.raises(SequenceError):
        world.sequences.get("s")


def test_a_store_without_sequences_renames_as_ever(world: World) -> None:
    elsewhere = SegmentStore(world.store.engine, world.store.shop, prefix="elsewhere_")
    elsewhere.create_tables()
    try:
        elsewhere.save(attrs.evolve(world.store.get("anns"), version=0))
        assert elsewhere.rename("anns", "b").name == "b"
        elsewhere.delete("b")
    finally:
        elsewhere.metadata.drop_all(elsewhere.engine)


def test_a_rename_between_the_facts_and_the_mail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sequences.save(sequence())
    world.refresh()
    begun, names = world.worker._begun, ["anns"]

    def renamed_meanwhile(*given: Any) -> Any:
        if names:
            world.store.rename(names.pop(), "renamed")
        return begun(*given)

    monkeypatch.setattr(world.worker, "_begun", renamed_meanwhile)
    world.worker.run_once()
    assert states(world.sequences) == {"planned": 3} and runs(world.sequences) == {"active": 3}
    world.work()
    assert states(world.sequences) == {"sent": 3}
