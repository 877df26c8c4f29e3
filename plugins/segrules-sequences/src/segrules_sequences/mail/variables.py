"""The variables of templates: what each one is, and how a mail fills them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.formatting import date_text
from segrules_sequences.mail.site import Site, getters
from segrules_sequences.mail.views import View
from segrules_sequences.ports import Letter, Recipient

#: The fields of a customer that templates see unless they are told otherwise.
CUSTOMER_FIELDS = (
    "id", "email", "first_name", "last_name", "gender", "birth_date", "created_at", "group", "store", "website",
)  # fmt: skip

#: What plugins give when a step has a coupon, with a value of each.
COUPON = {
    "coupon_code": "CART-7K3M-P9QX-2HVT",
    "coupon_discount_text": "15% off",
    "coupon_discount_amount": Decimal("15.00"),
    "coupon_description": "Cart recovery",
    "coupon_expires_date": dt.date(2025, 11, 20),
    "coupon_expires_formatted": "Nov 20, 2025",
    "coupon_min_subtotal": Decimal("50.00"),
    "coupon_apply_url": "https://shop.example/coupon/CART-7K3M-P9QX-2HVT",
}

#: A letter to show templates with before there is a customer.
SAMPLE = Letter(
    message_id="<sample@shop.example>",
    idem_key="0" * 64,
    sender="shop@shop.example",
    recipient=Recipient(
        id=1,
        email="john@shop.example",
        first_name="John",
        last_name="Doe",
        zone="UTC",
        fields={"birth_date": dt.date(1980, 7, 12), "created_at": dt.datetime(2025, 1, 2, 3, 4, tzinfo=dt.UTC)},
    ),
    sequence="abandoned cart",
    segment="Cart abandoned",
    step=2,
    steps=3,
    topic="offers",
    template="sample",
    at=dt.datetime(2025, 11, 13, 9, 0, tzinfo=dt.UTC),
    extra=COUPON,
)


def customer_view(recipient: Recipient, fields: Collection[str] = CUSTOMER_FIELDS) -> View:
    """A customer as templates see it: the listed fields, ``name``, and the older spellings of both."""
    known: dict[str, Any] = {
        **recipient.fields,
        "id": recipient.id,
        "email": recipient.email,
        "first_name": recipient.first_name,
        "last_name": recipient.last_name,
        "store": recipient.store,
        "website": recipient.website,
    }
    seen = {name: known.get(name) for name in fields}
    seen["name"] = " ".join(part for part in (recipient.first_name, recipient.last_name) if part)
    older = {"firstname": recipient.first_name, "lastname": recipient.last_name}
    whole = {**seen, **older}
    return View("customer", whole, getters("customer", whole))


def variables(
    letter: Letter,
    site: Site,
    *,
    unsubscribe_url: str | None = None,
    preferences_url: str | None = None,
    fields: Collection[str] = CUSTOMER_FIELDS,
) -> dict[str, Any]:
    """All variables of one letter; one that has no value in this letter is left out.

    TemplateError when a plugin gives a variable a name that is taken.
    """
    recipient = letter.recipient
    customer = customer_view(recipient, fields)
    given = {
        "customer_firstname": recipient.first_name or "",
        "customer_lastname": recipient.last_name or "",
        "customer_name": customer.fields["name"],
        "customer_email": recipient.email or "",
        "customer": customer,
        "store": site.store(recipient.store).view(),
        "segment_name": letter.segment,
        "sequence_name": letter.sequence,
        "step_number": letter.step,
        "step_count": letter.steps,
        "sent_at": letter.at,
        "unsubscribe_url": unsubscribe_url,
        "preferences_url": preferences_url,
    }
    extra = dict(letter.extra)
    taken = sorted(given.keys() & extra.keys())
    if taken:
        raise TemplateError(f'a plugin gives the variable "{taken[0]}", which every mail has already', letter.template)
    expires = extra.get("coupon_expires_date")
    if isinstance(expires, dt.datetime):
        expires = extra["coupon_expires_date"] = expires.date()
    if expires is not None and extra.get("coupon_expires_formatted") is None:
        extra["coupon_expires_formatted"] = date_text(expires)
    return {name: value for name, value in (given | extra).items() if value is not None}


def sample(
    site: Site, *, fields: Collection[str] = CUSTOMER_FIELDS, extra: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Every variable there is, with a value such as mails have; ``extra`` are those of plugins."""
    links = {"unsubscribe_url": "https://shop.example/u/sample", "preferences_url": "https://shop.example/p/sample"}
    return variables(SAMPLE, site, **links, fields=fields) | dict(extra or {})
