"""How the members of one segment are brought up to date, in SQL and in one transaction.

First the segment's state is marked as processing, in a transaction of its own, with a token. Then, in a second
transaction: the state's row is locked by writing it, which succeeds for the holder of the token only; the matching
ids are computed once into a temporary table; who left is listed, and deleted; who entered is inserted; listeners are
told; the state says completed. Whoever dies in between leaves the old members, and "processing", which the next
refresh takes over: the row's lock is gone with the dead connection. Two at once wait for each other at that row.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from attrs import frozen

from segrules.errors import SegmentBusyError, SegmentError
from segrules.hookspecs import MembersChanged, Reason
from segrules.rule import parse
from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.listeners import Listener
from segrules.segments.matching import Located, matching, meaning
from segrules.segments.segment import Status
from segrules.segments.tables import Tables
from segrules.segments.working import Workbench, is_busy
from segrules.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

_DONE = "another refresh has done it already"

log = logging.getLogger("segrules.refresh")

#: Ids of customers, or a selectable of them.
Customers = Iterable[Any] | sa.Select[Any]


@frozen(kw_only=True)
class Refresh:
    """What a refresh did: how many are members now, how many entered and left, in how many seconds.

    ``skipped`` says why nothing was done, ``error`` why it failed; the members are then as they were. ``memory`` is
    the highest number of bytes that this process has held so far, None where the system does not tell.
    """

    segment: str
    at: datetime
    matched: int = 0
    entered: int = 0
    left: int = 0
    seconds: float = 0.0
    memory: int | None = None
    skipped: str | None = None
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the refresh ended with an error."""
        return self.error is not None


@frozen(eq=False)
class Refresher:
    """Refreshes segments of one store."""

    engine: sa.Engine
    shop: Shop
    tables: Tables
    listeners: Sequence[Listener]

    def refresh(
        self,
        name: str,
        at: datetime,
        customers: Customers | None = None,
        *,
        wait: bool = True,
        only_if: Callable[[Stored], bool] | None = None,
    ) -> Refresh:
        """Bring one segment up to date; what went wrong is kept in its state, and raised."""
        start = perf_counter()
        given = list(customers) if customers is not None and not isinstance(customers, sa.Select) else customers
        with self._begin(name) as connection:
            segment_id = Catalogue(connection, self.tables, self.shop).ids([name])[name]
        token = secrets.token_hex(16)
        claimed = False
        try:
            done = None
            while done is None and self._claimed(segment_id, name, token, wait, only_if):
                claimed = True
                with self._begin(name) as connection:
                    if self._taken(connection, segment_id, token):
                        stored = self._stored(connection, segment_id, name)
                        done = _Change(self, connection, stored, at).refreshed(given, start)
        except BaseException as cause:
            if claimed:
                self._failed(segment_id, token, cause)
            self._told(Refresh(segment=name, at=at, error=message_of(cause)), start)
            raise
        if done is None:
            done = Refresh(segment=name, at=at, skipped="another refresh has done it already")
        return self._told(done, start)

    def cleared(self, connection: sa.Connection, stored: Stored, reason: Reason, at: datetime) -> None:
        """Everybody leaves a segment, in the caller's transaction."""
        _Change(self, connection, stored, at).cleared(reason)

    def locked(self, connection: sa.Connection, segment_id: int) -> None:
        """Nobody else refreshes the segment until the caller's transaction ends."""
        states = self.tables.states
        connection.execute(sa.update(states).where(states.c.segment_id == segment_id).values(token=states.c.token))

    # --- inside ---

    @contextmanager
    def _begin(self, name: str) -> Iterator[sa.Connection]:
        with refusals(f'the segment "{name}"'), self.engine.begin() as connection:
            yield connection

    def _claimed(
        self, segment_id: int, name: str, token: str, wait: bool, only_if: Callable[[Stored], bool] | None
    ) -> bool:
        """Mark the segment as processing; False when there is nothing left to do."""
        states = self.tables.states
        with self._begin(name) as connection:
            if not wait and connection.dialect.name in ("postgresql", "mysql", "mariadb"):
                row = (
                    sa.select(states.c.segment_id)
                    .where(states.c.segment_id == segment_id)
                    .with_for_update(skip_locked=True)
                )
                if connection.execute(row).first() is None:
                    raise SegmentBusyError(f'the segment "{name}" is being refreshed by somebody else')
            if only_if is not None:
                self.locked(connection, segment_id)
                if not only_if(self._stored(connection, segment_id, name)):
                    return False
            connection.execute(
                sa.update(states)
                .where(states.c.segment_id == segment_id)
                .values(token=token, status=Status.PROCESSING.value, message=None, started_at=datetime.now(UTC))
            )
        return True

    def _taken(self, connection: sa.Connection, segment_id: int, token: str) -> bool:
        """Lock the state's row, if nobody else has claimed it since."""
        states = self.tables.states
        mine = sa.update(states).where(states.c.segment_id == segment_id, states.c.token == token)
        result = connection.execute(mine.values(status=Status.PROCESSING.value))
        if result.rowcount >= 0:
            return result.rowcount == 1
        return connection.scalar(sa.select(states.c.token).where(states.c.segment_id == segment_id)) == token

    def _stored(self, connection: sa.Connection, segment_id: int, name: str) -> Stored:
        found = Catalogue(connection, self.tables, self.shop).by_id(segment_id)
        if found is None:
            raise SegmentError(f'the segment "{name}" has been deleted meanwhile')
        return found

    def _failed(self, segment_id: int, token: str, cause: BaseException) -> None:
        """Keep the message, unless somebody else is at work by now, or the database takes nothing."""
        states = self.tables.states
        try:
            with self.engine.begin() as connection:
                connection.execute(
                    sa.update(states)
                    .where(states.c.segment_id == segment_id, states.c.token == token)
                    .values(
                        status=Status.ERROR.value, message=message_of(cause), token=None, finished_at=datetime.now(UTC)
                    )
                )
        except Exception as further:
            log.warning("the failure of a refresh could not be written down: %s", message_of(further))

    def _told(self, done: Refresh, start: float) -> Refresh:
        """The result with its time and memory, in one line of the log."""
        done = attrs.evolve(done, seconds=perf_counter() - start, memory=_memory())
        status = "error" if done.failed else "skipped" if done.skipped else "completed"
        facts = {"segment": done.segment, "status": status, "seconds": round(done.seconds, 3)}
        if not done.failed and not done.skipped:
            facts.update(members=done.matched, entered=done.entered, left=done.left)
        if done.memory is not None:
            facts["memory"] = done.memory
        if done.error or done.skipped:
            facts["message"] = done.error or done.skipped or ""
        line = " ".join(f"{key}={_quoted(value)}" for key, value in facts.items())
        log.log(logging.ERROR if done.failed else logging.INFO, line, extra={"refresh": facts})
        return done


@frozen(eq=False)
class _Change:
    """The change of one segment's members in an open transaction that holds the state's lock."""

    by: Refresher
    connection: sa.Connection
    stored: Stored
    at: datetime

    def _bench(self) -> Workbench:
        return Workbench(self.connection, self.by.tables.members.c.customer_id.type)

    @property
    def number(self) -> int:
        """The number of this change."""
        return self.stored.number + 1

    def refreshed(self, customers: Customers | None, start: float) -> Refresh:
        """Judge all customers, or these, and write who entered and left."""
        name = self.stored.segment.name
        if not self.stored.segment.active:
            # Everybody left when it was switched off, and was told so then.
            self._completed()
            return Refresh(segment=name, at=self.at, skipped="the segment is inactive")
        # Members that follow an older meaning cannot be brought up to date in part.
        partly = customers is not None and self.stored.followed == self.stored.meant
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
        members = self.by.tables.members
        with self._bench() as bench:
            everybody = sa.select(members.c.customer_id).where(members.c.segment_id == self.stored.id)
            left, gone = bench.found("left", everybody)
            self._delete(left, gone, everybody=True)
            self._tell(reason, left, 0, gone)
            self._written(reason, 0, 0, gone, start)

    # --- the statements ---

    def _among(self, bench: Workbench, customers: Customers | None) -> sa.Select[Any]:
        if isinstance(customers, sa.Select):
            given = customers.subquery().c[0]
            table, _ = bench.found("among", sa.select(given).where(given.is_not(None)).distinct())
        else:
            table = bench.holding("among", customers or ())
        return sa.select(table.c.customer_id)

    def _matching(self, among: sa.Select[Any] | None) -> sa.Select[Any]:
        shop, segment = self.by.shop, self.stored.segment
        rule = parse(segment.rule, shop, name=segment.name)
        members = Catalogue(self.connection, self.by.tables, shop).members_of(rule.segments)
        return matching(meaning(segment, rule, shop, self.at), shop, self.connection.dialect, members, among)

    def _leaving(self, matched: sa.Table, among: sa.Select[Any] | None) -> sa.Select[Any]:
        members = self.by.tables.members
        still = sa.exists().where(matched.c.customer_id == members.c.customer_id)
        statement = sa.select(members.c.customer_id).where(members.c.segment_id == self.stored.id, ~still)
        return statement if among is None else statement.where(members.c.customer_id.in_(among))

    def _delete(self, left: sa.Table, gone: int, *, everybody: bool) -> None:
        members = self.by.tables.members
        statement = sa.delete(members).where(members.c.segment_id == self.stored.id)
        if not everybody:
            statement = statement.where(members.c.customer_id.in_(sa.select(left.c.customer_id)))
        if gone:
            self.connection.execute(statement)

    def _insert(self, bench: Workbench, matched: sa.Table) -> int:
        members = self.by.tables.members
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
        members, place = self.by.tables.members, self._located
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
        return Located.of(self.by.shop, self.connection.dialect)

    def _entered(self) -> sa.Select[Any]:
        members = self.by.tables.members
        return sa.select(members.c.customer_id).where(
            members.c.segment_id == self.stored.id, members.c.number == self.number
        )

    def _tell(self, reason: Reason, left: sa.Table, come: int, gone: int) -> None:
        if come or gone:
            tables = self.by.tables
            change = MembersChanged(
                self.stored.segment.name, reason, self.at, self._entered(), sa.select(left.c.customer_id), come, gone,
                prefix=tables.prefix, schema=tables.metadata.schema,
            )  # fmt: skip
            for listener in self.by.listeners:
                listener(self.connection, change)

    def _written(self, reason: Reason, total: int, come: int, gone: int, start: float) -> None:
        """Keep the change in the history, and say that the members are current."""
        now = datetime.now(UTC)
        spent = round((perf_counter() - start) * 1000)
        row = {"segment_id": self.stored.id, "number": self.number, "reason": reason.value, "at": self.at}
        row |= {"finished_at": now, "milliseconds": spent, "members": total, "entered": come, "left": gone}
        self.connection.execute(self.by.tables.refreshes.insert().values(row))
        self._completed(members=total, number=self.number)

    def _completed(self, **further: Any) -> None:
        states = self.by.tables.states
        self.connection.execute(
            sa.update(states)
            .where(states.c.segment_id == self.stored.id)
            .values(
                status=Status.COMPLETED.value, message=None, token=None, meant=self.stored.meant,
                judged_at=self.at, finished_at=datetime.now(UTC), **further,
            )
        )  # fmt: skip


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """A database that says that somebody else is at work is heard as SegmentBusyError."""
    try:
        yield
    except Exception as cause:
        if is_busy(cause):
            raise SegmentBusyError(
                f"{what} cannot be written now, since somebody else is at work: {message_of(cause)}"
            ) from cause
        raise


def message_of(cause: BaseException) -> str:
    """What went wrong in one line."""
    original = getattr(cause, "orig", None) or cause
    text = " ".join(str(original).split())
    return text if isinstance(cause, SegmentError) else f"{type(original).__name__}: {text}".rstrip(": ")


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(each in text for each in ' "=') or not text else text


def _memory() -> int | None:
    """The most bytes that this process has held so far."""
    try:
        import resource
    except ImportError:  # not on this system
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
