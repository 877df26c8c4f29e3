"""The endpoint: a webhook is checked, read, and taken in within one transaction; nobody is told why it was refused."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

from attrs import evolve, field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import RETURNED, Event, Kind
from segrules_sequences.web import Answer, Asgi, Request, Wsgi
from segrules_sequences.webhooks.reading import Provider, RefusedError, UnreadableError

log = logging.getLogger("segrules_sequences")

#: Bytes of a request that are read.
LONGEST_BODY = 1024 * 1024
_NAME = re.compile(r"[a-z0-9-]{1,32}\Z")


class Told(Protocol):
    """Who is told of events; ``Sequences`` is one."""

    def take_in(self, told: Iterable[Event], *, keep: Iterable[Kind] = RETURNED) -> Counter[str]:
        """Take in events, all or none."""
        ...


def _named(given: Mapping[str, Provider]) -> Mapping[str, Provider]:
    return MappingProxyType(dict(given))


def _now() -> datetime:
    return datetime.now(UTC)


@frozen(eq=False)
class Webhooks:
    """Takes in what providers post; ``WebhooksWsgi`` and ``WebhooksAsgi`` bring it here.

    The path of a request ends in the name of a provider. ``keep`` are kinds of events to keep besides those that
    something follows from, such as opens and clicks.
    """

    sequences: Told
    providers: Mapping[str, Provider] = field(converter=_named)
    keep: frozenset[Kind] = field(default=frozenset(RETURNED), converter=frozenset)
    now: Callable[[], datetime] = field(default=_now)
    longest_body: int = field(default=LONGEST_BODY, init=False)

    @providers.validator
    def _well_named(self, _: Any, value: Mapping[str, Provider]) -> None:
        for name in value:
            if not _NAME.match(name) or name == "report":
                raise SettingsError(
                    f"{name!r} is no name for a provider: take up to 32 small letters, digits and dashes, and not"
                    ' "report", which stands for mails that come back'
                )

    def respond(self, request: Request) -> Answer:
        """The answer to a request."""
        name = request.path.rstrip("/").rpartition("/")[2]
        provider = self.providers.get(name)
        if provider is None:
            return _answer("404 Not Found")
        if request.method != "POST":
            return _answer("405 Method Not Allowed", ("Allow", "POST"))
        if len(request.body) > self.longest_body:
            return _answer("413 Content Too Large")
        try:
            told = [evolve(each, provider=name) for each in provider.read(request, self.now())]
            counts = self.sequences.take_in(told, keep=self.keep)
        except RefusedError as refusal:
            log.warning("webhook=%s refused: %s", name, refusal)
            return _answer("403 Forbidden")
        except UnreadableError as refusal:
            log.warning("webhook=%s unreadable: %s", name, refusal)
            return _answer("400 Bad Request")
        except Exception as failure:
            # The provider comes again.
            log.error("webhook=%s failed: %s", name, type(failure).__name__)
            return _answer("503 Service Unavailable", ("Retry-After", "120"))
        log.info("webhook=%s %s", name, " ".join(f"{word}={count}" for word, count in counts.items()))
        return _answer("200 OK")


class WebhooksWsgi(Wsgi):
    """A WSGI application of :class:`Webhooks`."""


class WebhooksAsgi(Asgi):
    """An ASGI application of :class:`Webhooks`; the database is asked in a thread."""


def _answer(status: str, *more: tuple[str, str]) -> Answer:
    fixed = (("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0"), ("Cache-Control", "no-store"))
    return Answer(status, (*fixed, *more), b"")
