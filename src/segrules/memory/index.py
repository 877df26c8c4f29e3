"""Many rules over one customer: an index from values to the rules that they decide, and code for the rest.

An :class:`Index` is where rules are put in and taken out, by one thread at a time. What it gives out (a
:class:`Snapshot`, a :class:`Present`) never changes any more, so that any number of threads may ask it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Inexact
from typing import Any
from zoneinfo import ZoneInfo

from attrs import field, frozen

from segrules import algebra
from segrules.algebra import Predicate
from segrules.clock import Clock, Day, DayEdge, Edge, Instant, MonthDays, Now, RelativeDay, RelativeInstant, naive_utc
from segrules.errors import CustomerError
from segrules.memory.compiler import shape_of
from segrules.memory.gates import Layout, Place, Plane, keys
from segrules.memory.lookups import Ask, Feature, Structure, ask
from segrules.memory.shapes import Shape
from segrules.memory.sharing import Common, Sharing, Test
from segrules.memory.tables import Entry, Form, Key, Table

#: So many rules make it worth to look a total or a condition up for all of them at once.
POPULAR = 6


class Index:
    """The rules of a set, each under a number that tells it from the others."""

    def __init__(self, rules: Mapping[int, Predicate], zone: ZoneInfo) -> None:
        self.zone = zone
        counts = Counter(key for rule in rules.values() for key in keys(rule))
        popular = {key for key, count in counts.items() if count >= POPULAR}
        self._room = len(rules) * 9 // 8 + 32
        self._layout = Layout.of(rules, self._room, lambda key: key.is_plain or key in popular)
        self._slots = dict(self._layout.slots)
        self._filled = len(rules)
        self._common = Common()
        self._places: dict[int, Place] = {}
        self._tables: dict[Key, Table] = {}
        self._dated: dict[Key, dict[Entry, None]] = {}
        self._users: dict[Key, int] = {}
        self._gates: dict[Plane, int] = {}
        self._codes: dict[Shape, _Codes] = {}
        self._changes = 0
        for number, rule in rules.items():
            self._put(number, rule)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for a further rule."""
        return self._filled == self._room

    def put(self, number: int, rule: Predicate) -> None:
        """Puts a rule in, bound but for its times, in the place of the one that had its number."""
        self._changes += 1
        if number in self._places:
            self._toggle(number, self._places[number])
        else:
            self._slots[number] = self._filled
            self._filled += 1
        self._put(number, rule)

    def _put(self, number: int, rule: Predicate) -> None:
        self._common.meet(rule, self._changes)
        self._places[number] = self._layout.place(self._slots[number], rule)
        self._toggle(number, self._places[number])

    def remove(self, number: int) -> None:
        """Takes a rule out; its slot stays empty."""
        self._toggle(number, self._places.pop(number))
        del self._slots[number]

    def _toggle(self, number: int, place: Place) -> None:
        bit = 1 << self._slots[number]
        for key, entry in place.entries:
            if key.is_dated:
                dated = self._dated[key] = dict(self._dated.get(key, ()))
                if dated.pop(entry, entry) is entry:
                    dated[entry] = None
            else:
                self._tables.setdefault(key, Table(key.form)).toggle(entry)
        for plane in place.gates:
            self._gates[plane] = self._gates.get(plane, 0) ^ bit
        for key in place.late:
            self._users[key] = self._users.get(key, 0) ^ bit

    def snapshot(self) -> Snapshot:
        """The rules as they are now."""
        by_subject: dict[Any, list[Key]] = {}
        for key in (*self._tables, *self._dated):
            by_subject.setdefault(key.feature, []).append(key)
        order = list(Form)
        features = tuple(
            Feature(subject, tuple(sorted((key.form for key in of), key=order.index)))
            for subject, of in sorted(by_subject.items(), key=lambda each: _cost(each[1][0]))
        )
        return Snapshot(
            zone=self.zone,
            structure=Structure(features, self._layout.planes),
            numbers={slot: number for number, slot in self._slots.items()},
            tables={key: (table.missing, table.finished(key.kind)) for key, table in self._tables.items()},
            instants=tuple(
                tuple(timedelta(microseconds=distance) for distance in self._tables[key].in_order()[0])
                for feature in features
                for key in feature.keys
                if key.form is Form.INSTANT
            ),
            dated=dict(self._dated),
            users=dict(self._users),
            rules=sum(1 << slot for slot in self._slots.values()),
            left={
                self._slots[number]: place.left for number, place in self._places.items() if place.left != algebra.TRUE
            },
            gates=tuple(self._gates.get(plane, 0) for plane in self._layout.planes),
            times=tuple(self._common.times),
            common=self._common,
            codes=self._codes,
        )


def _cost(key: Key) -> int:
    """Plain fields first, then what takes no loops."""
    loops = sum(isinstance(node, algebra.Source) for node in algebra.walk(key.feature))
    return 0 if key.is_plain else 1 + loops


class _Codes:
    """The code for one shape of customer, made when it is first needed and kept from snapshot to snapshot."""

    def __init__(self, sharing: Sharing) -> None:
        self.sharing = sharing
        self.asks: dict[Structure, Ask] = {}
        self.tests: dict[Predicate, Test] = {}

    def ask(self, structure: Structure) -> Ask:
        found = self.asks.get(structure)
        if found is None:
            self.asks.clear()
            found = self.asks[structure] = ask(self.sharing, structure)
        return found

    def test(self, predicate: Predicate) -> Test:
        found = self.tests.get(predicate)
        if found is None:
            found = self.tests[predicate] = self.sharing.test(predicate)
        return found


class _Left(dict[int, Test]):
    """What is left to ask of each rule, by its slot and one; compiled when it is first asked."""

    def __init__(self, left: Mapping[int, Predicate], codes: _Codes) -> None:
        self._left, self._codes = left, codes

    def __missing__(self, place: int) -> Test:
        test = self[place] = self._codes.test(self._left[place - 1])
        return test


@frozen(eq=False)
class Snapshot:
    """The rules of an index at one time."""

    zone: ZoneInfo
    structure: Structure
    #: The number of the rule in each slot.
    numbers: Mapping[int, int]
    tables: Mapping[Key, tuple[int, tuple[Any, ...]]]
    instants: tuple[tuple[timedelta, ...], ...]
    dated: Mapping[Key, Mapping[Entry, None]]
    users: Mapping[Key, int]
    rules: int
    left: Mapping[int, Predicate]
    gates: tuple[int, ...]
    times: tuple[Any, ...]
    common: Common
    codes: dict[Shape, _Codes]
    _ways: dict[Shape, tuple[Ask, _Left]] = field(factory=dict, init=False)
    _shapes: dict[type, Shape] = field(factory=dict, init=False)
    _doubts: dict[type, int] = field(factory=dict, init=False)

    def present(self, at: datetime, before: Present | None = None) -> Present:
        """What the rules need to know of a moment.

        What a present before, also one of other rules of the same set, knows of the same day is taken from there.
        """
        now = naive_utc(at)
        known = before.day if before is not None and before.day.start <= now < before.day.end else None
        if known is not None and before is not None and before.snapshot is self:
            day = known
        else:
            day = self._day(Clock(at, self.zone), known)
        times = day.times
        if day.moving:
            moved = list(times)
            for place, distance in day.moving:
                moved[place] = _moved(now, distance)
            times = tuple(moved)
        instants = tuple([(*[_moved(now, distance) for distance in each], datetime.max) for each in self.instants])
        return Present(self, at, day, times, instants)

    def _day(self, clock: Clock, before: Today | None) -> Today:
        known: dict[Any, Any] = {}

        def resolve(value: Any) -> Any:
            if value not in known:
                known[value] = _resolved(value, clock)
            return known[value]

        sums: dict[Key, tuple[Mapping[Entry, None], Table]] = {}
        rows = []
        for feature in self.structure.features:
            missing = users = 0
            parts: list[Any] = []
            for key in feature.keys:
                if key.is_dated:
                    entries = self.dated[key]
                    summed, table = before.sums.get(key, ({}, Table(key.form))) if before else ({}, Table(key.form))
                    if summed is not entries:
                        table = table.toggled(summed.keys() ^ entries.keys(), resolve)
                    sums[key] = entries, table
                    none, finished = table.missing, table.finished(key.kind)
                else:
                    none, finished = self.tables[key]
                missing, users = missing | none, users | self.users.get(key, 0)
                parts += finished
            rows.append((users, *parts) if isinstance(feature.subject, Predicate) else (users, missing, *parts))
        left = sum(1 << slot for slot in self.left)
        moving = {
            place: 0 if isinstance(value, Now) else value.microseconds
            for place, value in enumerate(self.times)
            if isinstance(value, Now | RelativeInstant)
        }
        return Today(
            clock.moment_of(DayEdge(RelativeDay(0), Edge.START)),
            clock.moment_of(DayEdge(RelativeDay(0), Edge.END)),
            tuple(None if place in moving else resolve(value) for place, value in enumerate(self.times)),
            tuple((place, timedelta(microseconds=distance)) for place, distance in moving.items()),
            (*rows, self.rules, left, self.gates),
            sums,
        )

    def way(self, shape: Shape) -> tuple[Ask, _Left]:
        """The code for a shape of customer."""
        found = self._ways.get(shape)
        if found is None:
            codes = self.codes.get(shape)
            if codes is None:
                codes = self.codes[shape] = _Codes(Sharing(shape, self.zone, self.common))
            found = self._ways[shape] = codes.ask(self.structure), _Left(self.left, codes)
        return found

    def shape(self, customer: Any) -> Shape:
        """The shape of a customer, by its class."""
        found = self._shapes.get(customer.__class__)
        if found is None:
            found = self._shapes[customer.__class__] = shape_of(customer)
        return found

    def doubt(self, customer: Any) -> None:
        """Notes that a customer was not what its class promised; after some of them, the class is read with care."""
        kind = customer.__class__
        self._doubts[kind] = self._doubts.get(kind, 0) + 1
        if self._doubts[kind] > PATIENCE:
            self._shapes[kind] = Shape.CAREFUL


#: After so many customers of one class that had to be read again with care, that class is read so at once.
PATIENCE = 16


@frozen(eq=False)
class Today:
    """What the rules need to know of a day: from ``start`` until ``end`` it stays the same."""

    start: datetime
    end: datetime
    times: tuple[Any, ...]
    moving: tuple[tuple[int, timedelta], ...]
    tables: tuple[Any, ...]
    #: Of each table whose constants differ from day to day, the entries and their sum.
    sums: Mapping[Key, tuple[Mapping[Entry, None], Table]]


@frozen(eq=False)
class Present:
    """The rules at one moment."""

    snapshot: Snapshot
    at: datetime
    day: Today
    times: tuple[Any, ...]
    instants: tuple[tuple[datetime, ...], ...]

    def moved(self, at: datetime) -> Present:
        """The same rules at another moment."""
        return self.snapshot.present(at, self)

    def holding(self, customer: Any) -> int:
        """The slots of the rules that hold for a customer, as bits."""
        snapshot = self.snapshot
        shape = snapshot.shape(customer)
        if shape is not Shape.CAREFUL:
            ask, left = snapshot.way(shape)
            row = customer.data if shape is Shape.TRUSTED else customer
            try:
                return ask(row, self.times, self.day.tables, self.instants, left)
            except Exception:  # whatever it was, the careful code says it better
                snapshot.doubt(customer)
        ask, left = snapshot.way(Shape.CAREFUL)
        try:
            return ask(customer, self.times, self.day.tables, self.instants, left)
        except Inexact:
            raise CustomerError("the numbers of the customer are too long to calculate with exactly") from None


def _resolved(value: Any, clock: Clock) -> Any:
    match value:
        case MonthDays():
            return clock.month_days_of(value)
        case _ if isinstance(value, Day):
            return clock.date_of(value)
        case _ if isinstance(value, Instant):
            return clock.moment_of(value)
        case _:
            return value


def _moved(now: datetime, distance: timedelta) -> datetime:
    """The instant at a distance from now; at the ends of the calendar, that end."""
    try:
        return now + distance
    except OverflowError:
        return datetime.max if distance > timedelta() else datetime.min
