"""How the parts of a rule become one statement: which shape each part gets on which database, and why.

The rules were chosen by measuring (see the page on speed); each is written down once, here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.sql import ColumnElement

from segrules import algebra
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
    Latest,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Predicate,
    Product,
    Source,
    Sum,
    Term,
    all_of,
    any_of,
    walk,
)
from segrules.sql.normal import UNKNOWN, known_truth, looks_outside, normalised, totals
from segrules.sql.values import Value
from segrules.sql.writer import Writer, renewed


@frozen(eq=False)
class Plan:
    """A statement and, line by line, the shape that each part of the rule got and why."""

    statement: sa.Select[Any]
    lines: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(self.lines)


def planned(predicate: Predicate, writer: Writer) -> Plan:
    """The statement for all customers."""
    normal = normalised(predicate)
    if normal == FALSE:
        statement = sa.select(writer.customer.key).select_from(writer.frame.clause).where(sa.false())
        return Plan(statement, ("nothing is read: the rule can never hold",))
    return _Planner(writer, normal).plan()


@frozen
class _Group:
    """The totals of one relation that a rule asks for."""

    rows: tuple[algebra.Row, ...]
    totals: tuple[Aggregate, ...]

    @property
    def name(self) -> str:
        return self.rows[-1].entity

    def empty(self, term: Term) -> Any:
        """The value of a term for a customer without such rows, as far as that decides it."""
        match term:
            case Const(value=value):
                return value
            case Aggregate(fold=fold) if term in self.totals:
                return Decimal(0) if fold in (Fold.COUNT, Fold.COUNT_DISTINCT, Fold.SUM) else None
            case Sum(terms=terms):
                return _sum([self.empty(each) for each in terms])
            case Product(left=left, right=right):
                return _product(self.empty(left), self.empty(right))
            case algebra.DayNumber(term=inner):
                return None if self.empty(inner) is None else UNKNOWN
            case FirstPresent(terms=terms) | Latest(terms=terms):
                return None if all(self.empty(each) is None for each in terms) else UNKNOWN
            case _:
                return UNKNOWN

    def alone(self, predicate: Predicate) -> bool:
        """Whether a predicate is about these totals and constants only."""
        return _is_about(predicate, self.totals)


def _is_about(node: Any, of: tuple[Aggregate, ...]) -> bool:
    if isinstance(node, Aggregate):
        return node in of
    if isinstance(node, (Field, Exists, algebra.Picked, algebra.DayNumber, OnMonthDay, InSegment, Native)):
        return False
    return all(_is_about(child, of) for child in algebra.children(node))


def _sum(values: list[Any]) -> Any:
    if any(each is None for each in values):
        return None
    return UNKNOWN if any(each is UNKNOWN for each in values) else sum(values, Decimal(0))


def _product(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    return UNKNOWN if left is UNKNOWN or right is UNKNOWN else left * right


class _Planner:
    def __init__(self, writer: Writer, predicate: Predicate) -> None:
        self.writer = writer
        self.engine = writer.engine
        self.parts = predicate.items if isinstance(predicate, And) else (predicate,)
        self.lines: list[str] = []
        self.driven = any(_is_selective(part) for part in self.parts)

    def plan(self) -> Plan:
        """The statement and the reasons."""
        if self.driven:
            self.lines.append("customers: read by their own selective condition, all else is asked of those only")
        left = [part for part in self.parts if part != TRUE]
        if not (self.driven and self.engine == "sqlite"):
            for group in _groups(left):
                left = self._grouped(group, left)
        elif any(True for part in left for _ in totals(part)):
            self.lines.append("totals: computed for each customer that remains")
        conditions = [self._condition(part) for part in sorted(left, key=_cost)]
        writer = self.writer
        statement = sa.select(writer.customer.key).select_from(writer.frame.clause).where(*conditions)
        return Plan(statement, tuple(self.lines) or ("customers: read once",))

    # --- totals ---

    def _grouped(self, group: _Group, parts: list[Predicate]) -> list[Predicate]:
        """Join one grouped sub-query with all totals of a relation; what is left to be asked outside."""
        writer, terms = self.writer, self.writer.terms
        inner = any(known_truth(part, group.empty) is False for part in parts)
        opened = writer.opened(Source(CUSTOMER, group.rows, TRUE), writer.rows)
        filters = [_conjuncts(each.source.where) for each in group.totals]
        common = [item for item in filters[0] if all(item in each for each in filters)]
        rests = [all_of(*(item for item in each if item not in common)) for each in filters]
        extra = any_of(*_weakest(rests))
        rests = [_given(rest, extra) for rest in rests]
        where = writer.conditions(all_of(*common, extra), opened.rows)
        inside = [
            part for part in parts if inner and group.alone(part) and not self._repeats(part, group, rests, parts)
        ]
        outside = [part for part in parts if not any(part is each for each in inside)]
        folded: dict[Term, Value] = {}
        for total, rest in zip(group.totals, rests, strict=True):
            only = None if rest == TRUE else writer.write(rest, opened.rows)
            folded[total] = terms.folded(total, opened.rows, only, grouped=True)
        terms.hoisted.update(folded)
        having = [writer.write(part, {}) for part in inside]
        needed = [total for total in group.totals if any(total in set(totals(part)) for part in outside)]
        pointer = opened.first.parent_column
        columns = [folded[total].sql.label(f"total_{number}") for number, total in enumerate(needed)]
        query = sa.select(pointer.label("parent"), *columns).select_from(opened.frame.clause).where(*where)
        query = query.group_by(pointer).having(*having) if having else query.group_by(pointer)
        table = query.subquery(writer.names.fresh(group.name.replace(".", "_") + "_totals"))
        writer.frame.join(table, table.c.parent == opened.anchor, outer=not inner)
        for number, total in enumerate(needed):
            column: ColumnElement[Any] = sa.type_coerce(table.c[f"total_{number}"], folded[total].sql.type)
            if not inner and not folded[total].nullable:
                column = sa.func.coalesce(column, sa.literal_column("0"), type_=column.type)
            terms.hoisted[total] = renewed(folded[total], column)
        join = (
            "inner join, customers without rows cannot match"
            if inner
            else "left join, customers without rows can match"
        )
        self.lines.append(
            f"{group.name}: {len(group.totals)} total(s) in one grouped pass,"
            f" {len(inside)} condition(s) in HAVING; {join}"
        )
        return outside

    def _repeats(self, part: Predicate, group: _Group, rests: list[Predicate], parts: list[Predicate]) -> bool:
        """Whether HAVING would compute a filtered total again that another condition needs too."""
        filtered = {total for total, rest in zip(group.totals, rests, strict=True) if rest != TRUE}
        asked = [total for each in parts for total in totals(each)]
        return any(total in filtered and asked.count(total) > 1 for total in totals(part))

    # --- existence ---

    def _condition(self, part: Predicate) -> ColumnElement[bool]:
        match part:
            case Exists(source=source, where=where) if source.parent == CUSTOMER:
                if self._among(source, where):
                    self.lines.append(f"{source.last.entity}: IN, asked once for all customers{_pick_said(source)}")
                    return self.writer.among(source, where, self.writer.rows)
                self.lines.append(f"{source.last.entity}: EXISTS, asked per customer{_pick_said(source)}")
            case Not(item=Exists(source=source)) if source.parent == CUSTOMER:
                self.lines.append(f"{source.last.entity}: NOT EXISTS, asked per customer{_pick_said(source)}")
            case _:
                pass
        return self.writer.write(part, self.writer.rows)

    def _among(self, source: Source, where: Predicate) -> bool:
        """Whether an existence is asked once, as a list of customers, rather than customer by customer."""
        if looks_outside(source, where):
            return False
        if source.pick is not None:
            return self.engine == "duckdb"
        if self.engine not in ("sqlite", "mariadb") or self.driven:
            return False
        spans = len(source.rows) + sum(1 for each in _inner_rows(all_of(source.where, where)))
        return spans > 1


def _groups(parts: list[Predicate]) -> list[_Group]:
    found: dict[tuple[algebra.Row, ...], dict[Aggregate, None]] = {}
    for part in parts:
        for total in totals(part):
            found.setdefault(total.source.rows, {})[total] = None
    return [_Group(rows, tuple(of)) for rows, of in found.items()]


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


def _given(rest: Predicate, known: Predicate) -> Predicate:
    """What is left to be asked by a filter where another one is known to hold."""
    if rest == known:
        return TRUE
    if isinstance(rest, Not) and _implies(rest, known) and isinstance(rest.item, OneOf):
        assert isinstance(known, Not) and isinstance(known.item, (OneOf, Compare))
        left = tuple(each for each in rest.item.values if each not in _named(known.item)[1])
        return Not(OneOf(rest.item.term, left, rest.item.kind))
    return rest


def _named(predicate: OneOf | Compare) -> tuple[Term, frozenset[Term]]:
    if isinstance(predicate, OneOf):
        return predicate.term, frozenset(predicate.values)
    return predicate.left, frozenset((predicate.right,))


def _conjuncts(predicate: Predicate) -> list[Predicate]:
    return list(predicate.items) if isinstance(predicate, And) else [] if predicate == TRUE else [predicate]


def _is_selective(part: Predicate) -> bool:
    """Whether a condition on the customer's own columns leaves few of them."""
    match part:
        case Compare(op=Op.GT | Op.GE, left=Field(row=row), right=Const(), kind=Kind.MOMENT):
            return row == CUSTOMER
        case Compare(op=Op.EQ, left=Field(row=row), right=Const(), kind=Kind.ID | Kind.TEXT | Kind.CODE | Kind.DATE):
            return row == CUSTOMER
        case OneOf(term=Field(row=row), kind=Kind.ID | Kind.TEXT | Kind.CODE):
            return row == CUSTOMER
        case OnMonthDay(term=Field(row=row), days=frozenset() as days):
            return row == CUSTOMER and len(days) <= 31
        case _:
            return False


def _cost(part: Predicate) -> int:
    """Cheap conditions first: plain columns, then existence, then what sums up."""
    kinds = {type(each) for each in walk(part)}
    if Aggregate in kinds or algebra.Picked in kinds:
        return 2
    return 1 if Exists in kinds or InSegment in kinds else 0


def _pick_said(source: Source) -> str:
    return "; the picked row is the one that none comes before" if source.pick is not None else ""


def _inner_rows(predicate: Predicate) -> list[algebra.Row]:
    """The rows that positive existence inside a condition adds to it."""
    found: list[algebra.Row] = []
    for part in _conjuncts(predicate):
        if isinstance(part, Exists):
            found += [*part.source.rows, *_inner_rows(all_of(part.source.where, part.where))]
    return found
