"""Statistics, the report of a day, and what cleaning leaves."""

from datetime import timedelta

import sqlalchemy as sa

from .conftest import NOON
from .shops import World, rename, runs, sequence, states


def test_figures_of_sequences_and_steps(world: World) -> None:
    world.sequences.save(sequence("0 minutes: one", "1 day: two"))
    world.refresh()
    world.work()
    rename(world.store, 3, "Bob")
    world.pass_by(hours=1).refresh()
    (found,) = world.sequences.statistics(segment="anns")
    assert (found.started, found.running, found.stopped, found.sent) == (3, 2, 1, 3)
    assert found.reasons == {"left the segment": 1}
    one, two = found.steps
    assert (one.step, one.sent) == ("one", 3)
    assert (two.scheduled, two.skipped, two.reasons) == (2, 1, {"left the segment": 1})
    assert world.sequences.statistics(segment="other") == []
    now = world.sequences.standing()
    assert (now.planned, now.due, now.failed, now.in_doubt) == (2, 0, 0, 0)
    world.clock.at += timedelta(days=2)
    late = world.sequences.standing()
    assert (late.due, late.late) == (2, timedelta(days=1, hours=1))


def test_the_report_of_a_day(world: World) -> None:
    world.sequences.save(sequence("0 minutes: one", "1 day: two"))
    world.refresh()
    world.work()
    world.pass_by(days=1)
    (first,), (second,), (third,) = (world.sequences.report((NOON + timedelta(days=n)).date()) for n in range(3))
    assert (first.started, first.sent) == (3, 3)
    assert (second.started, second.sent) == (0, 3)
    assert (third.started, third.sent, third.failed, third.skipped, third.in_doubt, third.stopped) == (0,) * 6


def test_cleaning_empties_mails_then_takes_runs_and_keeps_what_rules_remember(world: World) -> None:
    world.sequences.save(sequence("0 minutes: one", name="forgets"))
    world.sequences.save(sequence("0 minutes: bye", name="remembers", on="exit", reentry="never", member=False))
    world.refresh()
    world.work()
    rename(world.store, 1, "Bob")
    world.refresh()
    world.work()
    world.pass_by(days=29)
    assert set(world.sequences.clean().values()) == {0}
    world.pass_by(days=2)
    assert world.sequences.clean()["mails emptied"] == 4
    assert states(world.sequences) == {"sent": 4}
    world.pass_by(days=400)
    assert world.sequences.clean()["runs removed"] == 3
    assert runs(world.sequences) == {"finished": 1} and states(world.sequences) == {"sent": 1}


def test_customers_whom_the_shop_has_deleted_are_forgotten(world: World) -> None:
    world.sequences.save(sequence("9 days: one"))
    world.refresh()
    tables = world.store.shop.tables  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        newsletter = tables["newsletter_subscriptions"]
        connection.execute(sa.delete(newsletter).where(newsletter.c.customer_id == 2))
        connection.execute(sa.delete(tables["customers"]).where(tables["customers"].c.id == 2))
    assert world.sequences.clean()["customers forgotten"] == 1
    assert runs(world.sequences) == {"active": 2, "stopped: customer deleted": 1}
