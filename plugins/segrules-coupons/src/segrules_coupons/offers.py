"""Which rules come into question for a cart: those that need no code, and those of the codes that were typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules_coupons import coupon as codes
from segrules_coupons import redeeming, rules
from segrules_coupons.pattern import normalised
from segrules_coupons.pricing import Candidate, RefusedCode
from segrules_coupons.reasons import Reason
from segrules_coupons.rules import Stored
from segrules_coupons.shapes import Shapes
from segrules_coupons.transactions import Desk


def readable(desk: Desk, typed: Iterable[str], shapes: Shapes) -> tuple[dict[str, str], list[RefusedCode]]:
    """The codes as they are kept, with how they were typed first, and those that hold a typing error."""
    good: dict[str, str] = {}
    mistyped: list[RefusedCode] = []
    for each in typed:
        code = normalised(each)
        if code is None or shapes.is_mistyped(desk, code):
            mistyped.append(RefusedCode(each, Reason.CODE_MISTYPED))
        else:
            good.setdefault(code, each)
    return dict(sorted(good.items())), mistyped


@define(eq=False)
class Offers:
    """The candidates for one cart, and why some cannot apply whatever is in it."""

    desk: Desk
    customer: str | None
    at: datetime
    order_ref: str | None = None
    candidates: list[Candidate] = field(factory=list)
    refused: list[RefusedCode] = field(factory=list)

    def collect(self, typed: Mapping[str, str], *, everything: bool) -> None:
        """Look at the codes, and at the rules; ``everything`` also takes rules that wait for a code or are off."""
        table = self.desk.tables.rules
        found = self._by_codes(typed)
        by_code = {row.rule_id: (typed[row.code], row) for row in found}
        open_to_all = sa.and_(table.c.active, ~table.c.needs_code)
        where = sa.true() if everything else sa.or_(open_to_all, table.c.id.in_(list(by_code)))
        stored = rules.every(self.desk, where)
        full = self._full(stored)
        for each in stored:
            code = by_code.get(each.id)
            refused = full.get(each.id)
            if each.rule.needs_code and code is None:
                refused = Reason.NEEDS_CODE if each.rule.active else Reason.INACTIVE
            self.candidates.append(
                Candidate(each.rule, None if code is None else codes.shown(code[1]), code and code[0], refused)
            )

    def _by_codes(self, typed: Mapping[str, str]) -> list[sa.Row[Any]]:
        """The rows of the codes that can be used, at most one for each rule."""
        rows = codes.by_code(self.desk, typed)
        own = {row.coupon_id for row in self._own_uses()}
        usable: dict[int, sa.Row[Any]] = {}
        for code, entry in typed.items():
            row = rows.get(code)
            if row is None:
                self.refused.append(RefusedCode(entry, Reason.CODE_UNKNOWN))
                continue
            reason = self._against(row, own)
            if reason is None and row.rule_id in usable:
                reason = Reason.CODE_SUPERFLUOUS
            if reason is None:
                usable[row.rule_id] = row
            else:
                is_own = row.customer is not None and row.customer == self.customer
                self.refused.append(RefusedCode(entry, reason, is_own))
        return list(usable.values())

    def _against(self, row: sa.Row[Any], own: set[int]) -> Reason | None:
        now = self.at.astimezone(UTC).replace(tzinfo=None)
        has_begun = row.starts is None or row.starts <= now
        is_not_over = row.expires is None or row.expires > now
        reason = redeeming.objection_to(row, self.customer, has_begun, is_not_over)
        if reason is not None or row.max_uses is None or row.id in own or row.used < row.max_uses:
            return reason
        uses = self.desk.tables.uses
        over = redeeming.over(self.desk, uses.c.coupon_id, [row.id], self.at).get(row.id, 0)
        return Reason.CODE_USED_UP if row.used - over >= row.max_uses else None

    def _full(self, stored: list[Stored]) -> dict[int, Reason]:
        """The rules whose uses are taken, all of them or those of this customer."""
        uses = self.desk.tables.uses
        mine = {row.rule_id for row in self._own_uses()}
        limited = [each for each in stored if each.id not in mine]
        full = [each for each in limited if each.rule.uses_total is not None and each.rule.used >= each.rule.uses_total]
        over = redeeming.over(self.desk, uses.c.rule_id, [each.id for each in full], self.at) if full else {}
        found = {
            each.id: Reason.USED_UP
            for each in full
            if each.rule.used - over.get(each.id, 0) >= (each.rule.uses_total or 0)
        }
        counted = {each.id: each.rule.uses_per_customer for each in limited if each.rule.uses_per_customer is not None}
        if self.customer is None:
            return {**dict.fromkeys(counted, Reason.NEEDS_CUSTOMER), **found}
        if counted:
            taken = self._taken(list(counted))
            theirs = {each for each, limit in counted.items() if taken.get(each, 0) >= limit}
            found = {**dict.fromkeys(theirs, Reason.CUSTOMER_USED_UP), **found}
        return found

    def _taken(self, rule_ids: list[int]) -> dict[int, int]:
        """How often this customer uses these rules; late reservations do not count."""
        table, uses = self.desk.tables.customers, self.desk.tables.uses
        statement = sa.select(table).where(table.c.rule_id.in_(rule_ids), table.c.customer == self.customer)
        counted = {row.rule_id: row.used for row in self.desk.connection.execute(statement)}
        late = (
            sa.select(uses.c.rule_id, sa.func.count())
            .where(uses.c.rule_id.in_(rule_ids), uses.c.customer == self.customer, uses.c.state == "reserved")
            .where(uses.c.reserved_until <= self.at)
            .group_by(uses.c.rule_id)
        )
        over = {key: int(count) for key, count in self.desk.connection.execute(late)}
        return {rule_id: used - over.get(rule_id, 0) for rule_id, used in counted.items()}

    def _own_uses(self) -> list[sa.Row[Any]]:
        return redeeming.held_by(self.desk, self.order_ref) if self.order_ref is not None else []


#: Says whether a caller may try another code.
Limiter = Callable[[str], bool]
