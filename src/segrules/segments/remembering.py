"""What a store remembers from one run to the next: rules that it has read, and statements that it has written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules.algebra import Predicate
from segrules.rule import Rule, parse
from segrules.segments.matching import Members
from segrules.segments.segment import Segment
from segrules.shop import Shop
from segrules.sql.reuse import Moments, Slots
from segrules.sql.shared import Shared

#: So many rules are remembered, and so many sets of segments that were refreshed together.
_RULES, _SETS = 2_000, 4


@define(eq=False)
class Questions:
    """The statements that find the members of some segments: one that computes what they share, and one for each."""

    shared: Shared | None
    slots: Slots
    _predicates: Mapping[Hashable, Predicate]
    _alone: Callable[[Predicate, Members], sa.Select[Any]]
    _statements: dict[int, sa.Select[Any]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.shared is not None:
            self.slots.collect(self.shared.filling)

    def statement(self, segment_id: int, members: Members) -> sa.Select[Any]:
        """The ids of a segment's members; ``members``, those of the segments that its rule names."""
        if members:
            return Slots(self.slots.moments).collect(self._written(segment_id, members))
        if segment_id not in self._statements:
            self._statements[segment_id] = self.slots.collect(self._written(segment_id, members))
        return self._statements[segment_id]

    def _written(self, segment_id: int, members: Members) -> sa.Select[Any]:
        if self.shared is not None and segment_id in self.shared:
            return self.shared.select(segment_id, members)
        return self._alone(self._predicates[segment_id], members)


@define(eq=False)
class Memory:
    """What one store remembers. Whoever takes questions has them alone until they are given back."""

    _rules: OrderedDict[tuple[str, str], Rule] = field(factory=OrderedDict)
    _questions: OrderedDict[Hashable, Questions] = field(factory=OrderedDict)

    def rule(self, segment: Segment, shop: Shop) -> Rule:
        """The rule of a segment; RuleError when it is none."""
        key = segment.name, segment.rule
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = parse(segment.rule, shop, name=segment.name)
            _forget(self._rules, _RULES)
        return found

    def take(self, key: Hashable, moments: Moments) -> Questions | None:
        """Questions of that shape, about these moments; None when nobody has given any back."""
        found = self._questions.pop(key, None)
        if found is not None:
            found.slots.fill(moments)
        return found

    def give(self, key: Hashable, questions: Questions) -> None:
        """Others may take them, unless they hold moments that cannot be told."""
        if questions.slots.complete:
            self._questions[key] = questions
            _forget(self._questions, _SETS)


def _forget(kept: OrderedDict[Any, Any], most: int) -> None:
    """The oldest go."""
    while len(kept) > most:
        try:
            kept.popitem(last=False)
        except KeyError:  # somebody else was faster
            return
