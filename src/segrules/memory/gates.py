"""The structure of many rules at once: every conjunction and disjunction is a gate, a bit among those of all rules.

A gate is decided by what goes wrong for it or right: a conjunction by one part that fails, a disjunction by one that
holds. So one int gathers, by ``|``, what the values of a customer decide. The gates of all rules lie in planes, at
most one of each rule in each; plane 0 holds the rules themselves, each a conjunction, and every other plane belongs
to one above it, to which it passes what was not decided, by a few operations for all rules together.

Rules of like structure get neighbouring slots, those with the rarest gates the lowest, so that a plane which few
rules need is as narrow as they are few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from attrs import define, field, frozen

from segrules import algebra
from segrules.algebra import And, Or, Predicate
from segrules.memory.tables import Entry, Key, key_of

#: Where a gate is in its rule: the way down from the rule, each step with whether it waits for late features.
Path = tuple[tuple[int, bool], ...]


@frozen
class Plane:
    """The gates at one path. They are the ``width`` bits from ``offset`` on; rules in higher slots have none here.

    Late ones wait for features that are computed only when a rule still needs them.
    """

    number: int
    path: Path
    above: int
    offset: int
    width: int

    @property
    def is_disjunction(self) -> bool:
        """Whether its gates are decided by what holds; conjunctions and disjunctions alternate."""
        return len(self.path) % 2 == 1

    @property
    def is_late(self) -> bool:
        """Whether its gates wait for late features."""
        return bool(self.path) and self.path[-1][1]


@frozen
class Place:
    """A rule as it lies in the planes: the entries of its gates, what is left to ask at the end, the late features."""

    entries: tuple[tuple[Key, Entry], ...]
    gates: tuple[Plane, ...]
    left: Predicate
    late: frozenset[Key]


@frozen
class Layout:
    """The planes, and in which slot each rule lies from the beginning."""

    planes: tuple[Plane, ...]
    slots: Mapping[int, int]
    is_known: Callable[[Key], bool]

    @classmethod
    def of(cls, rules: Mapping[int, Predicate], room: int, is_known: Callable[[Key], bool]) -> Layout:
        """The planes that some rules need; there are ``room`` slots. Tables that are not known are not asked."""
        paths = {number: {gate.path for gate in _gates(_known(rule, is_known)[0])} for number, rule in rules.items()}
        counts = Counter(path for used in paths.values() for path in used)
        counts[()] = max(room, len(rules))
        ranked = sorted(counts, key=lambda path: (-counts[path], len(path), path))
        rank = {path: place for place, path in enumerate(ranked)}
        rarest = {number: max(map(rank.__getitem__, used)) for number, used in paths.items()}
        order = sorted(rules, key=lambda number: -rarest[number])
        planes: list[Plane] = []
        offset = 0
        for path in ranked:
            needed = sum(each >= len(planes) for each in rarest.values())
            width = room if 4 * counts[path] >= len(rules) else needed
            above = rank[path[:-1]] if path else 0
            planes.append(Plane(len(planes), path, above, offset, width))
            offset += width
        return cls(tuple(planes), {number: slot for slot, number in enumerate(order)}, is_known)

    def place(self, slot: int, rule: Predicate) -> Place:
        """Lays a rule out in a slot; parts for which there is no table or no plane are left."""
        by_path = {plane.path: plane for plane in self.planes if slot < plane.width}
        known, left = _known(rule, self.is_known)
        gates = list(_gates(known))
        while not all(gate.path in by_path for gate in gates):
            deepest = max(known, key=lambda part: sum(1 for _ in _gates([part])))
            known = [part for part in known if part is not deepest]
            left.append(deepest)
            gates = list(_gates(known))
        entries: list[tuple[Key, Entry]] = []
        used: list[Plane] = []
        for gate in gates:
            plane = by_path[gate.path]
            used.append(plane)
            form = algebra.any_of if plane.is_disjunction else algebra.all_of
            for key, conditions in gate.by_table.items():
                entries.append((key, Entry(1 << plane.offset + slot, plane.is_disjunction, form(*conditions))))
        late = frozenset(key for key, _ in entries if not key.is_plain)
        return Place(tuple(entries), tuple(used), algebra.all_of(*left), late)


@define
class _Gate:
    """A conjunction or disjunction: its conditions by the table that they are about."""

    path: Path
    by_table: dict[Key, list[Predicate]] = field(factory=dict)


def _gates(parts: list[Predicate], path: Path = (), late: bool = False) -> Iterator[_Gate]:
    """A gate with these parts, and all below it."""
    gate = _Gate(path)
    below: list[tuple[tuple[Predicate, ...], bool]] = []
    for part in parts:
        tables = keys(part)
        if len(tables) == 1:
            gate.by_table.setdefault(next(iter(tables)), []).append(part)
        else:
            assert isinstance(part, And | Or)
            below.append((part.items, late or not all(key.is_plain for key in tables)))
    yield gate
    places: Counter[bool] = Counter()
    for items, is_late in below:
        yield from _gates(list(items), (*path, (places[is_late], is_late)), is_late)
        places[is_late] += 1


def _known(rule: Predicate, is_known: Callable[[Key], bool]) -> tuple[list[Predicate], list[Predicate]]:
    """The parts of a rule that only ask for known tables, and the others."""
    known: list[Predicate] = []
    left: list[Predicate] = []
    for part in rule.items if isinstance(rule, And) else (rule,):
        (known if all(map(is_known, keys(part))) else left).append(part)
    return known, left


def keys(predicate: Predicate) -> frozenset[Key]:
    """The tables that a predicate asks for."""
    if isinstance(predicate, And | Or):
        return frozenset().union(*map(keys, predicate.items))
    return frozenset((key_of(predicate),))
