"""Filters of several totals over the same rows: what WHERE asks once for all of them, and what is left to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segrules.algebra import TRUE, And, Compare, Const, Field, Not, OneOf, Op, Predicate, Term, all_of, any_of


def shared_filter(filters: Sequence[Predicate]) -> tuple[Predicate, list[Predicate]]:
    """A condition that the rows of each filter fulfil, and what each filter still asks of the rows that fulfil it."""
    asked = [conjuncts(each) for each in filters]
    common = [item for item in asked[0] if all(item in each for each in asked)]
    rests = [all_of(*(item for item in each if item not in common)) for each in asked]
    extra = _span(rests) or any_of(*_weakest(rests))
    return all_of(*common, extra), [_given(rest, extra) for rest in rests]


def conjuncts(predicate: Predicate) -> list[Predicate]:
    """The conditions that all have to hold."""
    return list(predicate.items) if isinstance(predicate, And) else [] if predicate == TRUE else [predicate]


def _weakest(filters: list[Predicate]) -> list[Predicate]:
    """The filters without those that another one lets through anyway."""
    return [each for each in filters if not any(other != each and _implies(each, other) for other in filters)]


def _implies(one: Predicate, other: Predicate) -> bool:
    """Whether one filter is plainly narrower than another."""
    match one, other:
        case Not(item=OneOf() | Compare(op=Op.EQ) as left), Not(item=OneOf() | Compare(op=Op.EQ) as right):
            return _named(left)[0] == _named(right)[0] and _named(left)[1] > _named(right)[1]
        case _:
            return False


def _span(filters: list[Predicate]) -> Predicate | None:
    """The one stretch that stretches of a field make which touch each other: a range that an index answers.

    None where the filters are anything else.
    """
    stretches: list[tuple[Compare, Compare]] = []
    for each in filters:
        match conjuncts(each):
            case [Compare(op=Op.GT | Op.GE) as lower, Compare(op=Op.LT | Op.LE) as upper]:
                stretches.append((lower, upper))
            case _:
                return None
    field = stretches[0][0].left
    bounds = [bound for each in stretches for bound in each]
    if not isinstance(field, Field) or any(bound.left != field or _value(bound) is None for bound in bounds):
        return None
    stretches.sort(key=lambda each: (_value(each[0]), each[0].op is Op.GT))
    lowest, highest = stretches[0]
    for lower, upper in stretches[1:]:
        gap = _value(lower) == _value(highest) and (lower.op, highest.op) == (Op.GT, Op.LT)
        if gap or _value(lower) > _value(highest):
            return None
        highest = max(highest, upper, key=lambda each: (_value(each), each.op is Op.LE))
    return all_of(lowest, highest)


def _value(bound: Compare) -> Any:
    return bound.right.value if isinstance(bound.right, Const) else None


def _given(rest: Predicate, known: Predicate) -> Predicate:
    """What is left to be asked by a filter where another one is known to hold."""
    if rest == known:
        return TRUE
    if isinstance(known, And):
        return all_of(*(each for each in conjuncts(rest) if each not in known.items))
    if isinstance(rest, Not) and _implies(rest, known) and isinstance(rest.item, OneOf):
        assert isinstance(known, Not) and isinstance(known.item, (OneOf, Compare))
        left = tuple(each for each in rest.item.values if each not in _named(known.item)[1])
        return Not(OneOf(rest.item.term, left, rest.item.kind))
    return rest


def _named(predicate: OneOf | Compare) -> tuple[Term, frozenset[Term]]:
    if isinstance(predicate, OneOf):
        return predicate.term, frozenset(predicate.values)
    return predicate.left, frozenset((predicate.right,))
