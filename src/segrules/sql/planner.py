"""How the parts of a rule become one statement: which shape each part gets on which database, and why.

The rules were chosen by measuring (see the page on speed); each is written down once, here.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    Exists,
    InSegment,
    Not,
    Or,
    Predicate,
    Source,
    Term,
    all_of,
    walk,
)
from segrules.sql.filters import conjuncts, shared_filter
from segrules.sql.functions import balanced
from segrules.sql.groups import Group, groups_of
from segrules.sql.normal import known_truth, looks_outside, normalised, totals
from segrules.sql.selectivity import is_bound, narrows, stretch
from segrules.sql.selectivity import is_selective as is_selective
from segrules.sql.sources import Opened
from segrules.sql.values import Value
from segrules.sql.writer import Writer, renewed

#: The ids of some customers, or a query that gives them.
Among = Sequence[int] | sa.Select[Any]

#: So many sub-queries for each customer cost less than one pass over everybody's rows that has to be sorted.
_FEW_TOTALS = 3


@frozen(eq=False)
class Plan:
    """A statement and, line by line, the shape that each part of the rule got and why."""

    statement: sa.Select[Any]
    lines: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(self.lines)


def planned(predicate: Predicate, writer: Writer, among: Among | None = None) -> Plan:
    """The statement for all customers, or for those with the ids that ``among`` gives."""
    normal = normalised(predicate)
    if normal == FALSE:
        statement = sa.select(writer.customer.key).select_from(writer.frame.clause).where(sa.false())
        return Plan(statement, ("nothing is read: the rule can never hold",))
    return Planner(writer, normal, among).plan()


@frozen(eq=False)
class Pass:
    """A reading of a relation's rows; ``filtered`` are the totals that skip some of them."""

    opened: Opened
    where: list[ColumnElement[bool]]
    folded: dict[Term, Value]
    filtered: frozenset[Aggregate]


class Planner:
    """Plans one statement; totals that the writer's terms know already are taken from there."""

    def __init__(self, writer: Writer, predicate: Predicate, among: Among | None) -> None:
        self.writer = writer
        self.engine = writer.engine
        self.parts = predicate.items if isinstance(predicate, And) else (predicate,)
        self.lines: list[str] = []
        self.among = among.correlate(None) if isinstance(among, sa.Select) else among
        #: DuckDB itself brings a filter on the customers to wherever it helps.
        self.pushed = self.among is not None and self.engine != "duckdb"
        self.driven = self.pushed or any(is_selective(part, writer.now) for part in self.parts)
        narrowed = self.driven or any(narrows(part, writer.now) for part in self.parts)
        #: These two ask sub-queries of the customers that remain, where the others read all rows sooner.
        self.per_customer = narrowed and self.engine in ("sqlite", "mariadb")
        #: Whether customers without rows of some group, or all but those that one existence finds, are asked nothing.
        self.joined = self.alone = False
        self.listed: list[ColumnElement[bool]] = []

    def plan(self) -> Plan:
        """The statement and the reasons."""
        if self.among is not None:
            everywhere = "in every sub-query" if self.pushed else "of the whole"
            self.lines.append(f"customers: those that are given, as a condition {everywhere}")
        elif self.driven:
            self.lines.append("customers: read by their own selective condition, all else is asked of those only")
        left = [part for part in self.parts if part != TRUE]
        either = [part for part in left if self._is_either(part, left)]
        left = [part for part in left if not any(part is each for each in either)]
        if not self.per_customer:
            for group in groups_of(left, self.writer.terms.hoisted):
                if self._by_index(group):
                    self.lines.append(f"{group.name}: totals of a stretch of time, computed for each customer")
                else:
                    left = self._grouped(group, left)
        elif any(True for part in left for _ in totals(part)):
            self.lines.append("totals: computed for each customer that the conditions on its own fields leave")
        existing = [part for part in left if isinstance(part, Exists)]
        self.alone = len(existing) == 1 and not self.per_customer and not self.joined
        conditions = [*self.listed, *(self._condition(part) for part in sorted(left, key=_cost))]
        conditions += [self._either(part) for part in either]
        if self.among is not None:
            conditions.insert(0, self.writer.customer.key.in_(self.among))
        writer = self.writer
        statement = (
            sa.select(writer.customer.key).select_from(writer.frame.clause).where(*balanced(sa.and_, conditions))
        )
        return Plan(statement, tuple(self.lines) or ("customers: read once",))

    # --- totals ---

    def _grouped(self, group: Group, parts: list[Predicate]) -> list[Predicate]:
        """Join one grouped sub-query with all totals of a relation; what is left to be asked outside."""
        writer = self.writer
        inner = any(known_truth(part, group.empty) is False for part in parts)
        passed = self.read(group)
        opened, folded = passed.opened, passed.folded
        inside = [
            part for part in parts if inner and group.alone(part) and not self._repeats(part, passed.filtered, parts)
        ]
        outside = [part for part in parts if not any(part is each for each in inside)]
        writer.terms.hoisted.update(folded)
        having = balanced(sa.and_, [writer.write(part, {}) for part in inside])
        needed = [total for total in group.totals if any(total in set(totals(part)) for part in outside)]
        pointer = opened.first.parent_column
        columns = [folded[total].sql.label(f"total_{number}") for number, total in enumerate(needed)]
        query = sa.select(pointer.label("parent"), *columns).select_from(opened.frame.clause).where(*passed.where)
        query = query.group_by(pointer).having(*having) if having else query.group_by(pointer)
        self.joined = self.joined or inner
        if inner and not needed and self.engine == "duckdb":
            self.lines.append(
                f"{group.name}: {len(group.totals)} total(s) in one grouped pass, whose customers are listed"
            )
            self.listed.append(opened.anchor.in_(query.correlate_except(None)))
            return outside
        table = query.subquery(writer.names.fresh(group.name.replace(".", "_") + "_totals"))
        writer.frame.join(table, table.c.parent == opened.anchor, outer=not inner)
        for number, total in enumerate(needed):
            column: ColumnElement[Any] = sa.type_coerce(table.c[f"total_{number}"], folded[total].sql.type)
            if not inner and not folded[total].nullable:
                column = sa.func.coalesce(column, sa.literal_column("0"), type_=column.type)
            writer.terms.hoisted[total] = renewed(folded[total], column)
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

    def read(self, group: Group, opened: Opened | None = None) -> Pass:
        """One reading of a relation's rows that gives all totals of a group; ``opened`` reads them already."""
        writer = self.writer
        opened = opened or writer.sources.opened(Source(CUSTOMER, group.rows, TRUE), writer.rows)
        shared, rests = shared_filter([each.source.where for each in group.totals])
        with writer.over_all(shared):
            where = writer.conditions(shared, opened.rows)
        if self.pushed and self.among is not None and opened.first.entity.parent_key is None:
            where.insert(0, opened.first.parent_column.in_(self.among))
        folded: dict[Term, Value] = {}
        for total, rest in zip(group.totals, rests, strict=True):
            only = None if rest == TRUE else writer.write(rest, opened.rows)
            folded[total] = writer.terms.folded(total, opened.rows, only, grouped=True)
        filtered = frozenset(total for total, rest in zip(group.totals, rests, strict=True) if rest != TRUE)
        return Pass(opened, where, folded, filtered)

    def _repeats(self, part: Predicate, filtered: frozenset[Aggregate], parts: list[Predicate]) -> bool:
        """Whether HAVING would compute a filtered total again that another condition needs too."""
        asked = [total for each in parts for total in totals(each)]
        return any(total in filtered and asked.count(total) > 1 for total in totals(part))

    def _by_index(self, group: Group) -> bool:
        """Whether SQLite finds each customer's rows by their moment sooner than it sorts everybody's."""
        return (
            self.engine == "sqlite"
            and len(group.rows) == 1
            and len(group.totals) <= _FEW_TOTALS
            and all(stretch(total.source.where) not in (None, "short") for total in group.totals)
        )

    # --- alternatives ---

    def _is_either(self, part: Predicate, parts: list[Predicate]) -> bool:
        """Whether a condition is a choice of lists of customers, none of which the rest of the rule needs."""
        if self.driven or self.per_customer or self.engine == "mariadb" or not isinstance(part, Or):
            return False
        others = {total for each in parts if each is not part for total in totals(each)}
        for item in part.items:
            match item:
                case Exists(source=source, where=where):
                    if source.parent != CUSTOMER or source.pick is not None or looks_outside(source, where):
                        return False
                case _:
                    groups = groups_of([item], self.writer.terms.hoisted)
                    if len(groups) != 1 or not groups[0].alone(item) or others & set(groups[0].totals):
                        return False
                    if known_truth(item, groups[0].empty) is not False:
                        return False
        return True

    def _either(self, part: Predicate) -> ColumnElement[bool]:
        assert isinstance(part, Or)
        self.lines.append("a choice: each alternative asked once for all customers")
        return sa.or_(*balanced(sa.or_, [self._alternative(item) for item in part.items]))

    def _alternative(self, item: Predicate) -> ColumnElement[bool]:
        if isinstance(item, Exists):
            if self._is_shared(item.source, item.where):
                return self.writer.write(item, self.writer.rows)
            return self.writer.sources.among(item.source, item.where, self.writer.rows)
        passed = self.read(groups_of([item])[0])
        hoisted = self.writer.terms.hoisted
        hoisted.update(passed.folded)
        having = self.writer.write(item, {})
        for total in passed.folded:
            del hoisted[total]
        opened = passed.opened
        pointer = opened.first.parent_column
        query = sa.select(pointer).select_from(opened.frame.clause).where(*passed.where).group_by(pointer)
        return opened.anchor.in_(query.having(having).correlate_except(None))

    # --- existence ---

    def _condition(self, part: Predicate) -> ColumnElement[bool]:
        match part:
            case Exists(source=source, where=where) if source.parent == CUSTOMER:
                if self._among(source, where):
                    self.lines.append(f"{source.last.entity}: IN, asked once for all customers{_pick_said(source)}")
                    return self.writer.sources.among(source, where, self.writer.rows)
                self.lines.append(f"{source.last.entity}: EXISTS, asked per customer{_pick_said(source)}")
            case Not(item=Exists(source=source)) if source.parent == CUSTOMER:
                self.lines.append(f"{source.last.entity}: NOT EXISTS, asked per customer{_pick_said(source)}")
            case _:
                pass
        if is_bound(part) and not is_selective(part, self.writer.now):
            with self.writer.over_all(TRUE):
                return self.writer.write(part, self.writer.rows)
        return self.writer.write(part, self.writer.rows)

    def _among(self, source: Source, where: Predicate) -> bool:
        """Whether an existence is asked once, as a list of customers, rather than customer by customer."""
        if looks_outside(source, where):
            return False
        if source.pick is not None and self.engine == "duckdb":
            return True
        if self.engine not in ("sqlite", "mariadb") or self.driven:
            return False
        joined = self._joined(source, where)
        if source.pick is None and self.writer.mapping.entity(joined[0].entity).rare:
            return True
        if source.pick is not None or len(joined) == 1:
            return self.engine == "sqlite" and self.alone and stretch(source.where) is None
        return not self._is_shared(source, where)

    def _joined(self, source: Source, where: Predicate) -> list[algebra.Row]:
        """The rows that one SELECT reads for an existence."""
        return [*source.rows, *_inner_rows(all_of(source.where, where))]

    def _is_shared(self, source: Source, where: Predicate) -> bool:
        """Whether SQLite would read much for an existence asked once: rows that many share, of any time."""
        entity = self.writer.mapping.entity
        shared = any(entity(row.entity).parent_key is not None for row in self._joined(source, where))
        return shared and self.engine == "sqlite" and stretch(source.where) != "short"


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
    for part in conjuncts(predicate):
        if isinstance(part, Exists):
            found += [*part.source.rows, *_inner_rows(all_of(part.source.where, part.where))]
    return found
