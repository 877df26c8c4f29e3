"""Statements that are written once and serve again at other moments.

The rules of a store are asked again and again, and from one time to the next they differ in their moments only. So the
shape of some predicates is told apart from their moments: which moments there are, and in which order. Predicates of
one shape become one statement, whatever was decided by holding one moment against another, and the moments are its
parameters. The lengths between moments differ, which the planner looks at; they decide how fast a statement is, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa
from attrs import define, field, frozen
from sqlalchemy.sql import visitors

from segrules.algebra import NODES, Const, Predicate, walk

#: The moments of some predicates, and their days, each in order.
Moments: TypeAlias = tuple[tuple[datetime, ...], tuple[date, ...]]


class _Instant(datetime):
    """A moment that knows which one of the predicates' it is; none that was made from it does."""

    number: int | None = None


class _Day(date):
    """A day that knows which one of the predicates' it is."""

    number: int | None = None


_MARKS = (_Instant, _Day)


@frozen
class _Blank:
    """The place of a moment or a day in a shape."""

    is_day: bool
    number: int


def shape(predicates: Mapping[Hashable, Predicate]) -> tuple[Hashable, Moments]:
    """What stays of bound predicates when their moments are taken out, and those moments."""
    instants: set[datetime] = set()
    days: set[date] = set()
    for predicate in predicates.values():
        for node in walk(predicate):
            if isinstance(node, Const):
                if isinstance(node.value, datetime):
                    instants.add(node.value)
                elif isinstance(node.value, date):
                    days.add(node.value)
    moments = tuple(sorted(instants)), tuple(sorted(days))
    blanks: dict[Any, Any] = {each: _Blank(False, number) for number, each in enumerate(moments[0])}
    blanks |= {each: _Blank(True, number) for number, each in enumerate(moments[1])}
    return tuple((key, _with(each, blanks)) for key, each in predicates.items()), moments


def marked(predicates: Mapping[Hashable, Predicate], moments: Moments) -> dict[Hashable, Predicate]:
    """The same predicates with moments that know which ones they are."""
    marks: dict[Any, Any] = {}
    for number, each in enumerate(moments[0]):
        marks[each] = instant = _Instant.fromisoformat(each.isoformat())
        instant.number = number
    for number, one in enumerate(moments[1]):
        marks[one] = day = _Day(one.year, one.month, one.day)
        day.number = number
    return {key: _with(each, marks) for key, each in predicates.items()}


@define(eq=False)
class Slots:
    """The parameters of some statements that hold moments."""

    moments: Moments
    #: Whether each of them is known.
    complete: bool = True
    _slots: list[tuple[sa.BindParameter[Any], Any]] = field(factory=list)

    def collect(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        """The parameters of a statement that was written for marked predicates take part from now on."""
        for each in visitors.iterate(statement):
            if isinstance(each, sa.BindParameter) and any(isinstance(one, _MARKS) for one in _values(each.value)):
                self.complete = self.complete and all(
                    one.number is not None for one in _values(each.value) if isinstance(one, _MARKS)
                )
                self._slots.append((each, each.value))
                self._put(each, each.value)
        return statement

    def fill(self, moments: Moments) -> None:
        """The statements are about these moments."""
        self.moments = moments
        for parameter, was in self._slots:
            self._put(parameter, was)

    def _put(self, parameter: sa.BindParameter[Any], was: Any) -> None:
        parameter.value = [self._now(each) for each in was] if isinstance(was, (list, tuple)) else self._now(was)

    def _now(self, value: Any) -> Any:
        if not isinstance(value, _MARKS):
            return value
        if value.number is None:  # made from a moment, and good for this one only
            return (date if isinstance(value, _Day) else datetime).fromisoformat(value.isoformat())
        return self.moments[isinstance(value, _Day)][value.number]


# --- inside ---

_ATTRIBUTES: dict[type[Any], tuple[Any, ...]] = {each: tuple(attrs.fields(each)) for each in NODES}


def _values(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, (list, tuple)) else (value,)


def _with(node: Any, instead: Mapping[Any, Any]) -> Any:
    """A node with other values in place of its moments; itself when it has none."""
    if isinstance(node, Const):
        return attrs.evolve(node, value=instead[node.value]) if isinstance(node.value, date) else node
    changes: dict[str, Any] = {}
    for attribute in _ATTRIBUTES[node.__class__]:
        value = found = getattr(node, attribute.name)
        if value.__class__ in _ATTRIBUTES:
            found = _with(value, instead)
        elif value.__class__ is tuple:
            found = tuple(_with(each, instead) if each.__class__ in _ATTRIBUTES else each for each in value)
            found = value if all(one is other for one, other in zip(found, value, strict=True)) else found
        if found is not value:
            changes[attribute.alias] = found
    return attrs.evolve(node, **changes) if changes else node
