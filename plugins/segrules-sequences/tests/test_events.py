"""What comes back of mails: each told once, softly three times, of mails that nobody knows, late, and all at once."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from segrules_sequences import Sequences
from segrules_sequences.events import Event, Kind
from segrules_sequences.mail.returned import take_in
from segrules_sequences.ports import OutcomeUnknown, Outgoing, Receipt
from segrules_sequences.setting import SoftBounces

from . import shops
from .mail.test_returned import COMPLAINT, OURS, delivery_report
from .shops import World, runs, states


def enrolled(world: World, *steps: str) -> World:
    """The three Anns have got the first mail."""
    world.sequences.save(shops.sequence(*steps or ("0 minutes: hello",), gap="0 minutes", overlap=True))
    world.refresh()
    return world.work()


def rows(sequences: Sequences, table: str) -> list[Any]:
    chosen = getattr(sequences.tables, table)
    with sequences.setting.engine.connect() as connection:
        return list(connection.execute(sa.select(chosen).order_by(*chosen.primary_key)))


def message_ids(world: World, customer: int) -> list[str]:
    found = [row for row in rows(world.sequences, "deliveries") if row.customer_id == customer]
    return [row.message_id for row in found if row.message_id is not None]


def told(kind: Kind, message_id: str | None, **more: Any) -> Event:
    return Event(**{"provider": "p", "id": f"{kind} {message_id}", "kind": kind, "message_id": message_id, **more})


def suppressed(world: World) -> dict[str, tuple[str, datetime | None]]:
    return {row.key.partition(":")[0]: (row.reason, row.until) for row in rows(world.sequences, "suppressions")}


def test_three_soft_bounces_let_an_address_rest(world: World) -> None:
    enrolled(world, *(f"{day} days: {word}" for day, word in zip(range(0, 50, 10), "abcde", strict=True)))
    for count in (1, 2, 3):
        assert suppressed(world) == {}
        event = told(Kind.SOFT, message_ids(world, 1)[-1], detail="4.2.2", at=world.clock.at)
        assert world.sequences.take_in([event, event]) == {"new": 1, "known already": 1}
        if count < 3:
            world.pass_by(days=10)
    assert suppressed(world) == {"address": ("bounces too often for now", world.clock.at + timedelta(days=30))}
    world.took()
    world.pass_by(days=10)
    assert sorted(each for each, _ in world.took()) == ["c2@example.org", "c3@example.org"]
    assert runs(world.sequences)["stopped: bounces too often for now"] == 1
    (step,) = [each for each in world.sequences.statistics()[0].steps if each.step == "d"]
    assert step.reasons == {"bounces too often for now": 1}

    # It ends by itself; and what bounced before has been forgiven by then.
    world.pass_by(days=21)
    world.sequences.save(shops.sequence("0 minutes: again", name="other", overlap=True, gap="0 minutes"))
    shops.rename(world.store, 1, "Ben")
    world.refresh()
    shops.rename(world.store, 1, "Ann")
    world.took()
    world.refresh()
    world.work()
    assert ("c1@example.org", "again") in world.took()
    world.sequences.take_in([told(Kind.SOFT, message_ids(world, 1)[-1])])
    assert [row.until > world.clock.at for row in rows(world.sequences, "suppressions")] == [False]
    assert world.sequences.clean()["events removed"] == 0 and suppressed(world) == {}


def test_bounces_that_lie_far_apart_and_other_limits(world: World) -> None:
    enrolled(world, "0 days: a", "20 days: b", "40 days: c")
    world.pass_by(days=20).pass_by(days=20)
    for message_id, days in zip(message_ids(world, 1), (40, 20, 0), strict=True):
        world.sequences.take_in([told(Kind.SOFT, message_id, at=world.clock.at - timedelta(days=days))])
    # A mail that comes back twice, by two ways, has come back once.
    for provider in "abc":
        world.sequences.take_in([told(Kind.SOFT, message_ids(world, 2)[0], provider=provider)])
    assert suppressed(world) == {}
    strict = shops.make_sequences(
        world.store, clock=world.clock, senders={"memory": lambda: world.memory},
        soft_bounces=SoftBounces(count=2, within=timedelta(days=1), rest=timedelta(hours=1)),
    )  # fmt: skip
    for message_id in message_ids(world, 3)[:2]:
        strict.take_in([told(Kind.SOFT, message_id, at=world.clock.at + timedelta(days=9))])
    assert suppressed(world) == {"address": ("bounces too often for now", world.clock.at + timedelta(hours=1))}
    with pytest.raises(ValueError, match="'count' must be >= 1"):
        SoftBounces(count=0)


def test_hard_bounces_complaints_and_wishes_act_at_once(world: World) -> None:
    enrolled(world, "0 minutes: hello", "1 day: more")
    firsts = [message_ids(world, each)[0] for each in (1, 2, 3)]
    kinds = (Kind.HARD, Kind.COMPLAINT, Kind.UNSUBSCRIBE)
    # A soft suppression that is there does not soften a hard one, nor the other way round.
    for _ in range(2):
        world.sequences.take_in(told(kind, each) for kind, each in zip(kinds, firsts, strict=True))
    found = {row.key.split(":")[0] + ":" + row.reason: row.until for row in rows(world.sequences, "suppressions")}
    assert found == {"address:address refused": None, "customer:complained": None, "customer:unsubscribed": None}
    assert runs(world.sequences) == {"active": 1, "stopped: complained": 1, "stopped: unsubscribed": 1}
    world.took()
    assert world.pass_by(days=1).took() == []
    assert runs(world.sequences)["stopped: address refused"] == 1


def test_a_suppression_is_never_shortened(world: World) -> None:
    from segrules_sequences.outcome import suppress

    setting, at = world.sequences.setting, world.clock.at
    steps = [(at, "a", at), (at + timedelta(days=2), "b", at + timedelta(days=2)),
             (at + timedelta(days=1), "c", at + timedelta(days=2)), (None, "d", None), (at, "e", None)]  # fmt: skip
    for until, reason, then in steps:
        with setting.engine.begin() as connection:
            suppress(setting, connection, "address:x", "", reason, "test", until=until)
        (row,) = rows(world.sequences, "suppressions")
        assert row.until == then, reason
    assert row.reason == "d"


def test_what_names_no_mail_of_ours_is_kept_until_it_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(mail: Outgoing, deadline: float) -> Receipt:
        return Receipt(f"id-{mail.recipient}" if mail.recipient != "c3@example.org" else "id-c2@example.org")

    monkeypatch.setattr(world.memory, "send", send)
    early = [
        told(Kind.HARD, None, id="1", provider_id="id-c1@example.org"),
        # Two mails have this name, so it names none.
        told(Kind.HARD, None, id="2", provider_id="id-c2@example.org"),
        told(Kind.HARD, "<nobody@knows.example>", id="3"),
        told(Kind.COMPLAINT, None, id="4"),
    ]
    for _ in range(2):
        assert world.sequences.take_in(early) == {"of unknown mails": 4}
    enrolled(world)
    assert world.sequences.reap() == {"events taken up": 1}
    assert [row.mail for row in rows(world.sequences, "events")] == [
        None, "id-c2@example.org", "<nobody@knows.example>", None,
    ]  # fmt: skip
    assert [row.reason for row in rows(world.sequences, "suppressions")] == ["address refused"]
    (hard, *_) = rows(world.sequences, "events")
    assert (hard.customer_id, hard.delivery_id is not None) == (1, True)
    assert world.sequences.take_in([told(Kind.HARD, None, id="5", provider_id="id-c2@example.org")])["new"] == 0
    assert world.sequences.reap()["events taken up"] == 0


def test_what_is_told_of_a_mail_in_doubt_says_that_it_arrived(world: World) -> None:
    world.memory.answers = [OutcomeUnknown("no answer")] * 3
    enrolled(world, "0 minutes: hello", "1 day: more")
    assert states(world.sequences) == {"in_doubt": 3}
    first, second, _ = (message_ids(world, each)[0] for each in (1, 2, 3))
    done = world.sequences.take_in([told(Kind.DELIVERED, first), told(Kind.SOFT, second)])
    assert done == {"let be": 1, "new": 1}
    assert states(world.sequences) == {"in_doubt": 1, "sent": 2, "planned": 2}
    assert [row.kind for row in rows(world.sequences, "events")] == ["soft"]
    world.sequences.take_in([told(Kind.OPEN, first)], keep=[Kind.OPEN])
    assert Counter(row.kind for row in rows(world.sequences, "events")) == {"soft": 1, "open": 1}


def test_nothing_personal_is_kept_and_customers_are_forgotten(world: World) -> None:
    enrolled(world)
    (message_id,) = message_ids(world, 1)
    world.sequences.take_in([
        told(Kind.SOFT, message_id, id="ann@example.org is full" * 20, detail="550 <ann@example.org> is full"),
        told(Kind.SOFT, "ann doe\n<ann@example.org>", id="\x00", detail="4.2.2"),
    ])  # fmt: skip
    first, second = rows(world.sequences, "events")
    assert "@" not in str(tuple(first)) + str(tuple(second))
    assert (first.detail, second.detail, second.mail) == (None, "4.2.2", None)
    world.sequences.forget(1)
    first, _ = rows(world.sequences, "events")
    assert (first.customer_id, first.address_hash) == (None, None)
    world.clock.at += timedelta(days=401)
    assert world.sequences.clean()["events removed"] == 2 and rows(world.sequences, "events") == []


def test_mails_that_come_back_all_at_once_see_each_other(world: World) -> None:
    enrolled(world, "0 minutes: a", "1 minute: b", "2 minutes: c")
    world.pass_by(minutes=2)
    mails = [message_ids(world, each) for each in (1, 2, 3)]
    failures: list[BaseException] = []

    def tell(place: int, start: threading.Barrier) -> None:
        try:
            for own in mails:
                start.wait(30)
                world.sequences.take_in([told(Kind.SOFT, own[place])])
        except BaseException as cause:
            failures.append(cause)
            start.abort()

    start = threading.Barrier(3)
    threads = [threading.Thread(target=tell, args=(place, start)) for place in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert [row.reason for row in rows(world.sequences, "suppressions")] == ["bounces too often for now"] * 3


def test_reports_go_the_same_way(world: World) -> None:
    enrolled(world)
    first, second = message_ids(world, 1)[0], message_ids(world, 2)[0]
    for _ in range(2):
        assert take_in(world.sequences, delivery_report(original="<0@unknown.example>")) == []
        assert [each.kind for each in take_in(world.sequences, delivery_report(status="4.2.2", original=first))] == [
            Kind.SOFT
        ]
        assert [each.kind for each in take_in(world.sequences, COMPLAINT.replace(OURS.encode(), second.encode()))] == [
            Kind.COMPLAINT
        ]
    assert [(row.provider, row.kind, row.detail) for row in rows(world.sequences, "events")] == [
        ("report", "hard", "5.1.1"), ("report", "soft", "4.2.2"), ("report", "complaint", None),
    ]  # fmt: skip
