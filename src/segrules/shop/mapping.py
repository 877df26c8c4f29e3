"""How a shop's customers, orders and all the rest lie on the tables of a database.

    store = Lookup(stores, orders.c.store_id, stores.c.id)
    mapping = Mapping({
        "": Entity(customers, fields={"email": customers.c.email}),
        "orders": Entity(orders, parent_column=orders.c.customer_id, fields={
            "status": orders.c.status,
            "store": store.field(stores.c.code),
        }),
    })

A path names an entity as a customer in memory nests it: ``orders``, ``orders.items``. The source of an entity
is a table, an alias of one, or a sub-query (a join or a filtered table as ``select(…).subquery()``).
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from types import MappingProxyType
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.sql import ColumnElement, FromClause

from segrules.errors import ShopError
from segrules.shop.columns import Money


@frozen(eq=False)
class Lookup:
    """The one row of another table, if any, that a row points to; joined only when a field through it is used.

    ``near`` is the column that points, of the entity's source or of the lookup that it goes ``through``;
    ``far`` the column of ``table`` that it points to, which must be unique.
    """

    table: FromClause
    near: ColumnElement[Any]
    far: ColumnElement[Any]
    through: Lookup | None = None
    nullable: bool = field()

    @nullable.default
    def _may_point_nowhere(self) -> bool:
        """Without a NOT NULL foreign key a row may point nowhere."""
        if self.through is not None and self.through.nullable:
            return True
        return not isinstance(self.near, sa.Column) or self.near.nullable is not False or not self.near.foreign_keys

    @property
    def outermost(self) -> Lookup:
        """The look-up that starts at the row itself."""
        return self if self.through is None else self.through.outermost

    def field(self, column: ColumnElement[Any], **facts: Any) -> Stored:
        """A column of the looked-up row as a field of the row that points to it."""
        stored = Stored(column, via=self, **facts)
        return attrs.evolve(stored, nullable=True) if self.nullable else stored


@frozen(eq=False)
class Stored:
    """Where one field is kept: a column or an SQL expression, and what is known about it.

    ``nullable``: may be NULL; as the column declares it unless given.
    ``scale``: the column holds whole minor units of 10 ** -scale (2 for cents).
    ``codes``: what the column holds for each choice, when they differ (``{"active": True}``); a tuple for several.
    Other content means nothing: the field is missing there.
    ``separator``: the column joins a set of codes by this.
    ``exact``: whether a plain ``=`` compares text byte for byte; as the column's collation tells unless given.
    ``decimals``: how many decimals the column has, when its type does not tell.
    """

    column: ColumnElement[Any]
    nullable: bool = field()
    scale: int | None = None
    codes: AnyMapping[str, Any] | None = None
    separator: str | None = None
    exact: bool | None = None
    decimals: int | None = None
    via: Lookup | None = None

    def kept_for(self, choice: str) -> tuple[Any, ...]:
        """What the column holds for a choice."""
        kept = (self.codes or {}).get(choice, ())
        return kept if isinstance(kept, tuple) else (kept,)

    @property
    def kept(self) -> tuple[Any, ...]:
        """What the column holds for any choice."""
        return tuple(kept for choice in self.codes or () for kept in self.kept_for(choice))

    @property
    def keeps_text(self) -> bool:
        """Whether it holds text for the choices."""
        return any(isinstance(each, str) for each in self.kept)

    @nullable.default
    def _as_declared(self) -> bool:
        return self.column.nullable is not False if isinstance(self.column, sa.Column) else True


def _stored(fields: AnyMapping[str, ColumnElement[Any] | Stored]) -> AnyMapping[str, Stored]:
    return MappingProxyType({name: each if isinstance(each, Stored) else Stored(each) for name, each in fields.items()})


@frozen(eq=False)
class Entity:
    """The rows of one path.

    ``rare``: most parents have no such row; it decides how SQL is written, never what it finds.
    ``key`` identifies a row (its single primary key column unless given). ``parent_column`` holds the
    ``parent_key`` of the row that it belongs to, which is that row's own key unless given.
    """

    source: FromClause
    parent_column: ColumnElement[Any] | None = None
    key: ColumnElement[Any] = field(kw_only=True)
    parent_key: ColumnElement[Any] | None = field(default=None, kw_only=True)
    fields: AnyMapping[str, Stored] = field(factory=dict, converter=_stored, kw_only=True)
    single: bool = field(kw_only=True)
    rare: bool = field(default=False, kw_only=True)

    @key.default
    def _primary_key(self) -> ColumnElement[Any]:
        columns: list[Any] = list(self.source.primary_key) or [each for each in self.source.c if each.key == "id"]
        if len(columns) != 1:
            raise ShopError(f"{described(self.source)} has no single primary key column: give the entity its key")
        key: ColumnElement[Any] = columns[0]
        return key

    @single.default
    def _at_most_one_row(self) -> bool:
        """Whether a parent has one such row at most."""
        return isinstance(self.parent_column, sa.Column) and bool(self.parent_column.unique)

    def with_fields(self, **fields: ColumnElement[Any] | Stored) -> Entity:
        """The entity with further fields."""
        return attrs.evolve(self, fields={**self.fields, **fields})


def described(source: FromClause) -> str:
    """The name of a table or alias, for messages."""
    return f'table "{source.fullname}"' if isinstance(source, sa.Table) else f'"{getattr(source, "name", "query")}"'


def _frozen(entities: AnyMapping[str, Entity]) -> AnyMapping[str, Entity]:
    return MappingProxyType(dict(entities))


@frozen(eq=False)
class Mapping:
    """All entities by path; the customer's path is ``""``."""

    entities: AnyMapping[str, Entity] = field(converter=_frozen)

    @entities.validator
    def _hangs_together(self, attribute: Any, entities: AnyMapping[str, Entity]) -> None:
        if "" not in entities:
            raise ShopError('the mapping has no customer: give it an entity with the path ""')
        for path, entity in entities.items():
            if path and path.rpartition(".")[0] not in entities:
                raise ShopError(f'"{path}" belongs to "{path.rpartition(".")[0]}", which the mapping lacks')
            if path and entity.parent_column is None:
                raise ShopError(
                    f'"{path}" needs a parent_column that points to its "{path.rpartition(".")[0] or "customer"}"'
                )

    def entity(self, path: str) -> Entity:
        """The entity of a path; ShopError when the shop does not map it."""
        found = self.entities.get(path)
        if found is None:
            raise ShopError(f'this shop maps no table for "{path}"; it maps {_listed(self.entities)}')
        return found

    def stored(self, path: str, name: str) -> Stored:
        """Where a field of an entity is kept; ShopError when the shop does not map it."""
        entity = self.entity(path)
        found = entity.fields.get(name)
        if found is not None:
            return found
        if name == "id":
            return Stored(entity.key, nullable=False)
        raise ShopError(
            f'this shop maps no column for "{name}" of "{path or "customer"}"; it maps {_listed(entity.fields)}'
        )

    def with_entity(
        self,
        path: str,
        source: FromClause,
        parent_column: ColumnElement[Any] | None = None,
        *,
        fields: AnyMapping[str, ColumnElement[Any] | Stored] | None = None,
        **facts: Any,
    ) -> Mapping:
        """The mapping with one more entity; without ``fields`` every column is a field under its own name."""
        chosen = {column.key: column for column in source.c} if fields is None else fields
        return Mapping({**self.entities, path: Entity(source, parent_column, fields=chosen, **facts)})

    def with_fields(self, path: str, **fields: ColumnElement[Any] | Stored) -> Mapping:
        """The mapping with further fields of one entity."""
        return Mapping({**self.entities, path: self.entity(path).with_fields(**fields)})

    @property
    def tables(self) -> frozenset[sa.Table]:
        """Every table that the mapping reads."""
        found: set[sa.Table] = set()
        for entity in self.entities.values():
            found |= _tables_of(entity.source)
            for stored in entity.fields.values():
                lookup = stored.via
                while lookup is not None:
                    found |= _tables_of(lookup.table)
                    lookup = lookup.through
        return frozenset(found)


def _tables_of(source: FromClause) -> set[sa.Table]:
    from sqlalchemy.sql import visitors

    return {each for each in visitors.iterate(source) if isinstance(each, sa.Table)}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(name or "the customer" for name in names))


def decimals_of(stored: Stored) -> int:
    """How many decimals a number field can have."""
    if stored.scale is not None:
        return stored.scale
    if stored.decimals is not None:
        return stored.decimals
    match stored.column.type:
        case Money():
            return Money.scale
        case sa.Integer():
            return 0
        case sa.Numeric(scale=int(scale)):
            return scale
        case _:
            return 4
