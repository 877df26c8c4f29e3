"""Events that a shop reports of its customers, an order for instance: heard once, and counted where they are a goal."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from segrules_sequences.definitions import Goal, goal_key, named
from segrules_sequences.enrolment import Kept
from segrules_sequences.errors import SequenceError
from segrules_sequences.goals import credit
from segrules_sequences.outcome import insert_ignoring
from segrules_sequences.setting import Setting
from segrules_sequences.states import Why

PROVIDER, KIND = "shop", "conversion"
#: An event has its name before its id, and both in one column.
LONGEST_ID = 120
#: What the column of a value takes.
_MOST, _DECIMALS = Decimal(10) ** 12, 4
#: Clocks may differ by so much.
_AHEAD = timedelta(hours=1)


def heard(
    setting: Setting, connection: sa.Connection, customer: Any, *, event: str, event_id: str,
    at: datetime | None = None, value: Decimal | int | str | None = None,
) -> int:  # fmt: skip
    """A customer did what some sequences have as their goal; for how many runs it counts.

    Raises SequenceError for what cannot be. An event that was heard already counts for none.
    """
    named("kind of event", event)
    named("report of an event", event_id, LONGEST_ID)
    worth = _worth(value)
    now = connection.scalar(sa.select(setting.clock.now()))
    assert now is not None
    at = _moment(at, now)
    goals = _goals(setting, connection, event)
    runs = _runs(setting, connection, customer, list(goals))
    if not runs:
        return 0
    row = {
        "provider": PROVIDER, "provider_event_id": f"{event}:{event_id}", "kind": KIND, "detail": event,
        "customer_id": customer, "at": at, "received_at": now,
    }  # fmt: skip
    if not insert_ignoring(connection, setting.tables.events, row):
        return 0
    counting: dict[int, int] = {}
    for run in runs:
        goal = goals[run.sequence_id]
        if run.running_id is not None and run.enrolled_at <= at and goal.ends:
            setting.runs.stop(connection, Why.GOAL, [run.sequence_id], customer=customer)
        if run.measured_at is not None and at - goal.within <= run.measured_at <= at:
            counting[run.sequence_id] = run.id  # the latest one, since they come in their order
    those = setting.tables.enrolments.c.id.in_(counting.values())
    return credit(connection, setting.tables, those, at=at, value=worth) if counting else 0


def _goals(setting: Setting, connection: sa.Connection, event: str) -> dict[int, Goal]:
    """The sequences that have this event as their goal."""
    sequences = setting.tables.sequences
    rows = connection.execute(sa.select(sequences).where(sequences.c.goal == goal_key("event", event)))
    kept = [Kept.of(row) for row in rows]
    return {each.id: each.sequence.goal for each in kept if each.sequence.goal is not None}


def _runs(setting: Setting, connection: sa.Connection, customer: Any, sequences: list[int]) -> list[Any]:
    e = setting.tables.enrolments
    own = sa.select(e.c.id, e.c.sequence_id, e.c.running_id, e.c.enrolled_at, e.c.measured_at).where(
        e.c.customer_id == customer, e.c.sequence_id.in_(sequences)
    )
    return list(connection.execute(own.order_by(e.c.id))) if sequences else []


def _moment(at: datetime | None, now: datetime) -> datetime:
    if at is None:
        return now
    if at.tzinfo is None:
        raise SequenceError(
            f"the moment {at.isoformat()} of an event has no time zone; give one like datetime.now(UTC)"
        )
    if at > now + _AHEAD:
        raise SequenceError(f"the moment {at.isoformat()} of an event has not come yet; it is {now.isoformat()}")
    return at


def _worth(value: Decimal | int | str | None) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, (float, bool)):
        raise SequenceError(f"the value {value!r} of an event is a {type(value).__name__}; amounts are Decimal or int")
    try:
        found = Decimal(value)
        fits = 0 <= found < _MOST and round(found, _DECIMALS) == found
    except (InvalidOperation, TypeError, ValueError):
        fits = False
    if not fits:
        raise SequenceError(f"the value {value!r} of an event is no amount; write one like 49.90")
    return found
