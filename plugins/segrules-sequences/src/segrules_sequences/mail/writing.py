"""Headers and parts of a mail as bytes (RFC 5322, 2045, 2047), folded the same way by every version of Python."""

from __future__ import annotations

import base64
import binascii
import re

#: Characters of a line, and of an encoded word.
_LINE, _WORD = 76, 75
_ASCII = bytes(range(128))
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+\Z")


def text_header(name: str, text: str) -> bytes:
    """A header that people read, folded; in encoded words where it is not plain ASCII."""
    return _folded(f"{name}:", _words(text, len(name) + 2))


def machine_header(name: str, value: str) -> bytes:
    """A header that machines read, on one line whatever its length: nobody follows a folded address."""
    return f"{name}: {value}\r\n".encode("ascii")


def address_header(name: str, shown: str, address: str) -> bytes:
    """A header with one mailbox."""
    if not shown:
        return machine_header(name, address)
    if not shown.isascii():
        words = _encoded(shown, len(name) + 2)
    elif _ATOMS.match(shown):
        words = shown.split(" ")
    else:
        # A quoted string is folded nowhere: a blank in it counts.
        words = ['"' + re.sub(r'(["\\])', r"\\\1", shown) + '"']
    return _folded(f"{name}:", [*words, f"<{address}>"])


def body_part(subtype: str, body: str) -> bytes:
    """A part of text with its own headers; ``body`` has breaks of any kind, and comes out with CRLF."""
    content = content_of(body)
    if len(content.translate(None, _ASCII)) * 3 > len(content):
        way, written = b"base64", base64.encodebytes(content).replace(b"\n", b"\r\n")
    else:
        way, written = b"quoted-printable", binascii.b2a_qp(content, istext=True)
    return (
        b"Content-Type: text/" + subtype.encode() + b'; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: " + way + b"\r\n\r\n" + written
    )


def content_of(body: str) -> bytes:
    """The bytes of a body: UTF-8 with CRLF, and one at the end."""
    # A lone surrogate has no bytes.
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", body.encode("utf-8", "replace"))
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _words(text: str, used: int) -> list[str]:
    words = text.split(" ")
    if text.isascii() and all(len(word) < _LINE for word in words):
        return words
    return _encoded(text, used)


def _encoded(text: str, used: int) -> list[str]:
    """Encoded words that give the text again when they are put together."""
    room = (_WORD - len("=?utf-8?b??=")) // 4 * 3
    words: list[str] = []
    chunk = b""
    limit = min(room, max(12, (_LINE - used - 12) // 4 * 3))
    for char in text:
        more = char.encode()
        if len(chunk) + len(more) > limit:
            words.append(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=")
            chunk, limit = b"", room
        chunk += more
    return [*words, f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="]


def _folded(start: str, words: list[str]) -> bytes:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1] != start:
            lines.append("")
        lines[-1] += f" {word}"
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
