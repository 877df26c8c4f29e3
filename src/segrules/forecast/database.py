"""All customers of a database as the witness of a forecast: each question is one statement that gives one row."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.sql import ColumnElement

from segrules.algebra import CUSTOMER, Predicate
from segrules.clock import naive_utc
from segrules.forecast.span import Passing, Span
from segrules.shop.mapping import Mapping
from segrules.sql import select
from segrules.sql.planner import Among
from segrules.sql.writer import Writer


@frozen
class Everyone:
    """The customers that lie in a database, or those with the ids that ``among`` gives."""

    connection: sa.Connection
    mapping: Mapping
    zone: ZoneInfo
    members: AnyMapping[str, Any]
    among: Among | None = None

    def first_values(self, span: Span, narrow: bool) -> AnyMapping[Passing, date | None] | None:
        """The smallest passed value of each passing among the rows of those who may change."""
        changing = self._ids(span.changing, span if narrow else None).cte("changing")
        row = changing.select().limit(sa.literal_column("1"))
        columns: list[ColumnElement[Any]] = [sa.exists(row).label("is_any")]
        for number, each in enumerate(span.passings):
            columns.append(self._first_value(each, sa.select(changing.c[0])).label(f"first_{number}"))
        found = self.connection.execute(sa.select(*columns)).one()
        if not found[0]:
            return None
        return {each: _naive(value) for each, value in zip(span.passings, found[1:], strict=True)}

    def is_anyone(self, predicate: Predicate, span: Span | None) -> bool:
        """Whether the predicate is true of any customer."""
        ids = self._ids(predicate, span).limit(sa.literal_column("1"))
        return self.connection.execute(ids).first() is not None

    def _ids(self, predicate: Predicate, span: Span | None) -> sa.Select[Any]:
        """The customers for whom a predicate is true; found by the rows that the span passes, where they tell."""
        statement = select(predicate, self.mapping, self.connection.dialect, self.zone, self.members, self.among)
        if span is None or span.turns or not span.passings:
            return statement
        passed = [self._rows(each)[0] for each in span.passings]
        found = passed[0] if len(passed) == 1 else sa.union(*passed).subquery("passed").select()
        return statement.where(statement.selected_columns[0].in_(found))

    def _first_value(self, passing: Passing, ids: sa.Select[Any]) -> ColumnElement[Any]:
        rows, column = self._rows(passing)
        query = rows.where(rows.selected_columns[0].in_(ids)).with_only_columns(sa.func.min(column))
        return query.correlate(None).scalar_subquery()

    def _rows(self, passing: Passing) -> tuple[sa.Select[Any], ColumnElement[Any]]:
        """The customers' ids of the rows that are passed, and the column whose value is."""
        writer = Writer(self.mapping, self.connection.dialect, self.zone)
        if passing.value.row == CUSTOMER:
            rows, frame, anchor = writer.rows, writer.frame, writer.customer.key
        else:
            opened = writer.sources.opened(passing.rows, writer.rows)
            rows, frame, anchor = opened.rows, opened.frame, opened.first.parent_column
            if opened.first.entity.parent_key is not None:
                frame.join(writer.customer.source, opened.link)
                anchor = writer.customer.key
        conditions = writer.conditions(passing.passed, rows)
        column, _ = rows[passing.value.row.depth].field(passing.value.name)
        return sa.select(anchor).select_from(frame.clause).where(*conditions), column


def _naive(value: Any) -> date | None:
    found: date | None = naive_utc(value) if isinstance(value, datetime) else value
    return found
