"""A strict reader of what PHP's ``serialize`` wrote, for plain data only.

Arrays, texts, whole numbers, floats, yes/no and null are read (``a``, ``s``, ``i``, ``d``, ``b``, ``N``). What could
make an object or point elsewhere in the data (``O``, ``C``, ``E``, ``S``, ``R``, ``r``) is refused, and so is whatever
PHP itself would not have written: a length that does not fit, a key twice, something behind the end. Lengths count
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from attrs import frozen

from segrules.errors import InterchangeError

#: What a value may be. Floats are read as exact decimals.
Plain = None | bool | int | Decimal | str | Mapping["int | str", "Plain"]

_WHOLE = re.compile(rb"-?(?:0|[1-9][0-9]{0,18})")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,8}")
_FLOAT = re.compile(rb"-?(?:[0-9]{1,25}(?:\.[0-9]{0,25})?|\.[0-9]{1,25})(?:[eE][+-]?[0-9]{1,3})?")

_REFUSED = {
    b"O": "an object", b"C": "an object", b"E": "an enumeration", b"R": "a reference", b"r": "a reference",
    b"S": "an escaped text",
}  # fmt: skip


@frozen
class Bounds:
    """How much may be read: levels of nesting, values in all, bytes."""

    depth: int = 32
    items: int = 10_000
    size: int = 1 << 20


class SerializedError(InterchangeError):
    """The bytes are not plain data as PHP writes it; ``offset`` counts the bytes before the place."""

    def __init__(self, message: str, offset: int) -> None:
        self.offset = offset
        super().__init__(f"{message} (at byte {offset})")


def unserialize(data: bytes, bounds: Bounds = Bounds()) -> Plain:
    """The plain data that was serialized; arrays are dicts. Raises SerializedError."""
    if len(data) > bounds.size:
        raise SerializedError(f"there are more than {bounds.size:,} bytes", bounds.size)
    reader = _Reader(data, bounds)
    value = reader.value(0)
    if reader.place < len(data):
        raise SerializedError("something stands behind the end of the data", reader.place)
    return value


class _Reader:
    def __init__(self, data: bytes, bounds: Bounds) -> None:
        self.data = data
        self.bounds = bounds
        self.place = 0
        self.items = 0

    def value(self, depth: int) -> Plain:
        self.items += 1
        if self.items > self.bounds.items:
            raise SerializedError(f"there are more than {self.bounds.items:,} values", self.place)
        start, sort = self.place, self.data[self.place : self.place + 1]
        if sort in _REFUSED:
            raise SerializedError(f"{_REFUSED[sort]} is refused: only plain data is read", start)
        if sort == b"N":
            self.sign(b"N;")
            return None
        if sort not in (b"b", b"i", b"d", b"s", b"a"):
            raise SerializedError("here should be a value" if sort else "the data ends too early", start)
        self.sign(sort + b":")
        match sort:
            case b"b":
                return self.yes_or_no()
            case b"i":
                return self.whole()
            case b"d":
                return self.float()
            case b"s":
                return self.text()
            case _:
                return self.array(depth + 1)

    def sign(self, expected: bytes) -> None:
        if self.data[self.place : self.place + len(expected)] != expected:
            raise SerializedError(f'here should be "{expected.decode()}"', self.place)
        self.place += len(expected)

    def token(self, pattern: re.Pattern[bytes], what: str, end: bytes) -> bytes:
        found = pattern.match(self.data, self.place)
        if found is None:
            raise SerializedError(f"here should be {what}", self.place)
        self.place = found.end()
        self.sign(end)
        return found.group()

    def yes_or_no(self) -> bool:
        return self.token(re.compile(rb"[01]"), "0 or 1", b";") == b"1"

    def whole(self) -> int:
        start = self.place
        number = int(self.token(_WHOLE, "a whole number", b";"))
        if not -(1 << 63) <= number < 1 << 63:
            raise SerializedError("the number has more than 64 bits", start)
        return number

    def float(self) -> Decimal:
        return Decimal(self.token(_FLOAT, "a finite number", b";").decode())

    def length(self, end: bytes) -> int:
        return int(self.token(_LENGTH, "a length", end))

    def text(self) -> str:
        start, length = self.place, self.length(b":")
        self.sign(b'"')
        raw = self.data[self.place : self.place + length]
        self.place += length
        if len(raw) < length or self.data[self.place : self.place + 2] != b'";':
            raise SerializedError(f"the text is not {length} bytes long", start)
        self.place += 2
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise SerializedError("the text is not UTF-8", start) from None

    def array(self, depth: int) -> Mapping[int | str, Plain]:
        if depth > self.bounds.depth:
            raise SerializedError(f"the arrays are nested deeper than {self.bounds.depth} levels", self.place)
        length = self.length(b":")
        if length > self.bounds.items:
            raise SerializedError(f"there are more than {self.bounds.items:,} values", self.place)
        self.sign(b"{")
        found: dict[int | str, Plain] = {}
        for _ in range(length):
            start = self.place
            key = self.value(depth) if self.data[start : start + 1] in (b"i", b"s") else None
            if not isinstance(key, (int, str)):
                raise SerializedError("here should be a key: a whole number or a text", start)
            if key in found:
                raise SerializedError(f"the key {key!r} stands there twice", start)
            found[key] = self.value(depth)
        self.sign(b"}")
        return found
