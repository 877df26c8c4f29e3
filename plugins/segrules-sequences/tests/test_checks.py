"""What is asked again right before a mail is written, and what puts it off."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import segrules as sr
import sqlalchemy as sa

from segrules_sequences import SequenceError, Sequences, Step
from segrules_sequences.lengths import Cap
from segrules_sequences.outcome import suppress
from segrules_sequences.setting import address_key

from .conftest import NOON
from .shops import World, add_customers, make_sequences, rename, runs, sequence, states, subscribe


def enrolled(world: World, *steps: str | Step, **more: Any) -> World:
    world.sequences.save(sequence(*steps, **more))
    world.refresh()
    return world


def test_who_left_since_the_refresh_gets_nothing(world: World) -> None:
    """The stored members are as old as the last refresh, so the customer is judged anew."""
    enrolled(world, "1 hour: hello")
    rename(world.store, 1, "Bob")
    world.pass_by(hours=1)
    assert sorted(world.took()) == [("c2@example.org", "hello"), ("c3@example.org", "hello")]
    assert runs(world.sequences) == {"finished": 2, "stopped: does not belong into the segment any more": 1}


def test_who_came_back_since_gets_no_farewell(small_world: World) -> None:
    world = small_world
    world.refresh()
    rename(world.store, 1, "Bob")
    enrolled(world, "1 hour: sorry", on="exit")
    rename(world.store, 1, "Ann")
    world.pass_by(hours=1)
    assert world.took() == [] and runs(world.sequences) == {"stopped: belongs into the segment again": 1}


def test_membership_need_not_matter(small_world: World) -> None:
    world = enrolled(small_world, "1 hour: hello", member=False)
    rename(world.store, 1, "Bob")
    assert len(world.pass_by(hours=1).took()) == 3


def test_the_newsletter_is_asked(world: World) -> None:
    enrolled(world, "1 hour: hello")
    subscribe(world.store, 1, "unsubscribed", NOON)
    world.pass_by(hours=1)
    assert len(world.took()) == 2 and runs(world.sequences)["stopped: unsubscribed"] == 1


def test_consent_is_waited_for(small_world: World) -> None:
    """Who confirms on the third day gets the mail then; who never does is stopped after a week."""
    world = small_world
    add_customers(world.store, [10, 11], subscribed=False)
    subscribe(world.store, 10, "unconfirmed", NOON)
    enrolled(world, "1 hour: hello")
    world.live(70)
    assert len(world.took()) == 3
    subscribe(world.store, 10, "subscribed", world.clock.at)
    world.live(30)
    assert world.took() == [("c10@example.org", "hello")], "asked again after a quarter of the time waited"
    world.live(4 * 24)
    assert runs(world.sequences) == {"finished": 4, "stopped: not subscribed": 1}


def test_consent_need_not_matter(small_world: World) -> None:
    add_customers(small_world.store, [10], subscribed=False)
    assert len(enrolled(small_world, "1 hour: hello", consent=False).pass_by(hours=1).took()) == 4


def test_unsubscribing_stops_everything_of_the_topic_at_once(world: World) -> None:
    world.sequences.save(sequence("1 hour: hello", "2 hours: again"))
    world.sequences.save(sequence("1 hour: news", name="t", topic="offers", overlap=True, on="exit"))
    world.refresh()
    world.sequences.unsubscribe("1", "newsletter")
    world.sequences.unsubscribe("1", "newsletter")
    assert runs(world.sequences) == {"active": 2, "stopped: unsubscribed": 1}
    rename(world.store, 1, "Bob")
    world.refresh()
    rename(world.store, 2, "Bob")
    world.sequences.unsubscribe(2)
    world.sequences.unsubscribe("nobody")
    world.refresh()
    world.pass_by(hours=1)
    assert sorted(world.took()) == [("c1@example.org", "news"), ("c3@example.org", "hello")]
    assert runs(world.sequences)["stopped: unsubscribed"] == 3


def test_a_suppressed_address_is_not_mailed_under_another_customer(small_world: World) -> None:
    world = enrolled(small_world, "1 hour: hello")
    setting = world.sequences.setting
    with setting.engine.begin() as connection:
        key = address_key(setting.address_hash(" C2@Example.org"))
        suppress(setting, connection, key, "", "hard bounce", "test")
    world.pass_by(hours=1)
    assert [recipient for recipient, _ in world.took()] == ["c1@example.org", "c3@example.org"]


def test_a_deleted_customer_and_one_without_an_address(world: World) -> None:
    enrolled(world, "1 hour: hello")
    tables = world.store.shop.tables  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        connection.execute(
            sa.delete(tables["newsletter_subscriptions"]).where(tables["newsletter_subscriptions"].c.customer_id == 1)
        )
        connection.execute(sa.delete(tables["customers"]).where(tables["customers"].c.id == 1))
        connection.execute(sa.update(tables["customers"]).where(tables["customers"].c.id == 2).values(email=None))
    world.pass_by(hours=1)
    assert world.took() == [("c3@example.org", "hello")]
    assert runs(world.sequences) == {"finished": 1, "stopped: customer deleted": 1, "stopped: no address": 1}


def test_what_comes_too_late_does_not_come(small_world: World) -> None:
    late = Step(delay="1 hour", template="now or never", not_after="2 hours")
    world = enrolled(small_world, late, "2 days: again")
    world.pass_by(hours=4)
    assert world.took() == [] and states(world.sequences) == {"skipped: too late": 3, "planned": 3}
    assert len(world.pass_by(days=2).took()) == 3


def test_quiet_hours_go_by_the_clock_of_the_customers_store(small_world: World) -> None:
    """At 12:00 UTC it is 21:00 in Tokyo, 13:00 in Berlin and 07:00 in New York."""
    world = small_world
    tables = world.store.shop.tables  # type: ignore[attr-defined]
    zones = {1: "Asia/Tokyo", 2: "Europe/Berlin", 3: "America/New_York"}
    with world.store.engine.begin() as connection:
        connection.execute(tables["websites"].insert().values(id=1, code="w"))
        for number, zone in zones.items():
            connection.execute(tables["stores"].insert().values(id=number, code=zone, website_id=1, timezone=zone))
            connection.execute(
                sa.update(tables["customers"]).where(tables["customers"].c.id == number).values(store_id=number)
            )
    enrolled(world, "0 minutes: hello", window=_window("09:00", "20:00"))
    arrived = {}
    for hour in range(24):
        for recipient, _ in world.work().took():
            arrived[recipient[1]] = hour
        world.clock.at += timedelta(hours=1)
    assert arrived == {"2": 0, "3": 2, "1": 12}


def _window(start: str, end: str) -> Any:
    from segrules_sequences import Window

    return Window(start=start, end=end)


def test_a_zone_that_is_none_is_passed_over(small_world: World) -> None:
    world = small_world
    tables = world.store.shop.tables  # type: ignore[attr-defined]
    with world.store.engine.begin() as connection:
        connection.execute(tables["websites"].insert().values(id=1, code="w"))
        connection.execute(tables["stores"].insert().values(id=1, code="s", website_id=1, timezone="Mars/Olympus"))
        connection.execute(sa.update(tables["customers"]).values(store_id=1))
    enrolled(world, "0 minutes: hello", window=_window("21:00", "22:00"), zone="Asia/Tokyo")
    assert len(world.work().took()) == 3


def test_the_cap_holds_across_sequences(world: World) -> None:
    world.sequences.save(sequence("0 minutes: one", "1 hour: two", gap="0 minutes", cap="1 in 3 days"))
    rename(world.store, 3, "Bob")
    world.sequences.save(sequence("0 minutes: three", name="t", on="exit", cap="1 in 3 days"))
    world.refresh()
    world.work()
    rename(world.store, 1, "Cy")
    world.pass_by(hours=1).refresh()
    world.work()
    assert sorted(world.took()) == [("c1@example.org", "one"), ("c2@example.org", "one")]
    world.pass_by(days=3)
    assert sorted(world.took()) == [("c1@example.org", "three"), ("c2@example.org", "two")]


def test_two_mails_to_one_customer_at_once_keep_to_the_cap(sequences: Sequences) -> None:
    """Both are due together and claimed by two workers."""
    sequences.store.save(attrs.evolve(sequences.store.get("anns"), name="too", version=0))
    for name, segment in (("s", "anns"), ("t", "too")):
        sequences.save(sequence("0 minutes: one", name=name, segment=segment, cap=Cap(1, timedelta(days=3))))
        sequences.store.refresh(segment)
    one, other = sequences.worker(batch=3), sequences.worker(batch=3)
    claims = [(worker, claim) for worker in (one, other) for claim in worker.claim()]
    assert len(claims) == 6
    done = [worker.process(claim) for worker, claim in claims]
    assert sorted(done) == ["not now: waits for its time"] * 3 + ["sent"] * 3
    one.close()
    other.close()


def test_max_sends_counts_over_all_runs(small_world: World) -> None:
    hello = Step(delay="0 minutes", template="hello", max_sends=2)
    world = enrolled(small_world, hello, reentry="always")
    for _ in range(4):
        world.pass_by(days=1)
        for name in ("Bob", "Ann"):
            rename(world.store, 1, name)
            world.refresh()
    world.work()
    assert [each for each, _ in world.took()].count("c1@example.org") == 2
    assert states(world.sequences)["skipped: sent often enough"] == 3


def test_after_an_outage_of_three_days_mails_stay_apart_and_late_ones_fall_out(world: World) -> None:
    """Four steps, 100 customers, nobody sends for three days, the gap is a day and a step is worth two."""
    add_customers(world.store, range(100, 197))
    steps = [Step(delay=f"{hours} hours", template=f"t{hours}", not_after="2 days") for hours in (1, 12, 36, 84)]
    enrolled(world, *steps, gap="1 day")
    world.clock.at += timedelta(days=3)
    arrived: dict[str, list[tuple[int, str]]] = {}
    for hour in range(0, 96, 6):
        for recipient, template in world.work().took():
            arrived.setdefault(recipient, []).append((hour, template))
        world.clock.at += timedelta(hours=6)
    assert len(arrived) == 100
    for mails in arrived.values():
        assert mails == [(0, "t36"), (24, "t84")], "t1 and t12 are more than two days late"
    assert states(world.sequences) == {"skipped: too late": 200, "sent": 200}


def test_a_paused_sequence_is_paused_between_claim_and_mail(sequences: Sequences) -> None:
    from segrules_sequences import Status

    sequences.save(sequence("0 minutes: hello"))
    sequences.store.refresh("anns")
    worker = sequences.worker()
    claims = worker.claim()
    sequences.switch("s", Status.PAUSED)
    assert {worker.process(claim) for claim in claims} == {"lost"}
    assert states(sequences) == {"held": 3}
    worker.close()


# --- coupons ---


class Coupons:
    """A plugin that issues coupons on the engine's connection, into a table of its own."""

    table = sa.Table("coupons_of_a_test", sa.MetaData(), sa.Column("key", sa.String(64), primary_key=True, quote=True))

    def __init__(self) -> None:
        self.fails = False

    @sr.hookimpl(optionalhook=True)
    def segrules_step_context(self, connection: sa.Connection, step: Step, enrolment: Any, recipient: Any) -> Any:
        if step.coupon is None:
            return {}
        connection.execute(self.table.insert().values(key=enrolment.key))
        if self.fails:
            raise RuntimeError("the sales rule is switched off")
        return {"coupon_code": f"{step.coupon['prefix']}-{recipient.id}"}

    def issued(self, world: World) -> int:
        with world.store.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(self.table)) or 0)


@pytest.fixture
def coupons(store: Any) -> Any:
    plugin = Coupons()
    plugin.table.create(store.engine)
    world = World(store, NOON)
    found = make_sequences(store, clock=world.clock, senders={"memory": lambda: world.memory}, plugins=[plugin])
    world.sequences, world.worker = found, found.worker()
    yield SimpleNamespace(plugin=plugin, world=world)
    world.close()
    plugin.table.drop(store.engine)


def with_coupon(how: str = "hold") -> Step:
    return Step(delay="0 minutes", template="offer", coupon={"prefix": "CART"}, on_coupon_error=how)


def test_a_coupon_is_committed_with_its_mail(coupons: Any) -> None:
    world = enrolled(coupons.world, with_coupon())
    world.work()
    texts = sorted(mail.mime.decode().split(" ")[-1].strip() for mail in world.memory.mails)
    assert texts == ["CART-1", "CART-2", "CART-3"] and coupons.plugin.issued(world) == 3


def test_a_preview_keeps_nothing(coupons: Any) -> None:
    world = enrolled(coupons.world, with_coupon())
    for step in (1, "offer"):
        assert b"CART-2" in world.sequences.preview("s", step, 2).mime
    assert coupons.plugin.issued(world) == 0 and states(world.sequences) == {"planned": 3}
    with pytest.raises(SequenceError, match="has no step 7"):
        world.sequences.preview("s", 7, 2)
    with pytest.raises(SequenceError, match="no customer 99"):
        world.sequences.preview("s", 1, 99)


@pytest.mark.parametrize(
    ("how", "mails", "ends"), [("hold", 0, "planned"), ("without", 3, "sent"), ("skip", 0, "skipped: no coupon")]
)
def test_a_coupon_that_cannot_be_had(coupons: Any, how: str, mails: int, ends: str) -> None:
    coupons.plugin.fails = True
    world = enrolled(coupons.world, with_coupon(how))
    world.work()
    assert len(world.took()) == mails and states(world.sequences) == {ends: 3}
    assert coupons.plugin.issued(world) == 0, "what a plugin wrote before it failed is undone"
    coupons.plugin.fails = False
    if how == "hold":
        assert len(world.pass_by(minutes=2).took()) == 3


def test_a_coupon_without_a_plugin_is_refused_when_it_is_saved(small_world: World) -> None:
    with pytest.raises(SequenceError, match="no plugin is installed that gives one"):
        small_world.sequences.save(sequence(with_coupon()))
