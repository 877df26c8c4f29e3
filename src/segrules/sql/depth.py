"""What a database cannot read, or would plan for minutes, is refused before it runs.

SQLite is asked whether a statement is too deep for it, with tables that are empty. DuckDB takes time that grows with
the cube of the number of sub-queries, and from a thousand on an error of its own; they are counted. PostgreSQL and
MariaDB read all that the language allows.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from segrules.errors import BackendError
from segrules.sql.engines import add_functions

#: What SQLite says of a statement that leaves its limits.
_LIMITS = ("parser stack overflow", "Expression tree is too large", "at most 64 tables in a join")
#: Statements with fewer open parentheses and fewer characters stay within them, whatever they say.
_OPEN, _CHARACTERS = 4, 2_000
#: As deep as the statement of a rule stands in others: its members counted, or compared with those of before.
_INSIDE = "SELECT 1 WHERE 1 IN (SELECT 1 FROM ({}))"
#: So many sub-queries DuckDB plans in two seconds; twice as many take it a quarter of a minute.
_PLANNED = 100
_MANY = re.compile(r"__\[POSTCOMPILE_[^]]*]")


def refuse_too_deep(statement: sa.Select[Any], dialect: sa.Dialect) -> None:
    """BackendError when SQLite cannot read a statement, or DuckDB would not be done with planning it."""
    if dialect.name == "duckdb":
        _refuse_too_many(statement)
    if dialect.name != "sqlite":
        return
    text = _MANY.sub("NULL", str(statement.compile(dialect=dialect)))
    if len(text) < _CHARACTERS and _open(text) <= _OPEN:
        return
    said = _said(text, statement, dialect)
    if any(limit in said for limit in _LIMITS):
        raise BackendError(
            f'the rule nests too deep for SQLite, which says "{said}": write it with fewer levels of any, no, every'
            " and parentheses, or run it on PostgreSQL, MariaDB or DuckDB"
        )


def _refuse_too_many(statement: sa.Select[Any]) -> None:
    parts = {each for each in visitors.iterate(statement) if isinstance(each, (sa.Select, sa.CompoundSelect))}
    # a UNION is a table of constants, such as the offsets of a zone
    constants = {each for part in parts if isinstance(part, sa.CompoundSelect) for each in part.selects}
    inside = len(parts - constants) - 1
    if inside > _PLANNED:
        raise BackendError(
            f"the rule makes {inside} sub-queries and DuckDB plans {_PLANNED} at most in reasonable time: write fewer"
            " of any, no, every, count and the like, make segments of parts of the rule, or run it on SQLite,"
            " PostgreSQL or MariaDB"
        )


def _open(text: str) -> int:
    """How many parentheses are open at once, at most."""
    most = now = 0
    for each in re.findall(r"[()]", text):
        now += 1 if each == "(" else -1
        most = max(most, now)
    return most


def _said(text: str, statement: sa.Select[Any], dialect: sa.Dialect) -> str:
    """What SQLite says of a statement about tables like these; nothing when it can read it."""
    with closing(sqlite3.connect(":memory:")) as blank:
        add_functions(blank)
        try:
            _add_tables(blank, statement, dialect)
            blank.execute(f"EXPLAIN {_INSIDE.format(text)}")
        except sqlite3.ProgrammingError:  # it was read: only its parameters are missing
            return ""
        except sqlite3.OperationalError as failure:
            return str(failure)
    return ""


def _add_tables(blank: sqlite3.Connection, statement: sa.Select[Any], dialect: sa.Dialect) -> None:
    preparer = dialect.identifier_preparer
    tables = {each for each in visitors.iterate(statement) if isinstance(each, sa.TableClause)}
    for schema in {each.schema for each in tables if each.schema is not None}:
        blank.execute(f"ATTACH ':memory:' AS {preparer.quote_schema(schema)}")
    for name, columns in {preparer.format_table(each): each.c for each in tables}.items():
        blank.execute(f"CREATE TABLE {name} ({', '.join(preparer.quote(each.name) for each in columns)})")
