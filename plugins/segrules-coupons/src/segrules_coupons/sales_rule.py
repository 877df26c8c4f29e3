"""What a sales rule is: who gets how much off, on what, when and how often."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from attrs import field, frozen
from segrules.rule import Rule

from segrules_coupons import money
from segrules_coupons.errors import SalesRuleError

LONGEST_KEY = 64
LONGEST_NAME = 191
#: The most uses and pieces that a rule may speak of.
MOST = 2_000_000_000

_KEY = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_KEY - 1}}}\Z")


class Action(Enum):
    """What a sales rule takes off."""

    #: ``amount`` percent of what the items still cost.
    PERCENT = "percent"
    #: ``amount`` off the cart, spread over its items.
    CART_FIXED = "cart_fixed"
    #: ``amount`` off each piece.
    ITEM_FIXED = "item_fixed"
    #: Of every ``buy`` + ``get`` pieces the ``get`` cheapest cost ``amount`` percent less.
    BUY_X_GET_Y = "buy_x_get_y"
    #: The shipping, and nothing else.
    FREE_SHIPPING = "free_shipping"


_MONEY = (Action.CART_FIXED, Action.ITEM_FIXED)


def _text_of(rule: Rule | str) -> str:
    return rule.format() if isinstance(rule, Rule) else rule


def _items_of(rule: Rule | str | None) -> str | None:
    return None if rule is None else _text_of(rule)


def _number(value: Any) -> Any:
    """An exact number; floats stay as they are, to be refused with the others."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return value
    try:
        return Decimal(value)
    except ArithmeticError:
        raise SalesRuleError(
            f'{value!r} is no number; write a Decimal, an int or decimal text such as "12.50"'
        ) from None


def _is_key(rule: Any, attribute: Any, key: Any) -> None:
    if not isinstance(key, str) or not _KEY.match(key):
        raise SalesRuleError(
            f"{key!r} cannot be the key of a sales rule: use 1 to {LONGEST_KEY} letters, digits, dots, dashes or _"
        )


def _is_line(rule: Any, attribute: Any, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_NAME):
        raise SalesRuleError(f"{attribute.name} is one line of at most {LONGEST_NAME} characters; {value!r} is not")


def _is_amount(rule: Any, attribute: Any, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Decimal):
        raise SalesRuleError(f"{attribute.name}: {value!r} is not exact; write a Decimal, an int or decimal text")
    if not value.is_finite() or value < 0 or value >= money.HIGHEST:
        raise SalesRuleError(f"{attribute.name}: {value} is no amount; it must be 0 or more, and below 10^12")


def _is_count(rule: Any, attribute: Any, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise SalesRuleError(
            f"{attribute.name}: {value!r} is no count; write a whole number from 1, or None for no limit"
        )


def _is_whole(rule: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not -MOST <= value <= MOST:
        raise SalesRuleError(f"{attribute.name}: {value!r} is no whole number")


def _is_moment(rule: Any, attribute: Any, value: Any) -> None:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise SalesRuleError(f"{attribute.name}: {value} has no time zone; write an aware moment, or a day (a date)")
    if value is not None and not isinstance(value, date):
        raise SalesRuleError(f"{attribute.name}: {value!r} is neither a moment nor a day")


@frozen(kw_only=True)
class SalesRule:
    """An offer: a condition on customer and cart, what is taken off, and how often.

    ``condition`` is a rule of the language, in which ``cart`` is the cart being priced. ``items`` narrows the
    discount to some of its items; it is what may stand in ``any cart_item where (…)``. Amounts of money are in
    ``currency``, which a rule without any may leave out; it then applies in every currency.

    ``starts`` is the first moment, ``ends`` the first one after; a date means the shop's whole day, the last one
    included. ``uses_per_coupon`` goes into each code when it is made; ``uses_total`` and ``uses_per_customer`` count
    over all codes; None is no limit. ``gives_back`` says whether the order's cancellation frees a confirmed use.
    ``used`` and ``version`` are the store's.
    """

    key: str = field(validator=_is_key)
    name: str = field(default="", validator=_is_line)
    description: str = ""
    active: bool = True
    condition: str = field(default="true", converter=_text_of)
    items: str | None = field(default=None, converter=_items_of)
    action: Action = field(default=Action.PERCENT, converter=Action)
    amount: Decimal | None = field(default=None, converter=_number, validator=_is_amount)
    currency: str | None = None
    buy: int | None = field(default=None, validator=_is_count)
    get: int | None = field(default=None, validator=_is_count)
    free_shipping: bool = False
    max_discount: Decimal | None = field(default=None, converter=_number, validator=_is_amount)
    min_subtotal: Decimal | None = field(default=None, converter=_number, validator=_is_amount)
    starts: datetime | date | None = field(default=None, validator=_is_moment)
    ends: datetime | date | None = field(default=None, validator=_is_moment)
    priority: int = field(default=0, validator=_is_whole)
    stop_further: bool = False
    stack_group: str | None = field(default=None, validator=_is_line)
    needs_code: bool = False
    uses_total: int | None = field(default=None, validator=_is_count)
    uses_per_coupon: int | None = field(default=1, validator=_is_count)
    uses_per_customer: int | None = field(default=None, validator=_is_count)
    gives_back: bool = True
    used: int = field(default=0, eq=False)
    version: int = field(default=0, eq=False)

    def __attrs_post_init__(self) -> None:
        self._check_action()
        self._check_money()
        if type(self.starts) is type(self.ends) and self.starts is not None and self.ends is not None:
            # Two days may be the same one.
            too_late = self.starts > self.ends if not isinstance(self.ends, datetime) else self.starts >= self.ends
            if too_late:
                raise SalesRuleError(f"{self.key}: it would end ({self.ends}) before it starts ({self.starts})")

    def _check_action(self) -> None:
        say = f"{self.key}: the action {self.action.value}"
        match self.action:
            case Action.PERCENT | Action.BUY_X_GET_Y if self.amount is None and self.action is Action.PERCENT:
                raise SalesRuleError(f"{say} needs an amount, in percent")
            case Action.PERCENT | Action.BUY_X_GET_Y if self.amount is not None and not 0 < self.amount <= 100:
                raise SalesRuleError(f"{say} takes an amount above 0 and up to 100 percent; this one is {self.amount}")
            case Action.CART_FIXED | Action.ITEM_FIXED if not self.amount:
                raise SalesRuleError(f"{say} needs an amount above 0")
            case Action.FREE_SHIPPING if self.amount is not None:
                raise SalesRuleError(f"{say} takes no amount")
            case _:
                pass
        counts = self.buy is not None, self.get is not None
        if self.action is Action.BUY_X_GET_Y and not all(counts):
            raise SalesRuleError(f"{say} needs buy and get, each a number of pieces")
        if self.action is not Action.BUY_X_GET_Y and any(counts):
            raise SalesRuleError(f"{say} takes neither buy nor get")
        if self.action is Action.FREE_SHIPPING and self.items is not None:
            raise SalesRuleError(f"{say} takes no items; what must be in the cart belongs into the condition")

    def _check_money(self) -> None:
        amounts = {
            "amount": self.amount if self.action in _MONEY else None,
            "max_discount": self.max_discount,
            "min_subtotal": self.min_subtotal,
        }
        given = {name: amount for name, amount in amounts.items() if amount is not None}
        if given and self.currency is None:
            raise SalesRuleError(f"{self.key}: {next(iter(given))} is an amount of money, so give the currency")
        if self.currency is None:
            return
        if not isinstance(self.currency, str) or not money.is_currency(self.currency):
            raise SalesRuleError(f'{self.key}: {self.currency!r} is no currency; write three capitals like "EUR"')
        for name, amount in given.items():
            if money.units(amount, self.currency) is None:
                raise SalesRuleError(
                    f"{self.key}: {name} {amount} has more than the {money.decimals(self.currency)} decimals "
                    f"of {self.currency}"
                )
        if self.max_discount == 0:
            raise SalesRuleError(f"{self.key}: with a max_discount of 0 nothing would ever be taken off")

    @property
    def percent(self) -> Decimal:
        """What PERCENT and BUY_X_GET_Y take off, in percent: all of it where no amount is given."""
        return self.amount if self.amount is not None else Decimal(100)

    @property
    def frees_shipping(self) -> bool:
        """Whether the shipping goes away."""
        return self.free_shipping or self.action is Action.FREE_SHIPPING

    @property
    def offer(self) -> str:
        """What is offered, in a few plain words: ``15% off and free shipping``."""
        return _offer(self)


def _offer(rule: SalesRule) -> str:
    text = ""
    if rule.action in _MONEY and rule.amount is not None and rule.currency is not None:
        text = f"{money.in_full(rule.amount, rule.currency)} {rule.currency}"
    percent = f"{rule.percent.normalize():f}%"
    match rule.action:
        case Action.PERCENT:
            found = f"{percent} off"
        case Action.CART_FIXED:
            found = f"{text} off"
        case Action.ITEM_FIXED:
            found = f"{text} off each piece"
        case Action.BUY_X_GET_Y:
            found = f"buy {rule.buy} get {rule.get} " + ("free" if rule.percent == 100 else f"at {percent} off")
        case Action.FREE_SHIPPING:
            return "free shipping"
    return f"{found} and free shipping" if rule.free_shipping else found
