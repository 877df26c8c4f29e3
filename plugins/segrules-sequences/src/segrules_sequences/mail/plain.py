"""The plain text of an HTML mail, for those who read without HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping

from segrules_sequences.mail.tags import tokens

_SKIPPED = frozenset(("head", "style", "script", "title", "template"))
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "figure", "footer", "form",
    "header", "html", "main", "nav", "section", "tr", "ul", "ol", "li", "hr",
))  # fmt: skip
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "pre", "blockquote", "ul", "ol"))
_VOID = frozenset(("br", "hr", "img", "meta", "link", "input", "wbr", "col"))
_SPACE = re.compile(r"[ \t\r\n\f]+")
#: An element with one of these is there for other readers.
_HIDDEN = re.compile(r"display\s*:\s*none", re.I)


class _Reader:
    """Collects text; ``lines`` are the finished ones."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._blank = 0
        self._unseen = 0
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._pre = 0

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        """A tag begins."""
        if self._unseen:
            self._unseen += tag not in _VOID
            return
        if tag in _SKIPPED or (_HIDDEN.search(given.get("style", "")) and tag not in _VOID):
            self._unseen = 1
            return
        self._break(tag)
        match tag:
            case "br":
                self._end()
            case "hr":
                self._line.append("-" * 20)
                self._end()
            case "img" if given.get("alt", "").strip():
                self._line.append(_SPACE.sub(" ", given["alt"]))
            case "a":
                self._links.append((given.get("href", ""), len(self._line)))
            case "ol":
                self._lists.append(0)
            case "ul":
                self._lists.append(None)
            case "li":
                self._line.append(self._bullet())
            case "td" | "th" if self._line:
                self._line.append(" ")
            case "pre":
                self._pre += 1

    def end(self, tag: str) -> None:
        """A tag ends."""
        if self._unseen:
            self._unseen -= tag not in _VOID
            return
        match tag:
            case "a" if self._links:
                href, start = self._links.pop()
                text = "".join(self._line[start:]).strip()
                href = href.strip()
                if href and not href.startswith("#") and href not in (text, f"mailto:{text}", f"tel:{text}"):
                    self._line.append(f" ({href})" if text else href)
            case "ol" | "ul" if self._lists:
                self._lists.pop()
            case "pre" if self._pre:
                self._end()
                self._pre -= 1
        self._break(tag)

    def text(self, data: str) -> None:
        """Text between tags."""
        if self._unseen:
            return
        if self._pre:
            first, *more = data.split("\n")
            self._line.append(first)
            for each in more:
                self._end()
                self._line.append(each)
        else:
            self._line.append(_SPACE.sub(" ", data))

    def _bullet(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return f"{indent}- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _PARAGRAPHS:
            if any(each.strip() for each in self._line):
                self._end()
            else:
                self._line.clear()
        if tag in _PARAGRAPHS and self.lines and self.lines[-1]:
            self.lines.append("")

    def _end(self) -> None:
        text = "".join(self._line)
        self._line.clear()
        # The places at which links began lie in a line that is gone.
        self._links = [(href, 0) for href, _ in self._links]
        if not self._pre:
            indent = text[: len(text) - len(text.lstrip(" "))] if self._lists else ""
            text = indent + _SPACE.sub(" ", text).strip()
        if text or (self.lines and self.lines[-1]):
            self.lines.append(text.rstrip())

    def finish(self) -> str:
        """All lines."""
        self._end()
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return "\n".join(self.lines) + "\n"


def plain_text(html: str) -> str:
    """What an HTML mail says, as lines: links with their addresses, lists with their marks, images by their words."""
    reader = _Reader()
    for token in tokens(html):
        if isinstance(token, str):
            reader.text(token)
        elif token.is_end:
            reader.end(token.name)
        else:
            reader.start(token.name, dict(token.attributes))
    return reader.finish()
