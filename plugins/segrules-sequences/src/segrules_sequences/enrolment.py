"""Runs of customers through sequences: begun and stopped by whole sets, in the transaction of the refresh.

Whoever stops runs writes deliveries first and runs second, as the worker does, so that the two never wait for each
other in a circle.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from collections.abc import Sequence as Listed
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from segrules.hookspecs import MembersChanged, Reason

from segrules_sequences.clock import Clock, DatabaseClock, Instant
from segrules_sequences.definitions import Sequence, Status, Trigger, goal_key
from segrules_sequences.goals import credit, runs_of
from segrules_sequences.lengths import Delay
from segrules_sequences.spelling import from_plain
from segrules_sequences.statements import RunStatements
from segrules_sequences.states import WAITING, RunState, State, Why
from segrules_sequences.tables import Tables

#: The set-based plan knows no zones, so a local delay is looked at so much earlier, and put off to its exact moment.
_EARLY = timedelta(hours=3)

_GONE = {Reason.DEACTIVATED: Why.SEGMENT_OFF, Reason.DELETED: Why.SEGMENT_GONE}


@frozen(eq=False)
class Kept:
    """A sequence with the id of its row."""

    id: int
    sequence: Sequence

    @classmethod
    def of(cls, row: Any) -> Kept:
        """The sequence of a row."""
        definition = json.loads(row.definition) | {"status": row.status}
        return cls(row.id, from_plain(definition, name=row.name, version=row.version))


def members_changed(connection: sa.Connection, change: MembersChanged) -> None:
    """Enrol who entered and stop who left, when the sequences keep their tables beside the segment's store."""
    customer = change.entered.selected_columns[0].type
    tables = Tables.of(customer, prefix=change.prefix, schema=change.schema)
    if sa.inspect(connection).has_table(tables.sequences.name, schema=change.schema):
        Runs(tables, DatabaseClock()).changed(connection, change)


@frozen(eq=False)
class Runs:
    """Begins, goes on with, and stops runs."""

    tables: Tables
    clock: Clock
    _statements: RunStatements = field(init=False, repr=False)

    @_statements.default
    def _made_once(self) -> RunStatements:
        return RunStatements(self.tables, self.clock)

    # --- sets ---

    def changed(self, connection: sa.Connection, change: MembersChanged) -> None:
        """What a change of a segment's members means for its sequences."""
        sequences = self.tables.sequences
        concerned = sa.or_(
            sequences.c.segment == change.segment, sequences.c.goal == goal_key("segment", change.segment)
        )
        found = [Kept.of(row) for row in connection.execute(sa.select(sequences).where(concerned))]
        goals = {each.id: each.sequence.goal for each in found if each.sequence.goal is not None}
        reached = {id_: goal for id_, goal in goals.items() if change.entered_count and goal.segment == change.segment}
        kept = [each for each in found if each.sequence.segment == change.segment]
        if not found:
            return
        entering = [each for each in kept if each.sequence.on is Trigger.ENTER]
        leaving = [each for each in kept if each.sequence.on is Trigger.EXIT]
        gone = _GONE.get(change.reason)
        stopped = [each.id for each in entering if each.sequence.stop or gone is not None]
        returned = [each.id for each in leaving if each.sequence.stop]
        ended = [id_ for id_, goal in reached.items() if goal.ends]
        if ended:
            self.stop(connection, Why.GOAL, ended, change.entered, at=change.at)
        if stopped and change.left_count:
            self.stop(connection, gone or Why.LEFT, stopped, change.left, at=change.at)
        if returned and change.entered_count:
            self.stop(connection, Why.CAME_BACK, returned, change.entered, at=change.at)
        for id_, goal in reached.items():
            credit(connection, self.tables, runs_of(self.tables, id_, goal, change.entered, change.at), at=change.at)
        for each in entering if change.entered_count else ():
            self._enrol(connection, each, kept, change.entered, change.at)
        # Nobody has left a segment that was switched off or deleted: it is the segment that went.
        for each in leaving if change.left_count and gone is None else ():
            self._enrol(connection, each, kept, change.left, change.at)

    def stop(
        self,
        connection: sa.Connection,
        why: Why,
        sequences: Collection[int] | None = None,
        customers: sa.Select[Any] | None = None,
        *,
        customer: Any = None,
        at: datetime | None = None,
    ) -> int:
        """End the runs of these customers (or this one, or all) in these sequences (or all); how many there were."""
        deliveries, enrolments = self.tables.deliveries, self.tables.enrolments
        now = self.clock.now() if at is None else sa.literal(at, Instant())

        def chosen(table: sa.Table, whose: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
            found: list[sa.ColumnElement[bool]] = []
            if sequences is not None:
                found.append(table.c.sequence_id.in_(sequences))
            if customer is not None:
                found.append(whose == customer)
            if customers is not None:
                found.append(whose.in_(customers))
            return found

        by = "sequence" if customer is None and customers is None else "customer"
        connection.execute(
            by_index(sa.update(deliveries), deliveries, by)
            .where(deliveries.c.state.in_(WAITING), *chosen(deliveries, deliveries.c.customer_id))
            .values(state=State.SKIPPED, reason=why, ended_at=now, lease_until=None)
        )
        return connection.execute(
            sa.update(enrolments)
            .where(enrolments.c.running_id.is_not(None), *chosen(enrolments, enrolments.c.running_id))
            .values(state=RunState.STOPPED, reason=why, running_id=None, ended_at=now)
        ).rowcount

    def _enrol(
        self, connection: sa.Connection, kept: Kept, all_kept: Listed[Kept], customers: sa.Select[Any], at: datetime
    ) -> None:
        sequence = kept.sequence
        if sequence.status is Status.OFF:
            return
        enrolments, deliveries = self.tables.enrolments, self.tables.deliveries
        come = customers.subquery("come")
        customer = come.c[0]
        earlier = enrolments.alias("earlier")
        of_both = [earlier.c.sequence_id == kept.id, earlier.c.customer_id == customer]
        statement = sa.select(
            sa.literal(kept.id, sa.BigInteger),
            customer,
            customer.label("running_id"),
            sa.literal(RunState.ACTIVE.value, sa.String),
            sa.literal(sequence.version, sa.Integer),
            sa.literal(at, Instant()),
        ).where(~sa.exists().where(earlier.c.sequence_id == kept.id, earlier.c.running_id == customer))
        if sequence.reentry is None:
            statement = statement.where(~sa.exists().where(*of_both))
        elif sequence.reentry:
            since = sa.literal(at - sequence.reentry, Instant())
            statement = statement.where(~sa.exists().where(*of_both, earlier.c.ended_at > since))
        others = [each.id for each in all_kept if each.id != kept.id]
        if others and not sequence.overlap:
            other = enrolments.alias("other")
            statement = statement.where(
                ~sa.exists().where(other.c.sequence_id.in_(others), other.c.running_id == customer)
            )
        names = ["sequence_id", "customer_id", "running_id", "state", "version", "enrolled_at"]
        connection.execute(enrolments.insert().from_select(names, statement))
        step = sequence.steps[0]
        first = {
            "step": sa.literal(step.name, sa.String),
            "position": sa.literal(1, sa.Integer),
            "state": sa.literal(_begins(sequence).value, sa.String),
            "planned_at": sa.literal(at + step.delay.length, Instant()),
            "due_at": sa.literal(_looked_at(at + step.delay.length, step.delay), Instant()),
            "attempts": sa.literal(0, sa.Integer),
            "token": sa.literal(0, sa.BigInteger),
            "version": sa.literal(sequence.version, sa.Integer),
        }
        there = sa.exists().where(deliveries.c.enrolment_id == enrolments.c.id)
        begun = (
            sa.select(enrolments.c.id, enrolments.c.sequence_id, enrolments.c.customer_id, *first.values())
            .select_from(come.join(enrolments, enrolments.c.running_id == customer))
            .where(enrolments.c.sequence_id == kept.id, ~there)
        )
        names = ["enrolment_id", "sequence_id", "customer_id", *first]
        connection.execute(deliveries.insert().from_select(names, begun))

    # --- one run ---

    def advance(
        self, connection: sa.Connection, kept: Kept, delivery: Any, *, enrolled_at: datetime, mailed_at: datetime | None
    ) -> None:
        """Plan the step behind a delivery that has just ended, or finish the run; nothing when it was stopped.

        ``mailed_at`` is the moment at which this delivery went out, None when it did not.
        """
        sequence = kept.sequence
        following = self._following(connection, sequence, delivery)
        if following is None:
            connection.execute(self._statements.finish, {"the_run": delivery.enrolment_id})
            return
        step = sequence.steps[following]
        planned = enrolled_at + step.delay.length
        due = _looked_at(planned, step.delay)
        if mailed_at is not None:
            due = max(due, mailed_at + gap(sequence, delivery.step, step.name))
        connection.execute(
            self._statements.follow,
            {
                "the_run": delivery.enrolment_id, "next_step": step.name, "next_position": following + 1,
                "next_state": _begins(sequence).value, "next_planned_at": planned, "next_due_at": due,
                "next_version": sequence.version,
            },
        )  # fmt: skip

    def end(self, connection: sa.Connection, enrolment: int, state: RunState, why: Why) -> None:
        """One run is over."""
        enrolments = self.tables.enrolments
        connection.execute(
            sa.update(enrolments)
            .where(enrolments.c.id == enrolment, enrolments.c.state == RunState.ACTIVE)
            .values(state=state, reason=why, running_id=None, ended_at=self.clock.now())
        )

    def _following(self, connection: sa.Connection, sequence: Sequence, delivery: Any) -> int | None:
        """The place of the step behind a delivery's; where the sequence was changed, the next one not yet planned."""
        if delivery.version == sequence.version:
            return delivery.position if delivery.position < len(sequence.steps) else None
        deliveries = self.tables.deliveries
        of_run = sa.select(deliveries.c.step).where(deliveries.c.enrolment_id == delivery.enrolment_id)
        done = set(connection.scalars(of_run))
        names = [each.name for each in sequence.steps]
        start = names.index(delivery.step) + 1 if delivery.step in names else delivery.position - 1
        return next((place for place in range(start, len(names)) if names[place] not in done), None)


def by_index(statement: sa.Update, deliveries: sa.Table, name: str) -> sa.Update:
    """The statement with the index by which MariaDB finds the deliveries.

    By one that holds the state it would lock entries that a worker, who holds the row, is about to change: a deadlock.
    """
    for dialect in ("mysql", "mariadb"):
        statement = statement.with_hint(f"FORCE INDEX (ix_{deliveries.name}_{name})", dialect_name=dialect)
    return statement


def gap(sequence: Sequence, before: str, name: str) -> timedelta:
    """How far two steps of one run are apart at least: the sequence's gap, or as far as their delays say, if less."""
    one, other = sequence.step(before), sequence.step(name)
    if one is None or other is None:
        return sequence.gap
    return min(sequence.gap, max(other.delay.length - one.delay.length, timedelta(0)))


def _begins(sequence: Sequence) -> State:
    return State.HELD if sequence.status is Status.PAUSED else State.PLANNED


def _looked_at(moment: datetime, delay: Delay) -> datetime:
    return moment - _EARLY if delay.local else moment
