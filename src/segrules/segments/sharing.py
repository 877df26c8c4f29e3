"""Several segments refreshed one after the other: on one connection, with what they share computed once.

What is shared is a temporary table of the connection, with one row for each customer; so a segment of the run is judged
by the shop's data as it was when the run began. It is judged by its own statement after all when somebody else has
saved or refreshed it since then, whose members might be the newer ones.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from attrs import define, field

from segrules.algebra import InSegment, Predicate, walk
from segrules.errors import SegrulesError
from segrules.rule import Rule
from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.matching import Members, matching, meaning
from segrules.segments.remembering import Memory, Questions
from segrules.segments.reporting import message_of, written
from segrules.segments.segment import Segment
from segrules.segments.tables import Tables
from segrules.segments.working import Customers, Workbench
from segrules.shop import Shop
from segrules.sql.keeping import drop, keep
from segrules.sql.normal import normalised
from segrules.sql.reuse import Slots, marked, shape
from segrules.sql.shared import ENOUGH, Shared, share

#: So many segments are judged and written together at most, so that others are not kept waiting for long.
TOGETHER = 25
_NOBODY: sa.Select[Any] = sa.select(sa.null()).where(sa.false())


@define(eq=False)
class Run:
    """The connection of several refreshes, and what it keeps for them."""

    connection: sa.Connection
    shop: Shop
    tables: Tables
    at: datetime
    #: Those who are judged, from a temporary table; None for all.
    among: sa.Select[Any] | None = None
    #: Tables that are there until the run is closed.
    bench: Workbench = field(init=False)
    _memory: Memory = field(factory=Memory)
    _questions: Questions | None = None
    _key: Hashable = None
    _rules: dict[int, tuple[Stored, Rule]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.bench = Workbench(self.connection, self.tables.members.c.customer_id.type, lasting=True)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction on the connection."""
        if self.connection.invalidated:  # a new one comes in its place, which has nothing
            self._questions = None
            self.among = None
        with self.connection.begin():
            yield self.connection

    def rule(self, segment: Segment) -> Rule:
        """The rule of a segment; RuleError when it is none."""
        return self._memory.rule(segment, self.shop)

    def statement(self, stored: Stored, *, partly: bool) -> sa.Select[Any] | None:
        """The ids of a segment's members as of the run's begin; None when it has to be judged anew."""
        if self._questions is None or partly != (self.among is not None) or stored.id not in self._rules:
            return None
        then, rule = self._rules[stored.id]
        if not stored.is_as(then):
            return None
        members = Catalogue(self.connection, self.tables, self.shop).members_of(rule.segments)
        return self._questions.statement(stored.id, members)

    def batches(self, names: Sequence[str]) -> Iterator[Sequence[str]]:
        """Segments of which none names another, in groups that are judged and written together.

        Those are segments that share, and all of them when only some customers are judged; whoever reads the shop's
        tables for all customers does so by itself.
        """
        found = None if self._questions is None else self._questions.shared
        shared = {then.segment.name for key, (then, _) in self._rules.items() if found is not None and key in found}
        alike = [each for each in names if each in shared or self.among is not None]
        size = TOGETHER if self.among is None else len(alike)
        yield from (alike[start : start + size] for start in range(0, len(alike), size or 1))
        yield from ([each] for each in names if each not in alike)

    def choose(self, customers: Customers) -> None:
        """Only these customers are judged, in a table that lasts as long as the connection."""
        self.among = sa.select(self.bench.those("among", customers).c.customer_id)

    def prepare(self, names: Iterable[str], customers: Customers | None) -> None:
        """Compute what these segments share; whatever goes wrong, they can be refreshed without."""
        start = perf_counter()
        try:
            with self.begin():
                if customers is not None:
                    self.choose(customers)
                questions = self._asked(set(names))
                shared = questions.shared
                if shared is not None:
                    drop(self.connection, shared.table)
                    keep(self.connection, shared.table, shared.filling, composite=True)
        except Exception as cause:
            self.among = None
            facts = {"shared": 0, "status": "error", "message": message_of(cause)}
            written(logging.WARNING, "shared", facts)
            return
        self._questions = questions
        if shared is not None:
            seconds = round(perf_counter() - start, 3)
            facts = {"shared": len(shared), "columns": len(shared.table.c), "seconds": seconds}
            written(logging.INFO, "shared", facts)

    def _asked(self, names: set[str]) -> Questions:
        """What is asked for these segments: remembered, or written anew."""
        said = {key: normalised(each) for key, each in self._predicates(names).items()}
        alike, moments = shape(said)
        self._key = alike, self.among is not None
        found = self._memory.take(self._key, moments)
        if found is None:
            said = marked(said, moments)
            found = Questions(self._share(said), Slots(moments), said, self._alone)
        return found

    def _share(self, said: dict[Hashable, Predicate]) -> Shared | None:
        if len(said) < ENOUGH:
            return None
        sharing = partial(
            share, mapping=self.shop.mapping, dialect=self.connection.dialect, zone=self.shop.zone,
            among=self.among, enough=ENOUGH, now=self.at,
        )  # fmt: skip
        try:
            return sharing(said)
        except SegrulesError:  # of one of them, which is told when it is its turn
            return sharing({key: each for key, each in said.items() if self._is_fine(each)})

    def _alone(self, predicate: Predicate, members: Members) -> sa.Select[Any]:
        return matching(predicate, self.shop, self.connection.dialect, members, self.at, self.among)

    def _is_fine(self, predicate: Predicate) -> bool:
        named = {each.name: _NOBODY for each in walk(predicate) if isinstance(each, InSegment)}
        try:
            matching(predicate, self.shop, self.connection.dialect, named, self.at)
        except SegrulesError:
            return False
        return True

    def close(self) -> None:
        """The connection keeps nothing."""
        if self._questions is not None:
            self._memory.give(self._key, self._questions)
        if self.connection.invalidated:
            return
        with suppress(sa.exc.SQLAlchemyError), self.connection.begin():
            self.bench.clear()
            if self._questions is not None and self._questions.shared is not None:
                drop(self.connection, self._questions.shared.table)

    # --- inside ---

    def _predicates(self, names: set[str]) -> dict[Hashable, Predicate]:
        """What each segment says; those that cannot be read say so when it is their turn."""
        found: dict[Hashable, Predicate] = {}
        for stored in Catalogue(self.connection, self.tables, self.shop).all():
            segment = stored.segment
            if segment.name in names and segment.active:
                with suppress(SegrulesError):
                    rule = self.rule(segment)
                    found[stored.id] = meaning(segment, rule, self.shop, self.at)
                    self._rules[stored.id] = stored, rule
        return found
