"""Conditions joined: all, any, none; and, or, not."""

from segrules.condition import ConditionType, Example


class Combine(ConditionType, word="combine", construct=True):
    """Joins conditions: ``and``, ``or``, ``not``, and the groups ``all of (…)``, ``any of (…)``, ``none of (…)``."""

    examples = (
        Example(
            "all of (lifetime.orders > 0, not newsletter.status is subscribed)",
            matches={"orders": [{}]},
            misses={"orders": [{}], "newsletter": {"status": "subscribed"}},
        ),
        Example(
            "any of (lifetime.orders > 1, newsletter.status is subscribed)",
            matches={"orders": [{}, {}]},
            misses={"orders": [{}]},
        ),
        Example(
            "none of (lifetime.orders > 1, customer.gender is set)",
            matches={"orders": [{}]},
            misses={"gender": "other"},
        ),
        Example(
            "not all of (lifetime.orders > 0, customer.gender is set)",
            matches={"orders": [{}]},
            misses={"orders": [{}], "gender": "other"},
        ),
    )
