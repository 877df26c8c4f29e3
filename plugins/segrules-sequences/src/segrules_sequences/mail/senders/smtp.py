"""Mails handed to an SMTP server, with one answer for everything that can happen on the way."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs
from attrs import define, field, validators

from segrules_sequences.errors import SettingsError
from segrules_sequences.mail.senders.conversation import Conversation, Lost, Security
from segrules_sequences.mail.senders.replies import Reply
from segrules_sequences.ports import (
    Lookup,
    OutcomeUnknown,
    Outgoing,
    PermanentRecipient,
    Receipt,
    SenderBlocked,
    SenderCaps,
    Temporary,
)

#: Seconds for which a sender rests that was told so and not for how long.
REST = 60.0

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?\Z")


@define(eq=False, kw_only=True)
class SmtpSender:
    """Hands mails to one server, over a connection that serves up to ``mails`` of them or ``seconds``.

    ``security`` is "starttls", "tls" (encrypted from the first byte) or "none"; with the first two, the server's
    certificate is checked by ``context``, by default against the authorities that the system trusts, and a server that
    does not encrypt gets no mail. ``password`` is a function that gives the password when it is needed. ``timeout`` is
    the longest wait for one answer, in seconds.
    """

    host: str = field(validator=validators.matches_re(_HOST))
    port: int = field(default=0)
    security: Security = field(default="starttls", validator=validators.in_(("starttls", "tls", "none")))
    user: str | None = None
    password: Callable[[], str] | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)
    hello: str | None = field(default=None, validator=validators.optional(validators.matches_re(_HOST)))
    timeout: float = field(default=10.0, validator=validators.gt(0.0))
    mails: int = field(default=100, validator=validators.gt(0))
    seconds: float = field(default=60.0, validator=validators.gt(0.0))
    max_per_second: float | None = None
    name: str = "smtp"
    caps: SenderCaps = field(init=False)
    _open: Conversation | None = field(default=None, init=False, repr=False)
    _used: int = field(default=0, init=False, repr=False)
    _until: float = field(default=0.0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.caps = SenderCaps(max_per_second=self.max_per_second)
        self.port = self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]
        if (self.user is None) != (self.password is None):
            raise SettingsError("a login is a user and a password; the SMTP sender has one of them")
        if self.user is not None and self.security == "none" and not _near(self.host):
            raise SettingsError(
                f'the password for {self.host} would travel in clear: set security to "starttls" or "tls"'
            )

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> SmtpSender:
        """The sender that a mapping describes, with ``password_env`` for the name of an environment variable.

        Raises SettingsError for a key that there is not, and for a password in clear.
        """
        given = dict(settings)
        if "password" in given:
            raise SettingsError("the password of the SMTP sender is not written down: name a variable in password_env")
        variable = given.pop("password_env", None)
        if variable is not None:
            given["password"] = lambda: _from_environment(variable)
        known = {each.name for each in attrs.fields(cls) if each.init} - {"context"}
        unknown = sorted(given.keys() - known)
        if unknown:
            names = ", ".join(sorted((known - {"password"}) | {"password_env"}))
            raise SettingsError(f"the SMTP sender has no setting {unknown[0]!r}; there is {names}")
        try:
            return cls(**given)
        except (TypeError, ValueError) as cause:
            raise SettingsError(f"the SMTP sender is set up wrongly: {cause.args[0]}") from None

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """The server has accepted the mail; raises one of the four refusals of the port."""
        if not (mail.sender.isascii() and mail.recipient.isascii()):
            raise PermanentRecipient("an address that is not ASCII")
        self._ready(deadline)
        try:
            return self._hand_over(mail, deadline)
        except _StaleError:
            # The server closed a connection that had waited, and had heard nothing of this mail.
            self._ready(deadline)
            return self._hand_over(mail, deadline)

    def lookup(self, message_id: str) -> Lookup:
        """SMTP cannot tell what it was given."""
        return Lookup.UNKNOWN

    def close(self) -> None:
        """The connection is closed, with a word of goodbye when that takes no time."""
        if self._open is not None:
            with suppress(Lost, OSError):
                self._open.until = time.monotonic() + 1
                self._open.say("QUIT")
        self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None

    def _ready(self, deadline: float) -> None:
        """A connection is open."""
        now = time.monotonic()
        if now >= deadline:
            raise Temporary("no time is left for this mail")
        if self._open is not None and (self._used >= self.mails or now >= self._until):
            self.close()
        if self._open is not None:
            self._open.until = deadline
            return
        password = None if self.password is None else self.password()
        context = self.context
        if context is None and self.security != "none":
            context = self.context = ssl.create_default_context()
        conversation = Conversation(self.host, self.port, self.security, context, self.hello, self.timeout, deadline)
        try:
            conversation.begin()
            if self.user is not None and password is not None:
                conversation.log_in(self.user, password)
        except Lost as cause:
            conversation.close()
            if isinstance(cause.reply, Reply):
                raise SenderBlocked(cause.reply.told(cause.what), retry_after=cause.reply.retry_after) from None
            raise SenderBlocked(f"{cause.what}: {cause.reply}") from None
        self._open, self._used, self._until = conversation, 0, now + self.seconds

    def _hand_over(self, mail: Outgoing, deadline: float) -> Receipt:
        assert self._open is not None
        talk = self._open
        self._used += 1
        try:
            reply = talk.mail_from(mail.sender, len(mail.mime))
        except Lost as cause:
            self._drop()
            if self._used > 1:
                raise _StaleError from None
            raise Temporary(f"{cause.what}: {cause.reply}") from None
        try:
            self._said(reply, "MAIL")
            self._said(talk.say(f"RCPT TO:<{mail.recipient}>"), "RCPT")
            if time.monotonic() >= deadline:
                raise Temporary("the time for this mail ran out before it was given")
            self._said(talk.say("DATA"), "DATA", expected=3)
            talk.body(mail.mime)
            if time.monotonic() >= deadline:
                raise Temporary("the time for this mail ran out before it was given")
        except Lost as cause:
            self._drop()
            raise Temporary(f"{cause.what}: {cause.reply}") from None
        except Temporary:
            # Whatever was begun, the server forgets it with the connection.
            self._drop()
            raise
        # From the dot on, no answer means that nobody knows.
        try:
            reply = talk.dot()
        except Lost as cause:
            self._drop()
            raise OutcomeUnknown(f"{cause.what}: {cause.reply}") from None
        if reply.kind not in (2, 4, 5):
            self._drop()
            raise OutcomeUnknown(reply.told("after the mail"))
        self._said(reply, "the mail")
        return Receipt(reply.queued_as)

    def _said(self, reply: Reply, verb: str, expected: int = 2) -> None:
        """The answer is the expected one; otherwise the refusal that it means."""
        if reply.kind == expected:
            return
        told = reply.told(verb)
        if reply.code == 421:
            self._drop()
            if verb == "MAIL" and self._used > 1:
                raise _StaleError
            raise SenderBlocked(told, retry_after=reply.retry_after or REST)
        self._forget()
        own_fault = reply.code in (530, 534, 535, 538) or (verb == "MAIL" and reply.kind == 5 and reply.code != 552)
        if own_fault:
            raise SenderBlocked(told)
        if reply.code == 452 and not reply.status.startswith("4.2."):
            raise SenderBlocked(told, retry_after=reply.retry_after or REST)
        if reply.kind == 5:
            raise PermanentRecipient(told, suppress=reply.no_such_address)
        raise Temporary(told)

    def _forget(self) -> None:
        """The server forgets what was begun; the connection is closed when it does not say so."""
        if self._open is None:
            return
        try:
            if self._open.say("RSET").kind != 2:
                self._drop()
        except Lost:
            self._drop()


class _StaleError(Exception):
    """A connection that had waited was closed before anything of this mail was said."""


def _near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _from_environment(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise SenderBlocked(f"the environment has no {variable}, which holds the password")
    return value
