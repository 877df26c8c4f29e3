"""The predicates of the algebra as SQL conditions: two-valued, with the negation at the leaves.

A condition that this module writes holds exactly when the predicate is true; where the predicate is false it
may be NULL, which WHERE, HAVING and CASE take for false.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from attrs import evolve, frozen
from sqlalchemy.sql import ColumnElement

from segrules import algebra, clock
from segrules.algebra import (
    And,
    Compare,
    Const,
    Exists,
    Field,
    HasElement,
    InSegment,
    Kind,
    Match,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Predicate,
    Present,
    Source,
    Term,
    TextMatch,
    Truth,
)
from segrules.errors import SegmentError
from segrules.shop.mapping import Mapping
from segrules.shop.storage import KeptMoment
from segrules.sql import functions
from segrules.sql.functions import balanced, engine_name
from segrules.sql.normal import known_truth
from segrules.sql.rows import Bound, Frame, LookedUp, Names
from segrules.sql.selectivity import is_bound, stretch
from segrules.sql.sources import Sources
from segrules.sql.terms import Rows, Terms
from segrules.sql.values import Arithmetic, Value, apply

#: Up to so many month-days stand in a list; more become ranges.
_LISTED_DAYS = 40
#: Kinds whose equality names something.
_NAMES = (Kind.TEXT, Kind.CODE, Kind.CHOICE)


@frozen(eq=False)
class Condition:
    """A condition as SQL, or what it always is; ``nulls`` are the operands whose NULL makes it NULL.

    ``opposite`` is a plainer way to write the complement when there are none.
    """

    sql: ColumnElement[bool] | bool
    nulls: tuple[Value, ...] = ()
    opposite: ColumnElement[bool] | None = None

    def holds(self) -> ColumnElement[bool]:
        """The condition; NULL where it is not known to be true."""
        if self.sql is True:
            return sa.and_(sa.true(), *(each.sql.is_not(None) for each in self.nulls))
        return sa.false() if self.sql is False else self.sql

    def fails(self) -> ColumnElement[bool]:
        """The exact complement."""
        if self.opposite is not None and not self.nulls:
            return self.opposite
        if self.sql is False:
            return sa.true()
        missing = [each.sql.is_(None) for each in self.nulls]
        if self.sql is True:
            return sa.or_(sa.false(), *missing)
        if all(each.cheap for each in self.nulls):
            return sa.or_(*missing, sa.not_(self.sql))
        return sa.not_(sa.func.coalesce(self.sql, sa.false(), type_=sa.Boolean()))


class Writer:
    """Writes the conditions of one statement."""

    def __init__(
        self,
        mapping: Mapping,
        dialect: sa.Dialect,
        zone: ZoneInfo,
        members: AnyMapping[str, Any] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.mapping = mapping
        #: How long ago something is decides the shape of a statement, never what it finds.
        self.now = clock.naive_utc(datetime.now(UTC) if now is None else now)
        self.engine = engine_name(dialect.name)
        self.members = members or {}
        self.names = Names()
        #: Existences whose truth lies in a column of the rows that are read.
        self.known: dict[Exists, ColumnElement[bool]] = {}
        self.looking_up = self.sweeping = False
        self.sources = Sources(self)
        self.terms = Terms(self, Arithmetic(self.engine), dialect, zone)
        self.frame = Frame(self.names)
        self.customer = Bound("", mapping, self.frame)
        self.frame.begin(self.customer.source)
        self.rows: Rows = {0: self.customer}

    # --- predicates ---

    def conditions(self, predicate: Predicate, rows: Rows) -> list[ColumnElement[bool]]:
        """A predicate as conditions that all have to hold."""
        items = predicate.items if isinstance(predicate, And) else (predicate,)
        return balanced(sa.and_, [self.write(item, rows) for item in items if item != algebra.TRUE])

    def write(self, predicate: Predicate, rows: Rows) -> ColumnElement[bool]:
        """A predicate as SQL."""
        looked_up = self._in_lookup(predicate, rows)
        if looked_up is not None:
            return looked_up
        match predicate:
            case Truth(value=value):
                return sa.true() if value else sa.false()
            case And(items=items):
                return sa.and_(*balanced(sa.and_, [self.write(item, rows) for item in items]))
            case Or(items=items):
                return sa.or_(*balanced(sa.or_, [self.write(item, rows) for item in items]))
            case Not(item=item):
                return self._leaf(item, rows).fails()
            case Compare() if self.sweeping and is_bound(predicate):
                return functions.mostly(self._leaf(predicate, rows).holds())
            case _:
                return self._leaf(predicate, rows).holds()

    @contextmanager
    def over_all(self, where: Predicate) -> Iterator[None]:
        """Meanwhile a SELECT is written that asks everybody's rows whether something holds.

        SQLite takes any bound for narrow, and reads through an index, in an order that is none, what it would read
        sooner as it lies. Only a short stretch of time is left to an index.
        """
        before, self.sweeping = self.sweeping, self.engine == "sqlite" and stretch(where) != "short"
        try:
            yield
        finally:
            self.sweeping = before

    def _in_lookup(self, predicate: Predicate, rows: Rows) -> ColumnElement[bool] | None:
        """A condition on names or codes of a looked-up row, as a list of the rows that it may point to.

        The list is made once for all rows, where a join would ask anew for each; None when that is not possible.
        """
        if self.looking_up or not isinstance(predicate, (Compare, OneOf, TextMatch, Or, Not)):
            return None
        found = [each for each in algebra.walk(predicate) if isinstance(each, (Field, Source))]
        if not found or isinstance(found[0], Source) or found[0].kind not in _NAMES:
            return None
        row = found[0].row
        bound = rows[row.depth]
        lookup = None
        for each in found:
            if isinstance(each, Source) or each.row != row or each.kind not in _NAMES:
                return None
            via = self.mapping.stored(bound.path, each.name).via
            if via is None or (lookup is not None and via.outermost is not lookup.outermost):
                return None
            lookup = via
        assert lookup is not None
        outermost = lookup.outermost
        if outermost.nullable and known_truth(predicate, _nothing) is not False:
            return None
        frame = Frame(self.names)
        inner = LookedUp(bound, outermost, frame)
        self.looking_up = True
        try:
            condition = self.write(predicate, {**rows, row.depth: inner})
        finally:
            self.looking_up = False
        query = sa.select(inner.far).select_from(frame.clause).where(condition)
        return bound.own(outermost.near).in_(query.correlate_except(None))

    def _leaf(self, predicate: Predicate, rows: Rows) -> Condition:
        match predicate:
            case Compare():
                return self._compare(predicate, rows)
            case OneOf():
                return self._one_of(predicate, rows)
            case TextMatch():
                return self._text_match(predicate, rows)
            case Present(term=term):
                value = self.terms.write(term, rows)
                if value.stored is not None and value.stored.codes is not None:  # other content means nothing
                    return Condition(value.sql.in_(value.stored.kept), (value,) if value.nullable else ())
                return Condition(value.sql.is_not(None) if value.nullable else True)
            case HasElement():
                return self._has_element(predicate, rows)
            case OnMonthDay():
                return self._on_month_day(predicate, rows)
            case Exists() if predicate in self.known:
                return Condition(self.known[predicate])
            case Exists(source=source, where=where):
                found, pointer = self.sources.exists(source, where, rows)
                nulls = () if pointer is None else (Value(pointer, Kind.ID, True, cheap=True),)
                return Condition(found, nulls)
            case InSegment(name=name):
                return Condition(self._in_segment(name))
            case Native(terms=terms, sql=sql):
                return Condition(sql(*(self.terms.write(term, rows).sql for term in terms)))
            case Truth() | And() | Or() | Not():
                raise TypeError(f"the negation of {predicate!r} has not been pushed down")
            case _:
                assert_never(predicate)

    def _compare(self, predicate: Compare, rows: Rows) -> Condition:
        left, right = self.terms.write(predicate.left, rows), self.terms.write(predicate.right, rows)
        if any(isinstance(each, Const) and each.value is None for each in (predicate.left, predicate.right)):
            return Condition(False)
        nulls = tuple(each for each in (left, right) if each.nullable)
        if predicate.kind is Kind.NUMBER:
            return Condition(self.terms.numbers.compare(predicate.op, left, right), nulls)
        if isinstance(left.sql, KeptMoment) and right.constant is not None:
            return Condition(left.sql.compared(predicate.op, right.constant, self.engine), nulls)
        if isinstance(right.sql, KeptMoment) and left.constant is not None:
            return Condition(right.sql.compared(predicate.op.mirrored, left.constant, self.engine), nulls)
        if predicate.op is Op.EQ:
            if left.constant is not None:
                left, right = right, left
            opposite = None
            if isinstance(left.sql, sa.True_) and isinstance(right.constant, bool):
                return Condition(right.constant)
            if predicate.kind is Kind.YESNO and isinstance(right.constant, bool):
                opposite = left.sql == sa.literal(not right.constant, sa.Boolean())
            return Condition(self._equal(left, right), nulls, opposite)
        return Condition(apply(predicate.op, left.sql, right.sql), nulls)

    def _equal(self, left: Value, right: Value) -> ColumnElement[bool] | bool:
        if right.constant is not None and left.stored is not None and left.stored.codes is not None:
            return self._one_of_kept(left, left.stored.kept_for(right.constant))
        exactly: ColumnElement[bool] = self.terms.comparable(left) == self.terms.comparable(right)
        if left.kind is not Kind.TEXT and not left.exact and right.constant is not None:
            return sa.and_(left.sql == right.sql, exactly)
        return exactly

    def _one_of_kept(self, value: Value, kept: Sequence[Any]) -> ColumnElement[bool] | bool:
        """That a column holds one of the values that it keeps for choices; text byte for byte."""
        assert value.stored is not None
        if not kept:
            return False
        kind = value.stored.column.type
        listed: list[Any] = [sa.literal(each, kind) for each in dict.fromkeys(kept)]
        sql = value.sql
        found: ColumnElement[bool] = sql == listed[0] if len(listed) == 1 else sql.in_(listed)
        if value.exact or not isinstance(kept[0], str):
            return found
        exactly = functions.exact(sql)
        return sa.and_(found, exactly == listed[0] if len(listed) == 1 else exactly.in_(listed))

    def _one_of(self, predicate: OneOf, rows: Rows) -> Condition:
        value = self.terms.write(predicate.term, rows)
        nulls = (value,) if value.nullable else ()
        found: list[Any] = [each.value for each in predicate.values if each.value is not None]
        if value.constant is not None or (predicate.kind is Kind.NUMBER and len(found) == 1):
            compared = [
                self._compare(Compare(Op.EQ, predicate.term, Const(each, predicate.kind), predicate.kind), rows)
                for each in found
            ]
            return Condition(sa.or_(sa.false(), *balanced(sa.or_, [each.holds() for each in compared])), nulls)
        if predicate.kind is Kind.NUMBER:
            return self._one_of_numbers(value, found, nulls)
        if value.stored is not None and value.stored.codes is not None:
            return Condition(
                self._one_of_kept(value, [kept for each in found for kept in value.stored.kept_for(each)]), nulls
            )
        if predicate.kind is Kind.TEXT:
            found = [algebra.fold(each) for each in found]
        sql = self.terms.comparable(value)
        found = list(dict.fromkeys(found))
        if not found:
            return Condition(False)
        if len(found) == 1:
            return Condition(sql == sa.literal(found[0]), nulls)
        listed: ColumnElement[bool] = sql.in_(found)
        if predicate.kind is not Kind.TEXT and not value.exact:
            listed = sa.and_(value.sql.in_(found), listed)
        return Condition(listed, nulls)

    def _one_of_numbers(self, value: Value, found: list[Any], nulls: tuple[Value, ...]) -> Condition:
        equal = [self.terms.numbers.compare(Op.EQ, value, self.terms.numbers.constant(Decimal(each))) for each in found]
        kept = [each for each in equal if not isinstance(each, bool)]
        if not kept:
            return Condition(False)
        rights = [each.right for each in kept if isinstance(each, sa.BinaryExpression) and each.left is value.sql]
        if len(rights) == len(kept):
            return Condition(value.sql.in_(rights), nulls)
        return Condition(sa.or_(*balanced(sa.or_, kept)), nulls)

    def _text_match(self, predicate: TextMatch, rows: Rows) -> Condition:
        value, needle = self.terms.write(predicate.term, rows), self.terms.write(predicate.needle, rows)
        if isinstance(predicate.needle, Const) and predicate.needle.value is None:
            return Condition(False)
        nulls = tuple(each for each in (value, needle) if each.nullable)
        if needle.constant == "":
            return Condition(True, nulls)
        text, part = self.terms.comparable(value), self.terms.comparable(needle)
        match predicate.match:
            case Match.CONTAINS:
                return Condition(functions.holds(text, part), nulls)
            case Match.STARTS:
                return Condition(functions.starts(text, part), nulls)
            case Match.ENDS:
                return Condition(functions.ends(text, part), nulls)
            case _:
                assert_never(predicate.match)

    def _has_element(self, predicate: HasElement, rows: Rows) -> Condition:
        value = self.terms.write(predicate.field, rows)
        nulls = (value,) if value.nullable else ()
        stored = value.stored
        assert stored is not None
        separator = stored.separator
        if predicate.element is None:
            rest = value.sql if separator is None else sa.func.replace(value.sql, separator, "")
            return Condition(rest != sa.literal("", sa.String()), nulls)
        element = self.terms.write(predicate.element, rows)
        if isinstance(predicate.element, Const) and not predicate.element.value:
            return Condition(False)
        nulls = (*nulls, element) if element.nullable else nulls
        if separator is None:
            return Condition(self._equal(value, element), nulls)
        if isinstance(element.constant, str) and separator in element.constant:
            return Condition(False)
        edge = sa.literal(separator, sa.String())
        if element.constant is not None:
            part: ColumnElement[Any] = sa.literal(f"{separator}{element.constant}{separator}", sa.String())
        else:
            part = sa.func.concat(edge, self.terms.comparable(element), edge)
        text = self.terms.comparable(value)
        return Condition(functions.holds(edge + sa.type_coerce(text, sa.String()) + edge, part), nulls)

    def _on_month_day(self, predicate: OnMonthDay, rows: Rows) -> Condition:
        assert isinstance(predicate.days, frozenset)
        value = self.terms.write(predicate.term, rows)
        nulls = (value,) if value.nullable else ()
        if isinstance(predicate.term, Const):
            if value.constant is None:
                return Condition(False)
            day = value.constant if value.kind is Kind.DATE else clock.local_day(value.constant, self.terms.zone)
            return Condition(clock.month_day(day) in predicate.days)
        if not predicate.days or len(predicate.days) >= 366:
            return Condition(bool(predicate.days), nulls)
        local, days = self.terms.local_date(value), sorted(predicate.days)
        if self.engine == "sqlite":  # dates are text there, and cutting out a piece is all it takes
            cut = sa.type_coerce(functions.month_day(local), sa.String())
            if len(days) <= _LISTED_DAYS:
                return Condition(cut.in_([_shown(day) for day in days]), nulls)
            ranges = clock.day_ranges(days)
            return Condition(sa.or_(*(cut.between(_shown(first), _shown(last)) for first, last in ranges)), nulls)
        if len(days) <= 2:
            return Condition(sa.or_(*(_on_day(local, *divmod(day, 100)) for day in days)), nulls)
        found = functions.month_day(local)
        if len(days) <= _LISTED_DAYS:
            return Condition(found.in_(days), nulls)
        return Condition(sa.or_(*(found.between(first, last) for first, last in clock.day_ranges(days))), nulls)

    def _in_segment(self, name: str) -> ColumnElement[bool]:
        if name not in self.members:
            raise SegmentError(f'there is no stored membership of a segment "{name}" to look into')
        return self.customer.key.in_(self.members[name])


def _shown(day: int) -> str:
    return f"{day // 100:02}-{day % 100:02}"


def _on_day(local: ColumnElement[Any], month: int, day: int) -> ColumnElement[bool]:
    """That a date lies on one day of the year."""
    return sa.and_(
        functions.month_of(local) == sa.literal(month, sa.Integer()),
        functions.day_of(local) == sa.literal(day, sa.Integer()),
    )


def _nothing(term: Term) -> Any:
    """The value of a term of a row that is not there."""
    return term.value if isinstance(term, Const) else None


def answered(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition as a column that is true or false, never NULL."""
    return sa.case((condition, sa.true()), else_=sa.false())


def renewed(value: Value, sql: ColumnElement[Any]) -> Value:
    """The same value, read from another expression."""
    return evolve(value, sql=sql, cheap=True, stored=None)
