"""Rows of rows as SQL: their FROM and joins, existence in each of its shapes, and the row that a pick takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.sql import ColumnElement

from segrules.algebra import TRUE, And, Exists, Pick, Predicate, Source, Truth, walk
from segrules.sql import functions
from segrules.sql.normal import looks_above
from segrules.sql.rows import Bound, Frame
from segrules.sql.terms import Rows

if TYPE_CHECKING:
    from segrules.sql.writer import Writer


#: So many tables one SELECT joins for what has to exist; SQLite takes 64, MariaDB 61, with those that are looked up.
_JOINED = 16


@frozen(eq=False)
class Opened:
    """A source whose rows a new SELECT reads: its FROM, how it hangs on its parent, and all open rows."""

    frame: Frame
    first: Bound
    parent: Bound
    rows: Rows

    @property
    def link(self) -> ColumnElement[bool]:
        """That the first row belongs to the parent."""
        return self.first.linked(self.parent)

    @property
    def anchor(self) -> ColumnElement[Any]:
        """What the first row's pointer points to, on the parent."""
        key = self.first.entity.parent_key
        return self.parent.key if key is None else self.parent.own(key)


@frozen(eq=False)
class Sources:
    """Writes the sources of one statement."""

    writer: Writer

    def opened(self, source: Source, rows: Rows) -> Opened:
        """A new SELECT over the rows of a source."""
        frame = Frame(self.writer.names)
        first = Bound(source.rows[0].entity, self.writer.mapping, frame)
        frame.begin(first.source)
        inner = {**rows, source.rows[0].depth: first}
        self._join_rest(source, frame, inner)
        return Opened(frame, first, rows[source.parent.depth], inner)

    def _join_rest(self, source: Source, frame: Frame, rows: dict[int, Bound]) -> None:
        for before, row in pairwise(source.rows):
            bound = Bound(row.entity, self.writer.mapping, frame)
            frame.join(bound.source, bound.linked(rows[before.depth]))
            rows[row.depth] = bound

    def _spread(self, predicate: Predicate, rows: Rows, frame: Frame) -> Iterator[ColumnElement[bool]]:
        """Conditions of a SELECT that only asks whether there is a row: rows of rows are joined to it."""
        match predicate:
            case Truth(value=True):
                return
            case And(items=items):
                for item in items:
                    yield from self._spread(item, rows, frame)
            case Exists(source=source, where=where) if self._joins(source, where, rows, frame):
                inner = dict(rows)
                first = Bound(source.rows[0].entity, self.writer.mapping, frame)
                frame.join(first.source, first.linked(rows[source.parent.depth]))
                inner[source.rows[0].depth] = first
                self._join_rest(source, frame, inner)
                yield from self._spread(source.where, inner, frame)
                yield from self._spread(where, inner, frame)
            case _:
                yield self.writer.write(predicate, rows)

    def _matching(self, source: Source, where: Predicate, rows: Rows) -> tuple[Opened, list[ColumnElement[bool]]]:
        """A SELECT over the rows that make an existence true."""
        if source.pick is None:
            opened = self.opened(source, rows)
            found = [
                *self._spread(source.where, opened.rows, opened.frame),
                *self._spread(where, opened.rows, opened.frame),
            ]
            return opened, functions.balanced(sa.and_, found)
        return self.picked(source, rows, where)

    def picked(self, source: Source, rows: Rows, where: Predicate = TRUE) -> tuple[Opened, list[ColumnElement[bool]]]:
        """A SELECT over the rows that a pick takes and for which something holds; what is plain is asked first."""
        assert source.pick is not None
        opened = self.opened(source, rows)
        conditions = self.writer.conditions(source.where, opened.rows)
        asked = self.writer.conditions(where, opened.rows)
        outdone = self._not_outdone(source, source.pick, opened, rows)
        plain = not any(isinstance(each, Source) for each in walk(where))
        return opened, [*conditions, *asked, *outdone] if plain else [*conditions, *outdone, *asked]

    def _joins(self, source: Source, where: Predicate, rows: Rows, frame: Frame) -> bool:
        if source.pick is not None or rows[source.parent.depth].frame is not frame:
            return False
        return frame.tables + len(source.rows) <= _JOINED and not self._is_listed(source, where)

    def _is_listed(self, source: Source, where: Predicate) -> bool:
        """Whether many parents share the rows, as products their categories: then the parents meant are listed once."""
        shared = self.writer.mapping.entity(source.rows[0].entity).parent_key is not None
        return shared and source.pick is None and not looks_above(source, where)

    def exists(
        self, source: Source, where: Predicate, rows: Rows
    ) -> tuple[ColumnElement[bool], ColumnElement[Any] | None]:
        """That a row exists, asked for each row around it; and the column whose NULL makes this NULL."""
        if self._is_listed(source, where):
            return self._listed(source, where, rows)
        opened, conditions = self._matching(source, where, rows)
        query: sa.Select[Any] = (
            sa.select(sa.literal_column("1")).select_from(opened.frame.clause).where(opened.link, *conditions)
        )
        return functions.exists(query.correlate_except(None).scalar_subquery()), None

    def among(self, source: Source, where: Predicate, rows: Rows) -> ColumnElement[bool]:
        """That a row exists, asked once for all: the parent is in the list of those that have one."""
        with self.writer.over_all(source.where):
            opened, conditions = self._matching(source, where, rows)
        query = sa.select(opened.first.parent_column).select_from(opened.frame.clause).where(*conditions)
        return opened.anchor.in_(query.correlate_except(None))

    def _listed(
        self, source: Source, where: Predicate, rows: Rows
    ) -> tuple[ColumnElement[bool], ColumnElement[Any] | None]:
        opened, conditions = self._matching(source, where, rows)
        pointer = opened.first.parent_column
        if _may_be_null(pointer):
            conditions.append(pointer.is_not(None))
        query = sa.select(pointer).select_from(opened.frame.clause).where(*conditions)
        listed = opened.anchor.in_(query.correlate_except(None))
        return listed, opened.anchor if _may_be_null(opened.anchor) else None

    def _not_outdone(self, source: Source, pick: Pick, opened: Opened, rows: Rows) -> list[ColumnElement[bool]]:
        """That no other row of the source comes before a row in the order of the pick."""
        row = opened.rows[source.last.depth]
        conditions: list[ColumnElement[bool]] = []
        alone = opened.first.entity.single and len(source.rows) == 1
        by = None if pick.by is None or (alone and not pick.required) else row.field(pick.by)
        if by is not None and by[1].nullable and pick.required:
            conditions.append(by[0].is_not(None))
        if alone:
            return conditions
        other = self.opened(source, rows)
        rival = other.rows[source.last.depth]
        further = rival.key > row.key if pick.latest else rival.key < row.key
        if by is not None and pick.by is not None:
            mine, theirs = by[0], rival.field(pick.by)[0]
            if by[1].nullable and not pick.required:
                zero: ColumnElement[int] = sa.literal_column("0")
                one: ColumnElement[int] = sa.literal_column("1")
                ranks = [sa.case((each.is_(None), zero), else_=one) for each in (theirs, mine)]
                ahead = ranks[0] > ranks[1] if pick.latest else ranks[0] < ranks[1]
                level = sa.or_(mine == theirs, sa.and_(mine.is_(None), theirs.is_(None)))
                further = sa.or_(ahead, theirs > mine if pick.latest else theirs < mine, sa.and_(level, further))
            else:
                further = sa.or_(theirs > mine if pick.latest else theirs < mine, sa.and_(theirs == mine, further))
        together = other.first.parent_column == opened.first.parent_column
        # The conditions come first: they may join further tables to the frame.
        outdoing = (together, *self.writer.conditions(source.where, other.rows), further)
        query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(other.frame.clause).where(*outdoing)
        return [*conditions, functions.lacks(query.correlate_except(None).scalar_subquery())]


def _may_be_null(column: ColumnElement[Any]) -> bool:
    return not isinstance(column, sa.Column) or column.nullable is not False
