"""What becomes of a sequence when its segment gets another name, or is to be deleted."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from segrules.hookspecs import SegmentChange

from segrules_sequences.clock import Clock, DatabaseClock
from segrules_sequences.definitions import Status, goal_key
from segrules_sequences.tables import Tables


def segment_changing(connection: sa.Connection, change: SegmentChange) -> list[str]:
    """Sequences follow their segment to its new name, each as a version of its own; a deletion is up to those that run.

    Gives what does not allow the change.
    """
    # Nothing about customers is read or written, so their type does not matter.
    tables = Tables.of(sa.BigInteger(), prefix=change.prefix, schema=change.schema)
    s = tables.sequences
    if not sa.inspect(connection).has_table(s.name, schema=change.schema):
        return []
    concerned = sa.or_(s.c.segment == change.segment, s.c.goal == goal_key("segment", change.segment))
    rows = connection.execute(sa.select(s).where(concerned).with_for_update()).all()
    if change.new is None:
        return [f'the sequence "{row.name}", which is {row.status}' for row in rows if row.status != Status.OFF.value]
    for row in rows:
        _follow(connection, tables, DatabaseClock(), row, change.segment, change.new)
    return []


def _follow(
    connection: sa.Connection, tables: Tables, clock: Clock, row: sa.Row[tuple[Any, ...]], old: str, new: str
) -> None:
    s, now = tables.sequences, clock.now()
    plain = json.loads(row.definition)
    for each in (plain, plain.get("goal", {})):
        if each.get("segment") == old:
            each["segment"] = new
    definition = json.dumps(plain, ensure_ascii=False)
    goal = goal_key("segment", new) if row.goal == goal_key("segment", old) else row.goal
    values = {"segment": plain["segment"], "goal": goal, "version": row.version + 1, "definition": definition}
    connection.execute(sa.update(s).where(s.c.id == row.id).values(**values, updated_at=now))
    version = {"sequence_id": row.id, "version": row.version + 1, "definition": definition, "saved_at": now}
    connection.execute(tables.versions.insert().values(version))
