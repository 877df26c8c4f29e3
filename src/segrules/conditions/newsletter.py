"""Whether the customer wants mail."""

from segrules import algebra
from segrules.algebra import Const, Kind, Pick, Term
from segrules.condition import Choice, ConditionType, Example, Moment, Scope

#: Of several subscriptions the one that changed last counts.
LAST_CHANGED = Pick(by="changed_at", latest=True, required=False)

STATUSES = ("subscribed", "unsubscribed", "unconfirmed", "not_active", "not_subscribed")


def status(customer: Scope) -> Term:
    """The status of the subscription; ``not_subscribed`` without one."""
    found = customer.picked("newsletter", "status", Kind.CHOICE, LAST_CHANGED)
    return algebra.FirstPresent((found, Const("not_subscribed", Kind.CHOICE)), Kind.CHOICE)


class Newsletter(ConditionType, word="newsletter"):
    """The customer's subscription to the newsletter."""

    status = Choice(
        "The state of the subscription; not_subscribed when there is none.", values=STATUSES, meaning=status
    )
    changed_at = Moment(
        "When the subscription changed last.",
        meaning=lambda c: c.picked("newsletter", "changed_at", Kind.MOMENT, LAST_CHANGED),
    )

    examples = (
        Example("newsletter.status is subscribed", matches={"newsletter": {"status": "subscribed"}}, misses={}),
        Example("newsletter.status is not_subscribed", matches={}, misses={"newsletter": {"status": "unsubscribed"}}),
        Example("newsletter.status is not subscribed", matches={}, misses={"newsletter": {"status": "subscribed"}}),
        Example(
            "newsletter.changed_at before 2025-07-01",
            matches={"newsletter": {"changed_at": "2025-06-30T23:59:59.999999"}},
            misses={"newsletter": {"changed_at": "2025-07-01T00:00:00"}},
        ),
    )
