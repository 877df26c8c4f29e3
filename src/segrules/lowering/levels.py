"""The rows that are open where a condition stands: one level for each quantifier or aggregate around it."""

from __future__ import annotations

import attrs
from attrs import frozen

from segrules.algebra import Pick, Source
from segrules.condition import FieldType, Scope
from segrules.errors import EvaluationError
from segrules.language import nodes
from segrules.vocabulary import Relation, Vocabulary


@frozen
class Level:
    """The rows that one quantifier or aggregate opened."""

    relation: Relation
    scope: Scope


@frozen
class Levels:
    """All open levels, the innermost last; besides them the rows of a shorthand, when one is open."""

    vocabulary: Vocabulary
    opened: tuple[Level, ...] = ()
    shorthand: Level | None = None

    @property
    def depth(self) -> int:
        """The depth of the deepest row that is open."""
        around = self.opened if self.shorthand is None else (*self.opened, self.shorthand)
        return max((level.scope.depth for level in around), default=0)

    @property
    def customer(self) -> Scope:
        """The customer, seen from here."""
        return Scope(statuses=self.vocabulary.statuses, depth=self.depth)

    def relation(self, word: str) -> Relation:
        """The relation of a word; EvaluationError when this shop does not have it."""
        relation = self.vocabulary.relations.get(word)
        if relation is None:
            known = ", ".join(self.vocabulary.relations)
            raise EvaluationError(f'this shop has no condition type "{word}"; it has {known}')
        return relation

    def field_type(self, reference: nodes.FieldRef) -> FieldType:
        """The type of a field; EvaluationError when this shop does not have it."""
        relation = self.relation(reference.relation)
        found = relation.fields.get(reference.name)
        if found is None:
            known = ", ".join(relation.fields)
            raise EvaluationError(f'this shop has no field "{reference.name}" in {reference.relation}; it has {known}')
        return found

    def open(self, reference: nodes.RelationRef) -> tuple[Source, Levels]:
        """The rows that a reference opens, and the levels inside them."""
        relation = self.relation(reference.relation)
        if reference.parent is None and reference.parent_relation is not None:
            source, scope = self._of_all(relation, self.relation(reference.parent_relation))
        elif reference.parent is None:
            source, scope = _all_rows(relation, self.customer)
        else:
            assert relation.rows is not None
            parent = self._row(reference.parent, reference.parent_relation)
            around = attrs.evolve(parent, depth=self.depth)
            source, scope = around.source(relation.rows.path.rpartition(".")[2])
        return source, Levels(self.vocabulary, (*self.opened, Level(relation, scope)))

    def _of_all(self, relation: Relation, parent: Relation) -> tuple[Source, Scope]:
        """``order.items`` outside any order: those of all parents, whatever order_item leaves out."""
        assert relation.rows is not None
        assert parent.rows is not None
        where = parent.rows.where
        return self.customer.source(relation.rows.path, None if where is None else lambda row: where(row.parent))

    def open_shorthand(self, word: str) -> tuple[Source, Levels]:
        """The rows that a shorthand opens around one comparison, which do not count as a level."""
        relation = self.relation(word)
        source, scope = _all_rows(relation, self.customer)
        return source, attrs.evolve(self, shorthand=Level(relation, scope))

    def picked(self, source: Source, reference: nodes.RelationRef, last: bool) -> Source:
        """The first or last of the rows, by the moment of their condition type."""
        rows = self.relation(reference.relation).rows
        assert rows is not None
        return attrs.evolve(source, pick=Pick(rows.moment, latest=last))

    def scope_of(self, reference: nodes.FieldRef) -> Scope:
        """The scope whose innermost row has the field."""
        if reference.shorthand:
            assert self.shorthand is not None
            return self.shorthand.scope
        if reference.level == 0:
            return self.customer
        return attrs.evolve(self._row(reference.level, reference.relation), depth=self.depth)

    def _row(self, level: int, word: str | None) -> Scope:
        """The row that a word means on a level: the level's own, or one on the way to it."""
        opened = self.opened[level - 1]
        scope = opened.scope
        if word is None:
            return scope
        rows = self.relation(word).rows
        entity = rows.path if rows is not None else ""
        while scope.row.entity != entity:
            if len(scope.rows) == 1:
                raise EvaluationError(f"there is no {word} on the way to {opened.relation.word}")
            scope = scope.parent
        return scope


def _all_rows(relation: Relation, customer: Scope) -> tuple[Source, Scope]:
    """All rows that a relation's word means, from the customer."""
    rows = relation.rows
    assert rows is not None, f"{relation.word} has no rows"
    return customer.source(rows.path, rows.where, rows.pick)
