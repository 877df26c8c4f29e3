"""A shop with customers, a store with a segment, and the two ends of the engine as tests need them.

``Recorder`` is a sender that writes the id of each accepted mail to a file before it says so, as the server of the
reliability tests does; ``Letters`` writes mails without a template engine.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import segrules as sr
import sqlalchemy as sa
from segrules.segments import Segment, SegmentStore

from segrules_sequences import Sequence, Sequences, Step
from segrules_sequences.clock import Clock
from segrules_sequences.errors import HeaderError, TemplateError
from segrules_sequences.hookspecs import registered
from segrules_sequences.ports import Composed, Letter, Lookup, Outgoing, Receipt, SenderCaps, Temporary

KEY = b"a key of the tests, kept by none"
ADDRESS = "Shop <shop@example.com>"


class Letters:
    """Writes mails as plain text; templates that begin with ``broken`` cannot be, ``header`` is unsafe."""

    def check(self, template: str, *, coupon: bool = True) -> None:
        if template == "missing":
            raise TemplateError("there is no template of this name", template)

    def compose(self, letter: Letter) -> Composed:
        if letter.template.startswith("broken"):
            raise TemplateError("this template is broken", letter.template)
        if letter.template == "header":
            raise HeaderError("the subject holds the characters =?")
        code = letter.extra.get("coupon_code", "")
        text = f"Message-ID: {letter.message_id}\r\n\r\n{letter.template} {letter.recipient.first_name} {code}\r\n"
        return Composed(letter.template, text.encode(), "1")


class Recorder:
    """A sender that keeps a record in a file, one line for each accepted mail; it can look a mail up there."""

    name = "recorder"
    caps = SenderCaps(lookup=True)

    def __init__(self, path: Path, reached: Callable[[str], None] = lambda place: None) -> None:
        self._path, self._reached = path, reached

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        self._reached("before_data")
        if time.monotonic() > deadline:
            raise Temporary("too late to begin")
        with open(self._path, "ab", buffering=0) as record:
            record.write(f"{mail.message_id} {mail.recipient}\n".encode())
            os.fsync(record.fileno())
        self._reached("after_dot")
        return Receipt("r")

    def lookup(self, message_id: str) -> Lookup:
        return Lookup.ACCEPTED if message_id in accepted(self._path) else Lookup.NOT_FOUND

    def close(self) -> None:
        pass


def accepted(path: Path) -> Counter[str]:
    """How often each message id was accepted."""
    if not path.exists():
        return Counter()
    return Counter(line.split(" ")[0] for line in path.read_text().splitlines())


class Memory:
    """A sender that keeps mails in a list, or answers with what it is told to."""

    name = "memory"
    caps = SenderCaps()

    def __init__(self) -> None:
        self.mails: list[Outgoing] = []
        self.answers: list[Exception | None] = []

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.mails.append(mail)
        return Receipt()

    def lookup(self, message_id: str) -> Lookup:
        return Lookup.UNKNOWN

    def close(self) -> None:
        pass

    def received(self) -> list[tuple[str, str]]:
        """Recipient and first word of each mail, in order."""
        return [(mail.recipient, mail.mime.decode().split("\r\n\r\n")[1].split(" ")[0]) for mail in self.mails]


@cache
def tables_of(engine: sa.Engine) -> list[sa.Table]:
    """The tables that tests fill, made once in each database; children before their parents."""
    shop = sr.Shop.default()
    shop.create_tables(engine)
    store = SegmentStore(engine, shop)
    store.create_tables()
    sequences = make_sequences(store)
    sequences.create_tables()
    own = [shop.tables[name] for name in ("newsletter_subscriptions", "customers", "stores", "websites")]
    return [*sequences.metadata.sorted_tables, *store.metadata.sorted_tables, *own]


def make_shop(engine: sa.Engine, customers: int = 0) -> SegmentStore:
    """A shop of so many subscribed customers called Ann, and a segment ``anns`` of everybody called so."""
    tables_of(engine)
    store = SegmentStore(engine, sr.Shop.default())
    store.save(Segment(name="anns", rule='customer.first_name is "Ann"'))
    add_customers(store, range(1, customers + 1))
    return store


def add_customers(store: SegmentStore, ids: Iterable[int], *, name: str = "Ann", subscribed: bool = True) -> None:
    tables = store.shop.tables  # type: ignore[attr-defined]
    ids = list(ids)
    people = [
        {"id": each, "first_name": name, "email": f"c{each}@example.org", "created_at": datetime(2020, 1, 1),
         "is_active": True}
        for each in ids
    ]  # fmt: skip
    consents = [{"customer_id": each, "status": "subscribed", "changed_at": datetime(2020, 1, 1)} for each in ids]
    with store.engine.begin() as connection:
        for start in range(0, len(people), 500):
            connection.execute(tables["customers"].insert(), people[start : start + 500])
            if subscribed:
                connection.execute(tables["newsletter_subscriptions"].insert(), consents[start : start + 500])


def rename(store: SegmentStore, customer: int, name: str) -> None:
    """Let a customer into the segment, or out of it."""
    customers = store.shop.tables["customers"]  # type: ignore[attr-defined]
    with store.engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == customer).values(first_name=name))


def subscribe(store: SegmentStore, customer: int, status: str, at: datetime | None = None) -> None:
    table = store.shop.tables["newsletter_subscriptions"]  # type: ignore[attr-defined]
    with store.engine.begin() as connection:
        connection.execute(
            table.insert().values(customer_id=customer, status=status, changed_at=at or datetime.now(UTC))
        )


def make_sequences(
    store: SegmentStore,
    *,
    senders: dict[str, Any] | None = None,
    clock: Clock | None = None,
    plugins: Iterable[Any] = (),
    **more: Any,
) -> Sequences:
    memory = Memory()
    return Sequences(
        store,
        composer=more.pop("composer", Letters()),
        senders=senders if senders is not None else {"memory": lambda: memory},
        key=KEY,
        clock=clock,
        plugins=registered(plugins),
        **more,
    )


def sequence(*steps: str | Step, **more: Any) -> Sequence:
    """A sequence for the Anns: each step is ``delay: template``, or a step."""
    made = [each if isinstance(each, Step) else Step(**dict(zip(("delay", "template"), each.split(": "), strict=True)))
            for each in steps or ("0 minutes: hello",)]  # fmt: skip
    return Sequence(**{"name": "s", "segment": "anns", "address": ADDRESS, "sender": "memory", **more, "steps": made})


def states(sequences: Sequences) -> Counter[str]:
    """How many deliveries are in each state; those that ended without being sent with their reason."""
    d = sequences.tables.deliveries
    with sequences.setting.engine.connect() as connection:
        rows = connection.execute(sa.select(d.c.state, d.c.reason)).all()
    return Counter(f"{state}: {why}" if state in ("skipped", "failed") else state for state, why in rows)


def runs(sequences: Sequences) -> Counter[str]:
    e = sequences.tables.enrolments
    with sequences.setting.engine.connect() as connection:
        rows = connection.execute(sa.select(e.c.state, e.c.reason)).all()
    return Counter(f"{state}: {why}" if state == "stopped" else state for state, why in rows)


def database_now(sequences: Sequences) -> datetime:
    with sequences.setting.engine.connect() as connection:
        now = connection.scalar(sa.select(sequences.setting.clock.now()))
    assert now is not None
    return now


def expire(sequences: Sequences) -> None:
    """Every lease has run out, and everything planned is due."""
    d = sequences.tables.deliveries
    past = database_now(sequences) - timedelta(minutes=5)
    with sequences.setting.engine.begin() as connection:
        connection.execute(sa.update(d).where(d.c.lease_until.is_not(None)).values(lease_until=past))
        connection.execute(sa.update(d).where(d.c.state.in_(["planned", "in_doubt"])).values(due_at=past))


class World:
    """A store with sequences under a clock that tests set; one worker and a sender that keeps mails in a list."""

    def __init__(self, store: SegmentStore, at: datetime, **more: Any) -> None:
        from segrules_sequences.clock import SetClock

        self.store, self.clock, self.memory = store, SetClock(at), Memory()
        self.sequences = make_sequences(store, clock=self.clock, senders={"memory": lambda: self.memory}, **more)
        self.worker = self.sequences.worker()

    def refresh(self, segment: str = "anns") -> None:
        self.store.refresh(segment, at=self.clock.at)

    def pass_by(self, **length: float) -> World:
        """So much time goes by at once, as when no worker is running; then all that is due is worked off."""
        self.clock.at += timedelta(**length)
        return self.work()

    def live(self, hours: int, step: int = 1) -> World:
        """Time goes by hour by hour with a worker at work."""
        for _ in range(0, hours, step):
            self.pass_by(hours=step)
        return self

    def work(self) -> World:
        self.worker.reap()
        while self.worker.run_once()["claimed"]:
            pass
        return self

    def took(self) -> list[tuple[str, str]]:
        """What was sent since the last time."""
        found = self.memory.received()
        self.memory.mails.clear()
        return found

    def close(self) -> None:
        self.worker.close()
