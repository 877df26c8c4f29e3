"""The demonstration shop in a database: put there once, recognised later, never mixed with anything else.

A table of its own says which demonstration lies in a database. A database that has any of the shop's tables
without it belongs to somebody else and is not touched.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, CreateTable

from segrules.demo.generator import TABLES, DemoShop, Values
from segrules.errors import ShopError
from segrules.shop.columns import UtcMoment
from segrules.shop.shop import DefaultShop

#: Changes whenever the generator makes other rows, so that an older demonstration is not taken for this one.
EDITION = 1

#: How a missing value is written in rows that travel as text.
_NULL = "\\N"

#: Put into the database before anything else, and completed last: what was broken off can be told by it.
_MARK = sa.Table(
    "segrules_demo",
    sa.MetaData(),
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("customers", sa.Integer, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("at", UtcMoment(), nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
)


def find(engine: sa.Engine, shop: DefaultShop) -> DemoShop | None:
    """The demonstration shop that lies complete in a database, or None when there is room for one.

    Raises ShopError when the database has tables of the shop's names that are not a demonstration's, or holds a
    demonstration of another edition.
    """
    with engine.connect() as connection:
        mark = _mark(connection)
        if mark is None:
            _refuse_tables_of_others(connection, shop)
            return None
        if not mark.complete:
            return None
        if mark.edition != EDITION:
            raise ShopError(
                "this database holds a demonstration that another version of segrules made; "
                "make it anew with --replace, or choose another database"
            )
        return DemoShop(mark.customers, mark.at.replace(tzinfo=UTC), mark.seed)


def is_marked(engine: sa.Engine) -> bool:
    """Whether a database holds a demonstration, of whatever edition, complete or broken off."""
    with engine.connect() as connection:
        return _mark(connection) is not None


def remove(engine: sa.Engine, shop: DefaultShop) -> None:
    """Take the demonstration out of a database; ShopError when there is none."""
    with engine.begin() as connection:
        if _mark(connection) is None:
            raise ShopError("this database holds no demonstration, so nothing was removed")
        for table in reversed(_tables(shop)):
            table.drop(connection, checkfirst=True)
        _MARK.drop(connection)


def fill(
    engine: sa.Engine, shop: DefaultShop, demo: DemoShop, progress: Callable[[int], None] = lambda customers: None
) -> None:
    """Put a demonstration shop into a database that has room; ``progress`` hears how many customers are in.

    What is left of one that was broken off makes room. Indexes and foreign keys are made when the rows are in.
    """
    if is_marked(engine):
        remove(engine, shop)
    with engine.begin() as connection:
        _refuse_tables_of_others(connection, shop)
        _MARK.create(connection)
        mark = {"customers": demo.customers, "seed": demo.seed, "at": demo.at}
        connection.execute(_MARK.insert().values(edition=EDITION, complete=False, **mark))
    tables, done = _tables(shop), 0
    later = engine.dialect.name == "postgresql"  # it checks them row by row; the others gain nothing
    with engine.connect() as connection:
        for table in tables:
            connection.execute(CreateTable(table, include_foreign_key_constraints=[] if later else None))
        for batch in demo.batches(size=2000):
            for table, (name, columns) in zip(tables, TABLES.items(), strict=True):
                if rows := batch.get(name):
                    _insert(connection, table, columns, rows)
            connection.commit()
            done += len(batch.get("customers", ()))
            progress(done)
        for table in tables:
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                index.create(connection)
            for constraint in table.foreign_key_constraints if later else ():
                connection.execute(AddConstraint(constraint, isolate_from_table=False))
        connection.execute(_MARK.update().values(complete=True))
        connection.commit()
    _gather_statistics(engine, tables)


def _insert(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Values]) -> None:
    """Rows into a table by the fastest way that its database has without further software."""
    dialect = connection.dialect
    columns = [table.c[name] for name in names]
    quote = dialect.identifier_preparer
    target = f"{quote.format_table(table)} ({', '.join(map(quote.format_column, columns))})"
    match dialect.name:
        case "duckdb":
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "rows.csv"
                file.write_text(_csv(rows), encoding="utf-8", newline="")
                path = str(file).replace("'", "''")
                how = f"FORMAT csv, HEADER false, NULLSTR '{_NULL}', AUTO_DETECT false"
                connection.exec_driver_sql(f"COPY {target} FROM '{path}' ({how})")
        case "postgresql" if dialect.driver == "psycopg":
            statement = f"COPY {target} FROM STDIN (FORMAT csv, NULL '{_NULL}')"
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(_csv(rows))
        case _:
            marker = "?" if dialect.paramstyle == "qmark" else "%s"
            statement = f"INSERT INTO {target} VALUES ({', '.join([marker] * len(columns))})"
            connection.exec_driver_sql(statement, _processed(rows, columns, dialect))


def _csv(rows: Sequence[Values]) -> str:
    """The rows as text that databases read; a missing value is told from empty text by a word of its own."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        row if None not in row else [_NULL if value is None else value for value in row] for row in rows
    )
    return text.getvalue()


def _processed(rows: Sequence[Values], columns: Sequence[sa.Column[Any]], dialect: sa.Dialect) -> list[Values]:
    """The rows with every value as the driver wants it; worked column by column, which is faster."""
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    processed = [
        values if process is None else [None if value is None else process(value) for value in values]
        for values, process in zip(zip(*rows, strict=True), processors, strict=True)
    ]
    return list(zip(*processed, strict=True))


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


def _mark(connection: sa.Connection) -> sa.Row[Any] | None:
    if not sa.inspect(connection).has_table(_MARK.name):
        return None
    return connection.execute(sa.select(_MARK)).first()


def _refuse_tables_of_others(connection: sa.Connection, shop: DefaultShop) -> None:
    inspector = sa.inspect(connection)
    for table in _tables(shop):
        if inspector.has_table(table.name, schema=table.schema):
            raise ShopError(
                f'this database has a table "{table.name}" that is not the demonstration\'s, so nothing was touched; '
                "choose an empty database"
            )
