"""The rows that a SELECT under construction reads: its tables, their names, and the look-ups that fields need."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.util import ClauseAdapter

from segrules.shop.mapping import Entity, Lookup, Mapping, Stored


class Names:
    """Hands out tables: the first time under its own name, then under numbered ones."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, source: FromClause) -> FromClause:
        """The source under a name that nothing else in the statement has."""
        name = str(getattr(source, "name", "rows"))
        number = self._taken[name] = self._taken.get(name, 0) + 1
        if number == 1 and isinstance(source, sa.Table):
            return source
        return source.alias(f"{name}_{number}") if number > 1 else source.alias(f"{name}_rows")

    def fresh(self, word: str) -> str:
        """A name for a sub-query."""
        number = self._taken[word] = self._taken.get(word, 0) + 1
        return word if number == 1 else f"{word}_{number}"


class Frame:
    """The FROM clause of one SELECT: a first table, joins, and look-ups that are joined when they are used."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.tables = 0
        self._from: FromClause | None = None

    def begin(self, source: FromClause) -> None:
        """Read this table, besides those that are read already."""
        self.tables += 1
        self._from = source if self._from is None else self._from.join(source, sa.true())

    def join(self, source: FromClause, on: ColumnElement[bool], *, outer: bool = False) -> None:
        """Read this table with each row so far."""
        assert self._from is not None
        self.tables += 1
        self._from = self._from.join(source, on, isouter=outer)

    @property
    def clause(self) -> FromClause:
        """The FROM clause so far."""
        assert self._from is not None
        return self._from


class Bound:
    """A row of an entity in a frame."""

    def __init__(self, path: str, mapping: Mapping, frame: Frame) -> None:
        self.path = path
        self.mapping = mapping
        self.frame = frame
        self.entity: Entity = mapping.entity(path)
        self.source = frame.names.take(self.entity.source)
        self._lookups: dict[int, FromClause] = {}

    def own(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column or expression of the entity's source, as this row has it."""
        return _moved(column, self.entity.source, self.source)

    @property
    def key(self) -> ColumnElement[Any]:
        """The column that identifies the row."""
        return self.own(self.entity.key)

    @property
    def parent_column(self) -> ColumnElement[Any]:
        """The column that points to the parent."""
        assert self.entity.parent_column is not None
        return self.own(self.entity.parent_column)

    def linked(self, parent: Bound) -> ColumnElement[bool]:
        """That this row belongs to a parent."""
        key = self.entity.parent_key
        return self.parent_column == (parent.key if key is None else parent.own(key))

    def field(self, name: str) -> tuple[ColumnElement[Any], Stored]:
        """Where a field of this row is, with the look-ups joined that it needs."""
        stored = self.mapping.stored(self.path, name)
        if stored.via is None:
            return self.own(stored.column), stored
        return _moved(stored.column, stored.via.table, self._joined(stored.via)), stored

    def _joined(self, lookup: Lookup) -> FromClause:
        found = self._lookups.get(id(lookup))
        if found is None:
            if lookup.through is None:
                near = self.own(lookup.near)
            else:
                near = _moved(lookup.near, lookup.through.table, self._joined(lookup.through))
            found = self.frame.names.take(lookup.table)
            self.frame.join(found, _moved(lookup.far, lookup.table, found) == near, outer=lookup.nullable)
            self._lookups[id(lookup)] = found
        return found


def _moved(column: ColumnElement[Any], source: FromClause, target: FromClause) -> ColumnElement[Any]:
    if source is target:
        return column
    if isinstance(column, sa.ColumnClause) and column in set(source.c):
        moved: ColumnElement[Any] = target.c[str(column.key)]
        return moved
    return ClauseAdapter(target).traverse(column)


class LookedUp(Bound):
    """A row that a look-up leads to, read for itself: it has the fields that its row has through the look-up."""

    def __init__(self, row: Bound, lookup: Lookup, frame: Frame) -> None:
        self.path, self.mapping, self.frame, self.entity = row.path, row.mapping, frame, row.entity
        self.source = frame.names.take(lookup.table)
        frame.begin(self.source)
        self.far = _moved(lookup.far, lookup.table, self.source)
        self._lookups = {id(lookup): self.source}
