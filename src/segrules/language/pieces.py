"""The words and signs of a text that cannot be read, as far as mistakes are told of it."""

from __future__ import annotations

import re

#: A word or sign with its place: where it starts, and where it ends.
Piece = tuple[str, int, int]


def pieces(text: str, offset: int = 0) -> list[Piece]:
    """The words and signs of a text with their places; comments left out."""
    pattern = re.compile(
        r"""\#[^\n]*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[“„”][^“”\n]*[“”]?|[‘‚’][^‘’\n]*[‘’]?"""
        r"""|:?[^\W\d]\w*(?:\.[^\W\d]\w*)*|[0-9][\w.]*(?:-[0-9]+)*|<=|>=|!=|<>|==|\S"""
    )
    return [
        (each[0], each.start() + offset, each.end() + offset)
        for each in pattern.finditer(text)
        if not each[0].startswith("#")
    ]


def unclosed(text: str) -> int | None:
    """Where the innermost parenthesis opens that is never closed."""
    open_: list[int] = []
    for piece, start, _ in pieces(text):
        if piece == "(":
            open_.append(start)
        elif piece == ")" and open_:
            open_.pop()
    return open_[-1] if open_ else None


def unopened(text: str, at: int) -> bool:
    """Whether no parenthesis is open before a place."""
    depth = 0
    for piece, _, _ in pieces(text[:at]):
        depth += (piece == "(") - (piece == ")")
    return depth <= 0
