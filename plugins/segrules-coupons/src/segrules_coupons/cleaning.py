"""Codes that go out of use: withdrawn by somebody, or deleted when they have expired without ever having been used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa

from segrules_coupons import database_clock
from segrules_coupons.batches import row_named
from segrules_coupons.coupon import CouponState
from segrules_coupons.errors import BatchError, CouponError
from segrules_coupons.pattern import masked, normalised
from segrules_coupons.transactions import Desk

#: So many codes are deleted in one transaction.
CHUNK = 5_000


def void(desk: Desk, typed: Iterable[str]) -> int:
    """These codes cannot be used any more; how many could before. Uses that are held already may be confirmed."""
    codes = {each: normalised(each) for each in typed}
    table = desk.tables.coupons
    desk.begin()
    wanted = {code for code in codes.values() if code is not None}
    known = set(desk.connection.scalars(sa.select(table.c.code).where(table.c.code.in_(wanted))))
    for each, code in codes.items():
        if code not in known:
            raise CouponError(f"there is no code {masked(each)}; none of them was withdrawn")
    return _voided(desk, table.c.code.in_(wanted))


def void_batch(desk: Desk, name: str) -> int:
    """All codes of a batch that is not personal."""
    row = row_named(desk, name)
    if row.personal:
        raise BatchError(f'the batch "{name}" holds codes of single customers; withdraw those one by one')
    table = desk.tables.coupons
    return _voided(desk, sa.and_(table.c.rule_id == row.rule_id, table.c.batch_id == row.id))


def _voided(desk: Desk, which: sa.ColumnElement[bool]) -> int:
    table = desk.tables.coupons
    statement = sa.update(table).where(which, table.c.state == CouponState.ACTIVE.value)
    return int(desk.connection.execute(statement.values(state=CouponState.VOID.value)).rowcount)


def clean(desk: Desk, older_than: timedelta) -> int:
    """Delete up to CHUNK codes of batches that expired so long ago, unused; how many there were.

    A code that was ever confirmed, that is held, or that somebody chose stays.
    """
    coupons, uses, batches, issues = desk.tables.coupons, desk.tables.uses, desk.tables.batches, desk.tables.issues
    desk.begin()
    counting = sa.exists().where(uses.c.coupon_id == coupons.c.id, uses.c.state.in_(("reserved", "confirmed")))
    chosen = (
        sa.select(coupons.c.id, coupons.c.batch_id)
        .where(
            coupons.c.batch_id.is_not(None), coupons.c.used == 0, coupons.c.expires <= database_clock.now(-older_than)
        )
        .where(~counting)
        .order_by(coupons.c.id)
        .limit(CHUNK)
        .with_for_update()
    )
    rows = desk.connection.execute(chosen).all()
    if not rows:
        return 0
    ids = [row.id for row in rows]
    for table in (uses, issues):
        desk.connection.execute(sa.delete(table).where(table.c.coupon_id.in_(ids)))
    desk.connection.execute(sa.delete(coupons).where(coupons.c.id.in_(ids)))
    for batch_id in sorted({row.batch_id for row in rows}):
        gone = sum(row.batch_id == batch_id for row in rows)
        mine = sa.update(batches).where(batches.c.id == batch_id)
        desk.connection.execute(mine.values(cleaned=batches.c.cleaned + gone))
    return len(rows)
