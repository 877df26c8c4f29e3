"""Reading the stored members: one look-up, pages, streams, history, overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules.hookspecs import Reason
from segrules.segments.catalogue import Catalogue, aware

#: So many rows are fetched from the database at a time.
BATCH = 5_000


@frozen(kw_only=True)
class Member:
    """A customer in a segment: since which judged moment, and of which website."""

    customer_id: Any
    website: str | None
    since: datetime


@frozen(kw_only=True)
class Point:
    """One change of a segment's size: the moment judged, how many were members then, who came and went, and why."""

    at: datetime
    members: int
    entered: int
    left: int
    seconds: float
    reason: Reason


def contains(catalogue: Catalogue, name: str, customer: Any) -> bool:
    """Whether a customer is a stored member."""
    segments, members = catalogue.tables.segments, catalogue.tables.members
    there = sa.exists().where(members.c.segment_id == segments.c.id, members.c.customer_id == customer)
    found = catalogue.connection.scalars(sa.select(sa.case((there, 1), else_=0)).where(segments.c.name == name)).all()
    if not found:
        raise catalogue.unknown(name)
    return bool(found[0])


def segments_of(catalogue: Catalogue, customer: Any) -> list[str]:
    """The segments of a customer, the highest priority first, ties by name."""
    segments, members = catalogue.tables.segments, catalogue.tables.members
    statement = (
        sa.select(segments.c.name, segments.c.priority)
        .select_from(members.join(segments, segments.c.id == members.c.segment_id))
        .where(members.c.customer_id == customer)
    )
    rows = sorted(catalogue.connection.execute(statement), key=lambda row: (-row.priority, row.name))
    return [row.name for row in rows]


def selected(catalogue: Catalogue, name: str, websites: Sequence[str] = ()) -> sa.Select[Any]:
    """The members' rows: ``customer_id``, ``website`` and ``since``, by id."""
    members = catalogue.tables.members
    segment_id = catalogue.ids([name])[name]
    statement = sa.select(members.c.customer_id, members.c.website, members.c.since).where(
        members.c.segment_id == segment_id
    )
    if websites:
        statement = statement.where(members.c.website.in_(websites))
    return statement.order_by(members.c.customer_id)


def streamed(catalogue: Catalogue, name: str, websites: Sequence[str] = ()) -> Iterator[Member]:
    """Every member as of one moment, fetched in batches."""
    yield from map(_member, lazily(catalogue.connection, selected(catalogue, name, websites)))


def lazily(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """The rows of a statement, in batches that the database hands over one by one where it can."""
    yield from connection.execution_options(yield_per=BATCH).execute(statement)


def page(catalogue: Catalogue, name: str, after: Any, limit: int, websites: Sequence[str] = ()) -> list[Member]:
    """The next members behind a customer id; each page costs the same, however far."""
    statement = selected(catalogue, name, websites)
    if after is not None:
        statement = statement.where(catalogue.tables.members.c.customer_id > after)
    return [_member(row) for row in catalogue.connection.execute(statement.limit(limit))]


def size(catalogue: Catalogue, name: str, websites: Sequence[str] = ()) -> int:
    """How many stored members there are."""
    if not websites:
        return catalogue.named(name).state.members
    counted = sa.select(sa.func.count()).select_from(selected(catalogue, name, websites).order_by(None).subquery())
    return int(catalogue.connection.scalar(counted) or 0)


def history(catalogue: Catalogue, name: str, limit: int | None) -> list[Point]:
    """The changes of a segment's size, the oldest first; of many the latest."""
    refreshes = catalogue.tables.refreshes
    segment_id = catalogue.ids([name])[name]
    statement = sa.select(refreshes).where(refreshes.c.segment_id == segment_id).order_by(refreshes.c.number.desc())
    found = []
    for row in catalogue.connection.execute(statement if limit is None else statement.limit(limit)):
        at = aware(row._mapping["at"])
        assert at is not None
        found.append(
            Point(
                at=at,
                members=row.members,
                entered=row.entered,
                left=row._mapping["left"],
                seconds=row.milliseconds / 1000,
                reason=Reason(row.reason),
            )
        )
    return found[::-1]


def overlap(catalogue: Catalogue, names: Iterable[str]) -> dict[tuple[str, str], int]:
    """How many customers each two segments share; with itself a segment shares all its members."""
    ids = catalogue.ids(names)
    members = catalogue.tables.members
    one, other = members.alias("one"), members.alias("other")
    statement = (
        sa.select(one.c.segment_id, other.c.segment_id.label("other_id"), sa.func.count().label("shared"))
        .select_from(one.join(other, one.c.customer_id == other.c.customer_id))
        .where(one.c.segment_id.in_(ids.values()), other.c.segment_id.in_(ids.values()))
        .where(one.c.segment_id <= other.c.segment_id)
        .group_by(one.c.segment_id, other.c.segment_id)
    )
    names_of = {segment_id: name for name, segment_id in ids.items()}
    found = dict.fromkeys(((left, right) for left in ids for right in ids), 0)
    for row in catalogue.connection.execute(statement):
        left, right = names_of[row.segment_id], names_of[row.other_id]
        found[left, right] = found[right, left] = int(row.shared)
    return found


def _member(row: sa.Row[Any]) -> Member:
    since = aware(row.since)
    assert since is not None
    return Member(customer_id=row.customer_id, website=row.website, since=since)
