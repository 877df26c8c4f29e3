"""One database on which one population after another lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from segrules.shop.shop import DefaultShop
from segrules.testing.backends import Backend
from segrules.testing.questions import MEMBERS, Question
from segrules.testing.scene import Customer
from segrules.testing.writing import clear, insert


class Stage:
    """A backend with the tables of a shop."""

    def __init__(self, backend: Backend, shop: DefaultShop) -> None:
        self.name = backend.name
        self.engine = backend.engine
        self.shop = shop
        self._create(backend)
        self.connection = self.engine.connect()

    def _create(self, backend: Backend) -> None:
        """The tables exist; those of an earlier shop stay when they are the same, since making them takes a while."""
        tables = self.shop.own_tables.metadata
        assert self.shop.tables, "asking for them makes those of plugins, too"
        if backend.tables is not None and _shape(backend.tables) == _shape(tables):
            return
        if backend.tables is not None:
            backend.tables.drop_all(self.engine)
        self.shop.create_tables(self.engine)
        MEMBERS.metadata.create_all(self.engine)
        backend.tables = tables

    def close(self) -> None:
        """Lets the connection go; the tables stay."""
        self.connection.rollback()
        self.connection.close()

    def put(self, customers: Sequence[Customer]) -> None:
        """Exactly these customers lie in the database."""
        connection = self.connection
        connection.execute(sa.delete(MEMBERS))
        clear(connection, self.shop)
        insert(connection, self.shop, customers)
        members = [
            {"segment": name, "customer_id": customer["id"]}
            for customer in customers
            for name in customer.get("segments", ())
        ]
        if members:
            connection.execute(sa.insert(MEMBERS), members)
        connection.commit()

    def ids(self, question: Question) -> frozenset[int]:
        """The customers that match, says the database."""
        statement = question.statement(self.engine.dialect)
        try:
            return frozenset(row[0] for row in self.connection.execute(statement))
        finally:
            self.connection.rollback()

    def explained(self, question: Question) -> str:
        """The statement as text, for a message."""
        try:
            compiled: Any = question.statement(self.engine.dialect).compile(self.engine)
        except Exception as cause:
            return f"none: {cause}"
        return f"{compiled}\nwith {compiled.params}"


def _shape(tables: sa.MetaData) -> dict[str, list[str]]:
    return {name: [column.key for column in table.c] for name, table in tables.tables.items()}
