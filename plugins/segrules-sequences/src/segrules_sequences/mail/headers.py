"""Values of headers that say what they should and nothing else."""

from __future__ import annotations

import re
import unicodedata

from segrules_sequences.errors import HeaderError

_BREAKS = re.compile(r"[\s\x85\u2028\u2029]+")
#: Marks that turn the direction of what follows, and so make one name look like another.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._=+-]{1,120}@[A-Za-z0-9.-]{1,120}>\Z")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_WORD = re.compile(r"[^a-z0-9]+")


def header_text(value: str, what: str) -> str:
    """One line of text for a header: line breaks become blanks, other control characters go.

    Raises HeaderError when what is left would be read as an encoded word, since it may hold a line break when decoded.
    """
    line = _BREAKS.sub(" ", value)
    kept = "".join(char for char in _TURNING.sub("", line) if unicodedata.category(char) not in ("Cc", "Cs")).strip()
    if "=?" in kept:
        raise HeaderError(f"{what} holds the characters =?, which begin an encoded word")
    return kept


def message_id(value: str) -> str:
    """The message id; HeaderError for what is none."""
    if not _MESSAGE_ID.match(value):
        raise HeaderError("the message id is not of the form <letters@domain>")
    return value


def key(value: str) -> str:
    """The key that all tries of a mail share; HeaderError for one with other characters than letters and digits."""
    if not _KEY.match(value):
        raise HeaderError("the key of a mail has up to 128 letters, digits, dots and dashes")
    return value


def label(value: str) -> str:
    """A name for machines, made of a name for people: letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower()
    return _WORD.sub("-", plain).strip("-")[:60] or "mail"
