"""The second transaction of a mail: what the sender said, and what follows from it for the run and the sender."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules_sequences.definitions import Mode, Status
from segrules_sequences.enrolment import by_index
from segrules_sequences.ports import (
    PermanentRecipient,
    Receipt,
    Refusal,
    SenderBlocked,
    Temporary,
)
from segrules_sequences.preparing import LEASE, Claim, Prepared
from segrules_sequences.setting import Setting, address_key
from segrules_sequences.states import RunState, State, Why

#: How long to wait before another try of one mail, by tries so far; the last one holds for all further tries.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)
TRIES = 8
#: So much more or less, so that what failed together does not come back together.
_SPREAD = 0.2
#: How long a sender rests, by times in a row that it was blocked.
RESTS = (timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10))
#: A sender that can look mails up is asked so soon after a mail was left in doubt.
ASK_AFTER = timedelta(seconds=30)
#: So many mails of a sequence in a row that cannot be written, and it is paused.
MOST_BROKEN = 20
_LONGEST_ERROR = 200


@frozen(eq=False)
class Outcome:
    """Writes down how one try ended. Every method is False when the delivery is somebody else's by now."""

    setting: Setting
    connection: sa.Connection

    def sent(self, prepared: Prepared, receipt: Receipt) -> bool:
        """The mail was accepted. Known for certain, so it counts even where the lease has run out meanwhile."""
        claim = prepared.claim
        told = {"the_id": claim.id, "the_token": claim.token, "the_provider_id": (receipt.provider_id or "")[:255]}
        statements = self.setting.statements(LEASE)
        statement = statements.sent_soon if self.connection.dialect.name == "postgresql" else statements.sent
        done = self.connection.execute(statement, told).rowcount == 1
        if done:
            self.setting.runs.advance(
                self.connection, prepared.kept, prepared.delivery, enrolled_at=prepared.enrolled_at,
                mailed_at=prepared.delivery.now,
            )  # fmt: skip
            if prepared.delivery.failures:
                self._working(prepared.kept.sequence.sender)
        return done

    def refused(self, prepared: Prepared, refusal: Refusal) -> bool:
        """The mail was not accepted, or nobody knows."""
        match refusal:
            case PermanentRecipient():
                return self._rejected(prepared, refusal)
            case SenderBlocked():
                return self._blocked(prepared, refusal)
            case Temporary():
                return self.again(prepared.claim, State.TRANSMITTING, prepared.delivery, Why.TRY_AGAIN, refusal)
            case _:
                return self._unknown(prepared, refusal)

    def again(self, claim: Claim, state: State, delivery: Any, why: Why, cause: Exception) -> bool:
        """Another try later, or a dead letter when there have been enough."""
        attempts = delivery.attempts + 1
        if attempts >= TRIES:
            return self.failed(claim, state, delivery, Why.OUT_OF_TRIES, cause)
        wait = WAITS[min(attempts, len(WAITS)) - 1] * random.uniform(1 - _SPREAD, 1 + _SPREAD)
        return self._arrow(
            claim, (state,), state=State.PLANNED, reason=why, error=described(cause), attempts=attempts,
            due_at=self.setting.clock.now(wait), lease_until=None,
        )  # fmt: skip

    def failed(self, claim: Claim, state: State, delivery: Any, why: Why, cause: Exception) -> bool:
        """A dead letter: the run stops, until somebody puts the mail back."""
        done = self._arrow(
            claim, (state,), state=State.FAILED, reason=why, error=described(cause), attempts=delivery.attempts + 1,
            ended_at=self.setting.clock.now(), lease_until=None,
        )  # fmt: skip
        if done:
            self.setting.runs.end(self.connection, delivery.enrolment_id, RunState.STOPPED, Why.FAILED)
        return done

    def unwritable(self, claim: Claim, delivery: Any, cause: Exception) -> bool:
        """The mail could not be written; a sequence of which that is true many times in a row is paused."""
        if not self.failed(claim, State.LEASED, delivery, Why.NOT_WRITTEN, cause):
            return False
        sequences = self.setting.tables.sequences
        own = sequences.c.id == delivery.sequence_id
        self.connection.execute(sa.update(sequences).where(own).values(broken=sequences.c.broken + 1))
        paused = self.connection.execute(
            sa.update(sequences)
            .where(own, sequences.c.broken >= MOST_BROKEN, sequences.c.status == Status.ACTIVE.value)
            .values(
                status=Status.PAUSED.value,
                note=f"paused: {MOST_BROKEN} mails in a row could not be written; the last one: {described(cause)}",
            )
        ).rowcount
        if paused:
            hold(self.setting, self.connection, delivery.sequence_id)
        return True

    # --- inside ---

    def _rejected(self, prepared: Prepared, refusal: PermanentRecipient) -> bool:
        done = self.failed(prepared.claim, State.TRANSMITTING, prepared.delivery, Why.REJECTED, refusal)
        if done and refusal.suppress:
            hashed = self.setting.address_hash(prepared.outgoing.recipient)
            suppress(self.setting, self.connection, address_key(hashed), "", Why.REFUSED, "sender")
        return done

    def _blocked(self, prepared: Prepared, refusal: SenderBlocked) -> bool:
        """The sender rests; the mail waits with it, and its tries are not used up."""
        senders = self.setting.tables.senders
        name = prepared.kept.sequence.sender
        own = senders.c.name == name
        row = self.connection.execute(sa.select(senders).where(own).with_for_update()).one_or_none()
        failures = (row.failures if row is not None else 0) + 1
        rest = RESTS[min(failures, len(RESTS)) - 1]
        if refusal.retry_after is not None:
            rest = timedelta(seconds=min(max(refusal.retry_after, 1.0), 86_400.0))
        until = self.setting.clock.now(rest)
        if row is None:
            insert_ignoring(self.connection, senders, {"name": name, "failures": 0})
        self.connection.execute(
            sa.update(senders).where(own).values(failures=failures, rests_until=until, error=described(refusal))
        )
        return self._arrow(
            prepared.claim, (State.TRANSMITTING,), state=State.PLANNED, reason=Why.SENDER_RESTS,
            error=described(refusal), due_at=until, lease_until=None,
        )  # fmt: skip

    def _working(self, name: str) -> None:
        """A sender that has rested works again."""
        senders = self.setting.tables.senders
        self.connection.execute(
            sa.update(senders)
            .where(senders.c.name == name, senders.c.failures > 0)
            .values(failures=0, rests_until=None, error=None)
        )

    def _unknown(self, prepared: Prepared, refusal: Refusal) -> bool:
        if prepared.kept.sequence.delivery is Mode.AT_LEAST_ONCE:
            return self.again(prepared.claim, State.TRANSMITTING, prepared.delivery, Why.UNKNOWN, refusal)
        return self._arrow(
            prepared.claim, (State.TRANSMITTING,), state=State.IN_DOUBT, reason=Why.UNKNOWN, error=described(refusal),
            attempts=self._attempts + 1, due_at=self.setting.clock.now(ASK_AFTER), lease_until=None,
        )  # fmt: skip

    @property
    def _attempts(self) -> sa.Column[int]:
        attempts: sa.Column[int] = self.setting.tables.deliveries.c.attempts
        return attempts

    def _arrow(self, claim: Claim, states: tuple[State, ...], **values: Any) -> bool:
        deliveries = self.setting.tables.deliveries
        result = self.connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == claim.id, deliveries.c.token == claim.token, deliveries.c.state.in_(states))
            .values(**values)
        )
        return result.rowcount == 1


def hold(setting: Setting, connection: sa.Connection, sequence: int) -> None:
    """What waits in a sequence is not looked at while it is paused."""
    deliveries = setting.tables.deliveries
    connection.execute(
        by_index(sa.update(deliveries), deliveries, "sequence")
        .where(deliveries.c.sequence_id == sequence, deliveries.c.state.in_([State.PLANNED, State.LEASED]))
        .values(state=State.HELD, reason=Why.PAUSED, lease_until=None)
    )


def suppress(
    setting: Setting, connection: sa.Connection, key: str, topic: str, reason: str, source: str,
    *, until: datetime | None = None,
) -> None:  # fmt: skip
    """An address or a customer gets no mail of a topic until then or any more, or none at all with an empty topic.

    Idempotent; a suppression that is there is never shortened.
    """
    s = setting.tables.suppressions
    values = {"reason": reason, "source": source[:64], "at": setting.clock.now(), "until": until}
    if not insert_ignoring(connection, s, {"key": key, "topic": topic, **values}):
        shorter = sa.true() if until is None else s.c.until < until
        own = (s.c.key == key, s.c.topic == topic, s.c.until.is_not(None), shorter)
        connection.execute(sa.update(s).where(*own).values(values))


def insert_ignoring(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one with its key is there; whether it was inserted."""
    from sqlalchemy.dialects import mysql, postgresql, sqlite

    match connection.dialect.name:
        case "postgresql":
            statement: sa.Insert = postgresql.insert(table).values(row).on_conflict_do_nothing()
        case "sqlite":
            statement = sqlite.insert(table).values(row).on_conflict_do_nothing()
        case _:
            statement = mysql.insert(table).values(row).prefix_with("IGNORE")
    return connection.execute(statement.inline(), execution_options={"preserve_rowcount": True}).rowcount == 1


def described(cause: BaseException) -> str:
    """An error in a few words: its kind, and its text without addresses."""
    words = " ".join(str(cause).split()).split(" ")
    text = " ".join("<address>" if "@" in each else each for each in words)
    return f"{type(cause).__name__}: {text}"[:_LONGEST_ERROR].rstrip(": ")
