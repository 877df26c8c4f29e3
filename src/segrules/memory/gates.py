"""The structure of many rules at once: every conjunction and disjunction is a gate, a bit among those of all rules.

A gate is decided by what goes wrong for it or right: a conjunction by one part that fails, a disjunction by one that
holds. So one int gathers, by ``|``, what the values of a customer decide. The gates of all rules lie in planes, one
bit a rule in each; plane 0 holds the rules themselves, each a conjunction, and every other plane belongs to one above,
to which it passes what was not decided, with one shift and two operations for all rules together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from segrules import algebra
from segrules.algebra import And, Or, Predicate
from segrules.memory.tables import Entry, Key, key_of


@frozen
class Plane:
    """Gates of one kind and place, at most one for each rule. Its number is its place in memory."""

    number: int
    above: Plane | None
    is_disjunction: bool
    #: Whether the gates wait for features that are computed late, and only when a rule still needs them.
    is_late: bool

    @property
    def depth(self) -> int:
        """How many planes are above."""
        return 0 if self.above is None else self.above.depth + 1


@frozen
class Place:
    """A rule as it lies in the planes: the entries of its gates, what is left to ask at the end, the late features."""

    entries: tuple[tuple[Key, Entry], ...]
    gates: tuple[Plane, ...]
    remainder: Predicate
    late: frozenset[Key]


@define(eq=False)
class Layout:
    """Which planes there are; ``width`` is the number of rules that each has room for."""

    width: int
    planes: list[Plane] = field(factory=lambda: [Plane(0, None, False, False)])
    _below: dict[tuple[int, int, bool], Plane] = field(factory=dict)

    def place(self, rule: int, predicate: Predicate, is_known: Callable[[Key], bool]) -> Place:
        """Lays a rule out; parts that ask for a table that is not ``is_known`` are left over."""
        parts = predicate.items if isinstance(predicate, And) else (predicate,)
        at_once: list[Predicate] = []
        left: list[Predicate] = []
        for part in parts:
            (at_once if all(map(is_known, _keys(part))) else left).append(part)
        placing = _Placing(self, rule)
        placing.gate(self.planes[0], at_once)
        late = frozenset(key for key, _ in placing.entries if not key.is_plain)
        return Place(tuple(placing.entries), tuple(placing.gates), algebra.all_of(*left), late)

    def below(self, plane: Plane, place: int, late: bool) -> Plane:
        """The plane for the gates at one place below a plane; new if there is none."""
        found = self._below.get((plane.number, place, late))
        if found is None:
            found = Plane(len(self.planes), plane, not plane.is_disjunction, late)
            self.planes.append(found)
            self._below[plane.number, place, late] = found
        return found


@define
class _Placing:
    layout: Layout
    rule: int
    entries: list[tuple[Key, Entry]] = field(factory=list)
    gates: list[Plane] = field(factory=list)

    def gate(self, plane: Plane, parts: list[Predicate]) -> None:
        """One gate: its conditions by the table that they are about, and the gates below it."""
        self.gates.append(plane)
        form = algebra.any_of if plane.is_disjunction else algebra.all_of
        by_table: dict[Key, list[Predicate]] = {}
        inner: dict[bool, list[Predicate]] = {False: [], True: []}
        for part in parts:
            keys = set(_keys(part))
            if len(keys) == 1:
                by_table.setdefault(keys.pop(), []).append(part)
            else:
                inner[any(not key.is_plain for key in keys)].append(part)
        bit = 1 << (plane.number * self.layout.width + self.rule)
        for key, conditions in by_table.items():
            self.entries.append((key, Entry(bit, plane.is_disjunction, form(*conditions))))
        for late, gates in inner.items():
            for place, part in enumerate(gates):
                assert isinstance(part, And | Or)
                self.gate(self.layout.below(plane, place, late), list(part.items))


def _keys(predicate: Predicate) -> Iterator[Key]:
    """The tables that a condition asks for."""
    if isinstance(predicate, And | Or):
        for item in predicate.items:
            yield from _keys(item)
    else:
        yield key_of(predicate)


def keys(predicate: Any) -> frozenset[Key]:
    """The tables that a rule would ask for."""
    return frozenset(_keys(predicate))
