"""What databases call differently: one function each, with its spelling per dialect.

Only these few may look at the dialect's name while SQL is made; everything else is plain SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segrules import clock
from segrules.algebra import fold
from segrules.errors import BackendError


class folded(FunctionElement[str]):  # noqa: N801
    """Text as it is compared: by Unicode's simple lower-case mapping, then byte for byte."""

    type = sa.String()
    inherit_cache = True


class exact(FunctionElement[str]):  # noqa: N801
    """Text whose comparison is byte for byte, whatever its column's collation."""

    type = sa.String()
    inherit_cache = True


class holds(FunctionElement[bool]):  # noqa: N801
    """Whether a text holds another; both sides compare exactly already."""

    type = sa.Boolean()
    inherit_cache = True


class starts(FunctionElement[bool]):  # noqa: N801
    """Whether a text starts with another."""

    type = sa.Boolean()
    inherit_cache = True


class ends(FunctionElement[bool]):  # noqa: N801
    """Whether a text ends with another."""

    type = sa.Boolean()
    inherit_cache = True


class _Plain(FunctionElement[bool]):
    """A condition that stands as it is where SQLAlchemy would compare a function with 1."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self


class lacks(_Plain):  # noqa: N801
    """That a query finds no row."""

    inherit_cache = True


class exists(_Plain):  # noqa: N801
    """That a query finds a row; without the parentheses that SQLAlchemy's own EXISTS has around it.

    SQLite's parser has room for so many open parentheses and words only, and rules nest.
    """

    inherit_cache = True

    def __invert__(self) -> ColumnElement[bool]:
        return lacks(*self.clauses)


class enclosed(_Plain):  # noqa: N801
    """A condition in parentheses that stay, where SQLAlchemy would take them away."""

    inherit_cache = True


class mostly(_Plain):  # noqa: N801
    """A condition that most rows fulfil: SQLite, which has no idea of how many, then prefers no index for it."""

    inherit_cache = True


class larger(FunctionElement[Any]):  # noqa: N801
    """The larger of two values, or the one that is not NULL."""

    inherit_cache = True


class local_date(FunctionElement[Any]):  # noqa: N801
    """The calendar day of a moment, so many seconds east of UTC."""

    type = sa.Date()
    inherit_cache = True


class day_number(FunctionElement[int]):  # noqa: N801
    """The proleptic Gregorian number of a date: 1 for the first day of the year 1."""

    type = sa.BigInteger()
    inherit_cache = True


class month_day(FunctionElement[int]):  # noqa: N801
    """Month times 100 plus day of a date; on SQLite the text ``MM-DD``."""

    type = sa.Integer()
    inherit_cache = True


class month_of(FunctionElement[int]):  # noqa: N801
    """The month of a date."""

    type = sa.Integer()
    inherit_cache = True


class day_of(FunctionElement[int]):  # noqa: N801
    """The day of the month of a date."""

    type = sa.Integer()
    inherit_cache = True


class wide_sum(FunctionElement[Any]):  # noqa: N801
    """A sum of whole numbers beyond 64 bits, on SQLite only."""

    type = sa.types.NullType()
    inherit_cache = True


class wide_product(FunctionElement[Any]):  # noqa: N801
    """A product of whole numbers beyond 64 bits, on SQLite only."""

    type = sa.types.NullType()
    inherit_cache = True


class wide_order(FunctionElement[int]):  # noqa: N801
    """-1, 0 or 1 as one whole number beyond 64 bits is smaller, equal or larger than another, on SQLite only."""

    type = sa.Integer()
    inherit_cache = True


#: Also where a statement is only shown.
_EVERYWHERE = ("sqlite", "postgresql", "mariadb", "duckdb", "default")
#: One template per function and dialect; ``{0}``, ``{1}`` are the arguments.
_SPELLINGS: dict[type[FunctionElement[Any]], dict[str, str]] = {
    folded: {
        "sqlite": "segrules_fold({0})",
        "postgresql": 'lower({0} COLLATE "C.utf8")',
        "mariadb": "LOWER(CONVERT({0} USING utf8mb4) COLLATE utf8mb4_uca1400_nopad_as_cs) COLLATE utf8mb4_nopad_bin",
        "duckdb": "lower({0})",
    },
    exact: {
        "sqlite": "({0} COLLATE BINARY)",
        "postgresql": '(CAST({0} AS TEXT) COLLATE "C")',
        "mariadb": "(CONVERT({0} USING utf8mb4) COLLATE utf8mb4_nopad_bin)",
        "duckdb": '({0} COLLATE "binary")',
    },
    holds: {
        "sqlite": "(instr({0}, {1}) > 0)",
        "postgresql": "(strpos({0}, {1}) > 0)",
        "mariadb": "(LOCATE({1}, {0}) > 0)",
        "duckdb": "contains({0}, {1})",
    },
    starts: {
        "sqlite": "(substr({0}, 1, length({1})) = {1})",
        "postgresql": "starts_with({0}, {1})",
        "mariadb": "(LEFT({0}, CHAR_LENGTH({1})) = {1})",
        "duckdb": "starts_with({0}, {1})",
    },
    ends: {
        "sqlite": "({0} IS NOT NULL AND ({1} = '' OR substr({0}, -length({1})) = {1}))",
        "postgresql": "(right({0}, length({1})) = {1})",
        "mariadb": "(RIGHT({0}, CHAR_LENGTH({1})) = {1})",
        "duckdb": "ends_with({0}, {1})",
    },
    lacks: dict.fromkeys(_EVERYWHERE, "NOT EXISTS {0}"),
    exists: dict.fromkeys(_EVERYWHERE, "EXISTS {0}"),
    # PostgreSQL and MariaDB make joins of sub-queries that stand in AND, and plan some dozens of joins for minutes;
    # of those in OR they make none.
    enclosed: {
        **dict.fromkeys(_EVERYWHERE, "({0})"),
        **dict.fromkeys(("postgresql", "mariadb"), "({0} OR false)"),
    },
    mostly: {**dict.fromkeys(_EVERYWHERE, "{0}"), "sqlite": "likely({0})"},
    larger: {
        "sqlite": "coalesce(max({0}, {1}), {0}, {1})",
        "postgresql": "greatest({0}, {1})",
        "mariadb": "COALESCE(GREATEST({0}, {1}), {0}, {1})",
        "duckdb": "greatest({0}, {1})",
    },
    local_date: {
        "sqlite": "date(substr({0}, 1, 19), ({1}) || ' seconds')",
        "postgresql": "CAST(({0} + make_interval(secs => {1})) AS DATE)",
        "mariadb": "DATE({0} + INTERVAL ({1}) SECOND)",
        "duckdb": "CAST(({0} + to_seconds({1})) AS DATE)",
    },
    day_number: {
        "sqlite": "CAST(julianday({0}) - 1721424.5 AS INTEGER)",
        "postgresql": "({0} - DATE '0001-01-01' + 1)",
        "mariadb": "(TO_DAYS({0}) - 365)",
        "duckdb": "(date_diff('day', DATE '0001-01-01', {0}) + 1)",
    },
    month_day: {
        "sqlite": "substr({0}, 6, 5)",
        "postgresql": "CAST(extract(month FROM {0}) * 100 + extract(day FROM {0}) AS INTEGER)",
        "mariadb": "(MONTH({0}) * 100 + DAYOFMONTH({0}))",
        "duckdb": "(month({0}) * 100 + day({0}))",
    },
    month_of: {
        "postgresql": "extract(month FROM {0})",
        "mariadb": "MONTH({0})",
        "duckdb": "month({0})",
    },
    day_of: {
        "postgresql": "extract(day FROM {0})",
        "mariadb": "DAYOFMONTH({0})",
        "duckdb": "day({0})",
    },
    wide_sum: {"sqlite": "segrules_sum({0}, {1})"},
    wide_product: {"sqlite": "segrules_product({0}, {1})"},
    wide_order: {"sqlite": "segrules_order({0}, {1})"},
}


def _spell(function: type[FunctionElement[Any]]) -> None:
    spellings = _SPELLINGS[function]

    @compiles(function)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
    def write(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> str:
        template = spellings.get(engine_name(compiler.dialect.name))
        if function is folded and getattr(compiler.dialect, WITHOUT_CASE, False):
            template = _translated()
        if template is None:
            raise BackendError(f"segrules cannot write {function.__name__} for {compiler.dialect.name}")
        if compiler.preparer._double_percents:  # type: ignore[attr-defined, unused-ignore]
            template = template.replace("%", "%%")
        return _filled(template, [_write(each, compiler, kw) for each in element.clauses])


def _write(argument: ColumnElement[Any], compiler: SQLCompiler, kw: dict[str, Any]) -> Callable[[], str]:
    """A way to write an argument, each time anew: with positional parameters each place has its own."""
    return lambda: compiler.process(argument, **kw)


def _filled(template: str, arguments: list[Callable[[], str]]) -> str:
    parts: list[str] = []
    rest = template
    while rest:
        before, found, after = rest.partition("{")
        parts.append(before)
        if found:
            parts.append(arguments[int(after[0])]())
            rest = after[2:]
        else:
            rest = ""
    return "".join(parts)


for _function in _SPELLINGS:
    _spell(_function)


#: Set on the dialect of a PostgreSQL without the collation by which lower() folds as rules do.
WITHOUT_CASE = "segrules_without_case"


@cache
def _translated() -> str:
    """Folding by a table of all pairs, for such a database; text of plain ASCII needs no table."""
    pairs = [(each, fold(each)) for each in map(chr, range(0x20000)) if each.lower() != each]
    upper, lower = ("".join(side) for side in zip(*pairs, strict=True))
    ascii_only = 'octet_length({0}) = char_length({0}) THEN lower({0} COLLATE "C")'
    return f"(CASE WHEN {ascii_only} ELSE translate({{0}}, '{upper}', '{lower}') END COLLATE \"C\")"


class zoned_date(FunctionElement[Any]):  # noqa: N801
    """The calendar day of a moment in a time zone, whose name is the second argument.

    The zone's changes of offset are written out as one CASE, by halving: they are a table of the calendar and
    no values of a rule. SQLite, whose parser does not go deep, has a registered function for it.
    """

    type = sa.Date()
    inherit_cache = True


@compiles(zoned_date)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _write_zoned_date(element: zoned_date, compiler: SQLCompiler, **kw: Any) -> str:
    moment, zone = list(element.clauses)
    written = compiler.process(moment, **kw)
    engine = engine_name(compiler.dialect.name)
    if engine == "sqlite":
        return f"segrules_local_date({written}, '{zone}')"
    moments, seconds = clock.offsets(ZoneInfo(str(zone)))

    def offset(low: int, high: int) -> str:
        if len(set(seconds[low:high])) == 1:
            return str(seconds[low])
        middle = (low + high) // 2
        edge = moments[middle - 1].strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"CASE WHEN {written} < TIMESTAMP '{edge}' THEN {offset(low, middle)} ELSE {offset(middle, high)} END"

    return _filled(_SPELLINGS[local_date][engine], [lambda: written, lambda: offset(0, len(seconds))])


def engine_name(dialect_name: str) -> str:
    """The name by which spellings are kept: MySQL's dialect stands for MariaDB."""
    return "mariadb" if dialect_name == "mysql" else dialect_name


#: So many conditions follow each other without parentheses.
_CHAINED = 12

#: What makes one condition of some.
Join = Callable[..., ColumnElement[bool]]


def balanced(join: Join, items: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Conditions that mean the same when they are joined, and are not many: the others stand in parentheses.

    To a database a chain of a thousand is a tree a thousand deep, which SQLite refuses.
    """
    found = list(items)
    while len(found) > _CHAINED:
        size = max(_CHAINED, -(-len(found) // _CHAINED))
        parts = [found[start : start + size] for start in range(0, len(found), size)]
        found = [enclosed(join(*balanced(join, part))) for part in parts]
    return found
