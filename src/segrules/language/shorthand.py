"""The shorthand ``order.grand_total > 100`` written out: ``any order where (grand_total > 100)``."""

from __future__ import annotations

from typing import Any

import attrs

from segrules.language import nodes
from segrules.language.printer import format_condition


def written_out(condition: nodes.Condition, word: str) -> nodes.Condition:
    """A comparison as it stands inside ``any word where (…)``."""

    def inside(node: Any) -> Any:
        if isinstance(node, nodes.FieldRef) and node.shorthand and node.relation == word:
            return attrs.evolve(node, shorthand=False, level=1)
        if isinstance(node, nodes.Aggregate):
            return _shifted(node)
        if isinstance(node, nodes.Node):
            return attrs.evolve(
                node,
                **{
                    each.name: inside(getattr(node, each.name))
                    for each in attrs.fields(type(node))
                    if each.name != "span"
                },
            )
        if isinstance(node, tuple):
            return tuple(inside(each) for each in node)
        return node

    found: nodes.Condition = inside(condition)
    return found


def _shifted(node: Any) -> Any:
    """An aggregate one level further in: every level but the customer's grows by one."""
    if isinstance(node, nodes.FieldRef):
        return attrs.evolve(node, level=node.level + 1) if node.level else node
    if isinstance(node, nodes.RelationRef):
        return attrs.evolve(node, parent=node.parent + 1) if node.parent else node
    if isinstance(node, nodes.Node):
        return attrs.evolve(
            node,
            **{
                each.name: _shifted(getattr(node, each.name))
                for each in attrs.fields(type(node))
                if each.name != "span"
            },
        )
    if isinstance(node, tuple):
        return tuple(_shifted(each) for each in node)
    return node


def both_readings(condition: nodes.Condition, word: str) -> tuple[str, str]:
    """A negative shorthand as ``no … where`` the positive, and as ``any … where`` the negative."""
    relation = nodes.RelationRef(word)
    negative: Any = written_out(condition, word)
    positive = attrs.evolve(negative, negated=False)
    no = nodes.Quantified(nodes.Quantifier.NO, None, relation, positive)
    some = nodes.Quantified(nodes.Quantifier.ANY, None, relation, negative)
    return format_condition(no), format_condition(some)
