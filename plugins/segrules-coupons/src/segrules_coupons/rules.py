"""The sales rules as they are stored: read, saved, deleted."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import segrules as sr
import sqlalchemy as sa
from attrs import frozen
from segrules.hookspecs import SegmentChange

from segrules_coupons import database_clock, money
from segrules_coupons.coupon import aware
from segrules_coupons.errors import CouponError, SalesRuleConflictError, SalesRuleError
from segrules_coupons.judging import condition_of, items_of
from segrules_coupons.sales_rule import SalesRule
from segrules_coupons.tables import Tables
from segrules_coupons.transactions import Desk

_FIELDS = tuple(attrs.fields_dict(SalesRule))


@frozen
class Stored:
    """A sales rule with its id."""

    id: int
    rule: SalesRule


def stored_of(row: sa.Row[Any]) -> Stored:
    """The rule of a row."""
    values = {name: row._mapping[name] for name in _FIELDS}
    flags = {
        name: bool(values[name]) for name in ("active", "free_shipping", "stop_further", "needs_code", "gives_back")
    }
    moments = {name: aware(values[name]) for name in ("starts", "ends")}
    amounts = {name: _written(values[name], values["currency"]) for name in ("amount", "max_discount", "min_subtotal")}
    return Stored(row.id, SalesRule(**{**values, **flags, **moments, **amounts}))


def _written(amount: Decimal | None, currency: str | None) -> Decimal | None:
    """An amount with as many decimals as people write; a column has four."""
    if amount is None:
        return None
    if currency is None:
        return Decimal(f"{amount.normalize():f}")
    shown = money.in_full(amount, currency)
    return shown if shown == amount else amount


def every(desk: Desk, *where: sa.ColumnElement[bool]) -> list[Stored]:
    """The rules, those that apply first coming first."""
    found = [stored_of(row) for row in desk.connection.execute(sa.select(desk.tables.rules).where(*where))]
    return sorted(found, key=lambda each: (-each.rule.priority, each.rule.key))


def named(desk: Desk, key: str) -> Stored:
    """The rule of a key; SalesRuleError when there is none."""
    for each in every(desk, desk.tables.rules.c.key == key):
        return each
    keys = list(desk.connection.scalars(sa.select(desk.tables.rules.c.key)))
    near = difflib.get_close_matches(key.lower(), {each.lower(): each for each in keys}, n=1)
    meant = next((f'; did you mean "{each}"?' for each in keys if near and each.lower() == near[0]), "")
    raise SalesRuleError(f'there is no sales rule "{key}"{meant}')


def save(desk: Desk, rule: SalesRule) -> SalesRule:
    """Write a rule, new or changed; codes that have been made keep their limits and dates."""
    rule = _in_canonical_form(desk, rule)
    _know_segments(desk, rule)
    before = next(iter(every(desk, desk.tables.rules.c.key == rule.key)), None)
    if (before.rule.version if before else 0) != rule.version:
        now = f"version {before.rule.version}" if before else "not stored (any more)"
        raise SalesRuleConflictError(
            f'the sales rule "{rule.key}" was read at version {rule.version}, and it is {now}: '
            "get it anew and change that"
        )
    table = desk.tables.rules
    values = {name: getattr(rule, name) for name in _FIELDS if name not in ("used", "version")}
    values |= {"action": rule.action.value, "version": rule.version + 1, "updated_at": database_clock.now()}
    if before is None:
        try:
            with desk.undone_on_error():
                desk.connection.execute(table.insert().values(used=0, created_at=database_clock.now(), **values))
        except sa.exc.IntegrityError as cause:
            raise SalesRuleConflictError(f'the sales rule "{rule.key}" has been stored by somebody else') from cause
    else:
        unchanged = sa.update(table).where(table.c.id == before.id, table.c.version == rule.version)
        if not desk.connection.execute(unchanged.values(**values)).rowcount:
            raise SalesRuleConflictError(f'the sales rule "{rule.key}" has been changed by somebody else')
    return named(desk, rule.key).rule


def delete(desk: Desk, key: str) -> None:
    """Take out a rule that has neither codes nor uses; others can be switched off."""
    rule = named(desk, key)
    for table, what in ((desk.tables.coupons, "codes"), (desk.tables.uses, "uses")):
        if desk.connection.execute(sa.select(table.c.id).where(table.c.rule_id == rule.id).limit(1)).first():
            raise SalesRuleError(f'the sales rule "{key}" has {what}, so it stays: switch it off with active=False')
    for table in (desk.tables.batches, desk.tables.customers):
        desk.connection.execute(sa.delete(table).where(table.c.rule_id == rule.id))
    desk.connection.execute(sa.delete(desk.tables.rules).where(desk.tables.rules.c.id == rule.id))


def _in_canonical_form(desk: Desk, rule: SalesRule) -> SalesRule:
    """The rule with its condition as the formatter writes it, and moments for days of the shop's calendar."""
    condition = condition_of(rule, desk.shop).format()
    items_of(rule, desk.shop)
    starts, ends = _moment(desk, rule.starts), _moment(desk, rule.ends, after=timedelta(days=1))
    return attrs.evolve(rule, condition=condition, starts=starts, ends=ends)


def _moment(desk: Desk, given: datetime | date | None, after: timedelta = timedelta(0)) -> datetime | None:
    """A moment; for a day the one at which it begins in the shop's zone, or that day which comes after."""
    if given is None or isinstance(given, datetime):
        return given
    day = given + after
    return datetime(day.year, day.month, day.day, tzinfo=desk.shop.zone)


def _know_segments(desk: Desk, rule: SalesRule) -> None:
    """Every segment that the rule names is in the store of segments."""
    parsed = [condition_of(rule, desk.shop), items_of(rule, desk.shop)]
    names = {name for each in parsed if each is not None for name in each.segments}
    if not names:
        return
    if desk.segments is None:
        raise SalesRuleError(
            f'{rule.key}: it names the segment "{min(names)}", and this store knows no segments: '
            "give it CouponStore(…, segments=SegmentStore(…))"
        )
    unknown = names - set(known_segments(desk, names))
    if unknown:
        raise SalesRuleError(f'{rule.key}: there is no segment "{min(unknown)}" in the store of segments')


def needing(connection: sa.Connection, change: SegmentChange) -> list[str]:
    """The sales rules that name a segment, switched off or not: a rule's text does not follow a segment."""
    try:
        table = Tables.of(prefix=change.prefix, schema=change.schema).rules
    except CouponError:
        # No store of coupons has such a prefix.
        return []
    if not sa.inspect(connection).has_table(table.name, schema=change.schema):
        return []
    rules = [stored_of(row).rule for row in connection.execute(sa.select(table).order_by(table.c.key))]
    return [f'the sales rule "{rule.key}"' for rule in rules if change.segment in _segments_of(rule, change.shop)]


def _segments_of(rule: SalesRule, shop: sr.Shop) -> Collection[str]:
    """The segments that a rule names; of one that cannot be read in this shop, whatever its text holds."""
    try:
        parsed = [condition_of(rule, shop), items_of(rule, shop)]
    except sr.SegrulesError:
        return f"{rule.condition} {rule.items}"
    return {name for each in parsed if each is not None for name in each.segments}


def known_segments(desk: Desk, names: Iterable[str]) -> list[str]:
    """Those of these names that are segments."""
    assert desk.segments is not None
    segments = desk.segments.tables.segments
    return list(desk.connection.scalars(sa.select(segments.c.name).where(segments.c.name.in_(sorted(names)))))


def segments_of(desk: Desk, customer: Any) -> list[str]:
    """The segments of which a customer is a stored member, read on this connection."""
    if desk.segments is None:
        return []
    segments, members = desk.segments.tables.segments, desk.segments.tables.members
    joined = members.join(segments, segments.c.id == members.c.segment_id)
    statement = sa.select(segments.c.name).select_from(joined).where(members.c.customer_id == customer)
    return sorted(desk.connection.scalars(statement))
