"""What a live database tells of its tables, where its dialect can tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from attrs import frozen


def keys(inspector: sa.Inspector, table: str, schema: str | None) -> list[tuple[tuple[str | None, ...], bool]]:
    """The columns of the primary key, of each index and unique constraint, in their order, and whether they are unique.

    None stands for an expression in an index. What the dialect cannot tell is missing.
    """
    found: list[tuple[tuple[str | None, ...], bool]] = []
    with suppress(NotImplementedError, sa.exc.SQLAlchemyError):
        found.append((tuple(inspector.get_pk_constraint(table, schema=schema)["constrained_columns"]), True))
        for index in inspector.get_indexes(table, schema):
            found.append((tuple(index["column_names"]), bool(index.get("unique"))))
        for constraint in inspector.get_unique_constraints(table, schema):
            found.append((tuple(constraint["column_names"]), True))
    return [(names, unique) for names, unique in found if names]


@frozen(eq=False)
class Table:
    """A table as the database describes it: its columns, its key, and by column the table and column it points to."""

    name: str
    columns: dict[str, Any]
    key: str | None
    points: dict[str, tuple[str, str]]

    def singular(self) -> str:
        """Its name as one of its rows would be called."""
        return singular(self.name)


def tables(inspector: sa.Inspector, schema: str | None) -> Iterator[Table]:
    """Every table of a schema."""
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
        yield Table(name, columns, keys[0] if len(keys) == 1 else None, points)


def bare(name: str) -> str:
    """The letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def singular(name: str) -> str:
    """A plural name without its ending, as far as English goes."""
    word = bare(name)
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
