"""A first mapping file from a database: tables and columns by their names, types and foreign keys.

What is not certain is marked ``# guess:`` with its reason, for a person to look at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any

import sqlalchemy as sa
from attrs import define, field, frozen

from segrules.algebra import Kind
from segrules.condition import Amount, Choice
from segrules.errors import ShopError
from segrules.shop.kept import Entity, Kept, customer_of
from segrules.shop.synonyms import COLUMNS, TABLES
from segrules.vocabulary import Vocabulary

_NUMBERS = (sa.Integer, sa.Numeric, sa.Float)
#: A column with more different values is no choice.
_MOST_CHOICES = 12
_CLOSE = 0.86


@frozen(eq=False)
class _Table:
    """A table as the database describes it."""

    name: str
    columns: dict[str, Any]
    key: str | None
    points: dict[str, tuple[str, str]]

    def singular(self) -> str:
        return _singular(self.name)


@define
class _Line:
    """One line of the file, with the reason why it is a guess."""

    text: str
    guess: str | None = None

    def __str__(self) -> str:
        return self.text if self.guess is None else f"{self.text}  # guess: {self.guess}"


@define
class _Found:
    """A relation that a table was taken for."""

    path: str
    table: _Table
    parent: str | None
    parent_key: str | None
    why: str | None
    fields: dict[str, tuple[str, str | None]] = field(factory=dict)
    #: Tables that the rows point to: the column, the table and what it points to there, and the fields that it has.
    joins: dict[str, tuple[str, str, str]] = field(factory=dict)
    joined: dict[str, tuple[str, str]] = field(factory=dict)


def guessed(
    engine: sa.Engine, vocabulary: Vocabulary | None = None, *, schema: str | None = None, timezone: str = "UTC"
) -> str:
    """The text of a first mapping file. ShopError when no table looks like one of customers."""
    words = vocabulary if vocabulary is not None else Vocabulary.installed()
    with engine.connect() as connection:
        return _Guesser(connection, words, schema, timezone).text()


class _Guesser:
    def __init__(self, connection: sa.Connection, vocabulary: Vocabulary, schema: str | None, timezone: str) -> None:
        self.connection = connection
        self.vocabulary = vocabulary
        self.schema = schema
        self.timezone = timezone
        self.on_sqlite = connection.dialect.name == "sqlite"
        self.tables = {each.name: each for each in _reflected(sa.inspect(connection.engine), schema)}
        self.found: dict[str, _Found] = {}
        self.canceled: list[str] | None = None
        self.closed: list[str] | None = None

    def text(self) -> str:
        customer = customer_of(self.vocabulary)
        self._relation("", customer)
        for link, entity in customer.links.items():
            self._descend(link, entity)
        times, money = self._usual()
        head = ["# Written from the database by its names and types. Look at every guess, then run: segrules doctor"]
        head += [
            f'timezone = "{self.timezone}"'
            + ("  # guess: whose days are the shop's?" if self.timezone == "UTC" else "")
        ]
        head += [f'schema = "{self.schema}"'] if self.schema else []
        head += [f'times = "{times}"'] if times != "utc" else []
        cents = "  # guess: whole numbers are taken for cents" if money == "minor" else ""
        head += [f'money = "{money}"{cents}'] if money != "decimal" else []
        body = [line for found in self.found.values() for line in self._section(found, times, money)]
        if self.canceled is not None:
            body += ["", "[statuses]"]
            body += [f"canceled = {_list(self.canceled)}  # guess: orders that do not count at all"]
            body += [f"closed = {_list(self.closed or [])}  # guess: orders that were paid back"]
        return "\n".join(map(str, [*head, *body])) + "\n"

    def _descend(self, path: str, entity: Entity) -> None:
        if not self._relation(path, entity):
            return
        for link, below in entity.links.items():
            self._descend(f"{path}.{link}", below)

    # --- tables ---

    def _relation(self, path: str, entity: Entity) -> bool:
        names = TABLES.get(path, (_singular(path),))
        taken = {each.table.name for each in self.found.values()}
        ranked = sorted(
            ((self._rank(table, names, path), name) for name, table in self.tables.items() if name not in taken),
            reverse=True,
        )
        for rank, name in ranked:
            if rank <= 0:
                break
            table = self.tables[name]
            pointer = self._pointer(table, path)
            if pointer is None:
                continue
            parent, parent_key, why = pointer
            certain = table.singular() in (_singular(path or "customers"), *names[:2]) and rank > 0
            sounds = f'its name is like "{names[0]}"' if rank > 0.5 or path else "it has a column of e-mails"
            reason = None if certain and why is None else why or sounds
            found = self.found[path] = _Found(path, table, parent, parent_key, reason)
            used = {each for each in (parent, table.key) if each is not None}
            self._fields(found, entity, used)
            return True
        if path == "":
            if not self.tables:
                schemas = ", ".join(sa.inspect(self.connection).get_schema_names())
                where = f'the schema "{self.schema}"' if self.schema else "the usual schema"
                raise ShopError(f"{where} has no tables; the schemas of this database are {schemas}")
            listed = ", ".join(sorted(self.tables))
            raise ShopError(f"no table looks like one of customers; there is {listed}: write the file by hand")
        return False

    def _rank(self, table: _Table, names: tuple[str, ...], path: str) -> float:
        name = table.singular()
        best = max(
            (1.0 - place / 100 if name == each else 0.7 - place / 100 if name.endswith(each) else 0.0)
            for place, each in enumerate(names)
        )
        if path == "" and any(_bare(each) in ("email", "mail", "emailaddress") for each in table.columns):
            others = [each for other, listed in TABLES.items() if other for each in listed]
            best += 0.5 if best else 0.0 if table.singular() in others else 0.3
        if best and table.key is None:
            best -= 0.4
        return best

    def _pointer(self, table: _Table, path: str) -> tuple[str | None, str | None, str | None] | None:
        """The column that points to the parent, what it points to there unless its key, and why it is a guess."""
        if table.key is None:
            return None
        if path == "":
            return None, None, None
        parent = self.found[path.rpartition(".")[0]].table
        for column, (target, far) in table.points.items():
            if target == parent.name:
                return column, None if far == parent.key else far, None
        wanted = {f"{parent.singular()}id", f"{_singular(path.rpartition('.')[0] or 'customers')}id"}
        for column in table.columns:
            if _bare(column) in wanted or (column == parent.key and column != "id" and column != table.key):
                return column, None, f'no foreign key says that "{column}" points to {parent.name}'
        return None

    # --- fields ---

    def _fields(self, found: _Found, entity: Entity, used: set[str]) -> None:
        own, points = found.table.columns, found.table.points
        left = {name: column for name, column in own.items() if name not in used}
        wanted = {name: kept for name, kept in entity.fields.items() if name not in ("id", "segments", "total_amount")}
        for how in (_same_name, _other_name, _close_name):
            for name, kept in wanted.items():
                if name in found.fields:
                    continue
                fits = (
                    each
                    for each in left
                    if how(name, each)
                    and self._can(kept, left[each]["type"])
                    and not (each in points and kept.kind is Kind.CHOICE)
                )
                column = next(fits, None)
                if column is not None:
                    del left[column]
                    reason = None if how is _same_name else f'"{column}" sounds like {name}'
                    found.fields[name] = (column, reason)

        self._join(found, {name: kept for name, kept in wanted.items() if name not in found.fields})

    def _join(self, found: _Found, wanted: dict[str, Kept]) -> None:
        """What stands in other tables that the rows point to: codes of groups and stores, and the product."""
        for column, (name, far) in found.table.points.items():
            table = self.tables.get(name)
            if table is None or column == found.parent:
                continue
            word = _bare(column).removesuffix("id")
            for own in [each for each in wanted if word and _bare(each) == word and each not in found.joined]:
                code = next((each for each in ("code", "name", "title") if each in table.columns), None)
                if code is not None:
                    found.joins[own] = (column, name, far or str(table.key))
                    found.joined[own] = (own, code)
            if word != "product":
                continue
            for own in ("sku", "name", "price", "type"):
                like = (each for how in (_same_name, _other_name) for each in table.columns if how(own, each))
                fits = (each for each in like if self._can(wanted[own], table.columns[each]["type"]))
                target = next(fits, None) if own in wanted else None
                if target is not None:
                    found.joins["product"] = (column, name, far or str(table.key))
                    found.joined[own] = ("product", target)

    def _can(self, kept: Kept, live: Any) -> bool:
        """Whether a column of this type can keep such a field."""
        is_number = isinstance(live, _NUMBERS)
        is_text = isinstance(live, (sa.String, sa.Enum))
        match kept.kind:
            case Kind.NUMBER:
                return is_number
            case Kind.ID:
                return isinstance(live, sa.Integer)
            case Kind.YESNO:
                return isinstance(live, (sa.Boolean, sa.Integer))
            case Kind.DATE:
                return isinstance(live, (sa.Date, sa.DateTime)) or (self.on_sqlite and is_text)
            case Kind.MOMENT:
                return isinstance(live, sa.DateTime) or is_number or (self.on_sqlite and is_text)
            case Kind.CHOICE:
                return is_text or isinstance(live, (sa.Integer, sa.Boolean))
            case _:
                return is_text

    def _usual(self) -> tuple[str, str]:
        """How most moments and most amounts are kept."""
        times: Counter[str] = Counter()
        money: Counter[str] = Counter()
        for found in self.found.values():
            kept = customer_of(self.vocabulary).below(found.path).fields
            for name, (column, _) in found.fields.items():
                live = found.table.columns[column]["type"]
                if kept[name].kind is Kind.MOMENT:
                    times[self._time(found.table, column, live)[0]] += 1
                elif isinstance(kept[name].type, Amount):
                    money[_money(live, column)[0]] += 1
        return (times.most_common(1) or [("utc", 0)])[0][0], (money.most_common(1) or [("decimal", 0)])[0][0]

    def _section(self, found: _Found, times: str, money: str) -> Iterator[_Line | str]:
        yield ""
        yield f"[{found.path or 'customer'}]"
        yield _Line(
            f"table = {_text(found.table.name)}", found.why if not found.parent or _is_name(found.why) else None
        )
        key = str(found.table.key)
        kind = _key_type(found.table.columns[key]["type"])
        if kind is not None:
            yield f'key = {{ column = {_text(key)}, type = "{kind}" }}'
        elif key != "id":
            yield f"key = {_text(key)}"
        if found.parent is not None:
            yield _Line(f"parent = {_text(found.parent)}", None if _is_name(found.why) else found.why)
        if found.parent_key is not None:
            yield _Line(f"parent_key = {_text(found.parent_key)}")
        kept = customer_of(self.vocabulary).below(found.path).fields
        lines, same = [], []
        for name, (column, reason) in found.fields.items():
            value, why = self._written(found, name, kept[name], column, times, money)
            if value is None and reason is None and why is None and name == column:
                same.append(name)
            else:
                reasons = "; ".join(each for each in (reason, why) if each)
                lines.append(_Line(f"{name} = {value or _text(column)}", reasons or None))
        if same:
            yield f"same = {_list(same)}"
        if found.path == "carts" and "is_active" in found.table.columns and "status" not in found.fields:
            yes, no = ("true", "false") if isinstance(found.table.columns["is_active"]["type"], sa.Boolean) else (1, 0)
            found.joined["status"] = ("", f'{{ column = "is_active", codes = {{ active = {yes}, inactive = {no} }} }}')
        for name, (join, target) in found.joined.items():
            lines.append(_Line(f"{name} = {_text(f'{join}.{target}') if join else target}"))
        used = {column for column, _ in found.fields.values()} | {found.parent, found.table.key}
        used |= {column for column, _, _ in found.joins.values()} | (
            {"is_active"} if "status" in found.joined else set()
        )
        left = [name for name in found.table.columns if name not in used]
        if left:
            yield f"# not mapped: {', '.join(left)}"
        for name, (column, table, key) in found.joins.items():
            keyed = "" if key == "id" else f", key = {_text(key)}"
            yield f"joins.{name} = {{ table = {_text(table)}, on = {_text(column)}{keyed} }}"
        if lines:
            yield ""
            yield f"[{found.path or 'customer'}.fields]"
            yield from lines

    # --- how a column keeps a field ---

    def _written(
        self, found: _Found, name: str, kept: Kept, column: str, times: str, money: str
    ) -> tuple[str | None, str | None]:
        """A field as a table of the file, where its column's name does not say it all, and why it is a guess."""
        live = found.table.columns[column]["type"]
        at = f"column = {_text(column)}"
        match kept.kind:
            case Kind.MOMENT:
                how, why = self._time(found.table, column, live)
                return (None if how == times else f'{{ {at}, kept = "{how}" }}'), why
            case Kind.DATE if isinstance(live, sa.DateTime) and not self.on_sqlite:
                return f'{{ sql = "DATE({column})" }}', None
            case Kind.NUMBER if kept.is_whole:
                return None, None
            case Kind.NUMBER:
                how, decimals, why = _money(live, column)
                if how == "decimal" and decimals > 4:
                    return f'{{ sql = "ROUND({column}, 4)" }}', f"it has {decimals} decimals"
                is_money = isinstance(kept.type, Amount)
                usual = money if is_money else "decimal"
                if not is_money and how == "minor":
                    return None, None
                if how == usual:
                    return None, None
                return f'{{ {at}, kept = "{how}" }}', why if is_money else None
            case Kind.YESNO if not isinstance(live, sa.Boolean) and self.connection.dialect.name == "postgresql":
                return f"{{ {at}, yes = 1 }}", "1 means yes"
            case Kind.CHOICE:
                return self._choice(found, name, kept, column, live)
            case _:
                return None, None

    def _time(self, table: _Table, column: str, live: Any) -> tuple[str, str | None]:
        if isinstance(live, _NUMBERS):
            high = self.connection.scalar(sa.select(sa.func.max(sa.column(column))).select_from(self._table(table)))
            present = datetime.now(UTC).timestamp()
            for how, units in (("epoch", 1), ("epoch_ms", 1000), ("epoch_us", 1_000_000)):
                if high is not None and 0.2 < float(high) / (present * units) < 1.5:
                    return how, None
            return "epoch", f"its largest number is {high}"
        if isinstance(live, sa.DateTime) and (live.timezone or isinstance(live, sa.TIMESTAMP)):
            aware = bool(live.timezone) or self.connection.dialect.name in ("mysql", "mariadb")
            return ("aware" if aware else "utc"), None
        return "utc", None

    def _choice(self, found: _Found, name: str, kept: Kept, column: str, live: Any) -> tuple[str | None, str | None]:
        values = self._values(found.table, column)
        known = kept.type.values if isinstance(kept.type, Choice) else tuple(sorted(kept.read)) or None
        if values is None or (known is None and all(isinstance(each, str) for each in values)):
            return None, None
        if all(isinstance(each, str) for each in values) and set(values) <= set(known or ()):
            return None, None
        at = f"column = {_text(column)}"
        is_status = found.path == "orders" and name == "status"
        if kept.type is None or kept.read - {"canceled", "closed"}:
            return None, f"it holds {', '.join(map(repr, values))}; write codes for {', '.join(known or ())}"
        if all(isinstance(each, str) for each in values):
            if is_status:
                self.canceled = [each for each in values if re.search("cancel|storn|annul|fail", each.lower())]
                self.closed = [each for each in values if re.search("refund|closed|return", each.lower())]
            return f"{{ {at}, choices = {_list(values)} }}", "these are the values that it holds"
        if is_status:
            self.canceled, self.closed = [], []
        codes = ", ".join(f"{name}_{each} = {_code(each)}" for each in values)
        return f"{{ {at}, codes = {{ {codes} }} }}", "give the codes names"

    def _values(self, table: _Table, column: str) -> list[Any] | None:
        """The different values of a column; None when there are none, or many."""
        query: sa.Select[Any] = (
            sa.select(sa.column(column)).select_from(self._table(table)).distinct().limit(_MOST_CHOICES + 1)
        )
        found = [each for each in self.connection.scalars(query) if each is not None]
        return sorted(found, key=str) if 0 < len(found) <= _MOST_CHOICES else None

    def _table(self, table: _Table) -> sa.TableClause:
        return sa.table(table.name, schema=self.schema)


def _reflected(inspector: sa.Inspector, schema: str | None) -> Iterator[_Table]:
    for name in inspector.get_table_names(schema=schema):
        columns = {each["name"]: each for each in inspector.get_columns(name, schema=schema)}
        try:
            keys = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
            foreign = inspector.get_foreign_keys(name, schema=schema)
        except (NotImplementedError, sa.exc.SQLAlchemyError):  # DuckDB tells no keys in this way
            keys, foreign = [each for each in columns if each == "id"], []
        points = {
            each["constrained_columns"][0]: (each["referred_table"], (each["referred_columns"] or [""])[0])
            for each in foreign
            if len(each["constrained_columns"]) == 1
        }
        yield _Table(name, columns, keys[0] if len(keys) == 1 else None, points)


def _key_type(live: Any) -> str | None:
    """What a key is when it is no whole number."""
    return "uuid" if isinstance(live, sa.Uuid) else "text" if isinstance(live, sa.String) else None


def _money(live: Any, column: str) -> tuple[str, int, str | None]:
    """How a column keeps amounts, its decimals, and why that is a guess."""
    if isinstance(live, sa.Float):
        return "float", 2, None
    if isinstance(live, sa.Integer):
        sure = re.search("cent|minor|pence", column.lower())
        return "minor", 2, None if sure else "whole numbers are taken for cents"
    return "decimal", getattr(live, "scale", None) or 0, None


def _same_name(name: str, column: str) -> bool:
    return name == column


def _other_name(name: str, column: str) -> bool:
    return _bare(column) in {_bare(each) for each in (name, *COLUMNS.get(name, ()))}


def _close_name(name: str, column: str) -> bool:
    return SequenceMatcher(None, _bare(name), _bare(column)).ratio() >= _CLOSE


def _is_name(why: str | None) -> bool:
    return why is not None and why.startswith("its name")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _singular(name: str) -> str:
    bare = _bare(name)
    if bare.endswith("ies"):
        return bare[:-3] + "y"
    if bare.endswith("sses"):
        return bare[:-2]
    return bare[:-1] if bare.endswith("s") and not bare.endswith("ss") else bare


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _code(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else _text(value) if isinstance(value, str) else str(value)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
