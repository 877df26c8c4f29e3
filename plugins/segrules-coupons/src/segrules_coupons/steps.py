"""The coupon of a step of an e-mail sequence: what the step asks for, the code, and the variables of the template.

Neither package imports the other. They share the hook ``segrules_step_context`` and its connection, so that code and
mail are kept or undone together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import sqlalchemy as sa
from attrs import field, frozen

from segrules_coupons import money
from segrules_coupons.coupon import Coupon
from segrules_coupons.errors import CouponError
from segrules_coupons.pattern import Pattern
from segrules_coupons.sales_rule import Action, SalesRule
from segrules_coupons.store import CouponStore

#: The longest time for which a step's code may be good.
LONGEST_DAYS = 3660
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_served: list[CouponStore] = []


def serve(store: CouponStore) -> None:
    """Steps get their codes from a store like this one: with its table names, limits and schema.

    Without it, the tables are those that the variables SEGRULES_PREFIX and SEGRULES_SCHEMA name.
    """
    _served[:] = [store]


def _is_days(wanted: Any, attribute: Any, days: Any) -> None:
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= LONGEST_DAYS):
        raise CouponError(
            f"coupon: days is {days!r}; write 1 to {LONGEST_DAYS}, or leave it out for a code that never expires"
        )


def _is_text(wanted: Any, attribute: Any, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise CouponError(f"coupon: {attribute.name} is {value!r}; write text")


def _is_flag(wanted: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, bool):
        raise CouponError(f"coupon: {attribute.name} is {value!r}; write true or false")


@frozen(kw_only=True)
class Wanted:
    """What a step asks for: a code of a sales rule, its form, and for how many days it is good (None: for ever).

    ``prefix`` stands before the usual pattern, ``pattern`` is one of your own. ``apply_url`` is an address with
    ``{code}``.
    """

    rule: str = field(validator=_is_text)
    prefix: str | None = field(default=None, validator=_is_text)
    pattern: str | None = field(default=None, validator=_is_text)
    days: int | None = field(default=None, validator=_is_days)
    bound: bool = field(default=True, validator=_is_flag)
    reuse_unused: bool = field(default=False, validator=_is_flag)
    apply_url: str | None = field(default=None, validator=_is_text)

    def __attrs_post_init__(self) -> None:
        if self.prefix is not None and self.pattern is not None:
            raise CouponError("coupon: give a prefix or a pattern, not both")
        if self.apply_url is not None and "{code}" not in self.apply_url:
            raise CouponError(f'coupon: apply_url is "{self.apply_url}"; write {{code}} where the code goes')

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Wanted:
        """What a step's table says; CouponError when it has names that mean nothing, or lacks the rule."""
        known = attrs.fields_dict(cls)
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise CouponError(f'coupon: "{unknown[0]}" means nothing; there are {", ".join(known)}')
        if given.get("rule") is None:
            raise CouponError("coupon: it does not name the sales rule; write rule = …")
        return cls(**given)

    @property
    def form(self) -> Pattern:
        """The pattern of the code."""
        return Pattern(self.pattern) if self.pattern is not None else Pattern.usual(self.prefix or "")


def context(connection: sa.Connection, step: Any, enrolment: Any, recipient: Any) -> dict[str, Any]:
    """The variables of the step's coupon; nothing for a step that asks for none. Raises CouponError."""
    if step.coupon is None:
        return {}
    wanted = Wanted.of(step.coupon)
    store = store_of(connection)
    code = store.issue(
        wanted.rule,
        recipient.id,
        enrolment.key,
        pattern=wanted.form,
        expires=None if wanted.days is None else timedelta(days=wanted.days),
        bound=wanted.bound,
        reuse_unused=wanted.reuse_unused,
        source=f"{enrolment.sequence}/{step.name}"[:191],
        connection=connection,
    )
    rule = store.get(wanted.rule, connection=connection)
    return variables(code, rule, zone=_zone(recipient.zone), apply_url=wanted.apply_url)


def variables(code: Coupon, rule: SalesRule, *, zone: tzinfo = UTC, apply_url: str | None = None) -> dict[str, Any]:
    """The variables of a code; those that it does not have are None.

    The day of expiry is the last one on which it can be used, in the zone of the reader.
    """
    last = None if code.expires is None else (code.expires - timedelta(microseconds=1)).astimezone(zone)
    return {
        "coupon_code": code.code,
        "coupon_discount_text": rule.offer,
        "coupon_discount_amount": _amount(rule),
        "coupon_description": rule.description or rule.name,
        "coupon_expires_date": None if last is None else last.date(),
        "coupon_expires_formatted": None if last is None else _formatted(last),
        "coupon_min_subtotal": rule.min_subtotal and money.in_full(rule.min_subtotal, rule.currency or ""),
        "coupon_apply_url": None if apply_url is None else apply_url.replace("{code}", quote(code.code, safe="")),
    }


def _amount(rule: SalesRule) -> Decimal | None:
    if rule.amount is None:
        return None
    is_money = rule.action in (Action.CART_FIXED, Action.ITEM_FIXED)
    return money.in_full(rule.amount, rule.currency if is_money and rule.currency else "")


def _formatted(day: datetime) -> str:
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def store_of(connection: sa.Connection) -> CouponStore:
    """The store in the database of a connection."""
    like = _served[0] if _served else None
    if like is not None:
        if like.engine.url == connection.engine.url:
            return like
        return CouponStore(connection.engine, like.shop, prefix=like.prefix, schema=like.schema, limits=like.limits)
    prefix, schema = os.environ.get("SEGRULES_PREFIX", "segrules_"), os.environ.get("SEGRULES_SCHEMA")
    return CouponStore(connection.engine, prefix=prefix, schema=schema)
