"""Tokens that say who wants no more mail of which topic, signed, so that nobody can make one for another customer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.mail.site import web_address

#: The first byte of what is signed; another layout gets another one.
_VERSION = 1
#: Keeps these signatures apart from all others that the same key might make.
_PURPOSE = b"segrules-sequences unsubscribe\0"
_SIGNATURE = 16
#: Bytes of a key.
SHORTEST_KEY = 16
#: Characters of a token.
LONGEST_TOKEN = 600
#: Stands in previews where mails have a token.
PREVIEW = "preview"
_KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,16}\Z")


def _kept(given: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType(dict(given))


@frozen(repr=False)
class Keys:
    """The secrets that sign, by name, the current one first; the others still verify what they once signed.

    A link in an old mail must work for ever: a key is taken out only when it is known to others.
    """

    secrets: Mapping[str, bytes] = field(converter=_kept)

    @secrets.validator
    def _strong(self, _: Any, value: Mapping[str, bytes]) -> None:
        if not value:
            raise SettingsError("there is no key to sign unsubscribe links with")
        for name, secret in value.items():
            if not _KEY_NAME.match(name):
                raise SettingsError(f"the name of a key is {name!r}; it has up to 16 letters, digits, dots and dashes")
            if len(secret) < SHORTEST_KEY:
                raise SettingsError(f"the key {name!r} has {len(secret)} bytes; {SHORTEST_KEY} are the least")

    @classmethod
    def from_environment(cls, variable: str) -> Keys:
        """The keys in an environment variable: ``name:hex`` with commas between them, the current one first."""
        text = os.environ.get(variable, "")
        secrets: dict[str, bytes] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            name, _, secret = part.partition(":")
            try:
                secrets[name] = bytes.fromhex(secret)
            except ValueError:
                raise SettingsError(f"{variable} is not name:hex with commas between; the key is not shown") from None
        if not secrets:
            raise SettingsError(f"the environment has no {variable}; make a key with: openssl rand -hex 32")
        return cls(secrets)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self.secrets)})"

    @property
    def current(self) -> str:
        """The name of the key that signs."""
        return next(iter(self.secrets))

    def sign(self, name: str, content: bytes) -> bytes:
        """The signature by a key; a name that there is not signs with nothing, and verifies nothing."""
        secret = self.secrets.get(name, b"")
        return hmac.new(secret, _PURPOSE + content, hashlib.sha256).digest()[:_SIGNATURE]


@frozen
class Wish:
    """What a token says: a customer wants no more mail of a topic."""

    customer: int | str
    topic: str


@frozen
class UnsubscribeLinks:
    """Makes links and reads them. ``url`` is where the application is mounted; https everywhere but on this machine."""

    url: str = field()
    keys: Keys

    @url.validator
    def _encrypted(self, _: Any, value: str) -> None:
        web_address(value, "the url of unsubscribe links")
        local = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:|/|\Z)", value)
        if not value.startswith("https://") and not local:
            raise SettingsError(f"the url of unsubscribe links is {value!r}; mail providers take https only")
        if "?" in value or "#" in value:
            raise SettingsError(f"the url of unsubscribe links is {value!r}; the token goes at its end")

    @property
    def preview(self) -> str:
        """The address in a preview: the page there says that it unsubscribes nobody."""
        return f"{self.url.rstrip('/')}/{PREVIEW}"

    def link(self, customer: Any, topic: str) -> str:
        """The address that takes a customer out of a topic. It holds the customer's id, and no address."""
        return f"{self.url.rstrip('/')}/{self.token(customer, topic)}"

    def token(self, customer: Any, topic: str) -> str:
        """The signed token; SettingsError for an id that is neither a number nor a short text."""
        if isinstance(customer, bool) or not isinstance(customer, (int, str)):
            raise SettingsError(f"a customer's id of type {type(customer).__name__} cannot stand in a link")
        name = self.keys.current
        content = json.dumps([_VERSION, name, customer, topic], separators=(",", ":"), ensure_ascii=False).encode()
        token = f"{_encoded(content)}.{_encoded(self.keys.sign(name, content))}"
        if len(token) > LONGEST_TOKEN:
            raise SettingsError("a customer's id and a topic are too long for a link")
        return token

    def read(self, token: str) -> Wish | None:
        """What a token says, or None when we have not made it."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        content_part, _, signature_part = token.partition(".")
        content, signature = _decoded(content_part), _decoded(signature_part)
        try:
            version, name, customer, topic = json.loads(content)
        except (ValueError, TypeError, RecursionError):
            version = name = customer = topic = None
        if not isinstance(name, str):
            name = ""
        genuine = hmac.compare_digest(self.keys.sign(name, content), signature)
        if not genuine or name not in self.keys.secrets or version != _VERSION:
            return None
        return Wish(customer, topic)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
