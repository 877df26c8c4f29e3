"""The price of a cart under the sales rules, with the reason for everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from segrules_coupons.cart import Cart
from segrules_coupons.errors import SalesRuleError
from segrules_coupons.reasons import Reason

if TYPE_CHECKING:
    from segrules import Explanation

    from segrules_coupons.judging import Judge


@frozen(kw_only=True)
class Verdict:
    """What became of one sales rule: whether it applied, why or why not, and what it took off."""

    rule: str
    name: str
    offer: str
    reason: Reason
    #: One sentence for the shop's own people.
    message: str
    #: The code by which it came in, as it is shown; None for a rule that needs none.
    code: str | None = None
    #: Off the items, and off the shipping.
    discount: Decimal = Decimal(0)
    shipping_discount: Decimal = Decimal(0)
    #: Off each line, by the line's id; lines without any are left out.
    lines: Mapping[Any, Decimal] = field(factory=dict)

    @property
    def applied(self) -> bool:
        """Whether it took something off."""
        return self.reason is Reason.APPLIED


@frozen(kw_only=True)
class CodeVerdict:
    """What became of one code that was typed; ``public`` is what its typist may read."""

    typed: str
    reason: Reason
    message: str
    public: str

    @property
    def applied(self) -> bool:
        """Whether the code's rule took something off."""
        return self.reason is Reason.APPLIED


@frozen(kw_only=True)
class PricedLine:
    """A line of the cart with what is taken off it."""

    id: Any
    row_total: Decimal
    discount: Decimal

    @property
    def total(self) -> Decimal:
        """What is left to pay for it; never below zero."""
        return self.row_total - self.discount


@frozen(kw_only=True)
class Quote:
    """A cart with its discounts. The shop applies it; nothing is reserved or counted yet.

    ``verdicts`` tells of each rule that was looked at, in the order in which they apply, ``codes`` of each code typed.
    ``customer`` is the id as text, None for a guest.
    """

    cart: Cart
    customer: str | None
    at: datetime
    lines: tuple[PricedLine, ...]
    verdicts: tuple[Verdict, ...]
    codes: tuple[CodeVerdict, ...]
    #: Whether a rule that applied makes the shipping free, also while its cost is not known.
    free_shipping: bool
    shipping_discount: Decimal
    _judge: Judge = field(eq=False, repr=False)

    @property
    def applied(self) -> tuple[Verdict, ...]:
        """The verdicts of the rules that applied."""
        return tuple(each for each in self.verdicts if each.applied)

    @property
    def subtotal(self) -> Decimal:
        """All lines before discounts."""
        return sum((each.row_total for each in self.lines), Decimal(0))

    @property
    def discount(self) -> Decimal:
        """What is taken off the lines, all together."""
        return sum((each.discount for each in self.lines), Decimal(0))

    @property
    def shipping(self) -> Decimal:
        """The shipping before discounts; 0 as long as it is not known."""
        return self.cart.shipping or Decimal(0)

    @property
    def total(self) -> Decimal:
        """What is to be paid: lines and shipping without their discounts."""
        return self.subtotal - self.discount + self.shipping - self.shipping_discount

    def explain(self, rule: str) -> Explanation:
        """The condition of a rule that was looked at as a tree, with the truth of each part and the values found."""
        if rule not in {each.rule for each in self.verdicts}:
            raise SalesRuleError(f'no sales rule "{rule}" was looked at for this cart')
        return self._judge.explanation(rule)

    def __str__(self) -> str:
        """The price and its reasons as a few lines of text."""
        money = self.cart.currency
        rows = [f"subtotal {self.subtotal} {money}"]
        for each in self.verdicts:
            what = each.rule if each.code is None else f"{each.rule} ({each.code})"
            off = []
            if each.discount or (each.applied and not each.shipping_discount):
                off.append(f"-{each.discount} {money}")
            if each.shipping_discount:
                off.append(f"-{each.shipping_discount} {money} shipping")
            rows.append(
                f"  {'+' if each.applied else '-'} {what}: {each.message}"
                + (f", {', '.join(off)}" if each.applied else "")
            )
        rows += [f"  - code {each.typed}: {each.message}" for each in self.codes if not each.applied]
        if self.cart.shipping is not None:
            rows.append(f"shipping {self.shipping - self.shipping_discount} {money}")
        return "\n".join([*rows, f"total {self.total} {money}"])
