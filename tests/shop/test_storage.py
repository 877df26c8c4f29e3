"""What a shop keeps in a way of its own is read alike by SQL and Python, and compared exactly."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from segrules.algebra import Op
from segrules.shop.localtime import local_time, read_text
from segrules.shop.storage import (
    KeptMoment,
    aware_moment,
    decimal_number,
    epoch_moment,
    json_member,
    local_moment,
    rounded,
    utc_moment,
)
from segrules.sql.functions import engine_name
from segrules.testing.backends import BACKENDS, Backend, fresh_or_skipped

OPERATORS = {Op.EQ: operator.eq, Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt, Op.GE: operator.ge}
BERLIN = "Europe/Berlin"
#: Around the hour that is missing in spring and the one that comes twice in autumn, and plain days.
WALL = [
    datetime(2025, 3, 30, hour, minute, second)
    for hour, minute, second in [(1, 59, 59), (2, 0, 0), (2, 30, 0), (2, 59, 59), (3, 0, 0), (3, 0, 1)]
] + [
    datetime(2025, 10, 26, 1, 59, 59), datetime(2025, 10, 26, 2), datetime(2025, 10, 26, 2, 30),
    datetime(2025, 10, 26, 2, 59, 59, 999999), datetime(2025, 10, 26, 3), datetime(2025, 7, 4, 12, 0, 0, 500),
    datetime(1969, 12, 31, 23, 59, 59), datetime(2025, 7, 4),
]  # fmt: skip
MOMENTS = sorted({each + timedelta(hours=hours) for each in WALL for hours in (-2, -1, 0)})


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh_or_skipped(request.param) as opened:
        yield opened


@contextmanager
def filled(backend: Backend, kind: Any, values: list[Any]) -> Iterator[tuple[sa.Table, sa.Connection]]:
    table = sa.Table(
        "kept",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("raw", kind),
    )
    table.create(backend.engine)
    try:
        with backend.engine.connect() as connection:
            if values:
                connection.execute(table.insert(), [{"id": n, "raw": value} for n, value in enumerate(values)])
            yield table, connection
    finally:
        table.drop(backend.engine)


def agrees(connection: sa.Connection, table: sa.Table, read: KeptMoment, meant: list[datetime]) -> None:
    """What is read is what is meant, and so is every comparison with moments around."""
    engine = engine_name(connection.dialect.name)
    found = connection.execute(sa.select(table.c.id, read).order_by(table.c.id)).all()
    assert [row[1] for row in found] == meant
    around = sorted({each + timedelta(microseconds=step) for each in meant for step in (-1, 0, 1)})
    asked = [(op, moment) for moment in around for op in Op]
    for start in range(0, len(asked), 60):
        batch = asked[start : start + 60]
        columns = [
            sa.case((read.compared(op, moment, engine), 1), else_=0).label(f"c{n}")
            for n, (op, moment) in enumerate(batch)
        ]
        rows = connection.execute(sa.select(*columns).select_from(table).order_by(table.c.id)).all()
        for value, row in zip(meant, rows, strict=True):
            for (op, moment), holds in zip(batch, row, strict=True):
                assert bool(holds) == OPERATORS[op](value, moment), (value, op, moment)


def test_local_times(backend: Backend) -> None:
    from segrules.shop.columns import UtcMoment

    with filled(backend, UtcMoment(), WALL) as (table, connection):
        agrees(
            connection, table, local_moment(table.c.raw, BERLIN), [local_time(ZoneInfo(BERLIN)).moment(w) for w in WALL]
        )


def test_naive_utc(backend: Backend) -> None:
    from segrules.shop.columns import UtcMoment

    with filled(backend, UtcMoment(), MOMENTS) as (table, connection):
        agrees(connection, table, utc_moment(table.c.raw), MOMENTS)


@pytest.mark.parametrize(
    ("units", "values"), [(1, [-2, -1, 0, 1_751_630_400]), (1000, [-1500, -1, 999, 1_751_630_400_123])]
)
def test_epochs(backend: Backend, units: int, values: list[int]) -> None:
    with filled(backend, sa.BigInteger(), values) as (table, connection):
        meant = [datetime(1970, 1, 1) + timedelta(microseconds=each * 1_000_000 // units) for each in values]
        agrees(connection, table, epoch_moment(table.c.raw, units), meant)


def test_a_part_of_an_epochs_second_does_not_count(backend: Backend) -> None:
    with filled(backend, sa.Double(), [1_751_630_400.75, -0.25, 0.0]) as (table, connection):
        meant = [datetime(1970, 1, 1) + timedelta(seconds=each) for each in (1_751_630_400, -1, 0)]
        agrees(connection, table, epoch_moment(table.c.raw), meant)


def test_moments_with_a_zone(backend: Backend) -> None:
    """Whatever the zone of the session that writes or reads them."""
    from sqlalchemy.dialects import mysql

    meant = [each for each in MOMENTS if each.year > 1970]
    kinds = {"mariadb": mysql.TIMESTAMP(fsp=6), "sqlite": sa.String()}
    with filled(backend, kinds.get(backend.name, sa.DateTime(timezone=True)), []) as (table, connection):
        if backend.name == "mariadb":
            connection.exec_driver_sql("SET time_zone = '+00:00'")
        for n, each in enumerate(meant):
            text = f"{each}+00" if backend.name in ("postgresql", "duckdb") else str(each)
            if backend.name == "sqlite":
                text = each.replace(tzinfo=UTC).astimezone(ZoneInfo(BERLIN)).isoformat()
            connection.exec_driver_sql(f"INSERT INTO kept VALUES ({n}, '{text}')")
        if backend.name == "mariadb":
            connection.exec_driver_sql("SET time_zone = '+05:00'")
        if backend.name == "postgresql":
            connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        agrees(connection, table, aware_moment(table.c.raw), meant)


def test_text_in_any_iso_form_on_sqlite() -> None:
    forms = [
        "2025-07-04",
        "2025-07-04T00:00:00Z",
        "2025-07-04 00:00:00.5",
        "2025-07-04T02:00+02:00",
        "2025-07-03 23:59:59",
    ]
    with fresh_or_skipped("sqlite") as backend, filled(backend, sa.String(), forms) as (table, connection):
        agrees(connection, table, utc_moment(table.c.raw), [read_text(each, "UTC") for each in forms])


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from([BERLIN, "Pacific/Apia", "America/Sao_Paulo"]),
)
def test_the_first_time_on_the_wall(moment: datetime, zone: str) -> None:
    times = local_time(ZoneInfo(zone))
    first = times.first(moment)
    assert times.moment(first) >= moment
    assert times.moment(first - timedelta(microseconds=1)) < moment


def test_floats_are_rounded_alike(backend: Backend) -> None:
    values = [0.1 + 0.2, 1.005, 0.285, 0.125, -0.125, 100.0, 99.995, 49.99499999999999, 123456789.015, 0.0, -3.5, 1e9]
    with filled(backend, sa.Double(), values) as (table, connection):
        for decimals in (0, 2, 4):
            query = sa.select(rounded(table.c.raw, decimals)).order_by(table.c.id)
            assert list(connection.scalars(query)) == [math.floor(each * 10.0**decimals + 0.5) for each in values]


def test_decimals_are_exact_where_sqlite_keeps_floats(backend: Backend) -> None:
    values = [Decimal("0.1"), Decimal("99.9999"), Decimal("-12.345"), Decimal(100), Decimal("123456789.01")]
    with filled(backend, sa.Numeric(16, 4, asdecimal=False), [float(each) for each in values]) as (table, connection):
        assert list(connection.scalars(sa.select(decimal_number(table.c.raw)).order_by(table.c.id))) == values


def test_members_of_json(backend: Backend) -> None:
    documents = ['{"a": {"b c": "x"}}', '{"a": {"b c": null}}', '{"a": 1}', "{}", None, '{"a": {"b c": true}}']
    documents += ['{"a": {"b c": "null"}}', '{"a": {"b c": 12.5}}']
    with filled(backend, sa.Text(), documents) as (table, connection):
        query = sa.select(json_member(table.c.raw, "a", "b c")).order_by(table.c.id)
        assert list(connection.scalars(query)) == ["x", None, None, None, None, "true", "null", "12.5"]
