"""Sales rules and personal coupons for segrules.

The names below are found when they are first asked for, so that loading the plugin costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segrules_coupons.batches import Batch
    from segrules_coupons.cart import Cart, Item
    from segrules_coupons.coupon import Coupon
    from segrules_coupons.errors import (
        BatchError,
        CartError,
        CodeRefusedError,
        CouponError,
        CouponsBusyError,
        PatternError,
        ReservationError,
        SalesRuleConflictError,
        SalesRuleError,
        TooManyAttemptsError,
    )
    from segrules_coupons.limits import Limits
    from segrules_coupons.pattern import Pattern
    from segrules_coupons.quote import CodeVerdict, PricedLine, Quote, Verdict
    from segrules_coupons.reasons import Reason
    from segrules_coupons.redeeming import Reservation, Use
    from segrules_coupons.sales_rule import Action, SalesRule
    from segrules_coupons.statistics import Figures
    from segrules_coupons.store import CouponStore

__version__ = "0.1.0"

_HOMES = {
    "Action": "sales_rule",
    "Batch": "batches",
    "BatchError": "errors",
    "Cart": "cart",
    "CartError": "errors",
    "CodeRefusedError": "errors",
    "CodeVerdict": "quote",
    "Coupon": "coupon",
    "CouponError": "errors",
    "CouponStore": "store",
    "CouponsBusyError": "errors",
    "Figures": "statistics",
    "Item": "cart",
    "Limits": "limits",
    "Pattern": "pattern",
    "PatternError": "errors",
    "PricedLine": "quote",
    "Quote": "quote",
    "Reason": "reasons",
    "Reservation": "redeeming",
    "ReservationError": "errors",
    "SalesRule": "sales_rule",
    "SalesRuleConflictError": "errors",
    "SalesRuleError": "errors",
    "TooManyAttemptsError": "errors",
    "Use": "redeeming",
    "Verdict": "quote",
}

__all__ = [
    "Action",
    "Batch",
    "BatchError",
    "Cart",
    "CartError",
    "CodeRefusedError",
    "CodeVerdict",
    "Coupon",
    "CouponError",
    "CouponStore",
    "CouponsBusyError",
    "Figures",
    "Item",
    "Limits",
    "Pattern",
    "PatternError",
    "PricedLine",
    "Quote",
    "Reason",
    "Reservation",
    "ReservationError",
    "SalesRule",
    "SalesRuleConflictError",
    "SalesRuleError",
    "TooManyAttemptsError",
    "Use",
    "Verdict",
    "__version__",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'segrules_coupons' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"segrules_coupons.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
