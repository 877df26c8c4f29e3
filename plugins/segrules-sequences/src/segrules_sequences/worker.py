"""A worker: claims what is due, prepares each mail in one transaction, sends it, writes the outcome in another.

Any number of workers may run, in any number of processes and machines. A worker that dies leaves claims whose leases
run out; the reaper then gives back what had not begun, and takes what had as of unknown outcome.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from segrules_sequences.database import Link, lost, retried
from segrules_sequences.errors import AddressError, HeaderError
from segrules_sequences.events import take_up
from segrules_sequences.facts import Facts, read
from segrules_sequences.letters import CouponRefused
from segrules_sequences.outcome import Outcome, described
from segrules_sequences.ports import OutcomeUnknown, Receipt, Refusal, Sender, SenderBlocked
from segrules_sequences.preparing import DEADLINE, LEASE, Claim, Preparation, Prepared
from segrules_sequences.reaper import Reaper
from segrules_sequences.setting import Setting
from segrules_sequences.states import State, Why

log = logging.getLogger("segrules.sequences")

#: A worker claims so many deliveries at a time, and nobody may ask for more than the most.
BATCH, MOST = 50, 500
REAP_EVERY = 10.0
#: So long a worker waits when the database goes away, and twice as long each time it is not back, up to the most.
_PAUSE, _LONGEST_PAUSE = 0.25, 10.0


class Worker:
    """Sends what is due. ``milestone`` hears where the worker is; tests kill it there."""

    def __init__(
        self,
        setting: Setting,
        *,
        batch: int = BATCH,
        lease: timedelta = LEASE,
        deadline: timedelta = DEADLINE,
        milestone: Callable[[str], None] = lambda name: None,
    ) -> None:
        if not 1 <= batch <= MOST:
            raise ValueError(f"a worker claims 1 to {MOST} deliveries at a time, not {batch}")
        if deadline >= lease:
            raise ValueError(f"the deadline of {deadline} does not end before the lease of {lease}")
        self.name = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()
        self._setting, self._batch, self._lease, self._deadline = setting, batch, lease, deadline
        self._milestone = milestone
        self._link = Link(setting.engine)
        self._senders: dict[str, Sender] = {}
        self._next_send: dict[str, float] = {}
        self._reaper = Reaper(setting)

    # --- running ---

    def run(self, *, poll: float = 5.0, reap: float = REAP_EVERY) -> None:
        """Work until ``stopping`` is set; look for due mails every ``poll`` seconds while there are none.

        Every ``reap`` seconds what others left behind is brought back.
        """
        reaped, pause = float("-inf"), _PAUSE
        try:
            while not self.stopping.is_set():
                try:
                    if time.monotonic() - reaped >= reap:
                        self.reap()
                        reaped = time.monotonic()
                    if not self.run_once()["claimed"]:
                        self.stopping.wait(poll)
                    pause = _PAUSE
                except Exception as cause:
                    if not lost(cause):
                        raise
                    log.warning("the database does not answer, waiting %.2f s: %s", pause, described(cause))
                    self._link.close()
                    self.stopping.wait(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            self.close()

    def run_once(self) -> Counter[str]:
        """Claim one batch and bring each of its mails as far as it goes; how many became what."""
        done: Counter[str] = Counter()
        claims = self.claim()
        done["claimed"] = len(claims)
        if not claims:
            return done
        self._milestone("after_claim")
        renewed = time.monotonic()
        facts = None
        for place, claim in enumerate(claims):
            if self.stopping.is_set():
                self.give_back(claims[place:])
                break
            if facts is None or not facts.fresh:
                facts = self._facts(claims[place:])
            if time.monotonic() - renewed > self._lease.total_seconds() / 2:
                self._renew(claims[place:])
                renewed = time.monotonic()
            done[self.process(claim, facts)] += 1
            self._milestone("mid_batch")
        return done

    def reap(self) -> Counter[str]:
        """Bring back what dead workers left behind, and ask senders about mails in doubt."""
        done = self._reaper.reap(self._link, self.sender)
        with self._link.writing() as connection:
            done["events taken up"] = take_up(self._setting, connection)
        return +done

    def close(self) -> None:
        """Connections are closed; the worker may be used again."""
        self._link.close()
        for sender in self._senders.values():
            with suppress(Exception):
                sender.close()
        self._senders.clear()

    # --- one delivery ---

    def claim(self) -> list[Claim]:
        """Deliveries that are due, leased to this worker."""
        deliveries = self._setting.tables.deliveries
        clock = self._setting.clock
        due = (
            sa.select(deliveries.c.id, deliveries.c.token, deliveries.c.sequence_id, deliveries.c.customer_id)
            .where(deliveries.c.state == State.PLANNED, deliveries.c.due_at <= clock.now())
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        for dialect in ("mysql", "mariadb"):
            due = due.with_hint(deliveries, f"FORCE INDEX (ix_{deliveries.name}_due)", dialect)
        with self._link.writing() as connection:
            rows = connection.execute(due).all()
            if rows:
                connection.execute(
                    sa.update(deliveries)
                    .where(deliveries.c.id.in_([row.id for row in rows]))
                    .values(
                        state=State.LEASED, token=deliveries.c.token + 1, worker=self.name,
                        lease_until=clock.now(self._lease),
                    )
                )  # fmt: skip
        return [Claim(row.id, row.token + 1, row.sequence_id, row.customer_id) for row in rows]

    def process(self, claim: Claim, facts: Facts | None = None) -> str:
        """Bring one claimed delivery as far as it goes; what became of it, in a word.

        Without ``facts`` about its customer they are read for it alone.
        """
        # From before the lease is renewed, so that the sender gives up before the lease does.
        deadline = time.monotonic() + self._deadline.total_seconds()
        prepared = self._prepared(claim, facts)
        if not isinstance(prepared, Prepared):
            return prepared
        self._milestone("after_prepare")
        answer = self._transmitted(prepared, deadline)
        self._milestone("after_250")
        known = retried(lambda: self._told(prepared, answer))
        word = "sent" if isinstance(answer, Receipt) else type(answer).__name__
        self._milestone("after_sent_commit")
        if isinstance(answer, Refusal):
            log.info("delivery=%s outcome=%s %s", claim.id, type(answer).__name__, described(answer))
        return word if known else "lost"

    def _facts(self, claims: Sequence[Claim]) -> Facts | None:
        """What the shop says of the customers of these claims; None where one of them spoils it for the others."""
        customers: dict[int, set[Any]] = {}
        for claim in claims:
            customers.setdefault(claim.sequence, set()).add(claim.customer)
        try:
            with self._link.writing() as connection:
                return read(self._setting, connection, customers)
        except Exception as cause:
            if lost(cause):
                raise
            return None

    def _prepared(self, claim: Claim, facts: Facts | None) -> Prepared | str:
        try:
            found = retried(lambda: self._begun(claim, facts))
        except Exception as cause:
            if lost(cause):
                raise
            return self._unprepared(claim, cause)
        if isinstance(found, Prepared):
            return found
        return "lost" if found is None else f"not now: {found}"

    def _begun(self, claim: Claim, facts: Facts | None) -> Prepared | Why | None:
        with self._link.writing() as connection:
            if facts is None:
                facts = read(self._setting, connection, {claim.sequence: {claim.customer}})
            return Preparation(self._setting, connection, claim, facts, self._lease).prepared()

    def _told(self, prepared: Prepared, answer: Receipt | Refusal) -> bool:
        with self._link.writing() as connection:
            outcome = Outcome(self._setting, connection)
            if isinstance(answer, Receipt):
                return outcome.sent(prepared, answer)
            return outcome.refused(prepared, answer)

    def _unprepared(self, claim: Claim, cause: Exception) -> str:
        """The mail cannot be written: its transaction is undone, and that is written down in another one."""
        log.warning("delivery=%s could not be written: %s", claim.id, described(cause))
        deliveries = self._setting.tables.deliveries
        with self._link.writing() as connection:
            own = sa.select(deliveries).where(deliveries.c.id == claim.id, deliveries.c.token == claim.token)
            row = connection.execute(own).one_or_none()
            if row is None:
                return "lost"
            outcome = Outcome(self._setting, connection)
            if isinstance(cause, CouponRefused):
                return _word(outcome.again(claim, State.LEASED, row, Why.NO_COUPON, cause), "no coupon")
            if isinstance(cause, AddressError):
                return _word(outcome.failed(claim, State.LEASED, row, Why.NO_ADDRESS, cause), "no address")
            if isinstance(cause, HeaderError):  # a customer's own doing, of which no number may pause the others' mails
                return _word(outcome.failed(claim, State.LEASED, row, Why.NOT_WRITTEN, cause), "not written")
            return _word(outcome.unwritable(claim, row, cause), "not written")

    def _transmitted(self, prepared: Prepared, deadline: float) -> Receipt | Refusal:
        name = prepared.kept.sequence.sender
        try:
            sender = self.sender(name)
        except Exception as cause:
            return SenderBlocked(f'the sender "{name}" cannot be had: {described(cause)}')
        self._paced(name, sender, deadline)
        try:
            return sender.send(prepared.outgoing, deadline)
        except Refusal as refusal:
            return refusal
        except Exception as cause:
            return OutcomeUnknown(described(cause))

    def sender(self, name: str) -> Sender:
        """The sender of a name, made when it is first needed."""
        if name not in self._senders:
            make = self._setting.senders.get(name)
            if make is None:
                raise LookupError(f'no sender "{name}" is set up here')
            self._senders[name] = make()
        return self._senders[name]

    def _paced(self, name: str, sender: Sender, deadline: float) -> None:
        """Keep to the number of mails a second that the sender bears."""
        if sender.caps.max_per_second is None:
            return
        now = time.monotonic()
        moment = max(now, self._next_send.get(name, 0.0))
        if now < moment < deadline:
            time.sleep(moment - now)
        self._next_send[name] = moment + 1.0 / sender.caps.max_per_second

    def _renew(self, claims: Sequence[Claim]) -> None:
        self._own(claims, lease_until=self._setting.clock.now(self._lease))

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Deliveries that this worker will not get to are there for others at once."""
        self._own(claims, state=State.PLANNED, lease_until=None)

    def _own(self, claims: Sequence[Claim], **values: Any) -> None:
        deliveries = self._setting.tables.deliveries
        with self._link.writing() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.id.in_([each.id for each in claims]),
                    deliveries.c.state == State.LEASED,
                    deliveries.c.worker == self.name,
                    deliveries.c.lease_until > self._setting.clock.now(),
                )
                .values(**values)
            )


def _word(known: bool, word: str) -> str:
    return word if known else "lost"
