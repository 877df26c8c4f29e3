"""The statement that computes what many predicates share: a row for each customer, by a few passes over relations."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import sqlalchemy as sa
from attrs import evolve, frozen
from sqlalchemy.sql import ColumnElement

from segrules.algebra import (
    CUSTOMER,
    TRUE,
    Aggregate,
    And,
    Compare,
    Const,
    Exists,
    Field,
    Fold,
    Kind,
    Not,
    Op,
    Or,
    Pick,
    Predicate,
    Row,
    Source,
    Term,
    all_of,
    any_of,
    children,
    walk,
)
from segrules.shop.mapping import Entity, Lookup, Mapping, Stored
from segrules.sql.depth import refuse_too_deep
from segrules.sql.groups import Group
from segrules.sql.keeping import temporary
from segrules.sql.normal import looks_above
from segrules.sql.planner import Among, Planner
from segrules.sql.sources import Opened
from segrules.sql.values import Value
from segrules.sql.writer import Writer, answered, renewed

#: The name of the table, which is one of the connection's own.
TABLE = "segrules_shared"
#: So many answers lie in one number.
_BITS = 62

#: Rows that are read in one pass, by what they are: those of a relation, or those that a pick takes of it.
Rows = tuple[tuple[Row, ...], Predicate, Pick | None]


@frozen(eq=False)
class Filled:
    """A table for customers, the statement that selects its rows, and what stands for the customer afterwards.

    ``predicates`` are what is left to be asked, over ``mapping``, in which ``totals`` are columns.
    """

    table: sa.Table
    statement: sa.Select[Any]
    lines: tuple[str, ...]
    predicates: AnyMapping[Hashable, Predicate]
    mapping: Mapping
    totals: AnyMapping[Term, Value]


def rows_of(part: Aggregate | Exists) -> Rows:
    """The rows in whose pass a part is computed."""
    source = part.source
    return (source.rows, TRUE, None) if source.pick is None else (source.rows, source.where, source.pick)


def conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """The conditions that all have to hold for a predicate."""
    return predicate.items if isinstance(predicate, And) else (predicate,)


class Filling:
    """Writes the statement that fills the table, and what stands for the customer afterwards."""

    def __init__(
        self,
        mapping: Mapping,
        dialect: sa.Dialect,
        zone: ZoneInfo,
        among: Among | None,
        needed: Iterable[Aggregate | Exists],
        common: list[Predicate],
        enough: int,
        now: datetime | None,
    ) -> None:
        self.writer = Writer(mapping, dialect, zone, now=now)
        self.planner = Planner(self.writer, all_of(*common), among)
        self.mapping, self.dialect, self.common, self.enough = mapping, dialect, common, enough
        self.parts: dict[Rows, list[Aggregate | Exists]] = {}
        for part in needed:
            self.parts.setdefault(rows_of(part), []).append(part)
        self.columns: list[ColumnElement[Any]] = [self.writer.customer.key.label("customer_id")]
        self.totals: dict[Term, tuple[str, Value]] = {}
        self.answers: dict[Exists, str] = {}
        self.holding: dict[str, ColumnElement[bool]] = {}
        self.own: dict[int, str] = {}
        self.lines: list[str] = []

    def filled(self, predicates: AnyMapping[Hashable, Predicate]) -> Filled:
        """All that is kept for these predicates."""
        for (rows, _, pick), parts in self.parts.items():
            if pick is None:
                self._grouped(rows, parts)
            else:
                self._picked([each for each in parts if isinstance(each, Exists)])
        left = {key: self._rewritten(each) for key, each in predicates.items()}
        names = self._fields(left.values())
        answers = self._answers()
        customer, *further = (sa.Column(each.key, each.type) for each in self.columns)
        table = temporary(TABLE, [customer], *further)
        statement = self._statement()
        refuse_too_deep(statement, self.dialect)
        self.lines.append(f"customers: {len(self.columns)} column(s) kept for {len(left)} rule(s)")
        totals = {
            total: renewed(value, sa.type_coerce(table.c[name], value.sql.type))
            for total, (name, value) in self.totals.items()
        }
        return Filled(table, statement, tuple(self.lines), left, self._mapping(table, names, answers), totals)

    def _statement(self) -> sa.Select[Any]:
        writer = self.writer
        conditions = [writer.write(each, writer.rows) for each in self.common]
        if self.planner.among is not None:
            conditions.insert(0, writer.customer.key.in_(self.planner.among))
        return sa.select(*self.columns).select_from(writer.frame.clause).where(*conditions)

    # --- passes ---

    def _grouped(self, rows: tuple[Row, ...], parts: list[Aggregate | Exists]) -> None:
        """All totals and existences of a relation in one grouped pass."""
        counted = {part: _counted(part) for part in parts}
        group = Group(rows, tuple(dict.fromkeys(counted.values())))
        opened = self.writer.sources.opened(Source(CUSTOMER, rows, TRUE), self.writer.rows)
        self.writer.known.update(self._below(opened, group))
        passed = self.planner.read(group, opened)
        self.writer.known.clear()
        pointer = passed.opened.first.parent_column
        columns = [passed.folded[total].sql.label(f"total_{number}") for number, total in enumerate(group.totals)]
        query = sa.select(pointer.label("parent"), *columns).select_from(passed.opened.frame.clause)
        table = query.where(*passed.where).group_by(pointer).subquery(self.writer.names.fresh("passed"))
        self.writer.frame.join(table, table.c.parent == passed.opened.anchor, outer=True)
        self.lines.append(f"{group.name}: {len(group.totals)} total(s) in one grouped pass")
        found: dict[Term, Value] = {}
        for number, total in enumerate(group.totals):
            value = passed.folded[total]
            column: ColumnElement[Any] = sa.type_coerce(table.c[f"total_{number}"], value.sql.type)
            if not value.nullable:
                column = sa.func.coalesce(column, sa.literal_column("0"), type_=column.type)
            found[total] = renewed(value, column)
        for part, total in counted.items():
            value = found[total]
            if isinstance(part, Exists):
                self._answer(part, value.sql > sa.literal_column("0"))
            else:
                self.totals[part] = self._kept("total", value.sql), value

    def _below(self, opened: Opened, group: Group) -> dict[Exists, ColumnElement[bool]]:
        """Existences that many totals ask of each row of a pass, as of the categories of its product.

        They are known by a grouped pass over the rows below, which is joined.
        """
        asked: dict[tuple[Row, tuple[Row, ...]], dict[Exists, int]] = {}
        for total in group.totals:
            for each in walk(total.source.where):
                if isinstance(each, Exists) and each.source.parent in group.rows and _stands_alone(each):
                    found = asked.setdefault((each.source.parent, each.source.rows), {})
                    found[each] = found.get(each, 0) + 1
        known: dict[Exists, ColumnElement[bool]] = {}
        for (parent, rows), found in asked.items():
            if sum(found.values()) < self.enough:
                continue
            below = self.writer.sources.opened(Source(parent, rows, TRUE), opened.rows)
            asking = {each: all_of(each.source.where, each.where) for each in found}
            where = self.writer.conditions(any_of(*asking.values()), below.rows)
            one: ColumnElement[int] = sa.literal_column("1")
            columns = [
                sa.func.count(sa.case((self.writer.write(each, below.rows), one))).label(f"total_{number}")
                for number, each in enumerate(asking.values())
            ]
            pointer = below.first.parent_column
            query = sa.select(pointer.label("parent"), *columns).select_from(below.frame.clause).where(*where)
            table = query.group_by(pointer).subquery(self.writer.names.fresh("below"))
            opened.frame.join(table, table.c.parent == below.anchor, outer=True)
            self.lines.append(f"{rows[-1].entity}: {len(asking)} question(s) about each row above in one grouped pass")
            for number, each in enumerate(asking):
                count = sa.func.coalesce(table.c[f"total_{number}"], sa.literal_column("0"), type_=sa.Integer())
                known[each] = count > sa.literal_column("0")
        return known

    def _picked(self, parts: list[Exists]) -> None:
        """All questions about the one row that a pick takes, in one pass over those rows."""
        writer, source = self.writer, parts[0].source
        opened, conditions = writer.sources.picked(source, writer.rows)
        among = self.planner.among
        if self.planner.pushed and among is not None and opened.first.entity.parent_key is None:
            conditions.insert(0, opened.first.parent_column.in_(among))
        columns = [
            answered(writer.write(each.where, opened.rows)).label(f"answer_{number}")
            for number, each in enumerate(parts)
        ]
        pointer = opened.first.parent_column
        query = sa.select(pointer.label("parent"), *columns).select_from(opened.frame.clause).where(*conditions)
        table = query.subquery(writer.names.fresh("picked"))
        writer.frame.join(table, table.c.parent == opened.anchor, outer=True)
        self.lines.append(f"{source.last.entity}: {len(parts)} question(s) about the picked row in one pass")
        for number, each in enumerate(parts):
            self._answer(each, table.c[f"answer_{number}"] == sa.true())

    def _answer(self, existence: Exists, holds: ColumnElement[bool]) -> None:
        name = self.answers[existence] = f"answer_{len(self.answers)}"
        self.holding[name] = holds

    def _answers(self) -> dict[str, tuple[str, int | None]]:
        """Where each answer lies: its column, and its bit there.

        Every rule reads the whole row up to its columns, so the fewer there are, the sooner it is done; DuckDB reads
        single columns.
        """
        if self.writer.engine == "duckdb":
            return {name: (self._kept("answer", answered(holds)), None) for name, holds in self.holding.items()}
        found: dict[str, tuple[str, int | None]] = {}
        named = list(self.holding.items())
        for start in range(0, len(named), _BITS):
            some = named[start : start + _BITS]
            parts: list[ColumnElement[Any]] = [
                sa.case((holds, sa.literal_column(str(1 << bit))), else_=sa.literal_column("0"))
                for bit, (_, holds) in enumerate(some)
            ]
            number = self._kept("answers", sa.type_coerce(_sum(parts), sa.BigInteger()))
            found |= {name: (number, 1 << bit) for bit, (name, _) in enumerate(some)}
        return found

    def _kept(self, word: str, column: ColumnElement[Any]) -> str:
        """Another column of the table; its name."""
        name = f"{word}_{len(self.columns)}"
        self.columns.append(column.label(name))
        return name

    # --- what stands for the customer ---

    def _rewritten(self, predicate: Predicate) -> Predicate:
        """A predicate without what all have, and with the known existences as fields of the customer."""
        left = all_of(*(each for each in conjuncts(predicate) if each not in self.common))
        return self._with_answers(left)

    def _with_answers(self, predicate: Predicate) -> Predicate:
        match predicate:
            case And(items=items):
                return all_of(*(self._with_answers(each) for each in items))
            case Or(items=items):
                return any_of(*(self._with_answers(each) for each in items))
            case Not(item=item):
                return Not(self._with_answers(item))
            case Exists() if predicate in self.answers:
                answer = Field(CUSTOMER, self.answers[predicate], Kind.YESNO)
                return Compare(Op.EQ, answer, Const(True, Kind.YESNO), Kind.YESNO)
            case _:
                return predicate

    def _fields(self, predicates: Iterable[Predicate]) -> list[str]:
        """The customer's own fields that the predicates still ask for; what they need of it is kept."""
        names: dict[str, None] = {}
        for predicate in predicates:
            for each in _nodes(predicate, self.totals):
                if isinstance(each, Field) and each.row == CUSTOMER and each.name not in self.answers.values():
                    names[each.name] = None
        for name in names:
            stored = self.mapping.stored("", name)
            self._keep(stored.column if stored.via is None else stored.via.outermost.near)
        for path, entity in self.mapping.entities.items():
            if path and "." not in path and entity.parent_key is not None:
                self._keep(entity.parent_key)
        return list(names)

    def _keep(self, column: ColumnElement[Any]) -> None:
        """A column or expression of the customer's source is in the table."""
        if id(column) not in self.own:
            self.own[id(column)] = self._kept("field", self.writer.customer.own(column))

    def _mapping(self, table: sa.Table, names: list[str], answers: dict[str, tuple[str, int | None]]) -> Mapping:
        """The shop's mapping with the table in the customer's place."""
        lookups: dict[int, Lookup] = {}

        def here(column: ColumnElement[Any]) -> ColumnElement[Any]:
            return table.c[self.own[id(column)]]

        def looked_up(lookup: Lookup) -> Lookup:
            if id(lookup) not in lookups:
                through = lookup.through
                lookups[id(lookup)] = (
                    evolve(lookup, near=here(lookup.near))
                    if through is None
                    else evolve(lookup, through=looked_up(through))
                )
            return lookups[id(lookup)]

        fields = {name: Stored(_bit(table.c[column], bit), nullable=False) for name, (column, bit) in answers.items()}
        for name in names:
            stored = self.mapping.stored("", name)
            if stored.via is None:
                fields[name] = evolve(stored, column=here(stored.column))
            else:
                fields[name] = evolve(stored, via=looked_up(stored.via))
        entities = {
            path: evolve(each, parent_key=here(each.parent_key))
            if path and "." not in path and each.parent_key is not None
            else each
            for path, each in self.mapping.entities.items()
        }
        return Mapping({**entities, "": Entity(table, key=table.c.customer_id, fields=fields, single=False)})


def _bit(column: ColumnElement[Any], bit: int | None) -> ColumnElement[bool]:
    """Whether a bit of a column is set; without a bit the column itself."""
    return column if bit is None else column.op("&")(sa.literal_column(str(bit))) != sa.literal_column("0")


def _sum(parts: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    """The sum, nested as little as can be."""
    while len(parts) > 1:
        pairs = [parts[number : number + 2] for number in range(0, len(parts), 2)]
        parts = [pair[0] + pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def _stands_alone(existence: Exists) -> bool:
    """Whether an existence says nothing of the rows above, but that they are its parents."""
    source = existence.source
    return source.pick is None and not looks_above(source, all_of(source.where, existence.where))


def _counted(part: Aggregate | Exists) -> Aggregate:
    """A total itself; an existence as the number of such rows."""
    if isinstance(part, Aggregate):
        return part
    source = attrs.evolve(part.source, where=all_of(part.source.where, part.where))
    return Aggregate(Fold.COUNT, source, None, Kind.NUMBER)


def _nodes(node: Any, known: AnyMapping[Term, Any]) -> Iterator[Any]:
    """All that a predicate says, but nothing of what is inside the totals that are known."""
    yield node
    if isinstance(node, Aggregate) and node in known:
        return
    for each in children(node):
        yield from _nodes(each, known)
