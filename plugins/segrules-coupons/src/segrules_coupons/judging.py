"""What the sales rules say of one customer with one cart: their conditions, judged in memory.

The cart being priced stands in the place of all carts of the customer, and a guest is a customer of whom nothing is
known but that cart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import attrs
import segrules as sr
from attrs import frozen
from segrules.errors import CustomerError, RuleError, Span
from segrules.language import nodes

from segrules_coupons import money
from segrules_coupons.cart import Cart, Item
from segrules_coupons.errors import CartError, SalesRuleError
from segrules_coupons.sales_rule import SalesRule

_BEFORE, _AFTER = "any cart_item where (\n", "\n)"


def condition_of(rule: SalesRule, shop: sr.Shop) -> sr.Rule:
    """The rule's condition. Raises RuleError, SalesRuleError."""
    return _parsed(rule.condition, shop, rule.key)


def items_of(rule: SalesRule, shop: sr.Shop) -> sr.Rule | None:
    """Whether a cart has an item that the discount is on, as a rule; None when it is on all.

    Raises RuleError with the places of the text as it was written, SalesRuleError.
    """
    if rule.items is None:
        return None
    name = f"{rule.key}, items"
    try:
        parsed = _parsed(_BEFORE + rule.items + _AFTER, shop, name)
    except RuleError as error:
        raise RuleError([_moved(each, rule.items, name) for each in error.diagnostics]) from None
    if not isinstance(parsed.condition, nodes.Quantified):
        raise SalesRuleError(f'{rule.key}: the items "{rule.items}" are no single condition; put it into parentheses')
    return parsed


@lru_cache(maxsize=4096)
def _parsed(text: str, shop: sr.Shop, name: str) -> sr.Rule:
    parsed = sr.parse(text, shop, name=name)
    if parsed.parameters:
        raise SalesRuleError(
            f"{name}: nobody gives :{next(iter(parsed.parameters))} a value when a cart is priced; "
            "write the value into the rule"
        )
    return parsed


def _moved(diagnostic: sr.Diagnostic, text: str, name: str) -> sr.Diagnostic:
    """A diagnostic about the text that the author wrote, not about what stands around it here."""
    source = attrs.evolve(diagnostic.source, text=text, name=name)

    def within(span: Span) -> Span:
        start, end = (min(max(place - len(_BEFORE), 0), len(text)) for place in (span.start, span.end))
        return Span(start, end)

    suggestion = diagnostic.suggestion
    inside = suggestion is not None and within(suggestion.span) == Span(
        suggestion.span.start - len(_BEFORE), suggestion.span.end - len(_BEFORE)
    )
    moved = attrs.evolve(suggestion, span=within(suggestion.span)) if suggestion is not None and inside else None
    return attrs.evolve(diagnostic, span=within(diagnostic.span), source=source, suggestion=moved)


@frozen(eq=False)
class Conditions:
    """The conditions of several sales rules, asked together: whatever two of them ask is asked once.

    One that cannot be read any more, since the shop's words have changed, is ``broken`` and stops no other.
    """

    shop: sr.Shop
    rules: Mapping[str, sr.Rule]
    carts: sr.RuleSet
    items: sr.RuleSet
    broken: Mapping[str, str]

    @classmethod
    def of(cls, rules: Iterable[SalesRule], shop: sr.Shop) -> Conditions:
        """Those of these rules."""
        conditions: dict[str, sr.Rule] = {}
        items: dict[str, sr.Rule] = {}
        broken: dict[str, str] = {}
        for each in rules:
            try:
                condition, chosen = condition_of(each, shop), items_of(each, shop)
            except (RuleError, SalesRuleError) as error:
                broken[each.key] = str(error).partition("\n")[0]
                continue
            conditions[each.key] = condition
            if chosen is not None:
                items[each.key] = chosen
        return cls(shop, conditions, sr.RuleSet(conditions, shop), sr.RuleSet(items, shop), broken)

    @property
    def needs(self) -> tuple[sr.Rule, ...]:
        """Every rule that is asked."""
        return (*self.rules.values(), *(self.items[name] for name in self.items))

    @property
    def segments(self) -> frozenset[str]:
        """The segments that any of them names."""
        return frozenset(name for rule in self.needs for name in rule.segments)

    def judge(self, cart: Cart, customer: Mapping[str, Any], at: datetime, code: str | None = None) -> Judge:
        """The answers for one cart of one customer, whose data has been checked."""
        return Judge(self, _checked(cart, at, code, self.shop), customer, at)


@frozen(eq=False)
class Judge:
    """What the conditions say of one cart of one customer at one moment."""

    conditions: Conditions
    cart: Mapping[str, Any]
    customer: Mapping[str, Any]
    at: datetime

    def holding(self) -> frozenset[str]:
        """The keys of the rules whose condition is true."""
        return frozenset(self.conditions.carts.matching(self._with(self.cart["items"]), at=self.at))

    def chosen(self) -> Sequence[frozenset[str]]:
        """For each line the keys of the rules whose ``items`` it is one of; of a rule without any it always is."""
        everything = frozenset(key for key in self.conditions.rules if key not in self.conditions.items)
        asked = self.conditions.items
        return [
            everything | frozenset(asked.matching(self._with([item]), at=self.at) if len(asked) else ())
            for item in self.cart["items"]
        ]

    def explanation(self, key: str) -> sr.Explanation:
        """The condition of a rule as a tree with truth and values; SalesRuleError for one that is broken."""
        if key in self.conditions.broken:
            raise SalesRuleError(f"{key}: {self.conditions.broken[key]}")
        rule = self.conditions.rules[key]
        return rule.explain(self._with(self.cart["items"]), self.conditions.shop, at=self.at)

    def _with(self, items: Sequence[Any]) -> sr.Customer:
        return sr.Customer({**self.customer, "carts": [{**self.cart, "items": items}]})


def customer_data(given: Any, shop: sr.Shop) -> dict[str, Any]:
    """The data of a customer in memory, checked; CartError when it does not fit the vocabulary."""
    if isinstance(given, sr.Customer):
        return dict(given)
    try:
        return dict(sr.Customer.from_mapping(given, shop.vocabulary))
    except CustomerError as error:
        raise CartError(f"the customer: {error}") from None


def _checked(cart: Cart, at: datetime, code: str | None, shop: sr.Shop) -> Mapping[str, Any]:
    """The cart as conditions see it; CartError when an attribute of an item is unknown or of a wrong type."""
    units = cart.row_units
    subtotal = money.amount_of(sum(units), cart.currency)
    items = [_row(place, each, units[place], cart) for place, each in enumerate(cart.items)]
    row = {
        "id": cart.id if cart.id is not None else 1,
        "status": "active",
        "items_count": len(items),
        "items_qty": sum(each.qty for each in cart.items),
        "subtotal": subtotal,
        "grand_total": subtotal + (cart.shipping or 0),
        "tax_amount": cart.tax_amount,
        "discount_amount": 0,
        "coupon_code": code,
        "applied_rules": (),
        "store": cart.store,
        "created_at": cart.created_at or at,
        "updated_at": cart.updated_at or at,
        "items": items,
    }
    try:
        found: Mapping[str, Any] = sr.Customer.from_mapping({"carts": [row]}, shop.vocabulary)["carts"][0]
    except CustomerError as error:
        raise CartError(str(error).replace("carts[0].", "cart.")) from None
    return found


def _row(place: int, item: Item, units: int, cart: Cart) -> dict[str, Any]:
    row = {
        "id": place + 1,
        "sku": item.sku,
        "name": item.name,
        "type": item.type,
        "price": item.price,
        "qty": item.qty,
        "row_total": money.amount_of(units, cart.currency),
        "categories": list(item.categories),
        **item.attributes,
    }
    return row if item.product_id is None else {**row, "product_id": item.product_id}
