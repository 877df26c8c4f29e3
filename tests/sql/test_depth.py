"""Rules that are long or deep: they run, or are refused before the database sees them, but never fail in it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from segrules import sql
from segrules.errors import BackendError, RuleError
from segrules.rule import Rule, parse
from segrules.shop.default import DefaultTables
from segrules.shop.shop import Shop

#: Ways to stand around a condition on an order; each leads back to a condition on an order.
WRAPPED = (
    "any order where ({})",
    "no order where ({})",
    "every order where ({})",
    "not (any order where ({}))",
    "not (grand_total = 7 or {})",
    "any order where (grand_total = 7 and {})",
    "no order where (grand_total = 7 and (grand_total = 8 or {}))",
    "every order where (any item where (price > 1 and {}) or grand_total = 3)",
    "at least 2 orders where ({})",
    "last order has ({})",
    "any order where (max(order.grand_total where {}) > 1)",
    "at most 1 order where (sum(order.grand_total where grand_total > 5) > 3 or {})",
)
CHAINS = [" and ", " or "]


@pytest.fixture(scope="module")
def asked(engine: sa.Engine, shop: DefaultTables) -> Callable[[Rule], bool]:
    """Runs a rule in each of its forms; whether the database was asked, since a refusal is an answer as well."""
    default = Shop.default(prefix=shop["customers"].name.removesuffix("customers"))

    def ask(rule: Rule) -> bool:
        try:
            statement = rule.select(default, engine.dialect)
            some = rule.select(default, engine.dialect, among=[1, 3, 5])
        except BackendError as refusal:
            if "nests too deep for SQLite" in str(refusal):
                return False
            raise
        with engine.connect() as connection:
            ids = set(connection.scalars(statement))
            assert set(connection.scalars(some)) == ids & {1, 3, 5}
            assert connection.scalar(sql.count(statement)) == len(ids)
        return True

    return ask


@pytest.mark.parametrize("levels", [1, 6, 10, 30])
def test_rows_in_rows(asked: Callable[[Rule], bool], engine: sa.Engine, levels: int) -> None:
    levels = levels if engine.dialect.name == "sqlite" else min(levels, 8)
    rule = parse("any order where (" * levels + "grand_total > 1" + ")" * levels)
    assert asked(rule) or (engine.dialect.name == "sqlite" and levels > 6)


@pytest.mark.parametrize("word", CHAINS)
def test_many_conditions(asked: Callable[[Rule], bool], engine: sa.Engine, word: str) -> None:
    many, inner = {"sqlite": (300, 60), "duckdb": (12, 12)}.get(engine.dialect.name, (120, 55))
    assert asked(parse(word.join(f"any order where (grand_total = {number})" for number in range(many))))
    inside = word.join(f"any item where (price = {number})" for number in range(inner))
    assert asked(parse(f"no order where ({inside})"))


@pytest.mark.parametrize("word", CHAINS)
def test_more_sub_queries_than_duckdb_plans(word: str) -> None:
    def rule(many: int) -> Rule:
        return parse(word.join(f"any order where (grand_total = {number})" for number in range(many)))

    shop = Shop.default()
    assert rule(100).select(shop, "duckdb") is not None
    assert parse("activity.days_inactive > 3").select(Shop.default("Europe/Rome"), "duckdb") is not None
    with pytest.raises(BackendError, match=r"makes 101 sub-queries and DuckDB plans 100 at most.*make segments"):
        rule(101).select(shop, "duckdb")


def test_any_mix_is_answered_or_refused(asked: Callable[[Rule], bool], engine: sa.Engine) -> None:
    """At each depth, and so on both sides of the edge, wherever the installed SQLite has it."""
    chance, depths = random.Random(7), {True: [0], False: []}
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has an edge that a rule can reach")
    for levels in [*range(1, 11), 24]:
        for _ in range(2):
            text = "grand_total > 1"
            for _ in range(levels):
                text = chance.choice(WRAPPED).format(text)
            try:
                rule = parse(text)
            except RuleError:  # deeper than the language goes
                continue
            depths[asked(rule)].append(levels)
    assert max(depths[True]) >= 5
