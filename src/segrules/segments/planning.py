"""What a folder of segments would change in a store, and how many members would enter and leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import frozen

from segrules.errors import SegmentError
from segrules.rule import parse
from segrules.segments import dependencies
from segrules.segments.catalogue import Catalogue
from segrules.segments.segment import Segment
from segrules.segments.trying import Difference, Trial


class Action(Enum):
    """What becomes of a segment."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    DELETE = "delete"
    #: In the store and not in the folder, and left alone.
    IGNORE = "ignore"


@frozen(kw_only=True)
class Step:
    """What becomes of one segment: which of its fields change, and how its members would differ."""

    action: Action
    segment: Segment
    changes: tuple[str, ...] = ()
    difference: Difference | None = None


_COMPARED = ("title", "description", "rule", "active", "websites", "groups", "mode", "priority")


def plan(
    catalogue: Catalogue, wanted: Sequence[Segment], at: datetime, *, prune: bool, counts: bool = True
) -> list[Step]:
    """The steps from the store to the wanted segments, each behind those that it names.

    Raises what a wrong rule, an unknown segment or a circle raises, so that a plan which can be shown can be applied.
    """
    shop = catalogue.shop
    rules = {each.name: parse(each.rule, shop, name=each.name) for each in wanted}
    stored = {each.segment.name: each.segment for each in catalogue.all()}
    uses = {name: set(rule.segments) for name, rule in rules.items()}
    left = {name: used for name, used in catalogue.uses().items() if name not in rules}
    for each in wanted:
        catalogue.require_websites(each)
    _check(rules, {} if prune else stored, {**left, **uses} if not prune else uses)
    order = dependencies.ordered(sorted(rules), uses)
    given = {each.name: attrs.evolve(each, rule=rules[each.name].format()) for each in wanted}
    steps = []
    instead: dict[str, sa.Select[Any]] = {}
    for name in order:
        segment, before = given[name], stored.get(name)
        trial = Trial(catalogue, segment, at, instead)
        difference = trial.difference(0) if counts else None
        instead = {**instead, name: trial.statement()}
        if before is None:
            steps.append(Step(action=Action.CREATE, segment=segment, difference=difference))
            continue
        changes = tuple(each for each in _COMPARED if getattr(segment, each) != getattr(before, each))
        segment = attrs.evolve(segment, version=before.version)
        action = Action.CHANGE if changes else Action.KEEP
        steps.append(Step(action=action, segment=segment, changes=changes, difference=difference))
    gone = [name for name in reversed(dependencies.ordered(sorted(stored), catalogue.uses())) if name not in rules]
    steps += [Step(action=Action.DELETE if prune else Action.IGNORE, segment=stored[name]) for name in gone]
    return steps


def _check(rules: dict[str, Any], stored: dict[str, Segment], uses: dict[str, set[str]]) -> None:
    problems: list[str] = []
    for name, rule in rules.items():
        for used in sorted(rule.segments):
            if used not in rules and used not in stored:
                problems.append(f'"{name}" names the segment "{used}", which will not be there')
        if rule.parameters:
            problems.append(f'"{name}" has the parameter :{next(iter(rule.parameters))}, which nobody gives a value')
    circle = dependencies.circle(uses)
    if circle is not None:
        problems.append(f"segments refer to each other in a circle: {dependencies.shown(circle)}")
    if problems:
        raise SegmentError("; ".join(problems))
