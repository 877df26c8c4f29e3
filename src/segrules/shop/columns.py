"""Column types in which a shop's values are exact and mean the same on every database."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from segrules.clock import naive_utc

#: Compares byte for byte, trailing blanks included.
MARIADB_EXACT = "utf8mb4_nopad_bin"


class Money(TypeDecorator[Decimal]):
    """An amount or quantity below 10**12 with 4 decimals: NUMERIC, on SQLite a whole number of 1/10000."""

    impl = sa.Numeric
    cache_ok = True
    precision = 16
    scale = 4

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type that keeps it on one database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Any:
        """A Decimal as the column keeps it; one with more than 4 decimals is refused, never rounded."""
        if value is None:
            return None
        if isinstance(value, float):
            raise TypeError(f"{value!r} is a float; amounts are Decimal or int")
        scaled = Decimal(value).scaleb(self.scale)
        whole = int(scaled)
        if whole != scaled:
            raise ValueError(f"{value} has more than {self.scale} decimals")
        return whole if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """A column's content as a Decimal."""
        if value is None:
            return None
        return Decimal(value).scaleb(-self.scale) if dialect.name == "sqlite" else Decimal(value)


class UtcMoment(TypeDecorator[datetime]):
    """A moment to the microsecond, kept naive in UTC; an aware one is converted when it is written."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type that keeps microseconds on one database."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in naive UTC."""
        return None if value is None else naive_utc(value)


def exact_text(length: int) -> sa.String:
    """Text that a plain ``=`` compares byte for byte on every database."""
    kept = mysql.VARCHAR(length, charset="utf8mb4", collation=MARIADB_EXACT)
    return sa.String(length).with_variant(kept, "mysql", "mariadb")


def compares_exactly(column_type: TypeEngine[Any], dialect: Dialect) -> bool:
    """Whether a plain ``=`` on such a column compares byte for byte, as far as its declaration tells."""
    kept = column_type.dialect_impl(dialect)
    if isinstance(kept, TypeDecorator):
        kept = kept.load_dialect_impl(dialect)
    collation = getattr(kept, "collation", None)
    if dialect.name in ("mysql", "mariadb"):
        return isinstance(collation, str) and collation.endswith("_nopad_bin")
    if isinstance(kept, sa.CHAR) and dialect.name == "postgresql":
        return False
    return collation is None or collation.upper() in ("C", "POSIX", "BINARY", "C.UTF8", "C.UTF-8")
