"""A real SMTP server for tests that can misbehave at every point of a conversation.

Each mail it accepts is noted in a file before its 250 goes out: one line, message id and recipient with a tab
between them. What the file has is what "arrived", whatever the client believes.

    with SmtpServer(tmp_path / "accepted") as server:
        server.at["RCPT"] = Say("450 4.2.1 mailbox busy")     # every time
        server.once("NOTED", Cut())                           # at the next mail only
        ...
        assert server.accepted() == ["<…@shop.example>"]

The points, in their order: CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA (before the mail), DOT (the mail is here,
nothing is noted), NOTED (noted, no answer yet), RSET, QUIT.
"""

import asyncio
import logging
import os
import ssl
import subprocess
import threading
import warnings
from collections import defaultdict, deque
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from attrs import define, field, frozen

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@frozen
class Say:
    """Answers with this line; after a 421 the connection is closed."""

    line: str


@frozen
class Cut:
    """Closes the connection without an answer."""


@frozen
class Hang:
    """Never answers."""


@frozen
class Delay:
    """Waits for some seconds, then goes on as usual."""

    seconds: float


Action = Say | Cut | Hang | Delay


@frozen(eq=False)
class Certificates:
    """A certificate authority of its own, and a certificate for ``localhost`` and 127.0.0.1 that it signed."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        """Made with the openssl command in a folder."""

        def openssl(*words: str) -> None:
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2")
        openssl("req", *new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "names", "-out", "server.pem",
        )  # fmt: skip
        return cls(folder / "ca.pem", folder / "server.pem", folder / "server.key")

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@define(eq=False)
class SmtpServer:
    """A server on a free port of 127.0.0.1 while the ``with`` block lasts; ``log`` is the file of accepted mails.

    ``tls`` is None, "starttls" or "implicit" and wants ``certificates``; with ``login`` (user, password) nobody mails
    without it. ``bodies=False`` keeps no mails in memory.
    """

    log: Path
    tls: str | None = None
    certificates: Certificates | None = None
    login: tuple[str, str] | None = None
    bodies: bool = True
    #: What is done at a point every time.
    at: dict[str, Action] = field(factory=dict)
    #: The points that were reached, in their order, each with its argument.
    seen: list[tuple[str, str]] = field(factory=list)
    #: The accepted mails as bytes.
    mails: list[bytes] = field(factory=list)
    connections: int = 0
    port: int = 0
    host: str = "127.0.0.1"
    _once: dict[str, deque[Action]] = field(factory=lambda: defaultdict(deque))
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)
    _open: set = field(factory=set)
    _file: int = -1

    def once(self, point: str, *actions: Action) -> None:
        """What is done at a point the next time, and the times after that."""
        self._once[point].extend(actions)

    def accepted(self) -> list[str]:
        """The message ids that were accepted, in their order, each as often as it was."""
        return [line.split("\t")[0] for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def parsed(self) -> list:
        """The accepted mails."""
        return [message_from_bytes(each, policy=policy.default) for each in self.mails]

    def verbs(self) -> list[str]:
        """The points that were reached, in their order."""
        return [point for point, _ in self.seen]

    def disconnect(self) -> None:
        """Every open connection is closed by the server."""
        self._loop.call_soon_threadsafe(lambda: [each.abort() for each in list(self._open)])

    def __enter__(self) -> "SmtpServer":
        self._file = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ready = threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            context = self.certificates.context() if self.tls == "implicit" else None
            listening = self._loop.create_server(self._protocol, self.host, self.port, ssl=context)
            server = self._loop.run_until_complete(listening)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            self._loop.run_forever()
            server.close()
            for each in list(self._open):
                each.abort()
            waiting = asyncio.all_tasks(self._loop)
            for task in waiting:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
            self._loop.close()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(5), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        os.close(self._file)

    _thread: threading.Thread = field(init=False, default=None)

    def _protocol(self) -> "_Conversation":
        starttls = self.certificates.context() if self.tls == "starttls" else None
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
        return _Conversation(
            self,
            hostname="localhost",
            loop=self._loop,
            enable_SMTPUTF8=True,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=self.login is not None,
            auth_require_tls=self.tls == "starttls",
            authenticator=self._authenticate,
            timeout=60,
        )

    def _authenticate(self, server, session, envelope, mechanism, given) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=(given.login.decode(), given.password.decode()) == self.login, handled=False)

    def note(self, content: bytes, recipient: str) -> None:
        """The mail is accepted: it is in the file before anybody is told."""
        head = message_from_bytes(content.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n", policy=policy.default)
        os.write(self._file, f"{head['Message-ID']}\t{recipient}\n".encode())
        if self.bodies:
            self.mails.append(content)


class _Conversation(SMTP):
    """One connection; asks the server at every point what to do."""

    def __init__(self, server: SmtpServer, **settings: object) -> None:
        self._server = server
        super().__init__(self, **settings)

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._server._open.add(transport)

    def connection_lost(self, error) -> None:
        self._server._open.difference_update([each for each in self._server._open if each.is_closing()])
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        self._server.connections += 1
        if not await self._asked("CONNECT"):
            await super()._handle_client()

    async def _asked(self, point: str, argument: str = "") -> bool:
        """Does what the server wants at a point; True when the usual answer must not follow."""
        server = self._server
        server.seen.append((point, argument or ""))
        line = server._once[point]
        match line.popleft() if line else server.at.get(point):
            case Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case Say(line=text):
                await self.push(text)
                if text.startswith("421"):
                    self.transport.close()
                return True
            case Cut():
                self.transport.abort()
                return True
            case Hang():
                await asyncio.sleep(3600)
        return False

    async def handle_DATA(self, server, session, envelope) -> str | None:  # noqa: N802
        if await self._asked("DOT"):
            return None
        self._server.note(envelope.original_content, ",".join(envelope.rcpt_tos))
        if await self._asked("NOTED"):
            return None
        return "250 2.0.0 accepted"

    async def push(self, status) -> None:
        # aiosmtpd pushes what the handler returns; None means that the answer was given, or never will be.
        if status is not None and self.transport is not None and not self.transport.is_closing():
            await super().push(status)


def _watched(verb: str):
    usual = getattr(SMTP, f"smtp_{verb}")

    async def answer(self, arg):
        if not await self._asked(verb, arg):
            await usual(self, arg)

    answer.__name__ = usual.__name__
    return answer


for _verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT"):
    setattr(_Conversation, f"smtp_{_verb}", _watched(_verb))
