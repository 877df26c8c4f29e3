"""The sequences of a shop: everything that a shop, a job or a command does with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Listed
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
import pluggy
import sqlalchemy as sa
from attrs import frozen
from segrules.segments import SegmentStore
from segrules.sql import prepare

from segrules_sequences import cleaning, conversions, events, files, hookspecs
from segrules_sequences.audience import Audience, ShopAudience
from segrules_sequences.catalogue import Catalogue
from segrules_sequences.clock import Clock, DatabaseClock
from segrules_sequences.database import Link, retried, undisturbed, writing
from segrules_sequences.definitions import Sequence, Status
from segrules_sequences.errors import SequenceError, SettingsError
from segrules_sequences.events import Event
from segrules_sequences.files import Action, Change
from segrules_sequences.letters import previewed
from segrules_sequences.outcome import suppress
from segrules_sequences.ports import Composed, Composer, Sender
from segrules_sequences.reaper import resolve
from segrules_sequences.setting import Setting, SoftBounces, address_key, customer_key
from segrules_sequences.states import RunState, State, Why
from segrules_sequences.statistics import DayFigures, Figures, Standing, figures, of_day, standing
from segrules_sequences.tables import Tables
from segrules_sequences.worker import Worker

if TYPE_CHECKING:
    from segrules_sequences.simulation import Simulation

#: A key that is shorter can be guessed.
_SHORTEST_KEY = 16
Verdict = Literal["sent", "resend", "drop"]
_T = TypeVar("_T")


@frozen(kw_only=True)
class Item:
    """A delivery in a list of those that need a person: which mail, to whom, since when, and why."""

    id: int
    sequence: str
    step: str
    customer: Any
    state: str
    reason: str | None
    error: str | None
    attempts: int
    message_id: str | None
    at: datetime | None


class Sequences:
    """Timed mails to the customers of a store's segments, kept in tables beside the store's.

    ``composer`` writes the mails, ``senders`` makes who hands them over, by name. ``key`` is a secret of at least 16
    bytes under which addresses are hashed; it must stay the same. ``audience`` tells about customers, by default what
    the shop maps. ``soft_bounces`` says when an address to which mails cannot be delivered is left alone for a while.
    Everybody who enters or leaves at a refresh of the store is enrolled there and then, by the plugin that this package
    installs.
    """

    def __init__(
        self,
        store: SegmentStore,
        *,
        composer: Composer,
        senders: Mapping[str, Callable[[], Sender]],
        key: bytes,
        audience: Audience | None = None,
        clock: Clock | None = None,
        plugins: pluggy.PluginManager | None = None,
        soft_bounces: SoftBounces | None = None,
    ) -> None:
        if len(key) < _SHORTEST_KEY:
            raise SettingsError(
                f"the key has {len(key)} bytes, and needs {_SHORTEST_KEY} at least: make one with secrets.token_bytes"
            )
        self.store = store
        self._composer, self._senders, self._key = composer, dict(senders), key
        self._audience = audience if audience is not None else ShopAudience(store)
        self._clock = clock if clock is not None else DatabaseClock()
        self._plugins = plugins
        self._soft_bounces = soft_bounces if soft_bounces is not None else SoftBounces()

    # --- tables ---

    @cached_property
    def tables(self) -> Tables:
        """The tables of the sequences."""
        own = self.store.tables
        customer = own.members.c.customer_id.type
        return Tables.of(customer, prefix=own.prefix, schema=own.metadata.schema)

    @property
    def metadata(self) -> sa.MetaData:
        """The metadata of these tables, and of nothing else."""
        return self.tables.metadata

    def create_tables(self) -> None:
        """Every table exists; those that are there stay as they are."""
        self.metadata.create_all(self.setting.engine)

    def exists(self) -> bool:
        """Whether the tables are in the database."""
        sequences = self.tables.sequences
        return sa.inspect(self.store.engine).has_table(sequences.name, schema=sequences.schema)

    @cached_property
    def setting(self) -> Setting:
        """What workers work with."""
        prepare(self.store.engine)
        return Setting(
            engine=undisturbed(self.store.engine), tables=self.tables, clock=self._clock, audience=self._audience,
            composer=self._composer, senders=self._senders, key=self._key, zone=self.store.shop.zone,
            plugins=self._plugins if self._plugins is not None else hookspecs.installed(),
            soft_bounces=self._soft_bounces,
        )  # fmt: skip

    # --- definitions ---

    def save(self, sequence: Sequence) -> Sequence:
        """Store a sequence, new or changed; the sequence as it is stored now.

        One that was read and changed must still be at the version it was read at, else SequenceConflictError. What is
        sent next follows the new version, in runs that go on too. Raises SequenceError, SegmentError, TemplateError.
        """
        return self._write(lambda catalogue: catalogue.saved(sequence).sequence)

    def get(self, name: str) -> Sequence:
        """The sequence of a name; SequenceError when there is none."""
        with self._reading() as catalogue:
            return catalogue.named(name).sequence

    def list(self) -> Listed[Sequence]:
        """All sequences, by name."""
        with self._reading() as catalogue:
            return [each.sequence for each in catalogue.all()]

    def switch(self, name: str, status: Status) -> Sequence:
        """Activate, pause or switch off a sequence; switched off, its runs end."""
        return self.save(attrs.evolve(self.get(name), status=status))

    def delete(self, name: str) -> None:
        """Take a sequence out with its runs and figures."""
        self._write(lambda catalogue: catalogue.removed(name))

    def plan(self, folder: str | Path) -> Listed[Change]:
        """What would become of the stored sequences by the TOML files of a folder; nothing is stored."""
        return files.plan(files.load(Path(folder)), self.list())

    def load(self, folder: str | Path) -> Listed[Change]:
        """Save the sequences of a folder's TOML files, all or none; those that are in no file are left alone."""
        wanted = files.load(Path(folder))

        def save(catalogue: Catalogue) -> Listed[Change]:
            changes = files.plan(wanted, [each.sequence for each in catalogue.all()])
            for change in changes:
                if change.action in (Action.CREATE, Action.CHANGE):
                    catalogue.saved(change.sequence)
            return changes

        return self._write(save)

    # --- working ---

    def worker(self, **settings: Any) -> Worker:
        """A worker; see :class:`Worker` for its settings."""
        return Worker(self.setting, **settings)

    def reap(self) -> Counter[str]:
        """Bring back what dead workers left behind, ask senders about mails in doubt, let go what was held."""
        worker = self.worker()
        try:
            return worker.reap()
        finally:
            worker.close()

    def preview(self, name: str, step: int | str, customer: Any, *, variant: str | None = None) -> Composed:
        """The mail that a customer would get now, whatever limits say; nothing is stored, no coupon is kept.

        Of a step with variants the customer's own, or the one that is named.
        """
        with self.setting.engine.connect() as connection, writing(connection):
            kept = Catalogue(self.setting, self.store, connection).named(name)
            composed = previewed(self.setting, connection, kept, step, customer, variant)
            connection.rollback()
        return composed

    def simulate(self, *, days: int = 14, people: int = 100, members: bool = False, seed: int = 1) -> Simulation:
        """What the active sequences would send from now on, to invented people who enter and leave over these days.

        With ``members`` to the customers who belong into the segments now, as if all entered now. Nothing is stored.
        """
        from segrules_sequences import simulation

        definitions = [each for each in self.list() if each.status is Status.ACTIVE]
        with self.setting.engine.connect() as connection:
            start = connection.scalar(sa.select(self._clock.now()))
            assert start is not None
            if members:
                cast = simulation.members(self.setting, self.store, connection, definitions, start)
            else:
                cast = simulation.population(people, start, days, seed=seed)
        zone = str(self.setting.zone)
        return simulation.simulate(definitions, cast, start=start, days=days, timezone=zone)

    # --- customers ---

    def converted(
        self, customer: Any, event: str = "order", *, event_id: str, at: datetime | None = None,
        value: Decimal | int | str | None = None,
    ) -> int:  # fmt: skip
        """A customer did what sequences may have as their goal; for how many runs it counts.

        ``event_id`` is yours, such as the number of the order: what is reported again under it counts once. ``at`` is
        when it happened, by default now; ``value`` is what it was worth, in the shop's currency.
        """
        report = partial(conversions.heard, event=event, event_id=event_id, at=at, value=value)
        whose = self.customer_id(customer)
        return self._write(lambda catalogue: report(self.setting, catalogue.connection, whose))

    def unsubscribe(self, customer: Any, topic: str | None = None, *, source: str = "link") -> None:
        """The customer gets no mail of a topic, or none at all, from now on; runs stop at once. Idempotent."""
        sequences = self.tables.sequences
        of_topic = sa.select(sequences.c.id)
        if topic:
            of_topic = of_topic.where(sequences.c.topic == topic)

        def stop(catalogue: Catalogue) -> None:
            connection = catalogue.connection
            suppress(self.setting, connection, customer_key(customer), topic or "", Why.UNSUBSCRIBED, source)
            ids = connection.scalars(of_topic).all()
            self.setting.runs.stop(connection, Why.UNSUBSCRIBED, ids, customer=self.customer_id(customer))

        self._write(stop)

    def resubscribe(self, customer: Any, topic: str | None = None) -> None:
        """The customer may be mailed again; what was stopped stays stopped."""
        suppressions = self.tables.suppressions
        own = sa.and_(suppressions.c.key == customer_key(customer), suppressions.c.topic == (topic or ""))
        self._write(lambda catalogue: catalogue.connection.execute(sa.delete(suppressions).where(own)))

    def readmit(self, address: str) -> bool:
        """An address that was given up because mails came back may be mailed again; whether there was anything."""
        suppressions, key = self.tables.suppressions, address_key(self.setting.address_hash(address))
        given_up = sa.delete(suppressions).where(suppressions.c.key == key)
        return self._write(lambda catalogue: catalogue.connection.execute(given_up).rowcount > 0)

    def forget(self, customer: Any) -> int:
        """Erase whose runs and mails these were, and stop what still runs; the figures stay. How many runs."""
        return self._write(lambda catalogue: cleaning.forget(self.setting, catalogue.connection, customer))

    def take_in(self, told: Iterable[Event], *, keep: Iterable[events.Kind] = events.RETURNED) -> Counter[str]:
        """Take in what a provider tells of mails, all or none, each event once; how many were new and so on.

        ``keep`` are further kinds of events to keep in the table.
        """
        listed, kinds = list(told), set(keep)
        return self._write(lambda catalogue: events.take_in(self.setting, catalogue.connection, listed, keep=kinds))

    def customer_id(self, customer: Any) -> Any:
        """A customer's id as the shop keeps it; links and commands bring it as text."""
        if isinstance(customer, str) and isinstance(self.tables.enrolments.c.customer_id.type, sa.Integer):
            return int(customer) if customer.isascii() and customer.isdigit() else -1
        return customer

    # --- what needs a person ---

    def dead(self, *, limit: int = 100) -> Listed[Item]:
        """Mails that were given up, the latest first."""
        return self._items(State.FAILED, limit)

    def doubtful(self, *, limit: int = 100) -> Listed[Item]:
        """Mails of which nobody knows whether they were accepted, the latest first."""
        return self._items(State.IN_DOUBT, limit)

    def requeue(self, ids: Iterable[int] | None = None) -> int:
        """Put dead letters back (all by default), with all their tries and time; how many.

        One whose customer has begun another run of the sequence since stays dead.
        """
        d = self.tables.deliveries
        dead = (
            sa.select(d.c.id, d.c.enrolment_id, d.c.sequence_id, d.c.customer_id)
            .where(d.c.state == State.FAILED, d.c.customer_id.is_not(None))
            .order_by(d.c.id)
            .with_for_update()
        )
        if ids is not None:
            dead = dead.where(d.c.id.in_(list(ids)))

        def put_back(catalogue: Catalogue) -> int:
            rows = catalogue.connection.execute(dead).all()
            return sum(self._requeued(catalogue.connection, row) for row in rows)

        return self._write(put_back)

    def settle(self, verdict: Verdict, ids: Iterable[int] | None = None) -> int:
        """Say what became of mails in doubt (all by default): they were sent, or send again, or drop them."""
        states: dict[Verdict, State] = {"sent": State.SENT, "resend": State.PLANNED, "drop": State.SKIPPED}
        if verdict not in states:
            raise SequenceError(f"{verdict!r} is no verdict; there are {', '.join(states)}")
        d = self.tables.deliveries
        doubtful = sa.select(d.c.id).where(d.c.state == State.IN_DOUBT).order_by(d.c.id)
        if ids is not None:
            doubtful = doubtful.where(d.c.id.in_(list(ids)))

        def said(catalogue: Catalogue) -> int:
            found = catalogue.connection.scalars(doubtful).all()
            return sum(resolve(self.setting, catalogue.connection, each, states[verdict]) for each in found)

        return self._write(said)

    # --- figures ---

    def statistics(self, *, segment: str | None = None, sequence: str | None = None) -> Listed[Figures]:
        """Runs and mails in numbers: of all sequences, those of one segment, or one."""
        with self._reading() as catalogue:
            if sequence is not None:
                catalogue.named(sequence)
            kept = catalogue.all()
            return figures(self.setting, catalogue.connection, kept, segment=segment, sequence=sequence)

    def report(self, day: date) -> Listed[DayFigures]:
        """What happened on a day of the shop's calendar, by sequence."""
        with self._reading() as catalogue:
            return of_day(self.setting, catalogue.connection, catalogue.all(), day)

    def standing(self) -> Standing:
        """How the work stands now."""
        with self._reading() as catalogue:
            return standing(self.setting, catalogue.connection)

    def clean(self, *, mails: timedelta = timedelta(days=30), runs: timedelta = timedelta(days=400)) -> Counter[str]:
        """Empty old mails, take out old runs, and forget customers whom the shop has deleted; how many of each."""
        link = Link(self.setting.engine)
        done: Counter[str] = Counter()
        try:
            with self._reading() as catalogue:
                kept = catalogue.all()
                customers = self.store.shop.mapping.entity("")
                gone = cleaning.customers_gone(self.setting, catalogue.connection, customers.key, customers.source)
            for customer in gone:
                self.forget(customer)
            done["customers forgotten"] = len(gone)
            done["mails emptied"] = cleaning.empty_mails(self.setting, link, mails)
            done["runs removed"] = cleaning.remove_runs(self.setting, link, kept, runs)
            done["events removed"] = cleaning.remove_events(self.setting, link, runs)
        finally:
            link.close()
        return done

    # --- inside ---

    @contextmanager
    def _reading(self) -> Iterator[Catalogue]:
        with self.setting.engine.connect() as connection:
            yield Catalogue(self.setting, self.store, connection)

    def _write(self, work: Callable[[Catalogue], _T]) -> _T:
        """Do something in one transaction, again where others got in the way."""

        def done() -> _T:
            with self.setting.engine.connect() as connection, writing(connection):
                return work(Catalogue(self.setting, self.store, connection))

        return retried(done)

    def _items(self, state: State, limit: int) -> Listed[Item]:
        d, s = self.tables.deliveries, self.tables.sequences
        statement = (
            sa.select(d, s.c.name)
            .select_from(d.join(s, s.c.id == d.c.sequence_id))
            .where(d.c.state == state)
            .order_by(d.c.id.desc())
            .limit(limit)
        )
        with self._reading() as catalogue:
            return [
                Item(
                    id=row.id, sequence=row.name, step=row.step, customer=row.customer_id, state=row.state,
                    reason=row.reason, error=row.error, attempts=row.attempts, message_id=row.message_id,
                    at=row.ended_at or row.begun_at,
                )
                for row in catalogue.connection.execute(statement)
            ]  # fmt: skip

    def _requeued(self, connection: sa.Connection, row: Any) -> bool:
        d, e = self.tables.deliveries, self.tables.enrolments
        other = e.alias("other")
        running = sa.select(other.c.id).where(
            other.c.sequence_id == row.sequence_id, other.c.running_id == row.customer_id,
            other.c.id != row.enrolment_id,
        )  # fmt: skip
        if connection.execute(running).first() is not None:
            return False
        connection.execute(
            sa.update(d)
            .where(d.c.id == row.id)
            .values(
                state=State.PLANNED, reason=None, error=None, attempts=0, due_at=self._clock.now(), ended_at=None,
                planned_at=self._clock.now(), token=d.c.token + 1,
            )
        )  # fmt: skip
        connection.execute(
            sa.update(e)
            .where(e.c.id == row.enrolment_id)
            .values(state=RunState.ACTIVE, reason=None, running_id=row.customer_id, ended_at=None)
        )
        return True
