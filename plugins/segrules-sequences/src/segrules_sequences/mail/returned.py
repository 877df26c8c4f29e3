"""Mails that come back: reports of servers that could not deliver (RFC 3464), and complaints (RFC 5965).

Only a report that names a message id of ours does anything, and of a report nothing is believed but that id, the action
and the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from segrules_sequences.events import Event, Kind

if TYPE_CHECKING:
    from segrules_sequences.sequences import Sequences

_Part: TypeAlias = "Message[Any, Any]"

#: Bytes of a report that are read.
LONGEST_REPORT = 1024 * 1024

_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._=+-]{1,120}@[A-Za-z0-9.-]{1,120}>")
#: The address itself is bad, or its mailbox or domain is closed for good.
_GONE = frozenset((
    (1, 0), (1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (4, 4),
))  # fmt: skip


@frozen
class Returned:
    """One mail that came back: the message id that it had, what that means, and the status of the server."""

    message_id: str
    kind: Kind
    status: str = ""


def read_report(mime: bytes) -> list[Returned]:
    """What a mail reports of ours; nothing for any other mail, and for one that is too long."""
    if len(mime) > LONGEST_REPORT:
        return []
    report: _Part = message_from_bytes(mime)
    if report.get_content_type() != "multipart/report":
        return []
    parts = _inner(report)
    original = next(filter(None, map(_original, parts)), None)
    if original is None:
        return []
    found: list[Returned] = []
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                found += (Returned(original, kind, status) for kind, status in _failures(part))
            case "message/feedback-report" if _fields(part).get("feedback-type", "").lower() == "abuse":
                found.append(Returned(original, Kind.COMPLAINT))
    return list(dict.fromkeys(found))


def take_in(sequences: Sequences, mime: bytes) -> list[Returned]:
    """Read a report and act on it, as on what providers tell: see :mod:`segrules_sequences.events`.

    Gives what was found about mails of these sequences. Doing it twice is fine.
    """
    found = read_report(mime)
    counts = sequences.take_in(
        Event(provider="report", id=f"{each.kind}:{each.message_id}", kind=each.kind, message_id=each.message_id,
              detail=each.status)
        for each in found
    )  # fmt: skip
    return [] if counts["of unknown mails"] else found


def _original(part: _Part) -> str | None:
    """The message id of the mail that came back, in the part that shows it."""
    match part.get_content_type():
        case "message/rfc822" | "message/global":
            head = next(iter(_inner(part)), None)
        case "text/rfc822-headers" | "message/rfc822-headers":
            head = _as_head(part)
        case _:
            return None
    found = _MESSAGE_ID.fullmatch(str(head.get("Message-ID", "")).strip()) if head is not None else None
    return found[0] if found else None


def _failures(part: _Part) -> Iterator[tuple[Kind, str]]:
    """For each recipient that was not reached for good, how bad that is, and the status."""
    for group in _inner(part):
        if str(group.get("Action", "")).strip().lower() != "failed":
            continue
        found = _STATUS.match(str(group.get("Status", "")))
        if found is None:
            continue
        permanent, detail = found[1] == "5", (int(found[2]), int(found[3]))
        yield Kind.HARD if permanent and detail in _GONE else Kind.SOFT, found[0].strip()


def _fields(part: _Part) -> dict[str, str]:
    """The fields of a part that is made of them."""
    head = next(iter(_inner(part)), None) or _as_head(part)
    return {} if head is None else {name.lower(): str(value).strip() for name, value in head.items()}


def _inner(part: _Part) -> list[_Part]:
    """The parts of a part."""
    content = part.get_payload()
    return [each for each in content if isinstance(each, Message)] if isinstance(content, list) else []


def _as_head(part: _Part) -> _Part | None:
    content = part.get_payload(decode=True)
    return message_from_bytes(content) if isinstance(content, bytes) else None
