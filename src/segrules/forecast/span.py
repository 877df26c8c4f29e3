"""A rule bound to a span of time: what can change in it, for whom, and when at the earliest.

Binding fixes one present; here a rule is bound to all the moments of a span at once. Every bound of time moves
forward, so most comparisons can turn once only, and the two ends of the span tell how.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import assert_never

import attrs
from attrs import define, field, frozen

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    FALSE,
    TRUE,
    Aggregate,
    Compare,
    Const,
    DaysUntil,
    Exists,
    Field,
    Fold,
    Kind,
    OnMonthDay,
    Op,
    Predicate,
    Row,
    Source,
    Term,
    all_of,
    any_of,
    negate,
    walk,
)
from segrules.binding import Binding, bind_condition, bind_source, bind_term, everyone, solve_days_until
from segrules.clock import MICROSECOND, Clock, MonthDays, local_day, naive_utc, offsets
from segrules.forecast.anniversaries import days_in_span
from segrules.forecast.moving import is_growing, is_instant, is_moving, is_never_negative, moves
from segrules.forecast.outlook import Outlook, both, either, settled

_COMPLEMENT = {Op.LT: Op.GE, Op.LE: Op.GT, Op.GT: Op.LE, Op.GE: Op.LT}
_ZERO = Const(Decimal(0), Kind.NUMBER)
#: Which end of the rows decides alone whether one of them stands so: ``max(x) > 5`` says that there is an ``x > 5``.
_BY_ONE_ROW = {(Fold.MAX, Op.GT), (Fold.MAX, Op.GE), (Fold.MIN, Op.LT), (Fold.MIN, Op.LE)}


@frozen
class Passing:
    """A bound that moves over the values of a field: from ``start`` to ``stop`` in the span.

    It has passed a value once it is greater; if ``touching``, once it is equal.
    """

    field: Field
    touching: bool
    start: date
    stop: date
    _bound_at: Callable[[datetime], date] = attrs.field(eq=False, repr=False)

    @property
    def rows(self) -> Source:
        """The rows of the field, from the customer, whose value is passed."""
        path = self.field.row.entity.split(".")
        rows = tuple(Row(".".join(path[:depth]), depth) for depth in range(1, len(path) + 1))
        return Source(CUSTOMER, rows, self.passed)

    @property
    def passed(self) -> Predicate:
        """The value of :attr:`value` is passed in the span."""
        ops = (Op.GT, Op.LE) if self.touching else (Op.GE, Op.LT)
        ends = (Const(each, self.field.kind) for each in (self.start, self.stop))
        return all_of(*(Compare(op, self.value, end, end.kind) for op, end in zip(ops, ends, strict=True)))

    @property
    def value(self) -> Field:
        """The field on the rows of :attr:`rows`; on the customer when it has no rows."""
        entity = self.field.row.entity
        return attrs.evolve(self.field, row=Row(entity, entity.count(".") + 1) if entity else CUSTOMER)

    def is_over(self, value: date, at: datetime) -> bool:
        """Whether a value has been passed at a moment."""
        bound = self._bound_at(at)
        return bound >= value if self.touching else bound > value


@frozen
class Span:
    """The moments after ``low`` up to ``high`` (naive UTC), compared with the state at ``low``.

    ``changing`` is true of all customers whose answer may change; it cannot before the first of what the fields tell
    (``passings``) and of what time itself does (``turns``).
    """

    low: datetime
    high: datetime
    changing: Predicate
    passings: tuple[Passing, ...]
    turns: tuple[datetime, ...]

    def first(self, values: Mapping[Passing, date | None]) -> datetime | None:
        """The first moment at which anything may change, given the smallest value that each passing passes."""
        found = list(self.turns)
        for passing, value in values.items():
            if value is not None:
                found.append(_first(self.low, self.high, lambda at, p=passing, v=value: p.is_over(v, at)))  # type: ignore[misc]
        return min(found, default=None)


def look(rule: Predicate, binding: Binding, low: datetime, high: datetime) -> Span:
    """A lowered rule in a span, asked of everyone who can be a member at all."""
    reader = _Reader(low, high, binding)
    changing = reader.condition(rule).changing
    return Span(
        low,
        high,
        all_of(*everyone(binding), changing) if changing != FALSE else FALSE,
        tuple(reader.passings),
        tuple(each for each in reader.turns if low < each <= high),
    )


def clock_at(moment: datetime, binding: Binding) -> Clock:
    """The clock of an evaluation at another (naive UTC) moment."""
    return Clock(moment.replace(tzinfo=UTC), binding.clock.zone)


def next_midnight(clock: Clock) -> datetime:
    """The first moment (naive UTC) at which the calendar day is another one."""
    moments, seconds = offsets(clock.zone)
    moment = naive_utc(clock.now)
    place = bisect_right(moments, moment)
    while True:
        offset = timedelta(seconds=seconds[place])
        tomorrow = (moment + offset).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day) - offset
        if place == len(moments) or midnight < moments[place]:
            return midnight
        moment = moments[place]
        if local_day(moment, clock.zone) != clock.today:
            return moment
        place += 1


def _first(low: datetime, high: datetime, is_so: Callable[[datetime], bool]) -> datetime:
    """The first moment after ``low`` at which it is so, which it is from then on, and at ``high`` for certain."""
    before, after = 0, (high - low) // MICROSECOND
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if is_so(low + timedelta(microseconds=middle)) else (middle, after)
    return low + timedelta(microseconds=after)


@define
class _Reader:
    """Reads a rule with the eyes of one span."""

    low: datetime
    high: datetime
    binding: Binding
    passings: dict[Passing, None] = field(factory=dict)
    turns: dict[datetime, None] = field(factory=dict)
    _bindings: dict[datetime, Binding] = field(factory=dict)
    _moving: dict[int, bool] = field(factory=dict)
    _kept: list[object] = field(factory=list)
    _positive: frozenset[Term] = frozenset()

    def at(self, moment: datetime) -> Binding:
        """The same evaluation at another moment."""
        found = self._bindings.get(moment)
        if found is None:
            found = attrs.evolve(self.binding, clock=clock_at(moment, self.binding))
            if moment in (self.low, self.high):
                self._bindings[moment] = found
        return found

    def moves(self, node: Term | Predicate | Source) -> bool:
        """Whether anything in it moves with the clock."""
        found = self._moving.get(id(node))
        if found is None:
            self._kept.append(node)
            found = self._moving[id(node)] = moves(node, frozenset(self.binding.segments))
        return found

    @property
    def ends(self) -> tuple[Binding, Binding]:
        """The evaluations at both ends."""
        return self.at(self.low), self.at(self.high)

    # --- conditions ----------------------------------------------------------------------------------

    def condition(self, node: Predicate) -> Outlook:
        """The outlook of a lowered condition."""
        if not self.moves(node):
            return settled(bind_condition(node, self.binding))
        match node:
            case algebra.And(items=items):
                with self._knowing(items):
                    return both([self.condition(item) for item in items])
            case algebra.Or(items=items):
                with self._knowing([negate(item) for item in items]):
                    return either([self.condition(item) for item in items])
            case algebra.Not(item=item):
                return self.condition(item).opposite
            case algebra.InSegment(name=name):
                return self.condition(self.binding.segments[name])
            case Exists(source=source, where=where) if source.pick is None:
                return self.condition(all_of(source.where, where)).of_a_row(self._unconditional(source))
            case Exists(source=source, where=where) if not self.moves(source):
                return self.condition(where).of_a_row(bind_source(source, self.binding))
            case OnMonthDay(term=term, days=MonthDays() as days) if not self.moves(term):
                return self._returning(term, days)
            case algebra.OneOf(term=term, values=values, kind=Kind.NUMBER):
                return either([self.condition(Compare(Op.EQ, term, value, Kind.NUMBER)) for value in values])
            case algebra.Present(term=term):
                return self._present(term)
            case Compare():
                return self._compare(node)
            case _:
                return self._stirred(node)

    @contextmanager
    def _knowing(self, items: Sequence[Predicate]) -> Iterator[None]:
        """Inside, the denominators are positive that items say are: where one is not, those decide alone."""
        outer = self._positive
        found = {each.left for each in items if isinstance(each, Compare) and (each.op, each.right) == (Op.GT, _ZERO)}
        self._positive = outer | found
        yield
        self._positive = outer

    def _present(self, term: Term) -> Outlook:
        """A term has a value, which does not depend on how large the value is."""
        match term:
            case Const(value=value):
                return settled(algebra.Truth(value is not None))
            case algebra.Sum() | algebra.Product() | algebra.DayNumber() | DaysUntil():
                return both([self._present(each) for each in _terms_in(term)])
            case algebra.FirstPresent(terms=terms) | algebra.Latest(terms=terms):
                return either([self._present(each) for each in terms])
            case algebra.Picked(source=source, value=value):
                return self.condition(Exists(source, algebra.Present(value)))
            case Aggregate(fold=Fold.MIN | Fold.MAX, source=source, value=value) if value is not None:
                return self.condition(Exists(source, algebra.Present(value)))
            case Aggregate():
                return settled(TRUE)
            case Field():
                return settled(algebra.Present(term))
            case _:
                assert_never(term)

    def _unconditional(self, source: Source) -> Source:
        """The rows of a source with no condition but the scope of websites."""
        return bind_source(attrs.evolve(source, where=TRUE), self.binding)

    def _compare(self, node: Compare) -> Outlook:
        op, left, right, kind = node.op, node.left, node.right, node.kind
        if any(isinstance(each, DaysUntil) for each in walk(node)):
            return self._days_until(node)
        if any(isinstance(each, Const) and each.value is None for each in (left, right)):
            return settled(FALSE)
        if op is Op.EQ:
            if kind not in (Kind.NUMBER, Kind.DATE, Kind.MOMENT):
                return self._stirred(node)
            return both([self.condition(Compare(each, left, right, kind)) for each in (Op.GE, Op.LE)])
        if isinstance(left, Const) and isinstance(right, Const):
            return self._of_time_alone(node)
        if isinstance(left, Const):
            return self._compare(Compare(op.mirrored, right, left, kind))
        if isinstance(left, Aggregate) and left.fold in (Fold.MIN, Fold.MAX) and isinstance(right, Const):
            return self._of_extreme(left, op, right, kind)
        if isinstance(left, algebra.Picked) and isinstance(right, Const) and not self.moves(left.source):
            return self.condition(Exists(left.source, Compare(op, left.value, right, kind)))
        grows = is_growing(node, frozenset(self.binding.segments), self._positive)
        if grows is not None:
            return self._turned_once(node, grows)
        if kind is Kind.NUMBER:
            return self._of_ranges(node)
        if kind in (Kind.DATE, Kind.MOMENT):
            return self._of_stirred_term(node)
        return self._stirred(node)

    def _of_extreme(self, extreme: Aggregate, op: Op, bound: Const, kind: Kind) -> Outlook:
        """The smallest or largest of rows against a constant, said of the rows."""
        source, value = extreme.source, extreme.value
        assert value is not None
        if (extreme.fold, op) in _BY_ONE_ROW:
            return self.condition(Exists(source, Compare(op, value, bound, kind)))
        contrary = Exists(source, Compare(_COMPLEMENT[op], value, bound, kind))
        return both([self.condition(Exists(source, algebra.Present(value))), self.condition(contrary).opposite])

    def _turned_once(self, node: Compare, grows: bool) -> Outlook:
        """A comparison that can turn one way only: both ends of the span tell all."""
        ends = [bind_condition(node, each) for each in self.ends]
        return self._between(node, ends[0], ends[1], grows)

    def _between(self, leaf: Compare, low: Predicate, high: Predicate, grows: bool) -> Outlook:
        if low == high:
            return settled(low)
        match low, high:
            case Compare(op=op, left=Aggregate() as extreme), Compare(left=other) if (
                extreme == other and extreme.fold in (Fold.MIN, Fold.MAX) and extreme.value is not None
            ):
                by_one = (extreme.fold, op) in _BY_ONE_ROW
                turned = op if by_one else _COMPLEMENT[op]
                rows = [attrs.evolve(each, op=turned, left=extreme.value) for each in (low, high)]
                found = self._between(leaf, rows[0], rows[1], grows == by_one).of_a_row(extreme.source)
                present = Exists(extreme.source, algebra.Present(extreme.value))
                return found if by_one else both([settled(present), found.opposite])
            case Exists(source=source, where=Compare() as before), Exists(source=same, where=Compare() as after) if (
                source == same
            ):
                return self._between(leaf, before, after, grows).of_a_row(source)
            case Compare(op=op, left=term, right=Const(value=date() as start)), Compare(
                left=other, right=Const(value=date() as stop)
            ) if term == other:
                self._pass(leaf, op, term, start, stop)
            case _:
                self._turn_with(leaf)
        always, sometimes = (low, high) if grows else (high, low)
        contrary = negate(always)
        if isinstance(always, Compare) and isinstance(sometimes, Compare) and always.left == sometimes.left:
            if isinstance(always.right, Const) and isinstance(sometimes.right, Const):
                # The value is there, since it stands in relation to the other bound.
                contrary = attrs.evolve(always, op=_COMPLEMENT[always.op])
        return Outlook(always, sometimes, all_of(sometimes, contrary))

    def _pass(self, leaf: Compare, op: Op, term: Term, start: date, stop: date) -> None:
        """Notes that a bound moves over everything that a term can be."""
        touching = op in (Op.LE, Op.GT)

        def bound_at(moment: datetime) -> date:
            return _constant_in(bind_condition(leaf, self.at(moment)))

        for each in _values_in(term):
            if isinstance(each, Field):
                self.passings[Passing(each, touching, start, stop, bound_at)] = None
            elif isinstance(each.value, date):
                value = each.value
                known = Passing(Field(CUSTOMER, "id", each.kind), touching, start, stop, bound_at)
                if known.is_over(value, self.high) and not known.is_over(value, self.low):
                    self._turn(_first(self.low, self.high, lambda at, p=known, v=value: p.is_over(v, at)))  # type: ignore[misc]

    # --- days of the year ----------------------------------------------------------------------------

    def _returning(self, term: Term, days: MonthDays) -> Outlook:
        first, last = (each.clock for each in self.ends)
        always, sometimes = days_in_span(days, first, last)
        if always != sometimes:
            self._turn_at_midnight()
        found = [frozenset(always), frozenset(sometimes), frozenset(sometimes - always)]
        return Outlook(*(bind_condition(OnMonthDay(term, each), self.binding) for each in found))

    def _days_until(self, node: Compare) -> Outlook:
        """Days until an anniversary, which binding solves for the days of the year."""
        solved = solve_days_until(node)
        return self._stirred(node) if solved is None else self.condition(solved)

    # --- what is harder to say -----------------------------------------------------------------------

    def _of_time_alone(self, node: Compare) -> Outlook:
        """A condition on two times turns for everybody at once."""
        ends = [bind_condition(node, each) for each in self.ends]
        left, right = (each.value for each in (node.left, node.right) if isinstance(each, Const))
        if is_moving(left) and is_moving(right):
            if is_instant(left) and is_instant(right):
                return settled(ends[0])
            night = next_midnight(self.ends[0].clock)
            self._turn(night)
            if self.high > night:
                until = bind_condition(node, self.at(night - MICROSECOND))
                if until != ends[0]:
                    self._turn(_first(self.low, night - MICROSECOND, lambda at: self._is_turned(node, at)))
                return Outlook(FALSE, TRUE, TRUE)
        if ends[0] == ends[1]:
            return settled(ends[0])
        self._turn(_first(self.low, self.high, lambda at: self._is_turned(node, at)))
        return Outlook(FALSE, TRUE, TRUE)

    def _is_turned(self, node: Compare, moment: datetime) -> bool:
        return bind_condition(node, self.at(moment)) != bind_condition(node, self.at(self.low))

    def _of_ranges(self, node: Compare) -> Outlook:
        """Two numbers, each between a smallest and a largest value."""
        left, right = self._range(node.left), self._range(node.right)
        if left is None or right is None:
            return self._stirred(node)
        least, most = (left[0], right[1]), (left[1], right[0])
        if node.op in (Op.LT, Op.LE):
            least, most = most, least
        always, sometimes = (Compare(node.op, *each, Kind.NUMBER) for each in (least, most))
        return Outlook(always, sometimes, all_of(sometimes, negate(always)))

    def _range(self, term: Term) -> tuple[Term, Term] | None:
        """The smallest and the largest value of a number in the span; None when that cannot be told."""
        if not self.moves(term):
            bound = bind_term(term, self.binding)
            return bound, bound
        match term:
            case algebra.DayNumber(term=Const()):
                low, high = (bind_term(term, each) for each in self.ends)
                if low != high:
                    self._turn_with(Compare(Op.GE, term, _ZERO, Kind.NUMBER))
                return low, high
            case algebra.Sum(terms=terms):
                found = [self._range(each) for each in terms]
                kept = [each for each in found if each is not None]
                if len(kept) < len(found):
                    return None
                return algebra.Sum(tuple(low for low, _ in kept)), algebra.Sum(tuple(high for _, high in kept))
            case algebra.Product(left=left, right=right):
                return self._range_of_product(left, right)
            case Aggregate(fold=Fold.COUNT | Fold.COUNT_DISTINCT | Fold.SUM, source=Source(pick=None)):
                return self._range_of_total(term)
            case _:
                return None

    def _range_of_product(self, left: Term, right: Term) -> tuple[Term, Term] | None:
        still, other = (right, left) if self.moves(left) else (left, right)
        if self.moves(still) or not (isinstance(still, Const) or is_never_negative(still, self._positive)):
            return None
        inner, factor = self._range(other), bind_term(still, self.binding)
        if inner is None:
            return None
        low, high = (algebra.Product(factor, each) for each in inner)
        return (low, high) if is_never_negative(still, self._positive) else (high, low)

    def _range_of_total(self, total: Aggregate) -> tuple[Term, Term] | None:
        if total.value is not None and self.moves(total.value):
            values = None if self.moves(total.source) or total.fold is not Fold.SUM else self._range(total.value)
            if values is None:
                return None
            source = bind_source(total.source, self.binding)
            low, high = (attrs.evolve(total, source=source, value=each) for each in values)
            return low, high
        outlook = self.condition(total.source.where)
        rows = self._unconditional(total.source)
        value = None if total.value is None else bind_term(total.value, self.binding)

        def over(where: Predicate) -> Term:
            where = all_of(rows.where, where)
            return _ZERO if where == FALSE else attrs.evolve(total, source=attrs.evolve(rows, where=where), value=value)

        if total.fold is not Fold.SUM or value is None:
            return over(outlook.always), over(outlook.sometimes)
        below, above = (
            over(all_of(outlook.changing, Compare(op, value, _ZERO, Kind.NUMBER))) for op in (Op.LT, Op.GT)
        )
        kept = over(outlook.always)
        return algebra.Sum((kept, below)), algebra.Sum((kept, above))

    def _stirred(self, node: Predicate) -> Outlook:
        """A condition whose way is unknown: it stays as it is where nothing inside is stirred."""
        bound = bind_condition(node, self.at(self.low))
        stirred = any_of(*(self._stir(each) for each in algebra.children(node)))
        if isinstance(node, Exists):
            inside = self._unconditional(node.source)
            met = all_of(self.condition(node.source.where).sometimes, self.condition(node.where).changing)
            stirred = any_of(self._stir(node.source), _row(inside, met))
        return Outlook(all_of(bound, negate(stirred)), any_of(bound, stirred), stirred)

    def _of_stirred_term(self, node: Compare) -> Outlook:
        """A moment from rows that come and go: it stays where nothing stirs those, while bounds move past it."""
        sides, stirred = [], []
        for each in (node.left, node.right):
            is_bound = isinstance(each, Const)
            sides.append(each if is_bound else bind_term(each, self.ends[0]))
            stirred.append(FALSE if is_bound else self._stir(each))
        found, stir = self.condition(Compare(node.op, sides[0], sides[1], node.kind)), any_of(*stirred)
        return Outlook(
            all_of(found.always, negate(stir)), any_of(found.sometimes, stir), any_of(found.changing, stir)
        )

    def _stir(self, node: Term | Predicate | Source) -> Predicate:
        """Whether something in a part may change in the span."""
        if not self.moves(node):
            return FALSE
        match node:
            case Const(value=value):
                if bind_term(node, self.ends[0]) == bind_term(node, self.ends[1]):
                    return FALSE
                self._turn_at_midnight()
                if is_instant(value):
                    self._turn(self.low + MICROSECOND)
                return TRUE
            case DaysUntil():
                self._turn_at_midnight()
                return TRUE
            case Source(where=where):
                return _row(self._unconditional(node), self.condition(where).changing)
            case Aggregate(source=source, value=value) | algebra.Picked(source=source, value=value):
                found = self._stir(source)
                if value is None or not self.moves(value):
                    return found
                met = all_of(self.condition(source.where).sometimes, self._stir(value))
                return any_of(found, _row(self._unconditional(source), met))
            case algebra.Sum() | algebra.Product() | algebra.FirstPresent() | algebra.Latest() | algebra.DayNumber():
                return any_of(*(self._stir(each) for each in algebra.children(node)))
            case algebra.Field():
                return FALSE
            case _:
                return self.condition(node).changing

    # --- when ----------------------------------------------------------------------------------------

    def _turn(self, moment: datetime) -> None:
        self.turns[moment] = None

    def _turn_with(self, leaf: Compare) -> None:
        """Notes when the bounds of a comparison, which only grow, are others than at the start of the span."""
        if any(isinstance(each, Const) and is_instant(each.value) for each in walk(leaf)):
            self._turn(_first(self.low, self.high, lambda at: self._is_turned(leaf, at)))
        else:
            self._turn_at_midnight()

    def _turn_at_midnight(self) -> None:
        self._turn(next_midnight(self.ends[0].clock))


def _row(source: Source, where: Predicate) -> Predicate:
    """Some row, whether or not it is the one picked, satisfies."""
    return settled(where).of_a_row(attrs.evolve(source, pick=None)).sometimes


def _terms_in(term: Term) -> list[Term]:
    """The terms directly inside one."""
    return [each for each in algebra.children(term) if isinstance(each, Term)]


def _values_in(term: Term) -> Iterator[Field | Const]:
    """The fields and constants of which a moment or date is one."""
    match term:
        case Field() | Const():
            yield term
        case Aggregate(value=value) if value is not None:
            yield from _values_in(value)
        case algebra.Picked(value=value):
            yield from _values_in(value)
        case algebra.FirstPresent(terms=terms) | algebra.Latest(terms=terms):
            for each in terms:
                yield from _values_in(each)
        case _:
            raise AssertionError(f"{term} is no moment or date")


def _constant_in(bound: Predicate) -> date:
    """The bound of a comparison of a moment or date with a constant."""
    match bound:
        case Compare(right=Const(value=date() as value)):
            return value
        case Exists(where=where):
            return _constant_in(where)
        case _:
            raise AssertionError(f"{bound} has no bound in time")
