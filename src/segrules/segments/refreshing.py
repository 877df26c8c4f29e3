"""How the members of segments are brought up to date, in SQL and in one transaction.

First the segments' states are marked as processing, in a transaction of its own, with a token. Then, in a second
transaction: the states' rows are locked; the customers are judged; the members are changed; the states say completed.
Whoever dies in between leaves the old members, and "processing", which the next refresh takes over: the locks are gone
with the dead connection. Two at once wait for each other at those rows.

SQLite has one lock for all who write, so there customers are judged before the second transaction, and judged again if
it then finds that somebody else has changed the members.

Several segments are written together, or none of them: when one fails, each is refreshed by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

import attrs
import sqlalchemy as sa
from attrs import frozen

from segrules.errors import SegmentBusyError, SegmentError
from segrules.hookspecs import Reason
from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.changing import Change
from segrules.segments.foreseeing import foreseen
from segrules.segments.judging import Judge, Judgement
from segrules.segments.listeners import Listener
from segrules.segments.remembering import Memory
from segrules.segments.reporting import Refresh, log, message_of, told
from segrules.segments.segment import Status
from segrules.segments.sharing import Run
from segrules.segments.tables import Tables
from segrules.segments.working import Customers, Workbench, is_busy
from segrules.shop import Shop

#: Those of some segments that are to be refreshed at all, asked when nobody else can change them any more.
Wanted = Callable[[Catalogue, Sequence[Stored]], Sequence[Stored]]

#: The databases that lock rows.
_SERVERS = ("postgresql", "mysql", "mariadb")
_DONE_ALREADY = "another refresh has done it already"


@frozen(eq=False)
class Refresher:
    """Refreshes segments of one store; ``foresees`` when their members change next."""

    engine: sa.Engine
    shop: Shop
    tables: Tables
    listeners: Sequence[Listener]
    foresees: bool
    memory: Memory = attrs.field(factory=Memory)

    @contextmanager
    def together(self, names: Iterable[str], at: datetime, customers: Customers | None = None) -> Iterator[Run]:
        """One connection for the refreshes of these segments, with what they share."""
        with self.engine.connect() as connection:
            run = Run(connection, self.shop, self.tables, at, memory=self.memory)
            run.prepare(names, customers)
            try:
                yield run
            finally:
                run.close()

    def refresh_each(
        self,
        run: Run,
        names: Sequence[str],
        at: datetime,
        customers: Customers | None = None,
        wanted: Wanted | None = None,
    ) -> list[Refresh]:
        """Bring segments up to date, none of which names another; what went wrong is in the state and the result."""
        if len(names) > 1:
            try:
                return self.refresh(run, names, at, customers, wanted=wanted)
            except Exception as cause:
                log.debug("%d segments are refreshed one by one: %s", len(names), message_of(cause))
        done: list[Refresh] = []
        for name in names:
            try:
                done += self.refresh(run, [name], at, customers, wanted=wanted)
            except Exception as cause:
                done.append(Refresh(segment=name, at=at, error=message_of(cause)))
        return done

    def refresh(
        self,
        run: Run,
        names: Sequence[str],
        at: datetime,
        customers: Customers | None = None,
        *,
        wait: bool = True,
        wanted: Wanted | None = None,
    ) -> list[Refresh]:
        """Bring segments up to date, all or none; what goes wrong is raised, and kept in the state of a single one."""
        work = _Work(self, run, at, customers, wait, wanted)
        start = perf_counter()
        try:
            done = work.done(names)
        except BaseException as cause:
            if len(names) == 1 or not isinstance(cause, Exception):
                work.failed(cause)
                for name in names:
                    told(Refresh(segment=name, at=at, error=message_of(cause), seconds=perf_counter() - start))
            raise
        return [told(each) for each in done]

    def cleared(self, connection: sa.Connection, stored: Stored, reason: Reason, at: datetime) -> None:
        """Everybody leaves a segment, in the caller's transaction."""
        with Workbench(connection, self.tables.members.c.customer_id.type) as bench:
            Change(bench, self.shop, self.tables, self.listeners, reason, at).cleared(stored)

    def locked(self, connection: sa.Connection, segments: Sequence[int]) -> None:
        """Nobody else refreshes these segments until the caller's transaction ends."""
        states = self.tables.states
        theirs = states.c.segment_id.in_(segments)
        if connection.dialect.name in _SERVERS:  # in one order, so that two who lock several do not wait for each other
            rows = sa.select(states.c.segment_id).where(theirs).order_by(states.c.segment_id)
            connection.execute(rows.with_for_update()).all()
        else:
            connection.execute(sa.update(states).where(theirs).values(token=states.c.token))


@attrs.define(eq=False)
class _Work:
    """One refresh of some segments, all or none."""

    refresher: Refresher
    run: Run
    at: datetime
    customers: Customers | None
    wait: bool
    wanted: Wanted | None
    token: str = attrs.field(init=False, factory=lambda: secrets.token_hex(16))
    claimed: list[int] = attrs.field(init=False, factory=list)

    @property
    def tables(self) -> Tables:
        return self.run.tables

    def done(self, names: Sequence[str]) -> list[Refresh]:
        """The result for each, in their order."""
        with self._begin(names) as connection:
            ids = self._catalogue(connection).ids(names)
        found: dict[str, Refresh] = {}
        while len(found) < len(ids):
            claims = self._claims({name: ids[name] for name in names if name not in found})
            theirs = {each.segment.name for each in claims}
            for name in names:
                if name not in theirs and name not in found:
                    found[name] = Refresh(segment=name, at=self.at, skipped=_DONE_ALREADY)
            if claims:
                for each in self._changed(claims):
                    found[each.segment] = each
        return [found[name] for name in names]

    def failed(self, cause: BaseException) -> None:
        """Keep the message, unless somebody else is at work by now, or the database takes nothing."""
        states = self.tables.states
        if not self.claimed:
            return
        try:
            with self.run.begin() as connection:
                connection.execute(
                    sa.update(states)
                    .where(states.c.segment_id.in_(self.claimed), states.c.token == self.token)
                    .values(
                        status=Status.ERROR.value, message=message_of(cause), token=None, finished_at=datetime.now(UTC)
                    )
                )
        except Exception as further:
            log.warning("the failure of a refresh could not be written down: %s", message_of(further))

    # --- the two transactions ---

    def _claims(self, ids: dict[str, int]) -> list[Stored]:
        """Mark the segments as processing; those for which there is something to do."""
        states = self.tables.states
        with self._begin(ids) as connection:
            if not self.wait and connection.dialect.name in _SERVERS:
                rows = sa.select(states.c.segment_id).where(states.c.segment_id.in_(list(ids.values())))
                if len(connection.execute(rows.with_for_update(skip_locked=True)).all()) < len(ids):
                    raise SegmentBusyError(f"{_named(ids)} is being refreshed by somebody else")
            self.refresher.locked(connection, list(ids.values()))
            catalogue = self._catalogue(connection)
            stored = {each.id: each for each in catalogue.by_ids(ids.values())}
            for name, segment_id in ids.items():
                if segment_id not in stored:
                    raise SegmentError(f'the segment "{name}" has been deleted meanwhile')
            claims = list(stored.values())
            if self.wanted is not None:
                claims = list(self.wanted(catalogue, claims))
            self.claimed = [each.id for each in claims]
            if claims:
                connection.execute(
                    sa.update(states)
                    .where(states.c.segment_id.in_(self.claimed))
                    .values(
                        token=self.token, status=Status.PROCESSING.value, message=None, started_at=datetime.now(UTC)
                    )
                )
        return claims

    def _changed(self, claims: Sequence[Stored]) -> list[Refresh]:
        """Judge and write; nothing when somebody else has changed the segments since they were claimed."""
        start = perf_counter()
        active = [each for each in claims if each.segment.active]
        partly = self._is_partial(active)
        names = [each.segment.name for each in claims]
        judgement = None
        with self._bench() as bench:
            if bench.lasting and active:
                with self._begin(names):
                    judgement = self._judged(bench, active, partly=partly)
            with self._begin(names) as connection, bench:
                self.refresher.locked(connection, [each.id for each in claims])
                if not self._are_same(connection, claims):
                    return []
                reason = Reason.PARTIAL if partly else Reason.REFRESH
                change = Change(bench, self.run.shop, self.tables, self.refresher.listeners, reason, self.at)
                done = change.kept([each for each in claims if not each.segment.active])
                if active:
                    judgement = judgement or self._judged(bench, active, partly=partly)
                    done += change.refreshed(active, judgement, self.run.among if partly else None, start)
        if self.refresher.foresees:
            for stored in active:
                self._foresee(stored, partly=partly)
        return done

    @contextmanager
    def _bench(self) -> Iterator[Workbench]:
        """The tables of this refresh; on SQLite they last from one transaction to the next."""
        connection = self.run.connection
        bench = Workbench(connection, self.run.bench.customer, lasting=connection.dialect.name == "sqlite")
        try:
            yield bench
        finally:
            if bench.lasting:
                with self.run.begin():
                    bench.clear()

    def _judged(self, bench: Workbench, active: Sequence[Stored], *, partly: bool) -> Judgement:
        if partly and self.run.among is None:
            assert self.customers is not None
            self.run.choose(self.customers)
        return Judge(self.run, bench).judged(active, self.run.among if partly else None)

    # --- inside ---

    def _catalogue(self, connection: sa.Connection) -> Catalogue:
        return Catalogue(connection, self.tables, self.run.shop)

    @contextmanager
    def _begin(self, names: Iterable[str]) -> Iterator[sa.Connection]:
        with refusals(_named(names)), self.run.begin() as connection:
            yield connection

    def _is_partial(self, active: Sequence[Stored]) -> bool:
        """Whether only some customers are judged: not for members that follow an older meaning."""
        if self.customers is None:
            return False
        current = {each.followed == each.meant for each in active}
        if len(current) > 1:
            raise SegmentError("some of the segments have changed, so that all customers have to be judged for them")
        return current == {True}

    def _are_same(self, connection: sa.Connection, claims: Sequence[Stored]) -> bool:
        """Whether the segments mean what they meant when they were claimed, and nobody has changed their members."""
        now = {each.id: each for each in self._catalogue(connection).by_ids(each.id for each in claims)}
        return all(each.id in now and now[each.id].is_as(each) for each in claims)

    def _foresee(self, before: Stored, *, partly: bool) -> None:
        """Keep when the members change next, unless somebody has changed them again; without, nothing is foreseen."""
        if partly and before.state.foreseen_at is None:
            return
        states, at = self.tables.states, self.at
        try:
            with self.run.begin() as connection:
                if partly and self.run.among is None:
                    return
                among = self.run.among if partly else None
                moment = foreseen(self._catalogue(connection), before.segment, at, among)
                since = at
                if partly and before.state.foreseen_at is not None:
                    since = before.state.foreseen_at
                    moment = min((each for each in (moment, before.state.next_change_at) if each), default=None)
                connection.execute(
                    sa.update(states)
                    .where(states.c.segment_id == before.id, states.c.number == before.number + 1)
                    .where(states.c.status == Status.COMPLETED.value)
                    .values(next_change_at=moment, foreseen_at=since)
                )
        except Exception as cause:
            log.warning('when "%s" changes next is not known: %s', before.segment.name, message_of(cause))


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    return f'the segment "{listed[0]}"' if len(listed) == 1 else f"one of {len(listed)} segments"


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
