"""Mails kept in a list, for tests and trials."""

from __future__ import annotations

import time
from collections import deque

from attrs import define, field

from segrules_sequences.ports import Lookup, Outgoing, Receipt, Refusal, SenderCaps, Temporary


@define(eq=False)
class MemorySender:
    """Accepts every mail into ``mails``; what is put into ``refusals`` is raised first, one each time."""

    name: str = "memory"
    mails: list[Outgoing] = field(factory=list, repr=False)
    refusals: deque[Refusal] = field(factory=deque)
    caps: SenderCaps = field(factory=lambda: SenderCaps(lookup=True))

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """The mail is in the list."""
        if time.monotonic() >= deadline:
            raise Temporary("no time is left for this mail")
        if self.refusals:
            raise self.refusals.popleft()
        self.mails.append(mail)
        return Receipt(f"memory-{len(self.mails)}")

    def lookup(self, message_id: str) -> Lookup:
        """Whether the list has the mail."""
        known = any(mail.message_id == message_id for mail in self.mails)
        return Lookup.ACCEPTED if known else Lookup.NOT_FOUND

    def close(self) -> None:
        """Nothing is open."""
