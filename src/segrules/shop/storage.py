"""Ways in which shops keep values that are none of segrules' own, each as the SQL that reads it exactly.

    Stored(rounded(orders.c.total, 2), scale=2)          # a float, in cents
    Stored(epoch_moment(orders.c.placed))                # seconds since 1970
    Stored(local_moment(orders.c.placed, "Europe/Rome")) # the time on the shop's wall

Rules and :meth:`segrules.Customer.load` read through one and the same expression, so SQL and memory cannot part.
A moment is compared with a constant by way of the column itself, so that its index serves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from segrules.algebra import Op
from segrules.shop.columns import Money
from segrules.shop.localtime import LocalTime, floor_units, local_time, read_text

_EPOCH = datetime(1970, 1, 1)
_STEP = timedelta(microseconds=1)
#: How many of each epoch's units make a second.
UNITS = {"epoch": 1, "epoch_ms": 1000, "epoch_us": 1_000_000}


class KeptMoment(FunctionElement[datetime]):
    """A moment in naive UTC, read from a column that keeps it in a way of its own."""

    type = sa.DateTime()
    inherit_cache = True

    @property
    def raw(self) -> ColumnElement[Any]:
        """The column as it is."""
        raw: ColumnElement[Any] = next(iter(self.clauses))
        return raw

    def compared(self, op: Op, moment: datetime, engine: str) -> ColumnElement[bool]:
        """A comparison with a naive UTC moment, asked of the column itself so that its index serves."""
        after = moment + _STEP
        match op:
            case Op.LT:
                return self._before(moment, engine)
            case Op.GE:
                return self._since(moment, engine)
            case Op.GT:
                return self._since(after, engine)
            case Op.LE:
                return self._before(after, engine)
            case Op.EQ:
                return sa.and_(self._since(moment, engine), self._before(after, engine))

    def _since(self, moment: datetime, engine: str) -> ColumnElement[bool]:
        if self._is_text(engine):
            return sa.and_(self._text >= _day(moment, -1), self >= sa.literal(moment, sa.DateTime()))
        left, right = self._sides(moment, engine)
        return left >= right

    def _before(self, moment: datetime, engine: str) -> ColumnElement[bool]:
        if self._is_text(engine):
            return sa.and_(self._text < _day(moment, 2), self < sa.literal(moment, sa.DateTime()))
        left, right = self._sides(moment, engine)
        return left < right

    def _is_text(self, engine: str) -> bool:
        """Whether the column holds text, whose days are near those of UTC and in their order."""
        return engine == "sqlite"

    @property
    def _text(self) -> ColumnElement[str]:
        return sa.type_coerce(self.raw, sa.String())

    def _sides(self, moment: datetime, engine: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """What the column keeps, and the first of it that is not before the moment."""
        return self.raw, sa.literal(moment, sa.DateTime())


def _day(moment: datetime, days: int) -> ColumnElement[str]:
    return sa.literal((moment.date() + timedelta(days=days)).isoformat(), sa.String())


class utc_moment(KeptMoment):  # noqa: N801
    """A moment that is kept in naive UTC; on SQLite as text in any ISO form."""

    inherit_cache = True


class django_moment(KeptMoment):  # noqa: N801
    """A moment as Django keeps it: with its zone on PostgreSQL, elsewhere in naive UTC."""

    inherit_cache = True

    def _sides(self, moment: datetime, engine: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        if engine == "postgresql":
            kind = sa.DateTime(timezone=True)
            return sa.type_coerce(self.raw, kind), sa.literal(moment.replace(tzinfo=UTC), kind)
        return super()._sides(moment, engine)


class aware_moment(django_moment):  # noqa: N801
    """A moment that is kept with its zone: TIMESTAMPTZ, MariaDB's TIMESTAMP, on SQLite ISO text with an offset."""

    inherit_cache = True

    def _sides(self, moment: datetime, engine: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        since = (moment - _EPOCH) // _STEP
        if engine == "postgresql":
            return super()._sides(moment, engine)
        if engine == "mariadb":
            seconds = sa.Numeric(20, 6)
            return sa.func.unix_timestamp(self.raw, type_=seconds), sa.literal(Decimal(since).scaleb(-6), seconds)
        return sa.func.epoch_us(self.raw, type_=sa.BigInteger()), sa.literal(since, sa.BigInteger())


class epoch_moment(KeptMoment):  # noqa: N801
    """A moment that is kept as a number of seconds since 1970, or of ``units`` to the second; parts do not count."""

    inherit_cache = True

    def __init__(self, raw: ColumnElement[Any], units: int = 1) -> None:
        super().__init__(raw, sa.literal_column(str(units), sa.Integer()))

    def _is_text(self, engine: str) -> bool:
        return False

    def _sides(self, moment: datetime, engine: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        units = int(str(list(self.clauses)[1]))
        first = -((_EPOCH - moment) // _STEP * units // 1_000_000)
        return self.raw, sa.literal(first, sa.BigInteger())


class local_moment(KeptMoment):  # noqa: N801
    """A moment that is kept as the time on the wall in a zone.

    Of an hour that comes twice the first is meant; what falls into a gap is the moment of the gap.
    """

    inherit_cache = True

    def __init__(self, raw: ColumnElement[Any], zone: str) -> None:
        super().__init__(raw, sa.literal_column(zone))

    @property
    def times(self) -> LocalTime:
        """The zone's table of times."""
        return local_time(ZoneInfo(str(list(self.clauses)[1])))

    def _sides(self, moment: datetime, engine: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        return self.raw, sa.literal(self.times.first(moment), sa.DateTime())


class rounded(FunctionElement[int]):  # noqa: N801
    """A float as a whole number of 10 ** -decimals, ``floor(x * 10**decimals + 0.5)`` in IEEE doubles everywhere."""

    type = sa.BigInteger()
    inherit_cache = True

    def __init__(self, raw: ColumnElement[Any], decimals: int) -> None:
        super().__init__(raw, sa.literal_column(str(decimals), sa.Integer()))


class decimal_number(FunctionElement[Decimal]):  # noqa: N801
    """An exact decimal of up to 4 decimals; on SQLite, which keeps floats for it, a whole number of 1/10000."""

    type = Money()
    inherit_cache = True


class json_member(FunctionElement[str]):  # noqa: N801
    """A member of a JSON document as text; NULL when it is absent or null. ``true`` and ``false`` are those words."""

    type = sa.String()
    inherit_cache = True

    def __init__(self, raw: ColumnElement[Any], *path: str) -> None:
        quoted = "".join(f'."{each}"' for each in path)
        listed = "{" + ",".join('"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in path) + "}"
        super().__init__(raw, sa.literal(f"${quoted}", sa.String()), sa.literal(listed, sa.String()))


class date_in_text(FunctionElement[Any]):  # noqa: N801
    """A day that is kept as ISO text."""

    type = sa.Date()
    inherit_cache = True


class moment_in_text(FunctionElement[Any]):  # noqa: N801
    """A moment that is kept as ISO text, as the database's own type for such."""

    type = sa.DateTime()
    inherit_cache = True


# --- how each is spelled -----------------------------------------------------------------------------

_SPELLINGS: dict[type[FunctionElement[Any]], dict[str, str]] = {
    utc_moment: {"sqlite": "segrules_moment({0}, 'UTC')", "": "{0}"},
    django_moment: {
        "sqlite": "segrules_moment({0}, 'UTC')",
        "postgresql": "({0} AT TIME ZONE 'UTC')",
        "": "{0}",
    },
    aware_moment: {
        "sqlite": "segrules_moment({0}, 'UTC')",
        "postgresql": "({0} AT TIME ZONE 'UTC')",
        "mariadb": "(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP({0}) SECOND)",
        "duckdb": "make_timestamp(epoch_us({0}))",
    },
    epoch_moment: {
        "sqlite": "segrules_epoch({0}, {1})",
        "postgresql": "(TIMESTAMP '1970-01-01' + floor({0}) * (INTERVAL '1 second' / {1}))",
        "mariadb": "(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (FLOOR({0}) * (1000000 DIV {1})) MICROSECOND)",
        "duckdb": "make_timestamp(CAST(floor({0}) AS BIGINT) * (1000000 // {1}))",
    },
    rounded: {
        "sqlite": "(CAST({0} * 1e{1} + 0.5 AS INTEGER) - ({0} * 1e{1} + 0.5 < CAST({0} * 1e{1} + 0.5 AS INTEGER)))",
        "postgresql": "CAST(floor(CAST({0} AS FLOAT8) * CAST(1e{1} AS FLOAT8) + CAST(0.5 AS FLOAT8)) AS BIGINT)",
        "mariadb": "CAST(FLOOR({0} * 1e{1} + 5e-1) AS SIGNED)",
        "duckdb": "CAST(floor(CAST({0} AS DOUBLE) * 1e{1} + CAST(0.5 AS DOUBLE)) AS BIGINT)",
    },
    decimal_number: {
        "sqlite": "(CAST({0} * 1e4 + 0.5 AS INTEGER) - ({0} * 1e4 + 0.5 < CAST({0} * 1e4 + 0.5 AS INTEGER)))",
        "": "{0}",
    },
    json_member: {
        "sqlite": "CASE json_type({0}, {1}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
        " ELSE CAST(json_extract({0}, {1}) AS TEXT) END",
        "postgresql": "(CAST({0} AS JSONB) #>> CAST({2} AS TEXT[]))",
        "mariadb": "CASE JSON_EXTRACT({0}, {1}) WHEN 'null' THEN NULL ELSE JSON_UNQUOTE(JSON_EXTRACT({0}, {1})) END",
        "duckdb": "json_extract_string({0}, {1})",
    },
    date_in_text: {"sqlite": "{0}", "": "CAST({0} AS DATE)"},
    moment_in_text: {"sqlite": "{0}", "mariadb": "CAST({0} AS DATETIME(6))", "": "CAST({0} AS TIMESTAMP)"},
}


def _spell(function: type[FunctionElement[Any]]) -> None:
    spellings = _SPELLINGS[function]

    @compiles(function)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
    def write(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> str:
        engine = _engine(compiler)
        template = spellings.get(engine) or spellings.get("") or spellings["postgresql"]
        return filled(template, [_writer(each, compiler, kw) for each in element.clauses])


def _engine(compiler: SQLCompiler) -> str:
    name = compiler.dialect.name
    return "mariadb" if name == "mysql" else name


def _writer(argument: ColumnElement[Any], compiler: SQLCompiler, kw: dict[str, Any]) -> Callable[[], str]:
    """A way to write an argument, each time anew: with positional parameters each place has its own."""
    return lambda: compiler.process(argument, **kw)


def filled(template: str, arguments: list[Callable[[], str]]) -> str:
    """A template with its numbered places filled, each by a call of its own."""
    parts = []
    for place, part in enumerate(template.replace("{", "}").split("}")):
        parts.append(arguments[int(part)]() if place % 2 else part)
    return "".join(parts)


for _function in _SPELLINGS:
    _spell(_function)

_SHIFTED = {
    "postgresql": "({0} - make_interval(secs => {1}))",
    "mariadb": "({0} - INTERVAL {1} SECOND)",
    "duckdb": "({0} - to_seconds({1}))",
}


@compiles(local_moment)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _write_local_moment(element: local_moment, compiler: SQLCompiler, **kw: Any) -> str:
    """The zone's table as one CASE, by halving."""
    write = _writer(element.raw, compiler, kw)
    engine = _engine(compiler)
    if engine == "sqlite":
        return f"segrules_moment({write()}, '{list(element.clauses)[1]}')"
    shifted = _SHIFTED.get(engine, _SHIFTED["postgresql"])
    starts, meanings = element.times.starts, element.times.meanings

    def piece(low: int, high: int) -> str:
        meaning = meanings[low]
        if all(each == meaning for each in meanings[low:high]):
            if isinstance(meaning, datetime):
                return f"TIMESTAMP '{meaning}'"
            return filled(shifted, [write, lambda: str(meaning)])
        middle = (low + high) // 2
        return (
            f"CASE WHEN {write()} < TIMESTAMP '{starts[middle - 1]}' THEN {piece(low, middle)}"
            f" ELSE {piece(middle, high)} END"
        )

    return piece(0, len(meanings))


# --- SQLite ------------------------------------------------------------------------------------------


def add_functions(connection: Any) -> None:
    """What these ask of SQLite beyond its own functions."""
    connection.create_function("segrules_moment", 2, _text_moment, deterministic=True)
    connection.create_function("segrules_epoch", 2, _epoch_moment, deterministic=True)


def _text_moment(text: Any, zone: str) -> str | None:
    return None if text is None else _kept(read_text(str(text), zone))


def _epoch_moment(number: Any, units: int) -> str | None:
    if number is None:
        return None
    return _kept(_EPOCH + timedelta(microseconds=floor_units(number) * (1_000_000 // units)))


def _kept(moment: datetime) -> str:
    """A moment as SQLAlchemy keeps it on SQLite."""
    return moment.isoformat(" ", "microseconds")


Read = Callable[[ColumnElement[Any]], ColumnElement[Any]]


def reader_of_moments(kept: str) -> Read:
    """How moments are read that are kept ``utc``, ``aware``, ``django``, as one of the epochs, or in a named zone."""
    if kept == "utc":
        return utc_moment
    if kept == "aware":
        return aware_moment
    if kept == "django":
        return django_moment
    if kept in UNITS:
        return lambda raw: epoch_moment(raw, UNITS[kept])
    return lambda raw: local_moment(raw, kept)
