"""The style of a mail: put into its tags where css-inline is installed and wanted, else at the head of the HTML."""

from __future__ import annotations

import re

from attrs import field, frozen

from segrules_sequences.errors import SettingsError, TemplateError
from segrules_sequences.mail.tags import Tag, tokens

_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.I)
_ENDS = re.compile(r"</\s*style", re.I)
#: Only where this is anywhere can there be such a tag.
_LINK = re.compile(r"<link", re.I)


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
        if _LINK.search(html) and any(_fetches(token) for token in tokens(html) if isinstance(token, Tag)):
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


def _fetches(tag: Tag) -> bool:
    return tag.name == "link" and "stylesheet" in dict(tag.attributes).get("rel", "").lower()


def _headed(html: str, style: str) -> str:
    block = f"<style>\n{style.strip()}\n</style>\n"
    place = 0
    for token in tokens(html):
        if not isinstance(token, Tag):
            continue
        if token.name == "head" and token.is_end:
            place = token.start
            break
        if token.name in ("html", "body") and not token.is_end:
            place = token.stop
    if place == 0:
        doctype = _DOCTYPE.match(html)
        place = doctype.end() if doctype else 0
    return html[:place] + block + html[place:]
