"""Names: which row and which field a path of words means where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attrs import Factory, define, frozen

from segrules.condition import FieldType
from segrules.language import nodes, syntax
from segrules.language.habits import FIELDS
from segrules.language.report import Report, closest, listing
from segrules.vocabulary import Relation, Vocabulary

CUSTOMER = "customer"


@frozen
class Level:
    """A row that is open: its relation, and the word by which the rule opened it."""

    relation: Relation
    opened_as: str
    all_rows: bool = True

    @property
    def inside(self) -> str | None:
        """The word for these rows inside a row of their parent."""
        return self.relation.rows.inside if self.relation.rows is not None else None

    def reopens(self, outer: Level) -> bool:
        """Whether it opens all rows of a kind although a parent of such rows is open."""
        rows, around = self.relation.rows, outer.relation.rows
        return self.all_rows and rows is not None and around is not None and rows.parent == around.path


@define
class Names:
    """The rows that are open where the resolver stands, innermost last, and what names mean there."""

    vocabulary: Vocabulary
    report: Report
    findings: Report
    levels: list[Level] = Factory(list)

    @property
    def outermost(self) -> bool:
        """Whether no row is open: names are about the customer."""
        return not self.levels

    @contextmanager
    def opened(self, level: Level, place: syntax.Form) -> Iterator[None]:
        """Holds a row open; warns when its name hides another."""
        word = level.relation.word
        if any(word == each.relation.word for each in self.levels):
            self.findings.warning(
                "SEG912", f"two rows called {word} are open here; the name {word} means the inner one", place
            )
        elif self.levels and level.reopens(self.levels[-1]):
            outer = self.levels[-1].relation.word
            self.findings.warning(
                "SEG911",
                f"{level.opened_as} opens all of the customer's rows again, not only those of this {outer}",
                place,
                hint=f"those of this {outer} are {level.inside}",
            )
        self.levels.append(level)
        try:
            yield
        finally:
            self.levels.pop()

    def bare(self, name: str) -> FieldType | None:
        """The field that a bare name means on the innermost open row, if any."""
        return self.levels[-1].relation.fields.get(name.lower()) if self.levels else None

    # --- fields ------------------------------------------------------------------------------------

    def field(self, path: syntax.Path) -> tuple[nodes.FieldRef, FieldType] | None:
        """The field that a path means; None after the mistake has been told."""
        names = tuple([each.lower() for each in path.names])
        if len(names) == 1:
            return self._bare(path, names[0])
        if len(names) > 2:
            self._too_long(path, names)
            return None
        word, name = names
        found = self._open_row(word)
        if found is not None:
            relation, level = found
            return self._of(path, relation, name, level) if self._has_name(path, relation, level) else None
        relation_ = self.vocabulary.named(word)
        if relation_ is None or relation_.type.construct:
            self._unknown_word(path, word, name)
            return None
        if relation_.rows is None:
            return self._of(path, relation_, name, 0)
        if not self.outermost:
            if self._of(path, relation_, name, 0) is not None:
                self.report.error(
                    "SEG503",
                    f"inside where, {word}.{name} does not say which {relation_.word} is meant",
                    path,
                    hint=f"open the rows: any {relation_.word} where ({name} …)",
                )
            return None
        return self._of(path, relation_, name, 0, shorthand=True)

    def _of(
        self, path: syntax.Path, relation: Relation, name: str, level: int, shorthand: bool = False
    ) -> tuple[nodes.FieldRef, FieldType] | None:
        type_ = relation.fields.get(name)
        if type_ is None:
            self._unknown_field(path, relation, name)
            return None
        return nodes.FieldRef(relation.word, name, level, shorthand, span=path.span), type_

    def own_field(self, path: syntax.Path, place: syntax.Form) -> tuple[nodes.FieldRef, FieldType] | None:
        """The field of the innermost open row; a mistake is told about ``place``, which names it in full."""
        relation, name = self.levels[-1].relation, path.names[0]
        type_ = relation.fields.get(name)
        if type_ is None:
            near = _meant(name, relation.fields)
            hint = f"did you mean {near}?" if near else f"{relation.word} has {listing(relation.fields)}"
            self.report.error("SEG202", f'{relation.word} has no field "{name}"', path, write=near, hint=hint)
            return None
        return nodes.FieldRef(relation.word, name, len(self.levels), span=place.span), type_

    def _bare(self, path: syntax.Path, name: str) -> tuple[nodes.FieldRef, FieldType] | None:
        if not self.levels:
            self._bare_outside(path, name)
            return None
        relation = self.levels[-1].relation
        type_ = relation.fields.get(name)
        if type_ is None:
            self._not_of_innermost(path, relation, name)
            return None
        return nodes.FieldRef(relation.word, name, len(self.levels), span=path.span), type_

    def _open_row(self, word: str) -> tuple[Relation, int] | None:
        """The innermost open row of that name, parents included, and its level."""
        for index in range(len(self.levels), 0, -1):
            opened = self.levels[index - 1]
            relation = opened.relation
            if word in (relation.word, opened.opened_as):
                return relation, index
            path = relation.rows.parent if relation.rows is not None else ""
            while path:
                parent = self.vocabulary.of_rows(path)
                if parent is not None and parent.word == word:
                    return parent, index
                path = path.rpartition(".")[0]
        return None

    def _has_name(self, path: syntax.Path, relation: Relation, level: int) -> bool:
        """Whether the canonical word for an open row means just that row; else the mistake is told."""
        opened = self.levels[level - 1]
        word = relation.word
        if opened.relation == relation and any(each.relation == relation for each in self.levels[level:]):
            word = opened.opened_as if opened.opened_as == opened.inside else word
        if self._open_row(word) == (relation, level):
            return True
        self.report.error(
            "SEG210",
            f"{path.names[0]} is meant to be an outer {relation.word}, but a nearer row has that name",
            path,
            hint=f"compare with the outer {relation.word} in its own where, outside the inner one",
        )
        return False

    # --- relations ---------------------------------------------------------------------------------

    def relation(
        self, path: syntax.Path, names: tuple[str, ...] | None = None
    ) -> tuple[nodes.RelationRef, Level] | None:
        """The rows that a path opens; None after the mistake has been told."""
        names = tuple([each.lower() for each in (names or path.names)])
        if len(names) == 1:
            word = names[0]
            if self.levels:
                innermost = self.levels[-1].relation
                if innermost.rows is not None:
                    found = self.vocabulary.inside(innermost.rows.path, word)
                    if found is not None:
                        ref = _inside(found, len(self.levels), innermost.word, path)
                        assert found.rows is not None
                        return ref, Level(found, found.rows.inside or word, all_rows=False)
            relation = self.vocabulary.named(word)
            if relation is None or relation.type.construct:
                self._unknown_relation(path, word)
                return None
            if relation.rows is None:
                self.report.error(
                    "SEG208",
                    f"{relation.word} is about the customer itself, there are no rows to look through",
                    path,
                    hint=f"write a condition such as {_sample(relation)}",
                )
                return None
            return nodes.RelationRef(relation.word, plural=relation.plural, span=path.span), Level(relation, word)
        if len(names) == 2:
            word, link = names
            found_row = self._open_row(word)
            parent, level = found_row if found_row is not None else (self.vocabulary.named(word), None)
            if parent is None or parent.rows is None:
                self._unknown_relation(path, word)
                return None
            if level is not None and not self._has_name(path, parent, level):
                return None
            relation = self.vocabulary.inside(parent.rows.path, link)
            if relation is None:
                known = [
                    each.rows.path.rpartition(".")[2]
                    for each in self.vocabulary
                    if each.rows is not None and each.rows.inside and each.rows.parent == parent.rows.path
                ]
                self.report.error(
                    "SEG201",
                    f"{parent.word} has no rows called {link}",
                    path,
                    hint=f"{parent.word} has {listing(known)}" if known else None,
                )
                return None
            ref = _inside(relation, level, parent.word, path)
            assert relation.rows is not None
            return ref, Level(relation, relation.rows.inside or relation.word, all_rows=level is None)
        self.report.error("SEG209", f"{self.report.short(path)} has too many dots", path)
        return None

    # --- mistakes ----------------------------------------------------------------------------------

    def _words(self) -> list[str]:
        return [each.word for each in self.vocabulary if not each.type.construct]

    def _fields_called(self, name: str) -> list[str]:
        return [
            f"{each.word}.{name}"
            for each in self.vocabulary
            if name in each.fields and (each.rows is None or self.outermost)
        ]

    def _is_compared(self, path: syntax.Path) -> bool:
        """Whether a sign of comparison follows, so that a number is meant and no condition."""
        return self.report.source.text[path.end :].lstrip()[:1] in tuple("<>=!≤≥≠")

    def _bare_outside(self, path: syntax.Path, name: str) -> None:
        relation = self.vocabulary.named(name)
        if relation is not None and not relation.type.construct:
            if relation.rows is None:
                hint = f"name one of its fields, such as {_sample(relation)}"
                self.report.error("SEG208", f"{name} alone says nothing about the customer", path, hint=hint)
            else:
                self.report.error(
                    "SEG208",
                    f"{name} alone says nothing about the customer",
                    path,
                    write=f"count({relation.word})" if self._is_compared(path) else f"any {relation.word}",
                    hint=f"any {relation.word}, no {relation.word}, count({relation.word}) or {_sample(relation)}",
                )
            return
        customer = self.vocabulary.relations.get(CUSTOMER)
        known = self._fields_called(name)
        if known:
            write = f"{CUSTOMER}.{name}" if f"{CUSTOMER}.{name}" in known else known[0] if len(known) == 1 else None
            message = f'"{name}" needs to say whose it is'
            self.report.error("SEG203", message, path, write=write, hint=f"there is {listing(known)}")
            return
        near = _meant(name, customer.fields) if customer is not None else None
        write = f"{CUSTOMER}.{near}" if near else None
        if near is None:
            word = closest(name, self._words())
            self.report.error(
                "SEG201",
                f'there is nothing called "{name}"',
                path,
                hint=f'did you mean something of "{word}"? It has {listing(self.vocabulary.relations[word].fields)}'
                if word
                else "a text needs quotes; a field is written relation.field",
            )
            return
        self.report.error(
            "SEG201", f'there is nothing called "{name}"', path, write=write, hint=f"did you mean {write}?"
        )

    def _not_of_innermost(self, path: syntax.Path, relation: Relation, name: str) -> None:
        near = _meant(name, relation.fields)
        elsewhere = [
            f"{each.relation.word}.{name}" for each in reversed(self.levels[:-1]) if name in each.relation.fields
        ]
        parent_path = relation.rows.parent if relation.rows is not None else ""
        parent = self.vocabulary.of_rows(parent_path) if parent_path else None
        if parent is not None and name in parent.fields:
            elsewhere.insert(0, f"{parent.word}.{name}")
        customer = self.vocabulary.relations.get(CUSTOMER)
        if customer is not None and name in customer.fields:
            elsewhere.append(f"{CUSTOMER}.{name}")
        write = elsewhere[0] if elsewhere else near
        hint = f"did you mean {write}?" if write else f"{relation.word} has {listing(relation.fields)}"
        self.report.error("SEG204", f'{relation.word} has no field "{name}"', path, write=write, hint=hint)

    def _unknown_field(self, path: syntax.Path, relation: Relation, name: str) -> None:
        near = _meant(name, relation.fields)
        write = f"{path.names[0].lower()}.{near}" if near else None
        elsewhere = self._fields_called(name)
        has = f"there is {listing(elsewhere)}" if elsewhere else f"{relation.word} has {listing(relation.fields)}"
        hint = f"did you mean {write}?" if write else has
        self.report.error("SEG202", f'{relation.word} has no field "{name}"', path, write=write, hint=hint)

    def _unknown_word(self, path: syntax.Path, word: str, name: str) -> None:
        near = closest(word, self._words())
        if near is not None and name in self.vocabulary.relations[near].fields:
            write = f"{near}.{name}"
            self.report.error(
                "SEG201", f'there is nothing called "{word}"', path, write=write, hint=f"did you mean {write}?"
            )
            return
        hint = f"did you mean {near}?" if near else f"there is {listing(self._words(), 20)}"
        self.report.error("SEG201", f'there is nothing called "{word}"', path, hint=hint)

    def _unknown_relation(self, path: syntax.Path, word: str) -> None:
        words = [each.word for each in self.vocabulary if each.rows is not None]
        near = closest(word, [*words, *(each.plural for each in self.vocabulary if each.rows is not None)])
        hint = f"did you mean {near}?" if near else f"there is {listing(words, 20)}"
        write = ".".join((near, *path.names[1:])) if near else None
        self.report.error("SEG201", f'there are no rows called "{word}"', path, write=write, hint=hint)

    def _too_long(self, path: syntax.Path, names: tuple[str, ...]) -> None:
        self.report.error(
            "SEG209",
            f"{self.report.short(path)} has too many dots",
            path,
            hint=f"open the rows: any {'.'.join(names[:-1])} where ({names[-1]} …)",
        )


def _meant(name: str, fields: Iterable[str]) -> str | None:
    """The field that was most likely meant: as it is called elsewhere, or as it is nearly spelled."""
    fields = tuple(fields)
    return next((each for each in FIELDS.get(name, ()) if each in fields), None) or closest(name, fields)


def _sample(relation: Relation) -> str:
    return f"{relation.word}.{next(iter(relation.fields), '…')}"


def _inside(relation: Relation, level: int | None, parent: str, path: syntax.Path) -> nodes.RelationRef:
    assert relation.rows is not None
    link = relation.rows.path.rpartition(".")[2]
    return nodes.RelationRef(relation.word, level, parent, relation.rows.inside, link, span=path.span)
