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
    connection: sa.Connection,
    tables: Tables,
    runs: sa.ColumnElement[bool],
    *,
    at: datetime,
    value: Decimal | None = None,
) -> int:
    """These runs have reached their goal at a moment; of how many it is the earliest that is known."""
    e, d = tables.enrolments, tables.deliveries
    touch = (
        sa.select(d.c.id)
        .where(d.c.enrolment_id == e.c.id, d.c.state.in_(OUT), d.c.begun_at <= at)
        .order_by(d.c.begun_at.desc(), d.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.update(e)
        .where(runs, sa.or_(e.c.goal_at.is_(None), e.c.goal_at > at))
        .values(goal_at=sa.literal(at, Instant()), goal_value=sa.literal(value, Money()), goal_delivery_id=touch)
    )
    return connection.execute(statement).rowcount


def runs_of(
    tables: Tables, sequence: int, goal: Goal, customers: sa.Select[Any], at: datetime
) -> sa.ColumnElement[bool]:
    """The runs for which it counts when these customers reach the goal of a sequence at a moment."""
    e = tables.enrolments
    own = e.alias("own")

    def counting(table: Any) -> sa.ColumnElement[bool]:
        moments = table.c.measured_at.between(at - goal.within, at)
        return sa.and_(table.c.sequence_id == sequence, moments)

    latest = (
        sa.select(sa.func.max(own.c.id).label("id"))
        .where(counting(own), own.c.customer_id.in_(customers))
        .group_by(own.c.customer_id)
        .subquery("latest")
    )
    return sa.and_(counting(e), e.c.id.in_(sa.select(latest.c.id)))
