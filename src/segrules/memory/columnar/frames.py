"""The rows of one entity as columns, read by the kinds of the algebra, with the rows below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen

from segrules import algebra
from segrules.algebra import Const, Kind, Pick
from segrules.errors import CustomerError
from segrules.memory.columnar.numbers import NotColumnar, decimals

#: So many customers are looked at together.
BATCH = 65_536

_TYPES = {
    Kind.ID: pa.int64(), Kind.TEXT: pa.large_string(), Kind.CODE: pa.large_string(), Kind.CHOICE: pa.large_string(),
    Kind.YESNO: pa.bool_(), Kind.DATE: pa.date32(), Kind.MOMENT: pa.timestamp("us"), Kind.NUMBER: pa.int64(),
}  # fmt: skip


def batches(customers: Any) -> Iterator[pa.Table]:
    """A table, a data frame or a stream of batches, in pieces of at most BATCH rows.

    ``customers`` is whatever offers the Arrow C stream interface, such as those of PyArrow, Polars, DuckDB and pandas.
    """
    if not hasattr(customers, "__arrow_c_stream__"):
        raise CustomerError(f"a {type(customers).__name__} is no table; give a PyArrow table or a data frame")
    for batch in pa.RecordBatchReader.from_stream(customers):
        for start in range(0, batch.num_rows, BATCH):
            yield pa.Table.from_batches([batch.slice(start, BATCH)])


@frozen(eq=False)
class Frame:
    """All rows of one entity.

    ``owners`` has the number of the row above to which each belongs; None for customers.
    """

    entity: str
    length: int
    columns: dict[str, pa.Array]
    owners: pa.Array | None = None
    _values: dict[tuple[str, Kind], pa.Array] = field(factory=dict, init=False)
    _below: dict[str, Frame] = field(factory=dict, init=False)

    @classmethod
    def of(cls, table: pa.Table) -> Frame:
        """The customers of a table; CustomerError when two columns have one name."""
        for name in table.column_names:
            if table.column_names.count(name) > 1:
                raise CustomerError(f"{name}: two columns have this name")
        return cls("", table.num_rows, {name: _whole(table[name]) for name in table.column_names})

    def label(self, name: str) -> str:
        """How messages name a column."""
        return f"{self.entity}.{name}" if self.entity else name

    def is_present(self, name: str) -> pa.Array:
        """Which rows have any value under a name."""
        column = self.columns.get(name)
        return pa.repeat(False, self.length) if column is None else column.is_valid()

    def values(self, name: str, kind: Kind) -> pa.Array:
        """A column as values of a kind: decimals or int64, large text, date32, timestamps in UTC.

        One that is absent is missing throughout. Raises CustomerError for a column of another type.
        """
        found = self._values.get((name, kind))
        if found is None:
            column = self.columns.get(name)
            if column is None or column.null_count == self.length:
                found = pa.nulls(self.length, _TYPES[kind])
            else:
                found = _read(column, kind, self.label(name))
            self._values[name, kind] = found
        return found

    def elements(self, name: str) -> tuple[pa.Array, pa.Array]:
        """A column of sets of codes: all codes, and the row of each."""
        column = self.columns.get(name)
        if column is None or column.null_count == self.length:
            return pa.nulls(0, _TYPES[Kind.CODE]), pa.nulls(0, pa.int64())
        if not _is_list(column.type):
            raise _wrong(column, self.label(name), "give lists of text")
        codes = pc.list_flatten(column)
        if codes.null_count:
            raise NotColumnar
        owners = pc.list_parent_indices(column).cast(pa.int64())
        return (_read(codes, Kind.CODE, self.label(name)) if len(codes) else codes.cast(_TYPES[Kind.CODE])), owners

    def taken(self, rows: pa.Array) -> Frame:
        """Only these rows."""
        owners = None if self.owners is None else self.owners.take(rows)
        return Frame(self.entity, len(rows), {name: each.take(rows) for name, each in self.columns.items()}, owners)

    def picked(self, pick: Pick, rows: pa.Array, owners: pa.Array) -> pa.Array:
        """Of these rows, which belong to those owners, the places of those that a pick takes."""
        keys = {"owner": owners, "place": pc.indices_nonzero(pa.repeat(True, len(rows)))}
        if pick.by is not None:
            by = self._by(pick.by).take(rows)
            keys |= {"is_there": by.is_valid().cast(pa.int8()), "by": by}  # null before all others, whatever the order
        table = pa.table(keys | {"id": self._ids(rows, owners)})
        if pick.by is not None and pick.required:
            table = table.filter(table["by"].is_valid())
        order = "descending" if pick.latest else "ascending"
        of_rows = [(name, order) for name in ("is_there", "by", "id") if name in table.column_names]
        table = table.take(pc.sort_indices(table, [("owner", "ascending"), *of_rows]))
        owner = _whole(table["owner"])
        is_first = pa.concat_arrays([pa.repeat(True, min(len(owner), 1)), pc.not_equal(owner[1:], owner[:-1])])
        return _whole(table["place"]).filter(is_first)

    def _ids(self, rows: pa.Array, owners: pa.Array) -> pa.Array:
        """The ids that decide between equals; where one is missing, there must be nothing to decide."""
        column = self.columns.get("id")
        ids = pa.nulls(len(rows), pa.int64()) if column is None else column.take(rows)
        if not pa.types.is_signed_integer(ids.type) or ids.null_count:
            if pc.count_distinct(owners).as_py() < len(owners):
                raise NotColumnar
            return pa.nulls(len(rows), pa.int64())
        return ids

    def _by(self, name: str) -> pa.Array:
        """What rows are picked by: moments, days or numbers."""
        column = self.columns.get(name)
        if column is None or column.null_count == self.length:
            return pa.nulls(self.length, pa.int64())
        type_ = column.type
        if pa.types.is_temporal(type_) or pa.types.is_signed_integer(type_) or pa.types.is_decimal(type_):
            return column
        raise NotColumnar

    def below(self, link: str) -> Frame:
        """The rows under a link: of a column of lists of structs, or of structs, one for each row."""
        found = self._below.get(link)
        if found is None:
            found = self._below[link] = self._rows(link)
        return found

    def _rows(self, link: str) -> Frame:
        label, column = self.label(link), self.columns.get(link)
        if column is None or column.null_count == self.length:
            return Frame(label, 0, {}, pa.nulls(0, pa.int64()))
        if _is_list(column.type):
            rows, owners = pc.list_flatten(column), pc.list_parent_indices(column).cast(pa.int64())
            if rows.null_count:
                raise CustomerError(f"{label}: a row is null; leave it out")
        else:
            owners = pc.indices_nonzero(column.is_valid()).cast(pa.int64())
            rows = column.drop_null()
        if not pa.types.is_struct(rows.type) and len(rows):
            raise _wrong(column, label, "give lists of structs")
        names = [each.name for each in rows.type] if len(rows) else []
        return Frame(label, len(rows), {name: pc.struct_field(rows, name) for name in names}, owners)


def folded(text: pa.Array) -> pa.Array:
    """Text as it is compared: ASCII by Arrow, the rest by :func:`segrules.algebra.fold`, whose tables are Python's."""
    lower = pc.ascii_lower(text)
    other = pc.invert(pc.fill_null(pc.string_is_ascii(text), True))
    if not pc.any(other, min_count=0).as_py():
        return lower
    return pc.replace_with_mask(
        lower, other, pa.array(map(algebra.fold, text.filter(other).to_pylist()), pa.large_string())
    )


def scalar(value: Any, kind: Kind) -> pa.Scalar:
    """A constant that is no number, or a missing one."""
    try:
        return pa.scalar(value, _TYPES[kind])
    except (pa.ArrowException, OverflowError, UnicodeError):
        raise NotColumnar from None


def constants(values: Iterable[Const], kind: Kind) -> pa.Array:
    """Constants as they compare, without numbers: text is folded."""
    plain = [each.value for each in values]
    if kind is Kind.TEXT:
        plain = [None if each is None else algebra.fold(str(each)) for each in plain]
    return pa.array([scalar(each, kind) for each in plain], _TYPES[kind])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def _read(column: pa.Array, kind: Kind, label: str) -> pa.Array:
    type_ = column.type
    if pa.types.is_dictionary(type_):
        column = column.dictionary_decode()
        type_ = column.type
    match kind:
        case Kind.NUMBER:
            if pa.types.is_decimal(type_):
                return column.cast(decimals(type_.precision - type_.scale, max(type_.scale, 0)))
            if pa.types.is_uint64(type_):
                return column.cast(decimals(20, 0))
            if pa.types.is_integer(type_):
                return column.cast(pa.int64())
            if pa.types.is_floating(type_):
                raise _wrong(column, label, "floats are not exact, give decimals or integers")
            raise _wrong(column, label, "give decimals or integers")
        case Kind.ID:
            if pa.types.is_uint64(type_):
                raise NotColumnar
            fits, way_out = pa.types.is_integer(type_), "an id is an integer"
        case Kind.TEXT | Kind.CODE | Kind.CHOICE:
            is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
            fits, way_out = is_text, "give text"
        case Kind.YESNO:
            fits, way_out = pa.types.is_boolean(type_), "give booleans"
        case Kind.DATE:
            fits, way_out = pa.types.is_date(type_), "give dates"
        case Kind.MOMENT:
            fits, way_out = pa.types.is_timestamp(type_), "give timestamps (with a time zone, or in UTC)"
        case _:
            assert_never(kind)
    if not fits:
        raise _wrong(column, label, way_out)
    try:
        return column.cast(_TYPES[kind])
    except pa.ArrowInvalid:
        raise _wrong(column, label, "moments and days are no finer than microseconds and days") from None


def _wrong(column: pa.Array, label: str, way_out: str) -> CustomerError:
    return CustomerError(f"{label}: the column has type {column.type}; {way_out}")
