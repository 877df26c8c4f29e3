"""Members written to a file: CSV, JSON lines or Parquet, streamed, with fields of the customer where asked for."""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from attrs import define, frozen

from segrules import sql
from segrules.algebra import CUSTOMER, Field, Kind
from segrules.errors import SegmentError
from segrules.segments.catalogue import Catalogue
from segrules.segments.membership import BATCH, lazily, selected

if TYPE_CHECKING:
    import pyarrow


class Format(Enum):
    """How members are written; the value is what such a file's name ends with."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"

    @classmethod
    def of(cls, path: Path) -> Format:
        """The format that a file's name tells; SegmentError when it tells none."""
        try:
            return cls(path.suffix.lstrip(".").lower())
        except ValueError:
            known = ", ".join(f".{each.value}" for each in cls)
            raise SegmentError(f"{path} does not tell its format: name it {known}, or give the format") from None


@frozen
class Column:
    """A column of an export and the kind of its values; None for the customer's id, which is as the shop has it."""

    name: str
    kind: Kind | None


@define
class _Counted:
    """Rows on their way, counted."""

    rows: Iterator[tuple[Any, ...]]
    count: int = 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self

    def __next__(self) -> tuple[Any, ...]:
        row = next(self.rows)
        self.count += 1
        return row


@frozen(eq=False)
class Export:
    """The members of one segment as rows of a table."""

    catalogue: Catalogue
    name: str
    fields: Sequence[str] = ()
    websites: Sequence[str] = ()

    @property
    def columns(self) -> list[Column]:
        """``customer_id``, ``website`` and ``since``, then the fields; SegmentError when one cannot be exported."""
        own = [Column("customer_id", None), Column("website", Kind.CHOICE), Column("since", Kind.MOMENT)]
        return own + [Column(name, self._field(name).kind) for name in self.fields]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows by customer id, as of one moment."""
        kinds = [column.kind for column in self.columns]
        for row in lazily(self.catalogue.connection, self._statement()):
            yield tuple(_value(value, kind) for value, kind in zip(row, kinds, strict=True))

    def write(self, file: IO[Any], kind: Format) -> int:
        """Write every row into an open file (text for CSV and JSON lines, binary for Parquet); how many they are."""
        names = [column.name for column in self.columns]
        rows = _Counted(self.rows())
        match kind:
            case Format.CSV:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(names)
                writer.writerows([_plain(value) for value in row] for row in rows)
            case Format.JSON_LINES:
                for row in rows:
                    values = [value if isinstance(value, (int, bool)) else _plain(value) for value in row]
                    file.write(json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False) + "\n")
            case Format.PARQUET:
                self._write_parquet(file, rows)
            case _:
                assert_never(kind)
        return rows.count

    def save(self, path: Path, kind: Format) -> int:
        """Write a file, which is there only when it is complete; how many rows it has."""
        with _replacing(path, binary=kind is Format.PARQUET) as file:
            return self.write(file, kind)

    # --- inside ---

    def _field(self, name: str) -> Field:
        shop = self.catalogue.shop
        mapped = {"id", *shop.mapping.entity("").fields}
        fields = {
            each: Field(CUSTOMER, field.column or each, field.kind)
            for each, field in shop.vocabulary.relations["customer"].fields.items()
            if field.meaning is None and (field.column or each) in mapped
        }
        if name not in fields:
            raise SegmentError(
                f'the customer has no field "{name}" that can be exported; there are {", ".join(fields)}'
            )
        return fields[name]

    def _statement(self) -> sa.Select[Any]:
        statement = selected(self.catalogue, self.name, self.websites)
        if not self.fields:
            return statement
        shop, dialect = self.catalogue.shop, self.catalogue.connection.dialect
        rows = statement.order_by(None).subquery("rows_of_members")
        items = [self._field(name) for name in self.fields]
        ids = sa.select(statement.order_by(None).subquery().c.customer_id)
        found = sql.evaluate(items, shop.mapping, dialect, shop.zone, ids).subquery("fields")
        values = [found.c[f"item{number}"] for number in range(len(items))]
        joined = rows.outerjoin(found, found.c.id == rows.c.customer_id)
        return sa.select(*rows.c, *values).select_from(joined).order_by(rows.c.customer_id)

    def _write_parquet(self, file: IO[bytes], rows: Iterator[tuple[Any, ...]]) -> None:
        try:
            import pyarrow
            from pyarrow.parquet import ParquetWriter
        except ImportError as cause:
            raise SegmentError("Parquet needs pyarrow: pip install 'segrules[parquet]'") from cause
        some = list(islice(rows, BATCH))
        schema = self._schema(pyarrow)
        with ParquetWriter(file, schema) as writer:
            while some:
                columns = zip(*some, strict=True)
                arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
                writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
                some = list(islice(rows, BATCH))

    def _schema(self, arrow: Any) -> pyarrow.Schema:
        has_numbers = isinstance(self.catalogue.shop.mapping.entity("").key.type, sa.Integer)
        types = {
            None: arrow.int64() if has_numbers else arrow.string(),
            Kind.NUMBER: arrow.decimal128(38, 6), Kind.ID: arrow.int64(), Kind.TEXT: arrow.string(),
            Kind.CODE: arrow.string(), Kind.CHOICE: arrow.string(), Kind.YESNO: arrow.bool_(),
            Kind.DATE: arrow.date32(), Kind.MOMENT: arrow.timestamp("us", tz="UTC"),
        }  # fmt: skip
        return arrow.schema([(column.name, types[column.kind]) for column in self.columns])


def _value(value: Any, kind: Kind | None) -> Any:
    if value is None:
        return None
    if isinstance(value, UUID):
        return str(value)
    if kind is Kind.MOMENT:
        return value.replace(tzinfo=UTC)
    return bool(value) if kind is Kind.YESNO else value


def _plain(value: Any) -> Any:
    """A value as text means it everywhere; None stays None, which CSV writes as nothing."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


@contextmanager
def _replacing(path: Path, *, binary: bool) -> Iterator[IO[Any]]:
    """A file that takes its place when all is written; on an error nothing of it stays."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("wb") if binary else partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(partial, path)
    except OSError as cause:
        raise SegmentError(f"{path} cannot be written: {cause.strerror or cause}") from cause
    finally:
        partial.unlink(missing_ok=True)
