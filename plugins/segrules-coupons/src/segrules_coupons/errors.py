"""Every way the coupons can say no.

SegrulesError
└── CouponError
    ├── SalesRuleError          a sales rule is unknown, or cannot be like that
    │   └── SalesRuleConflictError  somebody else has changed it since it was read
    ├── PatternError            codes cannot be made by this pattern
    ├── BatchError              a batch is unknown, or cannot be made like that
    ├── CartError               the cart to be priced has data that it cannot have
    ├── CodeRefusedError        a code, or a rule, cannot be used now; carries the reason
    ├── ReservationError        the uses of an order cannot be reserved, confirmed or released like that
    ├── TooManyAttemptsError    a caller has tried too many codes
    └── CouponsBusyError        somebody else holds the database
"""

from __future__ import annotations

from segrules.errors import SegrulesError

from segrules_coupons.reasons import Reason


class CouponError(SegrulesError):
    """The root of what this package raises on purpose."""


class SalesRuleError(CouponError):
    """A sales rule is unknown, or cannot be like that."""


class SalesRuleConflictError(SalesRuleError):
    """Somebody else has changed the sales rule since it was read; get it anew and change that."""


class PatternError(CouponError):
    """Codes cannot be made by this pattern."""


class BatchError(CouponError):
    """A batch of codes is unknown, or cannot be made like that."""


class CartError(CouponError):
    """The cart to be priced, or its customer, has data that it cannot have."""


class CodeRefusedError(CouponError):
    """A code, or a sales rule, cannot be used now.

    ``reason`` says why; the text is for the shop's own people and shows the last four characters of a code only.
    ``public`` is what anybody may read: it does not tell an unknown code from one that is used up.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(reason, message)

    @property
    def public(self) -> str:
        """The sentence for the one who typed the code."""
        return self.reason.public

    def __str__(self) -> str:
        return str(self.args[1])


class ReservationError(CouponError):
    """The uses of an order cannot be reserved, confirmed or released like that."""


class TooManyAttemptsError(CouponError):
    """The limiter of the store says that this caller has tried enough codes for now."""


class CouponsBusyError(CouponError):
    """Somebody else holds what is wanted; nothing was written."""
