"""Segments as code: one ``.seg`` file for each, its rule under a head of comments.

    # title: VIP Platinum
    # priority: 10
    # websites: main, uk

    # those who pay for the rest
    lifetime.sales > 5000 and lifetime.orders > 10

The head is the comments at the top that read ``# word: value``; it ends at the first line that does not. The
segment's name is that of the file, unless the head gives another. To every other reader of rules the head is a comment.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segrules.errors import SegmentError
from segrules.segments.segment import Mode, Segment

SUFFIX = ".seg"

_LINE = re.compile(r"#[ \t]*([A-Za-z]+)[ \t]*:[ \t]*(.*?)[ \t]*$")
#: Characters that every file system takes in a name.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*\Z")


def _listed(value: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in value.split(",") if each.strip())


def _yes_or_no(value: str) -> bool:
    try:
        return {"yes": True, "true": True, "no": False, "false": False}[value.lower()]
    except KeyError:
        raise ValueError("write yes or no") from None


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("write a whole number") from None


def _mode(value: str) -> Mode:
    try:
        return Mode(value.lower())
    except ValueError:
        raise ValueError("write auto or manual") from None


#: Each word of the head: the field of Segment that it is about, and how its value is read.
_WORDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "name": ("name", str), "title": ("title", str), "description": ("description", str),
    "priority": ("priority", _whole), "websites": ("websites", _listed), "groups": ("groups", _listed),
    "refresh": ("mode", _mode), "active": ("active", _yes_or_no),
}  # fmt: skip


def read(text: str, name: str, place: str) -> Segment:
    """The segment of a file's text; ``name`` unless the head gives one. Raises SegmentError that names the line."""
    found: dict[str, Any] = {"name": name}
    lines = text.replace("\r\n", "\n").split("\n")
    given: set[str] = set()
    start = 0
    for number, line in enumerate(lines):
        word, value = _head(line, f"{place}:{number + 1}")
        if word is None:
            break
        if word in given:
            raise SegmentError(f'{place}:{number + 1}: "{word}" stands there twice')
        given.add(word)
        field, reader = _WORDS[word]
        try:
            found[field] = reader(value.replace("\\n", "\n") if word == "description" else value)
        except ValueError as cause:
            raise SegmentError(f'{place}:{number + 1}: "{value}" is no {word}: {cause}') from None
        start = number + 1
    return Segment(rule="\n".join(lines[start:]).strip("\n"), **found)


def _head(line: str, place: str) -> tuple[str | None, str]:
    """The word of a line of the head and its value; None when the line is none."""
    found = _LINE.match(line)
    if found is None:
        return None, ""
    word = found.group(1).lower()
    if word in _WORDS:
        return word, found.group(2)
    near = difflib.get_close_matches(word, _WORDS, n=1, cutoff=0.75)
    if near:
        raise SegmentError(f'{place}: "{found.group(1)}" is no word of the head; did you mean "{near[0]}"?')
    return None, ""


def write(segment: Segment, *, name: str | None = None) -> str:
    """The text of a segment's file; ``name`` is that of the file, so that the head need not repeat it."""
    values = {
        "name": "" if segment.name == name else segment.name,
        "title": segment.title,
        "description": segment.description.replace("\n", "\\n"),
        "priority": str(segment.priority or ""),
        "websites": ", ".join(segment.websites),
        "groups": ", ".join(segment.groups),
        "refresh": "" if segment.mode is Mode.AUTO else segment.mode.value,
        "active": "" if segment.active else "no",
    }
    head = [f"# {word}: {value}" for word, value in values.items() if value]
    return "\n".join([*head, *([""] if head else []), segment.rule.strip("\n"), ""])


def load(folder: Path) -> list[Segment]:
    """The segments of all ``.seg`` files in a folder and below; SegmentError when two have one name."""
    if not folder.is_dir():
        raise SegmentError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    segments = []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as cause:
            raise SegmentError(f"{path} cannot be read: {cause}") from cause
        segment = read(text, path.stem, str(path))
        if segment.name in found:
            raise SegmentError(f'{found[segment.name]} and {path} both hold a segment "{segment.name}"')
        found[segment.name] = path
        segments.append(segment)
    return segments


def path_of(segment: Segment, folder: Path) -> Path:
    """Where a segment's file goes; a name that not every file system takes is spelled out in the head."""
    name = segment.name if _PLAIN.match(segment.name) else re.sub(r"[^A-Za-z0-9._-]+", "-", segment.name).strip("-.")
    return folder / f"{name or 'segment'}{SUFFIX}"


def save(segment: Segment, folder: Path) -> Path:
    """Write a segment's file into a folder."""
    path = path_of(segment, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write(segment, name=path.stem), encoding="utf-8")
    return path
