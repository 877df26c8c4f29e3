"""What has become of the codes: made, used, worth how much; for each rule, or for what the codes were made for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules_coupons import database_clock
from segrules_coupons.coupon import CouponState
from segrules_coupons.redeeming import UseState
from segrules_coupons.transactions import Desk


@define(kw_only=True)
class Figures:
    """The figures of one rule and source.

    ``issued`` codes were made, of which ``cleaned`` were deleted since, and of the others ``live`` can be used now.
    Uses are ``reserved``, ``confirmed``, or over (``released``, ``expired``). ``discount`` and ``revenue`` are those
    of the confirmed ones, by currency; the revenue is what the shop gave with the confirmation.
    """

    rule: str
    source: str
    issued: int = 0
    cleaned: int = 0
    live: int = 0
    reserved: int = 0
    confirmed: int = 0
    released: int = 0
    expired: int = 0
    discount: Mapping[str, Decimal] = field(factory=dict)
    revenue: Mapping[str, Decimal] = field(factory=dict)


def statistics(desk: Desk, rule: str | None = None) -> list[Figures]:
    """The figures of each rule and source, or of those of one rule; codes that somebody chose have no source."""
    found: dict[tuple[str, str], Figures] = {}

    def figures(row: Any) -> Figures:
        key = row.rule_key, row.source or ""
        return found.setdefault(key, Figures(rule=key[0], source=key[1]))

    for row in _all(desk, _rules(desk), rule):
        figures(row)
    for row in _all(desk, _cleaned(desk), rule):
        figures(row).cleaned = int(row.number)
        figures(row).issued += int(row.number)
    for row in _all(desk, _codes(desk), rule):
        figures(row).issued += int(row.number)
        figures(row).live = int(row.live or 0)
    for row in _all(desk, _uses(desk), rule):
        _count(figures(row), row)
    return [found[key] for key in sorted(found)]


def _count(figures: Figures, row: sa.Row[Any]) -> None:
    state = UseState(row.state)
    setattr(figures, state.value, getattr(figures, state.value) + int(row.number))
    if state is UseState.CONFIRMED:
        for name in ("discount", "revenue"):
            amount = getattr(row, name)
            if amount is not None:
                sums: dict[str, Decimal] = dict(getattr(figures, name))
                sums[row.currency or ""] = sums.get(row.currency or "", Decimal(0)) + amount
                setattr(figures, name, sums)


def _all(desk: Desk, statement: sa.Select[Any], rule: str | None) -> list[sa.Row[Any]]:
    if rule is not None:
        statement = statement.where(desk.tables.rules.c.key == rule)
    return list(desk.connection.execute(statement))


def _rules(desk: Desk) -> sa.Select[Any]:
    table = desk.tables.rules
    return sa.select(table.c.key.label("rule_key"), sa.literal("").label("source"))


def _cleaned(desk: Desk) -> sa.Select[Any]:
    rules, batches = desk.tables.rules, desk.tables.batches
    return (
        sa.select(rules.c.key.label("rule_key"), batches.c.source, sa.func.sum(batches.c.cleaned).label("number"))
        .select_from(batches.join(rules, rules.c.id == batches.c.rule_id))
        .group_by(rules.c.key, batches.c.source)
    )


def _codes(desk: Desk) -> sa.Select[Any]:
    rules, batches, coupons = desk.tables.rules, desk.tables.batches, desk.tables.coupons
    can_be_used = sa.and_(
        coupons.c.state == CouponState.ACTIVE.value,
        database_clock.is_not_over(coupons.c.expires),
        sa.or_(coupons.c.max_uses.is_(None), coupons.c.used < coupons.c.max_uses),
    )
    joined = coupons.join(rules, rules.c.id == coupons.c.rule_id)
    return (
        sa.select(
            rules.c.key.label("rule_key"),
            batches.c.source,
            sa.func.count().label("number"),
            sa.func.sum(sa.case((can_be_used, 1), else_=0)).label("live"),
        )
        .select_from(joined.outerjoin(batches, batches.c.id == coupons.c.batch_id))
        .group_by(rules.c.key, batches.c.source)
    )


def _uses(desk: Desk) -> sa.Select[Any]:
    rules, batches, coupons, uses = desk.tables.rules, desk.tables.batches, desk.tables.coupons, desk.tables.uses
    joined = uses.join(rules, rules.c.id == uses.c.rule_id)
    joined = joined.outerjoin(coupons, coupons.c.id == uses.c.coupon_id)
    return (
        sa.select(
            rules.c.key.label("rule_key"),
            batches.c.source,
            uses.c.state,
            uses.c.currency,
            sa.func.count().label("number"),
            sa.func.sum(uses.c.discount).label("discount"),
            sa.func.sum(uses.c.revenue).label("revenue"),
        )
        .select_from(joined.outerjoin(batches, batches.c.id == coupons.c.batch_id))
        .group_by(rules.c.key, batches.c.source, uses.c.state, uses.c.currency)
    )
