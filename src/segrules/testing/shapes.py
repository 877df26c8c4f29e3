"""What a customer looks like in memory, found out from a vocabulary alone.

The kept fields come from the declarations; what only a ``meaning`` or a ``where`` reads (a login's ``at``, the
``kind`` of an address) is found by building those meanings and looking into their algebra. So a plugin's rows
are generated like our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from segrules import algebra
from segrules.algebra import Kind, Row
from segrules.condition import (
    Anniversary,
    Categories,
    Choice,
    Codes,
    Country,
    DaysSince,
    DaysUntil,
    FieldType,
    NameOrCode,
    Quantity,
    Ratio,
    Scope,
    Whole,
)
from segrules.conditions.product import Product
from segrules.shop.mapping import Mapping as TableMapping
from segrules.vocabulary import Relation, Vocabulary

#: What a customer has one of in memory, however many rows a database keeps.
SINGLE = frozenset({"newsletter"})
#: Rows that keep name, sku, type and price as they were when they were bought.
AS_BOUGHT = frozenset({"orders.items", "carts.items"})
_PRODUCT = frozenset(name for name, value in vars(Product).items() if isinstance(value, FieldType))


@define
class Kept:
    """A field that the rows of an entity keep."""

    name: str
    kind: Kind
    type: FieldType | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    #: The row shows it, its product keeps it.
    of_product: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers fit."""
        return isinstance(self.type, Whole)

    @property
    def is_quantity(self) -> bool:
        """Whether it counts pieces rather than money."""
        return isinstance(self.type, Quantity)

    @property
    def is_country(self) -> bool:
        """Whether it holds a two-letter country code."""
        return isinstance(self.type, Country)

    @property
    def is_set(self) -> bool:
        """Whether it holds a set of codes."""
        return isinstance(self.type, Codes)


@define
class Entity:
    """The rows at the end of a path: what they keep and what hangs below them."""

    path: str
    fields: dict[str, Kept] = field(factory=dict)
    links: dict[str, None] = field(factory=dict)
    has_categories: bool = False

    @property
    def is_single(self) -> bool:
        """Whether a customer in memory has one such row at most."""
        return self.path in SINGLE

    @property
    def is_product_row(self) -> bool:
        """Whether each row is about one product."""
        return self.has_categories


@frozen
class Shapes:
    """All entities of a vocabulary by path; ``""`` is the customer."""

    entities: Mapping[str, Entity]

    @classmethod
    def of(cls, vocabulary: Vocabulary, mapping: TableMapping | None = None) -> Shapes:
        """The shapes of everything that the vocabulary's types declare and their meanings read.

        With a mapping, what its tables cannot leave empty is required.
        """
        finder = _Finder({})
        finder.keep("", "is_active", Kind.YESNO)
        for relation in vocabulary:
            finder.add(relation, vocabulary)
        for entity in finder.entities.values():
            for kept in entity.fields.values():
                if kept.name == "id" or (mapping is not None and not mapping.stored(entity.path, kept.name).nullable):
                    kept.required = True
        return cls(finder.entities)

    @property
    def product_fields(self) -> Mapping[str, Kept]:
        """What a product keeps: its own fields and the attributes that the shop added."""
        found: dict[str, Kept] = {}
        for entity in self.entities.values():
            if entity.is_product_row:
                own = {name: each for name, each in entity.fields.items() if each.of_product or name in _PRODUCT}
                found = {**own, **found}
        return found


@frozen
class _Finder:
    entities: dict[str, Entity]

    def entity(self, path: str) -> Entity:
        found = self.entities.get(path)
        if found is None:
            found = self.entities[path] = Entity(path)
            if path:
                parent, _, link = path.rpartition(".")
                self.entity(parent).links[link] = None
        return found

    def keep(self, path: str, name: str, kind: Kind, type_: FieldType | None = None) -> Kept:
        entity = self.entity(path)
        found = entity.fields.setdefault(name, Kept(name, kind))
        if type_ is not None and found.type is None:
            found.type = type_
            found.required = type_.required
        if isinstance(type_, Choice) and type_.values:
            found.choices = tuple(dict.fromkeys((*found.choices, *type_.values)))
        return found

    def add(self, relation: Relation, vocabulary: Vocabulary) -> None:
        if relation.type.construct:
            return
        rows = relation.rows
        path = rows.path if rows else ""
        entity = self.entity(path)
        scope = Scope(tuple(_rows_to(path)), vocabulary.statuses)
        if rows and rows.moment:
            self.keep(path, rows.moment, Kind.MOMENT)
        if rows and rows.pick and rows.pick.by:
            self.keep(path, rows.pick.by, Kind.MOMENT)
        if rows and rows.where:
            self.read(rows.where(scope))
        for name, each in relation.fields.items():
            if each.meaning is not None:
                self.read_meaning(each, scope)
            elif isinstance(each, Categories):
                entity.has_categories = True
            elif isinstance(each, NameOrCode):
                self.keep(path, each.column or name, Kind.TEXT)
                self.keep(path, each.code, Kind.CODE)
            elif not isinstance(each, Anniversary | DaysSince | DaysUntil):
                kept = self.keep(path, each.column or name, each.kind, each)
                added = name not in relation.type.fields
                kept.of_product = _is_product(relation) and (added or (name in _PRODUCT and path not in AS_BOUGHT))

    def read_meaning(self, type_: FieldType, scope: Scope) -> None:
        assert type_.meaning is not None
        meaning = type_.meaning(scope)
        for term in (meaning.numerator, meaning.denominator) if isinstance(meaning, Ratio) else (meaning,):
            self.read(term)
            if isinstance(type_, Choice) and type_.values:
                for node in algebra.walk(term):
                    if isinstance(node, algebra.Picked) and isinstance(node.value, algebra.Field):
                        self.keep(node.value.row.entity, node.value.name, Kind.CHOICE, type_)

    def read(self, tree: algebra.Term | algebra.Predicate) -> None:
        for node in algebra.walk(tree):
            match node:
                case algebra.Field(row=row, name=name, kind=kind):
                    self.keep(row.entity, name, kind)
                case algebra.OneOf(term=algebra.Field(row=row, name=name), values=tuple(values)):
                    choices = tuple(each.value for each in values if isinstance(each, algebra.Const))
                    kept = self.keep(row.entity, name, Kind.CHOICE)
                    kept.choices = tuple(dict.fromkeys((*kept.choices, *map(str, choices))))
                case algebra.Source(rows=rows, pick=pick):
                    for row in rows:
                        self.entity(row.entity)
                    if pick and pick.by:
                        self.keep(rows[-1].entity, pick.by, Kind.MOMENT)
                case _:
                    pass


def _is_product(relation: Relation) -> bool:
    return any(isinstance(each, Categories) for each in relation.fields.values())


def _rows_to(path: str) -> Iterator[Row]:
    yield algebra.CUSTOMER
    parts = path.split(".") if path else []
    for depth in range(1, len(parts) + 1):
        yield Row(".".join(parts[:depth]), depth)
