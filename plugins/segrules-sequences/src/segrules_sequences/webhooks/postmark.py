"""Webhooks of Postmark.

Fields are those of its documents on bounce, spam complaint and subscription change webhooks.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import field, frozen

from segrules_sequences.events import Event, Kind
from segrules_sequences.web import Request
from segrules_sequences.webhooks.reading import RefusedError, document, mapping, moment, same, strong, text

_KINDS = {"Delivery": Kind.DELIVERED, "Open": Kind.OPEN, "Click": Kind.CLICK, "SpamComplaint": Kind.COMPLAINT}
#: The types of bounces; of those that are not here Postmark tries again, or they say nothing of the address.
_BOUNCES = {
    "HardBounce": Kind.HARD, "BadEmailAddress": Kind.HARD, "ManuallyDeactivated": Kind.HARD,
    "SpamComplaint": Kind.COMPLAINT, "Unsubscribe": Kind.UNSUBSCRIBE, "SoftBounce": Kind.SOFT, "DnsError": Kind.SOFT,
    "Blocked": Kind.SOFT, "SpamNotification": Kind.SOFT, "VirusNotification": Kind.SOFT, "DMARCPolicy": Kind.SOFT,
    "Undeliverable": Kind.SOFT,
}  # fmt: skip
_SUPPRESSED = {
    "HardBounce": Kind.HARD, "SpamComplaint": Kind.COMPLAINT, "ManualSuppression": Kind.UNSUBSCRIBE,
}  # fmt: skip
_MOMENTS = ("BouncedAt", "ChangedAt", "DeliveredAt", "ReceivedAt")
#: What the key of a mail is called among its metadata.
KEY = "segrules"


@frozen(kw_only=True)
class PostmarkWebhook:
    """Checks the name and the password of the webhook's address, since Postmark signs nothing; https is a must.

    Mails are found by Postmark's id, where the sender's receipt has it, or by their key: let the composer write it into
    the header ``X-PM-Metadata-segrules`` (``key_header``).
    """

    user: str
    password: str = field(repr=False)

    @password.validator
    def _strong(self, _: Any, value: str) -> None:
        strong("Postmark", [value])

    def read(self, request: Request, now: datetime) -> Iterator[Event]:
        """What a request tells."""
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not same(given.strip(), expected):
            raise RefusedError("its password is wrong")
        record = mapping(document(request.body))
        kind = _kind(record)
        if kind is None:
            return
        named, mail = text(record.get("RecordType")), text(record.get("MessageID"))
        when = next((text(record[name]) for name in _MOMENTS if name in record), "")
        metadata = {name.lower(): value for name, value in mapping(record.get("Metadata")).items()}
        yield Event(
            provider="postmark", id=f"{named} {text(record.get('ID')) or f'{mail} {when}'}", kind=kind,
            key=text(metadata.get(KEY)) or None, provider_id=mail or None, at=moment(when),
            detail=text(record.get("Type")),
        )  # fmt: skip


def _kind(record: dict[str, Any]) -> Kind | None:
    match record.get("RecordType"):
        case "Bounce":
            return _BOUNCES.get(text(record.get("Type")))
        case "SubscriptionChange":
            stops = record.get("SuppressSending") is True
            return _SUPPRESSED.get(text(record.get("SuppressionReason"))) if stops else None
        case name:
            return _KINDS.get(text(name))
