"""``store.indexes`` and ``segrules indexes``: what the stored segments lack."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import segrules as sr
from segrules.cli.group import segrules
from segrules.demo import DemoShop, loading
from segrules.segments import SegmentStore
from segrules.sql import prepare

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
DDL = "CREATE INDEX ix_customers_created_at ON customers (created_at);"


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    """Two segments over a shop whose customers have no index on the day of their registration."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    prepare(engine)
    shop = sr.Shop.default()
    loading.fill(engine, shop, DemoShop(1500, AT))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_customers_created_at")
    store = SegmentStore(engine, shop)
    store.create_tables()
    store.save(sr.Segment(name="new", rule="customer.created_at in last 7 days"))
    store.save(sr.Segment(name="newest", rule='in segment "new" and customer.created_at in last 1 day'))
    store.save(sr.Segment(name="off", rule="customer.created_at in last 1 day", active=False))
    return store


def run(store: SegmentStore, *arguments: str) -> Result:
    return CliRunner().invoke(segrules, ["indexes", *arguments, "--database", str(store.engine.url)])


def test_the_store_says_what_its_active_segments_lack(store: SegmentStore) -> None:
    (found,) = store.indexes(at=AT)
    assert found.ddl(store.engine.dialect) == DDL
    assert found.rows == 1500 and set(found.wanted_by) <= {"new", "newest", "newest (one customer)"}
    assert "new" in found.wanted_by and found.tried == ()
    (tried,) = store.indexes(at=AT, trying=True)
    assert {each.statement for each in tried.tried} == set(tried.wanted_by)
    assert next(each for each in tried.tried if each.statement == "new").used
    assert store.indexes(at=AT, fewest_rows=1501) == []


def test_the_command_says_so_and_has_nothing_to_say_when_it_was_heeded(store: SegmentStore) -> None:
    told = run(store)
    assert told.exit_code == 1
    assert told.stdout.startswith(f"{DDL}\n    1,500 rows; for new")
    assert "ms after" in run(store, "--try").stdout
    (listed,) = json.loads(run(store, "--json").stdout)["indexes"]
    assert listed["ddl"] == DDL and listed["table"] == "customers" and listed["columns"] == ["created_at"]
    with store.engine.begin() as connection:
        connection.exec_driver_sql(DDL.rstrip(";"))
    heeded = run(store)
    assert (heeded.exit_code, heeded.stdout) == (
        0,
        "Nothing is lacking: no segment makes the database read a large table that an index would spare it.\n",
    )
