"""Nested customers written into a shop's tables, by the same mapping by which rules read them.

What a row only points to (a store, a group, a product) becomes a record of its own. So a plugin's table is written
like ours, without a line about it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules.shop.mapping import Lookup, Stored
from segrules.shop.shop import Shop
from segrules.testing.shapes import SINGLE

Row = dict[str, Any]


def insert(connection: sa.Connection, shop: Shop, customers: Iterable[Mapping[str, Any]]) -> None:
    """Writes customers, all their rows and what these point to into empty tables of the shop."""
    writer = _Writer(shop)
    for customer in customers:
        writer.row("", customer, None)
    for table, rows in writer.rows().items():
        connection.execute(sa.insert(table), rows)


def clear(connection: sa.Connection, shop: Shop) -> None:
    """Deletes every row of every table that the shop's mapping reads."""
    for table in reversed(_in_order(shop)):
        connection.execute(sa.delete(table))


def _in_order(shop: Shop) -> list[sa.Table]:
    tables = shop.mapping.tables
    metadata = next(iter(tables)).metadata
    return [table for table in metadata.sorted_tables if table in tables]


@define
class _Writer:
    shop: Shop
    written: dict[sa.Table, list[Row]] = field(factory=dict)
    records: dict[sa.Table, dict[int, Row]] = field(factory=dict)
    linked: set[tuple[Any, ...]] = field(factory=set)
    numbers: int = 1_000_000

    def row(self, path: str, row: Mapping[str, Any], above: Row | None) -> None:
        """One row with all rows below it; ``above`` holds the columns of the row that it belongs to."""
        entity = self.shop.mapping.entity(path)
        table = _table(entity.source)
        columns: Row = {_name(entity.key): row.get("id") or self.next_number()}
        if above is not None:
            assert entity.parent_column is not None
            parent_key = entity.parent_key
            if parent_key is None:
                parent_key = self.shop.mapping.entity(path.rpartition(".")[0]).key
            columns[_name(entity.parent_column)] = above[_name(parent_key)]
        pointed: dict[str, tuple[Lookup, Row]] = {}
        for name, stored in entity.fields.items():
            if name in row and name != "id":
                if stored.via is None:
                    columns[_name(stored.column)] = _kept(stored, row[name])
                else:
                    self.look_up(pointed, stored, row[name])
        self.point_to_product(path, row, columns, pointed)
        for near, (lookup, values) in pointed.items():
            columns[near] = self.find(lookup, values) if any(each is not None for each in values.values()) else None
        self.written.setdefault(table, []).append(columns)
        self.rows_below(path, row, columns)

    def rows_below(self, path: str, row: Mapping[str, Any], columns: Row) -> None:
        for link, value in row.items():
            below = f"{path}.{link}" if path else link
            if not value or below not in self.shop.mapping.entities:
                continue
            for each in [value] if isinstance(value, Mapping) else value:
                if self.shop.mapping.entity(below).parent_key is not None:
                    self.link(below, each, columns)
                else:
                    self.row(below, each, columns)
                    if below in SINGLE and each.get("id", 0) % 2:
                        self.row(below, _earlier(each), columns)

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    # --- what rows point to ------------------------------------------------------------------------

    def look_up(self, pointed: dict[str, tuple[Lookup, Row]], stored: Stored, value: Any) -> None:
        """Notes a value that the record has to which a column of this row points."""
        name, lookup = _name(stored.column), stored.via
        assert lookup is not None
        while lookup.through is not None:
            value = None if value is None else self.find(lookup, {name: value})
            name, lookup = _name(lookup.near), lookup.through
        if value is not None or lookup.through is None:
            values = pointed.setdefault(_name(lookup.near), (lookup, {}))[1]
            values[name] = value

    def find(self, lookup: Lookup, values: Row) -> int:
        """The number of the record that agrees with all that is known, or of a new one."""
        known = self.records.setdefault(_table(lookup.table), {})
        for number, record in known.items():
            if all(record.get(name, value) == value for name, value in values.items()):
                record.update(values)
                return number
        number = len(known) + 1
        known[number] = dict(values)
        return number

    def point_to_product(
        self, path: str, row: Mapping[str, Any], columns: Row, pointed: dict[str, tuple[Lookup, Row]]
    ) -> None:
        """The product of the row exists: the one that the row names, else one of its own."""
        categories = self.shop.mapping.entities.get(f"{path}.categories")
        if categories is None or categories.parent_key is None:
            return
        column = categories.parent_key
        _lookup, values = pointed.pop(_name(column), (None, {}))
        number = columns.get(_name(column))
        if number is None and (row.get("categories") or values or not column.nullable):
            number = columns[_name(column)] = self.next_number()
        if number is not None:
            for key in column.foreign_keys:
                self.records.setdefault(key.column.table, {}).setdefault(number, {}).update(values)

    def link(self, path: str, category: Mapping[str, Any], columns: Row) -> None:
        """A row of a table that joins two others, once for each pair."""
        entity = self.shop.mapping.entity(path)
        assert entity.parent_column is not None and entity.parent_key is not None
        lookup = next(stored.via for stored in entity.fields.values() if stored.via is not None)
        values = {_name(stored.column): category.get(name) for name, stored in entity.fields.items() if name != "id"}
        pair = columns[_name(entity.parent_key)], self.find(lookup, values)
        if pair not in self.linked:
            self.linked.add(pair)
            link = {_name(entity.parent_column): pair[0], _name(lookup.near): pair[1]}
            self.written.setdefault(_table(entity.source), []).append(link)

    # --- what is written ---------------------------------------------------------------------------

    def rows(self) -> dict[sa.Table, list[Row]]:
        """All rows by table, in an order in which foreign keys hold, each with every column."""
        tables = _in_order(self.shop)
        for table in reversed(tables):
            for number, record in self.records.get(table, {}).items():
                self.complete(table, number, record)
        found: dict[sa.Table, list[Row]] = {}
        for table in tables:
            key = next(iter(table.primary_key)).key
            rows = [{key: number, **record} for number, record in self.records.get(table, {}).items()]
            rows += self.written.get(table, [])
            if rows:
                found[table] = [{column.key: row.get(column.key) for column in table.c} for row in rows]
        return found

    def complete(self, table: sa.Table, number: int, record: Row) -> None:
        """What a record must have and no customer said: a record to point to, or a text of its own."""
        for column in table.c:
            if column.nullable or column.primary_key or record.get(column.key) is not None:
                continue
            record[column.key] = f"{table.name}-{number}"
            for key in column.foreign_keys:
                others = self.records.setdefault(key.column.table, {})
                others.setdefault(1, {})
                record[column.key] = next(iter(others))


def _earlier(row: Mapping[str, Any]) -> Row:
    """A second row of what a customer in memory has one of, which must not count: same moment, smaller id."""
    status = "unsubscribed" if row.get("status") == "subscribed" else "subscribed"
    return {**row, "status": status, "id": -row["id"]}


def _kept(stored: Stored, value: Any) -> Any:
    if value is None:
        return None
    if stored.codes is not None:
        return stored.codes[value]
    if stored.separator is not None:
        return stored.separator.join(value)
    if stored.scale is not None:
        return int(value.scaleb(stored.scale))
    return int(value) if isinstance(stored.column.type, sa.Integer) else value


def _name(column: sa.ColumnElement[Any]) -> str:
    return str(column.key)


def _table(source: Any) -> sa.Table:
    if not isinstance(source, sa.Table):
        raise TypeError(f"the kit writes into tables only, and {source} is none")
    return source
