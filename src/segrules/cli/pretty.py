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
_OF_JOIN = frozenset({"LEFT", "INNER", "CROSS", "OUTER"})
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
    """Lines as they grow; a stack says which brackets hold queries, and how deep each of those is indented."""

    def __init__(self) -> None:
        self._lines = [""]
        #: For each open bracket: None for an ordinary one, else the indent of the query inside.
        self._open: list[int | None] = [0]
        self._between = 0
        self._before = ""

    def take(self, token: str) -> None:
        """Put the next token where it belongs."""
        word = token.upper()
        if self._before == "(" and word in ("SELECT", "WITH"):
            self._open[-1] = self._indent_of_line() + 1
            self._begin(self._indent_of_line() + 1)
        elif word == ")" and len(self._open) > 1:
            inside = self._open.pop()
            if inside is not None:
                self._begin(inside - 1)
        elif self._open[-1] is not None and self._begins_line(word):
            self._begin(self._open[-1] + (1 if word in ("AND", "OR") or word in _JOINS else 0))
        if word == "(":
            self._open.append(None)
        elif word == "BETWEEN":
            self._between += 1
        elif word == "AND" and self._between:
            self._between -= 1
        if token != " ":
            self._lines[-1] += token
            self._before = word
        elif self._lines[-1].strip():
            self._lines[-1] += " "

    def text(self) -> str:
        """All that was put, as lines."""
        return "\n".join(line.rstrip() for line in self._lines if line.strip())

    def _begin(self, indent: int) -> None:
        self._lines.append(_INDENT * indent)

    def _indent_of_line(self) -> int:
        line = self._lines[-1]
        return (len(line) - len(line.lstrip())) // len(_INDENT)

    def _begins_line(self, word: str) -> bool:
        if not self._lines[-1].strip():
            return False
        if word == "AND":
            return not self._between
        if word == "SELECT":
            return self._before != "ALL"  # UNION ALL SELECT stays together
        return word in _CLAUSES or word == "OR" or (word in _JOINS and self._before not in _OF_JOIN)
