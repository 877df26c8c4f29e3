"""The sequences as they are stored: read, saved with all checks, switched on and off, deleted."""

from __future__ import annotations

import difflib
import json
import secrets
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from segrules.segments import SegmentStore

from segrules_sequences.definitions import CouponError, Mode, Sequence, Status
from segrules_sequences.enrolment import Kept
from segrules_sequences.errors import SequenceConflictError, SequenceError
from segrules_sequences.outcome import hold
from segrules_sequences.setting import Setting
from segrules_sequences.spelling import from_plain, to_plain
from segrules_sequences.states import State, Why

#: So many sequences may be active at a time.
MOST_ACTIVE = 500


@frozen(eq=False)
class Catalogue:
    """The stored sequences on one connection."""

    setting: Setting
    store: SegmentStore
    connection: sa.Connection

    # --- reading ---

    def all(self) -> list[Kept]:
        """Every sequence, by name."""
        rows = self.connection.execute(sa.select(self.setting.tables.sequences))
        return sorted((Kept.of(row) for row in rows), key=lambda each: each.sequence.name)

    def find(self, name: str) -> Kept | None:
        """The sequence of a name, or None."""
        sequences = self.setting.tables.sequences
        row = self.connection.execute(sa.select(sequences).where(sequences.c.name == name)).one_or_none()
        return None if row is None else Kept.of(row)

    def named(self, name: str) -> Kept:
        """The sequence of a name; SequenceError when there is none."""
        found = self.find(name)
        if found is not None:
            return found
        names = {
            each.lower(): each for each in self.connection.scalars(sa.select(self.setting.tables.sequences.c.name))
        }
        near = difflib.get_close_matches(name.lower(), names, n=1)
        meant = f'; did you mean "{names[near[0]]}"?' if near else ""
        raise SequenceError(f'there is no sequence "{name}"{meant}')

    # --- writing ---

    def saved(self, sequence: Sequence) -> Kept:
        """The sequence as it is stored now, under its next version."""
        before = self.find(sequence.name)
        if (before.sequence.version if before else 0) != sequence.version:
            raise _conflict(sequence, before)
        self._check(sequence)
        sequences, versions = self.setting.tables.sequences, self.setting.tables.versions
        version = sequence.version + 1
        plain = {name: value for name, value in to_plain(sequence).items() if name not in ("name", "status")}
        definition = json.dumps(plain, ensure_ascii=False)
        now = self.setting.clock.now()
        values: dict[str, Any] = {
            "segment": sequence.segment, "on": sequence.on.value, "status": sequence.status.value,
            "topic": sequence.topic, "cap_group": sequence.cap_group, "sender": sequence.sender, "version": version,
            "goal": sequence.goal.key if sequence.goal is not None else None, "definition": definition, "broken": 0,
            "note": None, "updated_at": now,
        }  # fmt: skip
        if before is None:
            row = {"uid": secrets.token_hex(16), "name": sequence.name, "created_at": now, **values}
            try:
                result = self.connection.execute(sequences.insert().values(row))
            except sa.exc.IntegrityError:
                raise SequenceConflictError(
                    f'somebody else has just made a sequence "{sequence.name}": get and change that'
                ) from None
            assert result.inserted_primary_key is not None
            found = int(result.inserted_primary_key[0])
        else:
            found = before.id
            own = sa.update(sequences).where(sequences.c.id == found, sequences.c.version == sequence.version)
            if self.connection.execute(own.values(values)).rowcount != 1:
                raise _conflict(sequence, self.find(sequence.name))
        row = {"sequence_id": found, "version": version, "definition": definition, "saved_at": now}
        self.connection.execute(versions.insert().values(row))
        if before is not None:
            self._switched(found, sequence.status)
        return Kept(found, from_plain(plain | {"status": sequence.status.value}, name=sequence.name, version=version))

    def removed(self, name: str) -> None:
        """The sequence is deleted with its runs, mails and statistics."""
        kept = self.named(name)
        t = self.setting.tables
        of_it = sa.select(t.deliveries.c.id).where(t.deliveries.c.sequence_id == kept.id)
        self.connection.execute(sa.delete(t.mails).where(t.mails.c.delivery_id.in_(of_it)))
        for table in (t.deliveries, t.enrolments, t.versions):
            self.connection.execute(sa.delete(table).where(table.c.sequence_id == kept.id))
        self.connection.execute(sa.delete(t.sequences).where(t.sequences.c.id == kept.id))

    # --- inside ---

    def _switched(self, sequence: int, status: Status) -> None:
        """What waits in it follows the status."""
        deliveries = self.setting.tables.deliveries
        match status:
            case Status.OFF:
                self.setting.runs.stop(self.connection, Why.SEQUENCE_OFF, [sequence])
            case Status.PAUSED:
                hold(self.setting, self.connection, sequence)
            case Status.ACTIVE:
                self.connection.execute(
                    sa.update(deliveries)
                    .where(deliveries.c.sequence_id == sequence, deliveries.c.state == State.HELD)
                    .values(state=State.PLANNED, reason=None)
                )

    def _check(self, sequence: Sequence) -> None:
        """Whatever can be found out now is not found out when a mail is due."""
        where = f'the sequence "{sequence.name}"'
        for segment in (sequence.segment, sequence.goal.segment if sequence.goal is not None else None):
            if segment is not None:
                self.store.get(segment)
        self._check_neighbours(where, sequence)
        if sequence.consent and not self.setting.audience.knows_consent:
            raise SequenceError(
                f"{where} is for subscribers only, and this shop maps no newsletter.status: map it, give another"
                " audience, or say consent = false"
            )
        self._check_sender(where, sequence)
        for step in (form for each in sequence.steps for form in each.forms):
            asks = step.coupon is not None and step.on_coupon_error is not CouponError.WITHOUT
            for coupon in {step.coupon is not None, asks}:
                self.setting.composer.check(step.template, coupon=coupon)
            if asks and not self.setting.plugins.hook.segrules_step_context.get_hookimpls():
                raise SequenceError(
                    f'{where}, step "{step.name}" asks for a coupon, and no plugin is installed that gives one: install'
                    " segrules-coupons, or leave the coupon out"
                )

    def _check_neighbours(self, where: str, sequence: Sequence) -> None:
        if sequence.status is Status.OFF:
            return
        others = [each.sequence for each in self.all() if each.sequence.name != sequence.name]
        running = [each for each in others if each.status is not Status.OFF]
        if len(running) >= MOST_ACTIVE:
            raise SequenceError(f"{where} would be one more than {MOST_ACTIVE} that run; switch another one off")
        for each in running:
            same = each.segment == sequence.segment and each.on is sequence.on
            if same and not (each.overlap and sequence.overlap):
                raise SequenceError(
                    f'{where} runs on {sequence.on.value} of "{sequence.segment}", as "{each.name}" does: switch one of'
                    " them off, or say overlap = true in both"
                )

    def _check_sender(self, where: str, sequence: Sequence) -> None:
        make = self.setting.senders.get(sequence.sender)
        if make is None:
            known = ", ".join(f'"{each}"' for each in self.setting.senders) or "none"
            raise SequenceError(f'{where}: there is no sender "{sequence.sender}" here; there is {known}')
        if sequence.delivery is Mode.RECONCILE:
            sender = make()
            try:
                able = sender.caps.lookup
            finally:
                sender.close()
            if not able:
                raise SequenceError(
                    f'{where}: delivery = "reconcile" needs a sender that can look a mail up, and "{sequence.sender}"'
                    ' cannot; write "at_most_once" or "at_least_once"'
                )


def _conflict(sequence: Sequence, now: Kept | None) -> SequenceConflictError:
    if now is None:
        return SequenceConflictError(
            f'the sequence "{sequence.name}" of version {sequence.version} is not there any more; '
            "save it with version 0 to make it anew"
        )
    if sequence.version == 0:
        return SequenceConflictError(
            f'there is a sequence "{sequence.name}" already, at version {now.sequence.version}: get and change it'
        )
    return SequenceConflictError(
        f'somebody else has changed the sequence "{sequence.name}" since it was read: it is at version '
        f"{now.sequence.version}, and yours is {sequence.version}; get it anew, and save that changed"
    )
