"""What one sales rule takes off the lines of a cart."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from attrs import frozen

from segrules_coupons import money
from segrules_coupons.sales_rule import Action, SalesRule


@frozen
class Line:
    """A line as a rule finds it: its pieces, what is left of its cost in smallest units, its place among equals."""

    qty: Decimal
    left: int
    order: object


def taken_off(rule: SalesRule, lines: Sequence[Line], currency: str) -> list[int]:
    """What a rule takes off each line, in smallest units; never more than what is left of it.

    The exact discounts of all lines are rounded once, together; each line gets its share of that.
    """
    highest = None if rule.max_discount is None else money.exact_units(rule.max_discount, currency)
    return money.apportioned(_shares(rule, lines, currency), [each.order for each in lines], highest)


def _shares(rule: SalesRule, lines: Sequence[Line], currency: str) -> list[Fraction]:
    """The exact discount on each line."""
    left = sum(line.left for line in lines)
    match rule.action:
        case Action.PERCENT:
            return [line.left * Fraction(rule.percent) / 100 for line in lines]
        case Action.CART_FIXED:
            off = min(_units(rule, currency), left)
            return [Fraction(off * line.left, left) if left else Fraction(0) for line in lines]
        case Action.ITEM_FIXED:
            return [min(_units(rule, currency) * Fraction(line.qty), Fraction(line.left)) for line in lines]
        case Action.BUY_X_GET_Y:
            return _cheapest(rule, lines)
        case Action.FREE_SHIPPING:
            return [Fraction(0) for _ in lines]
        case _:
            assert_never(rule.action)


def _cheapest(rule: SalesRule, lines: Sequence[Line]) -> list[Fraction]:
    """Of every ``buy + get`` whole pieces ``get``, the cheapest of all; what costs nothing any more does not count."""
    buy, get = rule.buy or 0, rule.get or 0
    pieces = [int(line.qty) if line.left else 0 for line in lines]
    free = sum(pieces) // (buy + get) * get
    prices = [line.left / Fraction(line.qty) for line in lines]
    shares = [Fraction(0)] * len(lines)
    for place in sorted(range(len(lines)), key=lambda place: (prices[place], lines[place].order)):
        taken = min(free, pieces[place])
        free -= taken
        shares[place] = taken * prices[place] * Fraction(rule.percent) / 100
    return shares


def _units(rule: SalesRule, currency: str) -> int:
    assert rule.amount is not None
    return money.exact_units(rule.amount, currency)
