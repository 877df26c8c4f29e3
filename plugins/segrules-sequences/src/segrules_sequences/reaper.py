"""The reaper brings back what dead workers left behind, and resolves mails of which nobody knows the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules_sequences.database import Link
from segrules_sequences.definitions import Mode, Status
from segrules_sequences.ports import Lookup, Sender
from segrules_sequences.setting import Setting
from segrules_sequences.states import RunState, State, Why

_MANY = 500
#: A sender that could not tell is asked again after so long, and nobody else asks meanwhile.
_ASK_AGAIN = timedelta(minutes=2)


@frozen(eq=False)
class Reaper:
    """Safe to run at any time, in any number of processes."""

    setting: Setting

    def reap(self, link: Link, sender: Callable[[str], Sender]) -> Counter[str]:
        """Everything that is to be done now; how many deliveries went which way."""
        done: Counter[str] = Counter()
        done["given back"] = self._given_back(link)
        done += self._expired(link)
        done["let go"] = self._let_go(link)
        done += self._reconciled(link, sender)
        return +done

    def _given_back(self, link: Link) -> int:
        """Claims that ran out before anything went out are there for others."""
        deliveries = self.setting.tables.deliveries
        expired = sa.and_(deliveries.c.state == State.LEASED, deliveries.c.lease_until < self.setting.clock.now())
        with link.writing() as connection:
            ids = connection.scalars(
                sa.select(deliveries.c.id).where(expired).limit(_MANY).with_for_update(skip_locked=True)
            ).all()
            if not ids:
                return 0
            return connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_(ids), expired)
                .values(state=State.PLANNED, lease_until=None)
            ).rowcount

    def _expired(self, link: Link) -> Counter[str]:
        """Whoever was sending has died or hangs: the mail may have been accepted."""
        deliveries = self.setting.tables.deliveries
        done: Counter[str] = Counter()
        with link.writing() as connection:
            rows = connection.execute(
                sa.select(deliveries.c.id, deliveries.c.mode)
                .where(deliveries.c.state == State.TRANSMITTING, deliveries.c.lease_until < self.setting.clock.now())
                .limit(_MANY)
                .with_for_update(skip_locked=True)
            ).all()
            by_mode = {
                "sent again": [row.id for row in rows if row.mode == Mode.AT_LEAST_ONCE.value],
                "in doubt": [row.id for row in rows if row.mode != Mode.AT_LEAST_ONCE.value],
            }
            for word, ids in by_mode.items():
                if ids:
                    state = State.IN_DOUBT if word == "in doubt" else State.PLANNED
                    result = connection.execute(
                        sa.update(deliveries)
                        .where(deliveries.c.id.in_(ids), deliveries.c.state == State.TRANSMITTING)
                        .values(
                            state=state, reason=Why.UNKNOWN, error=None, attempts=deliveries.c.attempts + 1,
                            due_at=self.setting.clock.now(), lease_until=None,
                        )
                    )  # fmt: skip
                    done[word] = result.rowcount
        return done

    def _let_go(self, link: Link) -> int:
        """What is held goes on once its sequence is active again."""
        deliveries, sequences = self.setting.tables.deliveries, self.setting.tables.sequences
        with link.writing() as connection:
            active = connection.scalars(
                sa.select(sequences.c.id).where(sequences.c.status == Status.ACTIVE.value)
            ).all()
            if not active:
                return 0
            return connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.state == State.HELD, deliveries.c.sequence_id.in_(active))
                .values(state=State.PLANNED, reason=None)
            ).rowcount

    def _reconciled(self, link: Link, sender: Callable[[str], Sender]) -> Counter[str]:
        """Senders that keep record are asked about the mails in doubt."""
        done: Counter[str] = Counter()
        for row in self._asked(link):
            try:
                answer = sender(row.sender).lookup(row.message_id)
            except Exception:
                answer = Lookup.UNKNOWN
            if answer is Lookup.UNKNOWN:
                continue
            with link.writing() as connection:
                if answer is Lookup.ACCEPTED:
                    done["found"] += resolve(self.setting, connection, row.id, State.SENT, token=row.token + 1)
                else:
                    done["not found"] += resolve(self.setting, connection, row.id, State.PLANNED, token=row.token + 1)
        return done

    def _asked(self, link: Link) -> list[Any]:
        """Mails in doubt whose sender is to be asked now; each of them by one process only."""
        deliveries, sequences = self.setting.tables.deliveries, self.setting.tables.sequences
        statement = (
            sa.select(deliveries.c.id, deliveries.c.token, deliveries.c.message_id, deliveries.c.sequence_id)
            .where(
                deliveries.c.state == State.IN_DOUBT,
                deliveries.c.mode == Mode.RECONCILE.value,
                deliveries.c.due_at <= self.setting.clock.now(),
            )
            .order_by(deliveries.c.due_at)
            .limit(_MANY)
            .with_for_update(skip_locked=True)
        )
        with link.writing() as connection:
            rows = connection.execute(statement).all()
            if not rows:
                return []
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_([row.id for row in rows]))
                .values(token=deliveries.c.token + 1, due_at=self.setting.clock.now(_ASK_AGAIN))
            )
            named = sa.select(sequences.c.id, sequences.c.sender)
            senders = {row.id: row.sender for row in connection.execute(named)}
        return [_Asked(row.id, row.token, row.message_id, senders[row.sequence_id]) for row in rows]


@frozen
class _Asked:
    id: int
    token: int
    message_id: str
    sender: str


def resolve(
    setting: Setting, connection: sa.Connection, delivery: int, into: State, *, token: int | None = None
) -> bool:
    """A mail in doubt was sent, is to be sent again (``PLANNED``), or is let be (``SKIPPED``).

    False when it is not in doubt any more, or with ``token`` when somebody else has taken it up since.
    """
    tables = setting.tables
    d, e, s = tables.deliveries, tables.enrolments, tables.sequences
    conditions = [d.c.id == delivery, d.c.state == State.IN_DOUBT]
    if token is not None:
        conditions.append(d.c.token == token)
    ends = {"ended_at": setting.clock.now()} if into is not State.PLANNED else {"due_at": setting.clock.now()}
    reason = Why.DROPPED if into is State.SKIPPED else None
    # A later word of whoever sent it must not count any more once somebody has decided otherwise.
    changed = connection.execute(
        sa.update(d).where(*conditions).values(state=into, reason=reason, token=d.c.token + 1, **ends)
    )
    if changed.rowcount != 1:
        return False
    if into is State.PLANNED:
        return True
    row = connection.execute(
        sa.select(
            d.c.enrolment_id, d.c.sequence_id, d.c.step, d.c.position, d.c.version, d.c.begun_at,
            e.c.enrolled_at, e.c.state.label("run"), s.c.name, s.c.status, s.c.version.label("sequence_version"),
        )
        .select_from(d.join(e, e.c.id == d.c.enrolment_id).join(s, s.c.id == d.c.sequence_id))
        .where(d.c.id == delivery)
    ).one_or_none()  # fmt: skip
    if row is not None and row.run == RunState.ACTIVE:
        mailed_at = row.begun_at if into is State.SENT else None
        kept = setting.kept(connection, row)
        setting.runs.advance(connection, kept, row, enrolled_at=row.enrolled_at, mailed_at=mailed_at)
    return True
