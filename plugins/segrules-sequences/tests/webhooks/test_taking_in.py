"""Webhooks over HTTP into real tables: told again, out of order, before the mail is known, and all or none."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from segrules_sequences.events import Event
from segrules_sequences.ports import Outgoing, Receipt
from segrules_sequences.webhooks import Webhooks
from serving import over_wsgi

from ..shops import World, runs
from ..test_events import enrolled, message_ids, rows, suppressed
from .test_providers import NOW, by_mailgun, by_sendgrid, by_ses, mailgun, providers, sendgrid, ses_bounce


@pytest.fixture
def ask(world: World) -> Iterator[Any]:
    # Database and webhooks go by one clock here.
    world.clock.at = NOW
    request, close = over_wsgi(Webhooks(world.sequences, providers(), now=lambda: NOW))

    def asked(name: str, sent: Any) -> int:
        body, headers = sent
        status: int = request("POST", f"/shop/u/{name}", body, headers)[0]
        return status

    yield asked
    close()


def test_webhooks_told_again_and_out_of_order(world: World, ask: Any) -> None:
    enrolled(world, "0 minutes: hello", "1 day: more")
    first, second, third = (message_ids(world, each)[0] for each in (1, 2, 3))
    bounce = by_mailgun(mailgun(message={"headers": {"message-id": first.strip("<>")}}))
    many = by_sendgrid([
        # What came last is told first.
        sendgrid("spamreport", 1, **{"smtp-id": second}), sendgrid("open", 2, **{"smtp-id": second}),
        sendgrid("delivered", 3, **{"smtp-id": second}), sendgrid(number=4, type="blocked", **{"smtp-id": third}),
        sendgrid(number=5, type="bounce", **{"smtp-id": "<nobody@knows.example>"}),
    ])  # fmt: skip
    for _ in range(3):
        assert (ask("mailgun", bounce), ask("sendgrid", many)) == (200, 200)
    told = [(row.provider, row.kind, row.delivery_id is not None) for row in rows(world.sequences, "events")]
    assert told == [
        ("mailgun", "hard", True), ("sendgrid", "complaint", True), ("sendgrid", "soft", True),
        ("sendgrid", "hard", False),
    ]  # fmt: skip
    assert suppressed(world) == {"address": ("address refused", None), "customer": ("complained", None)}
    assert runs(world.sequences) == {"active": 2, "stopped: complained": 1}
    # The same token with another story is no news.
    again = by_mailgun(mailgun("complained", message={"headers": {"message-id": third.strip("<>")}}))
    assert ask("mailgun", again) == 200 and runs(world.sequences)["active"] == 2
    # The tables hold nothing that the webhooks said of persons.
    for table in ("events", "suppressions"):
        assert "customer.example" not in str(rows(world.sequences, table))


def test_a_webhook_that_comes_before_the_receipt(world: World, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(mail: Outgoing, deadline: float) -> Receipt:
        if mail.recipient == "c1@example.org":
            # Amazon knows the mail by another name, and is quicker than we are.
            assert ask("ses", by_ses(ses_bounce(headers=False))) == 200
            return Receipt("010201-ses-000000")
        return Receipt()

    monkeypatch.setattr(world.memory, "send", send)
    enrolled(world)
    assert suppressed(world) == {}
    assert world.sequences.reap() == {"events taken up": 1}
    assert suppressed(world) == {"address": ("address refused", None)}


def test_all_or_none(world: World, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from segrules_sequences import events

    enrolled(world)
    kept = events._row

    def row(event: Event, *more: Any) -> Any:
        if event.id == "event-2":
            raise sa.exc.OperationalError("x", {}, Exception("the disk is full"))
        return kept(event, *more)

    many = by_sendgrid([
        sendgrid("spamreport", number, **{"smtp-id": message_ids(world, number)[0]}) for number in (1, 2)
    ])  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(events, "_row", row)
        assert ask("sendgrid", many) == 503
    assert rows(world.sequences, "events") == [] and suppressed(world) == {}
    assert ask("sendgrid", many) == 200
    assert len(rows(world.sequences, "suppressions")) == 2
