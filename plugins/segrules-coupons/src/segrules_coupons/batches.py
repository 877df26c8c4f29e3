"""Codes made by the thousand: in transactions of ten thousand, each of which counts what it made.

So whoever dies in between leaves whole chunks and a number that is true, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules_coupons import database_clock, rules, shapes
from segrules_coupons.coupon import CouponState, aware, certain
from segrules_coupons.errors import BatchError, SalesRuleError
from segrules_coupons.pattern import Pattern
from segrules_coupons.sales_rule import SalesRule
from segrules_coupons.transactions import Desk

#: So many codes are made in one transaction.
CHUNK = 10_000
#: After so many chunks in a row that brought nothing new the pattern is taken to be exhausted.
_FRUITLESS = 200


@frozen(kw_only=True)
class Batch:
    """Codes of one rule that were made together. ``made`` of ``asked`` codes are there; ``cleaned`` were deleted since.

    A ``personal`` batch holds the codes that are made one by one, by one pattern, for one ``source``.
    """

    name: str
    rule: str
    pattern: str
    alphabet: str
    source: str
    personal: bool
    asked: int
    made: int
    cleaned: int
    max_uses: int | None
    starts: datetime | None
    expires: datetime | None
    created_at: datetime

    @property
    def is_complete(self) -> bool:
        """Whether all codes that were asked for have been made."""
        return self.made >= self.asked


def batch_of(row: sa.Row[Any]) -> Batch:
    """The batch of a row of :func:`_batches`."""
    return Batch(
        name=row.name,
        rule=row.rule_key,
        pattern=row.pattern,
        alphabet=row.alphabet,
        source=row.source,
        personal=bool(row.personal),
        asked=row.asked,
        made=row.made,
        cleaned=row.cleaned,
        max_uses=row.max_uses,
        starts=aware(row.starts),
        expires=aware(row.expires),
        created_at=certain(row.created_at),
    )


def _batches(desk: Desk, *where: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    b, r = desk.tables.batches, desk.tables.rules
    joined = b.join(r, r.c.id == b.c.rule_id)
    statement = sa.select(b, r.c.key.label("rule_key")).select_from(joined).where(*where).order_by(b.c.id)
    return list(desk.connection.execute(statement))


def every(desk: Desk) -> list[Batch]:
    """All batches, the oldest first."""
    return [batch_of(row) for row in _batches(desk)]


def row_named(desk: Desk, name: str) -> sa.Row[Any]:
    """The batch of a name; BatchError when there is none."""
    for row in _batches(desk, desk.tables.batches.c.name == name):
        return row
    raise BatchError(f'there is no batch "{name}"')


def issuing_rule(desk: Desk, key: str) -> tuple[int, SalesRule]:
    """A rule for which codes can be made."""
    stored = rules.named(desk, key)
    if not stored.rule.needs_code:
        raise SalesRuleError(f'the sales rule "{key}" applies without a code: set needs_code to make codes for it')
    if not stored.rule.active:
        raise SalesRuleError(f'the sales rule "{key}" is switched off, so no codes are made for it')
    return stored.id, stored.rule


def begin(
    desk: Desk,
    name: str,
    key: str,
    count: int,
    pattern: Pattern,
    *,
    source: str,
    starts: datetime | None,
    expires: datetime | None,
) -> int:
    """The batch of a name is there, with none of its codes yet or with some; its id.

    BatchError when another one has that name, PatternError when the pattern lacks the room.
    """
    _check_count(desk, count)
    if pattern.is_personal:
        raise BatchError(f'the pattern "{pattern.text}" has the customer in it, so a batch cannot be made by it')
    asked = {
        "rule_id": 0, "asked": count, "pattern": pattern.text, "alphabet": pattern.alphabet, "source": source,
        "starts": starts, "expires": expires,
    }  # fmt: skip
    found = _batches(desk, desk.tables.batches.c.name == name)
    if found:
        _check_same(found[0], key, asked)
        return int(found[0].id)
    rule_id, rule = issuing_rule(desk, key)
    # Whoever begins a batch waits here, so that two see each other's patterns and numbers.
    lock_patterns(desk)
    shapes.check_new(desk, pattern)
    pattern.check_room(shapes.live(desk, pattern) + count, desk.limits.density)
    return inserted(
        desk, name, rule_id, pattern, source, asked=count, max_uses=rule.uses_per_coupon, starts=starts, expires=expires
    )


def inserted(desk: Desk, name: str, rule_id: int, pattern: Pattern, source: str, **values: Any) -> int:
    """The id of a batch that is new, or was just made by somebody else."""
    batches = desk.tables.batches
    row = {
        "name": name, "rule_id": rule_id, "source": source, "pattern": pattern.text, "alphabet": pattern.alphabet,
        "personal": False, "made": 0, "cleaned": 0, **values,
    }  # fmt: skip
    desk.insert_new(batches, **row, created_at=database_clock.now())
    return int(desk.connection.scalar(sa.select(batches.c.id).where(batches.c.name == name).with_for_update()) or 0)


def lock_patterns(desk: Desk) -> None:
    """Nobody else brings in a pattern until the transaction ends: all wait at the first rule."""
    table = desk.tables.rules
    desk.begin()
    desk.connection.execute(sa.select(table.c.id).order_by(table.c.id).limit(1).with_for_update()).all()


def _check_count(desk: Desk, count: Any) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= desk.limits.batch:
        raise BatchError(f"a batch has 1 to {desk.limits.batch:,} codes; {count!r} cannot be made")


def _check_same(row: sa.Row[Any], key: str, asked: dict[str, Any]) -> None:
    there = batch_of(row)
    differing = [name for name, value in asked.items() if name != "rule_id" and getattr(there, name) != value]
    if there.rule != key:
        differing.insert(0, "rule")
    if there.personal or differing:
        raise BatchError(
            f'there is a batch "{there.name}" already, with another {", another ".join(differing) or "kind of codes"}: '
            "choose another name, or ask for the same to go on with it"
        )


def make_chunk(desk: Desk, batch_id: int, copy: Callable[[Desk, dict[str, Any], list[str]], bool]) -> tuple[int, int]:
    """Make the next codes of a batch, in the transaction of the desk; how many are new, and how many are missing."""
    table = desk.tables.batches
    desk.begin()
    # The row is locked, so that two who make the same batch do not make too much of it.
    found = sa.select(table).where(table.c.id == batch_id).with_for_update()
    row = desk.connection.execute(found).one()
    missing = row.asked - row.made
    if missing <= 0:
        return 0, 0
    codes = Pattern(row.pattern, row.alphabet).codes(min(missing, CHUNK))
    constants = {
        "rule_id": row.rule_id, "batch_id": row.id, "customer": None, "bound": False,
        "state": CouponState.ACTIVE.value, "max_uses": row.max_uses, "used": 0, "starts": row.starts,
        "expires": row.expires, "created_at": desk.connection.scalar(sa.select(database_clock.now())),
    }  # fmt: skip
    if copy(desk, constants, codes):
        new = len(codes)
    else:
        new = desk.insert_each(desk.tables.coupons, "code", codes, **constants)
    desk.connection.execute(sa.update(table).where(table.c.id == batch_id).values(made=table.c.made + new))
    return new, missing - new


def copied(desk: Desk, constants: dict[str, Any], codes: list[str]) -> bool:
    """The codes by COPY, several times as fast; False where that cannot be, or when one of them is taken.

    The codes are signs of our own alphabets, the rest goes through the driver.
    """
    if desk.connection.dialect.driver != "psycopg":
        return False
    import psycopg

    coupons = desk.tables.coupons
    preparer = desk.connection.dialect.identifier_preparer
    columns = ["code", *constants]
    names = ", ".join(preparer.quote(name) for name in columns)
    raw: Any = desk.connection.connection.driver_connection
    values = list(constants.values())
    statement = f"COPY {preparer.format_table(coupons)} ({names}) FROM STDIN"
    try:
        with desk.undone_on_error(), raw.cursor() as cursor, cursor.copy(statement) as copy:
            for code in codes:
                copy.write_row((code, *values))
    except psycopg.errors.UniqueViolation:
        return False
    return True


def run(
    write: Callable[[Callable[[Desk], tuple[int, int]]], tuple[int, int]],
    name: str,
    batch_id: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Make chunks until the batch is complete; BatchError when its pattern has no codes left."""
    fruitless = 0
    while True:
        new, missing = write(lambda desk: make_chunk(desk, batch_id, copied))
        if progress is not None:
            progress(missing)
        if not missing:
            return
        fruitless = 0 if new else fruitless + 1
        if fruitless >= _FRUITLESS:
            raise BatchError(
                f'the pattern of the batch "{name}" has no codes left: {missing:,} are missing. '
                "What has been made can be used; make the rest as another batch with more #"
            )
