"""Which indexes statements want and the database lacks.

Two things have to come together: a statement looks rows of a table up by a column (its own text says so), and the
database reads that table from end to end to answer it (its plan says so) since no index begins with the column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from time import perf_counter
from typing import Any, Literal

import sqlalchemy as sa
from attrs import define, evolve, field, frozen
from sqlalchemy.schema import CreateIndex, DropIndex
from sqlalchemy.sql import ClauseElement, ColumnElement, FromClause, operators, visitors

from segrules.shop.mapping import Mapping
from segrules.shop.reflecting import keys
from segrules.sql.functions import engine_name
from segrules.sql.plans import plan_text, scans

#: Smaller tables are read from end to end by any database, index or not.
FEWEST_ROWS = 1_000
#: A column with fewer values finds too many rows for each.
_FEWEST_VALUES = 20
#: Columns of one index.
_WIDEST = 3
#: The longest text of which MariaDB indexes the whole, in characters of utf8mb4.
_LONGEST_TEXT = 768

_EQUAL = (operators.eq, operators.in_op)
_ORDERED = (operators.lt, operators.le, operators.gt, operators.ge)


@frozen
class Tried:
    """What a created index did for one statement: whether the plan uses it, and seconds without and with it."""

    statement: str
    used: bool
    before: float
    after: float


@frozen(eq=False)
class Advice:
    """An index that a table lacks: its columns in order, the rows of the table, and the statements that want it.

    ``tried``: what it did for each of them, when it was tried.
    """

    table: sa.Table
    columns: tuple[sa.Column[Any], ...]
    rows: int
    wanted_by: tuple[str, ...]
    tried: tuple[Tried, ...] = ()

    @property
    def index(self) -> sa.Index:
        """The index, not created; its name is made from the table and the columns."""
        name = "_".join(("ix", self.table.name, *(each.name for each in self.columns)))
        if len(name) > 60:
            name = f"{name[:51]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        apart = sa.Table(
            self.table.name, sa.MetaData(), *(_bare(each) for each in self.columns), schema=self.table.schema
        )
        return sa.Index(name, *(apart.c[each.name] for each in self.columns))

    def ddl(self, dialect: sa.Dialect) -> str:
        """The CREATE INDEX statement, as the database reads it."""
        return f"{str(CreateIndex(self.index).compile(dialect=dialect)).strip()};"


@frozen
class Use:
    """A table that a statement looks rows up in, by columns that are compared with constants or with other tables."""

    table: sa.Table
    alias: str
    columns: tuple[sa.Column[Any], ...]


def advised(
    connection: sa.Connection,
    mapping: Mapping,
    statements: AnyMapping[str, sa.Select[Any]],
    *,
    fewest_rows: int = FEWEST_ROWS,
) -> list[Advice]:
    """The indexes that these statements want and this database lacks, those wanted most first.

    Nothing is written. DuckDB reads whole columns anyway and gets no advice. Raises what the database raises.
    """
    if engine_name(connection.dialect.name) == "duckdb":
        return []
    there = _Indexes(connection)
    links = _links(mapping)
    wanted: dict[tuple[sa.Table, tuple[sa.Column[Any], ...]], list[str]] = {}
    for name, statement in statements.items():
        lacking = [use for use in uses(statement, links) if not there.begin_with(use.table, use.columns[0])]
        if not lacking:
            continue
        scanned = scans(connection, statement)
        for use in lacking:
            if use.alias in scanned and there.rows(use.table) >= fewest_rows and there.tells_apart(use.columns[0]):
                names = wanted.setdefault((use.table, use.columns), [])
                if name not in names:
                    names.append(name)
    found = [Advice(table, columns, there.rows(table), tuple(names)) for (table, columns), names in _widest(wanted)]
    return sorted(found, key=lambda each: (-len(each.wanted_by), each.table.fullname, [c.name for c in each.columns]))


def tried(connection: sa.Connection, advice: Advice, statements: AnyMapping[str, sa.Select[Any]]) -> Advice:
    """The advice with what the index does for the statements that want it: it is created, looked at, and dropped again.

    Building it takes time and space and holds up writers: for a copy of a database. The connection must be outside
    any transaction; each step is committed.
    """
    index = advice.index
    chosen = {name: statements[name] for name in advice.wanted_by}
    before = {name: _seconds(connection, each) for name, each in chosen.items()}
    connection.execute(CreateIndex(index))
    connection.commit()
    try:
        _analyze(connection, advice.table)
        seen = [
            Tried(name, str(index.name) in plan_text(connection, each), before[name], _seconds(connection, each))
            for name, each in chosen.items()
        ]
        return evolve(advice, tried=tuple(seen))
    finally:
        connection.rollback()
        connection.execute(DropIndex(index))
        connection.commit()


# --- what a statement asks -----------------------------------------------------------------------------


def _links(mapping: Mapping) -> frozenset[tuple[str, str]]:
    """The columns, with their tables, by which the rows that belong to a row are found."""
    found: list[ColumnElement[Any] | None] = []
    for entity in mapping.entities.values():
        found += [entity.parent_column, entity.parent_key]
        for stored in entity.fields.values():
            lookup = stored.via
            while lookup is not None:
                found.append(lookup.far)
                lookup = lookup.through
    tables = {each: _base(each.table) for each in found if isinstance(each, sa.Column)}
    return frozenset((table.fullname, column.name) for column, table in tables.items() if table is not None)


def _base(source: FromClause | None) -> sa.Table | None:
    """The table of a FROM, seen through its alias."""
    element = source.element if isinstance(source, sa.Alias) else source
    return element if isinstance(element, sa.Table) else None


def uses(statement: sa.Select[Any], links: frozenset[tuple[str, str]]) -> list[Use]:
    """Every table of a statement that is looked up by bare columns, with the columns in the order for an index.

    A table is asked for by the column that links it to its parent, and then what else is asked of it; also by its own
    constants alone, for a plan that begins with it.
    """
    asked: dict[FromClause, _Asked] = {}
    for condition in _conditions(statement):
        for column, operator, other in _comparisons(condition):
            table = _base(column.table)
            if table is None or isinstance(column.type, sa.Boolean):
                continue
            of = asked.setdefault(column.table, _Asked(table))
            if isinstance(other, sa.Column):
                if operator is operators.eq and (table.fullname, column.name) in links:
                    of.linked.append(column.name)
            elif not _has_columns(other):
                (of.equal if operator in _EQUAL else of.ordered).append(column.name)
    return [use for source, of in asked.items() for use in of.uses(str(getattr(source, "name", "")))]


@define
class _Asked:
    """The columns by which the rows of one FROM are asked for."""

    table: sa.Table
    linked: list[str] = field(factory=list)
    equal: list[str] = field(factory=list)
    ordered: list[str] = field(factory=list)

    def uses(self, alias: str) -> Iterator[Use]:
        constants = [*self.equal, *self.ordered[:1]]
        for names in (*([link, *constants] for link in dict.fromkeys(self.linked)), constants):
            columns = [self.table.c[name] for name in dict.fromkeys(names)]
            kept = tuple(each for each in columns if _can_be_indexed(each))[:_WIDEST]
            if kept:
                yield Use(self.table, alias, kept)


def _conditions(statement: sa.Select[Any]) -> Iterator[ClauseElement]:
    """Each condition that must hold for the rows of some SELECT of the statement."""
    for part in visitors.iterate(statement):
        if isinstance(part, sa.Select) and part.whereclause is not None:
            yield from _conjuncts(part.whereclause)
        elif isinstance(part, sa.Join) and part.onclause is not None:
            yield from _conjuncts(part.onclause)


def _conjuncts(condition: Any) -> Iterator[ClauseElement]:
    if isinstance(condition, sa.sql.elements.Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, sa.BooleanClauseList) and condition.operator is operators.and_:
        for each in condition.clauses:
            yield from _conjuncts(each)
    else:
        yield condition


def _comparisons(condition: ClauseElement) -> Iterator[tuple[sa.Column[Any], Any, ColumnElement[Any]]]:
    if isinstance(condition, sa.BinaryExpression) and condition.operator in (*_EQUAL, *_ORDERED):
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(one, sa.Column):
                yield one, condition.operator, other


def _has_columns(expression: ColumnElement[Any]) -> bool:
    return any(isinstance(each, (sa.Column, sa.Select)) for each in visitors.iterate(expression))


def _can_be_indexed(column: sa.Column[Any]) -> bool:
    """Whether any database can keep the column in an index as it is."""
    kind = column.type
    return not isinstance(kind, sa.String) or (kind.length is not None and kind.length <= _LONGEST_TEXT)


def _bare(column: sa.Column[Any]) -> sa.Column[Any]:
    return sa.Column(column.name, column.type)


def _widest(
    wanted: AnyMapping[tuple[sa.Table, tuple[sa.Column[Any], ...]], list[str]],
) -> Iterator[tuple[tuple[sa.Table, tuple[sa.Column[Any], ...]], list[str]]]:
    """What is wanted, without an index that another one begins with; that one serves both."""
    for (table, columns), names in wanted.items():
        longer = [
            other
            for of_table, other in wanted
            if of_table is table and len(other) > len(columns) and other[: len(columns)] == columns
        ]
        if not longer:
            shorter = [
                each
                for (of_table, other), each in wanted.items()
                if of_table is table and len(other) < len(columns) and columns[: len(other)] == other
            ]
            yield (table, columns), list(dict.fromkeys(name for each in (names, *shorter) for name in each))


# --- what the database says ----------------------------------------------------------------------------


class _Indexes:
    """The indexes and sizes of the tables in a database, each looked up once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._inspector = sa.inspect(connection)
        self._first: dict[sa.Table, frozenset[str]] = {}
        self._rows: dict[sa.Table, int] = {}
        self._telling: dict[sa.Column[Any], bool] = {}

    def begin_with(self, table: sa.Table, column: sa.Column[Any]) -> bool:
        """Whether an index or key of the table has this column first."""
        if table not in self._first:
            there = keys(self._inspector, table.name, table.schema)
            self._first[table] = frozenset(names[0] for names, _ in there if names[0] is not None)
        return column.name in self._first[table]

    def tells_apart(self, column: sa.Column[Any]) -> bool:
        """Whether a column has enough values for one of them to find few rows."""
        if column not in self._telling:
            values = sa.select(sa.func.count(column.distinct()))
            self._telling[column] = (self._connection.scalar(values) or 0) >= _FEWEST_VALUES
        return self._telling[column]

    def rows(self, table: sa.Table) -> int:
        """How many rows a table has."""
        if table not in self._rows:
            self._rows[table] = self._connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        return self._rows[table]


def _seconds(connection: sa.Connection, statement: sa.Select[Any]) -> float:
    """The shorter of two runs, fetched by nobody."""
    counted = sa.select(sa.func.count()).select_from(statement.subquery("found"))
    taken = []
    for _ in range(2):
        begin = perf_counter()
        connection.execute(counted).scalar()
        taken.append(perf_counter() - begin)
    return min(taken)


def _analyze(connection: sa.Connection, table: sa.Table) -> None:
    quoted = connection.dialect.identifier_preparer.format_table(table)
    word: Literal["ANALYZE", "ANALYZE TABLE"] = (
        "ANALYZE TABLE" if engine_name(connection.dialect.name) == "mariadb" else "ANALYZE"
    )
    connection.exec_driver_sql(f"{word} {quoted}")
    connection.commit()
