"""``sql``, ``count`` and ``explain``: one rule, its circumstances, and a database."""

import json
import sqlite3

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.demo import DemoShop, nested_customers

from datetime import UTC, datetime  # isort: skip

AT = ("--at", "2025-07-04T12:00Z")
CUSTOMERS = list(nested_customers(DemoShop(300, datetime(2025, 7, 4, 12, 0, tzinfo=UTC))))
ACTIVE = [each for each in CUSTOMERS if each["is_active"]]


def test_count_is_the_number_of_members(cli, shop_url):
    expected = sum(any(order["coupon_code"] == "SUMMER" for order in each["orders"]) for each in ACTIVE)
    found = cli.json("count", 'any order where (coupon_code is "SUMMER")', "--database", shop_url, *AT)
    assert found["count"] == expected > 0
    assert set(found) == {"rule", "at", "count", "seconds"} and found["at"] == "2025-07-04T12:00:00+00:00"
    assert cli("count", "true", "--database", shop_url).stdout.startswith(f"{len(ACTIVE)} customers in ")


def test_the_database_may_come_from_the_environment_or_be_a_file_name(cli, shop_url):
    assert cli.json("count", "true", env={"SEGRULES_DATABASE": shop_url})["count"] == len(ACTIVE)
    assert cli.json("count", "true", "--database", shop_url.removeprefix("sqlite:///"))["count"] == len(ACTIVE)


def test_website_and_zone_and_moment_take_part(cli, shop_url):
    british = sum(each["website"] == "uk" for each in ACTIVE)
    american = sum(each["website"] == "us" for each in ACTIVE)
    there = ("--database", shop_url)
    assert cli.json("count", "true", *there, "--website", "uk")["count"] == british
    assert cli.json("count", "true", *there, "--website", "uk", "--website", "us")["count"] == british + american
    rule = "customer.created_at before today"
    day = datetime(2024, 6, 1)
    counts = {
        zone: cli.json("count", rule, *there, "--at", "2024-06-01", "--timezone", zone)["count"]
        for zone in ("UTC", "Pacific/Kiritimati")
    }
    assert counts["UTC"] == sum(each["created_at"] < day for each in ACTIVE)
    assert counts["Pacific/Kiritimati"] <= counts["UTC"], "the day began fourteen hours earlier there"


@pytest.mark.parametrize(
    ("rule", "given", "test"),
    [
        ("lifetime.orders > :n", ["n=2"], None),
        ("customer.group is :g", ["g=club"], lambda each: each["group"] == "club"),
        ("customer.group in :gs", ["gs=club", "gs=staff"], lambda each: each["group"] in ("club", "staff")),
        ("customer.id = :id", ["id=7"], lambda each: each["id"] == 7),
        ("any wishlist where (shared = :yes)", ["yes=true"], lambda each: any(w["shared"] for w in each["wishlists"])),
        (
            "customer.birth_date before :day",
            ["day=1970-01-01"],
            lambda each: each["birth_date"] is not None and each["birth_date"].year < 1970,
        ),
        (
            "customer.created_at before :then",
            ["then=2024-01-01T12:00Z"],
            lambda each: each["created_at"] < datetime(2024, 1, 1, 12),
        ),
    ],
)
def test_parameters_are_read_as_the_rule_takes_them(cli, shop_url, rule, given, test):
    options = [part for each in given for part in ("--param", each)]
    found = cli.json("count", rule, "--database", shop_url, *AT, *options)["count"]
    if test is not None:
        assert found == sum(map(test, ACTIVE))
    assert found > 0


def test_segments_are_given_by_their_rules(cli, shop_url, rule_file):
    club = rule_file("club.seg", "customer.group is club")
    there = ("--database", shop_url, "--segment", f"club={club}")
    members = sum(each["group"] == "club" for each in ACTIVE)
    assert cli.json("count", 'in segment "club"', *there)["count"] == members
    assert cli.json("count", 'not in segment "club"', *there)["count"] == len(ACTIVE) - members


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["count"], 2, "give one rule"),
        (["count", "true", "-e", "true"], 2, "give one rule"),
        (["count", "true"], 2, "SEGRULES_DATABASE"),
        (["count", "true", "--database", "nowhere"], 2, '"nowhere" is no database URL'),
        (["count", "true", "--database", "foo://x"], 2, '"foo" is no database that can be opened'),
        (["count", "true", "--database", "oracle://x"], 2, '"oracle" is no database that can be opened'),
        (["count", "true", "--database", "SHOP", "--shop", "wordpress"], 2, "presets are maho, oscar, woocommerce"),
        (["cuont", "true"], 2, 'there is no command "cuont"; did you mean "count"?'),
        (["explain", "true", "anna", "--database", "SHOP"], 2, "whose ids are whole numbers"),
        (["count", "true", "--database", "a b://c"], 2, "no database URL"),
        (["count", "true", "--database", "sqlite:///no.db"], 3, "there is no database file no.db"),
        (["count", "true", "--database", "no.duckdb"], 3, "there is no database file no.duckdb"),
        (["count", "true", "--database", "garbage.db"], 3, "file is not a database"),
        (["count", "true", "--database", "other.db"], 3, "does not hold the default shop"),
        (["count", "true", "--database", "postgresql://x@127.0.0.1:1/x"], 3, "127.0.0.1"),
        (["count", "true", "--database", "mysql://root:secret@127.0.0.1:1/x"], 3, "root:***@"),
        (["count", "lifetime.sale > 1", "--database", "SHOP"], 1, "lifetime.sales"),
        (["count", "lifetime.orders > :n", "--database", "SHOP"], 2, "--param n=VALUE"),
        (["count", "lifetime.orders > :n", "--database", "SHOP", "--param", "n=x"], 2, '"x" is not a number'),
        (["count", "lifetime.orders > :n", "--database", "SHOP", "--param", "n"], 2, "write name=value"),
        (["count", "lifetime.orders > :n", "--database", "SHOP", "--param", "m=1"], 2, "it has :n"),
        (["count", "lifetime.orders > :n", "--database", "SHOP", "--param", "n=1", "--param", "n=2"], 2, "2 times"),
        (["count", "customer.birth_date > :d", "--database", "SHOP", "--param", "d=1.1.70"], 2, "a day like"),
        (["count", 'in segment "x"', "--database", "SHOP"], 2, "--segment x=FILE"),
        (["count", 'in segment "x"', "--database", "SHOP", "--segment", "x"], 2, "write name=file.seg"),
        (["count", 'in segment "x"', "--database", "SHOP", "--segment", "x=round.seg"], 2, "circle"),
        (["count", "true", "--database", "SHOP", "--timezone", "Nowhere"], 2, "time zone"),
        (["count", "true", "--database", "SHOP", "--at", "noon"], 2, "no moment"),
        (["explain", "true"], 2, "say which customer"),
        (["explain", "true", "5", "--customer", "x.json"], 2, "say which customer"),
        (["explain", "true", "99999", "--database", "SHOP"], 2, "99999"),
        (["explain", "true", "--customer", "no.json"], 2, "no.json cannot be read"),
        (["explain", "true", "--customer", "broken.json"], 2, "no JSON"),
        (["explain", "true", "--customer", "list.json"], 2, "holds no customer"),
        (["explain", "true", "--customer", "odd.json"], 2, "did you mean orders?"),
        (["sql", "true", "--values", "--inline"], 2, "take one"),
        (["sql", "true", "--dialect", "oracle"], 2, "oracle"),
    ],
)
def test_every_mistake_of_a_user_is_told_in_a_sentence(cli, shop_url, rule_file, tmp_path, arguments, code, said):
    rule_file("garbage.db", "this is not a database at all, just some text")
    rule_file("round.seg", 'lifetime.orders > 1 and in segment "x"')
    rule_file("broken.json", "{")
    rule_file("list.json", "[1]")
    rule_file("odd.json", '{"id": 1, "order": []}')
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table customers (id integer)")
    other.close()
    result = cli(*(shop_url if each == "SHOP" else each for each in arguments), code=code)
    assert said in result.stderr
    assert "Traceback" not in result.output and "secret" not in result.output


def test_a_missing_driver_names_what_to_install(cli, monkeypatch):
    import builtins

    honest = builtins.__import__

    def without_driver(name, *arguments, **keywords):
        if name.split(".")[0] == "psycopg":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return honest(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    result = cli("count", "true", "--database", "postgresql://x@127.0.0.1/x", code=3)
    assert "pip install 'segrules[postgresql]'" in result.stderr


# --- explain ---------------------------------------------------------------------------------------

RULE = "lifetime.orders > 1 and newsletter.status is subscribed"


def test_the_database_and_memory_explain_alike(cli, shop_url, tmp_path):
    plain = {name: value for name, value in CUSTOMERS[10].items() if name != "newsletter"}
    plain["newsletter"] = {"status": CUSTOMERS[10]["newsletter"]["status"]}
    (tmp_path / "customer.json").write_text(json.dumps(plain, default=str))
    in_database = ("explain", RULE, CUSTOMERS[10]["id"], "--database", shop_url, *AT)
    in_memory = ("explain", RULE, "--customer", "customer.json", *AT)
    assert cli(*in_database).stdout == cli(*in_memory).stdout
    stored = cli.json(*in_database)
    assert set(stored) == {"rule", "at", "member", "explanation"} and stored["member"] is True
    assert set(stored["explanation"]) == {"text", "truth", "values", "children"}


def test_the_tree_shows_truth_and_values(cli):
    customer = json.dumps({"id": 1, "orders": [{"id": 1, "grand_total": 10.5}, {"id": 2, "grand_total": 0.1}]})
    out = cli("explain", "lifetime.sales > 10.5 and lifetime.orders > 2", "--customer", "-", stdin=customer).stdout
    assert "✓ lifetime.sales > 10.5" in out and "lifetime.sales = 10.6" in out
    assert "✗ lifetime.orders > 2" in out and "lifetime.orders = 2" in out


def test_with_the_rule_behind_e_the_argument_is_the_customer(cli, shop_url):
    assert cli("explain", "-e", "true", "3", "--database", shop_url).stdout.startswith("✓ member")


# --- sql -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb", "duckdb"])
def test_a_statement_for_each_database(cli, dialect):
    found = cli.json("sql", 'lifetime.sales > 950 and customer.email contains "x"', "--dialect", dialect, *AT)
    assert set(found) == {"rule", "dialect", "at", "sql", "values", "plan"} and found["dialect"] == dialect
    assert found["sql"].startswith("SELECT customers.id\nFROM customers\n")
    assert all(f":{name}" in found["sql"] for name in found["values"]) and found["values"]
    assert "950" not in found["sql"] and '"x"' not in found["sql"], "values are bound, never written"


def test_what_is_shown_is_what_is_run(cli, shop_url):
    """The statement as printed, with the values beside it, finds the very members."""
    rule = 'any order where (coupon_code is "SUMMER") and lifetime.sales > 100'
    found = cli.json("sql", rule, "--dialect", "sqlite", *AT)
    engine = sa.create_engine(shop_url)
    sr.prepare(engine)
    with engine.connect() as connection:
        ids = connection.execute(sa.text(found["sql"]), found["values"]).scalars().all()
    assert len(ids) == cli.json("count", rule, "--database", shop_url, *AT)["count"] > 0


def test_values_beside_the_statement_or_in_it(cli):
    rule = "lifetime.sales > 950 and customer.created_at before 2025-01-01"
    beside = cli("sql", rule, "--values").stdout
    assert "= 950" in beside and "2025-01-01 00:00:00 UTC" in beside
    inline = cli("sql", rule, "--inline").stdout
    assert inline.startswith("-- For reading") and "'2025-01-01" in inline and ":param" not in inline
    assert ":param" in cli("sql", rule).stdout


def test_the_plan_tells_what_was_chosen(cli):
    out = cli("sql", "lifetime.sales > 950", "--plan").stdout
    assert "orders" in out.splitlines()[-1]
