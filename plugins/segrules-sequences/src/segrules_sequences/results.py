"""What came of the mails: goals that were reached, with and without them, and what plugins say was redeemed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

import sqlalchemy as sa
from attrs import field, frozen

from segrules_sequences.setting import Setting
from segrules_sequences.states import OUT

#: A sequence by its id, a step and a variant by their names.
Place: TypeAlias = tuple[int, str, str | None]


@frozen
class Reached:
    """``reached`` of ``of`` have reached the goal, which was worth so much in all."""

    of: int = 0
    reached: int = 0
    value: Decimal = Decimal(0)
    #: From 0 to 1; None where there was nobody.
    rate: float | None = field(init=False)

    @rate.default
    def _rate(self) -> float | None:
        return self.reached / self.of if self.of else None

    @classmethod
    def sum(cls, parts: Iterable[Reached]) -> Reached:
        """All of these together."""
        listed = list(parts)
        return cls(
            sum(p.of for p in listed), sum(p.reached for p in listed), sum((p.value for p in listed), Decimal(0))
        )


@frozen
class Redeemed:
    """Of so many coupons ``issued`` with mails so many were ``redeemed``, for orders worth so much by currency."""

    issued: int = 0
    redeemed: int = 0
    revenue: Mapping[str, Decimal] = field(factory=dict)

    @classmethod
    def sum(cls, parts: Iterable[Redeemed]) -> Redeemed:
        """All of these together."""
        listed, revenue = list(parts), dict[str, Decimal]()
        for part in listed:
            for currency, amount in part.revenue.items():
                revenue[currency] = revenue.get(currency, Decimal(0)) + amount
        return cls(sum(p.issued for p in listed), sum(p.redeemed for p in listed), revenue)


def by_arm(setting: Setting, connection: sa.Connection, sequences: Collection[int]) -> dict[tuple[int, bool], Reached]:
    """Of each sequence the runs that got mails, and those that were held out (True)."""
    e = setting.tables.enrolments
    runs = (
        sa.select(
            e.c.sequence_id, e.c.held_out, sa.func.count(), sa.func.count(e.c.goal_at), sa.func.sum(e.c.goal_value)
        )
        .where(e.c.sequence_id.in_(sequences), e.c.measured_at.is_not(None))
        .group_by(e.c.sequence_id, e.c.held_out)
    )
    return {
        (sequence, bool(held_out)): Reached(of, reached, value or Decimal(0))
        for sequence, held_out, of, reached, value in connection.execute(runs)
    }


def by_step(setting: Setting, connection: sa.Connection, sequences: Collection[int]) -> dict[Place, Reached]:
    """Mails that went out before the goal was reached, and goals that are credited to them."""
    e, d = setting.tables.enrolments, setting.tables.deliveries
    place = (d.c.sequence_id, d.c.step, d.c.variant)
    of_run = d.join(e, e.c.id == d.c.enrolment_id)
    credited = e.c.goal_delivery_id == d.c.id
    mails = (
        sa.select(
            *place, sa.func.count(), sa.func.sum(sa.case((credited, 1), else_=0)),
            sa.func.sum(sa.case((credited, e.c.goal_value))),
        )
        .select_from(of_run)
        .where(d.c.sequence_id.in_(sequences), d.c.state.in_(OUT), e.c.measured_at.is_not(None))
        .where(sa.or_(e.c.goal_at.is_(None), d.c.begun_at <= e.c.goal_at, credited))
        .group_by(*place)
    )  # fmt: skip
    return {
        (sequence, step, variant): Reached(of, int(reached), value or Decimal(0))
        for sequence, step, variant, of, reached, value in connection.execute(mails)
    }


def coupons(setting: Setting, connection: sa.Connection, sequences: Collection[int]) -> dict[Place, Redeemed]:
    """How many coupons went with mails, and what plugins say became of them."""
    d = setting.tables.deliveries
    place = (d.c.sequence_id, d.c.step, d.c.variant)
    of_mails = (d.c.sequence_id.in_(sequences), d.c.coupon.is_(True))
    issued = sa.select(*place, sa.func.count()).where(*of_mails, d.c.state.in_(OUT)).group_by(*place)
    parts: dict[Place, list[Redeemed]] = {}
    for sequence, step, variant, count in connection.execute(issued):
        parts.setdefault((sequence, step, variant), []).append(Redeemed(count))
    if not parts:
        return {}
    for answer in setting.plugins.hook.segrules_step_redemptions(connection=connection):
        if answer is None:
            continue
        told = answer.subquery("told")
        mails = d.join(told, told.c.key == d.c.idem_key)
        counts = sa.select(*place, sa.func.count(sa.distinct(d.c.id))).select_from(mails).where(*of_mails)
        for sequence, step, variant, count in connection.execute(counts.group_by(*place)):
            parts.setdefault((sequence, step, variant), []).append(Redeemed(0, count))
        worth = sa.select(*place, told.c.currency, sa.func.sum(told.c.revenue)).select_from(mails).where(*of_mails)
        known = worth.where(told.c.revenue.is_not(None)).group_by(*place, told.c.currency)
        for sequence, step, variant, currency, revenue in connection.execute(known):
            parts.setdefault((sequence, step, variant), []).append(Redeemed(revenue={currency or "": revenue}))
    return {place: Redeemed.sum(several) for place, several in parts.items()}
