"""Webhooks of SendGrid. Fields are those of Twilio's documents on the event webhook and its security features."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import Event, Kind
from segrules_sequences.web import Request
from segrules_sequences.webhooks.reading import RefusedError, UnreadableError, document, in_time, mapping, moment, text

_SIGNATURE, _STAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
_KINDS = {
    "spamreport": Kind.COMPLAINT, "unsubscribe": Kind.UNSUBSCRIBE, "group_unsubscribe": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED, "open": Kind.OPEN, "click": Kind.CLICK,
}  # fmt: skip
#: Why a mail was dropped, where that says something of the address.
_DROPPED = {
    "bounced address": Kind.HARD, "invalid": Kind.HARD, "spam reporting address": Kind.COMPLAINT,
    "unsubscribed address": Kind.UNSUBSCRIBE,
}  # fmt: skip


@frozen(kw_only=True)
class SendGridWebhook:
    """Checks the ECDSA signature with the verification key as SendGrid shows it (extra ``webhooks``).

    What is told has ids, so that it counts once; the ``window`` is wide, since SendGrid tries again for days.
    """

    key: str = field(repr=False)
    window: timedelta = timedelta(days=7)
    _key: Any = field(init=False, repr=False)

    @_key.default
    def _loaded(self) -> Any:
        try:
            from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
            from cryptography.hazmat.primitives.serialization import load_der_public_key
        except ImportError:
            raise SettingsError("this needs cryptography: install segrules-sequences[webhooks]") from None
        lines = [line for line in self.key.split() if "-" not in line and line not in ("BEGIN", "END", "PUBLIC", "KEY")]
        try:
            found = load_der_public_key(base64.b64decode("".join(lines), validate=True))
        except (ValueError, TypeError):
            found = None
        if not isinstance(found, EllipticCurvePublicKey):
            raise SettingsError("the verification key is none of SendGrid's: copy it from the settings of the webhook")
        return found

    def read(self, request: Request, now: datetime) -> Iterator[Event]:
        """What a request tells."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        stamp = request.headers.get(_STAMP, "")
        try:
            signature = base64.b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
            self._key.verify(signature, stamp.encode("latin-1") + request.body, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            raise RefusedError("its signature is wrong") from None
        in_time(stamp, now, self.window)
        posted = document(request.body)
        if not isinstance(posted, list):
            raise UnreadableError("no list of events")
        for event in map(mapping, posted):
            kind = _kind(event)
            if kind is not None:
                yield Event(
                    provider="sendgrid", id=text(event.get("sg_event_id")), kind=kind,
                    message_id=text(event.get("smtp-id")) or None,
                    # It begins with what SendGrid called the mail when it took it.
                    provider_id=text(event.get("sg_message_id")).partition(".")[0] or None,
                    at=moment(event.get("timestamp")), detail=text(event.get("status")),
                )  # fmt: skip


def _kind(event: dict[str, Any]) -> Kind | None:
    if not text(event.get("sg_event_id")):
        return None
    match event.get("event"):
        case "bounce":
            return Kind.HARD if event.get("type") == "bounce" else Kind.SOFT
        case "dropped":
            return _DROPPED.get(text(event.get("reason")).lower())
        case name:
            # A deferred mail is tried again by SendGrid, and may yet be delivered.
            return _KINDS.get(text(name))
