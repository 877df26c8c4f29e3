"""A shop with customers only, whose first names say which segments they belong to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

import segrules as sr
from segrules.segments import SegmentStore

NOW = datetime(2025, 7, 4, 12, tzinfo=UTC)
LATER = datetime(2025, 7, 5, 12, tzinfo=UTC)


def make_store(engine: sa.Engine) -> SegmentStore:
    """The tables of a shop without customers, and of a store."""
    shop = sr.Shop.default()
    shop.create_tables(engine)
    with engine.begin() as connection:
        connection.execute(shop.tables["websites"].insert(), [{"id": 1, "code": "uk"}, {"id": 2, "code": "main"}])
        connection.execute(shop.tables["customer_groups"].insert(), [{"id": 1, "code": "staff"}])
    store = SegmentStore(engine, shop)
    store.create_tables()
    return store


def cleaned(store: SegmentStore, names: Sequence[str]) -> SegmentStore:
    """The store without segments, and customers 1, 2, 3, … with these first names."""
    customers = store.shop.mapping.entity("").source
    assert isinstance(customers, sa.Table)
    rows = [
        {
            "id": number,
            "first_name": name,
            "created_at": datetime(2020, 1, 1),
            "website_id": 1 if number % 2 else 2,
            "group_id": 1 if number % 3 == 0 else None,
            "is_active": True,
            "email": f"c{number}@example.org",
        }
        for number, name in enumerate(names, start=1)
    ]
    with store.engine.begin() as connection:
        for table in (*store.metadata.sorted_tables, customers):
            connection.execute(sa.delete(table))
    with store.engine.begin() as connection:
        connection.execute(customers.insert(), rows)
    return store


def rename(store: SegmentStore, names: dict[int, str]) -> None:
    """Give customers other first names."""
    customers = store.shop.mapping.entity("").source
    assert isinstance(customers, sa.Table)
    with store.engine.begin() as connection:
        for number, name in names.items():
            connection.execute(sa.update(customers).where(customers.c.id == number).values(first_name=name))


def ids(store: SegmentStore, name: str, **more: Any) -> list[int]:
    return [each.customer_id for each in store.members(name, **more)]


class Ear:
    """A listener that keeps what it heard, with the ids."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, list[int], list[int]]] = []

    def __call__(self, connection: sa.Connection, change: sr.MembersChanged) -> None:
        entered, left = (sorted(connection.scalars(each)) for each in (change.entered, change.left))
        assert (len(entered), len(left)) == (change.entered_count, change.left_count)
        self.heard.append((change.segment, change.reason.value, entered, left))

    def latest(self) -> tuple[str, str, list[int], list[int]]:
        return self.heard.pop()
