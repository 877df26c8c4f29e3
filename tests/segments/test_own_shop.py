"""A shop with tables of its own: text ids, no websites, and a store in another schema."""

import io
from datetime import datetime

import pytest
import sqlalchemy as sa

from segrules.segments import Segment, SegmentStore
from segrules.shop import Shop
from segrules.shop.columns import exact_text
from segrules.shop.mapping import Entity, Mapping
from segrules.testing.backends import BACKENDS

from .conftest import Stores
from .shops import ids


@pytest.mark.parametrize("backend", BACKENDS)
def test_text_ids_and_a_schema(backend: str, stores: Stores) -> None:
    engine = stores(backend).engine
    people = sa.Table(
        "people",
        sa.MetaData(),
        sa.Column("code", exact_text(20), primary_key=True),
        sa.Column("mail", exact_text(50)),
        sa.Column("enabled", sa.Boolean),
        sa.Column("born", sa.DateTime),
    )
    fields = {"email": people.c.mail, "is_active": people.c.enabled, "created_at": people.c.born}
    shop = Shop(Mapping({"": Entity(people, key=people.c.code, fields=fields)}))
    schema = f"{engine.dialect.name}_{id(engine)}" if backend in ("postgresql", "duckdb") else None
    store = SegmentStore(engine, shop, prefix="own_", schema=schema)
    with engine.begin() as connection:
        if schema is not None:
            connection.execute(sa.schema.CreateSchema(schema))
        people.create(connection)
        rows = [(f"k{n}", f"x{n % 2}@example.org", True, datetime(2020, 1, 1)) for n in range(6)]
        connection.execute(people.insert(), [dict(zip(people.c.keys(), row, strict=True)) for row in rows])
    try:
        assert not store.exists()
        store.create_tables()
        assert store.exists()
        store.save(Segment(name="one", rule='customer.email is "x1@example.org"'))
        assert store.refresh("one").matched == 3
        assert ids(store, "one") == ["k1", "k3", "k5"]
        assert (store.contains("one", "k1"), store.matches("one", "k2")) == (True, False)
        with engine.begin() as connection:
            connection.execute(sa.update(people).where(people.c.code == "k1").values(mail=None))
        assert store.refresh("one", customers=["k1", "k2"]).left == 1
        written = io.StringIO()
        assert store.export("one", written, format="csv", fields=["email"]) == 2
        first = written.getvalue().splitlines()[1].split(",")
        assert (first[0], first[1], first[3]) == ("k3", "", "x1@example.org")
    finally:
        store.metadata.drop_all(engine)
        people.drop(engine)
        if schema is not None:
            with engine.begin() as connection:
                connection.execute(sa.schema.DropSchema(schema))
