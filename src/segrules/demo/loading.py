"""The demonstration shop in a database: put there once, recognised later, never mixed with anything else.

A table of its own says which demonstration lies in a database. A database that holds customers, or any of the
shop's tables with rows, without it belongs to somebody else and is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from segrules.demo.generator import TABLES, DemoShop, Values
from segrules.errors import ShopError
from segrules.shop.columns import UtcMoment
from segrules.shop.shop import DefaultShop

#: Changes whenever the generator makes other rows, so that an older demonstration is not taken for this one.
EDITION = 1

_METADATA = sa.MetaData()
_MARK = sa.Table(
    "segrules_demo",
    _METADATA,
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("customers", sa.Integer, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("at", UtcMoment(), nullable=False),
)


def find(engine: sa.Engine, shop: DefaultShop) -> DemoShop | None:
    """The demonstration shop that lies in a database, or None when there is room for one.

    Raises ShopError when the tables hold something else, or a demonstration of another edition.
    """
    with engine.connect() as connection:
        if _exists(connection, _MARK):
            found = connection.execute(sa.select(_MARK)).one_or_none()
            if found is not None and found.edition == EDITION:
                return DemoShop(found.customers, found.at.replace(tzinfo=UTC), found.seed)
            if found is not None:
                raise ShopError(
                    "this database holds a demonstration made by another version of segrules; "
                    "replace it with --replace, or choose another database"
                )
        for table in _tables(shop):
            if _exists(connection, table) and _has_rows(connection, table):
                raise ShopError(
                    f'the table "{table.name}" of this database holds rows that are not of the demonstration, '
                    "so nothing was touched; choose an empty database"
                )
    return None


def is_marked(engine: sa.Engine) -> bool:
    """Whether a database says of itself that it holds a demonstration, of whatever edition."""
    with engine.connect() as connection:
        return _exists(connection, _MARK) and _has_rows(connection, _MARK)


def remove(engine: sa.Engine, shop: DefaultShop) -> None:
    """Take the demonstration out of a database; ShopError when what is there is none."""
    with engine.begin() as connection:
        if not _exists(connection, _MARK):
            raise ShopError("this database holds no demonstration, so nothing was removed")
        present = [table for table in _tables(shop) if _exists(connection, table)]
        shop.own_tables.metadata.drop_all(connection, tables=present)
        _MARK.drop(connection)


def fill(
    engine: sa.Engine, shop: DefaultShop, demo: DemoShop, progress: Callable[[int], None] = lambda customers: None
) -> None:
    """Put a demonstration shop into a database that has none; ``progress`` hears how many customers are in.

    Indexes are made when the rows are in, and the mark last of all: what was broken off is no demonstration.
    """
    tables = {name: shop.tables[name] for name in TABLES}
    done = 0
    with engine.begin() as connection:
        _create(connection, list(tables.values()))
        for batch in demo.batches(size=2000):
            for name, rows in batch.items():
                if rows:
                    _insert(connection, tables[name], TABLES[name], rows)
            done += len(batch.get("customers", ()))
            progress(done)
        for table in tables.values():
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                index.create(connection)
        _MARK.create(connection)
        connection.execute(
            _MARK.insert().values(edition=EDITION, customers=demo.customers, seed=demo.seed, at=demo.at)
        )
    shop.create_tables(engine)
    _gather_statistics(engine, tables.values())


def _create(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """The tables without their indexes; empty ones that were there before make room."""
    for table in reversed(tables):
        if _exists(connection, table):
            table.drop(connection)
    for table in tables:
        connection.execute(CreateTable(table))


def _insert(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Values]) -> None:
    """Rows into a table by the fastest way that its database has without further software."""
    columns = [table.c[name] for name in names]
    dialect = connection.dialect
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    quote = dialect.identifier_preparer.format_column
    target = f"{dialect.identifier_preparer.format_table(table)} ({', '.join(map(quote, columns))})"
    values = _processed(rows, processors)
    if dialect.name == "postgresql" and dialect.driver == "psycopg":
        with connection.connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
        return
    marker = "?" if dialect.paramstyle == "qmark" else "%s"
    connection.exec_driver_sql(f"INSERT INTO {target} VALUES ({', '.join([marker] * len(columns))})", values)


def _processed(rows: Sequence[Values], processors: Sequence[Callable[[Any], Any] | None]) -> list[Values]:
    """The rows with every value as the driver wants it; worked column by column, which is faster."""
    columns = [
        column if process is None else [None if value is None else process(value) for value in column]
        for column, process in zip(zip(*rows, strict=True), processors, strict=True)
    ]
    return list(zip(*columns, strict=True))


def _gather_statistics(engine: sa.Engine, tables: Iterable[sa.Table]) -> None:
    """Let the database look at its new rows, so that it plans with what is really there."""
    quote = engine.dialect.identifier_preparer.format_table
    with engine.begin() as connection:
        if engine.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(map(quote, tables))}").close()
        else:
            connection.exec_driver_sql("ANALYZE")


def _tables(shop: DefaultShop) -> list[sa.Table]:
    return [shop.tables[name] for name in TABLES]


def _exists(connection: sa.Connection, table: sa.Table) -> bool:
    return sa.inspect(connection).has_table(table.name, schema=table.schema)


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
