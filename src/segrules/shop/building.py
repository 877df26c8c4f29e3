"""From declarations to a mapping: tables, joins and expressions in SQLAlchemy's terms.

Identifiers come from the declarations alone and are quoted by SQLAlchemy. A relation with SQL of its own becomes a
derived table, in which its column names can mean nothing else; databases fold it into the statement around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.types import TypeEngine

from segrules.algebra import Kind
from segrules.shop import mapping, storage
from segrules.shop.columns import exact_text
from segrules.shop.declarations import (
    Expression,
    FieldDeclaration,
    Join,
    Key,
    Reference,
    RelationDeclaration,
    ShopDeclaration,
    email_column,
)
from segrules.shop.mapping import Entity, Lookup, Stored

#: Relations of which most customers have no row.
_RARE = ("carts", "wishlists")
_KEYS: dict[str, TypeEngine[Any]] = {"id": sa.BigInteger(), "text": exact_text(255), "uuid": sa.Uuid()}


def built(declaration: ShopDeclaration) -> mapping.Mapping:
    """The mapping that a file declares."""
    relations: dict[str, _Relation] = {}
    for path, declared in declaration.relations.items():
        parent = relations.get(path.rpartition(".")[0]) if path else None
        relations[path] = _Relation(declared, parent, _pointed_to(declaration, path))
    entities = {path: relation.entity() for path, relation in relations.items()}
    if "is_active" not in entities[""].fields:
        entities[""] = entities[""].with_fields(is_active=Stored(sa.true(), nullable=False))
    return mapping.Mapping(entities)


def _pointed_to(declaration: ShopDeclaration, path: str) -> Iterator[str]:
    """The columns, besides the key, by which further rows find the rows of a path."""
    for each in declaration.relations.values():
        if each.path and each.path.rpartition(".")[0] == path and each.parent_key is not None:
            yield each.parent_key
        if path == "" and each.guests is not None:
            yield from each.guests.match.values()


def raw_type(field: FieldDeclaration) -> TypeEngine[Any]:
    """The type of the column that keeps a field, as far as SQL has to know it."""
    codes = [*field.yes, *(each for listed in (field.codes or {}).values() for each in listed)]
    if codes:
        return _type_of(codes[0])
    match field.kind:
        case Kind.NUMBER:
            exact: TypeEngine[Any] = sa.Numeric(38, 4) if field.kept == "decimal" else sa.BigInteger()
            return sa.Double() if field.kept == "float" else exact
        case Kind.ID:
            return sa.BigInteger()
        case Kind.YESNO:
            return sa.Boolean()
        case Kind.DATE:
            return sa.Date()
        case Kind.MOMENT if field.kept in storage.UNITS:
            return sa.BigInteger()
        case Kind.MOMENT:
            return sa.DateTime(timezone=field.kept in ("aware", "django"))
        case _:
            return sa.String()


def _type_of(code: Any) -> TypeEngine[Any]:
    return sa.Boolean() if isinstance(code, bool) else sa.BigInteger() if isinstance(code, int) else sa.String()


class _Relation:
    """One relation as it is built: its source with all columns that it needs, its joins, its fields."""

    def __init__(self, declared: RelationDeclaration, parent: _Relation | None, pointed_to: Iterator[str]) -> None:
        self.declared = declared
        self.parent = parent
        self.columns: dict[str, TypeEngine[Any]] = {}
        self.lookups: dict[Any, Lookup] = {}
        self.joined: dict[str, sa.Table] = {}
        self._need_all(list(pointed_to))
        self.source: FromClause = self._source()

    def entity(self) -> Entity:
        """The relation in SQLAlchemy's terms."""
        declared, columns = self.declared, self.source.c
        parent_key = declared.parent_key
        return Entity(
            self.source,
            None if declared.parent is None else columns[declared.parent],
            key=columns[declared.key.column],
            parent_key=None if parent_key is None or self.parent is None else self.parent.source.c[parent_key],
            fields={field.name: self._stored(field) for field in declared.fields.values()},
            single=declared.single,
            rare=declared.path in _RARE,
        )

    # --- the source ---

    def _need_all(self, pointed_to: list[str]) -> None:
        declared = self.declared
        self._need(declared.key.column, _KEYS[declared.key.type])
        if declared.parent is not None:
            above = self.parent.declared.key if self.parent is not None and declared.parent_key is None else Key("")
            self._need(declared.parent, _KEYS[above.type])
        for field in declared.fields.values():
            if isinstance(field.place, Reference) and field.place.join is None:
                self._need(str(field.place.name), sa.String() if field.json else raw_type(field))
        for join in declared.joins.values():
            if join.on.join is None and join.on.name:
                self._need(str(join.on.name), sa.BigInteger())
        for name in pointed_to:
            self._need(name, sa.BigInteger())
        if declared.guests is not None:
            for name in (declared.guests.email, *declared.guests.match):
                self._need(name, sa.String())

    def _need(self, name: str, kind: TypeEngine[Any]) -> None:
        self.columns.setdefault(name, kind)

    def _source(self) -> FromClause:
        declared = self.declared
        listed = [sa.column(name, kind) for name, kind in self.columns.items()]
        name = _plain(declared.table)
        base: Any
        if declared.query is not None:
            base = _text(declared.query).columns(*listed).subquery(f"{name}_query")
        else:
            base = _table(declared.table, declared.schema, self.columns, key=declared.key.column)
        computed = [
            sa.literal_column(f"({field.place.sql})", raw_type(field)).label(_computed(field))
            for field in declared.fields.values()
            if isinstance(field.place, Expression)
        ]
        if computed or declared.where is not None:
            query = sa.select(*(base.c[each] for each in self.columns), *computed)
            if declared.where is not None:
                query = query.where(sa.literal_column(f"({declared.where})", sa.Boolean()))
            base = query.subquery(name)
        return base if declared.guests is None else self._with_guests(base, name)

    def _with_guests(self, base: FromClause, name: str) -> FromClause:
        """The rows of customers, and those of guests under the customer with their e-mail."""
        declared, parent = self.declared, self.parent
        assert declared.guests is not None and declared.parent is not None and parent is not None
        pointer = base.c[declared.parent]
        rest = [column for column in base.c if column is not pointer]
        people = parent.source.alias(f"{name}_guests")
        email = email_column(parent.declared)
        assert email is not None, "reading has seen that customers have an e-mail column"
        same = sa.func.lower(people.c[email]) == sa.func.lower(base.c[declared.guests.email])
        further = (base.c[own] == people.c[its] for own, its in declared.guests.match.items())
        nobody: ColumnElement[bool] = pointer.is_(None)
        if parent.declared.key.type == "id":
            nobody = sa.or_(nobody, pointer == sa.literal_column("0"))
        guests = sa.select(*rest, people.c[parent.declared.key.column].label(declared.parent)).select_from(
            base.join(people, sa.and_(same, *further))
        )
        known = sa.select(*rest, pointer).where(sa.not_(nobody))
        return sa.union_all(known, guests.where(nobody)).subquery(f"{name}_with_guests")

    # --- fields ---

    def _stored(self, field: FieldDeclaration) -> Stored:
        raw, lookup, in_text = self._raw(field)
        if field.json:
            raw, in_text = storage.json_member(raw, *field.json), True
        column = _read(field, _of_text(field, raw) if in_text else raw)
        facts: dict[str, Any] = {"nullable": not field.required}
        if field.kind is Kind.NUMBER and field.kept in ("minor", "float"):
            facts["scale"] = field.decimals
        if field.codes is not None:
            facts["codes"] = field.codes
        facts |= {"separator": field.separator, "exact": field.exact}
        return Stored(column, **facts) if lookup is None else lookup.field(column, **facts)

    def _raw(self, field: FieldDeclaration) -> tuple[ColumnElement[Any], Lookup | None, bool]:
        """What keeps a field, the join that leads there, and whether it is text whatever it means."""
        kind = sa.String() if field.json else raw_type(field)
        place = field.place
        if isinstance(place, Expression):
            return self.source.c[_computed(field)], None, False
        if place.join is None:
            return _as(self.source.c[str(place.name)], kind), None, False
        join = self.declared.joins[place.join]
        if join.attribute is None:
            lookup = self._lookup(join)
            return _as(self._of_join(join).c[str(place.name)], kind), lookup, False
        kind = sa.String() if join.text else kind
        if join.unique:
            lookup = self._attribute(join, place.name, kind)
            return lookup.table.c[str(join.value)], lookup, join.text
        return self._any_attribute(join, place.name, kind), None, join.text

    # --- joins ---

    def _of_join(self, join: Join) -> sa.Table:
        """A joined table with every column that is asked of it."""
        found = self.joined.get(join.name)
        if found is None:
            columns: dict[str, TypeEngine[Any]] = {join.key: sa.BigInteger()}
            for field in self.declared.fields.values():
                if isinstance(field.place, Reference) and field.place.join == join.name and join.attribute is None:
                    columns.setdefault(str(field.place.name), sa.String() if field.json else raw_type(field))
            for other in self.declared.joins.values():
                if other.on.join == join.name:
                    columns.setdefault(str(other.on.name), sa.BigInteger())
            found = self.joined[join.name] = _table(join.table, join.schema, columns)
        return found

    def _near(self, join: Join) -> tuple[ColumnElement[Any], Lookup | None]:
        """The column that points to a join, and the join that this column is in."""
        if join.on.join is not None:
            through = self.declared.joins[join.on.join]
            return self._of_join(through).c[str(join.on.name)], self._lookup(through)
        return self.source.c[str(join.on.name) or self.declared.key.column], None

    def _lookup(self, join: Join) -> Lookup:
        found = self.lookups.get(join.name)
        if found is None:
            table = self._of_join(join)
            near, through = self._near(join)
            found = self.lookups[join.name] = Lookup(table, near, table.c[join.key], through, nullable=True)
        return found

    def _attribute(self, join: Join, name: str | int, kind: TypeEngine[Any]) -> Lookup:
        """One attribute of a key-value table that has each once."""
        found = self.lookups.get((join.name, name))
        if found is None:
            near, through = self._near(join)
            table = self._key_value(join, kind)
            query = sa.select(table.c[join.key], table.c[str(join.value)]).where(_is_named(table, join, name))
            values = query.subquery(_plain(f"{join.name}_{name}"))
            lookup = Lookup(values, near, values.c[join.key], through, nullable=True)
            found = self.lookups[join.name, name] = lookup
        return found

    def _any_attribute(self, join: Join, name: str | int, kind: TypeEngine[Any]) -> ColumnElement[Any]:
        """One attribute of a key-value table that may have several of one name; the greatest counts."""
        near, _ = self._near(join)
        table = self._key_value(join, kind).alias(f"{_plain(join.name)}_values")
        query = sa.select(sa.func.max(table.c[str(join.value)])).where(
            table.c[join.key] == near, _is_named(table, join, name)
        )
        return query.correlate_except(table).scalar_subquery()

    def _key_value(self, join: Join, kind: TypeEngine[Any]) -> sa.Table:
        columns: dict[str, TypeEngine[Any]] = {join.key: sa.BigInteger()}
        columns |= {str(join.attribute): sa.types.NullType(), str(join.value): kind}
        return _table(join.table, join.schema, columns)


def _is_named(table: FromClause, join: Join, name: str | int) -> ColumnElement[bool]:
    return table.c[str(join.attribute)] == sa.literal(name, _type_of(name))


def _table(name: str, schema: str | None, columns: Mapping[str, TypeEngine[Any]], *, key: str = "") -> sa.Table:
    own = (sa.Column(each, kind, primary_key=each == key, nullable=each != key) for each, kind in columns.items())
    return sa.Table(name, sa.MetaData(), *own, schema=schema)


def _as(column: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """A column with a type, where another field has given it one of its own."""
    return column if isinstance(column.type, type(kind)) else sa.type_coerce(column, kind)


def _of_text(field: FieldDeclaration, text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Text as the type that a column for the field would have."""
    kind = raw_type(field)
    if isinstance(kind, sa.Date):
        return storage.date_in_text(text)
    if isinstance(kind, sa.DateTime):
        return storage.moment_in_text(text)
    return text if isinstance(kind, sa.String) else sa.cast(text, kind)


def _read(field: FieldDeclaration, raw: ColumnElement[Any]) -> ColumnElement[Any]:
    """A field's value from what its column keeps."""
    match field.kind:
        case Kind.MOMENT:
            return storage.reader_of_moments(field.kept)(raw)
        case Kind.NUMBER if field.kept == "float":
            return storage.rounded(raw, field.decimals)
        case Kind.NUMBER if field.kept == "decimal":
            return storage.decimal_number(raw)
        case Kind.YESNO if field.yes:
            kind = _type_of(field.yes[0])
            listed = [sa.literal(each, kind) for each in field.yes]
            return raw == listed[0] if len(listed) == 1 else raw.in_(listed)
        case _:
            return raw


def _computed(field: FieldDeclaration) -> str:
    return f"computed_{field.name}"


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name)


def _text(query: str) -> sa.TextClause:
    """SQL as it stands: what looks like a parameter in it is none."""
    return sa.text(re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", query.strip().rstrip(";")))
