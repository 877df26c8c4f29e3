"""A mapping file section by section: each value is asked for by name and type, and every mistake is kept."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from attrs import define, field

from segrules.errors import ShopError

#: A mapping file is written by hand: a larger one is something else.
LARGEST = 1_000_000

_NOUNS = {bool: "true or false", int: "a whole number", str: "text", list: "a list", dict: "a table"}


def read_file(path: str | Path) -> dict[str, Any]:
    """The content of a TOML file. Raises ShopError that names the file, and the line of a mistake."""
    try:
        return read(Path(path).read_bytes(), str(path))
    except OSError as cause:
        raise ShopError(f"{path} cannot be read: {cause.strerror or cause}") from None


def read(content: bytes, path: str) -> dict[str, Any]:
    """The same for the bytes of such a file, by its name."""
    if len(content) > LARGEST:
        raise ShopError(f"{path} has {len(content):,} bytes; a mapping file has {LARGEST:,} at most")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as cause:
        raise ShopError(f"{path} is not UTF-8: byte {cause.start} does not fit; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as cause:
        raise ShopError(f"{path} is no TOML: {cause}") from None


@define
class Mistakes:
    """All that is wrong with a file, in the order in which it was found."""

    name: str
    lines: list[str] = field(factory=list)

    def add(self, place: str, said: str) -> None:
        """One mistake at a key path."""
        self.lines.append(f"{self.name}: {place}: {said}" if place else f"{self.name}: {said}")

    def stop(self) -> None:
        """Raises ShopError with all mistakes, if there are any."""
        if self.lines:
            raise ShopError("\n".join(self.lines))


def meant(word: str, known: Iterable[str]) -> str:
    """A suggestion to end a sentence with, or a list of what there is when that is short."""
    listed = list(known)
    close = get_close_matches(word, listed, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; there is {', '.join(listed)}" if listed and len(listed) <= 12 else ""


class Section:
    """One table of the file at its key path."""

    def __init__(self, content: Mapping[str, Any], place: str, mistakes: Mistakes) -> None:
        self.content = content
        self.place = place
        self.mistakes = mistakes

    def at(self, key: str) -> str:
        """The key path of a key of this table."""
        return f"{self.place}.{key}" if self.place else key

    def wrong(self, key: str, said: str) -> None:
        """A mistake at a key; at the table itself when the key is empty."""
        self.mistakes.add(self.at(key) if key else self.place, said)

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def _of(self, key: str, kind: type) -> Any:
        value = self.content.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong(key, f"write {_NOUNS[kind]} instead of {_shown(value)}")
            return None
        return value

    def text(self, key: str) -> str | None:
        """A text that is not empty, or None."""
        found: str | None = self._of(key, str)
        if found is not None and not found.strip():
            self.wrong(key, "is empty")
            return None
        return found

    def flag(self, key: str) -> bool | None:
        """True, False or None."""
        found: bool | None = self._of(key, bool)
        return found

    def number(self, key: str, low: int, high: int) -> int | None:
        """A whole number in a range, or None."""
        found: int | None = self._of(key, int)
        if found is not None and not low <= found <= high:
            self.wrong(key, f"is {found}, and can be {low} to {high}")
            return None
        return found

    def texts(self, key: str) -> list[str]:
        """A list of texts; empty when there is none."""
        found = self._of(key, list) or []
        for each in found:
            if not isinstance(each, str) or not each:
                self.wrong(key, f"holds {_shown(each)}, where texts are wanted")
        return [each for each in found if isinstance(each, str) and each]

    def one_of(self, key: str, known: Iterable[str]) -> str | None:
        """One of some words, or None."""
        found = self.text(key)
        listed = list(known)
        if found is not None and found not in listed:
            self.wrong(key, f'"{found}" is not known{meant(found, listed)}')
            return None
        return found

    def table(self, key: str) -> Section:
        """The table under a key; an empty one when there is none."""
        return Section(self._of(key, dict) or {}, self.at(key), self.mistakes)

    def tables(self, but: Iterable[str]) -> Iterator[tuple[str, Section]]:
        """The tables under other keys than these."""
        known = set(but)
        for key, value in self.content.items():
            if key not in known and isinstance(value, dict):
                yield key, self.table(key)

    def only(self, known: Iterable[str], what: str = "key") -> None:
        """Every other key than these is a mistake."""
        listed = list(known)
        for key in self.content:
            if key not in listed:
                self.wrong(key, f'there is no {what} "{key}" here{meant(key, listed)}')


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 40 else text[:37] + "..."
