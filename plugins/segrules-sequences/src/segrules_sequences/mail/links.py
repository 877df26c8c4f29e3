"""What a mail's HTML may point to."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from segrules_sequences.errors import TemplateError

_SCHEMES = frozenset(("http", "https", "mailto", "tel", "sms", "cid"))
_POINTING = frozenset((
    "href", "src", "action", "formaction", "background", "poster", "cite", "longdesc", "xlink:href", "data", "srcset",
))  # fmt: skip
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
#: What browsers drop from an address before they look at its scheme.
_DROPPED = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]")
_SUSPECT = re.compile(r"script|<iframe|<object|<embed|<base|<form|\bon[a-z]+\s*=|data\s*:|refresh|file\s*:", re.I)


class _Looking(HTMLParser):
    """Finds the first tag or address that no mail should have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Looks at one tag."""
        for name, value in attrs:
            if name in _POINTING and value is not None:
                match = _SCHEME.match(_DROPPED.sub("", value))
                if match is not None and match[1].lower() not in _SCHEMES:
                    self._note(f'a link with the scheme "{match[1][:20].lower()}:"')
            elif name.startswith("on"):
                self._note(f"a script in the attribute {name[:20]}")
        if tag in ("script", "iframe", "object", "embed", "base"):
            self._note(f"a <{tag}>")
        if tag == "meta" and any(name == "http-equiv" and (value or "").lower() == "refresh" for name, value in attrs):
            self._note("a <meta> that leads elsewhere")

    def _note(self, what: str) -> None:
        if self.found is None:
            self.found = what, self.getpos()[0]


def refuse_scripts(html: str, name: str) -> None:
    """The HTML runs nothing, and its links have the schemes of mails; TemplateError that names the first that has not.

    The line counts in what came out, not in the template.
    """
    if not _SUSPECT.search(_DROPPED.sub("", unescape(html))) and not _SUSPECT.search(html):
        return
    looking = _Looking()
    looking.feed(html)
    looking.close()
    if looking.found is not None:
        what, line = looking.found
        raise TemplateError(f"what comes out has {what}, at its line {line}; mails have none", name)
