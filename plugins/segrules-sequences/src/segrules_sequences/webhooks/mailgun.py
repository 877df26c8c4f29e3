"""Webhooks of Mailgun. Fields are those of its documents on webhooks and on the structure of events."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from segrules_sequences.events import Event, Kind
from segrules_sequences.web import Request
from segrules_sequences.webhooks.reading import RefusedError, document, in_time, mapping, moment, same, strong, text

_KINDS = {
    "complained": Kind.COMPLAINT, "unsubscribed": Kind.UNSUBSCRIBE, "delivered": Kind.DELIVERED,
    "opened": Kind.OPEN, "clicked": Kind.CLICK,
}  # fmt: skip
#: Why a mail has failed for good, where that says something of the address; anything else may pass.
_REASONS = {
    "bounce": Kind.HARD, "suppress-bounce": Kind.HARD, "suppress-complaint": Kind.COMPLAINT,
    "suppress-unsubscribe": Kind.UNSUBSCRIBE,
}  # fmt: skip


@frozen(kw_only=True)
class MailgunWebhook:
    """Checks the HMAC under the webhook signing key; several keys while one is changed.

    The signature covers a time stamp and a token, and not what is told. So a token counts once, and not for longer than
    the ``window``; Mailgun tries again for 8 hours.
    """

    keys: tuple[str, ...] = field(repr=False, converter=tuple)
    window: timedelta = timedelta(hours=9)

    @keys.validator
    def _strong(self, _: Any, value: tuple[str, ...]) -> None:
        strong("Mailgun", value)

    def read(self, request: Request, now: datetime) -> Iterator[Event]:
        """What a request tells."""
        posted = mapping(document(request.body))
        signature = mapping(posted.get("signature"))
        stamp, token, given = (text(signature.get(name)) for name in ("timestamp", "token", "signature"))
        message = f"{stamp}{token}".encode("utf-8", "surrogatepass")
        genuine = [same(given, hmac.new(key.encode(), message, hashlib.sha256).hexdigest()) for key in self.keys]
        if not token or not any(genuine):
            raise RefusedError("its signature is wrong")
        in_time(stamp, now, self.window)
        event = mapping(posted.get("event-data"))
        kind = _kind(event)
        if kind is None:
            return
        status = mapping(event.get("delivery-status"))
        message_id = text(mapping(mapping(event.get("message")).get("headers")).get("message-id")).strip("<> ")
        yield Event(
            provider="mailgun", id=token, kind=kind, message_id=f"<{message_id}>" if message_id else None,
            at=moment(event.get("timestamp")), detail=text(status.get("enhanced-code")) or text(status.get("code")),
        )  # fmt: skip


def _kind(event: dict[str, Any]) -> Kind | None:
    name = text(event.get("event"))
    if name != "failed":
        return _KINDS.get(name)
    # A temporary failure is tried again by Mailgun, and may yet be delivered.
    if event.get("severity") != "permanent":
        return None
    return _REASONS.get(text(event.get("reason")), Kind.SOFT)
