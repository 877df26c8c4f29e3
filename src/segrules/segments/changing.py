"""The change of the members of several segments, in SQL and in an open transaction that holds their states' locks.

Who left is deleted, who entered is inserted, listeners are told, and the states say completed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules.hookspecs import MembersChanged, Reason
from segrules.segments.catalogue import Stored
from segrules.segments.judging import Judgement
from segrules.segments.listeners import Listener
from segrules.segments.matching import Located
from segrules.segments.reporting import Refresh
from segrules.segments.segment import Status
from segrules.segments.tables import Tables, memberships
from segrules.segments.working import Workbench
from segrules.shop import Shop


@frozen(eq=False)
class Change:
    """The change of the members of some segments, for a reason and as of a moment."""

    bench: Workbench
    shop: Shop
    tables: Tables
    listeners: Sequence[Listener]
    reason: Reason
    at: datetime

    @property
    def connection(self) -> sa.Connection:
        """The connection with the transaction."""
        return self.bench.connection

    def refreshed(
        self, batch: Sequence[Stored], judgement: Judgement, among: sa.Select[Any] | None, start: float
    ) -> list[Refresh]:
        """Write who entered and who left; what became of each segment, which began at ``start``."""
        come, gone = dict(judgement.come), judgement.gone
        for stored in batch:
            if gone.get(stored.id):
                everybody = among is None and judgement.found[stored.id].customers == 0
                self._delete(stored, None if everybody else judgement.leaving)
        self._move([each for each in batch if each.state.members], among)
        if come:
            come = self._insert(judgement.entering, come)
        for stored in batch:
            self._tell(stored, judgement.leaving, come.get(stored.id, 0), gone.get(stored.id, 0))
        # Each has its own statement, and a part of what was done for all.
        spent = {key: each.seconds for key, each in judgement.found.items()}
        part = (perf_counter() - start - sum(spent.values())) / len(batch)
        done = []
        for each in batch:
            entered, left = come.get(each.id, 0), gone.get(each.id, 0)
            done.append(
                Refresh(
                    segment=each.segment.name, at=self.at, matched=each.state.members + entered - left,
                    entered=entered, left=left, seconds=spent[each.id] + part,
                )
            )  # fmt: skip
        self._written(batch, done)
        return done

    def cleared(self, stored: Stored) -> None:
        """Everybody leaves a segment."""
        start = perf_counter()
        members = self.tables.members
        everybody = sa.select(members.c.segment_id, members.c.customer_id).where(members.c.segment_id == stored.id)
        leaving, gone = self.bench.pairs("leaving", everybody)
        self._delete(stored, None)
        self._tell(stored, leaving, 0, gone)
        seconds = perf_counter() - start
        self._written([stored], [Refresh(segment=stored.segment.name, at=self.at, left=gone, seconds=seconds)])

    def kept(self, batch: Sequence[Stored]) -> list[Refresh]:
        """Inactive segments are current as they are: everybody left when they were switched off, and was told so."""
        if batch:
            self._completed([{"own_id": each.id, "own_meant": each.meant} for each in batch], judged_at=self.at)
        return [Refresh(segment=each.segment.name, at=self.at, skipped="the segment is inactive") for each in batch]

    # --- the statements ---

    def _delete(self, stored: Stored, leaving: sa.Table | None) -> None:
        members = self.tables.members
        statement = sa.delete(members).where(members.c.segment_id == stored.id)
        if leaving is not None:
            statement = statement.where(members.c.customer_id.in_(_customers(leaving, stored.id)))
        self.connection.execute(statement)

    def _insert(self, entering: sa.Table, come: Mapping[int, int]) -> dict[int, int]:
        """Those who enter are members; how many of each segment, since a customer may have been deleted meanwhile."""
        members, states, place = self.tables.members, self.tables.states, self._located
        rows = sa.select(
            place.key, place.website, entering.c.segment_id, sa.literal(self.at, members.c.since.type),
            states.c.number + sa.literal_column("1"),
        ).select_from(
            place.source.join(entering, entering.c.customer_id == place.key)
            .join(states, states.c.segment_id == entering.c.segment_id)
        )  # fmt: skip
        names = ["customer_id", "website", "segment_id", "since", "number"]
        statement = members.insert().from_select(names, rows).execution_options(preserve_rowcount=True)
        count = self.connection.execute(statement).rowcount
        if count == sum(come.values()):
            return dict(come)
        entered = self._entered(members.c.segment_id.in_(list(come)))
        return self.bench.counted(entered.subquery())

    def _move(self, batch: Sequence[Stored], among: sa.Select[Any] | None) -> None:
        """Members whose customer has gone to another website are found under that one."""
        members, place = self.tables.members, self._located
        many = [each.id for each in batch if len(each.segment.websites) != 1]
        if isinstance(place.website, sa.sql.elements.Null) or not many:
            return
        statement = (
            sa.select(members.c.segment_id, members.c.customer_id)
            .select_from(place.source.join(members, members.c.customer_id == place.key))
            .where(*memberships(members, many, among), members.c.website.is_distinct_from(place.website))
        )
        # Counted, since PostgreSQL plans badly for a first row that hardly ever comes.
        if not self.connection.scalar(sa.select(sa.func.count()).select_from(statement.subquery())):
            return
        moved, _ = self.bench.pairs("moved", statement)
        theirs = sa.select(place.website).select_from(place.source).where(place.key == members.c.customer_id)
        for segment_id in self.bench.counted(moved):
            self.connection.execute(
                sa.update(members)
                .where(members.c.segment_id == segment_id)
                .where(members.c.customer_id.in_(_customers(moved, segment_id)))
                .values(website=theirs.scalar_subquery())
            )

    @property
    def _located(self) -> Located:
        return Located.of(self.shop, self.connection.dialect)

    def _entered(self, which: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Those who have entered by this change."""
        members, states = self.tables.members, self.tables.states
        return (
            sa.select(members.c.segment_id, members.c.customer_id)
            .select_from(members.join(states, states.c.segment_id == members.c.segment_id))
            .where(which, members.c.number == states.c.number + sa.literal_column("1"))
        )

    def _tell(self, stored: Stored, leaving: sa.Table, come: int, gone: int) -> None:
        if come or gone:
            members, tables = self.tables.members, self.tables
            entered = sa.select(members.c.customer_id).where(
                members.c.segment_id == stored.id, members.c.number == stored.number + 1
            )
            change = MembersChanged(
                stored.segment.name, self.reason, self.at, entered, _customers(leaving, stored.id), come, gone,
                prefix=tables.prefix, schema=tables.metadata.schema,
            )  # fmt: skip
            for listener in self.listeners:
                listener(self.connection, change)

    def _written(self, batch: Sequence[Stored], done: Sequence[Refresh]) -> None:
        """Keep the change in the history, and say that the members are current."""
        now = datetime.now(UTC)
        history: list[dict[str, Any]] = []
        states: list[dict[str, Any]] = []
        for stored, each in zip(batch, done, strict=True):
            number = stored.number + 1
            history.append({
                "segment_id": stored.id, "number": number, "reason": self.reason.value, "at": self.at,
                "finished_at": now, "milliseconds": round(each.seconds * 1000),
                "members": each.matched, "entered": each.entered, "left": each.left,
            })  # fmt: skip
            states.append(
                {"own_id": stored.id, "own_meant": stored.meant, "own_members": each.matched, "own_number": number}
            )
        self.connection.execute(self.tables.refreshes.insert(), history)
        # Those who were not judged are as they were at the moment before.
        judged = {} if self.reason is Reason.PARTIAL else {"judged_at": self.at}
        self._completed(states, members=sa.bindparam("own_members"), number=sa.bindparam("own_number"), **judged)

    def _completed(self, rows: list[dict[str, Any]], **further: Any) -> None:
        states = self.tables.states
        statement = (
            sa.update(states)
            .where(states.c.segment_id == sa.bindparam("own_id"))
            .values(
                status=Status.COMPLETED.value, message=None, token=None, meant=sa.bindparam("own_meant"),
                finished_at=datetime.now(UTC), next_change_at=None, foreseen_at=None, **further,
            )
        )  # fmt: skip
        self.connection.execute(statement, rows)


def _customers(pairs: sa.Table, segment_id: int) -> sa.Select[Any]:
    """The customers of one segment in a table of pairs."""
    return sa.select(pairs.c.customer_id).where(pairs.c.segment_id == segment_id)
