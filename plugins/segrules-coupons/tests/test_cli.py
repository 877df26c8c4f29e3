"""The command, as somebody in front of a terminal sees it."""

import json
from pathlib import Path
from typing import Any

import pytest
import segrules as sr
import sqlalchemy as sa
from click.testing import CliRunner, Result

from segrules_coupons.cli import main
from segrules_coupons.cli.group import COMMANDS

RULES = """
[[rule]]
key = "welcome"
description = "For new customers"
amount = 15
needs_code = true
max_discount = 20.50
currency = "EUR"
ends = 2099-12-31

[[rule]]
key = "shipping"
action = "free_shipping"
condition = "cart.subtotal >= 50"
"""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shop with two customers and the tables of a store; the commands run beside it."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = sa.create_engine(url)
    shop = sr.Shop.default()
    shop.create_tables(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO customers (id, email, created_at, is_active) VALUES (1, 'a@example.com', '2025-01-01', 1)"
        )
    engine.dispose()
    monkeypatch.setenv("SEGRULES_DATABASE", url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    (tmp_path / "cart.json").write_text(
        '{"currency": "EUR", "shipping": 4.90, "items": [{"sku": "A", "price": 19.99, "qty": 3}]}', encoding="utf-8"
    )
    return url


def run(*arguments: str, fails: int = 0, **more: Any) -> Result:
    done = CliRunner().invoke(main, arguments, prog_name="segrules-coupons", **more)
    assert done.exit_code == fails, done.output
    return done


def test_from_rules_to_statistics(database: str, tmp_path: Path) -> None:
    assert run("init").output.startswith("there are now: segrules_coupon_batches, segrules_coupon_customers, ")
    assert run("save", "rules.toml").output == "welcome: 15% off (new)\nshipping: free shipping (new)\n"
    assert "welcome: 15% off (version 2)" in run("save", "rules.toml").output
    listed = run("rules").output.splitlines()
    assert listed[0].split() == ["key", "priority", "code", "used", "offer"]
    assert listed[1].split(maxsplit=5) == ["shipping", "on", "0", "no", "0", "free shipping: cart.subtotal >= 50"]
    assert "max_discount       20.50\n" in run("rules", "welcome").output
    code = run("issue", "welcome", "1", "mail-1", "--days", "7", "--pattern", "HI-####-####-####?").output.strip()
    assert code.startswith("HI-")
    assert run("issue", "welcome", "1", "mail-1").output.strip() == code
    assert "customer     1\n" in run("show", code.lower()).output
    assert run("show", "nothing", fails=1).output == "there is no such code\n"
    assert run("price", "cart.json", "--customer", "1", "--code", code).output.splitlines() == [
        "subtotal 59.97 EUR",
        "  + shipping: free shipping, -4.90 EUR shipping",
        f"  + welcome ({code}): 15% off, -9.00 EUR",
        "shipping 0.00 EUR",
        "total 50.97 EUR",
    ]
    assert "✓ cart.subtotal >= 50" in run("price", "cart.json", "--explain", "shipping").output
    assert "it needs a code" in run("price", "-", "--all", input=(tmp_path / "cart.json").read_text()).output
    assert run("batch", "june", "welcome", "100").output == "june: 100 codes of welcome, ####-####-####?\n"
    assert run("batches").output.splitlines()[-1].split()[:3] == ["june", "welcome", "100"]
    done = run("export", "--batch", "june", "-o", "june.csv")
    assert done.stderr == "100 codes\n"
    assert len((tmp_path / "june.csv").read_text().splitlines()) == 101
    assert run("export", "--rule", "welcome").stdout.count("\n") == 102
    assert run("void", "--batch", "june").output == "100 codes were good, and are withdrawn\n"
    assert run("reap").output == "0 reservations were over\n"
    assert run("clean", "--days", "30").output == "0 codes were deleted\n"
    assert run("statistics").output.splitlines()[-1].split()[:3] == ["welcome", "june", "100"]


def test_orders(database: str) -> None:
    from segrules_coupons import CouponStore

    run("init")
    run("save", "rules.toml")
    code = run("issue", "welcome", "1", "k").output.strip()
    store = CouponStore(sa.create_engine(database))
    store.reserve("order-1", code, 1)
    store.engine.dispose()
    assert run("order", "order-1").output.splitlines()[1].split()[:3] == ["welcome", code, "reserved"]
    assert run("release", "order-1").output.splitlines()[1].split() == ["welcome", code, "released", "-"]


def test_json(database: str) -> None:
    def document(*arguments: str) -> Any:
        return json.loads(run(*arguments, "--json").output)

    run("init")
    run("save", "rules.toml")
    code = document("issue", "welcome", "1", "k")
    assert (code["customer"], code["state"], code["expires"]) == ("1", "active", None)
    assert document("show", code["code"])["code"] == code["code"]
    assert json.loads(run("show", "nothing", "--json", fails=1).output) == {}
    rules = document("rules")["rules"]
    assert [each["offer"] for each in rules] == ["free shipping", "15% off"]
    assert rules[1]["ends"] == "2100-01-01T00:00:00Z"
    price = document("price", "cart.json", "--code", code["code"], "--customer", "1")
    assert price["total"] == "50.97"
    assert [(each["rule"], each["applied"], each["discount"]) for each in price["rules"]] == [
        ("shipping", True, "0.00"),
        ("welcome", True, "9.00"),
    ]
    assert price["codes"][0]["public"] == "The code has been applied."
    assert document("batches")["batches"][0]["personal"] is True
    assert document("statistics", "welcome")["statistics"][0]["issued"] == 1
    failure = json.loads(run("rules", "none", "--json", fails=1).output)
    assert failure == {"error": {"kind": "rule", "message": 'there is no sales rule "none"'}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]]\nkey = 'a'\namuont = 5", 'rule a: "amuont" means nothing; there are key, name'),
        ("[[rule]]\namount = 5", "rule number 1: it has no key"),
        ("[[rule]]\nkey = 'a'", "rule a: a: the action percent needs an amount"),
        ("[[rule]]\nkey = 'a'\naction = 'gift'", "rule a: there is no such action; there are percent, cart_fixed"),
        ("rule = 5", "it has to hold tables [[rule]], and nothing else"),
        ("[[rule]", "rules.toml: Expected"),
        ("[[rule]]\nkey = 'a'\namount = 5\ncondition = 'cart.subtotl > 5'", "did you mean cart.subtotal"),
    ],
)
def test_files_that_are_refused(database: str, text: str, message: str) -> None:
    run("init")
    Path("rules.toml").write_text(text, encoding="utf-8")
    assert message in run("save", "rules.toml", fails=1).output
    assert run("rules").output.splitlines()[1:] == []


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (
            ("rules",),
            3,
            'there are no tables "segrules_coupon…" in this database; make them with: segrules-coupons init',
        ),
        (("rules", "--database", "no.db"), 3, "there is no database file no.db"),
        (("rules", "--database", "duckdb://"), 3, "coupons are kept in sqlite"),
        (("void",), 2, "give the codes, or --batch NAME"),
        (("price", "rules.toml"), 2, "rules.toml holds no JSON"),
        (("batch", "a", "b", "many"), 2, "'many' is not a valid integer"),
    ],
)
def test_failures(database: str, arguments: tuple[str, ...], exit_code: int, message: str) -> None:
    done = run(*arguments, fails=exit_code)
    assert message in done.output
    assert "Traceback" not in done.output


def test_help() -> None:
    text = run("--help").output
    for name in COMMANDS:
        assert f"\n  {name} " in text
        assert run(name, "--help").output.startswith(f"Usage: segrules-coupons {name}")
    assert run("--version").output.startswith("segrules-coupons 0.1")


def test_a_mapped_shop(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE kunden (nr INTEGER PRIMARY KEY, mail TEXT)")
        connection.exec_driver_sql("INSERT INTO kunden VALUES (7, 'g@h.i')")
    engine.dispose()
    (tmp_path / "shop.toml").write_text(
        '[customer]\ntable = "kunden"\nkey = "nr"\nfields.email = "mail"\n', encoding="utf-8"
    )
    monkeypatch.setenv("SEGRULES_SHOP", "shop.toml")
    run("init")
    (tmp_path / "own.toml").write_text(
        '[[rule]]\nkey = "own"\namount = 5\ncurrency = "EUR"\ncondition = \'customer.email ends with "h.i"\'\n',
        encoding="utf-8",
    )
    run("save", "own.toml")
    assert "5% off" in run("price", "cart.json", "--customer", "7").output


def test_a_misspelt_command(database: str) -> None:
    assert 'there is no command "isue"; did you mean "issue"?' in run("isue", fails=2).output
