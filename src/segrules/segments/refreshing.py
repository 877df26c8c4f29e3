"""How the members of one segment are brought up to date, in SQL and in one transaction.

First the segment's state is marked as processing, in a transaction of its own, with a token. Then, in a second
transaction: the state's row is locked by writing it, which succeeds for the holder of the token only; the members are
changed; the state says completed. Whoever dies in between leaves the old members, and "processing", which the next
refresh takes over: the row's lock is gone with the dead connection. Two at once wait for each other at that row.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

import sqlalchemy as sa
from attrs import frozen

from segrules.errors import SegmentBusyError, SegmentError
from segrules.hookspecs import Reason
from segrules.segments.catalogue import Catalogue, Stored
from segrules.segments.changing import Change
from segrules.segments.foreseeing import foreseen
from segrules.segments.listeners import Listener
from segrules.segments.reporting import Refresh, log, message_of, told
from segrules.segments.segment import Status
from segrules.segments.sharing import Run
from segrules.segments.tables import Tables
from segrules.segments.working import Customers, is_busy
from segrules.shop import Shop

#: Whether a segment is to be refreshed at all, asked when nobody else can change it any more.
Wanted = Callable[[Catalogue, Stored], bool]


@frozen(eq=False)
class Refresher:
    """Refreshes segments of one store; ``foresees`` when their members change next."""

    engine: sa.Engine
    shop: Shop
    tables: Tables
    listeners: Sequence[Listener]
    foresees: bool

    @contextmanager
    def together(self, names: Iterable[str], at: datetime, customers: Customers | None = None) -> Iterator[Run]:
        """One connection for the refreshes of these segments, with what they share."""
        with self.engine.connect() as connection:
            run = Run(connection, self.shop, self.tables)
            run.prepare(names, at, customers)
            try:
                yield run
            finally:
                run.close()

    def refresh(
        self,
        run: Run,
        name: str,
        at: datetime,
        customers: Customers | None = None,
        *,
        wait: bool = True,
        only_if: Wanted | None = None,
    ) -> Refresh:
        """Bring one segment up to date; what went wrong is kept in its state, and raised."""
        start = perf_counter()
        with self._begin(run, name) as connection:
            segment_id = Catalogue(connection, self.tables, self.shop).ids([name])[name]
        token = secrets.token_hex(16)
        claimed = False
        try:
            done = None
            while done is None and self._claimed(run, segment_id, name, token, wait, only_if):
                claimed = True
                with self._begin(run, name) as connection:
                    if self._taken(connection, segment_id, token):
                        before = self._stored(connection, segment_id, name)
                        change = self._change(connection, before, at, run)
                        done = change.refreshed(customers, start)
        except BaseException as cause:
            if claimed:
                self._failed(run, segment_id, token, cause)
            told(Refresh(segment=name, at=at, error=message_of(cause)), start)
            raise
        if done is None:
            done = Refresh(segment=name, at=at, skipped="another refresh has done it already")
        elif self.foresees and done.skipped is None:
            self._foresee(run, before, at, partly=change.is_partial(customers))
        return told(done, start)

    def cleared(self, connection: sa.Connection, stored: Stored, reason: Reason, at: datetime) -> None:
        """Everybody leaves a segment, in the caller's transaction."""
        self._change(connection, stored, at, None).cleared(reason)

    def locked(self, connection: sa.Connection, segment_id: int) -> None:
        """Nobody else refreshes the segment until the caller's transaction ends."""
        states = self.tables.states
        connection.execute(sa.update(states).where(states.c.segment_id == segment_id).values(token=states.c.token))

    # --- inside ---

    def _change(self, connection: sa.Connection, stored: Stored, at: datetime, run: Run | None) -> Change:
        return Change(connection, self.shop, self.tables, self.listeners, stored, at, run)

    @contextmanager
    def _begin(self, run: Run, name: str) -> Iterator[sa.Connection]:
        with refusals(f'the segment "{name}"'), run.begin() as connection:
            yield connection

    def _claimed(self, run: Run, segment_id: int, name: str, token: str, wait: bool, only_if: Wanted | None) -> bool:
        """Mark the segment as processing; False when there is nothing left to do."""
        states = self.tables.states
        with self._begin(run, name) as connection:
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
                catalogue = Catalogue(connection, self.tables, self.shop)
                if not only_if(catalogue, self._stored(connection, segment_id, name)):
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

    def _failed(self, run: Run, segment_id: int, token: str, cause: BaseException) -> None:
        """Keep the message, unless somebody else is at work by now, or the database takes nothing."""
        states = self.tables.states
        try:
            with run.begin() as connection:
                connection.execute(
                    sa.update(states)
                    .where(states.c.segment_id == segment_id, states.c.token == token)
                    .values(
                        status=Status.ERROR.value, message=message_of(cause), token=None, finished_at=datetime.now(UTC)
                    )
                )
        except Exception as further:
            log.warning("the failure of a refresh could not be written down: %s", message_of(further))

    def _foresee(self, run: Run, before: Stored, at: datetime, *, partly: bool) -> None:
        """Keep when the members change next, unless somebody has changed them again; without, nothing is foreseen."""
        if partly and (before.state.foreseen_at is None or run.among is None):
            return
        states = self.tables.states
        try:
            with run.begin() as connection:
                among = run.among if partly else None
                moment = foreseen(Catalogue(connection, self.tables, self.shop), before.segment, at, among)
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
