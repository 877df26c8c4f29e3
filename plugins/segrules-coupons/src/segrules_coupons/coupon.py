"""A code as the store has it, and how codes are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from attrs import frozen

from segrules_coupons.errors import CouponError
from segrules_coupons.pattern import Pattern, normalised
from segrules_coupons.tables import LONGEST, Tables
from segrules_coupons.transactions import Desk


class CouponState(Enum):
    """Whether a code may be used at all."""

    ACTIVE = "active"
    VOID = "void"


@frozen(kw_only=True)
class Coupon:
    """A code of a sales rule. ``code`` is as it is shown; ``customer`` was given it, as the text of an id.

    ``bound``: only that customer may use it. ``max_uses`` None is no limit. ``expires`` is the first moment at which it
    cannot be used any more, None for never. ``used`` counts what is reserved or confirmed.
    """

    code: str
    rule: str
    batch: str | None
    source: str | None
    customer: str | None
    bound: bool
    state: CouponState
    max_uses: int | None
    used: int
    starts: datetime | None
    expires: datetime | None
    created_at: datetime


def aware(moment: datetime | None) -> datetime | None:
    """A moment of the database, with its zone."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def certain(moment: datetime | None) -> datetime:
    """The same for a moment that is always there."""
    found = aware(moment)
    assert found is not None
    return found


def identity(value: Any, what: str = "customer") -> str:
    """An id as the store keeps it: text. CouponError when it cannot be one."""
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value and value.isprintable() and value == value.strip() and len(value) <= LONGEST:
        return value
    raise CouponError(f"{what}: {value!r} is none; give a whole number, a UUID or 1 to {LONGEST} printable characters")


def coupons(tables: Tables, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The statement for codes with all that :func:`coupon_of` wants."""
    c, b, r = tables.coupons, tables.batches, tables.rules
    return (
        sa.select(
            c,
            r.c.key.label("rule_key"),
            b.c.name.label("batch_name"),
            b.c.source.label("source"),
            b.c.pattern.label("pattern"),
            b.c.alphabet.label("alphabet"),
        )
        .select_from(c.join(r, r.c.id == c.c.rule_id).outerjoin(b, b.c.id == c.c.batch_id))
        .where(*where)
    )


def shown(row: sa.Row[Any]) -> str:
    """The code of a row, with its dashes."""
    code: str = row.code
    return code if row.pattern is None else Pattern(row.pattern, row.alphabet).shown(code)


def coupon_of(row: sa.Row[Any]) -> Coupon:
    """The code of a row of :func:`coupons`."""
    return Coupon(
        code=shown(row),
        rule=row.rule_key,
        batch=row.batch_name,
        source=row.source,
        customer=row.customer,
        bound=bool(row.bound),
        state=CouponState(row.state),
        max_uses=row.max_uses,
        used=row.used,
        starts=aware(row.starts),
        expires=aware(row.expires),
        created_at=certain(row.created_at),
    )


def by_code(desk: Desk, codes: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """The rows of codes, as they are kept; those that do not exist are left out."""
    wanted = sorted(set(codes))
    statement = coupons(desk.tables, desk.tables.coupons.c.code.in_(wanted))
    return {row.code: row for row in desk.connection.execute(statement)} if wanted else {}


def find(desk: Desk, typed: str) -> Coupon | None:
    """The code that was typed, or None."""
    code = normalised(typed)
    return next((coupon_of(row) for row in by_code(desk, [code]).values()), None) if code else None


def streamed(desk: Desk, statement: sa.Select[Any]) -> Iterator[Coupon]:
    """Codes of a statement, fetched in batches."""
    yield from map(coupon_of, desk.connection.execution_options(yield_per=5_000).execute(statement))
