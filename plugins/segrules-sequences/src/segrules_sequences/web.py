"""Small applications for any server: a request as they need it, and the two ways by which servers bring it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol

from attrs import field, frozen

_Message = MutableMapping[str, Any]


@frozen(eq=False)
class Request:
    """A method, the path below the place of mounting, headers by their name in small letters, the body, and from where.

    A body that is too long is cut one byte behind the limit.
    """

    method: str
    path: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    remote: str = ""


@frozen(eq=False)
class Answer:
    """A status with its reason, the headers, and the page."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Site(Protocol):
    """Answers requests whose bodies have so many bytes at most."""

    @property
    def longest_body(self) -> int:
        """Bytes of a request that are read."""
        ...

    def respond(self, request: Request) -> Answer:
        """The answer to a request."""
        ...


@frozen(eq=False)
class Wsgi:
    """A WSGI application."""

    site: Site

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request."""
        method = environ["REQUEST_METHOD"]
        body = b""
        if method == "POST":
            length = environ.get("CONTENT_LENGTH") or "0"
            expected = int(length) if length.isdecimal() and len(length) < 20 else 0
            body = environ["wsgi.input"].read(min(expected, self.site.longest_body + 1))
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        request = Request(method, environ.get("PATH_INFO", ""), headers, body, environ.get("REMOTE_ADDR", ""))
        answer = self.site.respond(request)
        start_response(answer.status, list(answer.headers))
        return [b"" if method == "HEAD" else answer.body]


@frozen(eq=False)
class Asgi:
    """An ASGI application; the site answers in a thread."""

    site: Site

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answers one request; goes along with the start and the end of a server."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] != "http":
            return
        body = bytearray()
        more = scope["method"] == "POST"
        while more and len(body) <= self.site.longest_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        remote = (scope.get("client") or ("",))[0]
        request = Request(scope["method"], scope["path"], headers, bytes(body), remote)
        answer = await asyncio.to_thread(self.site.respond, request)
        given = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": int(answer.status[:3]), "headers": given})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
