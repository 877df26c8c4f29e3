"""Sequences as code: one TOML file for each, and what a folder of them would change.

    segment = "abandoned cart"
    from = "Shop <shop@example.com>"
    window = { from = "09:00", to = "20:00" }

    [[steps]]
    delay = "1 hour"
    template = "cart-1"

The sequence's name is that of the file, unless the file gives another.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence as Listed
from enum import Enum
from pathlib import Path

import attrs
from attrs import frozen

from segrules_sequences.definitions import Sequence
from segrules_sequences.errors import SequenceError
from segrules_sequences.spelling import differing, from_plain

SUFFIX = ".toml"


class Action(Enum):
    """What becomes of a sequence."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    #: In the database and not in the folder, and left alone.
    IGNORE = "ignore"


@frozen
class Change:
    """What becomes of one sequence, and which of its fields change."""

    action: Action
    sequence: Sequence
    fields: tuple[str, ...] = ()


def read(path: Path) -> Sequence:
    """The sequence of a file; SequenceError names the file and what is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise SequenceError(f"{path} cannot be read: {cause}") from cause
    try:
        return from_plain({"name": path.stem, **data})
    except SequenceError as cause:
        raise SequenceError(f"{path}: {cause}") from None


def load(folder: Path) -> list[Sequence]:
    """The sequences of all ``.toml`` files in a folder and below; SequenceError when two have one name."""
    if not folder.is_dir():
        raise SequenceError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    sequences = []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        sequence = read(path)
        if sequence.name in found:
            raise SequenceError(f'{found[sequence.name]} and {path} both hold a sequence "{sequence.name}"')
        found[sequence.name] = path
        sequences.append(sequence)
    return sequences


def plan(wanted: Listed[Sequence], stored: Listed[Sequence]) -> list[Change]:
    """What would become of the stored sequences if the wanted ones were saved."""
    by_name = {each.name: each for each in stored}
    changes = []
    for sequence in wanted:
        before = by_name.pop(sequence.name, None)
        if before is None:
            changes.append(Change(Action.CREATE, sequence))
            continue
        fields = differing(before, sequence)
        action = Action.CHANGE if fields else Action.KEEP
        changes.append(Change(action, attrs.evolve(sequence, version=before.version), fields))
    return changes + [Change(Action.IGNORE, each) for each in by_name.values()]
