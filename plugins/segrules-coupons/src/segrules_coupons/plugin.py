"""What segrules finds when it looks for plugins: the coupon of a sequence's step, and the segments of sales rules.

Loading this module loads neither SQLAlchemy nor anything that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segrules.hookspecs import SegmentChange, hookimpl

if TYPE_CHECKING:
    import sqlalchemy as sa


# Optional, since the sequences that ask for it are another distribution.
@hookimpl(optionalhook=True)
def segrules_step_context(connection: sa.Connection, step: Any, enrolment: Any, recipient: Any) -> Mapping[str, Any]:
    """The ``coupon_…`` variables of a step, from a code that is issued in the transaction of the mail."""
    from segrules_coupons.steps import context

    return context(connection, step, enrolment, recipient)


@hookimpl(optionalhook=True)
def segrules_step_redemptions(connection: sa.Connection) -> sa.Select[Any] | None:
    """The uses of codes that went with mails, for the statistics of the sequences."""
    from segrules_coupons.redemptions import redemptions

    return redemptions(connection)


@hookimpl
def segrules_segment_changing(connection: sa.Connection, change: SegmentChange) -> list[str]:
    """The sales rules that name the segment."""
    from segrules_coupons.rules import needing

    return needing(connection, change)
