"""Who enters and who leaves several segments: found out in SQL, and written by nobody yet.

Whoever belongs into them is found once, into a temporary table of segments and customers; held against the members
that are stored, it gives two further tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.matching import matching, meaning
from segrules.segments.sharing import Run
from segrules.segments.tables import memberships
from segrules.segments.working import Found, Workbench


@frozen(eq=False)
class Judgement:
    """Who enters and who leaves, in tables of pairs; by segment how many, and how many belong into it in all."""

    entering: sa.Table
    leaving: sa.Table
    come: Mapping[int, int]
    gone: Mapping[int, int]
    found: Mapping[int, Found]


@frozen(eq=False)
class Judge:
    """Judges the customers of a run, by what the run shares or by each segment's own statement."""

    run: Run
    bench: Workbench

    def judged(self, batch: Sequence[Stored], among: sa.Select[Any] | None) -> Judgement:
        """What becomes of the members of these segments; of those in ``among`` only, when it is given."""
        bench, members = self.bench, self.run.tables.members
        matched, found = bench.matched({each.id: self._statement(each, among) for each in batch})
        filled = [each.id for each in batch if each.state.members]
        if not filled:
            everybody = {key: each.customers for key, each in found.items()}
            return Judgement(matched, bench.pairs("leaving")[0], everybody, {}, found)
        leaving, left = bench.pairs("leaving", _leaving(members, matched, filled, among))
        entering, entered = bench.pairs("entering", _entering(members, matched))
        come, gone = self._each(entering, entered, found), self._each(leaving, left, found)
        return Judgement(entering, leaving, come, gone, found)

    def _each(self, pairs: sa.Table, count: int, found: Mapping[int, Found]) -> Mapping[int, int]:
        """How many pairs there are of each segment."""
        if len(found) == 1:
            return dict.fromkeys(found, count)
        return self.bench.counted(pairs) if count else {}

    def _statement(self, stored: Stored, among: sa.Select[Any] | None) -> sa.Select[Any]:
        run, segment = self.run, stored.segment
        shared = run.statement(stored, partly=among is not None)
        if shared is not None:
            return shared
        rule = run.rule(segment)
        members = Catalogue(run.connection, run.tables, run.shop).members_of(rule.segments)
        predicate = meaning(segment, rule, run.shop, run.at)
        return matching(predicate, run.shop, run.connection.dialect, members, run.at, among)


def _leaving(
    members: sa.Table, matched: sa.Table, segments: Sequence[int], among: sa.Select[Any] | None
) -> sa.Select[Any]:
    return sa.select(members.c.segment_id, members.c.customer_id).where(
        *memberships(members, segments, among), ~_same(members, matched)
    )


def _entering(members: sa.Table, matched: sa.Table) -> sa.Select[Any]:
    return sa.select(matched.c.segment_id, matched.c.customer_id).where(~_same(members, matched))


def _same(members: sa.Table, matched: sa.Table) -> sa.Exists:
    return sa.exists().where(
        matched.c.segment_id == members.c.segment_id, matched.c.customer_id == members.c.customer_id
    )
