"""``segrules demo``: made once, used again, honest about what it finds."""

import json
import shlex
import sqlite3

import pytest

import segrules as sr
from segrules.cli import demo as demo_module
from segrules.demo import RULES

AT = ("--at", "2025-07-04T12:00Z")


@pytest.fixture(params=["shop.db", "shop.duckdb"])
def place(request, cli):
    if request.param.endswith("duckdb"):
        pytest.importorskip("duckdb")
    return request.param


def test_a_shop_is_made_and_the_rules_agree(cli, place):
    out = cli("demo", "--customers", 200, "--database", place, *AT).stdout
    assert out.startswith("A shop of 200 customers, made in ")
    assert f"Database: {place}\nIts present: 2025-07-04T12:00:00Z\n" in out
    for rule in RULES:
        assert rule.name in out and rule.title in out
    assert f"{50 * len(RULES):,} of {50 * len(RULES):,} answers agree" in out


def test_it_is_used_again_as_it_is(cli, place):
    first = cli.json("demo", "--customers", 60, "--database", place, *AT)
    second = cli.json("demo", "--database", place)
    assert first["made"] and not second["made"]
    for each in (*first["rules"], *second["rules"]):
        del each["seconds"]
    assert first["rules"] == second["rules"] and first["at"] == second["at"]
    assert set(first) == {"database", "customers", "at", "made", "rules", "agree"}
    assert set(first["rules"][0]) == {
        "name", "title", "rule", "website", "members", "checked", "agreed", "disagreed",
    }  # fmt: skip


def test_what_it_says_to_type_next_works(cli, place):
    out = cli("demo", "--customers", 100, "--database", place, "--timezone", "Europe/Rome", *AT).stdout
    commands = [line.strip() for line in out.partition("Go on with\n")[2].splitlines()]
    assert len(commands) == 4
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "segrules" and cli(*arguments).stdout


def test_without_a_database_it_is_a_file_in_this_folder(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_module, "find_spec", lambda name: None)
    found = cli.json("demo", "--customers", 20, *AT, env={"SEGRULES_DATABASE": "sqlite:///somebody-elses.db"})
    assert found["database"] == "segrules-demo.db" and (tmp_path / "segrules-demo.db").exists()
    assert not (tmp_path / "somebody-elses.db").exists(), "a shop of one's own is never filled by accident"


def test_another_size_or_moment_needs_a_word(cli):
    cli("demo", "--customers", 30, "--database", "shop.db", *AT)
    for other in (("--customers", 31), ("--at", "2025-07-05T12:00Z")):
        assert "--replace" in cli("demo", "--database", "shop.db", *other, code=2).stderr
    found = cli.json("demo", "--database", "shop.db", "--customers", 31, "--replace", *AT)
    assert found["made"] and found["customers"] == 31


def test_a_database_of_others_is_not_touched(cli, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as other:
        other.execute("create table orders (id integer)")
        other.execute("insert into orders values (1)")
    other.close()
    before = (tmp_path / "shop.db").read_bytes()
    for arguments in ((), ("--replace",)):
        result = cli("demo", "--database", "shop.db", *arguments, code=3)
        assert 'a table "orders" that is not the demonstration\'s' in result.stderr
    assert (tmp_path / "shop.db").read_bytes() == before


def test_a_disagreement_is_a_finding_that_names_the_customers(cli, monkeypatch):
    honest = sr.Rule.predicate

    def lying(self, *arguments, **keywords):
        matches = honest(self, *arguments, **keywords)
        return lambda customer: matches(customer) != (customer["id"] == 7)

    monkeypatch.setattr(sr.Rule, "predicate", lying)
    result = cli("demo", "--customers", 40, "--database", "shop.db", *AT, code=1)
    assert "vip-platinum: they disagree about customer 7\n" in result.stdout
    found = json.loads(cli("demo", "--database", "shop.db", "--json", code=1).stdout)
    assert not found["agree"] and found["rules"][0]["disagreed"] == [7]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--customers", "0"), 2, "--customers"),
        (("--customers", "many"), 2, "--customers"),
        (("--at", "noon"), 2, "no moment"),
        (("--timezone", "Nowhere"), 2, "time zone"),
        (("--database", "sqlite:///no/such/folder/x.db"), 3, "unable to open"),
        (("--database", "shop"), 2, "no database URL"),
    ],
)
def test_mistakes_are_told_in_a_sentence(cli, arguments, code, said):
    assert said in cli("demo", *arguments, code=code).stderr
