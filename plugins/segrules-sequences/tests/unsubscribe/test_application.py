"""The unsubscribe application over a real HTTP server, and over ASGI."""

import asyncio
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from segrules_sequences.unsubscribe import (
    Keys,
    RateLimit,
    UnsubscribeAsgi,
    UnsubscribeLinks,
    UnsubscribePage,
    Words,
)
from serving import over_asgi, over_wsgi

LINKS = UnsubscribeLinks("http://127.0.0.1/shop/u", Keys({"a": bytes(range(32))}))
LINK = urlsplit(LINKS.link(7, "offers")).path
UNKNOWN = "/shop/u/" + "A" * 40 + "." + "B" * 22


class Noted:
    """Subscriptions that note what they are told."""

    def __init__(self) -> None:
        self.told: list = []
        self.failure: Exception | None = None

    def unsubscribe(self, customer, topic=None, *, source="link"):
        if self.failure:
            raise self.failure
        self.told.append((customer, topic, source))


@pytest.fixture
def noted():
    return Noted()


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def served(request, noted):
    def serve(**settings):
        page = UnsubscribePage(LINKS, noted, **settings)
        asking, close = request.param(page)
        request.addfinalizer(close)
        return asking

    return serve


@pytest.fixture
def ask(served):
    return served(sender="Tea & Co")


ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_one_click(ask, noted):
    status, headers, page = ask("POST", LINK, ONE_CLICK, FORM)
    assert (status, noted.told) == (200, [(7, "offers", "link")])
    assert "You are unsubscribed" in page
    assert "set-cookie" not in headers
    assert "location" not in headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_one_click_as_a_form_with_parts(ask, noted):
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    assert ask("POST", LINK, body, {"Content-Type": "multipart/form-data; boundary=x"})[0] == 200
    assert noted.told == [(7, "offers", "link")]


def test_looking_changes_nothing(ask, noted):
    status, headers, page = ask("GET", LINK)
    assert (status, noted.told) == (200, [])
    assert "<h1>Do you want to stop these mails?</h1>" in page
    assert "Tea &amp; Co" in page
    head_status, head_headers, nothing = ask("HEAD", LINK)
    assert (head_status, nothing, noted.told) == (200, "", [])
    assert set(head_headers) >= {"referrer-policy", "content-security-policy"}
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


class Form(HTMLParser):
    """The form of a page, as a browser would send it."""

    def __init__(self, page):
        super().__init__()
        self.method = self.action = None
        self.buttons = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.method, self.action = given["method"], given.get("action", "")
        if tag == "button":
            self.buttons.append(f"{given['name']}={given['value']}".encode())


def test_the_buttons_of_the_page(ask, noted):
    form = Form(ask("GET", LINK)[2])
    assert (form.method, form.action) == ("post", "")
    for button in form.buttons:
        assert ask("POST", LINK, button, FORM)[0] == 200
    assert noted.told == [(7, "offers", "link"), (7, None, "link")]


def test_again_and_again_is_fine(ask, noted):
    for _ in range(3):
        assert ask("POST", LINK, ONE_CLICK, FORM)[0] == 200
    assert len(noted.told) == 3


def test_an_unknown_token_is_answered_like_any_other(ask, noted):
    changed = LINK[:-1] + ("A" if LINK[-1] != "A" else "B")
    for path in (UNKNOWN, changed, "/shop/u/", "/shop/u/x", "/shop/u/%3Cscript%3E", "/shop/u/" + "x" * 5000):
        for method, body in (("GET", None), ("POST", ONE_CLICK)):
            status, headers, page = ask(method, path, body, FORM if body else ())
            expected = ask(method, LINK, body, FORM if body else ())
            assert (status, page, headers.keys()) == (expected[0], expected[2], expected[1].keys())
            noted.told.clear() if method == "POST" else None


def test_a_token_below_a_slash(ask, noted):
    assert ask("POST", LINK + "/", ONE_CLICK, FORM)[0] == 200
    assert noted.told == [(7, "offers", "link")]


def test_the_link_of_a_preview_says_what_it_is(ask, noted):
    assert LINKS.preview == "http://127.0.0.1/shop/u/preview"
    for method, body in (("GET", None), ("POST", ONE_CLICK), ("POST", b"stop=all")):
        status, _, page = ask(method, "/shop/u/preview", body, FORM if body else ())
        assert (status, "<form" in page, "This link comes from a preview" in page) == (200, False, True)
    assert noted.told == []


def test_other_methods(ask, noted):
    for method in ("PUT", "DELETE", "OPTIONS"):
        status, headers, _ = ask(method, LINK)
        assert (status, headers["allow"]) == (405, "GET, HEAD, POST")
    assert noted.told == []


def test_bodies_that_nobody_sends(ask, noted):
    assert ask("POST", LINK, b"x" * 20_000, FORM)[0] == 413
    assert noted.told == []
    for body in (b"", b"\xff\xfe", b"&" * 1000, b"stop=all&stop=topic"):
        assert ask("POST", LINK, body, FORM)[0] == 200
    assert noted.told == [(7, "offers", "link")] * 4


def test_a_failure_asks_to_come_again(ask, noted, caplog):
    noted.failure = RuntimeError("ann@customer.example")
    status, headers, page = ask("POST", LINK, ONE_CLICK, FORM)
    assert (status, headers["retry-after"]) == (503, "120")
    assert "Nothing has changed" in page
    assert "ann@" not in page + caplog.text
    assert "unsubscribing customer 7 failed: RuntimeError" in caplog.text


def test_too_many_requests(served, noted):
    ask = served(allowed=RateLimit(per_minute=3))
    assert [ask("POST", LINK, ONE_CLICK, FORM)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert len(noted.told) == 3


def test_the_limit_forgets(monkeypatch):
    from segrules_sequences.unsubscribe import page

    now = [0.0]
    monkeypatch.setattr(page.time, "monotonic", lambda: now[0])
    limit = RateLimit(per_minute=2, known=3)
    assert [limit("a"), limit("a"), limit("a"), limit("b")] == [True, True, False, True]
    now[0] = 61
    assert limit("a")
    for each in "cdef":
        assert limit(each)
    assert len(limit._seen) == 3


def test_the_page_in_another_language(served):
    words = Words(language="he", direction="rtl", question="<להפסיק?>")
    page = served(words=words, sender="<b>")("GET", LINK)[2]
    assert '<html lang="he" dir="rtl">' in page
    assert "&lt;להפסיק?&gt;" in page
    assert "<b>" not in page


def test_an_asgi_server_that_starts_and_stops(noted):
    application = UnsubscribeAsgi(UnsubscribePage(LINKS, noted))
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(application({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
