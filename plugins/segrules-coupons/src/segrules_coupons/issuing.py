"""Codes made one by one: for a customer, for an issue key that gets the same code every time, or chosen by somebody."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from segrules_coupons import batches, database_clock, shapes
from segrules_coupons.coupon import Coupon, CouponState, coupon_of, coupons, identity
from segrules_coupons.errors import BatchError, CouponError, PatternError
from segrules_coupons.pattern import Pattern, normalised
from segrules_coupons.transactions import Desk

#: How often another code is tried when one is taken.
_TRIES = 20
_SHORTEST = 4


def issue(
    desk: Desk,
    key: str,
    customer: str,
    issue_key: str,
    pattern: Pattern,
    *,
    source: str,
    expires: datetime | timedelta | None,
    bound: bool,
    reuse_unused: bool,
) -> Coupon:
    """The code of an issue key: made when it is first asked for, the same ever after."""
    found = _issued(desk, issue_key, customer)
    if found is not None:
        return found
    until = _until(expires)
    rule_id, rule = batches.issuing_rule(desk, key)
    batch_id = _personal_batch(desk, rule_id, pattern, source)
    desk.begin()
    reused = _unused(desk, rule_id, batch_id, customer, until, bound) if reuse_unused else None
    coupon_id = reused or _made(
        desk, pattern, customer if pattern.is_personal else "", rule_id=rule_id, batch_id=batch_id,
        customer=customer, bound=bound or pattern.is_personal, max_uses=rule.uses_per_coupon, expires=until,
    )  # fmt: skip
    row = {"issue_key": issue_key, "coupon_id": coupon_id, "rule_id": rule_id, "customer": customer}
    if not desk.insert_new(desk.tables.issues, **row, created_at=database_clock.now()) and reused is None:
        # Somebody else was first; the code that nobody knows goes away.
        desk.connection.execute(sa.delete(desk.tables.coupons).where(desk.tables.coupons.c.id == coupon_id))
    found = _issued(desk, issue_key, customer, lately=True)
    assert found is not None
    return found


def _until(expires: datetime | timedelta | None) -> Any:
    """The first moment after, by the clock of the database where a span of time is given."""
    if isinstance(expires, timedelta):
        if expires <= timedelta(0):
            raise CouponError(f"a code that expires in {expires} would never be good; leave it out for one that stays")
        return database_clock.now(expires)
    if expires is not None and expires.tzinfo is None:
        raise CouponError("expires must have a time zone, like datetime.now(UTC) + timedelta(days=7)")
    return expires


def _issued(desk: Desk, issue_key: str, customer: str, *, lately: bool = False) -> Coupon | None:
    issues = desk.tables.issues
    found = sa.select(issues.c.coupon_id, issues.c.customer).where(issues.c.issue_key == issue_key)
    # A locking read sees what others have committed by now, whatever the transaction saw before.
    row = desk.connection.execute(found.with_for_update() if lately else found).first()
    if row is None:
        return None
    if row.customer != customer:
        raise CouponError(f'the issue key "{issue_key}" belongs to another customer')
    return coupon_of(desk.connection.execute(coupons(desk.tables, desk.tables.coupons.c.id == row.coupon_id)).one())


def _personal_batch(desk: Desk, rule_id: int, pattern: Pattern, source: str) -> int:
    """The batch that holds the codes of one rule, pattern and source; made with the first one."""
    text = "\x1f".join((str(rule_id), pattern.text, pattern.alphabet, source))
    name = f"personal:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    table = desk.tables.batches
    found = desk.connection.scalar(sa.select(table.c.id).where(table.c.name == name))
    if found is not None:
        return int(found)
    batches.lock_patterns(desk)
    shapes.check_new(desk, pattern)
    pattern.check_room(desk.limits.personal, desk.limits.density)
    return batches.inserted(desk, name, rule_id, pattern, source, asked=0, personal=True)


def _unused(desk: Desk, rule_id: int, batch_id: int, customer: str, until: Any, bound: bool) -> int | None:
    """A code that this customer was given for the same, and has not used; good for as long as a new one would be."""
    table, issues = desk.tables.coupons, desk.tables.issues
    given = sa.select(issues.c.coupon_id).where(issues.c.customer == customer, issues.c.rule_id == rule_id)
    found = desk.connection.scalar(
        sa.select(table.c.id)
        .where(table.c.id.in_(given), table.c.batch_id == batch_id, table.c.customer == customer)
        .where(table.c.state == CouponState.ACTIVE.value, table.c.used == 0, table.c.bound == bound)
        .where(database_clock.is_not_over(table.c.expires))
        .order_by(table.c.id.desc())
        .limit(1)
        .with_for_update()
    )
    if found is None:
        return None
    wanted = sa.literal(until, table.c.expires.type) if isinstance(until, datetime) else until
    later = sa.null() if until is None else sa.case((table.c.expires > wanted, table.c.expires), else_=wanted)
    renewed = sa.update(table).where(table.c.id == found, table.c.expires.is_not(None)).values(expires=later)
    desk.connection.execute(renewed)
    return int(found)


def _made(desk: Desk, pattern: Pattern, owner: str, **values: Any) -> int:
    """The id of a new code."""
    table = desk.tables.coupons
    for _ in range(_TRIES):
        code = pattern.codes(1, owner)[0]
        row = {"code": code, "state": CouponState.ACTIVE.value, "used": 0, "starts": None}
        if desk.insert_new(table, **row, **values, created_at=database_clock.now()):
            return int(desk.connection.scalar(sa.select(table.c.id).where(table.c.code == code)) or 0)
    raise PatternError(f'"{pattern.text}" has no codes left that are not taken; write more #')


def choose(
    desk: Desk,
    key: str,
    typed: str,
    *,
    max_uses: int | None,
    starts: datetime | None,
    expires: datetime | timedelta | None,
    customer: str | None,
) -> Coupon:
    """A code that somebody chose, such as SUMMER25; anybody may guess it."""
    code = normalised(typed)
    if code is None or len(code) < _SHORTEST:
        raise PatternError(
            f"{typed!r} cannot be a code: use {_SHORTEST} to 64 letters and digits; dashes are for the eye"
        )
    rule_id, _ = batches.issuing_rule(desk, key)
    batches.lock_patterns(desk)
    shapes.check_chosen(desk, code)
    new = desk.insert_new(
        desk.tables.coupons, code=code, rule_id=rule_id, batch_id=None, customer=customer,
        bound=customer is not None, state=CouponState.ACTIVE.value, max_uses=max_uses, used=0, starts=starts,
        expires=_until(expires), created_at=database_clock.now(),
    )  # fmt: skip
    if not new:
        raise BatchError(f'there is a code "{code}" already')
    return coupon_of(desk.connection.execute(coupons(desk.tables, desk.tables.coupons.c.code == code)).one())


def checked_issue_key(given: Any) -> str:
    """An issue key as it is kept."""
    return identity(given, "issue key")
