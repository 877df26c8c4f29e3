"""The letter of a step with what plugins add to it, as it is sent and as it is shown before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

import sqlalchemy as sa

from segrules_sequences import split
from segrules_sequences.database import lost
from segrules_sequences.definitions import CouponError, Sequence, Step, Variant
from segrules_sequences.enrolment import Kept
from segrules_sequences.errors import SequenceError
from segrules_sequences.hookspecs import Enrolment
from segrules_sequences.ports import Composed, Letter, Recipient
from segrules_sequences.setting import Setting

#: The variable that every plugin gives that gives coupons.
_CODE = "coupon_code"


class CouponRefused(Exception):
    """No plugin gave the coupon that a step asks for."""


def letter_of(
    setting: Setting, connection: sa.Connection, sequence: Sequence, step: Step, variant: Variant | None,
    enrolment: Enrolment, recipient: Recipient, message_id: str, *, preview: bool = False,
) -> Letter:  # fmt: skip
    """All that the mail of a step says, with what plugins add to it; CouponRefused when a coupon cannot be had."""
    number = sequence.steps.index(step) + 1
    step = step.as_sent(variant)
    extra = _extra(setting, connection, step, enrolment, recipient)
    return Letter(
        message_id=message_id, idem_key=enrolment.key, sender=sequence.address, recipient=recipient,
        sequence=sequence.name, segment=sequence.segment, step=number, steps=len(sequence.steps),
        topic=sequence.topic, template=step.template, at=enrolment.at, extra=extra, preview=preview,
        variant=variant.name if variant is not None else None,
    )  # fmt: skip


def has_coupon(letter: Letter) -> bool:
    """Whether a coupon goes with it."""
    return _CODE in letter.extra


def _extra(
    setting: Setting, connection: sa.Connection, step: Step, enrolment: Enrolment, recipient: Recipient
) -> Mapping[str, Any]:
    """What plugins add to the variables."""
    hook = setting.plugins.hook.segrules_step_context
    if not hook.get_hookimpls():
        if step.coupon is not None and step.on_coupon_error is not CouponError.WITHOUT:
            raise CouponRefused("no installed plugin gives coupons")
        return {}
    found: dict[str, Any] = {}
    try:
        # What a plugin wrote before it failed is undone alone.
        with connection.begin_nested():
            for each in hook(connection=connection, step=step, enrolment=enrolment, recipient=recipient):
                found.update(each or {})
            if step.coupon is not None and _CODE not in found:
                raise CouponRefused("no installed plugin gave a coupon")
    except Exception as cause:
        if step.coupon is None or lost(cause):
            raise
        if step.on_coupon_error is CouponError.WITHOUT:
            return {}
        raise CouponRefused(f"{type(cause).__name__}: {cause}") from cause
    return found


def previewed(
    setting: Setting, connection: sa.Connection, kept: Kept, step: int | str, customer: Any, variant: str | None = None
) -> Composed:
    """The mail that a customer would get of a step now, or its form of this name.

    The caller undoes what plugins have written.
    """
    sequence = kept.sequence
    if isinstance(step, int):
        chosen = sequence.steps[step - 1] if 1 <= step <= len(sequence.steps) else None
    else:
        chosen = sequence.step(step)
    if chosen is None:
        raise SequenceError(f'the sequence "{sequence.name}" has no step {step!r}; it has {len(sequence.steps)} steps')
    form = _form(setting, connection, kept, chosen, customer, variant)
    recipient = setting.audience.recipients(connection, [customer]).get(customer)
    if recipient is None:
        raise SequenceError(f"there is no customer {customer!r}")
    if not recipient.email:
        raise SequenceError(f"the customer {customer!r} has no address")
    now = connection.scalar(sa.select(setting.clock.now()))
    assert now is not None
    key = hashlib.sha256(f"preview|{kept.id}|{customer}|{now.isoformat()}".encode()).hexdigest()
    enrolment = Enrolment(sequence.name, sequence.segment, customer, now, key, now)
    message_id = message_id_of(key, sequence)
    return setting.composer.compose(
        letter_of(setting, connection, sequence, chosen, form, enrolment, recipient, message_id, preview=True)
    )


def _form(
    setting: Setting, connection: sa.Connection, kept: Kept, step: Step, customer: Any, name: str | None
) -> Variant | None:
    """The variant of a name, or the one that a run of the customer would have that began now."""
    if name is None:
        s = setting.tables.sequences
        uid = connection.scalar(sa.select(s.c.uid).where(s.c.id == kept.id))
        assert uid is not None
        return split.variant(uid, customer, step)
    found = step.variant(name)
    if found is None:
        known = ", ".join(f'"{each.name}"' for each in step.variants) or "none"
        raise SequenceError(f'the step "{step.name}" has no variant "{name}"; there is {known}')
    return found


def message_id_of(key: str, sequence: Sequence) -> str:
    """The id of the mail of a key."""
    domain = parseaddr(sequence.address)[1].rpartition("@")[2]
    return f"<{key[:32]}@{domain}>"
