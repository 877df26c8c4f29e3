"""Uses of codes and rules: reserved for an order, then confirmed, or given back.

Nothing is read, raised and written back: each counter goes up by one statement that also checks its limit, so that two
orders cannot pass it together. Rows are always locked in one order: rules, codes, customers, each by id. The uses of a
code that count hold the slots 1 to ``used``; a unique key forbids that two hold the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen

from segrules_coupons import coupon as codes
from segrules_coupons import database_clock, money, rules
from segrules_coupons.coupon import CouponState, aware
from segrules_coupons.errors import CodeRefusedError, ReservationError
from segrules_coupons.pattern import masked
from segrules_coupons.pricing import SENTENCES
from segrules_coupons.reasons import Reason
from segrules_coupons.rules import Stored
from segrules_coupons.transactions import Desk, TryAgain


class UseState(Enum):
    """How the use of a rule by an order stands."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


#: The states in which a use counts.
_COUNTING = (UseState.RESERVED.value, UseState.CONFIRMED.value)


@frozen(kw_only=True)
class Use:
    """One rule in one order, by a code or without any."""

    rule: str
    code: str | None
    state: UseState
    reserved_until: datetime | None
    discount: Decimal | None


@frozen(kw_only=True)
class Reservation:
    """All uses of one order, by rule."""

    order_ref: str
    uses: tuple[Use, ...]

    @property
    def until(self) -> datetime | None:
        """Until when everything is held; None when nothing is reserved any more."""
        held = [each.reserved_until for each in self.uses if each.reserved_until is not None]
        return min(held, default=None)


@frozen
class Wanted:
    """What an order wants to use: a rule, by a code or without one, and what it took off."""

    rule: Stored
    coupon: Any = field(default=None, eq=False)
    discount: Decimal | None = None
    currency: str | None = None

    @property
    def pair(self) -> tuple[int, int | None]:
        """The ids of rule and code."""
        return self.rule.id, None if self.coupon is None else self.coupon.id


def wanted(
    desk: Desk, typed: Mapping[str, str], keys: Iterable[str], discounts: Mapping[str, tuple[Decimal, str]]
) -> list[Wanted]:
    """What codes (as kept, with how they were typed) and rules without one mean, in the order of their locks."""
    rows = codes.by_code(desk, typed)
    found: dict[int, Wanted] = {}
    for code in typed:
        if code not in rows:
            raise refusal(Reason.CODE_UNKNOWN, f"the code {masked(code)}")
        row = rows[code]
        if row.rule_id in found:
            raise refusal(Reason.CODE_SUPERFLUOUS, f"the code {masked(code)}")
        discount, currency = discounts.get(row.rule_key, (None, None))
        found[row.rule_id] = Wanted(rules.named(desk, row.rule_key), row, discount, currency)
    for key in keys:
        stored = rules.named(desk, key)
        if stored.rule.needs_code:
            raise refusal(Reason.NEEDS_CODE, f'the sales rule "{key}"')
        discount, currency = discounts.get(key, (None, None))
        found.setdefault(stored.id, Wanted(stored, None, discount, currency))
    return [found[rule_id] for rule_id in sorted(found)]


def reserve(desk: Desk, order_ref: str, chosen: Sequence[Wanted], customer: str | None, ttl: timedelta) -> Reservation:
    """The uses are held for the order, all or none; asked again for the same, the answer is the same."""
    if not chosen:
        raise ReservationError(f'the order "{order_ref}" wants to use nothing: give codes, rules or a quote')
    _refuse_what_is_taken(desk, order_ref, chosen, customer)
    desk.begin()
    expire(desk, [row for row in _uses(desk, order_ref) if row.is_late])
    there = {(row.rule_id, row.coupon_id) for row in _uses(desk, order_ref) if row.state in _COUNTING}
    if there == {each.pair for each in chosen}:
        return reservation(desk, order_ref)
    if there:
        raise ReservationError(f'the order "{order_ref}" holds other codes or rules; release them first')
    try:
        with desk.undone_on_error():
            _take(desk, order_ref, chosen, customer, ttl)
    except CodeRefusedError as error:
        # What holds the uses may be over by now, and only not cleared away yet.
        if error.reason not in _CAN_COME_BACK or not expire(desk, late(desk, [each.rule.id for each in chosen])):
            raise
        with desk.undone_on_error():
            _take(desk, order_ref, chosen, customer, ttl)
    return reservation(desk, order_ref)


def _refuse_what_is_taken(desk: Desk, order_ref: str, chosen: Sequence[Wanted], customer: str | None) -> None:
    """Who comes too late is told so without waiting for those who hold the rows: a rush ends in cheap refusals."""
    taken: list[CodeRefusedError] = []
    for each in chosen:
        rule, row = each.rule.rule, each.coupon
        if rule.uses_total is not None and rule.used >= rule.uses_total:
            taken.append(refusal(_why_not_rule(desk, each.rule.id), f'the sales rule "{rule.key}"'))
        elif row is not None and row.max_uses is not None and row.used >= row.max_uses:
            taken.append(refusal(_why_not_coupon(desk, row.id, customer), f"the code {masked(row.code)}"))
    if taken and not held_by(desk, order_ref) and not late(desk, [each.rule.id for each in chosen], 1):
        raise taken[0]


_CAN_COME_BACK = (Reason.USED_UP, Reason.CODE_USED_UP, Reason.CUSTOMER_USED_UP)


def _take(desk: Desk, order_ref: str, chosen: Sequence[Wanted], customer: str | None, ttl: timedelta) -> None:
    for each in chosen:
        _count_rule(desk, each, customer)
    before = {row.rule_id: row for row in _uses(desk, order_ref, locked=True)}
    if any(row.state in _COUNTING for row in before.values()):
        raise TryAgain  # somebody else has just reserved for the same order
    for each in sorted((each for each in chosen if each.coupon is not None), key=lambda each: each.coupon.id):
        _count_coupon(desk, each, customer)
    if customer is not None:
        for each in chosen:
            _count_customer(desk, each, customer)
    coupons, uses = desk.tables.coupons, desk.tables.uses
    now, until = desk.connection.execute(sa.select(database_clock.now(), database_clock.now(ttl))).one()
    for each in chosen:
        rule_id, coupon_id = each.pair
        slot = sa.select(coupons.c.used).where(coupons.c.id == coupon_id).scalar_subquery()
        values = {
            "coupon_id": coupon_id, "slot": None if coupon_id is None else slot, "customer": customer,
            "state": UseState.RESERVED.value, "reserved_at": now,
            "reserved_until": until, "ended_at": None, "discount": each.discount,
            "currency": each.currency, "revenue": None,
        }  # fmt: skip
        if rule_id in before:
            desk.connection.execute(sa.update(uses).where(uses.c.id == before[rule_id].id).values(**values))
        else:
            desk.connection.execute(sa.insert(uses).values(order_ref=order_ref, rule_id=rule_id, **values))


def _count_rule(desk: Desk, each: Wanted, customer: str | None) -> None:
    table = desk.tables.rules
    statement = (
        sa.update(table)
        .where(table.c.id == each.rule.id, table.c.active)
        .where(database_clock.has_begun(table.c.starts), database_clock.is_not_over(table.c.ends))
        .where(sa.or_(table.c.uses_total.is_(None), table.c.used < table.c.uses_total))
        .values(used=table.c.used + 1)
    )
    what = f'the sales rule "{each.rule.rule.key}"'
    if not desk.connection.execute(statement).rowcount:
        raise refusal(_why_not_rule(desk, each.rule.id), what)
    if customer is None:
        limit = sa.select(table.c.uses_per_customer).where(table.c.id == each.rule.id)
        if desk.connection.scalar(limit) is not None:
            raise refusal(Reason.NEEDS_CUSTOMER, what)


def _count_coupon(desk: Desk, each: Wanted, customer: str | None) -> None:
    table = desk.tables.coupons
    statement = (
        sa.update(table)
        .where(table.c.id == each.coupon.id, table.c.state == CouponState.ACTIVE.value)
        .where(database_clock.has_begun(table.c.starts), database_clock.is_not_over(table.c.expires))
        .where(sa.or_(~table.c.bound, table.c.customer == customer))
        .where(sa.or_(table.c.max_uses.is_(None), table.c.used < table.c.max_uses))
        .values(used=table.c.used + 1)
    )
    if not desk.connection.execute(statement).rowcount:
        raise refusal(_why_not_coupon(desk, each.coupon.id, customer), f"the code {masked(each.coupon.code)}")


def _count_customer(desk: Desk, each: Wanted, customer: str) -> None:
    table, sales_rules = desk.tables.customers, desk.tables.rules
    desk.insert_new(table, rule_id=each.rule.id, customer=customer, used=0)
    limit = sa.select(sales_rules.c.uses_per_customer).where(sales_rules.c.id == each.rule.id).scalar_subquery()
    statement = (
        sa.update(table)
        .where(table.c.rule_id == each.rule.id, table.c.customer == customer)
        .where(sa.or_(limit.is_(None), table.c.used < limit))
        .values(used=table.c.used + 1)
    )
    if not desk.connection.execute(statement).rowcount:
        raise refusal(Reason.CUSTOMER_USED_UP, f'the sales rule "{each.rule.rule.key}"')


def refusal(reason: Reason, what: str) -> CodeRefusedError:
    """The error for a reason."""
    return CodeRefusedError(reason, f"{what} cannot be used: {SENTENCES[reason].format('…')}")


def _why_not_rule(desk: Desk, rule_id: int) -> Reason:
    table = desk.tables.rules
    row = desk.connection.execute(
        sa.select(
            table.c.active,
            database_clock.has_begun(table.c.starts).label("has_begun"),
            database_clock.is_not_over(table.c.ends).label("is_not_over"),
        ).where(table.c.id == rule_id)
    ).first()
    if row is None or not row.active:
        return Reason.INACTIVE
    return Reason.NOT_STARTED if not row.has_begun else Reason.ENDED if not row.is_not_over else Reason.USED_UP


def _why_not_coupon(desk: Desk, coupon_id: int, customer: str | None) -> Reason:
    table = desk.tables.coupons
    row = desk.connection.execute(
        sa.select(
            table,
            database_clock.has_begun(table.c.starts).label("has_begun"),
            database_clock.is_not_over(table.c.expires).label("is_not_over"),
        ).where(table.c.id == coupon_id)
    ).first()
    if row is None:
        return Reason.CODE_UNKNOWN
    return objection_to(row, customer, bool(row.has_begun), bool(row.is_not_over)) or Reason.CODE_USED_UP


def objection_to(row: Any, customer: str | None, has_begun: bool, is_not_over: bool) -> Reason | None:
    """What stands against a code, but for its uses."""
    if row.bound and row.customer != customer:
        return Reason.CODE_OF_ANOTHER
    if row.state != CouponState.ACTIVE.value:
        return Reason.CODE_VOID
    return Reason.CODE_NOT_STARTED if not has_begun else Reason.CODE_EXPIRED if not is_not_over else None


# --- the end of a use ---


def confirm(desk: Desk, order_ref: str, revenue: Decimal | None) -> Reservation:
    """The uses of an order are for good; ReservationError when some have been given back meanwhile."""
    uses = desk.tables.uses
    desk.begin()
    mine = sa.update(uses).where(uses.c.order_ref == order_ref, uses.c.state == UseState.RESERVED.value)
    done = {"state": UseState.CONFIRMED.value, "reserved_until": None, "ended_at": database_clock.now()}
    with desk.undone_on_error():
        desk.connection.execute(mine.values(**done, revenue=revenue))
        lost = [row for row in _known(desk, order_ref) if row.state != UseState.CONFIRMED.value]
        if lost:
            raise ReservationError(
                f'the order "{order_ref}" cannot be confirmed: its use of "{lost[0].rule_key}" is {lost[0].state}, '
                "and somebody else may have it by now; reserve it anew, then confirm"
            )
    return reservation(desk, order_ref)


def release(desk: Desk, order_ref: str) -> Reservation:
    """The uses of an order are given back; what is confirmed, only where its rule says so."""
    desk.begin()
    _lock_rules(desk, (row.rule_id for row in _known(desk, order_ref)))
    rows = [
        row
        for row in _known(desk, order_ref)
        if row.state == UseState.RESERVED.value or (row.state == UseState.CONFIRMED.value and row.gives_back)
    ]
    for row in rows:
        _free(desk, row.id, UseState(row.state), UseState.RELEASED)
    return reservation(desk, order_ref)


def expire(desk: Desk, rows: Sequence[sa.Row[Any]]) -> int:
    """These reservations, if they still are, and are late, are given back; how many were."""
    if not rows:
        return 0
    desk.begin()
    _lock_rules(desk, (row.rule_id for row in rows))
    return sum(_free(desk, row.id, UseState.RESERVED, UseState.EXPIRED) for row in rows)


def late(desk: Desk, rule_ids: Sequence[int] | None = None, limit: int = 1_000) -> list[sa.Row[Any]]:
    """Reservations whose time is over, of these rules or of all, those of one rule together."""
    uses = desk.tables.uses
    statement = (
        sa.select(uses.c.id, uses.c.rule_id)
        .where(uses.c.state == UseState.RESERVED.value, uses.c.reserved_until <= database_clock.now())
        .order_by(uses.c.rule_id, uses.c.id)
        .limit(limit)
    )
    if rule_ids is not None:
        statement = statement.where(uses.c.rule_id.in_(rule_ids))
    return list(desk.connection.execute(statement))


def _lock_rules(desk: Desk, rule_ids: Iterable[int]) -> None:
    table = desk.tables.rules
    for rule_id in sorted(set(rule_ids)):
        desk.connection.execute(sa.select(table.c.id).where(table.c.id == rule_id).with_for_update()).all()


def _free(desk: Desk, use_id: int, state: UseState, after: UseState) -> bool:
    """A use does not count any more; False when it is not in that state now. Its rule's row is locked."""
    uses, coupons = desk.tables.uses, desk.tables.coupons
    row = desk.connection.execute(sa.select(uses).where(uses.c.id == use_id).with_for_update()).one()
    ended = sa.update(uses).where(uses.c.id == use_id, uses.c.state == state.value)
    if after is UseState.EXPIRED:
        ended = ended.where(uses.c.reserved_until <= database_clock.now())
    values = {"state": after.value, "slot": None, "reserved_until": None, "ended_at": database_clock.now()}
    if not desk.connection.execute(ended.values(**values)).rowcount:
        return False
    if row.coupon_id is not None:
        same = coupons.c.id == row.coupon_id
        last = desk.connection.scalar(sa.select(coupons.c.used).where(same).with_for_update())
        if row.slot != last:  # whoever has the last slot moves into the free one
            moved = sa.update(uses).where(uses.c.coupon_id == row.coupon_id, uses.c.slot == last)
            desk.connection.execute(moved.values(slot=row.slot))
        desk.connection.execute(sa.update(coupons).where(same).values(used=coupons.c.used - 1))
    if row.customer is not None:
        table = desk.tables.customers
        theirs = sa.update(table).where(table.c.rule_id == row.rule_id, table.c.customer == row.customer)
        desk.connection.execute(theirs.values(used=table.c.used - 1))
    table = desk.tables.rules
    desk.connection.execute(sa.update(table).where(table.c.id == row.rule_id).values(used=table.c.used - 1))
    return True


# --- reading ---


def _uses(desk: Desk, order_ref: str, *, locked: bool = False) -> list[sa.Row[Any]]:
    uses, sales_rules = desk.tables.uses, desk.tables.rules
    is_late = sa.and_(uses.c.state == UseState.RESERVED.value, uses.c.reserved_until <= database_clock.now())
    statement = sa.select(uses, is_late.label("is_late")).where(uses.c.order_ref == order_ref).order_by(uses.c.rule_id)
    if locked:
        return list(desk.connection.execute(statement.with_for_update()))
    statement = statement.add_columns(sales_rules.c.key.label("rule_key"), sales_rules.c.gives_back)
    return list(desk.connection.execute(statement.join(sales_rules, sales_rules.c.id == uses.c.rule_id)))


def _known(desk: Desk, order_ref: str) -> list[sa.Row[Any]]:
    rows = _uses(desk, order_ref)
    if not rows:
        raise ReservationError(f'the order "{order_ref}" has reserved nothing')
    return rows


def reservation(desk: Desk, order_ref: str) -> Reservation:
    """The uses of an order as they stand; ReservationError when it never had any."""
    rows = _known(desk, order_ref)
    ids = [row.coupon_id for row in rows if row.coupon_id is not None]
    found = desk.connection.execute(codes.coupons(desk.tables, desk.tables.coupons.c.id.in_(ids))) if ids else ()
    shown = {row.id: codes.shown(row) for row in found}
    return Reservation(
        order_ref=order_ref,
        uses=tuple(
            Use(
                rule=row.rule_key,
                code=shown.get(row.coupon_id),
                state=UseState(row.state),
                reserved_until=aware(row.reserved_until),
                discount=None if row.discount is None else money.in_full(row.discount, row.currency),
            )
            for row in rows
        ),
    )


def held_by(desk: Desk, order_ref: str) -> list[sa.Row[Any]]:
    """The uses of an order that count."""
    return [row for row in _uses(desk, order_ref) if row.state in _COUNTING]


def over(desk: Desk, column: sa.ColumnElement[Any], ids: Iterable[Any], now: datetime) -> dict[Any, int]:
    """How many reservations of rules, codes or customers are late, and only not given back yet."""
    uses = desk.tables.uses
    statement = (
        sa.select(column, sa.func.count())
        .where(
            column.in_(list(ids)), uses.c.state == UseState.RESERVED.value, uses.c.reserved_until <= now.astimezone(UTC)
        )
        .group_by(column)
    )
    return {key: int(count) for key, count in desk.connection.execute(statement)}
