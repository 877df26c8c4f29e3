"""A mapping that does not fit names the table and the column, and what was meant."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from segrules.errors import ShopError
from segrules.shop.checking import check, problems
from segrules.shop.columns import Money
from segrules.shop.default import create_tables, default_mapping, default_tables
from segrules.shop.mapping import Entity, Lookup, Mapping


@pytest.fixture(params=["sqlite://", "duckdb://"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    from segrules.sql import duckdb as _  # noqa: F401

    made = sa.create_engine(request.param)
    create_tables(made, default_tables())
    return made


def test_the_default_shop_fits_its_own_tables(engine: sa.Engine) -> None:
    check(default_mapping(default_tables()), engine)


def test_what_does_not_fit_is_named(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    customers = sa.Table("customer", metadata, sa.Column("id", sa.Integer, primary_key=True))
    orders = sa.Table(
        "orders", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("customer_id", sa.Integer),
        sa.Column("grand_totl", Money()), sa.Column("status", sa.Integer),
        sa.Column("coupon_code", sa.String, nullable=False),
    )  # fmt: skip
    found = problems(Mapping({"": Entity(customers), "orders": Entity(orders, orders.c.customer_id)}), engine)
    assert found[0] == 'there is no table "customer"; did you mean "customers"?'
    assert found[1] == 'table "orders" has no column "grand_totl"; did you mean "grand_total"?'
    assert found[2].startswith('column "status" of table "orders" should hold a number')
    assert found[3].startswith('column "coupon_code" of table "orders" is mapped as never NULL')


def test_a_mapping_hangs_together() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    with pytest.raises(ShopError, match="no customer"):
        Mapping({"orders": Entity(table, table.c.id)})
    with pytest.raises(ShopError, match='belongs to "orders"'):
        Mapping({"": Entity(table), "orders.items": Entity(table, table.c.id)})
    with pytest.raises(ShopError, match="parent_column"):
        Mapping({"": Entity(table), "orders": Entity(table)})
    with pytest.raises(ShopError, match='no column for "emial"'):
        Mapping({"": Entity(table)}).stored("", "emial")


def test_a_look_up_without_a_foreign_key_may_point_nowhere() -> None:
    metadata = sa.MetaData()
    stores = sa.Table(
        "stores", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String, nullable=False)
    )
    orders = sa.Table(
        "orders", metadata, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("loose", sa.Integer, nullable=False),
        sa.Column("tight", sa.Integer, sa.ForeignKey("stores.id"), nullable=False),
    )  # fmt: skip
    assert Lookup(stores, orders.c.loose, stores.c.id).field(stores.c.code).nullable
    assert not Lookup(stores, orders.c.tight, stores.c.id).field(stores.c.code).nullable
