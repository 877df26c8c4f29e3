"""A bound predicate in the form that databases answer best; it keeps its meaning exactly.

Values of picked rows become existence; so do totals of rows of which all that is asked is whether there is one, as
a count above zero or a largest value above a bound. Conditions on one term become one interval, and what can never
hold becomes false.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from attrs import evolve

from segrules.algebra import (
    CUSTOMER,
    FALSE,
    TRUE,
    Aggregate,
    And,
    Compare,
    Const,
    Exists,
    Field,
    FirstPresent,
    Fold,
    InSegment,
    Kind,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Picked,
    Predicate,
    Present,
    Source,
    Term,
    TextMatch,
    Truth,
    all_of,
    any_of,
    children,
    negate,
    walk,
)


def normalised(predicate: Predicate) -> Predicate:
    """The same predicate in normal form."""
    summed = {each.source.rows for each in _summed(predicate)}
    return _normal(predicate, lambda source: source.rows not in summed)


def _summed(predicate: Predicate) -> Iterator[Aggregate]:
    """The totals of the customer that have to be reckoned: no existence says the same."""
    match predicate:
        case And(items=items) | Or(items=items):
            for item in items:
                yield from _summed(item)
        case Not(item=item):
            yield from _summed(item)
        case Compare(left=Const(), right=Aggregate() as total) | Compare(left=Aggregate() as total, right=Const()):
            if _as_existence(predicate) is None:
                yield from totals(total)
        case _:
            yield from totals(predicate)


def totals(node: Term | Predicate) -> Iterator[Aggregate]:
    """The aggregates that are asked of the customer itself, and only of rows that they open.

    One whose condition looks at the customer again cannot be computed for all customers at once.
    """
    if isinstance(node, Aggregate):
        if node.source.parent == CUSTOMER and not looks_outside(node.source, node.value):
            yield node
        return
    if isinstance(node, (Exists, Picked)):
        return
    for child in children(node):
        if not isinstance(child, Source):
            yield from totals(child)


def looks_outside(source: Source, inner: Term | Predicate | None) -> bool:
    """Whether a source, or what is asked inside it, looks at the customer other than for whose rows they are."""
    for node in (source.where, inner):
        for each in walk(node) if node is not None else ():
            if isinstance(each, Field) and each.row == CUSTOMER:
                return True
            if isinstance(each, Source) and each.parent == CUSTOMER:
                return True
            if isinstance(each, InSegment):
                return True
    return False


def looks_above(source: Source, where: Predicate) -> bool:
    """Whether a source, or what is asked inside it, looks at a row that was open before."""
    depth = source.rows[0].depth
    for node in (source.where, where):
        for each in walk(node):
            row = each.row if isinstance(each, Field) else each.parent if isinstance(each, Source) else None
            if isinstance(each, InSegment) or (row is not None and row.depth < depth):
                return True
    return False


def _normal(predicate: Predicate, may_exist: Callable[[Source], bool]) -> Predicate:
    match predicate:
        case And(items=items):
            return _intervals(all_of(*(_normal(item, may_exist) for item in items)))
        case Or(items=items):
            return any_of(*(_normal(item, may_exist) for item in items))
        case Not(item=item):
            return negate(_normal(item, may_exist))
        case Exists(source=source, where=where):
            inside = _normal(source.where, may_exist)
            after = _normal(where, may_exist)
            if inside == FALSE or after == FALSE:
                return FALSE
            if source.pick is None:
                return Exists(evolve(source, where=all_of(inside, after)), TRUE)
            return Exists(evolve(source, where=inside), after)
        case Compare(left=Const(), right=right) if not isinstance(right, Const):
            turned = Compare(predicate.op.mirrored, right, predicate.left, predicate.kind)
            return _normal(turned, may_exist)
        case Compare(left=Aggregate(source=source), right=Const()) if may_exist(source):
            found = _as_existence(predicate)
            return predicate if found is None else _normal(found, may_exist)
        case Compare(left=term, right=Const()):
            return _of_picked(predicate, term, lambda each: evolve(predicate, left=each), may_exist)
        case OneOf(term=term) | OnMonthDay(term=term) | Present(term=term) | TextMatch(term=term, needle=Const()):
            return _of_picked(predicate, term, lambda each: evolve(predicate, term=each), may_exist)
        case _:
            return predicate


def _of_picked(
    predicate: Predicate, term: Term, about: Callable[[Term], Predicate], may_exist: Callable[[Source], bool]
) -> Predicate:
    """A condition on a value of a picked row, as the existence of such a row."""
    match term:
        case Picked(source=source, value=value):
            return _normal(Exists(source, about(value)), may_exist)
        case FirstPresent(terms=(Picked(source=source, value=value), Const() as instead)):
            otherwise = _of_constant(about(instead))
            if otherwise is None:
                return predicate
            if not otherwise:
                return _normal(Exists(source, about(value)), may_exist)
            return negate(_normal(Exists(source, all_of(Present(value), negate(about(value)))), may_exist))
        case _:
            return predicate


def _of_constant(predicate: Predicate) -> bool | None:
    """The truth of a condition on constants, where it is plain to see."""
    match predicate:
        case Compare(op=Op.EQ, left=Const(value=left), right=Const(value=right), kind=Kind.CHOICE | Kind.CODE):
            return left is not None and left == right
        case OneOf(term=Const(value=value), values=values, kind=Kind.CHOICE | Kind.CODE):
            return value is not None and any(each.value == value for each in values)
        case Present(term=Const(value=value)):
            return value is not None
        case _:
            return None


def _as_existence(predicate: Compare) -> Predicate | None:
    """A comparison of a total with a constant, where it asks whether there is a row."""
    op, total, constant = predicate.op, predicate.left, predicate.right
    if not isinstance(total, Aggregate):
        op, total, constant = op.mirrored, constant, total
    if not isinstance(total, Aggregate) or not isinstance(constant, Const) or constant.value is None:
        return None
    match total:
        case Aggregate(fold=Fold.COUNT, source=source, value=None):
            return _of_count(op, Exists(source, TRUE), constant.value)
        case Aggregate(fold=Fold.MAX, source=source, value=Field() as value) if op in (Op.GT, Op.GE):
            return Exists(source, Compare(op, value, constant, predicate.kind))
        case Aggregate(fold=Fold.MIN, source=source, value=Field() as value) if op in (Op.LT, Op.LE):
            return Exists(source, Compare(op, value, constant, predicate.kind))
        case _:
            return None


def _of_count(op: Op, exists: Exists, value: Any) -> Predicate | None:
    """A comparison of a number of rows that asks for none or for any."""
    match op:
        case Op.EQ if value == 0:
            return Not(exists)
        case Op.LT if 0 < value <= 1:
            return Not(exists)
        case Op.LE if 0 <= value < 1:
            return Not(exists)
        case Op.GT if 0 <= value < 1:
            return exists
        case Op.GE if 0 < value <= 1:
            return exists
        case _:
            return None


def _intervals(predicate: Predicate) -> Predicate:
    """A conjunction with one lower and one upper bound a term at most; false when they exclude each other."""
    if not isinstance(predicate, And):
        return predicate
    lowest: dict[Term, tuple[Any, bool, Predicate]] = {}
    highest: dict[Term, tuple[Any, bool, Predicate]] = {}
    for item in predicate.items:
        if not isinstance(item, Compare) or not isinstance(item.right, Const) or item.right.value is None:
            continue
        if item.kind not in (Kind.NUMBER, Kind.DATE, Kind.MOMENT):
            continue
        term, value, strict = item.left, item.right.value, item.op in (Op.GT, Op.LT)
        if item.op is not Op.LT and item.op is not Op.LE:
            known = lowest.get(term)
            if known is None or (value, strict) > known[:2]:
                lowest[term] = (value, strict, item)
        if item.op is not Op.GT and item.op is not Op.GE:
            known = highest.get(term)
            if known is None or (value, not strict) < (known[0], not known[1]):
                highest[term] = (value, strict, item)
    for term, (low, low_strict, _) in lowest.items():
        if term in highest:
            high, high_strict, _ = highest[term]
            if low > high or (low == high and (low_strict or high_strict)):
                return FALSE
    kept = {id(each[2]) for bounds in (lowest, highest) for each in bounds.values()}
    return all_of(*(item for item in predicate.items if id(item) in kept or not _bounds(item, lowest, highest)))


def _bounds(item: Predicate, lowest: Container[Term], highest: Container[Term]) -> bool:
    """Whether an item is a bound of a term that has a narrower one."""
    if not isinstance(item, Compare) or not isinstance(item.right, Const) or item.right.value is None:
        return False
    return item.left in lowest or item.left in highest


def known_truth(predicate: Predicate, value_of: Callable[[Term], Any]) -> bool | None:
    """Whether a predicate is true, as far as the terms that are known say; ``UNKNOWN`` stands for others."""
    match predicate:
        case Truth(value=value):
            return value
        case And(items=items):
            found = [known_truth(item, value_of) for item in items]
            return False if False in found else None if None in found else True
        case Or(items=items):
            found = [known_truth(item, value_of) for item in items]
            return True if True in found else None if None in found else False
        case Not(item=item):
            inner = known_truth(item, value_of)
            return None if inner is None else not inner
        case Present(term=term):
            value = value_of(term)
            return None if value is UNKNOWN else value is not None
        case Compare(op=op, left=left, right=right):
            values = value_of(left), value_of(right)
            if None in values:
                return False
            return None if UNKNOWN in values else _compared(op, *values)
        case OneOf(term=term, values=values):
            value = value_of(term)
            return None if value is UNKNOWN else value is not None and value in {each.value for each in values}
        case OnMonthDay(term=term):
            return False if value_of(term) is None else None
        case _:
            return None


#: The value of a term of which nothing is known.
UNKNOWN: Any = object()


def _compared(op: Op, left: Any, right: Any) -> bool:
    match op:
        case Op.EQ:
            return bool(left == right)
        case Op.LT:
            return bool(left < right)
        case Op.LE:
            return bool(left <= right)
        case Op.GT:
            return bool(left > right)
        case Op.GE:
            return bool(left >= right)
