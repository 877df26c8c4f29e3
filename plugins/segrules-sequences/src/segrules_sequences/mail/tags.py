"""HTML cut into tags and text as browsers cut it, in time that grows with its length and no faster.

The standard library's parser takes minutes for some texts of 100 kB, which a template may hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from attrs import frozen

_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"[\s/]*(?P<name>[^\s/>][^\s/>=]*)(?:\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s>\"'][^\s>]*))?)?"
)
_TAG_END = re.compile(r"[\s/]*>")
_COMMENT_END = re.compile(r"--!?>")
#: Elements that hold text only, up to their own end.
_RAW = frozenset(("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"))


@frozen
class Tag:
    """A tag with its name in lower case, its attributes, and where it begins and stops in the HTML."""

    name: str
    start: int
    stop: int
    is_end: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


def tokens(html: str) -> Iterator[Tag | str]:
    """Tags, and the text between them with its references resolved; no comments, and no tag without an end."""
    place = 0
    while True:
        at = html.find("<", place)
        if at < 0:
            yield from filter(None, [unescape(html[place:])])
            return
        following = html[at + 1 : at + 2]
        is_end = following == "/"
        name = _NAME.match(html, at + 1 + is_end)
        if name is None and following not in ("!", "?", "/"):
            yield unescape(html[place : at + 1])
            place = at + 1
            continue
        if at > place:
            yield unescape(html[place:at])
        if name is None:
            place = _after_comment(html, at)
            continue
        found = _tag(html, at, name, is_end)
        if found is None:
            return
        tag, place = found
        yield tag
        if tag.name in _RAW and not is_end:
            end = re.compile(rf"</{tag.name}(?=[\s/>])", re.I).search(html, place)
            inner = html[place : end.start() if end else len(html)]
            if inner:
                yield unescape(inner) if tag.name in ("textarea", "title") else inner
            if end is None:
                return
            place = end.start()


def _tag(html: str, at: int, name: re.Match[str], is_end: bool) -> tuple[Tag, int] | None:
    place = name.end()
    attributes: list[tuple[str, str]] = []
    while True:
        end = _TAG_END.match(html, place)
        if end is not None:
            return Tag(name[0].lower(), at, end.end(), is_end, tuple(attributes)), end.end()
        found = _ATTRIBUTE.match(html, place)
        if found is None:
            return None
        value = next((each for each in found.group("double", "single", "bare") if each is not None), "")
        attributes.append((found["name"].lower(), unescape(value)))
        place = found.end()


def _after_comment(html: str, at: int) -> int:
    if not html.startswith("<!--", at):
        end = html.find(">", at)
        return len(html) if end < 0 else end + 1
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, at):
            return at + len(short)
    found = _COMMENT_END.search(html, at + 4)
    return len(html) if found is None else found.end()
