"""Why a sales rule applied to a cart or did not, and why a code is refused: one list for both."""

from __future__ import annotations

from enum import Enum

#: What a stranger is told of a code, whatever is the matter with it.
CANNOT = "This code cannot be used."


class Reason(Enum):
    """A stable name for each outcome; the sentences that say it may change."""

    APPLIED = "applied"

    # of the rule
    INACTIVE = "inactive"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    USED_UP = "used_up"
    CUSTOMER_USED_UP = "customer_used_up"
    NEEDS_CUSTOMER = "needs_customer"
    NEEDS_CODE = "needs_code"

    # of the cart
    CURRENCY = "currency"
    MIN_SUBTOTAL = "min_subtotal"
    CONDITION = "condition"
    BROKEN = "broken"
    NOTHING_LEFT = "nothing_left"
    STOPPED = "stopped"
    STACK_GROUP = "stack_group"

    # of the code
    CODE_MISTYPED = "code_mistyped"
    CODE_UNKNOWN = "code_unknown"
    CODE_VOID = "code_void"
    CODE_NOT_STARTED = "code_not_started"
    CODE_EXPIRED = "code_expired"
    CODE_USED_UP = "code_used_up"
    CODE_OF_ANOTHER = "code_of_another"
    CODE_SUPERFLUOUS = "code_superfluous"

    @property
    def public(self) -> str:
        """What the one who typed the code may read.

        All that would tell a stranger that a code exists, or existed, reads the same.
        """
        return _PUBLIC.get(self, CANNOT)


_PUBLIC = {
    Reason.APPLIED: "The code has been applied.",
    Reason.CODE_MISTYPED: "There is a typing error in this code.",
    Reason.CODE_SUPERFLUOUS: "Another code of the same offer is in use already.",
}
