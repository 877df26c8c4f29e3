"""The terms of the algebra as SQL expressions."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never
from zoneinfo import ZoneInfo

import attrs
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.sql import ColumnElement

from segrules import algebra, clock
from segrules.algebra import (
    Aggregate,
    Const,
    DayNumber,
    Field,
    FirstPresent,
    Fold,
    Kind,
    Latest,
    Picked,
    Product,
    Row,
    Sum,
    Term,
)
from segrules.errors import BackendError
from segrules.shop.columns import Money, compares_exactly
from segrules.shop.mapping import Stored, decimals_of
from segrules.shop.storage import local_moment
from segrules.sql import functions
from segrules.sql.rows import Bound
from segrules.sql.values import DECLARED, Arithmetic, Value

if TYPE_CHECKING:
    from segrules.sql.writer import Writer

_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.ID: sa.BigInteger(),
    Kind.TEXT: sa.String(),
    Kind.CODE: sa.String(),
    Kind.CHOICE: sa.String(),
    Kind.YESNO: sa.Boolean(),
    Kind.DATE: sa.Date(),
    Kind.MOMENT: sa.DateTime(),
}

#: The rows that are open, by depth.
Rows = AnyMapping[int, Bound]


@frozen(eq=False)
class Terms:
    """Writes terms; ``hoisted`` are aggregates that the planner computes elsewhere in the statement."""

    writer: Writer
    numbers: Arithmetic
    dialect: sa.Dialect
    zone: ZoneInfo
    hoisted: dict[Term, Value] = attrs.field(factory=dict)

    def write(self, term: Term, rows: Rows) -> Value:
        """A term as SQL."""
        match term:
            case Const(value=value, kind=kind):
                return self._constant(value, kind)
            case Field(row=row, name=name, kind=kind):
                return self._field(row, name, kind, rows)
            case Sum(terms=terms):
                return self.numbers.add([self.write(each, rows) for each in terms])
            case Product(left=left, right=right):
                return self.numbers.multiply(self.write(left, rows), self.write(right, rows))
            case Aggregate():
                return self.hoisted.get(term) or self._aggregate_alone(term, rows)
            case Picked():
                return self._picked(term, rows)
            case FirstPresent(terms=terms):
                return self._first_present([self.write(each, rows) for each in terms])
            case Latest(terms=terms):
                return self._latest([self.write(each, rows) for each in terms])
            case DayNumber(term=inner):
                return self._day_number(self.write(inner, rows))
            case algebra.DaysUntil():
                raise TypeError(f"{term!r} has not been bound")
            case _:
                assert_never(term)

    def _constant(self, value: Any, kind: Kind) -> Value:
        if value is None:
            # What is reckoned with a moment or a date asks for its type even where there is none.
            null: ColumnElement[Any] = sa.null()
            if kind in (Kind.DATE, Kind.MOMENT):
                null = sa.cast(null, _TYPES[kind])
            return Value(null, kind, True, cheap=True)
        if kind is Kind.NUMBER:
            return self.numbers.constant(value)
        return Value(sa.literal(value, _TYPES[kind]), kind, False, constant=value, cheap=True)

    def _field(self, row: Row, name: str, kind: Kind, rows: Rows) -> Value:
        column, stored = rows[row.depth].field(name)
        if kind is Kind.NUMBER:
            return self._number(column, stored)
        exact = kind not in (Kind.CODE, Kind.CHOICE) or self._compares_exactly(stored)
        cheap = not isinstance(column, local_moment)
        return Value(column, kind, stored.nullable, stored=stored, exact=exact, cheap=cheap)

    def _compares_exactly(self, stored: Stored) -> bool:
        return stored.exact if stored.exact is not None else compares_exactly(stored.column.type, self.dialect)

    def _number(self, column: ColumnElement[Any], stored: Stored) -> Value:
        sql: ColumnElement[Any]
        decimals = decimals_of(stored)
        kept = stored.column.type
        if stored.scale is not None or isinstance(kept, sa.Integer):
            unit, sql = stored.scale or 0, sa.type_coerce(column, sa.BigInteger())
        elif self.numbers.whole and isinstance(kept, Money):
            unit, sql = decimals, sa.type_coerce(column, sa.BigInteger())
        elif self.numbers.whole:
            scaled = sa.type_coerce(column, sa.BigInteger()) * sa.literal(10**decimals, sa.BigInteger())
            unit, sql = decimals, sa.cast(sa.func.round(scaled), sa.BigInteger())
        else:
            unit, sql = 0, sa.type_coerce(column, sa.Numeric(38, decimals))
        limit = DECLARED * 10**decimals
        return Value(sql, Kind.NUMBER, stored.nullable, unit, decimals, limit, stored=stored, cheap=True)

    # --- aggregates ---

    def _aggregate_alone(self, term: Aggregate, rows: Rows) -> Value:
        """An aggregate as a sub-query of its own, computed for each row around it."""
        opened = self.writer.sources.opened(term.source, rows)
        conditions = [opened.link, *self.writer.conditions(term.source.where, opened.rows)]
        folded = self.folded(term, opened.rows, None)
        query = sa.select(folded.sql).select_from(opened.frame.clause).where(*conditions).correlate_except(None)
        return attrs.evolve(folded, sql=query.scalar_subquery(), cheap=False)

    def folded(self, term: Aggregate, rows: Rows, only: ColumnElement[bool] | None, *, grouped: bool = False) -> Value:
        """The fold itself, over the rows of its own SELECT, or only those for which a condition holds.

        ``grouped``: there is at least one row.
        """
        value = None if term.value is None else self.write(term.value, rows)
        if term.fold is Fold.COUNT and value is not None and not value.nullable:
            value = None
        sql: ColumnElement[Any] = sa.literal_column("1") if value is None else value.sql
        if only is not None:
            sql = sa.case((only, sql))
        match term.fold:
            case Fold.COUNT:
                counted = sa.func.count() if value is None and only is None else sa.func.count(sql)
                return Value(counted, Kind.NUMBER, False, limit=DECLARED)
            case Fold.COUNT_DISTINCT:
                assert value is not None
                distinct = self.comparable(value)
                distinct = distinct if only is None else sa.case((only, distinct))
                return Value(sa.func.count(sa.distinct(distinct)), Kind.NUMBER, False, limit=DECLARED)
            case Fold.SUM:
                assert value is not None
                if self.numbers.whole and value.limit > DECLARED * 10**6:
                    raise BackendError(
                        "the sum of this rule's products can leave SQLite's exact range;"
                        " sum a field alone, or run the rule on PostgreSQL"
                    )
                limit = DECLARED * 10**value.scale
                total: ColumnElement[Any] = sa.func.sum(sql, type_=value.sql.type)
                if value.nullable or only is not None or not grouped:
                    total = sa.func.coalesce(total, sa.literal_column("0"), type_=value.sql.type)
                return attrs.evolve(value, sql=total, nullable=False, limit=limit, stored=None, cheap=False)
            case Fold.MIN | Fold.MAX:
                assert value is not None
                fold = sa.func.min if term.fold is Fold.MIN else sa.func.max
                return attrs.evolve(value, sql=fold(sql), nullable=True, stored=None, cheap=False)
            case _:
                assert_never(term.fold)

    def _picked(self, term: Picked, rows: Rows) -> Value:
        opened = self.writer.sources.opened(term.source, rows)
        conditions = [opened.link, *self.writer.conditions(term.source.where, opened.rows)]
        pick, last = term.source.pick, opened.rows[term.source.last.depth]
        assert pick is not None
        order: list[ColumnElement[Any]] = []
        alone = opened.first.entity.single and len(term.source.rows) == 1
        if pick.by is not None and not (alone and not pick.required):
            by, stored = last.field(pick.by)
            if stored.nullable and pick.required:
                conditions.append(by.is_not(None))
            elif stored.nullable:
                order.append(sa.case((by.is_(None), sa.literal_column("0")), else_=sa.literal_column("1")))
            order.append(by)
        order.append(last.key)
        value = self.write(term.value, opened.rows)
        places = [each.desc() if pick.latest else each for each in order]
        query: sa.Select[Any]
        if self.writer.engine == "duckdb":
            # DuckDB 2.0 fails inside when a LIMIT stands in a sub-query two levels below the row that it looks at;
            # this way it answers, and takes half the time.
            picked = sa.func.first(value.sql, type_=value.sql.type).aggregate_order_by(*places)
            query = sa.select(picked)
        else:
            query = sa.select(value.sql).order_by(*places).limit(sa.literal_column("1"))
        query = query.select_from(opened.frame.clause).where(*conditions).correlate_except(None)
        return attrs.evolve(value, sql=query.scalar_subquery(), nullable=True, cheap=False)

    # --- values made of values ---

    def _first_present(self, values: list[Value]) -> Value:
        kept: list[Value] = []
        for each in values:
            kept.append(each)
            if not each.nullable:
                break
        if len(kept) == 1:
            return kept[0]
        return self._joined(kept, lambda left, right: sa.func.coalesce(left, right), kept[-1].nullable)

    def _latest(self, values: list[Value]) -> Value:
        if len(values) == 1:
            return values[0]
        nullable = all(each.nullable for each in values)
        return self._joined(values, lambda left, right: functions.larger(left, right), nullable)

    def _joined(self, values: list[Value], join: Callable[[Any, Any], ColumnElement[Any]], nullable: bool) -> Value:
        if values[0].kind is Kind.NUMBER:
            values = self.numbers.align(values)
        else:
            values = [self.decoded(each) for each in values]
        kind = values[0].sql.type
        sql = values[0].sql
        for each in values[1:]:
            sql = sa.type_coerce(join(sql, each.sql), kind)
        scale = max(each.scale for each in values)
        limit = max(each.limit * 10 ** (scale - each.scale) for each in values)
        exact = all(each.exact for each in values)
        return Value(sql, values[0].kind, nullable, values[0].unit, scale, limit, exact=exact)

    def decoded(self, value: Value) -> Value:
        """A choice under its own name, where the column holds something else for it."""
        if value.stored is None or value.stored.codes is None:
            return value
        sql = functions.exact(value.sql) if not value.exact and value.stored.keeps_text else value.sql
        whens = [
            (sql == kept, sa.literal(name, sa.String()))
            for name in value.stored.codes
            for kept in value.stored.kept_for(name)
        ]
        return attrs.evolve(value, sql=sa.case(*whens), stored=None, nullable=True, exact=True, cheap=False)

    def comparable(self, value: Value) -> ColumnElement[Any]:
        """The expression by which a value compares exactly with others of its kind."""
        value = self.decoded(value)
        if value.kind is Kind.TEXT:
            if value.constant is not None:
                return sa.literal(algebra.fold(value.constant), sa.String())
            return functions.folded(value.sql)
        return value.sql if value.exact else functions.exact(value.sql)

    # --- days ---

    def _day_number(self, value: Value) -> Value:
        number = Value(sa.null(), Kind.NUMBER, value.nullable, limit=4 * 10**6)
        if value.constant is not None:
            day = value.constant if value.kind is Kind.DATE else clock.local_day(value.constant, self.zone)
            return self.numbers.constant(Decimal(day.toordinal()))
        return attrs.evolve(number, sql=functions.day_number(self.local_date(value)))

    def local_date(self, value: Value) -> ColumnElement[Any]:
        """The calendar day of a date, or of a moment in the shop's zone."""
        if value.kind is Kind.DATE:
            return value.sql
        _, seconds = clock.offsets(self.zone)
        if len(seconds) == 1:
            return functions.local_date(value.sql, sa.literal(seconds[0], sa.Integer()))
        if value.cheap and self.zone.key is not None:
            return functions.zoned_date(value.sql, sa.literal_column(self.zone.key))
        return functions.local_date(value.sql, self._looked_up_offset(value.sql))

    def _looked_up_offset(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        """The zone's offset at a moment that takes work to compute, so it is written once and not in every branch."""
        moments, seconds = clock.offsets(self.zone)
        listed = sa.union_all(
            *(
                sa.select(
                    sa.literal(since, sa.DateTime()).label("since"), sa.literal(each, sa.Integer()).label("seconds")
                )
                for since, each in zip((datetime.min, *moments), seconds, strict=True)
            )
        ).subquery(self.writer.names.fresh("offsets"))
        query = sa.select(listed.c.seconds).where(listed.c.since <= moment).order_by(listed.c.since.desc())
        return query.limit(sa.literal_column("1")).correlate_except(None).scalar_subquery()
