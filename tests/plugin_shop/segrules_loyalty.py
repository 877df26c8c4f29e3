"""Loyalty points: a condition type that a stranger wrote, with a table of its own."""

import sqlalchemy as sa

from segrules import ConditionType, hookimpl
from segrules.condition import Choice, Example, Moment, Rows, Text, Whole
from segrules.shop.columns import UtcMoment, exact_text


class LoyaltyEvent(ConditionType, word="loyalty_event", rows=Rows("loyalty_events", moment="booked_at")):
    """Points that were booked on the customer's account."""

    points = Whole("How many points were booked; negative when they were spent.", required=True)
    reason = Choice("Why they were booked.", values=("purchase", "gift", "spent"), required=True)
    note = Text("What the customer was told.")
    booked_at = Moment("When they were booked.", required=True)

    examples = (
        Example(
            "sum(loyalty_event.points where booked_at in last 30 days) >= 100",
            matches={
                "loyalty_events": [
                    {"points": 150, "booked_at": "2025-07-04T12:00:00"},
                    {"points": -50, "booked_at": "2025-06-04T00:00:00"},
                ]
            },
            misses={"loyalty_events": [{"points": 100, "booked_at": "2025-06-03T23:59:59.999999"}]},
        ),
        Example(
            "last loyalty_event has (reason is spent)",
            matches={"loyalty_events": [{"id": 1, "reason": "gift"}, {"id": 2, "reason": "spent"}]},
            misses={"loyalty_events": [{"id": 2, "reason": "gift"}, {"id": 1, "reason": "spent"}]},
        ),
    )

    @classmethod
    def table(cls, metadata):
        """The plugin's own table."""
        return sa.Table(
            "loyalty_events",
            metadata,
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
            sa.Column("customer_id", sa.BigInteger, sa.ForeignKey("customers.id"), nullable=False, index=True),
            sa.Column("points", sa.Integer, nullable=False),
            sa.Column("reason", exact_text(20), nullable=False),
            sa.Column("note", exact_text(200)),
            sa.Column("booked_at", UtcMoment(), nullable=False),
        )


@hookimpl
def segrules_condition_types():
    """What this plugin adds."""
    return [LoyaltyEvent]
