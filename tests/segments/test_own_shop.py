"""A shop with tables of its own: text ids, no websites, and a store in another schema."""

import io
import json
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from segrules.cli.group import segrules
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


MAPPING = """
[customer]
table = "people"
key = { column = "uid", type = "uuid" }
fields = { email = "mail" }
"""


def test_uuids_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are given and written as text; what is none is told before the database is asked."""
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    engine = sa.create_engine("sqlite:///own.db")
    people = sa.Table("people", sa.MetaData(), sa.Column("uid", sa.Uuid, primary_key=True), sa.Column("mail", sa.Text))
    people.create(engine)
    first, second = UUID(int=1), UUID(int=2)
    with engine.begin() as connection:
        connection.execute(
            people.insert(), [{"uid": each, "mail": f"{each.int}@example.org"} for each in (first, second)]
        )
    Path("shop.toml").write_text(MAPPING, encoding="utf-8")
    Path("rules").mkdir()
    Path("rules/one.seg").write_text('customer.email starts with "1"', encoding="utf-8")
    Path("rules/none.seg").write_text("false", encoding="utf-8")
    Path("changed").write_text(f"{first}\n{second}\n", encoding="utf-8")
    given = {"SEGRULES_DATABASE": "own.db", "SEGRULES_SHOP": "shop.toml"}

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(segrules, arguments, env=given)
        assert result.exit_code == code, result.output
        return result.output

    run("apply", "rules", "--refresh")
    assert json.loads(run("members", "one", "--json"))["members"][0]["customer_id"] == str(first)
    assert json.loads(run("members", "one", "--customer", str(first), "--json"))["customer_id"] == str(first)
    assert run("members", "one", "--after", str(first)).splitlines() == [
        "customer  website  since", "0 of 1 members; all of them: segrules export one",
    ]  # fmt: skip
    assert "+0" in run("refresh", "one", "--customers", "changed")
    assert "member" in run("explain", "true", str(second))
    refused = 'segrules: "7" is no customer of this shop, whose ids are UUIDs\n'
    assert run("members", "one", "--customer", "7", code=2) == refused
    assert run("explain", "true", "7", code=2) == refused
    for name, expected in (("one", [str(first)]), ("none", [])):
        run("export", name, "-o", "members.parquet")
        table = parquet.read_table("members.parquet")
        assert (str(table.schema.field("customer_id").type), table["customer_id"].to_pylist()) == ("string", expected)
