"""The search for the first moment at which an answer changes, by spans that are looked at as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import attrs
from attrs import frozen

from segrules.algebra import FALSE, TRUE, And, Predicate, all_of, any_of, negate
from segrules.binding import Binding, bind
from segrules.clock import MICROSECOND, local_day, naive_utc, offsets
from segrules.forecast.reading import look
from segrules.forecast.span import Passing, Span, clock_at

#: No moment of a shop lies beyond.
_END = datetime(9999, 1, 1)
_DAY = timedelta(days=1)


@frozen
class Forecast:
    """When the answer changes next if no data does; ``moment`` is aware, in UTC, and None when it never does.

    Before ``moment`` no answer changes. With ``is_exact`` one does change then; without, the search was given up
    there and should be taken up again at that moment. ``looks``: how many questions were asked.
    """

    moment: datetime | None
    is_exact: bool
    looks: int


class Witness(Protocol):
    """Those whose answers are foreseen: all customers of a database, or one in memory."""

    def first_values(self, span: Span, narrow: bool) -> Mapping[Passing, date | None] | None:
        """The smallest value that each passing passes among those who may change; None when nobody may.

        ``narrow``: the span is short, so that few rows are passed in it.
        """

    def is_anyone(self, predicate: Predicate, span: Span | None) -> bool:
        """Whether the bound predicate is true of anyone, among those who may change in the span."""


def foresee(rule: Predicate, binding: Binding, witness: Witness, limit: int = 100) -> Forecast:
    """The next change of a lowered rule's answer after the binding's clock.

    After ``limit`` looks the search is given up, at a moment that may be too early and is not too late. Raises
    SegmentError when live segments refer to each other in a circle.
    """
    bind(rule, binding)  # What is wrong with the rule is said now, circles of segments among it.
    now = naive_utc(binding.clock.now)
    search = _Search(rule, binding, witness, limit)
    if look(rule, binding, now, _END).changing == FALSE:
        return Forecast(None, True, 0)
    for stop in (*_days_turned_back(binding, now), None):
        found = search.between(now, _END if stop is None else stop - MICROSECOND)
        if found is not None or stop is None:
            return Forecast(None if found is None else found.replace(tzinfo=UTC), search.is_exact, search.looks)
        if search.differs(now, stop, None):
            return Forecast(stop.replace(tzinfo=UTC), True, search.looks)
        now = stop
    raise AssertionError("the last stretch has no end")


def _days_turned_back(binding: Binding, after: datetime) -> Iterator[datetime]:
    """When clocks are put back over midnight, so that yesterday returns: the one thing of time that goes backwards."""
    zone = binding.clock.zone
    for moment in offsets(zone)[0]:
        if moment > after and local_day(moment, zone) < local_day(moment - MICROSECOND, zone):
            yield moment


class _Search:
    def __init__(self, rule: Predicate, binding: Binding, witness: Witness, limit: int) -> None:
        self.rule = rule
        self.binding = binding
        self.witness = witness
        self.limit = limit
        self.looks = 0
        self.is_exact = True

    def between(self, low: datetime, end: datetime) -> datetime | None:
        """The first change after ``low`` up to ``end``.

        One day is looked at first: where many customers are, one changes in it. Then all that is left at once, since
        often nothing ever changes, or the first passing is a change. Else short spans follow, longer while they
        are empty, shorter when what may change in them does not.
        """
        width, asked_all = _DAY, False
        while low < end:
            high = low + width if end - low > width else end
            moment = self.first(look(self.rule, self.binding, low, high), narrow=high < end)
            if moment is None:
                low, width = high, width * 4 if asked_all else end - low
                asked_all = True
            elif self.looks >= self.limit:
                self.is_exact = False
                return moment
            elif self.differs(low, moment, look(self.rule, self.binding, low, moment)):
                return moment
            else:
                width = max((moment - low) * 8 if high == end else (high - low) / 4, MICROSECOND)
                low = moment
        return None

    def first(self, span: Span, narrow: bool) -> datetime | None:
        """The first moment of the span at which a customer who may change meets something that moves."""
        if span.changing == FALSE or not (span.passings or span.turns):
            return None
        self.looks += 1
        values = self.witness.first_values(span, narrow)
        return None if values is None else span.first(values)

    def differs(self, low: datetime, moment: datetime, span: Span | None) -> bool:
        """Whether anyone's answer at a moment is not the one at ``low``."""
        before, after = (
            bind(self.rule, attrs.evolve(self.binding, clock=clock_at(each, self.binding))) for each in (low, moment)
        )
        common = [each for each in _conjuncts(before) if each in _conjuncts(after)]
        before, after = (all_of(*(each for each in _conjuncts(side) if each not in common)) for side in (before, after))
        entered, left = all_of(after, negate(before)), all_of(before, negate(after))
        changing = TRUE if span is None else span.changing
        different = all_of(changing, *common, any_of(entered, left))
        if different == FALSE:
            return False
        self.looks += 1
        return self.witness.is_anyone(different, span)


def _conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    return predicate.items if isinstance(predicate, And) else (predicate,)
