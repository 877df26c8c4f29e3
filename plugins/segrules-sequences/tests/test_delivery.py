"""What a sender answers, and what becomes of the mail: tries, rests, dead letters, doubt."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from segrules_sequences import SequenceError, Status
from segrules_sequences.clock import DatabaseClock
from segrules_sequences.outcome import TRIES
from segrules_sequences.ports import (
    Lookup,
    OutcomeUnknown,
    PermanentRecipient,
    SenderBlocked,
    SenderCaps,
    Temporary,
)

from .shops import Memory, World, make_sequences, rename, runs, sequence, states


def alone(world: World, **more: object) -> World:
    """One customer is enrolled, whose mail is due."""
    for customer in (2, 3):
        rename(world.store, customer, "Bob")
    world.sequences.save(sequence("0 minutes: hello", "9 days: again", **more))
    world.refresh()
    return world


def test_a_refusal_for_now_is_tried_again_with_the_same_bytes(world: World) -> None:
    alone(world)
    world.memory.answers = [Temporary("450 later"), Temporary("450 later")]
    world.work()
    assert world.took() == [] and states(world.sequences) == {"planned": 1}
    world.pass_by(seconds=40)
    assert world.memory.answers != [], "the first wait is a minute, a fifth more or less"
    world.pass_by(seconds=40)
    assert world.memory.answers == []
    d, m = world.sequences.tables.deliveries, world.sequences.tables.mails
    with world.store.engine.connect() as connection:
        kept = connection.execute(sa.select(m.c.mime, d.c.attempts, d.c.message_id, d.c.error).select_from(
            d.join(m, m.c.delivery_id == d.c.id))).one()  # fmt: skip
    world.pass_by(minutes=6)
    (mail,) = world.memory.mails
    assert (mail.mime, mail.message_id) == (kept.mime, kept.message_id)
    assert (kept.attempts, kept.error) == (2, "Temporary: 450 later")


def test_after_eight_tries_it_is_a_dead_letter_until_it_is_put_back(world: World) -> None:
    alone(world)
    world.memory.answers = [Temporary("450 <c1@example.org> later")] * TRIES
    for _ in range(40):
        world.pass_by(hours=5)
    (item,) = world.sequences.dead()
    assert (item.reason, item.attempts, item.customer) == ("out of tries", TRIES, 1)
    assert item.error == "Temporary: 450 <address> later", "addresses stay out of tables and logs"
    assert runs(world.sequences) == {"stopped: a mail failed": 1}
    assert world.sequences.requeue() == 1
    world.work()
    assert world.took() == [("c1@example.org", "hello")] and runs(world.sequences) == {"active": 1}
    assert world.sequences.requeue() == 0


def test_a_dead_letter_does_not_come_back_beside_another_run(small_world: World) -> None:
    world = alone(small_world, reentry="always")
    world.memory.answers = [PermanentRecipient("550 no")]
    world.work()
    for name in ("Bob", "Ann"):
        rename(world.store, 1, name)
        world.refresh()
    assert runs(world.sequences) == {"stopped: a mail failed": 1, "active": 1}
    assert world.sequences.requeue() == 0 and len(world.sequences.dead()) == 1


def test_a_refusal_for_good_ends_the_run_and_a_bad_address_is_remembered(world: World) -> None:
    alone(world)
    world.memory.answers = [PermanentRecipient("550 5.1.1 no such user", suppress=True)]
    world.work()
    assert states(world.sequences) == {"failed: rejected for good": 1}
    assert world.sequences.requeue() == 1
    world.work()
    assert world.took() == [] and runs(world.sequences) == {"stopped: address refused": 1}


def test_a_blocked_sender_rests_and_no_tries_are_used_up(world: World) -> None:
    """Three mails are claimed, and one of them meets the server that is gone."""
    world.sequences.save(sequence("0 minutes: hello"))
    world.refresh()
    world.memory.answers = [SenderBlocked("421 closing")] * 5
    world.work()
    assert len(world.memory.answers) == 4, "the others did not try"
    assert dict(world.sequences.standing().resting)["memory"][1] == "SenderBlocked: 421 closing"
    world.pass_by(seconds=20)
    assert len(world.memory.answers) == 4
    world.live(1)
    world.live(1)
    world.live(1)
    world.live(1)
    assert world.memory.answers == []
    world.live(1)
    assert len(world.took()) == 3
    d = world.sequences.tables.deliveries
    with world.store.engine.connect() as connection:
        assert connection.scalars(sa.select(d.c.attempts)).all() == [1, 1, 1]
        rest = connection.execute(sa.select(world.sequences.tables.senders)).one()
    assert (rest.failures, rest.rests_until) == (0, None)


def test_a_sender_says_how_long_it_rests(small_world: World) -> None:
    world = alone(small_world)
    world.memory.answers = [SenderBlocked("452 too many", retry_after=7200)]
    world.work().pass_by(minutes=110)
    assert world.took() == []
    assert len(world.pass_by(minutes=11).took()) == 1


def test_a_sender_that_cannot_be_had_rests_too(small_world: World) -> None:
    world = alone(small_world)
    worker = make_sequences(world.store, clock=world.clock, senders={}).worker()
    assert worker.run_once() == {"claimed": 1, "SenderBlocked": 1}
    worker.close()
    assert len(world.live(1).took()) == 1


@pytest.mark.parametrize("answer", [OutcomeUnknown("no answer after the dot"), RuntimeError("a bug of the sender")])
def test_an_unknown_outcome_is_parked_and_listed_and_never_sent_again(world: World, answer: Exception) -> None:
    alone(world)
    world.memory.answers = [answer]
    world.work().live(96, 24)
    assert world.took() == []
    (item,) = world.sequences.doubtful()
    assert (item.state, item.reason, item.step) == ("in_doubt", "outcome unknown", "hello")
    assert runs(world.sequences) == {"active": 1}


@pytest.mark.parametrize(
    ("verdict", "mails", "first"), [("sent", ["again"], "sent"), ("resend", ["hello", "again"], "sent"),
                                   ("drop", ["again"], "skipped: dropped by hand")],
)  # fmt: skip
def test_a_person_says_what_became_of_it(small_world: World, verdict: str, mails: list[str], first: str) -> None:
    world = alone(small_world)
    world.memory.answers = [OutcomeUnknown("no answer")]
    world.work()
    assert world.sequences.settle(verdict) == 1 and world.sequences.settle(verdict) == 0  # type: ignore[arg-type]
    world.work().pass_by(days=10)
    assert [template for _, template in world.took()] == mails
    assert states(world.sequences) == {first: 1, "sent": 1} if first != "sent" else {"sent": 2}
    with pytest.raises(SequenceError, match="'lost' is no verdict; there are sent, resend, drop"):
        world.sequences.settle("lost")  # type: ignore[arg-type]


def test_at_least_once_sends_again_under_the_same_message_id(world: World) -> None:
    alone(world, delivery="at_least_once")
    world.memory.answers = [OutcomeUnknown("no answer")]
    world.work().pass_by(minutes=2)
    d = world.sequences.tables.deliveries
    with world.store.engine.connect() as connection:
        first = connection.execute(sa.select(d.c.message_id, d.c.attempts).where(d.c.step == "hello")).one()
    assert world.memory.mails[0].message_id == first.message_id and first.attempts == 2


class Asked(Memory):
    """A sender that looks mails up, and says what it is told to."""

    caps = SenderCaps(lookup=True)
    knows = Lookup.UNKNOWN

    def lookup(self, message_id: str) -> Lookup:
        return self.knows


@pytest.mark.parametrize(("knows", "again"), [(Lookup.ACCEPTED, 0), (Lookup.NOT_FOUND, 1)])
def test_reconciling_asks_the_sender_until_it_knows(world: World, knows: Lookup, again: int) -> None:
    memory = Asked()
    world.sequences = make_sequences(world.store, clock=world.clock, senders={"memory": lambda: memory})
    world.worker = world.sequences.worker()
    alone(world, delivery="reconcile")
    memory.answers = [OutcomeUnknown("no answer")]
    world.work().pass_by(minutes=1)
    assert states(world.sequences) == {"in_doubt": 1} and memory.mails == []
    memory.knows = knows
    world.pass_by(minutes=5)
    assert len(memory.mails) == again and states(world.sequences) == {"sent": 1, "planned": 1}


def test_reconciling_needs_a_sender_that_can(small_world: World) -> None:
    with pytest.raises(SequenceError, match="needs a sender that can look a mail up"):
        small_world.sequences.save(sequence("0 minutes: hello", delivery="reconcile"))


def test_poison_in_front_does_not_hold_up_the_others(world: World) -> None:
    """200 mails that cannot be written come first in line; their sequence is paused after 20, and the rest goes out."""
    from .shops import add_customers

    add_customers(world.store, range(100, 397))
    world.sequences.save(sequence("0 minutes: broken", name="bad"))
    world.refresh()
    world.clock.at += timedelta(minutes=1)
    world.sequences.save(sequence("0 minutes: sorry", name="good", on="exit", overlap=True))
    for customer in range(100, 397):
        rename(world.store, customer, "Bob")
    saved = world.sequences.get("bad")
    import attrs

    world.sequences.save(attrs.evolve(saved, stop=False, member=False))
    world.refresh()
    assert world.worker.run_once()["not written"] == 20
    world.work()
    assert len(world.took()) == 297
    assert states(world.sequences) == {"failed: could not be written": 20, "held": 280, "sent": 297}
    assert world.sequences.get("bad").status is Status.PAUSED
    (bad,) = world.sequences.statistics(sequence="bad")
    assert bad.note is not None and "20 mails in a row could not be written" in bad.note
    assert list(world.sequences.standing().paused) == ["bad"]


def test_no_number_of_customers_with_unsafe_names_pauses_a_sequence(small_world: World) -> None:
    world = small_world
    from .shops import add_customers

    add_customers(world.store, range(100, 125))
    world.sequences.save(sequence("0 minutes: header"))
    world.refresh()
    assert world.worker.run_once()["not written"] >= 25
    assert states(world.sequences).keys() == {"failed: could not be written"}
    assert world.sequences.standing().paused == {}


def test_the_clock_of_the_database_decides(world: World) -> None:
    """One that is an hour slow sends nothing early; one that is right goes on with what it left leased."""
    slow = make_sequences(world.store, clock=DatabaseClock(timedelta(hours=-1)))
    right = make_sequences(world.store, clock=DatabaseClock())
    right.save(sequence("0 minutes: hello"))
    world.store.refresh("anns")
    late, early = slow.worker(), right.worker()
    assert late.run_once() == {"claimed": 0}
    claims = early.claim()
    assert len(claims) == 3
    d = right.tables.deliveries
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(d).values(lease_until=d.c.due_at))
    assert {early.process(claim) for claim in claims} == {"lost"}, "a lease that ran out is nobody's"
    assert early.reap()["given back"] == 3
    assert early.run_once()["sent"] == 3
    for worker in (late, early):
        worker.close()


def test_a_worker_stops_with_the_mail_in_hand_and_gives_the_rest_back(world: World) -> None:
    world.sequences.save(sequence("0 minutes: hello"))
    world.refresh()
    worker = world.sequences.worker(milestone=lambda place: place == "after_250" and stopping.set())
    stopping = worker.stopping
    thread = threading.Thread(target=worker.run, kwargs={"poll": 0.01})
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert states(world.sequences) == {"sent": 1, "planned": 2}


def test_a_worker_keeps_to_the_pace_of_its_sender(small_world: World) -> None:
    import time

    world = small_world
    world.memory.caps = SenderCaps(max_per_second=10)
    world.sequences.save(sequence("0 minutes: hello"))
    world.refresh()
    begun = time.monotonic()
    world.work()
    assert time.monotonic() - begun >= 0.2 and len(world.took()) == 3


def test_settings_that_cannot_work_are_refused(small_world: World) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        small_world.sequences.worker(batch=0)
    with pytest.raises(ValueError, match="does not end before the lease"):
        small_world.sequences.worker(lease=timedelta(seconds=30))
