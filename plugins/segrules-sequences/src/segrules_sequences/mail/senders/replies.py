"""What an SMTP server says, and what it means; no address in it goes further."""

from __future__ import annotations

import re

from attrs import frozen

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']*@[^\s<>()\[\],;:\"']*")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_QUEUED = re.compile(
    r"(?:queued as|queued with id|id=|message-?id[:=])\s*<?([A-Za-z0-9._+/=-]{4,100})"
    r"|^ok\s+([a-z0-9-]{40,100})\s*$",
    re.I,
)
_WAIT = re.compile(r"\b(?:retry|again|wait)\D{0,30}?(\d{1,6})\s*(s|m|h)", re.I)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

#: The statuses that say that the address itself is bad.
_NO_SUCH = frozenset(("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"))

#: So many characters of an answer are kept.
LONGEST = 200


@frozen
class Reply:
    """An answer: its code, and its lines joined by blanks."""

    code: int
    text: str

    @property
    def kind(self) -> int:
        """The first digit of the code; 0 for what is no code."""
        return self.code // 100 if 200 <= self.code < 600 else 0

    @property
    def status(self) -> str:
        """The enhanced status such as 4.2.1, or nothing."""
        found = _STATUS.match(self.text)
        return found[1] if found else ""

    @property
    def no_such_address(self) -> bool:
        """Whether no other mail to the address can do better."""
        return self.status in _NO_SUCH

    @property
    def queued_as(self) -> str | None:
        """What the server calls the mail, when it says so."""
        found = _QUEUED.search(self.text)
        return found[1] or found[2] if found else None

    @property
    def retry_after(self) -> float | None:
        """For how many seconds the server wants to be left alone, when it says so."""
        found = _WAIT.search(self.text)
        return min(float(found[1]) * _UNITS[found[2].lower()], 86_400.0) if found else None

    def told(self, verb: str) -> str:
        """The answer for a log: short, and without addresses."""
        return f"{verb}: {self.code} {masked(self.text)}".rstrip()


def masked(text: str) -> str:
    """A text that others wrote, short, on one line, and without addresses."""
    return _ADDRESS.sub("…@…", _CONTROL.sub(" ", text[: 4 * LONGEST])).strip()[:LONGEST]
