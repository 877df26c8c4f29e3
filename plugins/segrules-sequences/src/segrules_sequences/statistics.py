"""How the sequences stand, in numbers: per segment, sequence and step, per day, and right now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen

from segrules_sequences.clock import Instant
from segrules_sequences.setting import Setting
from segrules_sequences.states import ENDED, RunState, State


@frozen(kw_only=True)
class StepFigures:
    """One step: how many mails stand where, and why those that were skipped or failed did not go out."""

    step: str
    scheduled: int = 0
    sending: int = 0
    sent: int = 0
    in_doubt: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class Figures:
    """One sequence: runs started, running, finished, stopped (and why), held out; and each of its steps."""

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
    steps: tuple[StepFigures, ...] = ()

    @property
    def sent(self) -> int:
        """Mails sent, of all steps."""
        return sum(each.sent for each in self.steps)


@frozen(kw_only=True)
class DayFigures:
    """What happened to one sequence on one day of the shop's calendar."""

    sequence: str
    segment: str
    started: int
    sent: int
    failed: int
    skipped: int
    in_doubt: int
    stopped: int


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


_SENDING = (State.LEASED, State.TRANSMITTING)
_SCHEDULED = (State.PLANNED, State.HELD)


def figures(
    setting: Setting, connection: sa.Connection, kept: Any, *, segment: str | None = None, sequence: str | None = None
) -> list[Figures]:
    """The figures of these sequences; of all, those of one segment, or one."""
    t = setting.tables
    d, e = t.deliveries, t.enrolments
    chosen = [
        each for each in kept if segment in (None, each.sequence.segment) and sequence in (None, each.sequence.name)
    ]
    ids = [each.id for each in chosen]
    notes = {row.id: row.note for row in connection.execute(sa.select(t.sequences.c.id, t.sequences.c.note))}
    runs = connection.execute(
        sa.select(e.c.sequence_id, e.c.state, e.c.reason, sa.func.count())
        .where(e.c.sequence_id.in_(ids))
        .group_by(e.c.sequence_id, e.c.state, e.c.reason)
    ).all()
    mails = connection.execute(
        sa.select(d.c.sequence_id, d.c.step, d.c.state, d.c.reason, sa.func.count())
        .where(d.c.sequence_id.in_(ids))
        .group_by(d.c.sequence_id, d.c.step, d.c.state, d.c.reason)
    ).all()
    found = []
    for each in chosen:
        own = [(state, reason, count) for id_, state, reason, count in runs if id_ == each.id]
        steps = [step.name for step in each.sequence.steps]
        steps += sorted({step for id_, step, *_ in mails if id_ == each.id} - set(steps))

        def counted(*states: RunState, own: Any = own) -> int:
            return sum(count for state, _, count in own if state in states)

        found.append(
            Figures(
                sequence=each.sequence.name, segment=each.sequence.segment, on=each.sequence.on.value,
                status=each.sequence.status.value, note=notes.get(each.id),
                started=sum(count for _, _, count in own), running=counted(RunState.ACTIVE),
                finished=counted(RunState.FINISHED), stopped=counted(RunState.STOPPED),
                held_out=counted(RunState.HOLDOUT),
                reasons=_reasons((state, reason, count) for state, reason, count in own if state == RunState.STOPPED),
                steps=tuple(
                    _step(step, [row[2:] for row in mails if row[0] == each.id and row[1] == step]) for step in steps
                ),
            )
        )  # fmt: skip
    return found


def _step(name: str, rows: list[Any]) -> StepFigures:
    def counted(*states: State) -> int:
        return sum(count for state, _, count in rows if state in states)

    return StepFigures(
        step=name, scheduled=counted(*_SCHEDULED), sending=counted(*_SENDING), sent=counted(State.SENT),
        in_doubt=counted(State.IN_DOUBT), failed=counted(State.FAILED), skipped=counted(State.SKIPPED),
        reasons=_reasons(row for row in rows if row[0] in (State.SKIPPED, State.FAILED)),
    )  # fmt: skip


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

    def counted(table: sa.Table, moment: sa.Column[Any], *conditions: Any) -> dict[int, int]:
        rows = connection.execute(
            sa.select(table.c.sequence_id, sa.func.count())
            .where(moment >= first, moment < last, *conditions)
            .group_by(table.c.sequence_id)
        )
        return {row[0]: row[1] for row in rows}

    started = counted(e, e.c.enrolled_at)
    stopped = counted(e, e.c.ended_at, e.c.state == RunState.STOPPED)
    ended = {state: counted(d, d.c.ended_at, d.c.state == state) for state in ENDED}
    doubtful = counted(d, d.c.begun_at, d.c.state == State.IN_DOUBT)
    return [
        DayFigures(
            sequence=each.sequence.name, segment=each.sequence.segment, started=started.get(each.id, 0),
            sent=ended[State.SENT].get(each.id, 0), failed=ended[State.FAILED].get(each.id, 0),
            skipped=ended[State.SKIPPED].get(each.id, 0), in_doubt=doubtful.get(each.id, 0),
            stopped=stopped.get(each.id, 0),
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
