"""What the engine and the mail side know of each other: the mail to send, its facts, and how a sender answers.

The engine asks a :class:`Composer` for the finished bytes of one mail, keeps them, and hands them to a
:class:`Sender`. Neither side imports the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

from attrs import field, frozen

# --- composing ---


@frozen(eq=False)
class Recipient:
    """A customer as the shop's tables show one now; None for what the shop does not map or does not know.

    ``zone`` is the name of a time zone. ``subscribed`` is None where the shop maps no newsletter; ``refused`` is true
    of one who unsubscribed, and not of one who is not subscribed yet. ``fields`` are all mapped fields of the customer
    by name, plain values only.
    """

    id: Any
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    zone: str | None = None
    store: str | None = None
    store_name: str | None = None
    website: str | None = None
    subscribed: bool | None = None
    refused: bool = False
    fields: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(eq=False, kw_only=True)
class Letter:
    """All that is known of one mail before it is written.

    ``step`` counts from 1, and ``steps`` is how many there are. ``extra`` are the variables that plugins add, of a
    coupon for instance. ``sender`` may hold a display name. ``at`` is the moment of writing, aware. A ``preview`` is
    shown to somebody else than the recipient, so no link in it may act for the recipient. ``variant`` is the name of
    the variant whose template it is, for steps that have some.
    """

    message_id: str
    idem_key: str
    sender: str
    recipient: Recipient
    sequence: str
    segment: str
    step: int
    topic: str
    template: str
    at: Any
    steps: int | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=False)
    preview: bool = False
    variant: str | None = None


@frozen(eq=False)
class Template:
    """A stored template. Without ``text`` the plain text part is made from the HTML; ``style`` is CSS for the HTML."""

    name: str
    subject: str
    html: str
    text: str | None = None
    version: str = ""
    style: str = ""


class Templates(Protocol):
    """Where templates are kept."""

    def get(self, name: str) -> Template:
        """The template of a name; TemplateError when there is none."""
        ...


@frozen(eq=False)
class Rendered:
    """What a template says to one recipient."""

    subject: str
    html: str
    text: str


class Renderer(Protocol):
    """Fills templates."""

    def render(self, template: Template, variables: Mapping[str, Any]) -> Rendered:
        """The template with its variables filled in; TemplateError when it cannot be."""
        ...


@frozen(eq=False)
class Composed:
    """A finished mail: its bytes, and the version of the template that they were made from.

    ``recipient`` is the address as it goes over the wire, in ASCII; empty where the composer leaves it as it is.
    """

    subject: str
    mime: bytes = field(repr=False)
    template_version: str = ""
    recipient: str = field(default="", repr=False)


class Composer(Protocol):
    """Writes mails: the template is looked up, filled, and built into MIME with all headers."""

    def check(self, template: str, *, coupon: bool = True) -> None:
        """The template is there, compiles and can be filled; TemplateError otherwise. Asked when a sequence is saved.

        ``coupon`` says whether the step asks for one: without, a template that cannot do without it is refused.
        """
        ...

    def compose(self, letter: Letter) -> Composed:
        """The finished mail. TemplateError when it cannot be written, MailError when it cannot be built."""
        ...


# --- sending ---


@frozen(eq=False)
class Outgoing:
    """One mail to one recipient: envelope, finished bytes, and the key that every try of it shares."""

    message_id: str
    sender: str
    recipient: str
    mime: bytes = field(repr=False)
    idem_key: str


@frozen
class Receipt:
    """The mail was accepted; ``provider_id`` is what the other side calls it, when it says so."""

    provider_id: str | None = None


@frozen
class SenderCaps:
    """What a sender can do.

    ``lookup``: it can tell later whether a message id was accepted. ``idempotency_key``: the other side drops a
    second mail with the same ``idem_key``. ``max_size`` is in bytes.
    """

    lookup: bool = False
    idempotency_key: bool = False
    max_per_second: float | None = None
    max_size: int | None = None


class Lookup(Enum):
    """What a sender knows of a message id."""

    ACCEPTED = "accepted"
    NOT_FOUND = "not found"
    #: It cannot tell now; ask again later.
    UNKNOWN = "unknown"


class Sender(Protocol):
    """Hands mails over. One object serves one worker, one mail at a time; it may keep a connection open."""

    name: str
    caps: SenderCaps

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """The mail is accepted when this returns.

        ``deadline`` is a reading of ``time.monotonic()``: a sender gives up with :class:`Temporary` when it has
        passed before the mail itself goes out, and sets its time-outs so that it hears from itself by then. Raises
        one of the four refusals below, and nothing else on purpose; anything else counts as :class:`OutcomeUnknown`.
        """
        ...

    def lookup(self, message_id: str) -> Lookup:
        """Whether a message id was accepted; ``UNKNOWN`` where the sender cannot tell."""
        ...

    def close(self) -> None:
        """No connection is open any more."""
        ...


class Refusal(Exception):
    """A sender did not hand a mail over, or cannot tell. The text names no address."""


class Temporary(Refusal):
    """Certainly not accepted, and worth another try later: a 4xx, a connection lost before the mail was given."""


class PermanentRecipient(Refusal):
    """Certainly not accepted, and never will be. ``suppress``: the address itself is bad (5.1.x), mail it no more."""

    def __init__(self, text: str, *, suppress: bool = False) -> None:
        super().__init__(text)
        self.suppress = suppress


class SenderBlocked(Refusal):
    """Certainly not accepted, and not the mail's fault: 421, a failed login, TLS, no connection, a rate limit.

    The sender rests for ``retry_after`` seconds, and no mail's attempts are used up.
    """

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class OutcomeUnknown(Refusal):
    """The mail was given, and no answer came: it may have been accepted."""


# --- unsubscribing ---


class Subscriptions(Protocol):
    """Who may not be mailed; the engine's ``Sequences`` is one."""

    def unsubscribe(self, customer: Any, topic: str | None = None, *, source: str = "link") -> None:
        """The customer gets no mail of a topic, or none at all, from now on. Idempotent; nobody needs to be known."""
        ...
