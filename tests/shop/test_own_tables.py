"""A shop of odd names, float money, epoch times, soft deletes and guests, as a new user would map it in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import segrules as sr
from segrules.cli.group import segrules
from segrules.testing.backends import BACKENDS, fresh_or_skipped

FILE = Path(__file__).parent / "odd" / "segrules.toml"
AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
METADATA = sa.MetaData()
KD = sa.Table(
    "KD Stamm", METADATA, sa.Column("kdnr", sa.Integer, primary_key=True), sa.Column("e-mail", sa.String(100)),
    sa.Column("angelegt", sa.BigInteger), sa.Column("geb", sa.Date), sa.Column("anrede", sa.String(1)),
    sa.Column("gesperrt", sa.SmallInteger), sa.Column("stufe", sa.String(10)), sa.Column("geloescht", sa.BigInteger),
)  # fmt: skip
BON = sa.Table(
    "bon", METADATA, sa.Column("bon_nr", sa.Integer, primary_key=True), sa.Column("kunde", sa.Integer, index=True),
    sa.Column("gast_mail", sa.String(100)), sa.Column("zeit", sa.BigInteger), sa.Column("endbetrag", sa.Double),
    sa.Column("st", sa.SmallInteger, nullable=False), sa.Column("extra", sa.Text),
)  # fmt: skip
BONZEILE = sa.Table(
    "bonzeile", METADATA, sa.Column("zeile", sa.Integer, primary_key=True),
    sa.Column("bon_nr", sa.Integer, sa.ForeignKey("bon.bon_nr")), sa.Column("sku", sa.String(20)),
    sa.Column("name", sa.String(50)), sa.Column("menge", sa.Integer), sa.Column("epreis", sa.Double),
)  # fmt: skip


def seconds(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type]


ROWS = [
    (KD, [
        (1, "Ann@Example.com", seconds(2023, 5, 1), date(1980, 7, 5), "F", 0, "gold", None),
        (2, "ben@example.org", seconds(2025, 6, 24), None, "X", 0, "silver", None),
        (3, "cat@example.com", seconds(2025, 6, 23, 22), None, "D", 0, None, None),
        (4, "dan@example.com", seconds(2020, 1, 1), date(1980, 7, 5), "H", 1, "gold", None),  # locked
        (5, "eve@example.com", seconds(2020, 1, 1), date(1980, 7, 5), "H", 0, "gold", 5),  # deleted
    ]),
    (BON, [
        (1, 1, None, seconds(2025, 6, 1), 99.99, 1, '{"coupon": {"code": "X1"}}'),
        (2, 1, None, seconds(2025, 6, 20), 0.01, 2, '{"coupon": null}'),
        (3, None, "BEN@example.org", seconds(2025, 6, 30), 100.004999, 1, None),  # a guest
        (4, 0, "ann@example.com", seconds(2024, 1, 1), 0.1 + 0.2, 9, "{}"),  # a guest, canceled
        (5, 3, None, seconds(2025, 1, 1), 50.0, 0, '{"coupon": {"code": 5}}'),
    ]),
    (BONZEILE, [(1, 1, "a-1", "Thing", 2, 49.995), (2, 3, "a-1", "Thing", 1, 100.0)]),
]  # fmt: skip

#: Each with the members that were found by reading the rows above.
RULES = {
    'customer.email ends with "@example.com"': [1, 3],
    "lifetime.sales >= 100": [1, 2],  # 99.99 + 0.01 is 100 exactly, and 100.004999 rounds to 100.00
    "lifetime.sales > 100": [],
    "customer.gender is other and customer.days_since_registration = 10": [2, 3],  # in Berlin both came on the 24th
    'order.coupon_code = "X1"': [1],
    'any order_item where (sku is "A-1" or name is "THING" and qty = 2)': [1],
    "customer.birthday in next 7 days": [1],
    "activity.days_since_last_order > 30": [3],
    "count(order where created_at in last 90 days) >= 2": [1],
    "count(order where status is canceled) = 1 and customer.loyalty is gold": [1],
}


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    with fresh_or_skipped(request.param) as backend:
        METADATA.create_all(backend.engine)
        with backend.engine.begin() as connection:
            for table, rows in ROWS:
                connection.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
        yield backend.engine


@pytest.fixture(scope="module")
def shop() -> sr.Shop:
    return sr.Shop.load(FILE)


def test_the_file_is_short() -> None:
    assert len(FILE.read_text("utf-8").splitlines()) < 40


def test_the_file_fits(engine: sa.Engine, shop: sr.Shop) -> None:
    shop.check(engine)


@pytest.mark.parametrize("rule", RULES)
def test_members_in_sql_and_in_memory(rule: str, engine: sa.Engine, shop: sr.Shop) -> None:
    parsed = sr.parse(rule, shop)
    with engine.connect() as connection:
        assert sorted(connection.scalars(parsed.select(shop, engine.dialect, at=AT))) == RULES[rule]
        for needs in (parsed, None):
            customers = sr.Customer.load_many(connection, shop, [1, 2, 3, 4], needs)
            assert [each["id"] for each in customers if parsed.predicate(shop, at=AT)(each)] == RULES[rule]


def test_an_index_on_an_epoch_column_serves(engine: sa.Engine, shop: sr.Shop) -> None:
    statement = sr.parse("customer.created_at in last 7 days", shop).select(shop, engine.dialect, at=AT)
    assert ".angelegt >= " in str(statement.compile(dialect=engine.dialect))


def test_doctor_finds_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = sa.create_engine(url)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        for table, rows in ROWS:
            connection.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
    arguments = ["doctor", "--shop", str(FILE), "--database", url, "--strict"]
    found = CliRunner().invoke(segrules, [*arguments, "--json"])
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert document["findings"] == []
    assert [(each["path"], each["rows"], each["lost"]) for each in document["relations"]] == [
        ("", 4, 0), ("orders", 5, 0), ("orders.items", 2, 0)
    ]  # fmt: skip
    works = {each["word"]: each["reason"] for each in document["conditions"]}
    assert (works["customer"], works["order"], works["lifetime"]) == (None, None, None)
    assert works["newsletter"] is not None and "newsletter" in works["newsletter"]
    assert not any(each["differing"] for each in document["conditions"])
    assert "The mapping fits." in CliRunner().invoke(segrules, arguments).output
