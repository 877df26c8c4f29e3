"""How the sales rules come together on a cart: in which order, which of them, and what each takes off.

Highest priority first, then by key. Each rule finds what those before it have left. Conditions, subtotal and limits are
judged on the cart as it came, so that they do not depend on other rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import define, field, frozen

from segrules_coupons import money
from segrules_coupons.cart import Cart
from segrules_coupons.discounts import Line, taken_off
from segrules_coupons.judging import Judge
from segrules_coupons.quote import CodeVerdict, PricedLine, Quote, Verdict
from segrules_coupons.reasons import Reason
from segrules_coupons.sales_rule import SalesRule


@frozen
class Candidate:
    """A rule that may apply, the code that brought it in, and what stands against it whatever is in the cart."""

    rule: SalesRule
    code: str | None = None
    typed: str | None = None
    refused: Reason | None = None


@frozen
class RefusedCode:
    """A typed code that brings in no rule, and why; ``is_own`` when the customer was given it, and may know."""

    typed: str
    reason: Reason
    is_own: bool = False


def quote(
    cart: Cart,
    customer: str | None,
    candidates: Iterable[Candidate],
    refused: Sequence[RefusedCode],
    judge: Judge,
    at: datetime,
) -> Quote:
    """The cart with its discounts."""
    pricing = _Pricing(cart, judge, at)
    for candidate in sorted(candidates, key=lambda each: (-each.rule.priority, each.rule.key)):
        pricing.look_at(candidate)
    lines = zip(cart.items, cart.row_units, pricing.left, strict=True)
    typed = [*pricing.codes, *(_of_code(each) for each in refused)]
    return Quote(
        cart=cart,
        customer=customer,
        at=at,
        lines=tuple(
            PricedLine(id=item.id, row_total=pricing.amount(full), discount=pricing.amount(full - left))
            for item, full, left in lines
        ),
        verdicts=tuple(pricing.verdicts),
        codes=tuple(sorted(typed, key=lambda each: each.typed)),
        free_shipping=pricing.free_shipping,
        shipping_discount=pricing.amount(pricing.shipping_off),
        judge=judge,
    )


def _of_code(refused: RefusedCode) -> CodeVerdict:
    message = SENTENCES[refused.reason]
    return CodeVerdict(
        typed=refused.typed,
        reason=refused.reason,
        message=message,
        public=f"{message[0].upper()}{message[1:]}." if refused.is_own else refused.reason.public,
    )


@define
class _Pricing:
    """The cart on its way through the rules, in smallest units."""

    cart: Cart
    judge: Judge
    at: datetime
    left: list[int] = field(init=False)
    shipping_off: int = 0
    free_shipping: bool = False
    verdicts: list[Verdict] = field(factory=list)
    codes: list[CodeVerdict] = field(factory=list)
    _stopped_by: str | None = None
    _groups: dict[str, str] = field(factory=dict)
    _holding: frozenset[str] = field(init=False)
    _chosen: Sequence[frozenset[str]] = field(init=False)
    _full: Decimal = field(init=False)
    _shipping: int | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = self.cart.row_units
        self._full = self.amount(sum(self.left))
        shipping = self.cart.shipping
        self._shipping = None if shipping is None else money.exact_units(shipping, self.cart.currency)
        self._holding = self.judge.holding()
        self._chosen = self.judge.chosen()

    def amount(self, number: int) -> Decimal:
        """So many units of the cart's currency."""
        return money.amount_of(number, self.cart.currency)

    def look_at(self, candidate: Candidate) -> None:
        """Let a rule apply, or say why it does not."""
        rule = candidate.rule
        reason, further = self._objection(candidate)
        lines: Mapping[int, int] = {}
        shipping = 0
        if reason is None:
            lines, shipping = self._taken_off(rule)
            frees = rule.frees_shipping and not self.free_shipping
            if not lines and not shipping and not frees:
                reason = Reason.NOTHING_LEFT
            else:
                self._apply(rule, lines, shipping)
        message = rule.offer if reason is None else SENTENCES[reason].format(further)
        found = Verdict(
            rule=rule.key,
            name=rule.name,
            offer=rule.offer,
            reason=reason or Reason.APPLIED,
            message=message,
            code=candidate.code,
            discount=self.amount(sum(lines.values())) if reason is None else self.amount(0),
            shipping_discount=self.amount(shipping) if reason is None else self.amount(0),
            lines={self.cart.items[place].id: self.amount(off) for place, off in lines.items()},
        )
        self.verdicts.append(found)
        if candidate.typed is not None:
            public = found.reason.public if found.reason is Reason.APPLIED else _fitting(found.reason, message)
            self.codes.append(CodeVerdict(typed=candidate.typed, reason=found.reason, message=message, public=public))

    def _objection(self, candidate: Candidate) -> tuple[Reason | None, str]:
        """Why a rule cannot apply, and what the sentence about it needs."""
        rule, cart = candidate.rule, self.cart
        if candidate.refused is not None:
            return candidate.refused, ""
        if not rule.active:
            return Reason.INACTIVE, ""
        if isinstance(rule.starts, datetime) and self.at < rule.starts:
            return Reason.NOT_STARTED, rule.starts.isoformat(" ")
        if isinstance(rule.ends, datetime) and self.at >= rule.ends:
            return Reason.ENDED, rule.ends.isoformat(" ")
        if rule.currency is not None and rule.currency != cart.currency:
            return Reason.CURRENCY, rule.currency
        if rule.min_subtotal is not None and self._full < rule.min_subtotal:
            return Reason.MIN_SUBTOTAL, f"{money.in_full(rule.min_subtotal, cart.currency)} {cart.currency}"
        if rule.key in self.judge.conditions.broken:
            return Reason.BROKEN, self.judge.conditions.broken[rule.key]
        if rule.key not in self._holding:
            return Reason.CONDITION, rule.condition
        if self._stopped_by is not None:
            return Reason.STOPPED, self._stopped_by
        if rule.stack_group is not None and rule.stack_group in self._groups:
            return Reason.STACK_GROUP, self._groups[rule.stack_group]
        return None, ""

    def _taken_off(self, rule: SalesRule) -> tuple[dict[int, int], int]:
        """What a rule takes off lines, by their place, and off the shipping."""
        places = [place for place, keys in enumerate(self._chosen) if rule.key in keys]
        lines = [
            Line(self.cart.items[place].qty, self.left[place], _order(self.cart.items[place].id)) for place in places
        ]
        found = dict(zip(places, taken_off(rule, lines, self.cart.currency), strict=True))
        shipping = 0
        if rule.frees_shipping and self._shipping is not None:
            shipping = self._shipping - self.shipping_off
            if rule.max_discount is not None:
                shipping = min(shipping, money.exact_units(rule.max_discount, self.cart.currency) - sum(found.values()))
        return {place: off for place, off in found.items() if off}, shipping

    def _apply(self, rule: SalesRule, lines: Mapping[int, int], shipping: int) -> None:
        for place, off in lines.items():
            self.left[place] -= off
        self.shipping_off += shipping
        if rule.frees_shipping and (rule.max_discount is None or self._shipping == self.shipping_off):
            self.free_shipping = True
        if rule.stop_further:
            self._stopped_by = rule.key
        if rule.stack_group is not None:
            self._groups[rule.stack_group] = rule.key


def _order(item: object) -> tuple[str, object]:
    """A key by which the lines of a cart can be put in order, whatever their ids are."""
    return (type(item).__name__, item if isinstance(item, int | str) else repr(item))


#: Reasons that may be told to whoever typed the code, since it is good and only this cart is not.
_TELLABLE = {
    Reason.CURRENCY: "This code is for carts in another currency.",
    Reason.CONDITION: "This code does not fit your cart.",
    Reason.NOTHING_LEFT: "This code does not fit your cart.",
    Reason.STOPPED: "This code cannot be combined with another offer.",
    Reason.STACK_GROUP: "This code cannot be combined with another offer.",
    Reason.NEEDS_CUSTOMER: "Please log in to use this code.",
    Reason.CUSTOMER_USED_UP: "You have used this offer as often as you may.",
}


def _fitting(reason: Reason, message: str) -> str:
    if reason is Reason.MIN_SUBTOTAL:
        return f"This code needs {message.removeprefix('it needs ')}."
    return _TELLABLE.get(reason, reason.public)


#: One sentence for each reason; {} stands for what the rule or the cart has.
SENTENCES = {
    Reason.INACTIVE: "it is switched off",
    Reason.NOT_STARTED: "it starts at {}",
    Reason.ENDED: "it ended at {}",
    Reason.USED_UP: "all its uses are taken",
    Reason.CUSTOMER_USED_UP: "this customer has used it as often as one may",
    Reason.NEEDS_CUSTOMER: "its uses are counted for each customer, and this is a guest",
    Reason.NEEDS_CODE: "it needs a code",
    Reason.CURRENCY: "it is in {}, and the cart is not",
    Reason.MIN_SUBTOTAL: "it needs a subtotal of {} or more",
    Reason.BROKEN: "its condition does not mean anything any more: {}",
    Reason.CONDITION: "its condition is not true: {}",
    Reason.NOTHING_LEFT: "it takes nothing off: no item that it is on costs anything any more",
    Reason.STOPPED: 'the rule "{}" lets no further ones apply',
    Reason.STACK_GROUP: 'the rule "{}" of the same group applies already',
    Reason.CODE_MISTYPED: "it is no code: a character is wrong",
    Reason.CODE_UNKNOWN: "there is no such code",
    Reason.CODE_VOID: "the code has been withdrawn",
    Reason.CODE_NOT_STARTED: "the code cannot be used yet",
    Reason.CODE_EXPIRED: "the code has expired",
    Reason.CODE_USED_UP: "the code has been used",
    Reason.CODE_OF_ANOTHER: "the code belongs to another customer",
    Reason.CODE_SUPERFLUOUS: "another code brings in the same rule",
}
