"""The fenced blocks of the documentation, with the remark that may stand above one."""

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
_IN_SHOPS = sorted((ROOT / "docs" / "in-your-shop").glob("*.md"))
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *_IN_SHOPS, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

_BLOCK = re.compile(
    r"(?:^[ ]*<!-- (?P<remark>[^\n]*?) -->\n)?^(?P<indent>[ ]*)```(?P<language>[\w-]+)\n(?P<text>.*?)^(?P=indent)```$",
    re.M | re.S,
)


@frozen
class Block:
    """One fenced block: its language, its text without indentation, the remark above it, and its line."""

    page: str
    line: int
    language: str
    text: str
    remark: str | None

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        width = len(found["indent"])
        inner = "\n".join(line[width:] for line in found["text"].splitlines()) + "\n"
        line = text.count("\n", 0, found.start("indent")) + 1
        yield Block(page.name, line, found["language"], inner, found["remark"])
