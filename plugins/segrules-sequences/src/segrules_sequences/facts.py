"""What the shop's tables say about the customers of claimed deliveries, read for all of them at once.

These facts are up to ``FRESH`` seconds old when a mail is begun. What the sequences keep themselves (runs,
suppressions, statuses) is not among them: that is asked in the transaction that begins the mail.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from segrules.errors import SegmentError

from segrules_sequences.ports import Recipient
from segrules_sequences.setting import Setting

FRESH = 2.0


@frozen(eq=False)
class Facts:
    """The customers by id, and who of them belongs into which segment; None for a segment that is gone."""

    read_at: float
    recipients: Mapping[Any, Recipient]
    members: Mapping[str, Collection[Any] | None]

    @property
    def fresh(self) -> bool:
        """Whether they still count."""
        return time.monotonic() - self.read_at < FRESH


def read(setting: Setting, connection: sa.Connection, customers: Mapping[int, Collection[Any]]) -> Facts:
    """What is known of the customers of each sequence, by its id."""
    read_at = time.monotonic()
    sequences = setting.tables.sequences
    rows = connection.execute(
        sa.select(
            sequences.c.id.label("sequence_id"), sequences.c.name, sequences.c.status,
            sequences.c.version.label("sequence_version"), setting.clock.now().label("now"),
        ).where(sequences.c.id.in_(customers))
    ).all()  # fmt: skip
    everybody = {each for of_sequence in customers.values() for each in of_sequence if each is not None}
    recipients = setting.audience.recipients(connection, everybody)
    asked: dict[str, set[Any]] = {}
    for row in rows:
        sequence = setting.kept(connection, row).sequence
        if sequence.member:
            asked.setdefault(sequence.segment, set()).update(customers[row.sequence_id])
    members: dict[str, Collection[Any] | None] = {}
    for segment, of_segment in asked.items():
        try:
            members[segment] = setting.audience.members(connection, segment, of_segment & everybody, rows[0].now)
        except SegmentError:
            members[segment] = None
    return Facts(read_at, recipients, members)
