"""``segrules doctor`` and ``segrules map``: what they say of databases that fit, that nearly fit, and that do not."""

import sqlite3
import time

import pytest

FILE = """
[customer]
table = "people"
same = ["email"]
fields = { created_at = { column = "since", kept = "epoch" } }
[orders]
table = "sales"
parent = "person"
[orders.fields]
grand_total = { column = "total", kept = "float" }
created_at = "placed"
status = { column = "state", codes = { complete = 1, canceled = 2 } }
[statuses]
closed = []
"""
NOW = int(time.time())


@pytest.fixture
def shop(tmp_path, cli):
    """A database with a mapping file beside it; SQL changes the one, replacements the other."""

    def make(*sql, file=FILE, replacing=()):
        connection = sqlite3.connect(tmp_path / "shop.db")
        connection.executescript(
            f"""
            CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, since INTEGER);
            CREATE TABLE sales (id INTEGER PRIMARY KEY, person INTEGER, total REAL, placed TIMESTAMP, state INTEGER);
            INSERT INTO people VALUES (1, 'a@example.org', {NOW - 86400}), (2, 'b@example.org', {NOW});
            INSERT INTO sales VALUES (1, 1, 10.5, '2025-01-01 00:00:00', 1), (2, 1, 7, '2025-02-01T10:00:00Z', 2);
            """
        )
        for each in sql:
            connection.execute(each)
        connection.commit()
        connection.close()
        for old, new in replacing:
            assert old in file
            file = file.replace(old, new)
        (tmp_path / "segrules.toml").write_text(file, encoding="utf-8")
        return ("--shop", "segrules.toml", "--database", "shop.db")

    return make


def findings(cli, options, code):
    return [
        (each["level"], each["place"], each["message"]) for each in cli.json("doctor", *options, code=code)["findings"]
    ]


def test_a_mapping_that_fits(cli, shop):
    options = shop()
    assert findings(cli, options, 0) == []
    assert "The mapping fits." in cli("doctor", *options, "--strict").output


@pytest.mark.parametrize(
    ("replacing", "place", "said"),
    [
        (("people", "peple"), "customer.table", 'there is no table "peple"; did you mean "people"?'),
        (('"since"', '"sinc"'), "customer.fields.created_at", 'has no column "sinc"; did you mean "since"?'),
        (('kept = "epoch"', 'kept = "utc"'), "customer.fields.created_at", 'kept = "epoch" (or epoch_ms)'),
        (('kept = "epoch"', 'kept = "epoch_ms"'), "customer.fields.created_at", 'looks like kept = "epoch"'),
        (('"person"', '"email"'), "orders.parent", 'has no column "email"'),
        (("complete = 1, canceled = 2", 'complete = "1", canceled = "2"'), "orders.fields.status", "cannot hold text"),
    ],
)
def test_what_is_wrong_is_an_error(replacing, place, said, cli, shop):
    (level, where, message), *rest = findings(cli, shop(replacing=[replacing]), 1)
    assert (level, where, rest) == ("error", place, [])
    assert said in message


@pytest.mark.parametrize(
    ("sql", "place", "said"),
    [
        ("UPDATE sales SET placed = '2999-01-01' WHERE id = 1", "orders.fields.created_at", "1 moment in the future"),
        ("UPDATE sales SET placed = datetime('now', '+2 hours')", "orders.fields.created_at", "is it local time?"),
        ("UPDATE people SET since = 0 WHERE id = 1", "customer.fields.created_at", "NULLIF(since, 0)"),
        (
            "UPDATE sales SET state = 7 WHERE id = 1",
            "orders.fields.status",
            "holds 7 in 1 row, for which no code stands",
        ),
    ],
)
def test_what_is_odd_is_a_warning(sql, place, said, cli, shop):
    options = shop(sql)
    (level, where, message), *rest = findings(cli, options, 0)
    assert (level, where, rest) == ("warning", place, [])
    assert said in message
    cli("doctor", *options, "--strict", code=1)


def test_text_that_is_no_moment_is_an_error(cli, shop):
    (level, where, message), *rest = findings(cli, shop("UPDATE sales SET placed = 'yesterday' WHERE id = 1"), 1)
    assert (level, where, rest) == ("error", "orders.fields.created_at", [])
    assert 'some of it cannot be read as kept = "utc"' in message


def test_indexes_are_missed_where_there_are_many_rows(cli, shop):
    many = "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
    options = shop(f"INSERT INTO sales (id, person, total) {many} SELECT i, 9, 1 FROM n")
    found = [place for _, place, message in findings(cli, options, 0) if "index" in message]
    assert found == ["orders.parent", "orders.fields.created_at"]
    assert "1,198 belong to nothing" in cli("doctor", *options).output


def test_a_file_with_mistakes_and_no_file_at_all(cli, shop):
    options = shop(replacing=[("same", "sam")])
    assert "customer.sam: there is no key" in cli("doctor", *options, code=2).output
    assert "there is no file none.toml" in cli("doctor", "--shop", "none.toml", "--database", "shop.db", code=2).output
    assert "no database file" in cli("doctor", "--database", "x.db", code=3).output


def test_the_default_shop(cli, shop_url, shop):
    assert "The mapping fits." in cli("doctor", "--database", shop_url).output
    shop()
    assert 'there is no table "customers"' in cli("doctor", "--database", "shop.db", code=1).output


def test_every_command_takes_the_file(cli, shop):
    options = shop()
    rule = "lifetime.sales = 10.50"
    assert cli.json("count", rule, *options)["count"] == 1
    assert cli.json("explain", rule, "1", *options)["member"]
    assert "FROM people" in cli("sql", rule, "--shop", "segrules.toml").output
    assert "pending" not in cli("conditions", "order", "--shop", "segrules.toml").output
    assert "canceled" in cli("check", "-e", "order.status is cancelled", "--shop", "segrules.toml", code=1).output
    cli("format", "-e", "order.status is complete", env={"SEGRULES_SHOP": "segrules.toml"})
    cli("segments", *options, code=3)
    said = cli("count", rule, *options[:2], "--database", "shop.db", "--timezone", "Nowhere", code=2).output
    assert "no time zone" in said


def test_a_query_that_fails_names_what_the_file_has_wrong(cli, shop):
    options = shop(replacing=[('"total"', '"totl"')])
    said = cli("count", "lifetime.sales > 1", *options, code=3).output
    assert 'orders.fields.grand_total: table "sales" has no column "totl"; did you mean "total"?' in said


# --- map ---


def test_map_finds_a_shop_like_our_own(cli, shop_url, tmp_path):
    written = cli.json("map", "--database", shop_url, "--timezone", "Europe/Rome")
    (tmp_path / "segrules.toml").write_text(written["toml"], encoding="utf-8")
    assert written["guesses"] == 1  # that whole numbers are cents
    found = cli.json("doctor", "--shop", "segrules.toml", "--database", shop_url)
    assert found["errors"] == 0
    assert [each["word"] for each in found["conditions"] if each["reason"]] == []


def test_map_guesses_and_says_so(cli, tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        f"""
        CREATE TABLE clients (client_no INTEGER PRIMARY KEY, mail TEXT, dob DATE, registered INTEGER, shoe INTEGER);
        CREATE TABLE purchases (id INTEGER PRIMARY KEY, client_id INTEGER, total REAL, placed_at INTEGER, state TEXT);
        CREATE TABLE order_lines (id INTEGER PRIMARY KEY, purchase_id INTEGER REFERENCES purchases(id), title TEXT,
                                  quantity INTEGER, unit_price REAL);
        INSERT INTO clients VALUES (1, 'a@example.org', '1990-01-01', {NOW * 1000}, 42);
        INSERT INTO purchases VALUES (1, 1, 9.99, {NOW * 1000}, 'paid'), (2, 1, 1, {NOW * 1000}, 'cancelled');
        """
    )
    connection.close()
    toml = cli("map", "--database", "shop.db").stdout
    (tmp_path / "segrules.toml").write_text(toml, encoding="utf-8")
    for line in (
        'times = "epoch_ms"',
        'money = "float"',
        'parent = "client_id"  # guess: no foreign key says that "client_id" points to clients',
        "# not mapped: shoe",
        'canceled = ["cancelled"]  # guess: orders that do not count at all',
    ):
        assert line in toml
    assert cli.json("doctor", "--shop", "segrules.toml", "--database", "shop.db")["errors"] == 0
    assert cli.json("count", "lifetime.sales = 9.99", "--shop", "segrules.toml", "--database", "shop.db")["count"] == 1


def test_map_needs_customers(cli, tmp_path):
    sqlite3.connect(tmp_path / "shop.db").execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    said = cli("map", "--database", "shop.db", code=3).output
    assert "no table looks like one of customers; there is things" in said


def test_map_prints_the_file_of_a_preset_to_adapt(cli, tmp_path):
    toml = cli("map", "--preset", "woocommerce").stdout
    (tmp_path / "segrules.toml").write_text(toml.replace("wp_", "shop_"), encoding="utf-8")
    assert "shop_wc_orders" in cli("sql", "lifetime.orders > 1", "--shop", "segrules.toml").stdout
    assert cli.json("map", "--preset", "woocommerce") == {"toml": toml, "guesses": 0}
    said = cli("map", "--preset", "woocommerce", "--timezone", "UTC", code=2).output
    assert "--preset prints a file as it is; write schema and timezone into it" in said


def test_map_says_what_keys_are(cli, tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        """
        CREATE TABLE clienti (codice VARCHAR(9) PRIMARY KEY, mail VARCHAR(99), cognome VARCHAR(99));
        CREATE TABLE ordini (num INTEGER PRIMARY KEY, codice VARCHAR(9), totale NUMERIC(9, 2));
        INSERT INTO clienti VALUES ('A-1', 'a@example.org', 'Rossi');
        INSERT INTO ordini VALUES (1, 'A-1', 9);
        """
    )
    connection.close()
    toml = cli("map", "--database", "shop.db").stdout
    assert 'key = { column = "codice", type = "text" }' in toml
    assert 'table = "ordini"' in toml
    file = tmp_path / "segrules.toml"
    file.write_text(toml, encoding="utf-8")
    assert "The mapping fits." in cli("doctor", "--shop", file, "--database", "shop.db").output
    file.write_text(toml.replace('{ column = "codice", type = "text" }', '"codice"'), encoding="utf-8")
    said = cli("doctor", "--shop", file, "--database", "shop.db", code=1).output
    assert 'error: customer.key: "codice" is VARCHAR(9): key = { column = "codice", type = "text" }' in said


def test_map_of_a_schema_without_tables(cli, tmp_path):
    sqlite3.connect(tmp_path / "shop.db").execute("PRAGMA user_version = 1")
    said = cli("map", "--database", "shop.db", code=3).output
    assert "the usual schema has no tables; the schemas of this database are main" in said
