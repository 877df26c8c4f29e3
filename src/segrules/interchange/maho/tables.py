"""The rows of the source's tables, from an export in a file or from the database itself, which is only read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segrules.errors import InterchangeError
from segrules.interchange.maho.names import TABLES
from segrules.interchange.maho.segments import SEGMENTS, STEPS

if TYPE_CHECKING:
    import sqlalchemy as sa

Tables = dict[str, list[Mapping[str, Any]]]

KNOWN = (SEGMENTS, STEPS, *(table for table, *_ in TABLES.values()))

#: So many bytes a file may have.
LARGEST = 64 << 20

_PREFIX = re.compile(r"[A-Za-z0-9_]{0,32}\Z")

#: Of a table that holds much more than is asked for here, the columns that are read.
_COLUMNS = {
    table: tuple(dict.fromkeys((number, name, *(("store_id",) if kind == "options" else ()))))
    for kind, (table, number, name, _) in TABLES.items()
}


def read_file(path: Path) -> Tables:
    """The tables in a file: rows as CSV or JSON, tables as JSON, or the conditions of one segment.

    Raises InterchangeError for a file that is none of these.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InterchangeError(f"{path} is larger than {LARGEST >> 20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as cause:
        raise InterchangeError(f"{path} cannot be read: {cause.strerror or cause}") from None
    except UnicodeDecodeError:
        raise InterchangeError(f"{path} is not UTF-8") from None
    try:
        return read_text(text, path.stem)
    except InterchangeError as cause:
        raise InterchangeError(f"{path}: {cause}") from None


def read_text(text: str, name: str) -> Tables:
    """The same of a text; ``name`` is that of the segment when there is but one."""
    start = text.lstrip()[:2]
    if start[:1] in ("[", "{"):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as cause:
            raise InterchangeError(f"this is no JSON: {cause}") from None
        return _of_json(content, text, name)
    if start == "a:" or not text.strip():
        return {SEGMENTS: [_alone(text, name)]}
    return {SEGMENTS: _of_csv(text)}


def _alone(conditions: str, name: str) -> Mapping[str, Any]:
    return {"segment_id": 1, "name": name, "conditions_serialized": conditions}


def _of_json(content: Any, text: str, name: str) -> Tables:
    if isinstance(content, list):
        return {SEGMENTS: _rows(content, SEGMENTS)}
    if "type" in content:
        return {SEGMENTS: [_alone(text, name)]}
    found = {table: _rows(content[table], table) for table in KNOWN if table in content}
    if not found:
        raise InterchangeError(f"there is none of the tables {', '.join(KNOWN)}, and no conditions either")
    return found


def _rows(content: Any, table: str) -> list[Mapping[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise InterchangeError(f"{table} should be a list of rows, each an object with the names of the columns")
    rows = []
    for row in content:
        stored = row.get("conditions_serialized")
        # an export may have unpacked the conditions already
        rows.append({**row, "conditions_serialized": json.dumps(stored)} if isinstance(stored, dict) else row)
    return rows


def _of_csv(text: str) -> list[Mapping[str, Any]]:
    before = csv.field_size_limit(LARGEST)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if "conditions_serialized" not in (reader.fieldnames or ()):
            raise InterchangeError(
                "this is neither JSON nor PHP's serialize, and no CSV with a column conditions_serialized"
            )
        rows: list[Mapping[str, Any]] = []
        for row in reader:
            if None in row or None in row.values():
                raise InterchangeError(f"line {reader.line_num} has not as many values as the head has columns")
            rows.append({key: None if value == "NULL" else value for key, value in row.items()})
        return rows
    except csv.Error as cause:
        raise InterchangeError(f"this is no CSV: {cause}") from None
    finally:
        csv.field_size_limit(before)


def read_database(engine: sa.Engine, prefix: str = "") -> Tables:
    """The tables in the source's database, whose names begin with ``prefix``; nothing is written.

    Raises InterchangeError when there are no segments. What the database refuses comes out as SQLAlchemy says it.
    """
    import sqlalchemy as sa

    if not _PREFIX.match(prefix):
        raise InterchangeError(f"{prefix!r} is no prefix of tables: use letters, digits and underscores")
    there = set(sa.inspect(engine).get_table_names())
    if prefix + SEGMENTS not in there:
        like = sorted(each.removesuffix(SEGMENTS) for each in there if each.endswith(SEGMENTS))
        way_out = f"; did you mean --prefix {like[0]}?" if like else ""
        raise InterchangeError(f"the database has no table {prefix}{SEGMENTS}{way_out}")
    found: Tables = {}
    with engine.connect() as connection:
        for table in KNOWN:
            if prefix + table not in there:
                continue
            columns = [each["name"] for each in sa.inspect(connection).get_columns(prefix + table)]
            wanted = [each for each in columns if each in _COLUMNS.get(table, columns)]
            source = sa.table(prefix + table, *(sa.column(each) for each in wanted))
            found[table] = [dict(row) for row in connection.execute(sa.select(source)).mappings()]
    return found
