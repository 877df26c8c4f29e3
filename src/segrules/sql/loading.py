"""Customers read from the database into the nested form in which they are judged in memory.

One statement for each entity and batch of parents: the cost follows what is asked for, not the number of rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen

from segrules.algebra import Field, HasElement, Kind, Predicate, Source, walk
from segrules.errors import ShopError
from segrules.shop.mapping import Mapping, Stored
from segrules.sql.rows import Bound, Frame, Names

#: How many parents one statement asks for.
BATCH = 500

Fields = dict[str, Kind | None]


@frozen
class Needs:
    """Which fields of which entities are read, with the kind of value where it is known."""

    entities: AnyMapping[str, Fields] = field()
    #: The fields that are needed only to pick one row among several.
    picking: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, predicates: Iterable[Predicate]) -> Needs:
        """Just what these predicates read."""
        entities: dict[str, Fields] = {"": {}}
        picking: set[tuple[str, str]] = set()
        for predicate in predicates:
            for each in walk(predicate):
                match each:
                    case HasElement(field=Field(row=row, name=name)):
                        entities.setdefault(row.entity, {})[name] = None
                    case Field(row=row, name=name, kind=kind):
                        entities.setdefault(row.entity, {}).setdefault(name, kind)
                    case Source(rows=rows, pick=pick):
                        for row in rows:
                            entities.setdefault(row.entity, {})
                        if pick is not None and pick.by is not None:
                            picking.add((rows[-1].entity, pick.by))
        picking = {(path, name) for path, name in picking if name not in entities[path]}
        for path, name in picking:
            entities[path][name] = None
        return cls(entities, frozenset(picking))

    def as_kept(self, mapping: Mapping) -> Needs:
        """These without what picks among rows of which there is one at most, where the shop does not map it."""
        entities = {path: dict(fields) for path, fields in self.entities.items()}
        for path, name in self.picking:
            if path in entities and path in mapping.entities:
                kept = mapping.entity(path)
                if kept.single and name not in kept.fields:
                    del entities[path][name]
        return Needs(entities)

    @classmethod
    def everything(cls, mapping: Mapping) -> Needs:
        """All that the shop maps."""
        return cls({path: dict.fromkeys(entity.fields) for path, entity in mapping.entities.items()})

    def with_membership(self, mapping: Mapping, scoped: Iterable[str]) -> Needs:
        """These and what decides who can be a member at all: the active flag, and the website of each scoped row."""
        entities = {path: dict(fields) for path, fields in self.entities.items()}
        if "is_active" in mapping.entity("").fields:
            entities[""]["is_active"] = Kind.YESNO
        for path in ("", *scoped):
            if path in entities and "website" in mapping.entity(path).fields:
                entities[path]["website"] = Kind.CHOICE
        return Needs(entities, self.picking)

    def without(self, names: Iterable[str]) -> Needs:
        """These without some entities and what lies below them."""
        gone = set(names)
        kept = {path: fields for path, fields in self.entities.items() if path.partition(".")[0] not in gone}
        return Needs(kept, self.picking)

    def children(self, path: str) -> Iterator[str]:
        """The paths directly below one."""
        return (each for each in self.entities if each and each.rpartition(".")[0] == path)


def load(
    connection: sa.Connection, mapping: Mapping, ids: Iterable[Any], needs: Needs
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each customer's id and nested data, in the order of the ids; ids that do not exist are passed over.

    Raises ShopError when the shop maps no place for something that is needed.
    """
    needs = needs.as_kept(mapping)
    batch: list[Any] = []
    for each in ids:
        batch.append(each)
        if len(batch) == BATCH:
            yield from _batch(connection, mapping, batch, needs)
            batch = []
    if batch:
        yield from _batch(connection, mapping, batch, needs)


def _batch(
    connection: sa.Connection, mapping: Mapping, ids: Sequence[Any], needs: Needs
) -> Iterator[tuple[Any, dict[str, Any]]]:
    customers = {row["id"]: row for _, row in _rows(connection, mapping, "", ids, needs)}
    for each in ids:
        if each in customers:
            yield each, customers[each]


def _rows(
    connection: sa.Connection, mapping: Mapping, path: str, parents: Sequence[Any], needs: Needs
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rows of an entity that belong to some parents, each with its parent's key, children nested inside."""
    children = list(needs.children(path))
    found: list[_Row] = []
    for start in range(0, len(parents), BATCH):
        found += _read(connection, mapping, path, parents[start : start + BATCH], needs.entities[path], children)
    for place, child in enumerate(children):
        nested: dict[Any, list[dict[str, Any]]] = {}
        keys = list(dict.fromkeys(row.keys[place] for row in found if row.keys[place] is not None))
        for parent, data in _rows(connection, mapping, child, keys, needs):
            nested.setdefault(parent, []).append(data)
        for row in found:
            row.data[child.rpartition(".")[2]] = nested.get(row.keys[place], [])
    return ((row.parent, row.data) for row in found)


@frozen(eq=False)
class _Row:
    """A row as read: what it belongs to, its fields, and the keys by which its children find it."""

    parent: Any
    data: dict[str, Any]
    keys: tuple[Any, ...]


def _read(
    connection: sa.Connection,
    mapping: Mapping,
    path: str,
    parents: Sequence[Any],
    fields: Fields,
    children: Sequence[str],
) -> Iterator[_Row]:
    frame = Frame(Names())
    row = Bound(path, mapping, frame)
    frame.begin(row.source)
    belongs = row.key if path == "" else row.parent_column
    stored: list[tuple[str, Stored, Kind | None]] = []
    columns: list[sa.ColumnElement[Any]] = []
    for name, kind in fields.items():
        column, place = row.field(name)
        columns.append(column)
        stored.append((name, place, kind))
    for child in children:
        key = mapping.entity(child).parent_key
        columns.append(row.key if key is None else row.own(key))
    labelled = [column.label(f"c{number}") for number, column in enumerate((belongs, row.key, *columns))]
    statement = sa.select(*labelled).select_from(frame.clause).where(belongs.in_(parents)).order_by(row.key)
    for record in connection.execute(statement):
        data = {"id": record[1]}
        for value, (name, place, kind) in zip(record[2:], stored, strict=False):
            data[name] = _plain(value, place, kind, path, name)
        yield _Row(record[0], data, tuple(record[2 + len(stored) :]))


def _plain(value: Any, stored: Stored, kind: Kind | None, path: str, name: str) -> Any:
    """A value as it looks in memory."""
    if value is None:
        return None
    if stored.separator is not None:
        return [each for each in value.split(stored.separator) if each]
    if stored.codes is not None:
        return next((choice for choice in stored.codes if value in stored.kept_for(choice)), None)
    if stored.scale is not None:
        return Decimal(value).scaleb(-stored.scale)
    if isinstance(value, float):
        raise ShopError(f"{path or 'customer'}.{name} is kept as a float, which is not exact: map it with its decimals")
    if kind is Kind.YESNO:
        return bool(value)
    return value
