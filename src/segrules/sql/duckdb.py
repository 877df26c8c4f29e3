"""A small SQLAlchemy dialect for DuckDB: it runs statements, creates tables and tells their columns.

``duckdb:///path/to/file`` opens a file, ``duckdb://`` a database in memory. Many rows are inserted fast by
passing a list of mappings to ``connection.execute(table.insert(), rows)``: they travel as one array a column.
"""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import (
    PGCompiler,
    PGDDLCompiler,
    PGDialect,
    PGIdentifierPreparer,
    PGTypeCompiler,
)
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import Pool, StaticPool
from sqlalchemy.types import TypeEngine

_VALUES = re.compile(r"^(INSERT INTO .*?\)) VALUES \((\?(?:, \?)*)\)$", re.DOTALL)
_TYPES: dict[str, TypeEngine[Any]] = {
    "BIGINT": sa.BigInteger(), "INTEGER": sa.Integer(), "SMALLINT": sa.SmallInteger(), "HUGEINT": sa.Numeric(38, 0),
    "TINYINT": sa.SmallInteger(), "VARCHAR": sa.String(), "BOOLEAN": sa.Boolean(), "DATE": sa.Date(),
    "TIMESTAMP": sa.DateTime(),
    "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True), "DOUBLE": sa.Double(), "FLOAT": sa.Float(),
}  # fmt: skip


class _Cursor:
    """DuckDB's cursor with the shape of PEP 249: ``description`` is None after a statement without rows."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection
        self._rows = False

    def execute(self, statement: str, parameters: Any = ()) -> _Cursor:
        self._cursor.execute(statement, list(parameters))
        self._rows = [column[0] for column in self._cursor.description or ()] not in ([], ["Count"], ["Success"])
        return self

    def executemany(self, statement: str, parameters: list[Any]) -> None:
        found = _VALUES.match(statement)
        if found is None:
            self._cursor.executemany(statement, parameters)
            return
        turned = zip(*parameters, strict=True)
        columns = [[str(each) if isinstance(each, Decimal) else each for each in column] for column in turned]
        arrays = ", ".join("unnest(?)" if any(each is not None for each in column) else "NULL" for column in columns)
        kept = [column for column in columns if any(each is not None for each in column)]
        if not kept:
            self._cursor.executemany(statement, parameters)
            return
        self._cursor.execute(f"{found.group(1)} SELECT {arrays}", kept)

    @property
    def description(self) -> Any:
        return self._cursor.description if self._rows else None

    @property
    def rowcount(self) -> int:
        return -1

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class _Connection:
    """DuckDB's connection, whose cursors share its transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection)

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        import duckdb

        with suppress(duckdb.TransactionException):  # none was open
            self._connection.execute(how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Types(PGTypeCompiler):
    def visit_CHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return "VARCHAR"


class _Ddl(PGDDLCompiler):
    def get_column_specification(self, column: sa.Column[Any], **kw: Any) -> str:
        spec = f"{self.preparer.format_column(column)} {self.dialect.type_compiler_instance.process(column.type)}"
        default_text = self.get_column_default_string(column)
        if default_text is not None:
            spec += f" DEFAULT {default_text}"
        return spec if column.nullable else spec + " NOT NULL"

    def visit_foreign_key_constraint(self, constraint: Any, **kw: Any) -> Any:
        """DuckDB refuses updates of rows that are pointed at, so foreign keys are left out."""


class _Names(PGIdentifierPreparer):
    #: DuckDB takes these for its own where PostgreSQL does not, so as names of columns they are quoted.
    reserved_words = PGIdentifierPreparer.reserved_words | {
        "anti", "asof", "at", "by", "columns", "describe", "generated", "glob", "lambda", "lateral", "map", "pivot",
        "positional", "qualify", "semi", "show", "struct", "summarize", "tuple", "unpack", "unpivot",
    }  # fmt: skip


class Dialect(PGDialect):
    """DuckDB by its own Python driver."""

    name = "duckdb"
    driver = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_sane_rowcount = supports_sane_multi_rowcount = False
    supports_comments = supports_smallserial = False
    use_insertmanyvalues = False
    implicit_returning = True
    insert_returning = update_returning = delete_returning = True
    preexecute_autoincrement_sequences = False
    postfetch_lastrowid = False
    statement_compiler = PGCompiler
    preparer = _Names
    ddl_compiler = _Ddl
    type_compiler_cls = _Types
    server_version_info = (15, 0)
    default_schema_name = "main"
    _backslash_escapes = False

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver."""
        import duckdb

        return duckdb

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        """One connection for a database in memory, short-lived ones for a file."""
        return StaticPool if url.database in (None, "", ":memory:") else sa.QueuePool

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Where the database lies; further parts of the query string are DuckDB settings."""
        return [url.database or ":memory:"], {"config": dict(url.query)} if url.query else {}

    def connect(self, *arguments: Any, **keywords: Any) -> Any:
        """A connection to the database."""
        return _Connection(self.loaded_dbapi.connect(*arguments, **keywords))

    def on_connect(self) -> None:
        """Nothing to set up."""
        return

    def initialize(self, connection: Connection) -> None:
        """Nothing is asked of the server."""

    def do_begin(self, dbapi_connection: Any) -> None:
        """Transactions start with the first statement of a SQLAlchemy transaction."""
        dbapi_connection.execute("BEGIN")

    def do_ping(self, dbapi_connection: Any) -> bool:
        """The database lives in this process."""
        return True

    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether there is a table or view of that name."""
        return bool(self._columns(connection, table_name, schema))

    def get_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """The names of all tables of a schema."""
        found = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = ? AND table_catalog = current_database()",
            (schema or "main",),
        )
        return list(found.scalars())

    def get_columns(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """The columns of a table, as SQLAlchemy's inspector gives them."""
        found = self._columns(connection, table_name, schema)
        if not found:
            raise sa.exc.NoSuchTableError(table_name)
        return [
            {"name": name, "type": _type(declared), "nullable": nullable == "YES", "default": default_text}
            for name, declared, nullable, default_text in found
        ]

    def _columns(self, connection: Connection, table_name: str, schema: str | None) -> list[Any]:
        return list(
            connection.exec_driver_sql(
                "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns"
                " WHERE table_name = ? AND table_schema = ? AND table_catalog = current_database()"
                " ORDER BY ordinal_position",
                (table_name, schema or "main"),
            )
        )


def _type(declared: str) -> TypeEngine[Any]:
    decimal = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", declared)
    if decimal:
        return sa.Numeric(int(decimal.group(1)), int(decimal.group(2)))
    return _TYPES.get(declared, sa.types.NullType())


registry.register("duckdb", "segrules.sql.duckdb", "Dialect")
