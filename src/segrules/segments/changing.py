"""The change of one segment's members, in SQL and in an open transaction.

The matching ids are computed once into a temporary table; who left is listed, and deleted; who entered is inserted;
listeners are told; the state says completed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules.hookspecs import MembersChanged, Reason
from segrules.rule import parse
from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.listeners import Listener
from segrules.segments.matching import Located, matching, meaning
from segrules.segments.reporting import Refresh
from segrules.segments.segment import Status
from segrules.segments.sharing import Run
from segrules.segments.tables import Tables
from segrules.segments.working import Customers, Workbench
from segrules.shop import Shop


@frozen(eq=False)
class Change:
    """The change of one segment's members in an open transaction that holds the state's lock."""

    connection: sa.Connection
    shop: Shop
    tables: Tables
    listeners: Sequence[Listener]
    stored: Stored
    at: datetime
    run: Run | None = None

    def _bench(self) -> Workbench:
        return Workbench(self.connection, self.tables.members.c.customer_id.type)

    @property
    def number(self) -> int:
        """The number of this change."""
        return self.stored.number + 1

    def is_partial(self, customers: Customers | None) -> bool:
        """Whether only these are judged: members that follow an older meaning cannot be brought up to date in part."""
        return customers is not None and self.stored.followed == self.stored.meant

    def refreshed(self, customers: Customers | None, start: float) -> Refresh:
        """Judge all customers, or these, and write who entered and left."""
        name = self.stored.segment.name
        if not self.stored.segment.active:
            # Everybody left when it was switched off, and was told so then.
            self._completed(judged_at=self.at)
            return Refresh(segment=name, at=self.at, skipped="the segment is inactive")
        partly = self.is_partial(customers)
        reason = Reason.PARTIAL if partly else Reason.REFRESH
        with self._bench() as bench:
            among = self._among(bench, customers) if partly else None
            matched, found = bench.found("matched", self._matching(among))
            left, gone = bench.found("left", self._leaving(matched, among))
            self._delete(left, gone, everybody=found == 0 and not partly)
            self._move(bench, among)
            come = self._insert(bench, matched)
            total = self.stored.state.members + come - gone if partly else found
            self._tell(reason, left, come, gone)
            self._written(reason, total, come, gone, start)
        return Refresh(segment=name, at=self.at, matched=total, entered=come, left=gone)

    def cleared(self, reason: Reason) -> None:
        """Everybody leaves."""
        start = perf_counter()
        members = self.tables.members
        with self._bench() as bench:
            everybody = sa.select(members.c.customer_id).where(members.c.segment_id == self.stored.id)
            left, gone = bench.found("left", everybody)
            self._delete(left, gone, everybody=True)
            self._tell(reason, left, 0, gone)
            self._written(reason, 0, 0, gone, start)

    # --- the statements ---

    def _among(self, bench: Workbench, customers: Customers | None) -> sa.Select[Any]:
        if self.run is not None and self.run.among is not None:
            return self.run.among
        return sa.select(bench.those("among", customers or ()).c.customer_id)

    def _matching(self, among: sa.Select[Any] | None) -> sa.Select[Any]:
        shared = None if self.run is None else self.run.statement(self.stored, partly=among is not None)
        if shared is not None:
            return shared
        shop, segment = self.shop, self.stored.segment
        rule = parse(segment.rule, shop, name=segment.name)
        members = Catalogue(self.connection, self.tables, shop).members_of(rule.segments)
        return matching(meaning(segment, rule, shop, self.at), shop, self.connection.dialect, members, among)

    def _leaving(self, matched: sa.Table, among: sa.Select[Any] | None) -> sa.Select[Any]:
        members = self.tables.members
        still = sa.exists().where(matched.c.customer_id == members.c.customer_id)
        statement = sa.select(members.c.customer_id).where(members.c.segment_id == self.stored.id, ~still)
        return statement if among is None else statement.where(members.c.customer_id.in_(among))

    def _delete(self, left: sa.Table, gone: int, *, everybody: bool) -> None:
        members = self.tables.members
        statement = sa.delete(members).where(members.c.segment_id == self.stored.id)
        if not everybody:
            statement = statement.where(members.c.customer_id.in_(sa.select(left.c.customer_id)))
        if gone:
            self.connection.execute(statement)

    def _insert(self, bench: Workbench, matched: sa.Table) -> int:
        members = self.tables.members
        there = sa.exists().where(
            members.c.segment_id == self.stored.id, members.c.customer_id == matched.c.customer_id
        )
        entering = sa.select(matched.c.customer_id).where(~there)
        place = self._located
        rows = sa.select(place.key, place.website).select_from(place.source).where(place.key.in_(entering))
        own = [sa.literal(each, column.type) for each, column in (
            (self.stored.id, members.c.segment_id), (self.at, members.c.since), (self.number, members.c.number)
        )]  # fmt: skip
        names = ["customer_id", "website", "segment_id", "since", "number"]
        result = self.connection.execute(members.insert().from_select(names, rows.add_columns(*own)))
        return bench.counted(result, self._entered())

    def _move(self, bench: Workbench, among: sa.Select[Any] | None) -> None:
        """Members whose customer has gone to another website are found under that one."""
        members, place = self.tables.members, self._located
        if isinstance(place.website, sa.sql.elements.Null) or len(self.stored.segment.websites) == 1:
            return
        statement = (
            sa.select(members.c.customer_id)
            .select_from(place.source.join(members, members.c.customer_id == place.key))
            .where(members.c.segment_id == self.stored.id, members.c.website.is_distinct_from(place.website))
        )
        if among is not None:
            statement = statement.where(members.c.customer_id.in_(among))
        # Counted, since PostgreSQL plans badly for a first row that hardly ever comes.
        if not self.connection.scalar(sa.select(sa.func.count()).select_from(statement.subquery())):
            return
        moved, _ = bench.found("moved", statement)
        theirs = sa.select(place.website).select_from(place.source).where(place.key == members.c.customer_id)
        self.connection.execute(
            sa.update(members)
            .where(members.c.segment_id == self.stored.id)
            .where(members.c.customer_id.in_(sa.select(moved.c.customer_id)))
            .values(website=theirs.scalar_subquery())
        )

    @property
    def _located(self) -> Located:
        return Located.of(self.shop, self.connection.dialect)

    def _entered(self) -> sa.Select[Any]:
        members = self.tables.members
        return sa.select(members.c.customer_id).where(
            members.c.segment_id == self.stored.id, members.c.number == self.number
        )

    def _tell(self, reason: Reason, left: sa.Table, come: int, gone: int) -> None:
        if come or gone:
            tables = self.tables
            change = MembersChanged(
                self.stored.segment.name, reason, self.at, self._entered(), sa.select(left.c.customer_id), come, gone,
                prefix=tables.prefix, schema=tables.metadata.schema,
            )  # fmt: skip
            for listener in self.listeners:
                listener(self.connection, change)

    def _written(self, reason: Reason, total: int, come: int, gone: int, start: float) -> None:
        """Keep the change in the history, and say that the members are current."""
        now = datetime.now(UTC)
        spent = round((perf_counter() - start) * 1000)
        row = {"segment_id": self.stored.id, "number": self.number, "reason": reason.value, "at": self.at}
        row |= {"finished_at": now, "milliseconds": spent, "members": total, "entered": come, "left": gone}
        self.connection.execute(self.tables.refreshes.insert().values(row))
        # Those who were not judged are as they were at the moment before.
        judged = {} if reason is Reason.PARTIAL else {"judged_at": self.at}
        self._completed(members=total, number=self.number, **judged)

    def _completed(self, **further: Any) -> None:
        states = self.tables.states
        self.connection.execute(
            sa.update(states)
            .where(states.c.segment_id == self.stored.id)
            .values(
                status=Status.COMPLETED.value, message=None, token=None, meant=self.stored.meant,
                finished_at=datetime.now(UTC), next_change_at=None, foreseen_at=None, **further,
            )
        )  # fmt: skip
