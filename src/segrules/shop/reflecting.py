"""What a live database tells of its tables, where its dialect can tell it."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa


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
