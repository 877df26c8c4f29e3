"""Segments as code: one ``.seg`` file for each, its rule under a head of comments.

    # title: VIP Platinum
    # priority: 10
    # websites: main, uk

    # those who pay for the rest
    lifetime.sales > 5000 and lifetime.orders > 10

The head is the comments at the top that read ``# word: value``; it ends at the first line that does not, an empty one
for example. The segment's name is that of the file, unless the head gives another. To every other reader of rules the
head is a comment.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from segrules.errors import Diagnostic, RuleError, SegmentError
from segrules.language import parse
from segrules.segments.segment import Mode, Segment
from segrules.vocabulary import Vocabulary

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
    """The segment of a file's text; ``name`` unless the head gives one; SegmentError names each wrong line."""
    segment, mistakes = _read(text, name, place)
    if mistakes:
        raise SegmentError("\n".join(mistakes))
    return segment


def _read(text: str, name: str, place: str) -> tuple[Segment, list[str]]:
    """The segment as far as the head can be read, and what is wrong in it."""
    found: dict[str, Any] = {"name": name}
    head, rule = split(text)
    given: set[str] = set()
    mistakes: list[str] = []
    for number, line in enumerate(head, 1):
        matched = _LINE.match(line)
        assert matched is not None
        word, value = matched[1].lower(), matched[2]
        if word in given:
            mistakes.append(f'{place}:{number}: "{word}" stands there twice')
        elif word not in _WORDS:
            mistakes.append(f'{place}:{number}: "{matched[1]}" is no word of the head; {_instead(word)}')
        else:
            field, reader = _WORDS[word]
            try:
                found[field] = reader(value.replace("\\n", "\n") if word == "description" else value)
            except ValueError as cause:
                mistakes.append(f'{place}:{number}: "{value}" is no {word}: {cause}')
        given.add(word)
    return Segment(rule=rule.strip("\n"), **found), mistakes


def split(text: str) -> tuple[list[str], str]:
    """The lines of the head, and the rest."""
    lines = text.replace("\r\n", "\n").split("\n")
    end = next((number for number, line in enumerate(lines) if not _LINE.match(line)), len(lines))
    return lines[:end], "\n".join(lines[end:])


def join(head: Sequence[str], rule: str) -> str:
    """The text of a file; an empty line keeps a comment of the rule out of the head."""
    rule = rule.strip("\n")
    apart = bool(head) or _LINE.match(rule.partition("\n")[0]) is not None
    return "\n".join([*head, *([""] if apart else []), rule, ""])


def _instead(word: str) -> str:
    near = difflib.get_close_matches(word, _WORDS, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"it has {', '.join(_WORDS)}, and a comment stands below an empty line"


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
    return join(head, segment.rule)


def load(folder: Path, vocabulary: Vocabulary | None = None) -> list[Segment]:
    """The segments of all ``.seg`` files in a folder and below.

    Raises SegmentError for what is wrong in their heads, or when two have one name; with a vocabulary also RuleError,
    with the mistakes of all their rules and the files and lines where they stand.
    """
    if not folder.is_dir():
        raise SegmentError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    segments = []
    mistakes: list[str] = []
    diagnostics: list[Diagnostic] = []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as cause:
            raise SegmentError(f"{path} cannot be read: {cause}") from cause
        segment, wrong = _read(text, path.stem, str(path))
        mistakes += wrong
        if segment.name in found:
            mistakes.append(f'{found[segment.name]} and {path} both hold a segment "{segment.name}"')
        found[segment.name] = path
        segments.append(segment)
        if vocabulary is not None:
            try:
                parse(text, vocabulary, name=str(path))
            except RuleError as error:
                diagnostics += error.diagnostics
    if mistakes:
        raise SegmentError("\n".join(mistakes))
    if diagnostics:
        raise RuleError(diagnostics)
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
