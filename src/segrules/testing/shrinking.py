"""A mismatch made small: the shortest rule and the plainest customer that still show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from segrules.language import nodes
from segrules.testing.scene import Customer


def smaller_customer(
    customer: Customer, still_fails: Callable[[Customer], bool], optional: Callable[[str, str], bool], most: int = 600
) -> Customer:
    """The customer with as few rows and values as still fail; ``optional`` says which fields may be missing."""
    tries = 0
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in _without(customer, "", optional):
            tries += 1
            if tries > most:
                return customer
            if still_fails(candidate):
                customer, shrunk = candidate, True
                break
    return customer


def reductions(rule: nodes.Condition) -> list[nodes.Condition]:
    """The rule with one thing less in it, the smallest first. What comes out may be no valid rule."""
    return sorted(_reductions(rule), key=lambda node: sum(1 for _ in nodes.walk(node)))


def _reductions(node: Any) -> Iterator[Any]:
    if isinstance(node, nodes.And | nodes.Or | nodes.Group):
        yield from node.items
        if len(node.items) > 2:
            for index in range(len(node.items)):
                yield attrs.evolve(node, items=node.items[:index] + node.items[index + 1 :])
    elif isinstance(node, nodes.Not):
        yield node.item
    elif isinstance(node, nodes.Quantified) and node.where is not None:
        yield attrs.evolve(node, where=None)
        if node.quantifier is not nodes.Quantifier.ANY:
            yield attrs.evolve(node, quantifier=nodes.Quantifier.ANY, number=None)
    elif isinstance(node, nodes.Aggregate) and node.where is not None:
        yield attrs.evolve(node, where=None)
    elif isinstance(node, nodes.Arithmetic):
        yield from (node.left, node.right)
    elif isinstance(node, nodes.Negative | nodes.Percent):
        yield node.operand
    elif isinstance(node, nodes.OneOf) and isinstance(node.values, tuple) and len(node.values) > 1:
        for index in range(len(node.values)):
            yield attrs.evolve(node, values=node.values[:index] + node.values[index + 1 :])
    for attribute in attrs.fields(type(node)):
        value = getattr(node, attribute.name)
        if isinstance(value, nodes.Node):
            for smaller in _reductions(value):
                yield attrs.evolve(node, **{attribute.name: smaller})
        elif isinstance(value, tuple):
            for index, each in enumerate(value):
                if isinstance(each, nodes.Node):
                    for smaller in _reductions(each):
                        kept = (*value[:index], smaller, *value[index + 1 :])
                        yield attrs.evolve(node, **{attribute.name: kept})


def _without(row: Any, path: str, optional: Callable[[str, str], bool]) -> Iterator[Any]:
    """The row with one thing less: all rows of a link, one row, one value."""
    for name, value in row.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, list) and value:
            yield {**row, name: []}
            if len(value) > 1:
                for index in range(len(value)):
                    yield {**row, name: value[:index] + value[index + 1 :]}
        elif isinstance(value, dict) and name != "categories":
            yield {**row, name: None}
    for name, value in row.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, dict) and name != "categories":
                    for smaller in _without(each, below, optional):
                        yield {**row, name: [*value[:index], smaller, *value[index + 1 :]]}
        elif isinstance(value, dict):
            for smaller in _without(value, below, optional):
                yield {**row, name: smaller}
        elif value is not None and optional(path, name):
            yield {**row, name: None}
