"""What a mapping file can say beyond columns, and what is said when it is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.testing.backends import BACKENDS, fresh_or_skipped

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
WRONG = """
timezone = "Europe/Roma"
times = "epok"
colour = "red"
[custmer]
[customer]
same = ["emial", "email", "email"]
key = { column = "nr", typ = "text" }
joins.shop = { table = "shops" }
joins.meta = { table = "meta", attribute = "name" }
[customer.fields]
email = "mail"
id = "nr"
created_at = "shp.created"
gender = { column = "g", codes = { femlae = "F", male = "F" } }
birth_date = { column = "b", sql = "x" }
points = "points"
level = { column = "l", type = "chois" }
is_active = { column = "a", codes = { yes = 1 } }
[orders]
table = "o"
decimals = 9
[orders.fields]
grand_total = { column = "t", kept = "cents" }
status = { column = "s", codes = { open = 1, canceled = 2 } }
created_at = { json = "data" }
[orders.itms]
table = "x"
"""
SAID = """
timezone: there is no time zone "Europe/Roma"; write a name like "Europe/Rome" or "UTC"
times: moments cannot be kept as "epok"; a zone has a name like Europe/Rome; did you mean "epoch"?
colour: there is no relation "colour" here
custmer: there is no relation "custmer" here; did you mean "customer"?
customer: say where its rows are: table = … or query = …
customer.joins.shop.on: name the column that points to this table
customer.joins.meta: a key-value table has both: attribute = … and value = … are its columns
customer.key.typ: there is no key "typ" here; did you mean "type"?
customer.same: there is no field "emial"; did you mean "email"?
customer.same: "email" stands there twice
customer.fields.email: stands in "same" as well
customer.fields.id: the id is the key: write key = … in the section itself
customer.fields.created_at: there is no join "shp"; a column with a dot in its name is { column = "shp.created" }
customer.fields.gender.codes: F stands for two choices
customer.fields.gender.codes.femlae: there is no choice "femlae"; did you mean "female"?
customer.fields.birth_date: one of column, sql, json and attribute says where it is; column and sql are given
customer.fields.points: there is no field "points"; a field of the shop's own says its type
customer.fields.level.type: "chois" is not known; did you mean "choice"?
customer.fields.is_active.codes: "is_active" is yes or no, which has none
orders.itms: there is no key "itms" here; did you mean "items"?
orders.decimals: is 9, and can be 0 to 4
orders.fields.grand_total.kept: numbers cannot be kept as "cents"; there is decimal, minor, float
orders.fields.created_at.path: a member of JSON has both: json = "column" and path = "member.of.it"
statuses.closed: "closed" is no choice of orders.fields.status; say which are: closed = [] if none is
"""


def test_all_mistakes_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "segrules.toml"
    file.write_text(WRONG, "utf-8")
    with pytest.raises(sr.ShopError) as caught:
        sr.Shop.load(file)
    found = str(caught.value).splitlines()
    wanted = SAID.strip().splitlines()
    assert len(found) == len(wanted), "\n".join(found)
    for said, start in zip(found, wanted, strict=True):
        assert said.startswith(f"{file}: {start}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[customer\n", "is no TOML: .*line 1"),
        (b"a = '\xff'", "is not UTF-8: byte 5"),
        (b"", "customer: is missing"),
        (b"x" * 1_000_001, "has 1,000,001 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_at_all(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "segrules.toml"
    file.write_bytes(content)
    with pytest.raises(sr.ShopError, match=said):
        sr.Shop.load(file)
    with pytest.raises(sr.ShopError, match="cannot be read"):
        sr.Shop.load(tmp_path / "none.toml")


FILE = r'''
timezone = "Europe/Rome"

[customer]
table = "people"
key = { column = "code", type = "text" }
where = "note IS NULL OR note <> 'a:b%'"
same = ["email"]
joins.site = { table = "sites", on = "site_no", key = "no" }
joins.country = { table = "lands", on = "site.land", key = "no" }
joins.meta = { table = "meta", key = "person", attribute = "k", value = "v", on = "code" }
joins.once = { table = "once", key = "person", attribute = "k", value = "v", on = "code", unique = true, text = false }

[customer.fields]
website = { column = "site.host", choices = ["one", "two"] }
group = { column = "country.iso", choices = ["IT", "DE"] }
gender = { column = "meta.sex", codes = { female = 2, male = [1, 3] } }
birth_date = "meta.born"
created_at = { column = "since", kept = "local" }
points = { join = "once", attribute = 7, type = "whole" }
score = { sql = "100 * base + extra", type = "amount", kept = "float" }
vip = { json = "data", path = ["flags", "is vip"], type = "yes_no" }
limit = { json = "data", path = "limit", type = "amount" }

[orders]
query = """
  SELECT nr, person, total, placed, state FROM sales WHERE state <> ' :x'
  UNION ALL SELECT nr + 1000, person, total, placed, state FROM old_sales;
"""
key = "nr"
parent = "person"
money = "minor"
same = []

[orders.fields]
grand_total = "total"
created_at = { column = "placed", kept = "epoch_ms" }
status = { column = "state", choices = ["new", "done"] }

[statuses]
canceled = []
closed = []
'''
RULES = {
    "customer.website is one": ["a", "b"],
    "customer.website is not one": ["c", "d"],
    "customer.group is IT": ["a", "b"],
    "customer.group is not set": ["d"],
    "customer.gender is male": ["b", "c"],
    "customer.gender is not set": ["d"],
    "customer.birth_date before 1990-01-01": ["a"],
    "customer.points > 4": ["b"],
    "customer.points is not set": ["c", "d"],
    "customer.score = 100.13": ["a"],
    "customer.vip": ["a"],
    "customer.limit >= 12.5": ["b"],
    "lifetime.sales = 30.01": ["a"],
    "order.created_at before 2025-07-01": ["a", "c"],
    "count(order where status is done) = 0": ["b", "d"],
    "customer.created_at before 2025-03-30T01:00Z": ["a"],
    "customer.created_at = 2025-03-30T01:00Z": ["b"],
    "customer.days_since_registration <= 10": ["c"],
}


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    with fresh_or_skipped(request.param) as backend:
        metadata, text = sa.MetaData(), sa.String(60)

        def table(name: str, **columns: Any) -> sa.Table:
            return sa.Table(name, metadata, *(sa.Column(each, kind) for each, kind in columns.items()))

        number, data = sa.Integer, sa.Text
        people = table(
            "people", code=text, email=text, note=text, site_no=number, since=sa.DateTime, base=sa.Double,
            extra=sa.Double, data=data,
        )  # fmt: skip
        rows: dict[sa.Table, list[tuple[Any, ...]]] = {
            people: [
                ("a", "A@x.org", None, 1, datetime(2025, 1, 1), 1.0, 0.125, '{"flags": {"is vip": true}, "limit": 3}'),
                ("b", "b@x.org", "ok", 1, datetime(2025, 3, 30, 2, 30), 1.0, 0.124, '{"limit": "12.50"}'),
                ("c", "c@x.org", None, 2, datetime(2025, 6, 24, 0, 30), None, 1.0, '{"flags": {"is vip": false}}'),
                ("d", "d@x.org", None, None, datetime(2025, 5, 1), 2.0, 1.0, None),
                ("e", "e@x.org", "a:b%", 1, datetime(2025, 1, 1), 1.0, 0.125, None),
            ],
            table("sites", no=number, host=text, land=number): [(1, "one", 39), (2, "two", 49)],
            table("lands", no=number, iso=text): [(39, "IT"), (49, "DE")],
            table("meta", person=text, k=text, v=text): [
                ("a", "sex", "2"), ("b", "sex", "1"), ("c", "sex", "3"), ("d", "sex", "9"), ("a", "born", "1980-05-01"),
                ("b", "born", "1990-01-01"), ("b", "born", "1985-01-01"),
            ],
            table("once", person=text, k=number, v=number): [("a", 7, 4), ("b", 7, 5), ("c", 8, 9)],
            table("sales", nr=number, person=text, total=number, placed=sa.BigInteger, state=text): [
                (1, "a", 1000, 1_750_000_000_000, "done"), (2, "b", 5, 1_751_600_000_000, "new"),
                (3, "c", 1, 1_751_000_000_000, "done"),
            ],
            table("old_sales", nr=number, person=text, total=number, placed=sa.BigInteger, state=text): [
                (1, "a", 2001, 1_600_000_000_000, "done")
            ],
        }  # fmt: skip
        metadata.create_all(backend.engine)
        with backend.engine.begin() as connection:
            for each, content in rows.items():
                connection.execute(each.insert(), [dict(zip(each.c.keys(), row, strict=True)) for row in content])
        yield backend.engine


@pytest.fixture(scope="module")
def shop() -> sr.Shop:
    return sr.Shop.declared(tomllib.loads(FILE))


@pytest.mark.parametrize("rule", RULES)
def test_joins_key_values_json_and_sql_of_ones_own(rule: str, engine: sa.Engine, shop: sr.Shop) -> None:
    parsed = sr.parse(rule, shop)
    with engine.connect() as connection:
        assert sorted(connection.scalars(parsed.select(shop, engine.dialect, at=AT))) == RULES[rule]
        loaded = sr.Customer.load_many(connection, shop, list("abcde"), parsed)
        assert [each["id"] for each in loaded if parsed.predicate(shop, at=AT)(each)] == RULES[rule]


def test_what_is_not_mapped_is_told(shop: sr.Shop) -> None:
    with pytest.raises(sr.ShopError, match='maps no table for "newsletter"'):
        sr.parse("newsletter.status is subscribed", shop).select(shop, "sqlite", at=AT)
    with pytest.raises(sr.RuleError, match="new"):
        sr.parse("order.status is complete", shop)


def test_what_is_never_missing_reads_nothing_in_sql_and_in_memory(engine: sa.Engine, shop: sr.Shop) -> None:
    rule = sr.parse("lifetime.profit is set and lifetime.refunds is set", shop)
    with engine.connect() as connection:
        ids = connection.scalars(rule.select(shop, engine.dialect, at=AT)).all()
        loaded = sr.Customer.load_many(connection, shop, ids, rule)
        assert ids and all(map(rule.predicate(shop, at=AT), loaded))
        with pytest.raises(sr.ShopError, match=r'maps no table for "orders\.refunds"'):
            sr.Customer.load(connection, shop, ids[0], sr.parse("lifetime.profit > 0", shop))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_single_needs_nothing_to_pick_by(backend: str) -> None:
    shop = sr.Shop.declared({
        "customer": {"table": "k", "fields": {"email": "mail"}},
        "newsletter": {"table": "k", "key": "id", "parent": "id", "single": True, "fields": {
            "status": {"column": "nl", "codes": {"subscribed": "si", "not_subscribed": "no"}},
        }},
    })  # fmt: skip
    with fresh_or_skipped(backend) as opened, opened.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE k (id INTEGER PRIMARY KEY, mail VARCHAR(9), nl VARCHAR(2))")
        connection.exec_driver_sql("INSERT INTO k VALUES (1, 'a', 'si'), (2, 'b', 'no'), (3, 'c', NULL)")
        for text, ids in (
            ("newsletter.status is subscribed", [1]),
            ("newsletter.status is not subscribed", [2, 3]),
            ("newsletter.status is subscribed or customer.email is 'b'", [1, 2]),
            ("newsletter.status is newsletter.status", [1, 2, 3]),
        ):
            rule = sr.parse(text, shop)
            assert sorted(connection.scalars(rule.select(shop, opened.engine.dialect, at=AT))) == ids, text
            loaded = sr.Customer.load_many(connection, shop, [1, 2, 3], rule)
            assert [each["id"] for each in loaded if rule.predicate(shop, at=AT)(each)] == ids, text
        rule = sr.parse("newsletter.changed_at is set", shop)
        for ask in (rule.count, lambda *given: sr.Customer.load(given[0], given[1], 1, rule)):
            with pytest.raises(sr.ShopError, match='no column for "changed_at" of "newsletter"'):
                ask(connection, shop)


def test_a_website_that_the_shop_does_not_declare() -> None:
    shop = sr.Shop.default(choices={"customer": {"website": ("main", "uk")}})
    rule = sr.parse("true", shop)
    assert rule.predicate(shop, website="uk")({"id": 1, "website": "uk"})
    for ask in (rule.predicate, lambda shop, website: sr.RuleSet({"all": rule}, shop, website=website)):
        with pytest.raises(sr.EvaluationError, match=r'there is no website "ukk": did you mean "uk"\?'):
            ask(shop, website=["main", "ukk"])
    with pytest.raises(sr.EvaluationError, match='there is no website "zzz": there is main, uk'):
        rule.select(shop, "sqlite", website="zzz")
