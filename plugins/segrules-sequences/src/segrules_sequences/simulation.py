"""A dry run: sequences under a clock of their own, with people who enter and leave, and nothing that is sent.

The engine itself runs, on a database in memory, from one moment at which something is due to the next. So what it shows
is what would happen, and what it proves holds for the engine: nobody gets a mail twice, none goes out in quiet hours.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Sequence as Listed
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import attrs
import sqlalchemy as sa
from attrs import define, field, frozen
from segrules.hookspecs import MembersChanged, Reason, hookimpl
from segrules.segments import Segment, SegmentStore
from segrules.shop import Shop
from sqlalchemy.pool import StaticPool

from segrules_sequences.clock import Instant, SetClock
from segrules_sequences.definitions import Mode, Sequence, Status
from segrules_sequences.errors import SequenceError
from segrules_sequences.hookspecs import registered
from segrules_sequences.ports import Composed, Letter, Lookup, Outgoing, Receipt, Recipient, SenderCaps
from segrules_sequences.sequences import Sequences
from segrules_sequences.setting import Setting
from segrules_sequences.states import State
from segrules_sequences.timing import opening

MOST_PEOPLE, MOST_DAYS = 10_000, 800
_CAPS = SenderCaps()
_ZONES = ("Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", None)


@frozen(kw_only=True)
class Person:
    """Somebody who enters the segments, perhaps leaves them, and perhaps subscribes only later or never."""

    id: int
    enters: datetime
    leaves: datetime | None = None
    zone: str | None = None
    subscribes: datetime | None = None


@frozen(kw_only=True)
class Mail:
    """A mail that would go out."""

    at: datetime
    sequence: str
    step: int
    template: str
    person: int
    variant: str | None = None

    @property
    def place(self) -> str:
        """Which mail of which sequence it is."""
        variant = f" ({self.variant})" if self.variant is not None else ""
        return f"{self.sequence} {self.step} {self.template}{variant}"


@frozen(kw_only=True)
class Simulation:
    """What would be sent and when, and why what was planned would not be."""

    mails: Listed[Mail]
    skipped: Mapping[str, int]
    people: int
    mailed: int

    def by_day(self) -> dict[str, int]:
        """Mails of each day, in UTC."""
        return dict(sorted(Counter(str(each.at.date()) for each in self.mails).items()))

    def by_step(self) -> dict[str, int]:
        """Mails of each step, and of each of its variants."""
        return dict(sorted(Counter(each.place for each in self.mails).items()))


def population(number: int, start: datetime, days: int, *, seed: int = 1) -> list[Person]:
    """So many invented people: half of them enter at once, the others over the days; some leave, some never consent."""
    chance = random.Random(seed)
    found = []
    for id_ in range(1, number + 1):
        enters = start + timedelta(minutes=0 if chance.random() < 0.5 else chance.randrange(days * 1440))
        leaves = enters + timedelta(minutes=chance.randrange(1, 20 * 1440)) if chance.random() < 0.3 else None
        consent = chance.random()
        subscribes = start if consent < 0.85 else enters + timedelta(days=2) if consent < 0.95 else None
        found.append(Person(id=id_, enters=enters, leaves=leaves, zone=chance.choice(_ZONES), subscribes=subscribes))
    return found


def members(
    setting: Setting, store: SegmentStore, connection: sa.Connection, definitions: Listed[Sequence], at: datetime
) -> list[Person]:
    """Who belongs into the segments of these sequences now, each with its zone and consent, entering at a moment.

    Raises SequenceError when there are more than a dry run takes.
    """
    ids: set[Any] = set()
    for segment in {each.segment for each in definitions}:
        ids |= {each.customer_id for each in islice(store.members(segment), MOST_PEOPLE + 1)}
    if len(ids) > MOST_PEOPLE:
        raise SequenceError(f"the segments have more than {MOST_PEOPLE} members, the most that a dry run takes")
    found = setting.audience.recipients(connection, ids)
    return [
        Person(id=number, enters=at, zone=_known(each.zone), subscribes=at if each.subscribed else None)
        for number, each in enumerate(found.values(), 1)
    ]


def _known(zone: str | None) -> str | None:
    """The zone, unless nobody knows it; the engine passes over such a name as well."""
    return zone if zone in available_timezones() else None


def simulate(
    definitions: Iterable[Sequence], people: Iterable[Person], *, start: datetime, days: int, timezone: str = "UTC"
) -> Simulation:
    """What these sequences would send to these people in so many days from ``start`` on.

    Raises SequenceError when there are too many people or days, and when somebody would be mailed twice or in quiet
    hours, which would be a fault of this package.
    """
    people = list(people)
    if not 1 <= days <= MOST_DAYS or len(people) > MOST_PEOPLE:
        raise SequenceError(f"a simulation takes 1 to {MOST_DAYS} days and up to {MOST_PEOPLE} people")
    if start.tzinfo is None:
        raise SequenceError("the start must have a time zone, like datetime.now(UTC)")
    stage = _Stage(list(definitions), people, start, timezone)
    try:
        stage.play(start + timedelta(days=days))
        return stage.told()
    finally:
        stage.close()


@define(eq=False)
class _Post:
    """Composer, sender and coupon plugin of a dry run: it keeps in mind what it is given."""

    clock: SetClock
    sent: list[tuple[datetime, Outgoing]] = field(factory=list)
    name: str = "simulation"
    caps: SenderCaps = _CAPS

    def check(self, template: str, *, coupon: bool = True) -> None:
        """Templates are not looked at."""

    def compose(self, letter: Letter) -> Composed:
        """The facts of a mail instead of the mail."""
        facts = {
            "sequence": letter.sequence, "step": letter.step, "template": letter.template, "variant": letter.variant,
        }  # fmt: skip
        return Composed("", json.dumps({**facts, "person": letter.recipient.id}).encode())

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """Kept with the moment."""
        self.sent.append((self.clock.at, mail))
        return Receipt()

    def lookup(self, message_id: str) -> Lookup:
        """Nobody asks."""
        return Lookup.UNKNOWN

    def close(self) -> None:
        """There is nothing to close."""

    @hookimpl
    def segrules_step_context(self, step: Any) -> Mapping[str, Any]:
        """Every coupon can be had."""
        return {} if step.coupon is None else {"coupon_code": "SIMULATED"}


@frozen(eq=False)
class _People:
    """The audience of a dry run."""

    clock: SetClock
    people: Mapping[int, Person]
    knows_consent: bool = True

    def recipients(self, connection: sa.Connection, customers: Collection[Any]) -> dict[Any, Recipient]:
        """The people, with an address each."""
        return {each: self._recipient(self.people[each]) for each in customers}

    def _recipient(self, person: Person) -> Recipient:
        subscribed = person.subscribes is not None and person.subscribes <= self.clock.at
        address = f"person-{person.id}@simulation.invalid"
        return Recipient(person.id, address, zone=person.zone, subscribed=subscribed)

    def members(self, connection: sa.Connection, segment: str, customers: Collection[Any], at: datetime) -> set[Any]:
        """Who has entered and not left."""
        return {each for each in customers if self.belongs(self.people[each], at)}

    def belongs(self, person: Person, at: datetime) -> bool:
        """Whether somebody is in the segments at a moment."""
        return person.enters <= at and (person.leaves is None or person.leaves > at)


class _Stage:
    """One dry run: the engine on a database in memory, and the clock that drives it."""

    def __init__(self, definitions: Listed[Sequence], people: Listed[Person], start: datetime, timezone: str) -> None:
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self.clock = SetClock(start)
        self.people = {each.id: each for each in people}
        self.audience, self.post = _People(self.clock, self.people), _Post(self.clock)
        self.store = SegmentStore(self.engine, Shop.default(timezone=timezone), prefix="simulated_")
        self.store.create_tables()
        senders = {each.sender: lambda: self.post for each in definitions}
        self.sequences = Sequences(
            self.store, composer=self.post, senders=senders, key=bytes(16), audience=self.audience, clock=self.clock,
            plugins=registered([self.post]),
        )  # fmt: skip
        self.sequences.create_tables()
        self.moved = sa.Table(
            "moved", sa.MetaData(), sa.Column("customer_id", sa.BigInteger), sa.Column("enters", sa.Boolean),
            sa.Column("at", Instant, quote=True), sa.Index("ix_moved", "at"),
        )  # fmt: skip
        self.moved.create(self.engine)
        moves = [(each.id, True, each.enters) for each in people]
        moves += [(each.id, False, each.leaves) for each in people if each.leaves is not None]
        self.moments = sorted({at for *_, at in moves})
        with self.engine.begin() as connection:
            for id_, enters, at in moves:
                connection.execute(self.moved.insert().values(customer_id=id_, enters=enters, at=at))
        for segment in {each.segment for each in definitions}:
            self.store.save(Segment(name=segment, rule="true"))
        for each in definitions:
            active = attrs.evolve(each, version=0, status=Status.ACTIVE, delivery=Mode.AT_MOST_ONCE, goal=None)
            self.sequences.save(active)
        self._settle_chance()

    def _settle_chance(self) -> None:
        """Who is held out and who gets which variant hangs on a secret of each sequence; here it is its name."""
        sequences = self.sequences.tables.sequences
        with self.engine.begin() as connection:
            for name in connection.scalars(sa.select(sequences.c.name)).all():
                uid = hashlib.sha256(name.encode()).hexdigest()[:32]
                connection.execute(sa.update(sequences).where(sequences.c.name == name).values(uid=uid))

    def play(self, end: datetime) -> None:
        """From moment to moment until the end."""
        worker = self.sequences.worker(batch=500)
        segments = [each.name for each in self.store.list()]
        deliveries = self.sequences.tables.deliveries
        due = sa.select(sa.func.min(deliveries.c.due_at, type_=Instant())).where(deliveries.c.state == State.PLANNED)
        moments = iter([*self.moments, end])
        move = next(moments)
        while True:
            with self.engine.connect() as connection:
                planned = connection.scalar(due)
            self.clock.at = max(self.clock.at, min(each for each in (planned, move) if each is not None))
            if self.clock.at >= end:
                worker.close()
                return
            if self.clock.at >= move:
                self._move(segments, move)
                move = next(moments)
            while worker.run_once()["claimed"]:
                pass

    def _move(self, segments: Listed[str], at: datetime) -> None:
        """Who enters and who leaves at a moment, in all segments."""
        ids = sa.select(self.moved.c.customer_id).where(self.moved.c.at == at)
        entered, left = ids.where(self.moved.c.enters), ids.where(~self.moved.c.enters)
        with self.engine.begin() as connection:
            counts = [len(connection.scalars(each).all()) for each in (entered, left)]
            for segment in segments:
                change = MembersChanged(segment, Reason.REFRESH, at, entered, left, counts[0], counts[1])
                self.sequences.setting.runs.changed(connection, change)

    def told(self) -> Simulation:
        """What came of it."""
        again = [key for key, count in Counter(mail.idem_key for _, mail in self.post.sent).items() if count > 1]
        if again:
            raise SequenceError(f"{len(again)} mails would go out twice: this is a fault of segrules-sequences")
        mails = [Mail(at=at, **json.loads(mail.mime)) for at, mail in self.post.sent]
        for mail in mails:
            self._check_window(mail)
        skipped: Counter[str] = Counter()
        for figures in self.sequences.statistics():
            for step in figures.steps:
                skipped.update(step.reasons)
        return Simulation(
            mails=mails, skipped=dict(skipped), people=len(self.people), mailed=len({each.person for each in mails})
        )

    def _check_window(self, mail: Mail) -> None:
        sequence = self.sequences.get(mail.sequence)
        name = self.people[mail.person].zone or sequence.zone
        zone = self.sequences.setting.zone if name is None else ZoneInfo(name)
        if sequence.window is not None and opening(mail.at, sequence.window, zone) != mail.at:
            raise SequenceError(f"a mail would go out in quiet hours at {mail.at}: a fault of segrules-sequences")

    def close(self) -> None:
        """The database in memory is gone."""
        self.engine.dispose()
