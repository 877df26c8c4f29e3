"""Spans of time, and what can be told of them: for whom an answer may change in one, and when at the earliest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import attrs
from attrs import frozen

from segrules.algebra import CUSTOMER, Compare, Const, Field, Op, Predicate, Row, Source, all_of
from segrules.binding import Binding
from segrules.clock import MICROSECOND, Clock, local_day, naive_utc, offsets


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
                found.append(first_moment(self.low, self.high, lambda at, p=passing, v=value: p.is_over(v, at)))  # type: ignore[misc]
        return min(found, default=None)


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


def first_moment(low: datetime, high: datetime, is_so: Callable[[datetime], bool]) -> datetime:
    """The first moment after ``low`` at which it is so, which it is from then on, and at ``high`` for certain."""
    before, after = 0, (high - low) // MICROSECOND
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if is_so(low + timedelta(microseconds=middle)) else (middle, after)
    return low + timedelta(microseconds=after)
