"""What every provider's webhooks are read with; the port that a provider implements."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import Event
from segrules_sequences.web import Request

#: Bytes of a secret.
SHORTEST_SECRET = 8
#: A fraction of a second has more digits than Python reads.
_FINE = re.compile(r"(\.\d{6})\d+")


class RefusedError(Exception):
    """It does not come from the provider, or not any more. The text is for the log, and holds nothing of the body."""


class UnreadableError(Exception):
    """It comes from the provider, and cannot be read."""


class Provider(Protocol):
    """Who posts to a webhook."""

    def read(self, request: Request, now: datetime) -> Iterable[Event]:
        """What a request tells. RefusedError when it is not the provider's, UnreadableError when it means nothing.

        The name of the provider is put into the events by the endpoint.
        """
        ...


def document(body: bytes | str) -> Any:
    """The JSON of a body."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("no JSON") from None


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; what is none has no fields."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A JSON list; what is none has nothing in it."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text or a number; anything else is empty."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def moment(value: Any) -> datetime | None:
    """The moment of seconds since 1970 or of an ISO date; None for what is neither."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(_FINE.sub(r"\1", text(value)))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def in_time(stamp: str, now: datetime, window: timedelta) -> None:
    """The time stamp of a signature, in seconds since 1970, is not further away than that."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
        raise RefusedError("its time stamp is none")
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > window:
        raise RefusedError("it is too old, or its clock is wrong")


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Whether two signatures or secrets are the same, in a time that does not tell how much of them is."""
    as_bytes = [each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each for each in (given, expected)]
    return hmac.compare_digest(*as_bytes)


def strong(what: str, secrets: Iterable[str | bytes]) -> None:
    """Secrets that somebody could guess are refused when the application is put together."""
    listed = list(secrets)
    if not listed or any(len(each) < SHORTEST_SECRET for each in listed):
        raise SettingsError(f"{what} needs secrets of {SHORTEST_SECRET} characters at least; none is shown here")
