"""The first transaction of a mail: everything is asked again, and the finished mail is kept before it goes out.

What is asked here is asked of the database, now: whether the sequence and the run still go on, the delay, the sender,
suppressions, the limits of time; what the shop says of the customer has been asked a moment before. Only a delivery
that passes becomes ``transmitting``; then its bytes are in the database, and every later try sends the same.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from attrs import frozen
from segrules.errors import ShopError
from segrules.shop.shop import zone_named

from segrules_sequences import timing
from segrules_sequences.database import LOCK_WHOLE_JOINS
from segrules_sequences.definitions import CouponError, Sequence, Status, Step, Trigger, Variant
from segrules_sequences.enrolment import Kept, gap
from segrules_sequences.errors import SequenceError
from segrules_sequences.facts import Facts
from segrules_sequences.hookspecs import Enrolment
from segrules_sequences.letters import CouponRefused, has_coupon, letter_of, message_id_of
from segrules_sequences.ports import Outgoing, Recipient
from segrules_sequences.setting import Setting, address_key, customer_key
from segrules_sequences.split import frozen_variant, is_held_out
from segrules_sequences.statements import Statements
from segrules_sequences.states import OUT, RunState, State, Why

#: How long a sender may take, and how long nobody else touches the delivery meanwhile.
DEADLINE, LEASE = timedelta(seconds=30), timedelta(seconds=60)
#: Consent is asked for again after a quarter of the time waited so far, and not more often than this.
_CONSENT_EVERY = timedelta(minutes=15)
_WHYS = {each.value: each for each in Why}


@frozen
class Claim:
    """A delivery that a worker has claimed; the token tells this claim from all others."""

    id: int
    token: int
    sequence: int
    customer: Any


@frozen(eq=False)
class Prepared:
    """A mail that is to be sent now, with what is needed to go on afterwards."""

    claim: Claim
    outgoing: Outgoing
    kept: Kept
    enrolled_at: datetime
    delivery: Any


@frozen(eq=False)
class _Put:
    """What becomes of a delivery that is not sent now."""

    why: Why
    #: Look again then; None when it is skipped.
    due: datetime | None = None
    #: The run is over with it.
    ends: RunState | None = None
    held: bool = False


@frozen(eq=False)
class Preparation:
    """The first transaction of one claimed delivery."""

    setting: Setting
    connection: sa.Connection
    claim: Claim
    facts: Facts
    lease: timedelta = LEASE

    def prepared(self) -> Prepared | Why | None:
        """The mail to send; or why not now; or None when somebody else has the delivery by now."""
        row = self._locked()
        if row is None:
            return None
        if row.run is None or row.uid is None:
            # The run or the sequence is gone, and the delivery with no place to go to.
            self._write(state=State.SKIPPED, reason=Why.SEQUENCE_OFF, ended_at=self._now_term, lease_until=None)
            return Why.SEQUENCE_OFF
        kept = self.setting.kept(self.connection, row)
        found = self._judged(row, kept)
        if isinstance(found, _Put):
            self._put(row, kept, found)
            return found.why
        return found

    # --- reading ---

    @property
    def _now_term(self) -> sa.ColumnElement[datetime]:
        return self.setting.clock.now()

    def _locked(self) -> Any:
        """The delivery with all that is asked of it, locked, if it is still ours."""
        if self.connection.dialect.name in LOCK_WHOLE_JOINS:
            if self.connection.execute(self._statements.lock, self._own).rowcount != 1:
                return None
            statement = self._statements.row
        else:
            statement = self._statements.locked_row
        recipient = self.facts.recipients.get(self.claim.customer)
        address = recipient.email if recipient is not None else None
        asked = {
            "the_customer": customer_key(self.claim.customer),
            "the_address": address_key(self.setting.address_hash(address)) if address else "",
        }
        return self.connection.execute(statement, {**self._own, **asked}).one_or_none()

    @property
    def _statements(self) -> Statements:
        return self.setting.statements(self.lease)

    @property
    def _own(self) -> dict[str, int]:
        return {"the_id": self.claim.id, "the_token": self.claim.token}

    # --- judging ---

    def _judged(self, row: Any, kept: Kept) -> Prepared | _Put:
        sequence = kept.sequence
        step = sequence.step(row.step)
        if row.run != RunState.ACTIVE:
            return _Put(Why(row.run_reason) if row.run_reason else Why.SEQUENCE_OFF)
        if sequence.status is Status.OFF:
            return _Put(Why.SEQUENCE_OFF, ends=RunState.STOPPED)
        if sequence.status is Status.PAUSED:
            return _Put(Why.PAUSED, held=True)
        if step is None:
            return _Put(Why.STEP_GONE)
        if not step.active:
            return _Put(Why.STEP_OFF)
        if row.rests_until is not None and row.rests_until > row.now:
            return _Put(Why.SENDER_RESTS, due=row.rests_until)
        recipient = self.facts.recipients.get(row.customer_id)
        refusal = self._unfit(row, sequence, recipient)
        if refusal is not None:
            return refusal
        assert recipient is not None and recipient.email is not None
        late = self._timed(row, sequence, step, recipient)
        if late is not None:
            return late
        if self._held_out(row, sequence):
            return _Put(Why.HOLDOUT)
        return self._written(row, kept, step, recipient)

    def _unfit(self, row: Any, sequence: Sequence, recipient: Recipient | None) -> _Put | None:
        """Why this customer is not to be mailed, if so."""
        if recipient is None:
            return _Put(Why.DELETED, ends=RunState.STOPPED)
        if not recipient.email:
            return _Put(Why.NO_ADDRESS, ends=RunState.STOPPED)
        if row.suppressed:
            return _Put(_WHYS.get(row.suppressed, Why.SUPPRESSED), ends=RunState.STOPPED)
        if sequence.consent and not recipient.subscribed:
            if recipient.refused:
                return _Put(Why.UNSUBSCRIBED, ends=RunState.STOPPED)
            last = row.enrolled_at + sequence.consent_wait
            if row.now >= last:
                return _Put(Why.NOT_SUBSCRIBED, ends=RunState.STOPPED)
            pause = max(_CONSENT_EVERY, (row.now - row.enrolled_at) / 4)
            return _Put(Why.NO_CONSENT_YET, due=min(row.now + pause, last))
        if sequence.member:
            return self._misplaced(row, sequence)
        return None

    def _misplaced(self, row: Any, sequence: Sequence) -> _Put | None:
        """A run after entering is for members, one after leaving for everybody else."""
        if sequence.segment not in self.facts.members:
            # It has been renamed since the facts were read.
            return _Put(Why.NOT_YET, due=row.now)
        members = self.facts.members[sequence.segment]
        if members is None:
            return _Put(Why.SEGMENT_GONE, ends=RunState.STOPPED)
        belongs = row.customer_id in members
        if belongs is (sequence.on is Trigger.ENTER):
            return None
        why = Why.IS_A_MEMBER if belongs else Why.NOT_A_MEMBER
        return _Put(why, ends=RunState.STOPPED) if sequence.stop else _Put(why)

    def _timed(self, row: Any, sequence: Sequence, step: Step, recipient: Recipient) -> _Put | None:
        """What time says: not yet, or not any more."""
        zone = self._zone(sequence, recipient)
        target = timing.after(row.enrolled_at, step.delay, zone)
        mails = self._mails_of(row, sequence)
        if step.max_sends is not None:
            of_step = [each for each in mails if each.sequence_id == row.sequence_id and each.step == step.name]
            if len(of_step) >= step.max_sends:
                return _Put(Why.OFTEN_ENOUGH)
        of_run = [each for each in mails if each.enrolment_id == row.enrolment_id]
        gaps = [each.begun_at + gap(sequence, each.step, step.name) for each in of_run]
        limits = timing.Limits(
            window=sequence.window,
            zone=zone,
            gap_until=max(gaps, default=None),
            cap=sequence.cap,
            sent=[each.begun_at for each in mails if each.cap_group == sequence.cap_group],
        )
        moment = timing.earliest(max(target, row.now), limits)
        if step.not_after is not None and moment > row.planned_at + step.not_after:
            return _Put(Why.TOO_LATE)
        return _Put(Why.NOT_YET, due=moment) if moment > row.now else None

    def _mails_of(self, row: Any, sequence: Sequence) -> list[Any]:
        """The mails that the customer has got, or may have got, of all sequences; none where they do not matter."""
        t = self.setting.tables
        step = sequence.step(row.step)
        if row.position == 1 and sequence.cap is None and (step is None or step.max_sends is None):
            return []
        if sequence.cap is not None:
            # Two mails to one customer see each other, so that they cannot pass one cap together.
            e = t.enrolments
            own = sa.select(e.c.id).where(e.c.customer_id == row.customer_id).order_by(e.c.id)
            self.connection.execute(own.with_for_update()).all()
        d, s = t.deliveries, t.sequences
        return list(
            self.connection.execute(
                sa.select(d.c.enrolment_id, d.c.sequence_id, d.c.step, d.c.begun_at, s.c.cap_group)
                .select_from(d.join(s, s.c.id == d.c.sequence_id))
                .where(d.c.customer_id == row.customer_id, d.c.state.in_(OUT))
            )
        )

    def _zone(self, sequence: Sequence, recipient: Recipient) -> ZoneInfo:
        """The customer's zone, else the sequence's, else the shop's; a name that is none is passed over."""
        if recipient.zone:
            try:
                return zone_named(recipient.zone)
            except ShopError:
                pass
        return sequence.fallback_zone or self.setting.zone

    def _held_out(self, row: Any, sequence: Sequence) -> bool:
        """Whether the mail goes out to nobody. That is said when the first one of a run would go, and then stays."""
        if row.measured_at is not None or not sequence.measured or self._has_mails(row):
            return bool(row.held_out)
        held_out = is_held_out(row.uid, row.customer_id, sequence.holdout)
        given = {"the_run": row.enrolment_id, "the_moment": row.now, "the_hold": held_out}
        self.connection.execute(self._statements.measured, given)
        return held_out

    def _has_mails(self, row: Any) -> bool:
        """Whether mails of the run went out before it was measured: the sequence had nothing to measure then."""
        if row.position == 1:
            return False
        d = self.setting.tables.deliveries
        out = sa.select(d.c.id).where(d.c.enrolment_id == row.enrolment_id, d.c.state.in_(OUT)).limit(1)
        return self.connection.execute(out).first() is not None

    def _form(self, row: Any, step: Step) -> Variant | None:
        """The variant that the mail has, or gets by the weights with which the run began."""
        if not step.variants or step.variant(row.variant) is not None:
            return step.variant(row.variant)
        begun = self.setting.earlier(self.connection, row, row.run_version).step(step.name)
        return frozen_variant(row.uid, row.customer_id, step, begun)

    # --- writing ---

    def _written(self, row: Any, kept: Kept, step: Step, recipient: Recipient) -> Prepared | _Put:
        """The mail is kept, and the delivery is on its way; a mail kept by an earlier try is taken as it is."""
        sequence = kept.sequence
        mails = self.setting.tables.mails
        key, message_id, variant, coupon = row.idem_key, row.message_id, row.variant, row.coupon
        stored = None
        if message_id is not None:
            stored = self.connection.execute(sa.select(mails).where(mails.c.delivery_id == row.id)).one_or_none()
        if stored is not None:
            address, mime = stored.recipient, stored.mime
        else:
            key = _idem_key(row)
            message_id = message_id_of(key, sequence)
            assert recipient.email is not None
            address = recipient.email
            form = self._form(row, step)
            variant = form.name if form is not None else None
            enrolment = Enrolment(sequence.name, sequence.segment, row.customer_id, row.enrolled_at, key, row.now)
            try:
                letter = letter_of(
                    self.setting, self.connection, sequence, step, form, enrolment, recipient, message_id
                )
            except CouponRefused:
                if step.on_coupon_error is CouponError.SKIP:
                    return _Put(Why.NO_COUPON)
                raise
            composed = self.setting.composer.compose(letter)
            mime, address, coupon = composed.mime, composed.recipient or address, has_coupon(letter)
            self.connection.execute(
                self._statements.kept,
                {
                    "delivery_id": row.id, "recipient": address, "mime": mime,
                    "digest": hashlib.sha256(mime).hexdigest(),
                    "template_version": composed.template_version[:64], "written_at": row.now,
                },
            )  # fmt: skip
        if row.broken:
            sequences = self.setting.tables.sequences
            self.connection.execute(sa.update(sequences).where(sequences.c.id == row.sequence_id).values(broken=0))
        begun = {
            "the_mode": sequence.delivery.value, "the_message_id": message_id, "the_idem_key": key,
            "the_address_hash": self.setting.address_hash(address), "the_variant": variant,
            "the_coupon": coupon,
        }  # fmt: skip
        self._moved(self.connection.execute(self._statements.begun, {**self._own, **begun}))
        outgoing = Outgoing(
            message_id=message_id,
            sender=parseaddr(sequence.address)[1],
            recipient=address,
            mime=bytes(mime),
            idem_key=key,
        )
        return Prepared(self.claim, outgoing, kept, row.enrolled_at, row)

    def _put(self, row: Any, kept: Kept, put: _Put) -> None:
        if put.held:
            self._write(state=State.HELD, reason=put.why, lease_until=None)
        elif put.due is not None:
            self._write(state=State.PLANNED, reason=put.why, due_at=put.due, lease_until=None)
        else:
            self._write(state=State.SKIPPED, reason=put.why, ended_at=self._now_term, lease_until=None)
            if put.ends is not None:
                self.setting.runs.end(self.connection, row.enrolment_id, put.ends, put.why)
            else:
                self.setting.runs.advance(self.connection, kept, row, enrolled_at=row.enrolled_at, mailed_at=None)

    def _write(self, **values: Any) -> None:
        """Take an arrow out of ``leased``; the delivery is locked, so it is still ours."""
        d, claim = self.setting.tables.deliveries, self.claim
        mine = (d.c.id == claim.id, d.c.token == claim.token, d.c.state == State.LEASED)
        self._moved(self.connection.execute(sa.update(d).where(*mine).values(**values)))

    def _moved(self, result: sa.CursorResult[Any]) -> None:
        if result.rowcount != 1:
            raise SequenceError(f"the delivery {self.claim.id} changed while it was locked")


def _idem_key(row: Any) -> str:
    """The key of one mail: the same for every try, and never that of another mail."""
    facts = ("v1", row.uid, row.enrolment_id, row.enrolled_at.isoformat(), row.step)
    return hashlib.sha256("|".join(str(each) for each in facts).encode()).hexdigest()
