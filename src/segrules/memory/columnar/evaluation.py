"""Predicates over many customers at once.

This gives no condition a meaning of its own. It says those terms and predicates for which Arrow has a function that
means exactly the same; :class:`NotColumnar` marks all others, and whole parts of a rule that hold one are left to
the function for single customers, asked of those rows only that the other parts leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    Aggregate,
    And,
    Compare,
    Const,
    DayNumber,
    DaysUntil,
    Exists,
    Field,
    FirstPresent,
    Fold,
    HasElement,
    InSegment,
    Kind,
    Latest,
    Match,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Picked,
    Predicate,
    Present,
    Product,
    Source,
    Sum,
    Term,
    TextMatch,
    Truth,
)  # fmt: skip
from segrules.binding.linear import whole_bound
from segrules.memory.columnar import numbers
from segrules.memory.columnar.frames import Frame, constants, folded, scalar
from segrules.memory.columnar.numbers import NotColumnar, Values
from segrules.memory.columnar.scopes import Scope
from segrules.memory.compiler import compile_predicate
from segrules.memory.terms import kind_of

_COMPARE = {
    Op.EQ: pc.equal, Op.LT: pc.less, Op.LE: pc.less_equal, Op.GT: pc.greater, Op.GE: pc.greater_equal,
}  # fmt: skip
_MATCH = {Match.CONTAINS: pc.match_substring, Match.STARTS: pc.starts_with, Match.ENDS: pc.ends_with}
_FOLD = {
    Fold.COUNT: "count", Fold.COUNT_DISTINCT: "count_distinct", Fold.SUM: "sum", Fold.MIN: "min", Fold.MAX: "max",
}  # fmt: skip
_INT64 = 2**63
#: What `date.toordinal` says of the day from which Arrow counts.
_EPOCH = 719_163


class Columnar:
    """Bound predicates that are asked together about many customers."""

    def __init__(self, predicates: Iterable[Predicate], zone: ZoneInfo) -> None:
        self.predicates = tuple(predicates)
        self._zone = zone
        self._functions: dict[Predicate, Callable[[Any], bool]] = {}

    def holding(self, table: pa.Table) -> list[pa.BooleanArray]:
        """For each predicate a column that tells which rows it holds for. Raises CustomerError."""
        rows = _Rows(table, self._function)
        return [rows.holds(predicate) for predicate in self.predicates]

    def answers(self, tables: Iterable[pa.Table], names: list[str]) -> pa.Table:
        """The columns of several tables, one behind the other, under these names."""
        schema = pa.schema([pa.field(name, pa.bool_(), nullable=False) for name in names])
        if not names:
            return schema.empty_table()
        return pa.Table.from_batches([pa.record_batch(self.holding(each), schema) for each in tables], schema)

    def bits(self, table: pa.Table) -> list[int]:
        """For each row the predicates that hold for it, as bits by their place."""
        found = [0] * table.num_rows
        for place, column in enumerate(self.holding(table)):
            bit = 1 << place
            for row in pc.indices_nonzero(column).to_pylist():
                found[row] |= bit
        return found

    def _function(self, predicate: Predicate) -> Callable[[Any], bool]:
        found = self._functions.get(predicate)
        if found is None:
            found = self._functions[predicate] = compile_predicate(predicate, self._zone)
        return found


@frozen(eq=False)
class _Rows:
    """One batch of customers, with what is known of it."""

    table: pa.Table
    function: Callable[[Predicate], Callable[[Any], bool]]
    _customers: Scope = field(init=False)
    _known: dict[tuple[Scope, Term | Predicate], Any] = field(factory=dict, init=False)
    _folded: dict[tuple[Scope, Term], pa.Array] = field(factory=dict, init=False)
    _picked: dict[tuple[Scope, Source], Scope] = field(factory=dict, init=False)
    _units: dict[tuple[Scope, Term], tuple[pa.Array, int] | None] = field(factory=dict, init=False)

    @_customers.default
    def _first(self) -> Scope:
        return Scope(((CUSTOMER.depth, Frame.of(self.table)),))

    def holds(self, predicate: Predicate) -> pa.BooleanArray:
        """Which customers a predicate holds for."""
        is_any = isinstance(predicate, Or)
        answer = pa.repeat(not is_any, self.table.num_rows)
        left: list[Predicate] = []
        for item in predicate.items if isinstance(predicate, And | Or) else (predicate,):
            try:
                found = self._predicate(item, self._customers)
            except NotColumnar:
                left.append(item)
            else:
                answer = (pc.or_ if is_any else pc.and_)(answer, found)
        if not left:
            return answer
        still_open = pc.invert(answer) if is_any else answer
        return pc.replace_with_mask(answer, still_open, self._one_by_one(type(predicate), left, still_open))

    def _one_by_one(self, form: type, items: list[Predicate], asked: pa.BooleanArray) -> pa.BooleanArray:
        predicate: Predicate = items[0] if form not in (And, Or) else form(tuple(items))
        names = set(self.table.column_names) & _names(predicate)
        rows = self.table.select(sorted(names)).filter(asked)
        function = self.function(predicate)
        if not names:
            return pa.repeat(function({}), pc.sum(asked, min_count=0).as_py())
        return pa.array(map(function, rows.to_pylist()), pa.bool_())

    # --- predicates --------------------------------------------------------------------------------

    def _predicate(self, node: Predicate, scope: Scope) -> pa.BooleanArray:
        """Which rows a predicate holds for; true or false for each."""
        key = (scope, node)
        found = self._known.get(key)
        if found is None:
            found = self._asked(node, scope)
            if isinstance(found, pa.Scalar):
                found = pa.repeat(found, scope.length)
            found = self._known[key] = pc.fill_null(found, False) if found.null_count else found
        return found

    def _asked(self, node: Predicate, scope: Scope) -> Values:
        match node:
            case Truth(value=value):
                return pa.scalar(value)
            case And(items=items):
                return reduce(pc.and_, [self._predicate(item, scope) for item in items], pa.scalar(True))
            case Or(items=items):
                return reduce(pc.or_, [self._predicate(item, scope) for item in items], pa.scalar(False))
            case Not(item=item):
                return pc.invert(self._predicate(item, scope))
            case Compare(op=op, left=left, right=right, kind=kind):
                return self._compare(op, left, right, kind, scope)
            case OneOf(term=term, values=values, kind=kind) if kind is not Kind.NUMBER:
                return pc.is_in(self._comparable(term, kind, scope), constants(values, kind), skip_nulls=True)
            case OneOf(term=term, values=values, kind=kind):
                asked = [self._predicate(Compare(Op.EQ, term, value, kind), scope) for value in values]
                return reduce(pc.or_, asked, pa.scalar(False))
            case TextMatch(match=match, term=term, needle=Const(value=str() as needle), kind=kind):
                pattern = algebra.fold(needle) if kind is Kind.TEXT else needle
                return _MATCH[match](self._comparable(term, kind, scope), pattern)
            case Present(term=Field(row=row, name=name)):
                return scope.spread(row.depth, scope.at(row.depth).is_present(name))
            case Present(term=term):
                return pc.is_valid(self._term(term, scope))
            case HasElement(field=sets, element=None | Const() as element):
                return self._has(sets, element, scope)
            case InSegment(name=name):
                return self._has(Field(CUSTOMER, "segments", Kind.CODE), Const(name, Kind.CODE), scope)
            case OnMonthDay(term=term, days=frozenset() as days) if kind_of(term) is Kind.DATE:
                date = self._term(term, scope)
                number = pc.add(pc.multiply(pc.month(date), 100), pc.day(date))
                return pc.is_in(number, pa.array(sorted(days), pa.int64()), skip_nulls=True)
            case Exists(source=source, where=where):
                inside, found = self._inside(source, scope)
                found = pc.and_(found, self._predicate(where, inside))
                return _having(inside.owners(source).filter(found), scope.length)
            case TextMatch() | HasElement() | OnMonthDay() | Native():
                raise NotColumnar
            case _:
                assert_never(node)

    def _compare(self, op: Op, left: Term, right: Term, kind: Kind, scope: Scope) -> Values:
        if isinstance(left, Const) and not isinstance(right, Const):
            op, left, right = op.mirrored, right, left
        one = self._comparable(left, kind, scope)
        if kind is Kind.NUMBER:
            if isinstance(right, Const) and isinstance(right.value, Decimal) and right.value.adjusted() < 40:
                if (scope, left) not in self._units:
                    self._units[scope, left] = numbers.units(one)
                if (units := self._units[scope, left]) is not None:
                    return _compare_whole(op, units[0], Fraction(right.value) * 10 ** units[1])
            return _COMPARE[op](*numbers.alike((one, self._term(right, scope))))
        return _COMPARE[op](one, self._comparable(right, kind, scope))

    def _comparable(self, term: Term, kind: Kind, scope: Scope) -> Values:
        """A term as it compares: text is folded."""
        if kind is not Kind.TEXT:
            return self._term(term, scope)
        if isinstance(term, Const):
            return constants((term,), kind)[0]
        found = self._folded.get((scope, term))
        if found is None:
            found = self._folded[scope, term] = folded(self._term(term, scope))
        return found

    def _has(self, sets: Field, element: Const | None, scope: Scope) -> Values:
        if element is not None and element.value is None:
            return pa.scalar(False)
        frame = scope.at(sets.row.depth)
        codes, owners = frame.elements(sets.name)
        if element is not None:
            owners = owners.filter(pc.equal(codes, scalar(element.value, Kind.CODE)))
        return scope.spread(sets.row.depth, _having(owners, frame.length))

    # --- rows --------------------------------------------------------------------------------------

    def _inside(self, source: Source, scope: Scope) -> tuple[Scope, pa.BooleanArray]:
        """The rows of a source, and which of them count."""
        inside = scope.inside(source)
        where = self._predicate(source.where, inside)
        if source.pick is None:
            return inside, where
        found = self._picked.get((scope, source))
        if found is None:
            owners = inside.owners(source).filter(where)
            rows = pc.indices_nonzero(where)
            found = self._picked[scope, source] = inside.narrowed(
                rows.take(inside.frames[-1][1].picked(source.pick, rows, owners))
            )
        return found, pa.repeat(True, found.length)

    # --- terms -------------------------------------------------------------------------------------

    def _term(self, node: Term, scope: Scope) -> Values:
        """The values of a term, null where it is missing."""
        key = (scope, node)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._valued(node, scope)
        return found

    def _valued(self, node: Term, scope: Scope) -> Values:
        match node:
            case Const(value=Decimal() as value):
                return numbers.constant(value)
            case Const(value=value, kind=kind):
                return scalar(value, kind)
            case Field(row=row, name=name, kind=kind):
                return scope.spread(row.depth, scope.at(row.depth).values(name, kind))
            case Sum(terms=terms):
                return reduce(numbers.add, [self._term(each, scope) for each in terms])
            case Product(left=left, right=right):
                return numbers.multiply(self._term(left, scope), self._term(right, scope))
            case DayNumber(term=term) if kind_of(term) is Kind.DATE:
                return pc.add(self._term(term, scope).cast(pa.int32()).cast(pa.int64()), _EPOCH)
            case FirstPresent(terms=terms):
                return pc.coalesce(*self._alike(terms, scope))
            case Latest(terms=terms):
                return pc.max_element_wise(*self._alike(terms, scope), skip_nulls=True)
            case Aggregate():
                return self._aggregate(node, scope)
            case Picked(source=source, value=value):
                inside, _ = self._inside(source, scope)
                found = self._term(value, inside)
                found = pa.repeat(found, inside.length) if isinstance(found, pa.Scalar) else found
                return found.take(pc.index_in(_numbered(scope.length), inside.owners(source)))
            case DayNumber() | DaysUntil():
                raise NotColumnar
            case _:
                assert_never(node)

    def _alike(self, terms: tuple[Term, ...], scope: Scope) -> list[Values]:
        """Terms of one kind in one type."""
        values = [self._term(each, scope) for each in terms]
        return numbers.alike(values) if kind_of(terms[0]) is Kind.NUMBER else values

    def _aggregate(self, node: Aggregate, scope: Scope) -> Values:
        inside, where = self._inside(node.source, scope)
        owners = inside.owners(node.source)
        if node.value is None:
            values: Values = owners
        else:
            is_text = node.fold is Fold.COUNT_DISTINCT and kind_of(node.value) is Kind.TEXT
            values = self._comparable(node.value, Kind.TEXT if is_text else Kind.NUMBER, inside)
            if isinstance(values, pa.Scalar):
                values = pa.repeat(values, inside.length)
            if node.fold is Fold.SUM:
                values = numbers.summable(values)
        rows = pa.table({"owner": owners, "value": values}).filter(where)
        found = rows.group_by("owner").aggregate([("value", _FOLD[node.fold])])
        places = pc.index_in(_numbered(scope.length), found["owner"].combine_chunks())
        totals = found[f"value_{_FOLD[node.fold]}"].combine_chunks().take(places)
        if node.fold in (Fold.MIN, Fold.MAX):
            return totals
        return pc.fill_null(totals, pa.scalar(0).cast(totals.type))


def _having(rows: pa.Array, length: int) -> pa.BooleanArray:
    """Of so many rows, those whose number is there."""
    return pc.is_in(_numbered(length), rows)


def _numbered(length: int) -> pa.Array:
    """So many rows by their number."""
    return pc.indices_nonzero(pa.repeat(True, length)).cast(pa.int64())


def _compare_whole(op: Op, values: Values, constant: Fraction) -> Values:
    """Whole numbers against a constant, which need not be one."""
    whole = whole_bound(op, constant)
    if whole is None:
        return pa.scalar(False)
    if abs(whole[1]) >= _INT64:
        raise NotColumnar
    return _COMPARE[whole[0]](values, pa.scalar(whole[1], pa.int64()))


def _names(predicate: Predicate) -> set[str]:
    """The columns of the customers that a predicate reads."""
    found = set()
    for node in algebra.walk(predicate):
        match node:
            case Field(row=row, name=name) if row == CUSTOMER:
                found.add(name)
            case Source(parent=parent, rows=rows) if parent == CUSTOMER:
                found.add(rows[0].link)
            case InSegment():
                found.add("segments")
            case _:
                pass
    return found
