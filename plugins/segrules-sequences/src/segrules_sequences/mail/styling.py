"""The style of a mail: put into its tags where css-inline is installed and wanted, else at the head of the HTML."""

from __future__ import annotations

import re

from attrs import field, frozen

from segrules_sequences.errors import SettingsError, TemplateError

_HEAD = re.compile(r"</head\s*>", re.I)
_BODY = re.compile(r"<body\b[^>]*>|<html\b[^>]*>|<!doctype[^>]*>", re.I)
_FETCHED = re.compile(r"<link\b[^>]*stylesheet[^>]*>", re.I)
_ENDS = re.compile(r"</\s*style", re.I)


@frozen
class Styling:
    """Puts CSS into HTML. With ``inline``, every rule goes into the tags that it is about; nothing is ever fetched."""

    inline: bool = field()

    @inline.validator
    def _installed(self, _: object, value: bool) -> None:
        if value:
            try:
                import css_inline  # noqa: F401
            except ImportError:
                raise SettingsError("inlining CSS needs css-inline: install segrules-sequences[inline]") from None

    def styled(self, html: str, style: str, name: str) -> str:
        """The HTML with its style. TemplateError for one that ends its own tag, or that would have to be fetched."""
        if _FETCHED.search(html):
            raise TemplateError("a <link> to a stylesheet is not followed; put the CSS into the template's style", name)
        if _ENDS.search(style):
            raise TemplateError("the style holds </style", name)
        if not self.inline:
            return _headed(html, style) if style.strip() else html
        import css_inline

        inliner = css_inline.CSSInliner(
            load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True, extra_css=style or None
        )
        try:
            return inliner.inline(html)
        except css_inline.InlineError as cause:
            raise TemplateError(f"the style cannot be put into the tags: {str(cause)[:200]}", name) from None


def _headed(html: str, style: str) -> str:
    block = f"<style>\n{style.strip()}\n</style>\n"
    head = _HEAD.search(html)
    if head is not None:
        return html[: head.start()] + block + html[head.start() :]
    place = max((found.end() for found in _BODY.finditer(html)), default=0)
    return html[:place] + block + html[place:]
