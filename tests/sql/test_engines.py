"""What the databases are prepared to do: text folds as in memory, DuckDB runs through its own dialect."""

from __future__ import annotations

import unicodedata

import pytest
import sqlalchemy as sa

from segrules import sql
from segrules.algebra import fold
from segrules.shop.columns import exact_text
from segrules.sql import functions
from segrules.sql.functions import folded

ASSIGNED = [
    chr(point)
    for point in range(1, 0x110000)
    if not 0xD800 <= point <= 0xDFFF and unicodedata.category(chr(point)) != "Cn"
]


def test_every_code_point_folds_as_in_memory(engine: sa.Engine) -> None:
    """In stretches of text, since folding works character by character."""
    table = sa.Table(
        "sqltest_text",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("x", exact_text(200)),
    )
    table.drop(engine, checkfirst=True)
    table.create(engine)
    stretches = ["".join(ASSIGNED[start : start + 150]) for start in range(0, len(ASSIGNED), 150)]
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number, "x": each} for number, each in enumerate(stretches)])
        found = connection.execute(sa.select(table.c.id, folded(table.c.x))).all()
    table.drop(engine)
    assert len(found) == len(stretches)
    wrong = [(a, b) for number, text in found for a, b in zip(text, fold(stretches[number]), strict=True) if a != b]
    assert wrong == []


def test_pooled_connections_are_prepared_too() -> None:
    engine = sa.create_engine("sqlite:///file:pooled?mode=memory&cache=shared&uri=true", poolclass=sa.QueuePool)
    with engine.connect() as connection:
        connection.execute(sa.select(1))
    sql.prepare(engine)
    sql.prepare(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(folded(sa.literal("ÉΣ")))) == "éσ"


def test_duckdb_keeps_transactions_and_takes_many_rows() -> None:
    engine = sa.create_engine("duckdb://")
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Numeric(16, 4))
    )
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number, "x": None} for number in range(20_000)])
    with engine.connect() as connection:
        connection.execute(table.delete())
        connection.rollback()
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 20_000
    assert [column["name"] for column in sa.inspect(engine).get_columns("t")] == ["id", "x"]


def test_postgresql_without_the_collation_folds_by_a_table(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL may lack it")
    monkeypatch.setitem(functions._SPELLINGS[folded], "postgresql", 'lower({0} COLLATE "not here")')
    bare = sa.create_engine(engine.url)
    sql.prepare(bare)
    text = "".join(ASSIGNED)
    with bare.connect() as connection:
        assert connection.scalar(sa.select(folded(sa.literal(text, sa.String())))) == fold(text)
        assert connection.scalar(sa.select(folded(sa.literal("100% ASCII", sa.String())))) == "100% ascii"
    bare.dispose()
