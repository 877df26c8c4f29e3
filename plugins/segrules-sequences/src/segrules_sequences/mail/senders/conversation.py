"""One SMTP connection, whose every step ends by a moment of the monotonic clock."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import time
from functools import cache
from typing import Literal

from segrules_sequences.mail.senders.replies import Reply, masked

Security = Literal["starttls", "tls", "none"]

_LINE_STARTS_WITH_DOT = re.compile(rb"(?m)^\.")
_BARE_BREAK = re.compile(rb"\r\n|\r|\n")
#: Bytes of one answer of the server.
_LONGEST_REPLY = 64 * 1024


class Lost(Exception):
    """A step of the conversation came to no good end: what it was, and the answer or the reason."""

    def __init__(self, what: str, reply: Reply | str) -> None:
        super().__init__(what)
        self.what, self.reply = what, reply


class Conversation:
    """Speaks with a server; what goes wrong is ``Lost``. ``until`` is a reading of ``time.monotonic()``."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        context: ssl.SSLContext | None,
        hello: str | None,
        timeout: float,
        until: float,
    ) -> None:
        self._host, self._port, self._security, self._context = host, port, security, context
        self._hello, self._timeout, self.until = hello, timeout, until
        self._socket: socket.socket | None = None
        self._read = b""
        self._offers: dict[str, str] = {}

    def begin(self) -> None:
        """Connected, encrypted if wanted, and greeted."""
        try:
            self._socket = socket.create_connection((self._host, self._port), self._left("connecting"))
            if self._security == "tls":
                self._encrypt()
        except OSError as cause:
            raise Lost("connecting", _reason(cause)) from None
        self._expect(self._answer("the greeting"), "the greeting")
        self._greet()
        if self._security == "starttls":
            if "STARTTLS" not in self._offers:
                raise Lost("STARTTLS", "the server offers no encryption")
            self._expect(self.say("STARTTLS"), "STARTTLS")
            if self._read:
                # Somebody on the way put words in before the encryption began.
                raise Lost("STARTTLS", "the server spoke on before the encryption began")
            try:
                self._encrypt()
            except OSError as cause:
                raise Lost("STARTTLS", _reason(cause)) from None
            self._greet()

    def log_in(self, user: str, password: str) -> None:
        """The server knows us. The words that hold the password are in no error."""
        offered = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            word = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            self._expect(self.say(f"AUTH PLAIN {word}", "AUTH"), "AUTH")
        elif "LOGIN" in offered:
            self._expect(self.say("AUTH LOGIN"), "AUTH", 3)
            self._expect(self.say(base64.b64encode(user.encode()).decode(), "AUTH"), "AUTH", 3)
            self._expect(self.say(base64.b64encode(password.encode()).decode(), "AUTH"), "AUTH")
        else:
            raise Lost("AUTH", "the server offers neither PLAIN nor LOGIN")

    def mail_from(self, sender: str, size: int) -> Reply:
        """The answer to MAIL, or the one that the server would give to a mail of that size."""
        if "SIZE" not in self._offers:
            return self.say(f"MAIL FROM:<{sender}>")
        most = self._offers["SIZE"].strip()
        if most.isdecimal() and 0 < int(most) < size:
            return Reply(552, f"5.3.4 the mail has {size:,} bytes, and the server takes {int(most):,}")
        return self.say(f"MAIL FROM:<{sender}> SIZE={size}")

    def say(self, line: str, what: str | None = None) -> Reply:
        """The answer to a command; ``what`` names it in errors."""
        what = what or line.split(" ")[0]
        if re.search(r"[\x00-\x1f\x7f]", line):
            raise Lost(what, "a control character in a command")
        self._send(line.encode("ascii") + b"\r\n", what)
        return self._answer(what)

    def body(self, mime: bytes) -> None:
        """The mail is given, but for the dot without which it does not count."""
        content = _LINE_STARTS_WITH_DOT.sub(b"..", _BARE_BREAK.sub(b"\r\n", mime))
        self._send(content if content.endswith(b"\r\n") else content + b"\r\n", "the mail")

    def dot(self) -> Reply:
        """The answer to the whole mail."""
        self._send(b".\r\n", "the end of the mail")
        return self._answer("the end of the mail")

    def close(self) -> None:
        """The connection is closed without a word."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _encrypt(self) -> None:
        assert self._socket is not None and self._context is not None
        self._socket.settimeout(self._left("TLS"))
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self._host)

    def _greet(self) -> None:
        name = self._hello or _own_name()
        reply = self.say(f"EHLO {name}")
        if reply.kind == 2:
            lines = reply.text.split("\n")[1:]
            self._offers = {word.upper(): rest for word, _, rest in (line.partition(" ") for line in lines)}
            return
        self._expect(self.say(f"HELO {name}"), "HELO")
        self._offers = {}

    def _expect(self, reply: Reply, what: str, kind: int = 2) -> None:
        if reply.kind != kind:
            raise Lost(what, reply)

    def _left(self, what: str) -> float:
        left = min(self._timeout, self.until - time.monotonic())
        if left <= 0:
            raise Lost(what, "the time for this mail ran out")
        return left

    def _send(self, content: bytes, what: str) -> None:
        if self._socket is None:
            raise Lost(what, "the connection is closed")
        try:
            self._socket.settimeout(self._left(what))
            self._socket.sendall(content)
        except OSError as cause:
            raise Lost(what, _reason(cause)) from None

    def _answer(self, what: str) -> Reply:
        """The server's next answer, read to its last line."""
        if self._socket is None:
            raise Lost(what, "the connection is closed")
        lines: list[str] = []
        size = 0
        # The time-out of a socket is for one read; an answer that drips in is held to one time-out as a whole.
        stop = time.monotonic() + self._left(what)
        while True:
            while b"\n" not in self._read:
                try:
                    self._socket.settimeout(max(0.001, stop - time.monotonic()))
                    more = self._socket.recv(4096)
                except OSError as cause:
                    raise Lost(what, _reason(cause)) from None
                if not more:
                    raise Lost(what, "the server closed the connection")
                self._read += more
                size += len(more)
                if size > _LONGEST_REPLY or time.monotonic() > stop:
                    raise Lost(what, "the server's answer takes too long")
            line, _, self._read = self._read.partition(b"\n")
            text = line.decode("utf-8", "replace").rstrip("\r")
            lines.append(text[4:])
            if not re.match(r"\d{3}([ -]|$)", text):
                return Reply(0, text)
            if text[3:4] != "-":
                return Reply(int(text[:3]), "\n".join(lines))


@cache
def _own_name() -> str:
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _reason(cause: OSError) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted: {masked(cause.verify_message)}"
        case ssl.SSLError():
            return f"the encryption failed: {masked(cause.reason or type(cause).__name__)}"
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "nobody answers there"
        case socket.gaierror():
            return "there is no such host"
        case ConnectionError():
            return "the connection was lost"
    return masked(cause.strerror or type(cause).__name__)
