"""SQL laid out for reading: one clause a line, sub-queries indented, conditions below one another."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | [^\S\n]+ | \n | [A-Za-z_][A-Za-z0-9_$]* | .""", re.VERBOSE
)
#: What begins a line of its own in a query. A word that belongs to the one before (LEFT OUTER JOIN) does not.
_CLAUSES = frozenset(
    {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "SELECT", "WITH"}
)
_JOINS = frozenset({"JOIN", "LEFT", "INNER", "CROSS"})
_INDENT = "  "


def pretty(sql: str) -> str:
    """The same statement, token by token, with line breaks and indents."""
    layout = _Layout()
    for token in _tokens(sql):
        layout.take(token)
    return layout.text()


def _tokens(sql: str) -> Iterator[str]:
    """The tokens, each run of white space as one blank."""
    blank = False
    for found in _TOKEN.finditer(sql):
        token = found.group()
        if token.isspace():
            blank = True
            continue
        if blank:
            yield " "
            blank = False
        yield token


class _Layout:
    """Lines as they grow; a stack says which brackets hold queries and how deep each is indented."""

    def __init__(self) -> None:
        self._lines = [""]
        #: For each open bracket: None for an ordinary one, else the indent of the query inside.
        self._open: list[int | None] = [0]
        self._between = 0
        self._before = ""
        self._opening = False

    def take(self, token: str) -> None:
        word = token.upper()
        if self._opening and token != " ":
            self._opening = False
            if word in ("SELECT", "WITH"):
                indent = self._indent() + 1
                self._open[-1] = indent
                self._lines.append(_INDENT * indent)
        indent = self._open[-1]
        if token == "(":
            self._open.append(None)
            self._opening = True
        elif token == ")" and len(self._open) > 1:
            closed = self._open.pop()
            if closed is not None:
                self._lines.append(_INDENT * (closed - 1))
        elif indent is not None and self._breaks(word):
            inner = word in ("AND", "OR") or word in _JOINS
            self._lines.append(_INDENT * (indent + (1 if inner else 0)))
        if word == "BETWEEN":
            self._between += 1
        elif word == "AND" and self._between:
            self._between -= 1
        if token != " " or self._lines[-1].strip():
            self._lines[-1] += token
        if token != " ":
            self._before = word

    def _breaks(self, word: str) -> bool:
        if not self._lines[-1].strip():
            return False
        if word == "AND":
            return not self._between
        if word in _CLAUSES:
            return not (word == "SELECT" and self._before in ("(", "ALL"))  # UNION ALL SELECT stays together
        return word in _JOINS and self._before not in ("LEFT", "INNER", "CROSS", "OUTER")

    def _indent(self) -> int:
        return next(each for each in reversed(self._open) if each is not None)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines if line.strip())
