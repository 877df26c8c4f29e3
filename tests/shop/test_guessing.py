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


ODD = """
CREATE TABLE kunden ({key} INTEGER PRIMARY KEY, "Mail" VARCHAR(80), aktiv CHAR(1), angelegt TIMESTAMP NOT NULL);
CREATE TABLE bestellungen (id INTEGER PRIMARY KEY, kunden_id INTEGER NOT NULL, summe NUMERIC(10, 2),
  zustand {status}, bestellt_am TIMESTAMP NOT NULL, FOREIGN KEY (kunden_id) REFERENCES kunden ({key}));
CREATE TABLE warenkorb (id INTEGER PRIMARY KEY, kunden_id INTEGER NOT NULL, is_active VARCHAR(5), created TIMESTAMP,
  FOREIGN KEY (kunden_id) REFERENCES kunden ({key}));
CREATE TABLE lager (id INTEGER PRIMARY KEY, ort VARCHAR(20));
INSERT INTO kunden VALUES (1, 'a@b.c', 'J', '2025-01-01 00:00:00'), (2, 'd@e.f', 'N', '2025-01-01 00:00:00'),
  (3, 'g@h.i', 'J', '2025-01-01 00:00:00');
INSERT INTO bestellungen VALUES (1, 1, 10.5, 'offen', '2025-01-02 00:00:00'),
  (2, 3, 7, 'fertig', '2025-01-03 00:00:00');
INSERT INTO warenkorb VALUES (1, 3, 'true', '2025-01-02 00:00:00'), (2, 1, 'false', '2025-01-02 00:00:00');
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_flags_of_text_and_enums(backend: str) -> None:
    with fresh_or_skipped(backend) as opened:
        status = {"postgresql": '"Zustand"', "mariadb": "ENUM('offen', 'fertig')"}.get(backend, "VARCHAR(10)")
        key = "id" if backend == "duckdb" else "kundennr"  # it tells no keys
        with opened.engine.begin() as connection:
            if backend == "postgresql":
                connection.exec_driver_sql("CREATE TYPE \"Zustand\" AS ENUM ('offen', 'fertig')")
            quoted = ODD.replace('"Mail"', "`Mail`") if backend == "mariadb" else ODD
            for statement in quoted.format(status=status, key=key).split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
        text = guessed(opened.engine)
        assert 'is_active = { column = "aktiv", yes = "J" }' in text
        assert 'codes = { active = "true", inactive = "false" }' in text
        assert text.endswith("\n# tables left out: lager\n")
        if backend == "postgresql":
            assert 'status = { sql = "zustand::text", choices = ["fertig", "offen"] }' in text
        shop = sr.Shop.declared(tomllib.loads(text))
        shop.check(opened.engine)
        with opened.engine.connect() as connection:
            for rule, ids in (
                ("true", [1, 3]),
                ("any order where (status is offen)", [1]),
                ("any cart where (status is active)", [3]),
                ('customer.email is "A@b.c" and lifetime.sales > 10', [1]),
            ):
                found = connection.scalars(sr.parse(rule, shop).select(shop, opened.engine.dialect))
                assert sorted(found) == ids, (rule, text)
