"""What is forgotten: the bytes of old mails, old runs, and everything about one customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from segrules_sequences.conversions import KIND
from segrules_sequences.database import Link
from segrules_sequences.definitions import Sequence
from segrules_sequences.enrolment import Kept
from segrules_sequences.events import Kind
from segrules_sequences.setting import Setting, customer_key
from segrules_sequences.states import ENDED, Why

#: So many rows are taken out in one transaction, so that workers never wait long.
_BATCH = 1_000


def forget(setting: Setting, connection: sa.Connection, customer: Any) -> int:
    """Nothing tells any more whose runs these were; they are stopped, and stay in the figures. How many runs."""
    t = setting.tables
    d, e = t.deliveries, t.enrolments
    setting.runs.stop(connection, Why.DELETED, customer=customer)
    own = sa.select(d.c.id).where(d.c.customer_id == customer)
    connection.execute(sa.delete(t.mails).where(t.mails.c.delivery_id.in_(own)))
    connection.execute(
        sa.update(d).where(d.c.customer_id == customer).values(customer_id=None, address_hash=None, error=None)
    )
    connection.execute(
        sa.update(t.events).where(t.events.c.customer_id == customer).values(customer_id=None, address_hash=None)
    )
    connection.execute(sa.delete(t.suppressions).where(t.suppressions.c.key == customer_key(customer)))
    return connection.execute(sa.update(e).where(e.c.customer_id == customer).values(customer_id=None)).rowcount


def empty_mails(setting: Setting, link: Link, older: timedelta) -> int:
    """The bytes and addresses of mails that have ended so long ago are gone; how many."""
    t = setting.tables
    m, d = t.mails, t.deliveries
    old = (
        sa.select(m.c.delivery_id)
        .outerjoin(d, d.c.id == m.c.delivery_id)
        .where(m.c.written_at < setting.clock.now(-older))
        .where(sa.or_(d.c.id.is_(None), d.c.state.in_(ENDED)))
        .limit(_BATCH)
    )
    return _in_batches(link, old, [(m, m.c.delivery_id)])


def remove_runs(setting: Setting, link: Link, kept: list[Kept], older: timedelta) -> int:
    """Runs that have ended so long ago are gone with their deliveries, where no rule needs to remember them."""
    t = setting.tables
    d, e, m = t.deliveries, t.enrolments, t.mails
    forgetful = [each.id for each in kept if not _remembers(each.sequence, older)]
    old = (
        sa.select(e.c.id)
        .where(e.c.sequence_id.in_(forgetful), e.c.running_id.is_(None))
        .where(e.c.ended_at < setting.clock.now(-older))
        .where(~sa.exists().where(d.c.enrolment_id == e.c.id, d.c.state.not_in(ENDED)))
        .limit(_BATCH)
    )
    of_run = sa.select(d.c.id)
    done = 0
    while True:
        with link.writing() as connection:
            ids = connection.scalars(old).all()
            if ids:
                mails = of_run.where(d.c.enrolment_id.in_(ids))
                connection.execute(sa.delete(m).where(m.c.delivery_id.in_(mails)))
                connection.execute(sa.delete(d).where(d.c.enrolment_id.in_(ids)))
                connection.execute(sa.delete(e).where(e.c.id.in_(ids)))
        done += len(ids)
        if len(ids) < _BATCH:
            return done


def remove_events(setting: Setting, link: Link, older: timedelta) -> int:
    """What was told so long ago is gone, and so are suppressions that have ended; how many events there were."""
    v, s = setting.tables.events, setting.tables.suppressions
    with link.writing() as connection:
        connection.execute(sa.delete(s).where(s.c.until < setting.clock.now()))
    told = [KIND, *(each.value for each in Kind)]
    old = sa.select(v.c.id).where(v.c.received_at < setting.clock.now(-older), v.c.kind.in_(told)).limit(_BATCH)
    return _in_batches(link, old, [(v, v.c.id)])


def customers_gone(setting: Setting, connection: sa.Connection, key: Any, source: Any) -> list[Any]:
    """Customers of runs that still go on whom the shop does not have any more."""
    e = setting.tables.enrolments
    there = sa.exists().select_from(source).where(key == e.c.running_id)
    statement = sa.select(e.c.running_id).where(e.c.running_id.is_not(None), ~there).distinct()
    return list(connection.scalars(statement))


def _remembers(sequence: Sequence, older: timedelta) -> bool:
    """Whether a rule of the sequence looks further back than that."""
    if sequence.reentry is None or sequence.reentry > older:
        return True
    if sequence.cap is not None and sequence.cap.period > older:
        return True
    if sequence.goal is not None and sequence.goal.within > older:
        return True
    return any(step.max_sends is not None for step in sequence.steps)


def _in_batches(link: Link, statement: sa.Select[Any], targets: list[tuple[sa.Table, sa.Column[Any]]]) -> int:
    done = 0
    while True:
        with link.writing() as connection:
            ids = connection.scalars(statement).all()
            for table, column in targets if ids else ():
                connection.execute(sa.delete(table).where(column.in_(ids)))
        done += len(ids)
        if len(ids) < _BATCH:
            return done
