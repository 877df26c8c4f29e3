"""A shop: its words, its calendar, and where its data lies.

Nothing of SQLAlchemy is imported until tables are asked for, so a shop can judge customers in memory without it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import evolve

from segrules.condition import Anniversary, Categories, DaysSince, DaysUntil, FieldType, NameOrCode, Statuses
from segrules.conditions.product import Product
from segrules.errors import ShopError
from segrules.vocabulary import Vocabulary

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.shop.declarations import ShopDeclaration
    from segrules.shop.default import DefaultTables
    from segrules.shop.mapping import Mapping


class Shop:
    """A vocabulary, a time zone, and a mapping onto tables.

    ``mapping`` may be a function that makes it, which is called when it is first needed. ``timezone`` names
    the zone in whose calendar the shop's days begin and end.
    """

    def __init__(
        self,
        mapping: Mapping | Callable[[], Mapping],
        *,
        vocabulary: Vocabulary | None = None,
        timezone: str = "UTC",
    ) -> None:
        self._given = mapping
        self.vocabulary = vocabulary if vocabulary is not None else Vocabulary.installed()
        self.zone = zone_named(timezone)

    @classmethod
    def default(
        cls,
        timezone: str = "UTC",
        *,
        vocabulary: Vocabulary | None = None,
        customer_attributes: AnyMapping[str, FieldType] | None = None,
        product_attributes: AnyMapping[str, FieldType] | None = None,
        choices: AnyMapping[str, AnyMapping[str, tuple[str, ...]]] | None = None,
        statuses: Statuses | None = None,
        schema: str | None = None,
        prefix: str = "",
    ) -> DefaultShop:
        """The shop whose tables come with segrules; see :class:`DefaultShop` for them.

        ``customer_attributes`` and ``product_attributes`` are further columns, each with a field type;
        ``choices`` lists values per word and field, ``{"customer": {"group": ("retail", "wholesale")}}``;
        ``prefix`` stands before every table name.
        """
        words = vocabulary if vocabulary is not None else Vocabulary.installed()
        for name, kept in {**(customer_attributes or {}), **(product_attributes or {})}.items():
            if isinstance(kept, (Anniversary, Categories, DaysSince, DaysUntil, NameOrCode)) or kept.meaning:
                raise ShopError(f'the attribute "{name}" cannot be {kept.noun}: its column holds one value')
        fields = {"customer": dict(customer_attributes or {})}
        for relation in words:
            if issubclass(relation.type, Product):
                fields[relation.word] = dict(product_attributes or {})
        known = {word: own for word, own in fields.items() if own}
        extended = words.extended(fields=known, choices=choices, statuses=statuses)
        return DefaultShop(
            timezone, extended, dict(customer_attributes or {}), dict(product_attributes or {}), schema, prefix
        )

    @classmethod
    def load(cls, path: str | Path, *, vocabulary: Vocabulary | None = None) -> DeclaredShop:
        """The shop that a mapping file (TOML) declares; its tables are looked at when a rule first asks.

        Raises ShopError with all mistakes of the file, each with its key path.
        """
        from segrules.shop.document import read_file

        return cls.declared(read_file(path), vocabulary=vocabulary, name=str(path))

    @classmethod
    def preset(cls, name: str, *, timezone: str | None = None, vocabulary: Vocabulary | None = None) -> DeclaredShop:
        """A shop as it comes out of its box, by the mapping file that segrules brings: ``Shop.preset("oscar")``.

        ``timezone`` is the zone in whose calendar days begin and end, UTC by default. ShopError for an unknown name.
        """
        from segrules.shop.document import read
        from segrules.shop.presets import preset_file

        file = preset_file(name)
        shop = cls.declared(read(file.read_bytes(), file.name), vocabulary=vocabulary, name=file.name)
        return shop if timezone is None else shop.in_zone(timezone)

    @classmethod
    def declared(
        cls, document: AnyMapping[str, Any], *, vocabulary: Vocabulary | None = None, name: str = "the mapping"
    ) -> DeclaredShop:
        """The same for the content of such a file; ``name`` stands before each mistake."""
        from segrules.shop.reading import declared

        words = vocabulary if vocabulary is not None else Vocabulary.installed()
        return DeclaredShop(declared(document, words, name))

    @cached_property
    def mapping(self) -> Mapping:
        """Where every entity and field lies."""
        return self._given() if callable(self._given) else self._given

    def check(self, engine: sa.Engine) -> None:
        """The mapping fits the database: every mapped table and column is there with a fitting type.

        Raises ShopError that names each table and column that does not fit.
        """
        from segrules.shop.checking import check

        check(self.mapping, engine)


class DeclaredShop(Shop):
    """A shop whose mapping file says where everything is; ``declaration`` is what it says."""

    def __init__(self, declaration: ShopDeclaration) -> None:
        super().__init__(self._map, vocabulary=declaration.vocabulary, timezone=declaration.timezone)
        self.declaration = declaration

    def in_zone(self, timezone: str) -> DeclaredShop:
        """The same shop with the days of another zone."""
        return DeclaredShop(evolve(self.declaration, timezone=timezone))

    def check(self, engine: sa.Engine) -> None:
        """The file fits the database. Raises ShopError that names each key of it that does not."""
        from segrules.shop.examining import errors, examined

        found = list(errors(examined(self.declaration, engine)))
        if found:
            raise ShopError("\n".join(map(str, found)))

    def _map(self) -> Mapping:
        from segrules.shop.building import built

        return built(self.declaration)


class DefaultShop(Shop):
    """The default shop: tables of its own, which ``create_tables`` makes and ``tables`` shows by name."""

    def __init__(
        self,
        timezone: str,
        vocabulary: Vocabulary,
        customer_attributes: AnyMapping[str, FieldType],
        product_attributes: AnyMapping[str, FieldType],
        schema: str | None,
        prefix: str,
    ) -> None:
        super().__init__(self._map, vocabulary=vocabulary, timezone=timezone)
        self._attributes = customer_attributes, product_attributes
        self._schema, self._prefix = schema, prefix

    @cached_property
    def own_tables(self) -> DefaultTables:
        """The tables with their metadata; those of plugins among them."""
        from segrules.shop.default import default_tables

        return default_tables(*self._attributes, schema=self._schema, prefix=self._prefix)

    @cached_property
    def _plugin_tables(self) -> dict[str, sa.Table]:
        """The tables that condition types bring themselves, by their path."""
        tables: dict[str, sa.Table] = {}
        for relation in self.vocabulary:
            make = getattr(relation.type, "table", None)
            if make is not None and relation.rows is not None:
                tables[relation.rows.path] = make(self.own_tables.metadata)
        return tables

    @property
    def tables(self) -> AnyMapping[str, sa.Table]:
        """The shop's SQLAlchemy tables by the names of the default schema, and those of plugins by their own."""
        return {**self.own_tables.tables, **{table.name: table for table in self._plugin_tables.values()}}

    def _map(self) -> Mapping:
        from segrules.shop.default import default_mapping

        mapping = default_mapping(self.own_tables)
        for path, table in self._plugin_tables.items():
            if "customer_id" not in table.c:
                raise ShopError(f'the table "{table.name}" of a plugin has no column "customer_id"')
            mapping = mapping.with_entity(path, table, table.c.customer_id)
        return mapping

    def create_tables(self, engine: sa.Engine) -> None:
        """Every table of the shop exists in the database, with its indexes; those that exist stay as they are."""
        from segrules.shop.default import create_tables

        create_tables(engine, self.own_tables)
        self.own_tables.metadata.create_all(engine, tables=list(self._plugin_tables.values()))


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name; ShopError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as cause:
        raise ShopError(f'there is no time zone "{name}"; write a name like "Europe/Rome" or "UTC"') from cause
