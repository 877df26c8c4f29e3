"""A letter made into a finished mail: its template found, filled, styled and built."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import define, evolve, field

from segrules_sequences.errors import AddressError, SettingsError
from segrules_sequences.mail.addresses import Mailbox, mail_address
from segrules_sequences.mail.building import Envelope, build
from segrules_sequences.mail.headers import header_text
from segrules_sequences.mail.rendering import SandboxRenderer
from segrules_sequences.mail.sandbox import Sandbox
from segrules_sequences.mail.site import Site
from segrules_sequences.mail.styling import Styling
from segrules_sequences.mail.variables import COUPON, CUSTOMER_FIELDS, SAMPLE, sample, variables
from segrules_sequences.ports import Composed, Letter, Rendered, Templates
from segrules_sequences.unsubscribe.tokens import UnsubscribeLinks

_KEY_HEADER = re.compile(r"X-[A-Za-z0-9-]{1,60}")


@define(eq=False, kw_only=True)
class MailComposer:
    """Writes the mails of a shop.

    ``site`` are the shop's stores and values, ``links`` make the unsubscribe links; without them mails have none, which
    is for mails that are no advertising. ``fields`` are the fields of a customer that templates see. ``extra`` are
    variables of plugins besides the coupon's, with a value of each such as they have. ``preferences`` gives the address
    of a customer's settings. ``key_header`` is a header in which a provider wants what its webhooks are to repeat.
    ``inline`` puts CSS into the tags (extra ``inline``).
    """

    templates: Templates
    site: Site
    links: UnsubscribeLinks | None
    sandbox: Sandbox | None = None
    fields: Collection[str] = CUSTOMER_FIELDS
    extra: Mapping[str, Any] = field(factory=dict)
    preferences: Callable[[Letter], str] | None = None
    reply_to: str | None = None
    unsubscribe_mail: str | None = None
    feedback: str | None = None
    inline: bool = False
    key_header: str | None = field(default=None)
    renderer: SandboxRenderer = field(init=False)
    _styling: Styling = field(init=False)

    @key_header.validator
    def _own(self, _: Any, value: str | None) -> None:
        if value is not None and not _KEY_HEADER.fullmatch(value):
            raise SettingsError(f"key_header is {value!r}; it begins with X- and has letters, digits and dashes")

    def __attrs_post_init__(self) -> None:
        self._styling = Styling(self.inline)
        sandbox = self.sandbox if self.sandbox is not None else Sandbox(functions=self.site.functions())
        known = sample(self.site, fields=self.fields, extra=self.extra)
        self.renderer = SandboxRenderer(sandbox, known, self.templates)

    def check(self, template: str, *, coupon: bool = True) -> None:
        """The template is there, compiles, and can be filled for a customer who lacks nothing.

        ``coupon`` says whether the mail will have one; without, a template that needs its variables is refused.
        Raises TemplateError or MailError.
        """
        extra = {**(COUPON if coupon else {}), **self.extra}
        self.compose(evolve(SAMPLE, template=template, extra=extra))

    def compose(self, letter: Letter) -> Composed:
        """The finished mail. Raises TemplateError or MailError."""
        if not letter.recipient.email:
            raise AddressError("the customer has no address")
        sender = Mailbox.parse(letter.sender)
        name = " ".join(part for part in (letter.recipient.first_name, letter.recipient.last_name) if part)
        recipient = Mailbox(mail_address(letter.recipient.email))
        link = self._link(letter)
        found = self.templates.get(letter.template)
        rendered = self._rendered(letter, link)
        envelope = Envelope(
            message_id=letter.message_id,
            key=letter.idem_key,
            sender=sender,
            recipient=evolve(recipient, name=_shown(name)),
            date=letter.at,
            topic=letter.topic,
            reply_to=None if self.reply_to is None else Mailbox.parse(self.reply_to),
            unsubscribe=link,
            unsubscribe_mail=self.unsubscribe_mail,
            key_header=self.key_header,
            feedback=(letter.sequence, letter.segment, letter.topic, self.feedback or sender.domain),
        )
        mime = build(envelope, rendered.subject, rendered.html, rendered.text)
        return Composed(header_text(rendered.subject, "the subject"), mime, found.version, recipient.address)

    def preview(self, letter: Letter) -> Rendered:
        """What a letter says, styled as it would be sent; the link in it unsubscribes nobody."""
        return self._rendered(letter, self._link(evolve(letter, preview=True)))

    def _link(self, letter: Letter) -> str | None:
        """The link that unsubscribes the recipient; in a preview one that says what it is."""
        if self.links is None:
            return None
        return self.links.preview if letter.preview else self.links.link(letter.recipient.id, letter.topic)

    def _rendered(self, letter: Letter, link: str | None) -> Rendered:
        template = self.templates.get(letter.template)
        preferences = None if self.preferences is None else self.preferences(letter)
        given = variables(letter, self.site, unsubscribe_url=link, preferences_url=preferences, fields=self.fields)
        rendered = self.renderer.render(template, given)
        return evolve(rendered, html=self._styling.styled(rendered.html, template.style, template.name))


def _shown(name: str) -> str:
    """A customer's name for the header, or nothing when it is no plain name."""
    if "=?" in name or len(name) > 100 or any(char in name for char in '<>@,;:\\"[]()'):
        return ""
    return header_text(name, "the customer's name")
