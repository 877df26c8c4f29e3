"""Advice on indexes: what is lacking is named, and what is named is used by the database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.demo import DemoShop, loading
from segrules.demo.rules import PRACTICAL
from segrules.sql.advice import Advice, advised, tried
from segrules.sql.plans import scans
from segrules.testing.backends import fresh_or_skipped

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
SHOP = sr.Shop.default(timezone="Europe/Rome")


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    with fresh_or_skipped(request.param) as backend:
        loading.fill(backend.engine, SHOP, DemoShop(2000, AT))
        yield backend.engine


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        yield connection


def statements(engine: sa.Engine) -> dict[str, sa.Select]:
    found = {}
    for each in PRACTICAL:
        rule = sr.parse(each.text)
        found[each.name] = rule.select(SHOP, engine.dialect, at=AT)
        found[f"{each.name}, one"] = rule.select(SHOP, engine.dialect, at=AT, among=[7])
    return found


def dropped(connection: sa.Connection, table: str, name: str) -> sa.Index:
    """An index of the default shop, dropped."""
    index = next(each for each in SHOP.tables[table].indexes if each.name == name)
    connection.execute(sa.schema.DropIndex(index))
    connection.commit()
    return index


def told(advice: list[Advice]) -> list[str]:
    return [f"{each.table.name} {', '.join(column.name for column in each.columns)}" for each in advice]


def test_the_default_shop_lacks_no_index(engine: sa.Engine, connection: sa.Connection) -> None:
    assert told(advised(connection, SHOP.mapping, statements(engine))) == []


def test_a_lacking_index_is_named_and_used_when_it_is_there(engine: sa.Engine, connection: sa.Connection) -> None:
    asked = statements(engine)
    index = dropped(connection, "customers", "ix_customers_created_at")
    try:
        (advice,) = advised(connection, SHOP.mapping, asked)
        assert told([advice]) == ["customers created_at"]
        assert advice.rows == 2000
        in_order_of_ids = engine.dialect.name == "sqlite"  # what leaves a quarter of the customers is not looked up
        assert set(advice.wanted_by) >= {"new-no-order"} | (set() if in_order_of_ids else {"uk-new"})
        assert advice.ddl(engine.dialect) == "CREATE INDEX ix_customers_created_at ON customers (created_at);"
        assert advised(connection, SHOP.mapping, asked, fewest_rows=2001) == []
        name = next(iter(advice.wanted_by))
        assert "customers" in scans(connection, asked[name])
        connection.rollback()
        found = {each.statement: each for each in tried(connection, advice, asked).tried}
        assert found[name].used and found[name].before > 0 and found[name].after > 0
        assert "ix_customers_created_at" not in {i["name"] for i in sa.inspect(connection).get_indexes("customers")}
        connection.exec_driver_sql(advice.ddl(engine.dialect).rstrip(";"))
        assert advised(connection, SHOP.mapping, asked) == []
        connection.exec_driver_sql(
            "DROP INDEX ix_customers_created_at" + (" ON customers" if engine.dialect.name != "postgresql" else "")
            if engine.dialect.name != "sqlite"
            else "DROP INDEX ix_customers_created_at"
        )
        connection.commit()
    finally:
        connection.rollback()
        index.create(connection)
        connection.commit()


def test_the_rows_of_a_customer_want_an_index_by_the_customer(engine: sa.Engine, connection: sa.Connection) -> None:
    if engine.dialect.name in ("mysql", "mariadb"):
        pytest.skip("MariaDB keeps an index for every foreign key by itself")
    index = dropped(connection, "orders", "ix_orders_customer_id_created_at")
    try:
        advice = advised(connection, SHOP.mapping, statements(engine))
        assert told(advice)[0].startswith("orders customer_id")
        assert any(name.endswith(", one") for name in advice[0].wanted_by)
    finally:
        connection.rollback()
        index.create(connection)
        connection.commit()


def test_long_names_stay_within_what_databases_take() -> None:
    table = sa.Table("t" * 50, sa.MetaData(), sa.Column("c" * 50, sa.Integer))
    advice = Advice(table, tuple(table.c), 1, ())
    assert len(str(advice.index.name)) == 60


def test_duckdb_gets_none() -> None:
    with fresh_or_skipped("duckdb") as backend, backend.engine.connect() as connection:
        assert advised(connection, SHOP.mapping, {"vip": sr.parse("lifetime.sales > 1").select(SHOP, "duckdb")}) == []
