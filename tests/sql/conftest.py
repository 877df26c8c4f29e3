"""Databases for the tests of the SQL side: each test runs on all four, and says which one did not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from segrules import sql
from segrules.shop.default import DefaultTables, create_tables, default_mapping, default_tables
from segrules.testing.backends import BACKENDS, fresh_or_skipped

ROME = ZoneInfo("Europe/Rome")
PREFIX = "sqltest_"


@pytest.fixture(scope="session", params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """Each database in a schema of its own; one that does not answer is skipped, or fails where it is promised."""
    with fresh_or_skipped(request.param) as backend:
        yield backend.engine


def shop_tables() -> DefaultTables:
    return default_tables(prefix=PREFIX)


@pytest.fixture(scope="session")
def shop(engine: sa.Engine) -> Iterator[DefaultTables]:
    """The default shop with a few customers, chosen so that every trap has somebody in it."""
    tables = shop_tables()
    tables.metadata.drop_all(engine)
    create_tables(engine, tables)
    with engine.begin() as connection:
        for name, rows in ROWS.items():
            connection.execute(tables[name].insert(), rows)
    yield tables
    tables.metadata.drop_all(engine)


@pytest.fixture
def found(engine: sa.Engine, shop: DefaultTables) -> Callable[..., list[int]]:
    """The customers that a predicate selects; the same ones must come out when it is asked of some, or one by one."""
    mapping = default_mapping(shop)

    def ask(predicate: Any, **members: list[int]) -> list[int]:
        customers = shop["customers"]
        selectables = {name: sa.select(customers.c.id).where(customers.c.id.in_(ids)) for name, ids in members.items()}
        with engine.connect() as connection:
            statement = sql.select(predicate, mapping, engine.dialect, ROME, selectables)
            ids = sorted(connection.scalars(statement))
            assert connection.scalar(sql.count(statement)) == len(ids)
            few = [1, 3, 5]
            for among in (few, sa.select(customers.c.id).where(customers.c.id.in_(few))):
                some = sql.select(predicate, mapping, engine.dialect, ROME, selectables, among)
                assert sorted(connection.scalars(some)) == [each for each in ids if each in few]
            everyone = [row["id"] for row in ROWS["customers"]]
            asked = sql.evaluate([predicate], mapping, engine.dialect, ROME, everyone, selectables)
            alone = sorted(row.id for row in connection.execute(asked) if row.item0)
        assert alone == ids
        return ids

    return ask


@pytest.fixture
def value(engine: sa.Engine, shop: DefaultTables) -> Callable[[Any, int], Any]:
    """The value of a term for one customer."""
    mapping = default_mapping(shop)

    def ask(term: Any, customer: int) -> Any:
        with engine.connect() as connection:
            row = connection.execute(sql.evaluate([term], mapping, engine.dialect, ROME, [customer])).one()
        return row.item0

    return ask


def _customer(number: int, **values: Any) -> dict[str, Any]:
    plain: dict[str, Any] = dict.fromkeys(
        ("email", "first_name", "last_name", "gender", "birth_date", "group_id", "store_id", "website_id")
    )
    return {"id": number, "created_at": datetime(2025, 1, 1), "is_active": True, **plain, **values}


def _order(number: int, customer: int, total: str, **values: Any) -> dict[str, Any]:
    plain = {"status": "complete", "created_at": datetime(2025, 6, 1), "store_id": None, "coupon_code": None}
    return {"id": number, "customer_id": customer, "grand_total": Decimal(total), **plain, **values}


def _cart(number: int, customer: int, total: str | None, **values: Any) -> dict[str, Any]:
    moment = datetime(2025, 7, 1)
    plain = {"is_active": True, "applied_rules": None, "created_at": moment, "updated_at": moment}
    amount = None if total is None else Decimal(total)
    return {"id": number, "customer_id": customer, "grand_total": amount, **plain, **values}


ROWS: dict[str, list[dict[str, Any]]] = {
    "websites": [{"id": 1, "code": "main"}, {"id": 2, "code": "uk"}],
    "stores": [{"id": 1, "website_id": 1, "code": "en"}, {"id": 2, "website_id": 2, "code": "gb"}],
    "customer_groups": [{"id": 1, "code": "retail"}, {"id": 2, "code": "Retail"}],
    "customers": [
        _customer(1, email="É@shop.com", first_name="Ann", last_name="ANN", group_id=1, website_id=1),
        _customer(2),
        _customer(3, email="50%_\\off", first_name="x ", last_name="X", group_id=2, website_id=2, store_id=2),
        _customer(4, email="e@SHOP.com", birth_date=date(1980, 2, 29), created_at=datetime(2025, 3, 30, 0, 59, 59)),
        _customer(5, email="'; DROP TABLE x; --", birth_date=date(1999, 7, 4), created_at=datetime(2025, 7, 3, 22)),
        _customer(6, email="", is_active=False, created_at=datetime(2025, 7, 3, 21, 59, 59, 999999)),
    ],
    "categories": [{"id": 1, "code": "cam", "name": "CamÉras"}, {"id": 2, "code": "acc", "name": None}],
    "products": [
        {"id": 1, "sku": "p1", "name": "Lens", "price": Decimal("600.01"), "type": "simple"},
        {"id": 2, "sku": None, "name": None, "price": None, "type": None},
    ],
    "product_categories": [{"product_id": 1, "category_id": 1}, {"product_id": 1, "category_id": 2}],
    "orders": [
        _order(1, 1, "0.1", store_id=1),
        _order(2, 1, "0.2", created_at=datetime(2025, 6, 2), coupon_code="A"),
        _order(3, 3, "999999999999.9999", store_id=2, created_at=datetime(2025, 3, 29, 23)),
        _order(4, 3, "5", status="canceled", created_at=datetime(2025, 3, 28, 22, 59)),
    ],
    "order_items": [
        {"id": 1, "order_id": 1, "product_id": 1, "sku": "p1 ", "name": "Lens"},
        {"id": 2, "order_id": 2, "product_id": None, "sku": "P1", "name": "lens"},
        {"id": 3, "order_id": 4, "product_id": 1, "sku": None, "name": None},
    ],
    "refunds": [{"id": 1, "order_id": 3, "amount": Decimal("7"), "created_at": datetime(2025, 6, 5)}],
    "carts": [
        _cart(1, 1, "200"),
        _cart(2, 2, None, applied_rules="A,XY"),
        _cart(3, 3, "200.0001", is_active=False, applied_rules="X"),
    ],
    "newsletter_subscriptions": [
        {"id": 1, "customer_id": 1, "status": "unsubscribed", "changed_at": datetime(2025, 1, 1)},
        {"id": 2, "customer_id": 1, "status": "subscribed", "changed_at": datetime(2025, 1, 1)},
        {"id": 3, "customer_id": 3, "status": "unsubscribed", "changed_at": datetime(2025, 2, 1)},
        {"id": 4, "customer_id": 3, "status": "subscribed", "changed_at": datetime(2025, 1, 1)},
    ],
    "logins": [{"id": 1, "customer_id": 2, "at": datetime(2025, 6, 30)}],
    "product_views": [{"id": 1, "customer_id": 2, "product_id": 1, "viewed_at": datetime(2025, 7, 1)}],
}  # fmt: skip


@pytest.fixture
def zone() -> ZoneInfo:
    return ROME
