"""What a template says to a customer of the shop, before it is sent to anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from segrules_sequences.errors import SequenceError
from segrules_sequences.mail.composing import MailComposer
from segrules_sequences.mail.variables import COUPON, SAMPLE
from segrules_sequences.ports import Rendered

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules_sequences.audience import Audience


def preview(
    composer: MailComposer,
    template: str,
    *,
    at: datetime,
    audience: Audience | None = None,
    connection: sa.Connection | None = None,
    customer: Any = None,
    segment: str = SAMPLE.segment,
    sequence: str = SAMPLE.sequence,
    step: int = 1,
    steps: int | None = None,
    extra: Mapping[str, Any] = COUPON,
) -> Rendered:
    """The template filled for a customer of the audience, or for an invented one when none is given.

    ``extra`` are variables such as a coupon's; by default those of an invented coupon. Nothing is written anywhere, and
    the unsubscribe link works for nobody. Raises TemplateError, or SequenceError when there is no such customer.
    """
    recipient = SAMPLE.recipient
    if audience is not None and connection is not None:
        found = audience.recipients(connection, [customer]).get(customer)
        if found is None:
            raise SequenceError(f"there is no customer {customer!r}")
        recipient = found
    letter = evolve(
        SAMPLE,
        template=template,
        recipient=recipient,
        at=at,
        segment=segment,
        sequence=sequence,
        step=step,
        steps=steps,
        extra=dict(extra),
    )
    return composer.preview(letter)
