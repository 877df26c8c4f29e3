"""How texts and choices are spelled so that they read back as themselves."""

from __future__ import annotations

import re

_BARE = re.compile(r"[^\W\d]\w*\Z")

#: Words that stand for themselves nowhere but in quotes, because something else may stand there.
RESERVED = frozenset((
    "not", "and", "or", "is", "set", "in", "between", "before", "after", "on", "contains", "has", "where", "of",
    "distinct", "any", "no", "every", "exactly", "first", "last", "count", "sum", "avg", "min", "max",
))  # fmt: skip


def quoted(value: str) -> str:
    """A text as a literal of the language."""
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        value = value.replace(char, escape)
    return f'"{value}"'


def literal_choice(value: str) -> str:
    """A choice as it is written: bare where that reads back, quoted elsewhere."""
    return value if _BARE.match(value) and value.lower() not in RESERVED else quoted(value)
