"""What the unsubscribe address answers: a POST acts, a GET shows a button, a HEAD does nothing."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from html import escape
from threading import Lock
from urllib.parse import parse_qs

from attrs import define, field, frozen

from segrules_sequences.ports import Subscriptions
from segrules_sequences.unsubscribe.tokens import PREVIEW, UnsubscribeLinks
from segrules_sequences.web import Answer, Request

log = logging.getLogger("segrules_sequences")

#: Bytes of a request that are read.
LONGEST_BODY = 16 * 1024

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.0625rem/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { max-width: 32rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 1.25rem; }
button { font: inherit; padding: .7rem 1.4rem; border-radius: .4rem; border: 1px solid currentColor; cursor: pointer;
  margin: 0 .5rem .5rem 0; background: transparent; color: inherit; }
button.first { background: #1f4fbf; border-color: #1f4fbf; color: #fff; }
button:focus-visible { outline: 3px solid #e3a008; outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_Headers = tuple[tuple[str, str], ...]
_HEADERS: _Headers = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'",
    ),
)


@frozen(kw_only=True)
class Words:
    """What the page says. ``language`` is a code such as "en", ``direction`` is ltr or rtl."""

    language: str = "en"
    direction: str = "ltr"
    title: str = "Unsubscribe"
    question: str = "Do you want to stop these mails?"
    stop_topic: str = "Stop these mails"
    stop_all: str = "Stop all mails"
    done: str = "You are unsubscribed"
    done_more: str = "It takes effect at once. You can close this page."
    preview: str = "This link comes from a preview"
    preview_more: str = "It unsubscribes nobody. In the mail itself it does."
    later: str = "Please try again later"
    later_more: str = "We could not note your wish just now. Nothing has changed."


@define(eq=False)
class RateLimit:
    """So many requests a minute from one address, counted in this process; ``known`` addresses are remembered."""

    per_minute: int = 20
    known: int = 10_000
    _seen: OrderedDict[str, tuple[int, float]] = field(factory=OrderedDict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def __call__(self, remote: str) -> bool:
        """Whether one more request from there is fine."""
        now = time.monotonic()
        with self._lock:
            count, since = self._seen.pop(remote, (0, now))
            if now - since >= 60:
                count, since = 0, now
            self._seen[remote] = count + 1, since
            while len(self._seen) > self.known:
                self._seen.popitem(last=False)
            return count < self.per_minute


@frozen(eq=False)
class UnsubscribePage:
    """Answers requests; ``UnsubscribeWsgi`` and ``UnsubscribeAsgi`` bring them here.

    ``allowed`` is asked with the address of whoever requests; None asks nobody. ``sender`` is shown on the page: the
    name of the shop.
    """

    links: UnsubscribeLinks
    subscriptions: Subscriptions
    sender: str = ""
    words: Words = field(factory=Words)
    allowed: Callable[[str], bool] | None = field(factory=RateLimit)
    longest_body: int = field(default=LONGEST_BODY, init=False)

    def respond(self, request: Request) -> Answer:
        """The answer to a request."""
        return self.answer(request.method, request.path, request.body, request.remote)

    def answer(self, method: str, path: str, body: bytes, remote: str) -> Answer:
        """The answer to a request whose path ends in a token. An unknown token is answered like any other."""
        words = self.words
        if method not in ("GET", "HEAD", "POST"):
            return self._page("405 Method Not Allowed", words.title, "", more=(("Allow", "GET, HEAD, POST"),))
        if self.allowed is not None and not self.allowed(remote):
            return self._page("429 Too Many Requests", words.later, words.later_more, more=(("Retry-After", "60"),))
        if method == "HEAD":
            return self._page("200 OK", words.title, "")
        token = path.rstrip("/").rpartition("/")[2]
        if token == PREVIEW:
            return self._page("200 OK", words.preview, words.preview_more)
        if method == "GET":
            return self._page("200 OK", words.question, "", form=True)
        if len(body) > LONGEST_BODY:
            return self._page("413 Content Too Large", words.later, words.later_more)
        wish = self.links.read(token)
        if wish is not None:
            topic = None if _wants_all(body) else wish.topic
            try:
                self.subscriptions.unsubscribe(wish.customer, topic, source="link")
            except Exception as failure:
                # The mail program, or the person, comes again.
                log.error("unsubscribing customer %s failed: %s", wish.customer, type(failure).__name__)
                return self._page(
                    "503 Service Unavailable", words.later, words.later_more, more=(("Retry-After", "120"),)
                )
        return self._page("200 OK", words.done, words.done_more)

    def _page(self, status: str, heading: str, text: str, *, form: bool = False, more: _Headers = ()) -> Answer:
        words = self.words
        sender = f"<p>{escape(self.sender)}</p>" if self.sender else ""
        below = f"<p>{escape(text)}</p>" if text else ""
        buttons = (
            '<form method="post">'
            f'<button class="first" name="stop" value="topic">{escape(words.stop_topic)}</button>'
            f'<button name="stop" value="all">{escape(words.stop_all)}</button>'
            "</form>"
            if form
            else ""
        )
        page = (
            f'<!doctype html>\n<html lang="{escape(words.language)}" dir="{escape(words.direction)}">\n<head>\n'
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(words.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{sender}\n<h1>{escape(heading)}</h1>\n{below}\n{buttons}\n</main>\n</body>\n</html>\n"
        )
        content = page.encode()
        return Answer(status, (*_HEADERS, *more, ("Content-Length", str(len(content)))), content)


def _wants_all(body: bytes) -> bool:
    """Whether the button for all mails was pressed; anything else, one-click among it, is about the topic."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=10).get("stop") == ["all"]
    except ValueError:
        return False
