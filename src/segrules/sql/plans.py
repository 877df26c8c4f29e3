"""What a database says of a statement before it runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from segrules.sql.functions import engine_name


class _Explain(sa.Executable, ClauseElement):
    """EXPLAIN of a statement, in the form that tells aliases apart."""

    inherit_cache = False

    def __init__(self, statement: sa.Select[Any]) -> None:
        self.statement = statement


_EXPLAIN: dict[str, str] = {
    "sqlite": "EXPLAIN QUERY PLAN",
    "postgresql": "EXPLAIN (FORMAT JSON)",
    "mariadb": "EXPLAIN FORMAT=JSON",
}
_counted = count()


@compiles(_Explain)
def _explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    # Each text is another one: sqlite3 keeps prepared statements, and a kept EXPLAIN shows the plan of then.
    word = _EXPLAIN[engine_name(compiler.dialect.name)]
    return f"{word} /* {next(_counted)} */ {compiler.process(element.statement, **options)}"


def _plan(connection: sa.Connection, statement: sa.Select[Any]) -> Any:
    """The plan of a statement: on SQLite its lines, else the parsed JSON."""
    rows = connection.execute(_Explain(statement)).all()
    if engine_name(connection.dialect.name) == "sqlite":
        return [row[3] for row in rows]
    return json.loads(rows[0][0]) if isinstance(rows[0][0], str) else rows[0][0]


def plan_text(connection: sa.Connection, statement: sa.Select[Any]) -> str:
    """The plan of a statement as text."""
    return json.dumps(_plan(connection, statement), ensure_ascii=False)


def scans(connection: sa.Connection, statement: sa.Select[Any]) -> frozenset[str]:
    """The aliases of the tables that the database reads from end to end, or builds an index of each time."""
    plan = _plan(connection, statement)
    match engine_name(connection.dialect.name):
        case "sqlite":
            return frozenset(name for line in plan if (name := _scanned(line)) is not None)
        case "postgresql":
            return frozenset(_found(plan, "Alias", "Node Type", "Seq Scan"))
        case "mariadb":
            return frozenset(_found(plan, "table_name", "access_type", "ALL"))
        case _:
            return frozenset()


def _scanned(line: str) -> str | None:
    """SQLite's ``SCAN alias`` and ``SEARCH alias USING AUTOMATIC … INDEX``; not a scan of an index."""
    words = line.split()
    if words[0] == "SCAN" and "INDEX" not in words:
        return words[1]
    return words[1] if words[0] == "SEARCH" and "AUTOMATIC" in words else None


def _found(plan: Any, name: str, key: str, value: str) -> Iterator[str]:
    if isinstance(plan, list):
        for each in plan:
            yield from _found(each, name, key, value)
    elif isinstance(plan, dict):
        if plan.get(key) == value and name in plan:
            yield plan[name]
        for each in plan.values():
            yield from _found(each, name, key, value)
