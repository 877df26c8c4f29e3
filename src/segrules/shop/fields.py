"""The fields of a mapping file: where each is, how it is kept, and which words the shop adds of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from attrs import frozen

from segrules import condition
from segrules.algebra import Kind
from segrules.condition import Choice, FieldType
from segrules.errors import ShopError
from segrules.shop.declarations import (
    Code,
    Expression,
    FieldDeclaration,
    Join,
    Reference,
)
from segrules.shop.document import Section, meant
from segrules.shop.kept import Entity, Kept
from segrules.shop.shop import zone_named
from segrules.vocabulary import Relation, Vocabulary

_FIELD_KEYS = (
    "column", "join", "attribute", "sql", "json", "path", "kept", "decimals", "codes", "choices", "yes", "separator",
    "required", "exact", "type", "help",
)  # fmt: skip
#: How moments can be kept, besides in the time of a named zone.
TIMES = ("utc", "aware", "django", "epoch", "epoch_ms", "epoch_us")
#: How amounts can be kept, each with the decimals that it has unless it says otherwise.
MONEY = {"decimal": 4, "minor": 2, "float": 2}
_TYPES: dict[str, type[FieldType]] = {
    "amount": condition.Amount,
    "choice": Choice,
    "code": condition.Code,
    "codes": condition.Codes,
    "country": condition.Country,
    "date": condition.Date,
    "id": condition.Id,
    "moment": condition.Moment,
    "quantity": condition.Quantity,
    "text": condition.Text,
    "whole": condition.Whole,
    "yes_no": condition.YesNo,
}
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@frozen
class Manner:
    """How moments and amounts are kept where a field does not say."""

    times: str = "utc"
    money: str = "decimal"
    decimals: int | None = None


class FieldReader:
    """Reads the fields of every relation; gathers the shop's own ``fields`` and ``choices`` by word."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.zone = "UTC"
        self.fields: dict[str, dict[str, FieldType]] = {}
        self.choices: dict[str, dict[str, tuple[str, ...]]] = {}

    def declared(
        self, section: Section, path: str, entity: Entity, manner: Manner, joins: Mapping[str, Join]
    ) -> dict[str, FieldDeclaration]:
        """The fields of a relation by name."""
        known = {name: kept for name, kept in entity.fields.items() if name not in ("id", "segments")}
        found: dict[str, FieldDeclaration] = {}
        for name in section.texts("same"):
            if name not in known:
                section.wrong("same", f'there is no field "{name}"{meant(name, known)}')
            elif name in found:
                section.wrong("same", f'"{name}" stands there twice')
            else:
                found[name] = self._plain(name, known[name], Reference(name), manner)
        own = section.table("fields")
        for name, value in own.content.items():
            if name in found:
                own.wrong(name, 'stands in "same" as well')
            elif name == "id":
                own.wrong(name, "the id is the key: write key = … in the section itself")
            elif isinstance(value, str):
                if name not in known:
                    own.wrong(name, f'there is no field "{name}"; {_OWN}{meant(name, known)}')
                elif value:
                    found[name] = self._plain(name, known[name], self._reference(own, name, value, joins), manner)
                else:
                    own.wrong(name, "is empty")
            elif isinstance(value, dict):
                field = self._field(own.table(name), path, name, known.get(name), manner, joins)
                if field is not None:
                    found[name] = field
            else:
                own.wrong(name, 'write the name of a column, or a table like { column = "…" }')
        return found

    def _plain(self, name: str, kept: Kept, place: Reference, manner: Manner) -> FieldDeclaration:
        """A field that is kept in the manner of its relation."""
        how, decimals = _usual(kept, manner)
        separator = "," if kept.is_set else None
        return FieldDeclaration(name, kept.kind, place, kept=how, decimals=decimals, separator=separator)

    def _field(
        self, section: Section, path: str, name: str, kept: Kept | None, manner: Manner, joins: Mapping[str, Join]
    ) -> FieldDeclaration | None:
        section.only(_FIELD_KEYS)
        if kept is None:
            kept = self._own_field(section, path, name)
        elif "type" in section:
            section.wrong("type", f'"{name}" has its type already')
        place = self._place(section, joins)
        if kept is None or place is None:
            return None
        how, decimals = self._kept(section, kept, manner)
        codes = self._codes(section) if kept.kind is Kind.CHOICE else None
        if kept.kind is Kind.CHOICE:
            self._choices(section, path, name, kept, codes)
        member = section.text("path") if not isinstance(section.content.get("path"), list) else None
        json = tuple(member.split(".")) if member else tuple(section.texts("path"))
        if ("json" in section) != bool(json):
            section.wrong("path", 'a member of JSON has both: json = "column" and path = "member.of.it"')
        if any('"' in each for each in json):
            section.wrong("path", "a member's name cannot hold a quotation mark")
        for key, kinds in (("codes", (Kind.CHOICE,)), ("choices", (Kind.CHOICE,)), ("yes", (Kind.YESNO,))):
            if key in section and kept.kind not in kinds:
                section.wrong(key, f'"{name}" is {_noun(kept)}, which has none')
        if "separator" in section and not kept.is_set:
            section.wrong("separator", f'"{name}" is {_noun(kept)}, and no set of codes')
        is_text = bool(json) or _is_attribute(place, joins, in_text=True)
        yes = _codes_of(section, "yes") if kept.kind is Kind.YESNO else ()
        if kept.kind is Kind.YESNO and is_text and not yes:
            yes = ("true",) if json else ("1",)
        if is_text and how in ("aware", "django"):
            section.wrong("kept", "a moment in text cannot be aware; read it with sql = …")
        if is_text and codes is not None:
            codes = {choice: tuple(str(each) for each in listed) for choice, listed in codes.items()}
        separator = (section.text("separator") or ",") if kept.is_set else None
        required, exact = bool(section.flag("required")), section.flag("exact")
        return FieldDeclaration(
            name, kept.kind, place, json, how, decimals, codes, yes, separator, required, exact
        )  # fmt: skip

    def _place(self, section: Section, joins: Mapping[str, Join]) -> Reference | Expression | None:
        given = [key for key in ("column", "sql", "json", "attribute") if key in section]
        if len(given) != 1:
            said = "one of column, sql, json and attribute says where it is"
            section.wrong("", f"{said}; {'none is' if not given else ' and '.join(given) + ' are'} given")
            return None
        if given == ["sql"]:
            sql = section.text("sql")
            return None if sql is None else Expression(sql)
        if given == ["attribute"]:
            value, join = section.content["attribute"], section.text("join")
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                section.wrong("attribute", "write the attribute's name, or its number")
                return None
            if join is None or join not in joins or joins[join].attribute is None:
                known = [each.name for each in joins.values() if each.attribute is not None]
                section.wrong("join", f"name the key-value join of the attribute{meant(join or '', known)}")
                return None
            return Reference(value, join)
        name = section.text(given[0])
        return None if name is None else self._reference(section, given[0], name, joins, strict=False)

    def _reference(
        self, section: Section, key: str, text: str, joins: Mapping[str, Join], *, strict: bool = True
    ) -> Reference:
        found = split(text)
        if found.join in joins:
            return found
        if found.join is not None and strict:
            said = f'there is no join "{found.join}"; a column with a dot in its name is {{ column = "{text}" }}'
            section.wrong(key, said + meant(found.join, joins))
        return Reference(text)

    def _own_field(self, section: Section, path: str, name: str) -> Kept | None:
        """A field that the vocabulary does not know: the shop's own, of the type that it says."""
        words = [relation.word for relation in _words(self.vocabulary, path)]
        if "type" not in section:
            known = {each for word in words for each in self.vocabulary.relations[word].fields}
            section.wrong("", f'there is no field "{name}"; {_OWN}{meant(name, known)}')
            return None
        kind = section.one_of("type", _TYPES)
        if kind is None:
            return None
        if not words or not _WORD.match(name):
            what = "rules have no word for these rows" if not words else "use lower-case letters, digits and _"
            section.wrong("", f'"{name}" cannot be a field of its own here: {what}')
            return None
        help_ = section.text("help") or f"The shop's own {name.replace('_', ' ')}."
        for word in words:
            self.fields.setdefault(word, {})[name] = _TYPES[kind](help_)
        made = _TYPES[kind](help_)
        return Kept(made.kind, kind == "codes", kind == "whole", made)

    # --- how it is kept ---

    def manner(self, section: Section, outer: Manner) -> Manner:
        """How moments and amounts are kept in a section; what it does not say is as around it."""
        times = section.text("times")
        if times is not None and not self._is_time(section, "times", times):
            times = None
        money, decimals = section.one_of("money", MONEY), section.number("decimals", 0, 4)
        inherited = outer.decimals if money in (None, outer.money) else None
        return Manner(
            self._named_zone(times) or outer.times, money or outer.money, inherited if decimals is None else decimals
        )

    def _named_zone(self, times: str | None) -> str | None:
        return self.zone if times == "local" else times

    def _is_time(self, section: Section, key: str, times: str) -> bool:
        if times in (*TIMES, "local"):
            return True
        if "/" in times:
            return self.is_zone(section, key, times)
        said = f'moments cannot be kept as "{times}"; a zone has a name like Europe/Rome'
        section.wrong(key, said + meant(times, (*TIMES, "local")))
        return False

    def is_zone(self, section: Section, key: str, name: str) -> bool:
        """Whether there is a time zone of a name; a mistake of the section when there is none."""
        try:
            zone_named(name)
        except ShopError as error:
            section.wrong(key, str(error))
            return False
        return True

    def _kept(self, section: Section, kept: Kept, manner: Manner) -> tuple[str, int]:
        how, decimals = _usual(kept, manner)
        given, places = section.text("kept"), section.number("decimals", 0, 4)
        if kept.kind is Kind.MOMENT:
            if given is not None and self._is_time(section, "kept", given):
                how = self._named_zone(given) or how
        elif kept.kind is Kind.NUMBER:
            if given is not None and given not in MONEY:
                section.wrong("kept", f'numbers cannot be kept as "{given}"{meant(given, MONEY)}')
            elif given is not None and not (kept.is_whole and given != "float"):
                how, decimals = given, 0 if kept.is_whole else MONEY[given]
            decimals = decimals if places is None else places
        elif given is not None:
            section.wrong("kept", f"only moments and numbers are kept in several ways; this is {_noun(kept)}")
        if places is not None and kept.kind is not Kind.NUMBER:
            section.wrong("decimals", f"only numbers have decimals; this is {_noun(kept)}")
        return how, decimals

    # --- choices ---

    def _codes(self, section: Section) -> dict[str, tuple[Code, ...]] | None:
        if "codes" not in section:
            return None
        own = section.table("codes")
        found = {choice: _codes_of(own, choice) for choice in own.content}
        kinds = {type(each) for listed in found.values() for each in listed}
        if len(kinds) > 1:
            section.wrong("codes", "are texts, whole numbers or true and false, not a mixture")
        every = [each for listed in found.values() for each in listed]
        for each in sorted({str(each) for each in every if every.count(each) > 1}):
            section.wrong("codes", f"{each} stands for two choices")
        return found

    def _choices(
        self, section: Section, path: str, name: str, kept: Kept, codes: Mapping[str, tuple[Code, ...]] | None
    ) -> None:
        """The choices of a field are those that it has codes for, or that it lists."""
        listed = section.texts("choices")
        names = list(codes or {})
        if not listed and codes is None:
            return
        relations = _words(self.vocabulary, path)
        known = _known_choices(relations, name)
        for each in names:
            if listed and each not in listed:
                section.wrong(f"codes.{each}", f'"{each}" is not among the choices{meant(each, listed)}')
            elif not listed and each not in known:
                close = [other for other in get_close_matches(each, known, n=1) if other not in names]
                if close or (kept.type is None and known):
                    section.wrong(f"codes.{each}", f'there is no choice "{each}"{meant(each, close or known)}')
        statuses = {*self.vocabulary.statuses.canceled, *self.vocabulary.statuses.closed}
        for each in sorted(kept.read - statuses - set(listed or names) if kept.type is not None else ()):
            section.wrong("codes" if codes is not None else "choices", f'"{each}" is missing, which the conditions use')
        if kept.type is None:
            return
        for relation in relations:
            for word, type_ in {**relation.fields, **self.fields.get(relation.word, {})}.items():
                if isinstance(type_, Choice) and (type_.column or word) == name:
                    self.choices.setdefault(relation.word, {})[word] = tuple(listed or names)


_OWN = 'a field of the shop\'s own says its type: { column = "…", type = "text" }'


def _usual(kept: Kept, manner: Manner) -> tuple[str, int]:
    """How a field is kept that says nothing."""
    if kept.kind is Kind.MOMENT:
        return manner.times, 0
    if kept.kind is not Kind.NUMBER:
        return "", 0
    if kept.is_whole:
        return "whole", 0
    if kept.type is not None and not isinstance(kept.type, condition.Amount):
        return "decimal", MONEY["decimal"]
    return manner.money, MONEY[manner.money] if manner.decimals is None else manner.decimals


def _codes_of(section: Section, key: str) -> tuple[Code, ...]:
    """One code or a list of them."""
    value = section.content.get(key)
    listed = value if isinstance(value, list) else [] if value is None else [value]
    for each in listed:
        if not isinstance(each, (str, int)):
            section.wrong(key, "write a text, a whole number, true or false, or a list of these")
    return tuple(each for each in listed if isinstance(each, (str, int)))


def split(text: str) -> Reference:
    """A column, or ``join.column``."""
    join, dot, name = text.partition(".")
    return Reference(name, join) if dot and name and join else Reference(text)


def _is_attribute(place: Reference | Expression, joins: Mapping[str, Join], *, in_text: bool) -> bool:
    if not isinstance(place, Reference) or place.join is None:
        return False
    join = joins[place.join]
    return join.attribute is not None and join.text is in_text


def _words(vocabulary: Vocabulary, path: str) -> list[Relation]:
    """The condition types that are about the rows of a path."""
    return [
        relation
        for relation in vocabulary
        if not relation.type.construct and (relation.rows.path if relation.rows else _own_path(relation)) == path
    ]


def _own_path(relation: Relation) -> str:
    return "" if relation.word == "customer" else relation.word


def _known_choices(relations: Iterable[Relation], name: str) -> list[str]:
    """The choices of a field that the vocabulary lists."""
    found = [relation.fields.get(name) for relation in relations]
    return [value for type_ in found if isinstance(type_, Choice) for value in type_.values or ()]


def _noun(kept: Kept) -> str:
    return kept.type.noun if kept.type is not None else kept.kind.value
