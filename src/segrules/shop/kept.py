"""What a shop keeps under which name, and a customer in memory likewise, found out from a vocabulary alone.

The declared fields say most of it. What only a meaning or the ``where`` of a relation reads (a login's ``at``, the
``kind`` of an address) is found by building those and looking into their algebra, so a plugin's rows are known too.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import evolve, field, frozen

from segrules import algebra
from segrules.algebra import CUSTOMER, Kind, Predicate, Row, Term
from segrules.condition import (
    Anniversary,
    Categories,
    Codes,
    DaysSince,
    DaysUntil,
    FieldType,
    NameOrCode,
    Ratio,
    Scope,
    Whole,
)
from segrules.vocabulary import Relation, Vocabulary


@frozen
class Kept:
    """A field as it is kept: its kind, whether it is a set of codes, whether only whole numbers fit.

    ``type`` is its declaration, where it has one; ``read`` are the choices that a meaning asks it for.
    """

    kind: Kind
    is_set: bool = False
    is_whole: bool = False
    type: FieldType | None = None
    read: frozenset[str] = frozenset()


@frozen
class Entity:
    """The rows at the end of a path: the fields that they keep, and the links to the rows below them."""

    fields: dict[str, Kept] = field(factory=lambda: {"id": Kept(Kind.ID)})
    links: dict[str, Entity] = field(factory=dict)

    def below(self, path: str) -> Entity:
        """The entity at the end of a path of links that starts here; made if it is new."""
        entity = self
        for link in path.split(".") if path else ():
            entity = entity.links.setdefault(link, Entity())
        return entity


@lru_cache(maxsize=16)
def customer_of(vocabulary: Vocabulary) -> Entity:
    """The customer with everything that the condition types of a vocabulary declare or read."""
    customer = Entity()
    customer.fields.update(segments=Kept(Kind.CODE, is_set=True), is_active=Kept(Kind.YESNO), website=Kept(Kind.CHOICE))
    for relation in vocabulary:
        if not relation.type.construct:
            _add(customer, relation, vocabulary)
    for link in ("orders", "carts"):
        if link in customer.links:
            customer.links[link].fields.setdefault("website", Kept(Kind.CHOICE))
    if "logins" in customer.links:
        customer.links["logins"].fields.setdefault("at", Kept(Kind.MOMENT))
    return customer


def _add(customer: Entity, relation: Relation, vocabulary: Vocabulary) -> None:
    path = relation.rows.path if relation.rows else ""
    entity = customer.below(path)
    scope = _scope(path, vocabulary)
    if relation.rows and relation.rows.where:
        _read(customer, relation.rows.where(scope))
    for name, type_ in relation.fields.items():
        if type_.meaning is not None:
            meaning = type_.meaning(scope)
            for term in (meaning.numerator, meaning.denominator) if isinstance(meaning, Ratio) else (meaning,):
                _read(customer, term)
        else:
            for own, kept in _fields(name, type_).items():
                known = entity.fields.get(own)
                entity.fields[own] = (
                    kept if known is None else evolve(kept, read=known.read, type=known.type or kept.type)
                )
            if isinstance(type_, Categories):
                entity.below("categories").fields.update(code=Kept(Kind.CODE), name=Kept(Kind.TEXT))
                entity.fields.setdefault("product_id", Kept(Kind.ID))


def _fields(name: str, type_: FieldType) -> dict[str, Kept]:
    """The kept fields of a declared one."""
    match type_:
        case Anniversary() | DaysSince() | DaysUntil() | Categories():
            return {}
        case NameOrCode():
            return {type_.column or name: Kept(Kind.TEXT), type_.code: Kept(Kind.CODE)}
        case _:
            kept = Kept(type_.kind, isinstance(type_, Codes), isinstance(type_, Whole), type_)
            return {type_.column or name: kept}


def _read(customer: Entity, tree: Term | Predicate) -> None:
    """Adds what a meaning reads and nobody declares."""
    for node in algebra.walk(tree):
        match node:
            case algebra.Field(row=row, name=name, kind=kind):
                customer.below(row.entity).fields.setdefault(name, Kept(kind))
            case algebra.OneOf(term=algebra.Field(row=row, name=name), values=values):
                fields = customer.below(row.entity).fields
                known = fields.get(name, Kept(Kind.CHOICE))
                fields[name] = evolve(known, read=known.read | {str(each.value) for each in values})
            case algebra.HasElement(field=codes):
                customer.below(codes.row.entity).fields[codes.name] = Kept(Kind.CODE, is_set=True)
            case algebra.Source(rows=rows, pick=pick):
                entity = customer.below(rows[-1].entity)
                if pick is not None and pick.by is not None:
                    entity.fields.setdefault(pick.by, Kept(Kind.MOMENT))
            case _:
                pass


def _scope(path: str, vocabulary: Vocabulary) -> Scope:
    rows = [CUSTOMER]
    for link in path.split(".") if path else ():
        rows.append(Row(f"{rows[-1].entity}.{link}".lstrip("."), len(rows)))
    return Scope(tuple(rows), vocabulary.statuses, len(rows) - 1)
