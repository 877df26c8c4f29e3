"""Membership of another segment."""

from segrules.condition import ConditionType, Example


class Segment(ConditionType, word="segment", construct=True):
    """Asks about another segment: ``in segment "VIP"``, ``not in segment "VIP"``; stored, or live by its rule."""

    examples = (
        Example('in segment "VIP"', matches={"segments": ["VIP"]}, misses={"segments": ["vip"]}),
        Example('not in segment "VIP"', matches={}, misses={"segments": ["VIP", "new"]}),
    )
