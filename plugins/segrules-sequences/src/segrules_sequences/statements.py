"""The statements that every mail needs, put together once: to build them anew each time took half of its time."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from segrules_sequences.clock import Clock
from segrules_sequences.states import RunState, State
from segrules_sequences.tables import Tables


class Statements:
    """Statements with named parameters; ``id`` and ``token`` of a claim are ``the_id`` and ``the_token``."""

    def __init__(self, tables: Tables, clock: Clock, lease: timedelta) -> None:
        self._tables, self._clock, self._lease = tables, clock, lease

    @cached_property
    def lock(self) -> sa.Update:
        """Renew the lease of a delivery, if it is still ours; that locks it."""
        d = self._tables.deliveries
        return sa.update(d).where(*self._ours).values(lease_until=self._clock.now(self._lease))

    @cached_property
    def row(self) -> sa.Select[Any]:
        """A delivery that is still ours, with its run, its sequence, its sender's rest, and the present.

        Also why ``the_customer`` or ``the_address`` gets no mail of the sequence's topic, if that is so.
        """
        t = self._tables
        d, e, s = t.deliveries, t.enrolments, t.sequences
        return (
            sa.select(
                d.c.id, d.c.enrolment_id, d.c.sequence_id, d.c.customer_id, d.c.step, d.c.position, d.c.planned_at,
                d.c.attempts, d.c.version, d.c.message_id, d.c.idem_key,
                e.c.state.label("run"), e.c.reason.label("run_reason"), e.c.enrolled_at,
                e.c.version.label("run_version"), e.c.measured_at, e.c.held_out, d.c.variant, d.c.coupon,
                s.c.uid, s.c.name, s.c.status, s.c.broken, s.c.version.label("sequence_version"),
                t.senders.c.rests_until, t.senders.c.failures, self._clock.now().label("now"),
                self._suppressed.label("suppressed"),
            )
            .select_from(
                d.outerjoin(e, e.c.id == d.c.enrolment_id)
                .outerjoin(s, s.c.id == d.c.sequence_id)
                .outerjoin(t.senders, t.senders.c.name == s.c.sender)
            )
            .where(*self._ours)
        )  # fmt: skip

    @cached_property
    def locked_row(self) -> sa.Select[Any]:
        """The same with the delivery locked, for databases that can lock one table of a join.

        Of what had to be waited for only the delivery is read anew. That is enough: whoever stops a run, or pauses a
        sequence, changes its deliveries first, and then they are not ours any more.
        """
        return self.row.with_for_update(of=self._tables.deliveries)

    @cached_property
    def measured(self) -> sa.Update:
        """The run of a mail counts from ``the_moment`` on, held out or not."""
        e = self._tables.enrolments
        given = {"measured_at": "the_moment", "held_out": "the_hold"}
        values = {column: sa.bindparam(name, type_=e.c[column].type) for column, name in given.items()}
        return sa.update(e).where(e.c.id == sa.bindparam("the_run", type_=sa.BigInteger)).values(values)

    @cached_property
    def kept(self) -> sa.Insert:
        """A finished mail is kept."""
        mails = self._tables.mails
        return mails.insert().values({each.name: sa.bindparam(each.name, type_=each.type) for each in mails.c})

    @cached_property
    def begun(self) -> sa.Update:
        """A leased delivery is on its way."""
        d = self._tables.deliveries
        given = {
            name: sa.bindparam(f"the_{name}", type_=d.c[name].type)
            for name in ("mode", "message_id", "idem_key", "address_hash", "variant", "coupon")
        }
        return (
            sa.update(d)
            .where(*self._mine(State.LEASED))
            .values(
                state=State.TRANSMITTING, reason=None, error=None, begun_at=self._clock.now(),
                lease_until=self._clock.now(self._lease), **given,
            )
        )  # fmt: skip

    @cached_property
    def sent(self) -> sa.Update:
        """A delivery on its way, or in doubt since, was accepted."""
        d = self._tables.deliveries
        return (
            sa.update(d)
            .where(*self._mine(State.TRANSMITTING, State.IN_DOUBT))
            .values(
                state=State.SENT, reason=None, error=None, attempts=d.c.attempts + 1, ended_at=self._clock.now(),
                lease_until=None, provider_id=sa.bindparam("the_provider_id", type_=d.c.provider_id.type),
            )
        )  # fmt: skip

    @cached_property
    def sent_soon(self) -> sa.Update:
        """The same, and the commit does not wait for the disk; for PostgreSQL, which can be told so.

        The commit with which the next mail begins does wait, for all that came before it too. So a crash of the server
        leaves a worker with one mail in doubt at most, as it does when each commit waits.
        """
        return self.sent.returning(sa.func.set_config("synchronous_commit", "off", sa.true()))

    @property
    def _ours(self) -> list[sa.ColumnElement[bool]]:
        """Leased to us, and not for too long."""
        return [*self._mine(State.LEASED), self._tables.deliveries.c.lease_until > self._clock.now()]

    @property
    def _suppressed(self) -> sa.ScalarSelect[str]:
        s = self._tables.suppressions
        keys = [sa.bindparam(name, type_=s.c.key.type) for name in ("the_customer", "the_address")]
        found = sa.select(s.c.reason).where(
            s.c.key.in_(keys),
            sa.or_(s.c.topic == "", s.c.topic == self._tables.sequences.c.topic),
            sa.or_(s.c.until.is_(None), s.c.until > self._clock.now()),
        )
        return found.limit(1).scalar_subquery()

    def _mine(self, *states: State) -> list[sa.ColumnElement[bool]]:
        d = self._tables.deliveries
        return [
            d.c.id == sa.bindparam("the_id", type_=sa.BigInteger),
            d.c.token == sa.bindparam("the_token", type_=sa.BigInteger),
            sa.or_(*(d.c.state == each for each in states)),
        ]


class RunStatements:
    """Statements that go on with a run, ``the_run``, as long as nobody has stopped it."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables, self._clock = tables, clock

    @cached_property
    def finish(self) -> sa.Update:
        """The run has come to its end."""
        values = {"state": RunState.FINISHED, "running_id": None, "ended_at": self._clock.now()}
        return sa.update(self._tables.enrolments).where(self._going_on).values(values)

    @cached_property
    def follow(self) -> sa.Insert:
        """The next delivery, from ``next_step``, ``next_position``, ``next_state`` and the like."""
        e, d = self._tables.enrolments, self._tables.deliveries
        given = {
            name: sa.bindparam(f"next_{name}", type_=d.c[name].type)
            for name in ("step", "position", "state", "planned_at", "due_at", "version")
        }
        given |= {"attempts": sa.literal(0, sa.Integer), "token": sa.literal(0, sa.BigInteger)}
        columns = {"enrolment_id": e.c.id, "sequence_id": e.c.sequence_id, "customer_id": e.c.customer_id, **given}
        return d.insert().from_select(list(columns), sa.select(*columns.values()).where(self._going_on))

    @property
    def _going_on(self) -> sa.ColumnElement[bool]:
        e = self._tables.enrolments
        return sa.and_(e.c.id == sa.bindparam("the_run", type_=sa.BigInteger), e.c.state == RunState.ACTIVE)
