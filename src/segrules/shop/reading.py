"""From a mapping file to declarations: what each section says, with everything that it does not say filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segrules.condition import Statuses
from segrules.errors import VocabularyError
from segrules.shop.declarations import (
    Guests,
    Join,
    Key,
    Reference,
    RelationDeclaration,
    ShopDeclaration,
    email_column,
)
from segrules.shop.document import Mistakes, Section, meant
from segrules.shop.fields import FieldReader, Manner, split
from segrules.shop.kept import Entity, customer_of
from segrules.vocabulary import Vocabulary

_SHOP_KEYS = ("timezone", "schema", "times", "money", "decimals", "statuses")
_RELATION_KEYS = (
    "table", "query", "schema", "key", "parent", "parent_key", "where", "guests", "single", "times", "money",
    "decimals", "same", "joins", "fields",
)  # fmt: skip
_JOIN_KEYS = ("table", "schema", "on", "key", "attribute", "value", "unique", "text")


def declared(document: Mapping[str, Any], vocabulary: Vocabulary, name: str) -> ShopDeclaration:
    """What a mapping file says. Raises ShopError with all its mistakes, each with file and key path."""
    mistakes = Mistakes(name)
    reader = _Reader(Section(document, "", mistakes), vocabulary)
    found = reader.shop(name)
    mistakes.stop()
    return found


class _Reader:
    def __init__(self, section: Section, vocabulary: Vocabulary) -> None:
        self.section = section
        self.vocabulary = vocabulary
        self.fields = FieldReader(vocabulary)
        self.relations: dict[str, RelationDeclaration] = {}

    def shop(self, name: str) -> ShopDeclaration:
        section, customer = self.section, customer_of(self.vocabulary)
        self.fields.zone = section.text("timezone") or "UTC"
        self.fields.is_zone(section, "timezone", self.fields.zone)
        manner, schema = self.fields.manner(section, Manner()), section.text("schema")
        section.only((*_SHOP_KEYS, "customer", *customer.links), "relation")
        if not isinstance(section.content.get("customer"), dict):
            section.wrong("customer", "is missing; say where the customers are: [customer] with table = …")
        else:
            self._relation(section.table("customer"), "", customer, manner, schema)
        for link, below in section.tables((*_SHOP_KEYS, "customer")):
            if link in customer.links:
                self._relation(below, link, customer.links[link], manner, schema)
        for each in self.relations.values():
            if each.guests is not None and "" in self.relations and email_column(self.relations[""]) is None:
                section.wrong(f"{each.path}.guests", "customers have no e-mail column of their own to match")
        return ShopDeclaration(name, self.fields.zone, self.relations, self._vocabulary(section.table("statuses")))

    # --- relations ---

    def _relation(self, section: Section, path: str, entity: Entity, outer: Manner, schema: str | None) -> None:
        links = {} if path == "" else entity.links
        section.only((*_RELATION_KEYS, *links))
        manner = self.fields.manner(section, outer)
        schema = section.text("schema") or schema
        table, query = section.text("table"), section.text("query")
        if table is None and query is None and not isinstance(section.content.get("table"), (bool, int, list, dict)):
            section.wrong("", "say where its rows are: table = … or query = …")
        elif table is not None and query is not None:
            section.wrong("query", "the rows come from a table or from a query, not from both")
        joins = {name: self._join(each, name, schema) for name, each in section.table("joins").tables(())}
        for name, join in joins.items():
            if join.on.join is not None and join.on.join not in joins:
                said = (
                    f'there is no join "{join.on.join}"{meant(join.on.join, (each for each in joins if each != name))}'
                )
                section.table("joins").wrong(f"{name}.on", said)
        key = self._key(section)
        if path == "" and ("parent" in section or "parent_key" in section):
            section.wrong("parent", "customers belong to nothing")
        parent, parent_key = section.text("parent"), section.text("parent_key")
        if path:
            parent = parent or _usual_parent(path)
            parent_key = parent_key or ("product_id" if path.endswith(".categories") else None)
        guests = self._guests(section, path)
        self.relations[path] = RelationDeclaration(
            path=path,
            table=table or (path.replace(".", "_") or "customers"),
            query=query,
            schema=schema,
            key=key,
            parent=parent,
            parent_key=parent_key,
            where=section.text("where"),
            guests=guests,
            single=bool(section.flag("single")),
            joins=joins,
            fields=self.fields.declared(section, path, entity, manner, joins),
        )
        for link, below in section.tables(_RELATION_KEYS):
            if link in links:
                self._relation(below, f"{path}.{link}", links[link], manner, schema)

    def _key(self, section: Section) -> Key:
        if not isinstance(section.content.get("key"), dict):
            return Key(section.text("key") or "id")
        own = section.table("key")
        own.only(("column", "type"))
        return Key(own.text("column") or "id", own.one_of("type", ("id", "text", "uuid")) or "id")

    def _guests(self, section: Section, path: str) -> Guests | None:
        if "guests" not in section:
            return None
        own = section.table("guests")
        own.only(("email", "match"))
        email, match = own.text("email"), own.table("match")
        if path == "" or "." in path:
            section.wrong("guests", "only rows that belong to customers can be guests'")
        if email is None:
            own.wrong("email", "name the column that holds the e-mail of a row without a customer")
        return Guests(email or "", {name: match.text(name) or name for name in match.content})

    def _join(self, section: Section, name: str, schema: str | None) -> Join:
        section.only(_JOIN_KEYS)
        attribute, value = section.text("attribute"), section.text("value")
        if (attribute is None) != (value is None):
            section.wrong("", "a key-value table has both: attribute = … and value = … are its columns")
        table, on = section.text("table"), section.text("on")
        if table is None:
            section.wrong("table", "is missing")
        if on is None and attribute is None:
            section.wrong("on", "name the column that points to this table")
        pointer = Reference("") if on is None else split(on)
        key = section.text("key") or "id"
        unique, text = section.flag("unique"), section.flag("text")
        return Join(
            name, table or "", section.text("schema") or schema, pointer, key, attribute, value,
            bool(unique), text is not False,
        )  # fmt: skip

    def _vocabulary(self, section: Section) -> Vocabulary:
        """The words of the shop: with its own fields, choices and statuses."""
        section.only(("canceled", "closed"))
        given = {key: tuple(section.texts(key)) for key in ("canceled", "closed") if key in section}
        statuses = Statuses(**given)
        known = self.fields.choices.get("order", {}).get("status")
        for key in ("canceled", "closed"):
            for each in getattr(statuses, key) if known is not None else ():
                if each not in (known or ()):
                    way_out = "" if key in given else f"; say which are: {key} = [] if none is"
                    section.wrong(key, f'"{each}" is no choice of orders.fields.status{way_out}')
        try:
            return self.vocabulary.extended(fields=self.fields.fields, choices=self.fields.choices, statuses=statuses)
        except VocabularyError as error:
            section.mistakes.add("", str(error))
            return self.vocabulary


def _usual_parent(path: str) -> str:
    """The column by which rows point to what they belong to, as the default shop names it."""
    if path.endswith(".categories"):
        return "product_id"
    link = path.rpartition(".")[0].rpartition(".")[2] or "customers"
    return f"{link.removesuffix('s')}_id"
