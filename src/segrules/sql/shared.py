"""Many predicates over one shop: what several of them need is computed once, into one row for each customer.

A rule alone reads the orders for its totals. A hundred rules need not do so a hundred times: one statement gives all
totals and existences that several of them ask for, and each rule is then planned as ever, by the same planner,
over a mapping in which the customer lies in the table that was so filled.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from attrs import frozen

from segrules.algebra import (
    CUSTOMER,
    FALSE,
    Aggregate,
    And,
    Exists,
    Field,
    Not,
    Or,
    Predicate,
    Source,
    walk,
)
from segrules.clock import naive_utc
from segrules.errors import BackendError
from segrules.shop.mapping import Mapping
from segrules.sql.depth import refuse_too_deep
from segrules.sql.filling import Filled, Filling, Rows, conjuncts, rows_of
from segrules.sql.normal import looks_outside, normalised, totals
from segrules.sql.planner import Among, Planner
from segrules.sql.selectivity import is_selective
from segrules.sql.writer import Writer

#: From so many rules on it pays to read the rows of a relation for all of them.
ENOUGH = 8
#: So many columns the table has at most, and so many passes over relations fill it.
_COLUMNS, _PASSES = 400, 24
#: Fewer parts are no longer made fewer when a database refuses the statement.
_FEW = 12


@frozen(eq=False)
class Shared:
    """What several predicates share: ``filling`` selects the rows for ``table``, and then each has its statement.

    The table is made by the caller, with the columns of ``filling`` in their order; ``customer_id`` is unique.
    """

    _filled: Filled
    _zone: ZoneInfo
    _dialect: sa.Dialect
    _now: datetime | None

    @property
    def table(self) -> sa.Table:
        """The table with a row for each customer."""
        return self._filled.table

    @property
    def filling(self) -> sa.Select[Any]:
        """The statement that selects its rows."""
        return self._filled.statement

    @property
    def lines(self) -> tuple[str, ...]:
        """What is computed, and how."""
        return self._filled.lines

    def __contains__(self, key: Hashable) -> bool:
        return key in self._filled.predicates

    def __len__(self) -> int:
        return len(self._filled.predicates)

    def select(self, key: Hashable, members: AnyMapping[str, Any] | None = None) -> sa.Select[Any]:
        """The ids of the customers for whom one of the predicates is true; BackendError when it is too deep."""
        writer = Writer(self._filled.mapping, self._dialect, self._zone, members, self._now)
        writer.terms.hoisted.update(self._filled.totals)
        statement = Planner(writer, self._filled.predicates[key], None).plan().statement
        refuse_too_deep(statement, self._dialect)
        return statement


def share(
    predicates: AnyMapping[Hashable, Predicate],
    mapping: Mapping,
    dialect: sa.Dialect,
    zone: ZoneInfo,
    among: Among | None = None,
    enough: int = ENOUGH,
    now: datetime | None = None,
) -> Shared | None:
    """What some bound predicates share, and which of them gain by it; None when there is too little.

    ``among``: only customers with these ids are judged. ``enough``: so many rules have to need the rows of a relation
    before they are read for all of them at once. Takes ``now`` and raises errors as for one predicate.
    """
    naive = None if now is None else naive_utc(now)
    normal = {key: normalised(each) for key, each in predicates.items()}
    normal = {key: each for key, each in normal.items() if each != FALSE}
    needed = _needed(normal.values(), enough, naive)
    while True:
        gaining = {key: each for key, each in normal.items() if any(part in needed for part in _parts(each))}
        if not gaining:
            return None
        filling = Filling(mapping, dialect, zone, among, needed, _common(gaining.values()), enough, now)
        try:
            return Shared(filling.filled(gaining), zone, dialect, now)
        except BackendError:  # too much for one statement: less is shared
            if len(needed) < _FEW:
                raise
            needed = needed[: len(needed) // 3]


def _parts(predicate: Predicate) -> Iterator[Aggregate | Exists]:
    """The totals and existences that a predicate asks of a customer, and that can be known beforehand."""
    match predicate:
        case And(items=items) | Or(items=items):
            for each in items:
                yield from _parts(each)
        case Not(item=item):
            yield from _parts(item)
        case Exists(source=source, where=where):
            if source.parent == CUSTOMER and not looks_outside(source, where):
                yield predicate
        case _:
            yield from totals(predicate)


def _needed(predicates: Iterable[Predicate], enough: int, now: datetime | None) -> list[Aggregate | Exists]:
    """The parts that are worth keeping: those of rows that enough rules read, the most wanted first."""
    wanting: dict[Rows, int] = {}
    found: dict[Rows, dict[Aggregate | Exists, int]] = {}
    for predicate in predicates:
        parts = list(dict.fromkeys(_parts(predicate)))
        weight = 0 if _is_driven(predicate, now) else 1
        for rows in dict.fromkeys(rows_of(each) for each in parts):
            wanting[rows] = wanting.get(rows, 0) + weight
        for part in parts:
            counted = found.setdefault(rows_of(part), {})
            counted[part] = counted.get(part, 0) + 1
    passes = sorted((rows for rows in found if wanting[rows] >= enough), key=lambda rows: -wanting[rows])[:_PASSES]
    listed = [(count, part) for rows in passes for part, count in found[rows].items()]
    listed.sort(key=lambda each: -each[0])
    return [part for _, part in listed[:_COLUMNS]]


def _is_driven(predicate: Predicate, now: datetime | None) -> bool:
    """Whether a rule has a condition that leaves few customers, of whom all else is asked."""
    return any(is_selective(each, now) for each in conjuncts(predicate))


def _common(predicates: Iterable[Predicate]) -> list[Predicate]:
    """The conditions on the customer's own fields that all predicates have."""
    sides = [conjuncts(each) for each in predicates]
    return [
        each
        for each in sides[0]
        if all(each in side for side in sides) and not any(isinstance(node, (Source, Exists)) for node in walk(each))
        and any(isinstance(node, Field) for node in walk(each))
    ]  # fmt: skip
