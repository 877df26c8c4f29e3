"""What comes back of mails: bounces, complaints and the like, each taken in once, with what follows from it.

Nothing is guessed: an event that names no mail of ours is kept, and does nothing until that mail is known.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules_sequences.clock import Instant
from segrules_sequences.outcome import insert_ignoring, suppress
from segrules_sequences.reaper import resolve
from segrules_sequences.setting import Setting, address_key, customer_key
from segrules_sequences.states import State, Why

#: So many events are looked up at a time.
_MANY = 500
#: A mail may become known so long after what was told of it: the word of its acceptance is written last.
_PATIENCE = timedelta(days=1)
_PLAIN = re.compile(r"[!-~]{1,255}")
_DETAIL = re.compile(r"[A-Za-z0-9 ._:-]{1,64}")
_LONGEST_ID = 191


class Kind(StrEnum):
    """What can be told of a mail."""

    #: The address is gone: no other mail will do better.
    HARD = "hard"
    #: It was not delivered for a reason that may pass: a full mailbox, a policy.
    SOFT = "soft"
    #: The customer said that it is spam.
    COMPLAINT = "complaint"
    #: The customer wants no more mails, and said so to the provider.
    UNSUBSCRIBE = "unsubscribe"
    DELIVERED = "delivered"
    OPEN = "open"
    CLICK = "click"


#: What follows from these, so they are always kept; the others are kept by those who want them.
RETURNED = (Kind.HARD, Kind.SOFT, Kind.COMPLAINT, Kind.UNSUBSCRIBE)


@frozen(kw_only=True)
class Event:
    """One thing that a provider tells of one mail, under an id that it has for that.

    The mail is named by its Message-ID, by the key of it that went along in ``X-Segrules-Key``, or by what the provider
    called it when it was handed over. ``at`` is None for now. ``detail`` is a status or a word; an address is dropped.
    """

    provider: str
    id: str
    kind: Kind
    message_id: str | None = None
    key: str | None = None
    provider_id: str | None = None
    at: datetime | None = None
    detail: str = ""

    @property
    def stored_id(self) -> str:
        """The id as the table takes it."""
        if len(self.id) <= _LONGEST_ID and _PLAIN.fullmatch(self.id):
            return self.id
        return hashlib.sha256(self.id.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """What the mail is called, the surest first; what cannot be a name is none."""
        named = (self.message_id, self.key, self.provider_id)
        return tuple(each for each in named if each and _PLAIN.fullmatch(each))


def take_in(
    setting: Setting, connection: sa.Connection, events: Iterable[Event], *, keep: Iterable[Kind] = RETURNED
) -> Counter[str]:
    """Take in what was told, each event once; how many were new, known already, about no mail of ours, or let be.

    An event of a mail in doubt says that it was accepted.
    """
    kept = {*keep, *RETURNED}
    done: Counter[str] = Counter()
    now = connection.scalar(sa.select(setting.clock.now()))
    assert now is not None
    new: list[_Known] = []
    for event, delivery in _with_deliveries(setting, connection, events):
        if delivery is not None and delivery.state == State.IN_DOUBT:
            resolve(setting, connection, delivery.id, State.SENT)
        if event.kind not in kept:
            done["let be"] += 1
            continue
        first = insert_ignoring(connection, setting.tables.events, _row(event, delivery, now))
        if delivery is None:
            done["of unknown mails"] += 1
        elif first:
            done["new"] += 1
            new.append(_Known(event.kind, delivery.customer_id, delivery.address_hash))
        else:
            done["known already"] += 1
    _follow(setting, connection, new)
    return +done


def take_up(setting: Setting, connection: sa.Connection) -> int:
    """Events that came before their mail was known to have been accepted take effect; how many."""
    t = setting.tables
    v, d = t.events, t.deliveries
    late = (
        sa.select(v.c.id.label("event_id"), v.c.kind, d.c.id, d.c.customer_id, d.c.address_hash)
        .select_from(v.join(d, d.c.provider_id == v.c.mail))
        .where(v.c.delivery_id.is_(None), v.c.mail.is_not(None))
        .where(v.c.received_at > setting.clock.now(-_PATIENCE))
        .limit(_MANY)
    )
    rows = connection.execute(late).all()
    often = Counter(row.event_id for row in rows)
    found: list[_Known] = []
    for row in rows:
        own = sa.update(v).where(v.c.id == row.event_id, v.c.delivery_id.is_(None))
        values = {"delivery_id": row.id, "customer_id": row.customer_id, "address_hash": row.address_hash, "mail": None}
        if often[row.event_id] == 1 and connection.execute(own.values(values)).rowcount == 1:
            found.append(_Known(Kind(row.kind), row.customer_id, row.address_hash))
    _follow(setting, connection, found)
    return len(found)


# --- whose mail it was ---


@frozen(eq=False)
class _Known:
    """An event of a mail of ours."""

    kind: Kind
    customer: Any
    address: str | None


def _with_deliveries(
    setting: Setting, connection: sa.Connection, events: Iterable[Event]
) -> Iterator[tuple[Event, Any]]:
    """Each event with the delivery that it is about, or None."""
    listed = list(events)
    for start in range(0, len(listed), _MANY):
        chunk = listed[start : start + _MANY]
        found = _deliveries(setting, connection, {name for event in chunk for name in event.names})
        for event in chunk:
            yield event, next((found[name] for name in event.names if found.get(name) is not None), None)


def _deliveries(setting: Setting, connection: sa.Connection, names: set[str]) -> dict[str, Any]:
    """The delivery of each of these names; None for a name that two have, such as a number that a server used again."""
    d = setting.tables.deliveries
    found: dict[str, Any] = {}
    for column in (d.c.message_id, d.c.idem_key, d.c.provider_id) if names else ():
        columns = (column.label("name"), d.c.id, d.c.customer_id, d.c.address_hash, d.c.state)
        for row in connection.execute(sa.select(*columns).where(column.in_(names))):
            found[row.name] = None if row.name in found and found[row.name].id != row.id else row
    return found


def _row(event: Event, delivery: Any, now: datetime) -> dict[str, Any]:
    known = {} if delivery is None else {
        "delivery_id": delivery.id, "customer_id": delivery.customer_id, "address_hash": delivery.address_hash,
    }  # fmt: skip
    # What the receipt called the mail is written last, so it is what an event may come before.
    mail = event.names[-1] if delivery is None and event.names else None
    return {
        "provider": event.provider, "provider_event_id": event.stored_id, "kind": event.kind.value,
        "detail": event.detail if _DETAIL.fullmatch(event.detail) else None, "mail": mail, **known,
        "at": now if event.at is None else min(event.at, now), "received_at": now,
    }  # fmt: skip


# --- what follows ---


def _follow(setting: Setting, connection: sa.Connection, events: list[_Known]) -> None:
    """Deliveries and runs are written before anything waits for an address, as everywhere."""
    for each in events:
        if each.kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE) and each.customer is not None:
            why = Why.COMPLAINED if each.kind is Kind.COMPLAINT else Why.UNSUBSCRIBED
            setting.runs.stop(connection, why, customer=each.customer)
            suppress(setting, connection, customer_key(each.customer), "", why, "provider")
    for each in events:
        if each.kind is Kind.HARD and each.address is not None:
            suppress(setting, connection, address_key(each.address), "", Why.REFUSED, "provider")
    soft = [each for each in events if each.kind is Kind.SOFT and each.address is not None]
    # Two mails of one customer that come back at once see each other.
    e = setting.tables.enrolments
    own = sa.select(e.c.id).where(e.c.customer_id.in_([each.customer for each in soft])).order_by(e.c.id)
    connection.execute(own.with_for_update()).all()
    for address in sorted({each.address for each in soft if each.address is not None}):
        _softly(setting, connection, address)


def _softly(setting: Setting, connection: sa.Connection, address: str) -> None:
    """An address from which too many mails have come back rests."""
    v, limits = setting.tables.events, setting.soft_bounces
    bounced = sa.select(sa.func.count(sa.distinct(v.c.delivery_id)), sa.func.max(v.c.at, type_=Instant())).where(
        v.c.address_hash == address, v.c.kind == Kind.SOFT.value, v.c.at > setting.clock.now(-limits.within)
    )
    count, last = connection.execute(bounced).one()
    if count >= limits.count:
        suppress(setting, connection, address_key(address), "", Why.BOUNCED, "provider", until=last + limits.rest)
