"""Goals that were reached: found for whole sets of customers, each counted once, for the run that it belongs to.

A run counts from the moment in which its first mail begins to go out, or would for those who are held out; so both are
counted the same way. Of several runs of one customer the latest one that counts is meant, and in it the earliest goal,
in whatever order they are heard of. The credit goes to the last mail that went out before.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from segrules.shop.columns import Money

from segrules_sequences.clock import Instant
from segrules_sequences.definitions import Goal
from segrules_sequences.states import OUT
from segrules_sequences.tables import Tables


def credit(
    connection: sa.Connection, tables: Tables, sequence: int, goal: Goal, *, at: datetime,
    customers: sa.Select[Any] | None = None, customer: Any = None, value: Decimal | None = None,
) -> int:  # fmt: skip
    """These customers, or this one, have reached the goal of a sequence at a moment; for how many runs that counts."""
    e, d = tables.enrolments, tables.deliveries
    own = e.alias("own")
    whose = own.c.customer_id == customer if customers is None else own.c.customer_id.in_(customers)
    latest = (
        sa.select(sa.func.max(own.c.id).label("id"))
        .where(own.c.sequence_id == sequence, whose, own.c.measured_at <= at)
        .group_by(own.c.customer_id)
        .subquery("latest")
    )
    touch = (
        sa.select(d.c.id)
        .where(d.c.enrolment_id == e.c.id, d.c.state.in_(OUT), d.c.begun_at <= at)
        .order_by(d.c.begun_at.desc(), d.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.update(e)
        .where(e.c.sequence_id == sequence, e.c.measured_at <= at, e.c.measured_at >= at - goal.within)
        .where(sa.or_(e.c.goal_at.is_(None), e.c.goal_at > at), e.c.id.in_(sa.select(latest.c.id)))
        .values(goal_at=sa.literal(at, Instant()), goal_value=sa.literal(value, Money()), goal_delivery_id=touch)
    )
    if customers is None:
        statement = statement.where(e.c.customer_id == customer)
    return connection.execute(statement).rowcount
