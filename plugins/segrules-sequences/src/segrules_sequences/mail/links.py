"""What a mail's HTML may point to."""

from __future__ import annotations

import re
from html import unescape

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.tags import Tag, tokens

_SCHEMES = frozenset(("http", "https", "mailto", "tel", "sms", "cid"))
_POINTING = frozenset((
    "href", "src", "action", "formaction", "background", "poster", "cite", "longdesc", "xlink:href", "data", "srcset",
))  # fmt: skip
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
#: What browsers drop from an address before they look at its scheme.
_DROPPED = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]")
_FORBIDDEN = frozenset(("script", "iframe", "object", "embed", "base", "frame", "frameset", "applet"))
_SUSPECT = re.compile(
    r"script|<iframe|<object|<embed|<base|<form|<frame|<applet|\bon[a-z]+\s*=|data\s*:|refresh|file\s*:", re.I
)


def _unwanted(tag: Tag) -> str | None:
    """What is wrong with a tag, or None."""
    for name, value in tag.attributes:
        if name in _POINTING:
            match = _SCHEME.match(_DROPPED.sub("", value))
            if match is not None and match[1].lower() not in _SCHEMES:
                return f'a link with the scheme "{match[1][:20].lower()}:"'
        elif name.startswith("on"):
            return f"a script in the attribute {name[:20]}"
    if tag.name in _FORBIDDEN:
        return f"a <{tag.name}>"
    given = dict(tag.attributes)
    if tag.name == "meta" and given.get("http-equiv", "").strip().lower() == "refresh":
        return "a <meta> that leads elsewhere"
    return None


def refuse_scripts(html: str, name: str) -> None:
    """The HTML runs nothing, and its links have the schemes of mails; TemplateError that names the first that has not.

    The line counts in what came out, not in the template.
    """
    if not _SUSPECT.search(_DROPPED.sub("", unescape(html))) and not _SUSPECT.search(html):
        return
    for token in tokens(html):
        what = _unwanted(token) if isinstance(token, Tag) else None
        if what is not None and isinstance(token, Tag):
            line = html.count("\n", 0, token.start) + 1
            raise TemplateError(f"what comes out has {what}, at its line {line}; mails have none", name)
