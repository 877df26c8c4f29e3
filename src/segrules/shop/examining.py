"""Whether a mapping file fits a live database: each name is there, holds what it should, and can be found fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from enum import Enum
from typing import Any

import sqlalchemy as sa
from attrs import define, field, frozen
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from segrules.algebra import Kind
from segrules.shop.building import raw_type
from segrules.shop.declarations import (
    FieldDeclaration,
    Join,
    Key,
    Reference,
    RelationDeclaration,
    ShopDeclaration,
    email_column,
)
from segrules.shop.reflecting import keys
from segrules.shop.storage import UNITS


class Level(Enum):
    """How much a finding weighs: with an error some rule fails or answers wrongly, a warning says what is odd."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Finding:
    """Something about the database that the mapping file does not expect, at a key path of the file.

    ``for_speed``: it matters only where there are many rows of the relation at ``path``.
    """

    level: Level
    place: str
    message: str
    path: str = ""
    for_speed: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def examined(declaration: ShopDeclaration, engine: sa.Engine) -> list[Finding]:
    """What is wrong with the names and types of a mapping file, and which indexes are missing."""
    examiner = _Examiner(sa.inspect(engine), engine.dialect)
    for relation in declaration.relations.values():
        examiner.relation(relation, declaration)
    return examiner.findings


@frozen(eq=False)
class _Table:
    """A table as the database describes it."""

    name: str
    columns: dict[str, Any]
    unique: tuple[frozenset[str], ...]
    leading: frozenset[str]
    indexed: frozenset[str]


@define
class _Examiner:
    inspector: sa.Inspector
    dialect: sa.Dialect
    findings: list[Finding] = field(factory=list)
    _names: dict[str | None, list[str]] = field(factory=dict)
    _tables: dict[tuple[str | None, str], _Table | None] = field(factory=dict)

    def add(self, level: Level, place: str, message: str) -> None:
        self.findings.append(Finding(level, place, message))

    def slow(self, path: str, place: str, message: str) -> None:
        self.findings.append(Finding(Level.WARNING, place, message, path, for_speed=True))

    # --- tables ---

    def table(self, name: str, schema: str | None) -> _Table | None:
        """A table or view, or None; looked at once."""
        if (schema, name) not in self._tables:
            self._tables[schema, name] = self._described(name, schema) if name in self.names(schema) else None
        return self._tables[schema, name]

    def names(self, schema: str | None) -> list[str]:
        if schema not in self._names:
            try:
                found = list(self.inspector.get_table_names(schema=schema))
                found += [each for each in self.inspector.get_view_names(schema=schema) if each not in found]
            except (NotImplementedError, sa.exc.SQLAlchemyError):
                found = []
            self._names[schema] = found
        return self._names[schema]

    def _described(self, name: str, schema: str | None) -> _Table:
        columns = {each["name"]: each for each in self.inspector.get_columns(name, schema=schema)}
        unique: list[frozenset[str]] = []
        leading: set[str] = set()
        indexed: set[str] = set()
        for names, is_unique in keys(self.inspector, name, schema):
            if all(names):
                leading.add(str(names[0]))
                indexed.update(map(str, names))
                if is_unique:
                    unique.append(frozenset(map(str, names)))
        return _Table(name, columns, tuple(unique), frozenset(leading), frozenset(indexed))

    # --- one relation ---

    def relation(self, declared: RelationDeclaration, shop: ShopDeclaration) -> None:
        place = declared.label
        for join in declared.joins.values():
            self._join(join, declared)
        if declared.query is not None:
            return
        table = self.table(declared.table, declared.schema)
        if table is None:
            self._absent(f"{place}.table", declared.full_name, declared.table, declared.schema)
            return
        wanted = {f"{place}.key": declared.key.column}
        if declared.parent is not None:
            wanted[f"{place}.parent"] = declared.parent
        for below in shop.relations.values():
            if below.path and below.path.rpartition(".")[0] == declared.path and below.parent_key is not None:
                wanted[f"{below.label}.parent_key"] = below.parent_key
        if declared.guests is not None:
            wanted[f"{place}.guests.email"] = declared.guests.email
            wanted |= {f"{place}.guests.match": each for each in declared.guests.match}
        for key, name in wanted.items():
            self._column(key, name, table)
        self._key(f"{place}.key", declared.key, table)
        if frozenset({declared.key.column}) not in table.unique and declared.key.column in table.columns:
            if table.unique and not declared.path.endswith(".categories"):
                self.add(Level.WARNING, f"{place}.key", f'nothing says that "{declared.key.column}" is unique')
        if declared.parent in table.columns and declared.parent not in table.leading:
            what = declared.path.rpartition(".")[0] or "customers"
            said = f'no index begins with "{declared.parent}", by which the rows of {what} are found'
            self.slow(declared.path, f"{place}.parent", said)
        self._moment(declared, shop, table)
        for each in declared.fields.values():
            if isinstance(each.place, Reference) and each.place.join is None:
                self._field(f"{place}.fields.{each.name}", each, str(each.place.name), table)
        if declared.path == "" and any(other.guests for other in shop.relations.values()):
            self._email(declared, table)

    def _moment(self, declared: RelationDeclaration, shop: ShopDeclaration, table: _Table) -> None:
        """Rules ask for recent rows by the moment of their relation."""
        for relation in shop.vocabulary:
            rows = relation.rows
            if rows is not None and rows.path == declared.path and rows.moment is not None:
                found = declared.fields.get(rows.moment)
                if found is None or not isinstance(found.place, Reference) or found.place.join is not None:
                    return
                name = str(found.place.name)
                if name in table.columns and name not in table.indexed:
                    place = f"{declared.label}.fields.{found.name}"
                    self.slow(declared.path, place, f'no index has "{name}", by which recent rows are found')
                return

    def _email(self, declared: RelationDeclaration, table: _Table) -> None:
        email = email_column(declared)
        if email is not None and email not in table.leading:
            said = f'no index on "{email}", by which guests are found (an index on lower({email}) serves best)'
            self.slow("", f"{declared.label}.fields.email", said)

    def _join(self, join: Join, declared: RelationDeclaration) -> None:
        place = f"{declared.label}.joins.{join.name}"
        table = self.table(join.table, join.schema)
        if table is None:
            self._absent(f"{place}.table", join.table, join.table, join.schema)
            return
        self._column(f"{place}.key", join.key, table)
        if join.attribute is None:
            if frozenset({join.key}) not in table.unique and join.key in table.columns and table.unique:
                self.add(
                    Level.ERROR, f"{place}.key", f'nothing says that "{join.key}" is unique: rows would come twice'
                )
        else:
            self._column(f"{place}.attribute", join.attribute, table)
            self._column(f"{place}.value", str(join.value), table)
            named = frozenset({join.key, join.attribute})
            if join.unique and not any(each <= named for each in table.unique):
                said = f"no unique index says that ({join.key}, {join.attribute}) comes once"
                self.add(Level.WARNING, f"{place}.unique", said)
            if join.key in table.columns and join.key not in table.leading:
                self.slow(declared.path, f"{place}.key", f'no index begins with "{join.key}"')
        for each in declared.fields.values():
            if isinstance(each.place, Reference) and each.place.join == join.name and join.attribute is None:
                self._field(f"{declared.label}.fields.{each.name}", each, str(each.place.name), table, joined=True)

    def _absent(self, place: str, shown: str, name: str, schema: str | None) -> None:
        self.add(Level.ERROR, place, f'there is no table "{shown}"{_meant(name, self.names(schema))}')

    def _column(self, place: str, name: str, table: _Table) -> Any:
        found = table.columns.get(name)
        if found is None:
            said = f'table "{table.name}" has no column "{name}"{_meant(name, table.columns)}'
            self.add(Level.ERROR, place, said)
        return found

    def _key(self, place: str, key: Key, table: _Table) -> None:
        """Numbers, texts and UUIDs are kept and compared as such, so the file has to say which."""
        live = table.columns.get(key.column, {}).get("type")
        kind = "uuid" if isinstance(live, sa.Uuid) else "text" if isinstance(live, sa.String) else "id"
        kept_as_text = key.type == "uuid" and kind == "text"
        if live is None or kind == key.type or kept_as_text or not isinstance(live, (sa.Integer, sa.Uuid, sa.String)):
            return
        said = f'"{key.column}" is {live}: key = {{ column = "{key.column}", type = "{kind}" }}'
        self.add(Level.ERROR, place, said)

    # --- one field ---

    def _field(self, place: str, field: FieldDeclaration, name: str, table: _Table, *, joined: bool = False) -> None:
        column = self._column(place, name, table)
        if column is None:
            return
        said = _unfit(field, name, column["type"], self.dialect.name)
        if said is not None:
            self.add(Level.ERROR, place, said)
        if field.required and column["nullable"]:
            self.add(Level.ERROR, place, f'is required, but the database allows NULL in "{name}"')


_NUMBERS = (sa.Integer, sa.Numeric, sa.Float)


def _unfit(field: FieldDeclaration, name: str, live: TypeEngine[Any], dialect: str) -> str | None:
    """Why a column cannot keep a field as it is declared, with the way out; None when it can, or when it is unknown."""
    if isinstance(live, sa.types.NullType):
        return None
    on_sqlite, on_mariadb = dialect == "sqlite", dialect in ("mysql", "mariadb")
    is_number, is_text = isinstance(live, _NUMBERS), isinstance(live, (sa.String, sa.Enum))
    shown = f'"{name}" is {live}'
    if field.json:
        return f"{shown}, which holds no JSON" if is_number or isinstance(live, (sa.DateTime, sa.Date)) else None
    match field.kind:
        case Kind.MOMENT if field.kept in UNITS:
            fits = is_number
            way_out = 'kept = "utc", "aware" or a zone says how it keeps moments'
        case Kind.MOMENT:
            if is_number:
                return f'{shown}: kept = "epoch" (or epoch_ms) says that it counts seconds since 1970'
            return _unfit_moment(field, shown, live, dialect, is_text=is_text)
        case Kind.DATE:
            fits = isinstance(live, sa.Date) or (on_sqlite and (is_text or isinstance(live, sa.DateTime)))
            way_out = f'sql = "DATE({name})" reads the day of it'
        case Kind.NUMBER | Kind.ID:
            if field.kept == "decimal" and isinstance(live, sa.Float) and not on_sqlite:
                return f'{shown}, which is not exact: kept = "float" with its decimals says how to round it'
            if field.kept == "decimal" and isinstance(live, sa.Numeric) and (live.scale or 0) > 4 and not on_sqlite:
                return f'{shown}, and rules know 4 decimals: sql = "ROUND({name}, 4)" says how to round it'
            if field.kept == "minor" and isinstance(live, sa.Numeric) and live.scale and not on_sqlite:
                return f"{shown}, which has decimals of its own: it keeps no minor units"
            fits, way_out = is_number or isinstance(live, sa.Boolean), 'sql = "…" may cast it'
        case Kind.YESNO if not field.yes:
            fits = isinstance(live, sa.Boolean) or ((on_sqlite or on_mariadb) and isinstance(live, sa.Integer))
            way_out = "yes = … says what it holds for yes"
        case _:
            wanted = raw_type(field)
            if isinstance(live, postgresql.CITEXT) and field.kind is not Kind.TEXT and field.exact is not False:
                return f"{shown}, which ignores case: write exact = false"
            if isinstance(live, sa.Enum) and dialect == "postgresql" and getattr(live, "name", None):
                return f'{shown}, an ENUM: sql = "{name}::text" reads it as text'
            fits = isinstance(wanted, sa.String) == (is_text or isinstance(live, sa.Uuid)) or (on_sqlite and is_text)
            way_out = (
                "codes = … says what it holds for each choice" if field.kind is Kind.CHOICE else 'sql = "…" may cast it'
            )
            if isinstance(wanted, sa.Boolean):
                fits = isinstance(live, sa.Boolean) or ((on_sqlite or on_mariadb) and isinstance(live, sa.Integer))
    return None if fits else f"{shown}, which cannot hold {_noun(field)}; {way_out}"


def _unfit_moment(
    field: FieldDeclaration, shown: str, live: TypeEngine[Any], dialect: str, *, is_text: bool
) -> str | None:
    if dialect == "sqlite":
        return None if is_text or isinstance(live, (sa.DateTime, sa.Date)) else f"{shown}, which holds no moments"
    if not isinstance(live, sa.DateTime):
        return f'{shown}, which holds no moments; sql = "…" may cast it'
    knows_zone = bool(live.timezone) or isinstance(live, mysql.TIMESTAMP)
    if field.kept == "django":
        return None if knows_zone == (dialect == "postgresql") else f"{shown}, and not as Django keeps moments"
    if knows_zone and field.kept != "aware":
        return f'{shown}, which knows its zone: write kept = "aware"'
    if not knows_zone and field.kept == "aware":
        return f'{shown}, which knows no zone: kept = "utc", or the zone in whose time it is'
    return None


def _noun(field: FieldDeclaration) -> str:
    kind = raw_type(field)
    if isinstance(kind, sa.Boolean):
        return "yes or no"
    if isinstance(kind, _NUMBERS):
        return "numbers"
    return {Kind.DATE: "days", Kind.MOMENT: "moments"}.get(field.kind, "text")


def _meant(name: str, known: Iterable[str]) -> str:
    listed = list(known)
    close = get_close_matches(name, listed, n=1) or [each for each in listed if each.lower() == name.lower()]
    return f'; did you mean "{close[0]}"?' if close else ""


def errors(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Those that are errors."""
    return (each for each in findings if each.level is Level.ERROR)
