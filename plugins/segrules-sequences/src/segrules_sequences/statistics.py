"""How the sequences stand, in numbers: per segment, sequence and step, per day, and right now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from attrs import evolve, field, frozen

from segrules_sequences.clock import Instant
from segrules_sequences.comparing import Comparison, compared
from segrules_sequences.definitions import Sequence
from segrules_sequences.results import Place, Reached, Redeemed, by_arm, by_step, coupons
from segrules_sequences.setting import Setting
from segrules_sequences.states import ENDED, RunState, State


@frozen(kw_only=True)
class VariantFigures:
    """One variant of a step: mails of it, and the goals that are credited to them, against those of the first one.

    A mail has a variant once it is written.
    """

    variant: str
    sending: int = 0
    sent: int = 0
    in_doubt: int = 0
    failed: int = 0
    goal: Reached | None = None
    coupons: Redeemed | None = None
    against_first: Comparison | None = None


@frozen(kw_only=True)
class StepFigures:
    """One step: how many mails stand where, and why those that were skipped or failed did not go out.

    ``goal`` tells of the goals that are credited to its mails, ``coupons`` of those that went with them.
    """

    step: str
    scheduled: int = 0
    sending: int = 0
    sent: int = 0
    in_doubt: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Mapping[str, int] = field(factory=dict)
    goal: Reached | None = None
    coupons: Redeemed | None = None
    variants: tuple[VariantFigures, ...] = ()


@frozen(kw_only=True)
class Figures:
    """One sequence: runs started, running, finished, stopped (and why), held out; and each of its steps.

    Where it has a ``goal``: how many reached it of those who were ``mailed``, and of those who would have been and were
    ``not_mailed``, and the one against the other.
    """

    sequence: str
    segment: str
    on: str
    status: str
    note: str | None = None
    started: int = 0
    running: int = 0
    finished: int = 0
    stopped: int = 0
    held_out: int = 0
    reasons: Mapping[str, int] = field(factory=dict)
    goal: str | None = None
    mailed: Reached | None = None
    not_mailed: Reached | None = None
    against_none: Comparison | None = None
    steps: tuple[StepFigures, ...] = ()

    @property
    def sent(self) -> int:
        """Mails sent, of all steps."""
        return sum(each.sent for each in self.steps)


@frozen(kw_only=True)
class DayFigures:
    """What happened to one sequence on one day of the shop's calendar; ``reached`` are goals of those who got mails."""

    sequence: str
    segment: str
    started: int
    sent: int
    failed: int
    skipped: int
    in_doubt: int
    stopped: int
    reached: int
    value: Decimal


@frozen(kw_only=True)
class Standing:
    """How the work stands now: what is due and since when, what is dead or in doubt, which senders rest."""

    at: datetime
    planned: int
    due: int
    late: timedelta
    leased: int
    transmitting: int
    held: int
    in_doubt: int
    failed: int
    workers: tuple[str, ...]
    resting: Mapping[str, tuple[datetime, str]]
    paused: Mapping[str, str]


_T = TypeVar("_T")
_NUMBER = sa.func.count()
_SENDING = (State.LEASED, State.TRANSMITTING)
_SCHEDULED = (State.PLANNED, State.HELD)


def figures(
    setting: Setting, connection: sa.Connection, kept: Any, *, segment: str | None = None, sequence: str | None = None
) -> list[Figures]:
    """The figures of these sequences; of all, those of one segment, or one."""
    chosen = [
        each for each in kept if segment in (None, each.sequence.segment) and sequence in (None, each.sequence.name)
    ]
    counts = _Counts(
        setting, connection, [each.id for each in chosen], [each.id for each in chosen if each.sequence.goal]
    )
    return [counts.of(each.id, each.sequence) for each in chosen]


class _Counts:
    """All that is counted, of all sequences at once."""

    def __init__(self, setting: Setting, connection: sa.Connection, ids: list[int], with_goals: list[int]) -> None:
        t = setting.tables
        d, e = t.deliveries, t.enrolments
        notes = connection.execute(sa.select(t.sequences.c.id, t.sequences.c.note))
        self.notes = {row.id: row.note for row in notes}
        self.runs = connection.execute(
            sa.select(e.c.sequence_id, e.c.state, e.c.held_out, e.c.reason, sa.func.count())
            .where(e.c.sequence_id.in_(ids))
            .group_by(e.c.sequence_id, e.c.state, e.c.held_out, e.c.reason)
        ).all()
        self.mails = connection.execute(
            sa.select(d.c.sequence_id, d.c.step, d.c.variant, d.c.state, d.c.reason, sa.func.count())
            .where(d.c.sequence_id.in_(ids))
            .group_by(d.c.sequence_id, d.c.step, d.c.variant, d.c.state, d.c.reason)
        ).all()
        self.arms = by_arm(setting, connection, with_goals)
        self.reached = by_step(setting, connection, with_goals)
        self.redeemed = coupons(setting, connection, ids)

    def of(self, id_: int, sequence: Sequence) -> Figures:
        """The figures of one sequence."""
        own = [(state, held_out, reason, count) for whose, state, held_out, reason, count in self.runs if whose == id_]
        mailed = [(state, reason, count) for state, held_out, reason, count in own if not held_out]
        steps = [step.name for step in sequence.steps]
        steps += sorted({step for whose, step, *_ in self.mails if whose == id_} - set(steps))
        with_mails, without = (self.arms.get((id_, held_out), Reached()) for held_out in (False, True))
        found = Figures(
            sequence=sequence.name, segment=sequence.segment, on=sequence.on.value, status=sequence.status.value,
            note=self.notes.get(id_), started=sum(count for *_, count in own),
            running=_counted(mailed, RunState.ACTIVE), finished=_counted(mailed, RunState.FINISHED),
            stopped=_counted(mailed, RunState.STOPPED), held_out=sum(count for _, held, _, count in own if held),
            reasons=_reasons(row for row in mailed if row[0] == RunState.STOPPED),
            steps=tuple(self._step(id_, name, sequence) for name in steps),
        )  # fmt: skip
        if sequence.goal is None:
            return found
        against = compared(with_mails.reached, with_mails.of, without.reached, without.of)
        return evolve(
            found, goal=str(sequence.goal), mailed=with_mails, not_mailed=without, against_none=against
        )  # fmt: skip

    def _step(self, id_: int, name: str, sequence: Sequence) -> StepFigures:
        rows = [row[2:] for row in self.mails if row[0] == id_ and row[1] == name]
        states = [(state, reason, count) for _, state, reason, count in rows]
        step = sequence.step(name)
        variants = [each.name for each in step.variants] if step is not None else []
        variants += sorted({variant for variant, *_ in rows if variant is not None} - set(variants))
        has_goal = sequence.goal is not None
        return StepFigures(
            step=name, scheduled=_counted(states, *_SCHEDULED), sending=_counted(states, *_SENDING),
            sent=_counted(states, State.SENT), in_doubt=_counted(states, State.IN_DOUBT),
            failed=_counted(states, State.FAILED), skipped=_counted(states, State.SKIPPED),
            reasons=_reasons(row for row in states if row[0] in (State.SKIPPED, State.FAILED)),
            goal=Reached.sum(_at(self.reached, id_, name)) if has_goal else None,
            coupons=_together(_at(self.redeemed, id_, name)),
            variants=tuple(
                self._variant((id_, name, each), [row[1:] for row in rows if row[0] == each], variants[0], has_goal)
                for each in variants
            ),
        )  # fmt: skip

    def _variant(self, place: Place, rows: list[Any], first: str, has_goal: bool) -> VariantFigures:
        id_, step, name = place
        assert name is not None
        own, other = (self.reached.get((id_, step, each), Reached()) for each in (name, first))
        return VariantFigures(
            variant=name, sending=_counted(rows, *_SENDING), sent=_counted(rows, State.SENT),
            in_doubt=_counted(rows, State.IN_DOUBT), failed=_counted(rows, State.FAILED),
            goal=own if has_goal else None, coupons=self.redeemed.get(place),
            against_first=compared(own.reached, own.of, other.reached, other.of) if name != first else None,
        )  # fmt: skip


def _at(found: Mapping[Place, _T], sequence: int, step: str) -> list[_T]:
    return [each for (whose, name, _), each in found.items() if (whose, name) == (sequence, step)]


def _together(parts: list[Redeemed]) -> Redeemed | None:
    return Redeemed.sum(parts) if parts else None


def _counted(rows: Any, *states: StrEnum) -> int:
    return sum(count for state, _, count in rows if state in states)


def _reasons(rows: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, reason, count in rows:
        found[reason or "unknown"] = found.get(reason or "unknown", 0) + count
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def of_day(setting: Setting, connection: sa.Connection, kept: Any, day: date) -> list[DayFigures]:
    """What happened on a day of the shop's calendar, by sequence."""
    begin = datetime.combine(day, time(), setting.zone)
    end = datetime.combine(day + timedelta(days=1), time(), setting.zone)
    first, last = sa.literal(begin, Instant()), sa.literal(end, Instant())
    d, e = setting.tables.deliveries, setting.tables.enrolments

    def counted(table: sa.Table, moment: sa.Column[Any], *conditions: Any, what: Any = _NUMBER) -> dict[int, Any]:
        rows = connection.execute(
            sa.select(table.c.sequence_id, what)
            .where(moment >= first, moment < last, *conditions)
            .group_by(table.c.sequence_id)
        )
        return {row[0]: row[1] for row in rows}

    started = counted(e, e.c.enrolled_at)
    reached = counted(e, e.c.goal_at, e.c.held_out.is_(False))
    worth = counted(e, e.c.goal_at, e.c.held_out.is_(False), what=sa.func.sum(e.c.goal_value))
    stopped = counted(e, e.c.ended_at, e.c.state == RunState.STOPPED)
    ended = {state: counted(d, d.c.ended_at, d.c.state == state) for state in ENDED}
    doubtful = counted(d, d.c.begun_at, d.c.state == State.IN_DOUBT)
    return [
        DayFigures(
            sequence=each.sequence.name, segment=each.sequence.segment, started=started.get(each.id, 0),
            sent=ended[State.SENT].get(each.id, 0), failed=ended[State.FAILED].get(each.id, 0),
            skipped=ended[State.SKIPPED].get(each.id, 0), in_doubt=doubtful.get(each.id, 0),
            stopped=stopped.get(each.id, 0), reached=reached.get(each.id, 0),
            value=worth.get(each.id) or Decimal(0),
        )
        for each in kept
    ]  # fmt: skip


def standing(setting: Setting, connection: sa.Connection) -> Standing:
    """How the work stands now."""
    t = setting.tables
    d = t.deliveries
    now = setting.clock.now()
    at = connection.scalar(sa.select(now))
    assert at is not None
    by_state = sa.select(d.c.state, sa.func.count()).group_by(d.c.state)
    states = {row[0]: row[1] for row in connection.execute(by_state)}
    due, oldest = connection.execute(
        sa.select(sa.func.count(), sa.func.min(d.c.due_at)).where(d.c.state == State.PLANNED, d.c.due_at <= now)
    ).one()
    workers = connection.scalars(sa.select(d.c.worker).where(d.c.state.in_(_SENDING)).distinct()).all()
    resting = connection.execute(sa.select(t.senders).where(t.senders.c.rests_until > now)).all()
    paused = connection.execute(
        sa.select(t.sequences.c.name, t.sequences.c.note).where(t.sequences.c.status == "paused")
    ).all()
    return Standing(
        at=at, planned=states.get(State.PLANNED, 0), due=due, late=at - oldest if oldest else timedelta(0),
        leased=states.get(State.LEASED, 0), transmitting=states.get(State.TRANSMITTING, 0),
        held=states.get(State.HELD, 0), in_doubt=states.get(State.IN_DOUBT, 0), failed=states.get(State.FAILED, 0),
        workers=tuple(sorted(each for each in workers if each)),
        resting={row.name: (row.rests_until, row.error or "") for row in resting},
        paused={row.name: row.note or "" for row in paused},
    )  # fmt: skip
