"""The page as an application for any server: mount one of these where the links lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from attrs import frozen

from segrules_sequences.unsubscribe.page import LONGEST_BODY, UnsubscribePage

_Message = MutableMapping[str, Any]


@frozen(eq=False)
class UnsubscribeWsgi:
    """A WSGI application."""

    page: UnsubscribePage

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request."""
        method = environ["REQUEST_METHOD"]
        body = b""
        if method == "POST":
            length = environ.get("CONTENT_LENGTH") or "0"
            expected = int(length) if length.isdecimal() else 0
            body = environ["wsgi.input"].read(min(expected, LONGEST_BODY + 1))
        answer = self.page.answer(method, environ.get("PATH_INFO", ""), body, environ.get("REMOTE_ADDR", ""))
        start_response(answer.status, list(answer.headers))
        return [b"" if method == "HEAD" else answer.body]


@frozen(eq=False)
class UnsubscribeAsgi:
    """An ASGI application; the database is asked in a thread."""

    page: UnsubscribePage

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
        body = b""
        more = scope["method"] == "POST"
        while more and len(body) <= LONGEST_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        remote = (scope.get("client") or ("",))[0]
        answer = await asyncio.to_thread(self.page.answer, scope["method"], scope["path"], body, remote)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": int(answer.status[:3]), "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
