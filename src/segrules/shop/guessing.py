"""A first mapping file from a database: tables and columns by their names, types and foreign keys.

What is not certain is marked ``# guess:`` with its reason, for a person to look at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules.algebra import Kind
from segrules.condition import Amount
from segrules.errors import ShopError
from segrules.shop.guessing_columns import TEXTS, Columns, listed, money_in, text
from segrules.shop.kept import Entity, Kept, customer_of
from segrules.shop.reflecting import Table, bare, singular, tables
from segrules.shop.synonyms import COLUMNS, TABLES
from segrules.vocabulary import Vocabulary

_CLOSE = 0.86


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
    table: Table
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
        self.columns = Columns(connection, schema)
        self.tables = {each.name: each for each in tables(sa.inspect(connection.engine), schema)}
        self.found: dict[str, _Found] = {}

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
        if self.columns.canceled is not None:
            body += ["", "[statuses]"]
            body += [f"canceled = {listed(self.columns.canceled)}  # guess: orders that do not count at all"]
            body += [f"closed = {listed(self.columns.closed or [])}  # guess: orders that were paid back"]
        left = self._left_out()
        body += ["", f"# tables left out: {', '.join(left)}"] if left else []
        return "\n".join(map(str, [*head, *body])) + "\n"

    def _descend(self, path: str, entity: Entity) -> None:
        if not self._relation(path, entity):
            return
        for link, below in entity.links.items():
            self._descend(f"{path}.{link}", below)

    # --- tables ---

    def _relation(self, path: str, entity: Entity) -> bool:
        names = TABLES.get(path, (singular(path),))
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
            certain = table.singular() in (singular(path or "customers"), *names[:2]) and rank > 0
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

    def _rank(self, table: Table, names: tuple[str, ...], path: str) -> float:
        name = table.singular()
        best = max(
            (1.0 - place / 100 if name == each else 0.7 - place / 100 if name.endswith(each) else 0.0)
            for place, each in enumerate(names)
        )
        if path == "" and any(bare(each) in ("email", "mail", "emailaddress") for each in table.columns):
            others = [each for other, listed in TABLES.items() if other for each in listed]
            best += 0.5 if best else 0.0 if table.singular() in others else 0.3
        if best and table.key is None:
            best -= 0.4
        return best

    def _pointer(self, table: Table, path: str) -> tuple[str | None, str | None, str | None] | None:
        """The column that points to the parent, what it points to there unless its key, and why it is a guess."""
        if table.key is None:
            return None
        if path == "":
            return None, None, None
        parent = self.found[path.rpartition(".")[0]].table
        for column, (target, far) in table.points.items():
            if target == parent.name:
                return column, None if far == parent.key else far, None
        wanted = {f"{parent.singular()}id", f"{singular(path.rpartition('.')[0] or 'customers')}id"}
        for column in table.columns:
            if bare(column) in wanted or (column == parent.key and column != "id" and column != table.key):
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
                    and self.columns.can(kept, found.table, each)
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
            word = bare(column).removesuffix("id")
            for own in [each for each in wanted if word and bare(each) == word and each not in found.joined]:
                code = next((each for each in ("code", "name", "title") if each in table.columns), None)
                if code is not None:
                    found.joins[own] = (column, name, far or str(table.key))
                    found.joined[own] = (own, code)
            if word != "product":
                continue
            for own in ("sku", "name", "price", "type"):
                like = (each for how in (_same_name, _other_name) for each in table.columns if how(own, each))
                fits = (each for each in like if self.columns.can(wanted[own], table, each))
                target = next(fits, None) if own in wanted else None
                if target is not None:
                    found.joins["product"] = (column, name, far or str(table.key))
                    found.joined[own] = ("product", target)

    def _usual(self) -> tuple[str, str]:
        """How most moments and most amounts are kept."""
        times: Counter[str] = Counter()
        money: Counter[str] = Counter()
        for found in self.found.values():
            kept = customer_of(self.vocabulary).below(found.path).fields
            for name, (column, _) in found.fields.items():
                live = found.table.columns[column]["type"]
                if kept[name].kind is Kind.MOMENT:
                    times[self.columns.time(found.table, column, live)[0]] += 1
                elif isinstance(kept[name].type, Amount):
                    money[money_in(live, column)[0]] += 1
        return (times.most_common(1) or [("utc", 0)])[0][0], (money.most_common(1) or [("decimal", 0)])[0][0]

    def _section(self, found: _Found, times: str, money: str) -> Iterator[_Line | str]:
        yield ""
        yield f"[{found.path or 'customer'}]"
        yield _Line(f"table = {text(found.table.name)}", found.why if not found.parent or _is_name(found.why) else None)
        key = str(found.table.key)
        kind = _key_type(found.table.columns[key]["type"])
        if kind is not None:
            yield f'key = {{ column = {text(key)}, type = "{kind}" }}'
        elif key != "id":
            yield f"key = {text(key)}"
        if found.parent is not None:
            yield _Line(f"parent = {text(found.parent)}", None if _is_name(found.why) else found.why)
        if found.parent_key is not None:
            yield _Line(f"parent_key = {text(found.parent_key)}")
        kept = customer_of(self.vocabulary).below(found.path).fields
        lines, same = [], []
        for name, (column, reason) in found.fields.items():
            value, why = self.columns.written(
                found.path, found.table, name, kept[name], column, times=times, money=money
            )
            if value is None and reason is None and why is None and name == column:
                same.append(name)
            else:
                reasons = "; ".join(each for each in (reason, why) if each)
                lines.append(_Line(f"{name} = {value or text(column)}", reasons or None))
        if same:
            yield f"same = {listed(same)}"
        if found.path == "carts" and "is_active" in found.table.columns and "status" not in found.fields:
            codes = self._active_and_not(found.table)
            found.joined["status"] = ("", f'{{ column = "is_active", codes = {{ {codes} }} }}')
        for name, (join, target) in found.joined.items():
            lines.append(_Line(f"{name} = {text(f'{join}.{target}') if join else target}"))
        used = {column for column, _ in found.fields.values()} | {found.parent, found.table.key}
        used |= {column for column, _, _ in found.joins.values()} | (
            {"is_active"} if "status" in found.joined else set()
        )
        left = [name for name in found.table.columns if name not in used]
        if left:
            yield f"# not mapped: {', '.join(left)}"
        for name, (column, table, key) in found.joins.items():
            keyed = "" if key == "id" else f", key = {text(key)}"
            yield f"joins.{name} = {{ table = {text(table)}, on = {text(column)}{keyed} }}"
        if lines:
            yield ""
            yield f"[{found.path or 'customer'}.fields]"
            yield from lines

    def _active_and_not(self, table: Table) -> str:
        live = table.columns["is_active"]["type"]
        if isinstance(live, sa.Boolean):
            return "active = true, inactive = false"
        flag = self.columns.flag(table, "is_active") if isinstance(live, TEXTS) else None
        if flag is None:
            return "active = 1, inactive = 0"
        yes, no = flag
        return f"active = {text(yes)}" + ("" if no is None else f", inactive = {text(no)}")

    def _left_out(self) -> list[str]:
        """The tables that nothing of the file names."""
        used = {each.table.name for each in self.found.values()}
        used |= {name for each in self.found.values() for _, name, _ in each.joins.values()}
        return sorted(set(self.tables) - used)


def _key_type(live: Any) -> str | None:
    """What a key is when it is no whole number."""
    return "uuid" if isinstance(live, sa.Uuid) else "text" if isinstance(live, sa.String) else None


def _same_name(name: str, column: str) -> bool:
    return name == column


def _other_name(name: str, column: str) -> bool:
    """Whether a column is called as others call the field; that it counts cents says nothing about what it is."""
    known = {bare(each) for each in (name, *COLUMNS.get(name, ()))}
    return bare(column) in known or re.sub("(cents?|minor)$", "", bare(column)) in known


def _close_name(name: str, column: str) -> bool:
    return SequenceMatcher(None, bare(name), bare(column)).ratio() >= _CLOSE


def _is_name(why: str | None) -> bool:
    return why is not None and why.startswith("its name")
