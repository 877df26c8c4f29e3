"""A mapping guessed from a database's names and types fits that database."""

from __future__ import annotations

import tomllib

import pytest

import segrules as sr
from segrules.shop.guessing import guessed
from segrules.testing.backends import BACKENDS, fresh_or_skipped
from segrules.testing.choosing import Seeded
from segrules.testing.customers import Population
from segrules.testing.scene import Scene
from segrules.testing.writing import insert


@pytest.mark.parametrize("backend", BACKENDS)
def test_our_own_tables(backend: str) -> None:
    with fresh_or_skipped(backend) as opened:
        default = sr.Shop.default()
        default.create_tables(opened.engine)
        with opened.engine.begin() as connection:
            insert(connection, default, Population.drawn(Seeded("guess"), Scene(default), 12).customers)
        text = guessed(opened.engine)
        shop = sr.Shop.declared(tomllib.loads(text))
        shop.check(opened.engine)
        with opened.engine.connect() as connection:
            rules = ["customer.group is staff", "lifetime.refunds > 0", "any cart where (status is active)"]
            for rule in rules[backend == "duckdb" :]:  # it tells no foreign keys, so groups are not found there
                ids = [
                    sorted(connection.scalars(sr.parse(rule, each).select(each, opened.engine.dialect)))
                    for each in (default, shop)
                ]
                assert ids[0] == ids[1], text
