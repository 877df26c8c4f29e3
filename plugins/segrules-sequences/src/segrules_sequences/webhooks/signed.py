"""Webhooks signed as the specification Standard Webhooks says, for any other system that tells of mails."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import Event, Kind
from segrules_sequences.web import Request
from segrules_sequences.webhooks.reading import (
    RefusedError,
    UnreadableError,
    document,
    in_time,
    mapping,
    moment,
    same,
    text,
)

_PREFIX = "whsec_"
_SHORTEST_KEY = 16
_KINDS = {each.value: each for each in Kind}


def _decoded(secrets: Any) -> tuple[bytes, ...]:
    try:
        return tuple(base64.b64decode(each.removeprefix(_PREFIX), validate=True) for each in secrets)
    except (binascii.Error, ValueError):
        raise SettingsError(f"a secret is not {_PREFIX} and base64; it is not shown") from None


@frozen(kw_only=True)
class SignedWebhook:
    """Checks ``webhook-signature`` over ``webhook-id``, ``webhook-timestamp`` and the body.

    There may be several secrets, while one is changed.

    A secret is ``whsec_`` and base64. The body is ``{"events": [{"id": …, "kind": …, "message_id": …}]}``; an event may
    have ``key``, ``provider_id``, ``at`` and ``detail`` too.
    """

    secrets: tuple[bytes, ...] = field(repr=False, converter=_decoded)
    window: timedelta = timedelta(minutes=5)

    @secrets.validator
    def _strong(self, _: Any, value: tuple[bytes, ...]) -> None:
        if not value or any(len(each) < _SHORTEST_KEY for each in value):
            raise SettingsError(f"a secret of webhooks has {_SHORTEST_KEY} bytes at least; none is shown here")

    def read(self, request: Request, now: datetime) -> Iterator[Event]:
        """What a request tells."""
        named, stamp, given = (request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        content = f"{named}.{stamp}.".encode("latin-1", "replace") + request.body
        expected = [b"v1," + base64.b64encode(hmac.digest(each, content, hashlib.sha256)) for each in self.secrets]
        genuine = [same(each, one) for each in given.split(" ")[:8] for one in expected]
        if not named or not any(genuine):
            raise RefusedError("its signature is wrong")
        in_time(stamp, now, self.window)
        events = mapping(document(request.body)).get("events")
        if not isinstance(events, list):
            raise UnreadableError('no list "events"')
        for place, event in enumerate(map(mapping, events), 1):
            kind = _KINDS.get(text(event.get("kind")))
            if kind is None or not text(event.get("id")):
                known = ", ".join(_KINDS)
                raise UnreadableError(f"event {place} has no id, or a kind that is none of {known}")
            yield Event(
                provider="signed", id=text(event["id"]), kind=kind, message_id=text(event.get("message_id")) or None,
                key=text(event.get("key")) or None, provider_id=text(event.get("provider_id")) or None,
                at=moment(event.get("at")), detail=text(event.get("detail")),
            )  # fmt: skip
