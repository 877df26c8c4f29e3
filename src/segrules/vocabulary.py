"""The words that a rule may use: all condition types that plugins registered, by name.

A vocabulary is a plain value. :meth:`Vocabulary.installed` asks every installed plugin once; a shop adds
its own fields and choices with :meth:`Vocabulary.extended`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import attrs
import pluggy
from attrs import field, frozen

from segrules import hookspecs
from segrules.condition import Choice, ConditionType, FieldType, Rows, Statuses
from segrules.errors import VocabularyError

GROUP = "segrules"
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@frozen
class Relation:
    """A condition type as one vocabulary knows it: with the fields and choices of one shop."""

    word: str
    plural: str
    type: type[ConditionType]
    fields: Mapping[str, FieldType]
    plugin: str

    @property
    def rows(self) -> Rows | None:
        """Where its rows come from; None when it is about the customer itself."""
        return self.type.rows


@frozen(eq=False)
class Vocabulary:
    """All relations by their singular word, in the order in which they were registered."""

    relations: Mapping[str, Relation]
    statuses: Statuses = field(factory=Statuses)

    @classmethod
    def installed(cls) -> Vocabulary:
        """The built-in condition types and those of every installed plugin; found once per process.

        Raises VocabularyError that names distribution, version and entry point of a plugin that is broken.
        """
        return _installed()

    @classmethod
    def of(cls, *types: type[ConditionType]) -> Vocabulary:
        """A vocabulary of exactly these condition types."""
        return cls(_relations((type_, type_.__module__) for type_ in types))

    def __iter__(self) -> Iterator[Relation]:
        return iter(self.relations.values())

    def named(self, word: str) -> Relation | None:
        """The relation of a singular or plural word in any case, or None."""
        word = word.lower()
        found = self.relations.get(word)
        return found or next((each for each in self if each.plural == word and each.rows is not None), None)

    def inside(self, path: str, word: str) -> Relation | None:
        """The relation that ``word`` means inside a row at the end of ``path``: its link or the link's singular."""
        word = word.lower()
        for each in self:
            rows = each.rows
            if rows is not None and rows.inside is not None and rows.parent == path:
                if word in (rows.inside, rows.path.rpartition(".")[2]):
                    return each
        return None

    def of_rows(self, path: str) -> Relation | None:
        """The relation that describes the rows at the end of a path."""
        return next((each for each in self if each.rows is not None and each.rows.path == path), None)

    def extended(
        self,
        *types: type[ConditionType],
        fields: Mapping[str, Mapping[str, FieldType]] | None = None,
        choices: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
        without: Iterable[str] = (),
        statuses: Statuses | None = None,
    ) -> Vocabulary:
        """The vocabulary with further types, a shop's own fields and choices, and without some words."""
        gone = set(without)
        relations = dict(self.relations)
        for word, relation in _relations((type_, type_.__module__) for type_ in types).items():
            if word in relations:
                raise VocabularyError(f'the word "{word}" is in the vocabulary already (from {relations[word].plugin})')
            relations[word] = relation
        for word, own in (fields or {}).items():
            relation = _known(relations, word)
            for name in own:
                if not _WORD.match(name):
                    raise VocabularyError(
                        f'"{name}" cannot name a field of {word}: use lower-case letters, digits and _'
                    )
            relations[word] = attrs.evolve(relation, fields=MappingProxyType({**relation.fields, **own}))
        for word, lists in (choices or {}).items():
            relation = _known(relations, word)
            changed = dict(relation.fields)
            for name, values in lists.items():
                found = changed.get(name)
                if not isinstance(found, Choice):
                    raise VocabularyError(f"{word}.{name} is no choice field, so it cannot have choices")
                changed[name] = attrs.evolve(found, values=tuple(values))
            relations[word] = attrs.evolve(relation, fields=MappingProxyType(changed))
        kept = {word: relation for word, relation in relations.items() if word not in gone}
        return Vocabulary(MappingProxyType(kept), statuses or self.statuses)


def _known(relations: Mapping[str, Relation], word: str) -> Relation:
    if word not in relations:
        raise VocabularyError(f'there is no condition type "{word}"; the vocabulary has {", ".join(relations)}')
    return relations[word]


def _relations(types: Iterable[tuple[type[ConditionType], str]]) -> Mapping[str, Relation]:
    """The types by word; raises VocabularyError that names both sides of a clash."""
    relations: dict[str, Relation] = {}
    plurals: dict[str, Relation] = {}
    for type_, plugin in types:
        if not (isinstance(type_, type) and issubclass(type_, ConditionType) and type_ is not ConditionType):
            raise VocabularyError(f"{plugin} registers {type_!r}, which is not a subclass of segrules.ConditionType")
        for word in (type_.word, type_.plural, *type_.fields):
            if not _WORD.match(word):
                raise VocabularyError(f'"{word}" of {plugin} is no word: use lower-case letters, digits and _')
        relation = Relation(type_.word, type_.plural, type_, type_.fields, plugin)
        for word in (type_.word, type_.plural):
            other = relations.get(word) or plurals.get(word)
            if other is not None:
                raise VocabularyError(f'the word "{word}" is claimed twice: by {other.plugin} and by {plugin}')
        relations[type_.word] = relation
        plurals[type_.plural] = relation
    return MappingProxyType(relations)


@cache
def _installed() -> Vocabulary:
    return load(entry_points(group=GROUP))


def load(points: Iterable[EntryPoint]) -> Vocabulary:
    """The vocabulary that a set of entry points registers, the built-in one first."""
    manager, plugins = registered(points)
    types: list[tuple[type[ConditionType], str]] = []
    for where in plugins:
        callers = [each for each in manager.hook.segrules_condition_types.get_hookimpls() if each.plugin_name == where]
        for caller in callers:
            try:
                found: Iterable[type[ConditionType]] = caller.function()  # type: ignore[assignment]
                types += [(type_, where) for type_ in found]
            except Exception as cause:
                raise VocabularyError(f"plugin ({where}) fails: {type(cause).__name__}: {cause}") from cause
    return Vocabulary(_relations(types))


def registered(points: Iterable[EntryPoint]) -> tuple[pluggy.PluginManager, list[str]]:
    """The plugins of a set of entry points, and where each comes from, the built-in one first.

    Raises VocabularyError that names distribution, version and entry point of a plugin that is broken.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugins = []
    for point in sorted(points, key=lambda each: (each.name != "builtin", each.name)):
        dist = point.dist
        where = f"{dist.name} {dist.version}, entry point {point.name} = {point.value}" if dist else point.value
        try:
            plugin: Any = point.load()
            name = manager.register(plugin, name=where)
            manager.check_pending()
        except Exception as cause:
            raise VocabularyError(f"plugin ({where}) cannot be loaded: {type(cause).__name__}: {cause}") from cause
        if name is None:
            raise VocabularyError(f"plugin ({where}) is switched off")
        plugins.append(where)
    return manager, plugins
