"""The bytes of one mail, held against what they should say before anybody gets them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.utils import format_datetime

from attrs import frozen

from segrules_sequences.errors import HeaderError, MailError
from segrules_sequences.mail.addresses import Mailbox
from segrules_sequences.mail.headers import header_text, key, label, message_id
from segrules_sequences.mail.site import web_address
from segrules_sequences.mail.writing import address_header, body_part, content_of, machine_header, text_header

#: Bytes of a line (RFC 5322), its break not counted.
_LONGEST_LINE = 998
_NAME = re.compile(rb"([!-9;-~]+): ")
_PART_HEADERS = ["Content-Type", "Content-Transfer-Encoding"]
_BAD_BREAK = re.compile(rb"\x00|\r(?!\n)|(?<!\r)\n")


@frozen(kw_only=True)
class Envelope:
    """Everything of a mail but its subject and bodies.

    ``unsubscribe`` is an https address for one click, ``unsubscribe_mail`` an address that takes such wishes by mail;
    ``feedback`` says what a complaint was about, from the mail up to the sender. ``key_header`` is a further header to
    hold the key.
    """

    message_id: str
    key: str
    sender: Mailbox
    recipient: Mailbox
    date: datetime
    topic: str
    reply_to: Mailbox | None = None
    unsubscribe: str | None = None
    unsubscribe_mail: str | None = None
    feedback: tuple[str, ...] = ()
    key_header: str | None = None


def build(envelope: Envelope, subject: str, html: str, text: str) -> bytes:
    """The mail as bytes with CRLF, parsed once more and found to say exactly what it should.

    Raises HeaderError for a value that would not stay in its header, MailError for a body that no mail can hold.
    """
    for body in (html, text):
        if "\x00" in body:
            raise MailError("a body holds the character NUL")
    wanted = _headers(envelope, subject)
    mark = "=_" + hashlib.sha256("\0".join((envelope.key, html, text)).encode("utf-8", "replace")).hexdigest()[:32]
    line = f"--{mark}".encode()
    mime = b"".join((
        *(_header(name, value) for name, value in wanted.items()),
        b"MIME-Version: 1.0\r\n",
        f'Content-Type: multipart/alternative;\r\n boundary="{mark}"\r\n\r\n'.encode(),
        line + b"\r\n" + body_part("plain", text),
        b"\r\n" + line + b"\r\n" + body_part("html", html),
        b"\r\n" + line + b"--\r\n",
    ))  # fmt: skip
    _compare(mime, wanted, (content_of(text), content_of(html)))
    return mime


def _header(name: str, value: str | Address) -> bytes:
    try:
        if isinstance(value, Address):
            return address_header(name, value.display_name, value.addr_spec)
        return text_header(name, value) if name == "Subject" else machine_header(name, value)
    except UnicodeError:
        raise HeaderError(f"the value of {name} has characters that cannot stand there") from None


def _headers(envelope: Envelope, subject: str) -> dict[str, str | Address]:
    headers: dict[str, str | Address] = {
        "Message-ID": message_id(envelope.message_id),
        "Date": format_datetime(envelope.date),
        "From": envelope.sender.header(),
        "To": envelope.recipient.header(),
        "Subject": header_text(subject, "the subject"),
    }
    if not headers["Subject"]:
        raise HeaderError("the mail has no subject")
    if envelope.reply_to is not None:
        headers["Reply-To"] = envelope.reply_to.header()
    ways = []
    if envelope.unsubscribe is not None:
        ways.append(f"<{web_address(envelope.unsubscribe, 'the unsubscribe link')}>")
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if envelope.unsubscribe_mail is not None:
        ways.append(f"<mailto:{Mailbox.parse(envelope.unsubscribe_mail).address}?subject=unsubscribe>")
    if ways:
        headers["List-Unsubscribe"] = ", ".join(ways)
    headers["List-Id"] = f"<{label(envelope.topic)}.{envelope.sender.domain}>"
    if envelope.feedback:
        headers["Feedback-ID"] = ":".join(label(part) for part in envelope.feedback)
    headers["Auto-Submitted"] = "auto-generated"
    for name in ("X-Segrules-Key", envelope.key_header):
        if name is not None:
            headers[name] = key(envelope.key)
    return headers


def _compare(mime: bytes, wanted: Mapping[str, str | Address], bodies: tuple[bytes, bytes]) -> None:
    """The finished bytes have the wanted headers, each once and with its value, and no others anywhere."""
    lines = mime.partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = [_NAME.match(each) for each in lines if each[:1] not in (b" ", b"\t")]
    if [found and found[1].decode() for found in names] != [*wanted, "MIME-Version", "Content-Type"]:
        raise HeaderError("the finished mail has other headers than it should")
    if _BAD_BREAK.search(mime) or max(map(len, mime.split(b"\r\n"))) > _LONGEST_LINE:
        raise MailError("the finished mail has a line that no server takes")
    parsed = message_from_bytes(mime)
    if list(parsed.keys()) != [*wanted, "MIME-Version", "Content-Type"]:
        raise HeaderError("the finished mail has other headers than it should")
    for name, value in wanted.items():
        if not _same(name, str(parsed[name]), value):
            raise HeaderError(f"the header {name} of the finished mail does not say what it should")
    parts = [part for part in parsed.walk() if part is not parsed]
    kinds = [(part.get_content_type(), list(part.keys())) for part in parts]
    if kinds != [("text/plain", _PART_HEADERS), ("text/html", _PART_HEADERS)]:
        raise HeaderError("the finished mail has other parts than it should")
    if tuple(part.get_payload(decode=True) for part in parts) != bodies:
        raise MailError("a body of the finished mail does not say what it should")


def _same(name: str, written: str, value: str | Address) -> bool:
    """Whether a reader finds in a header what was put into it."""
    if isinstance(value, str) and name != "Subject":
        return written == value
    read = policy.default.header_factory(name, re.sub(r"\r?\n(?=[ \t])", "", written))
    if isinstance(value, str):
        return str(read) == value
    addresses = [(each.addr_spec, each.display_name) for each in read.addresses]
    return addresses == [(value.addr_spec, value.display_name)]
