"""What lies in the tables of a mapping file: how many rows, which times, and codes that nothing stands for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from segrules.algebra import Kind
from segrules.condition import Choice
from segrules.shop.declarations import FieldDeclaration, RelationDeclaration, ShopDeclaration
from segrules.shop.examining import Finding, Level
from segrules.shop.mapping import Entity, Mapping, Stored
from segrules.shop.storage import UNITS, KeptMoment

#: So far ahead a moment may lie: clocks differ, and some orders are for tomorrow.
_AHEAD = timedelta(days=1)
#: Local time is ahead of UTC by so much at most.
_FURTHEST_ZONE = timedelta(hours=14)
_SHOWN = 5


@frozen
class Rows:
    """How many rows a relation has, and how many of them belong to nothing."""

    path: str
    table: str
    count: int
    lost: int


def counted(declaration: ShopDeclaration, mapping: Mapping, connection: sa.Connection) -> Iterator[Rows]:
    """The rows of each relation, as its filters leave them."""
    for path, declared in declaration.relations.items():
        entity = mapping.entity(path)
        count = connection.scalar(sa.select(sa.func.count()).select_from(entity.source)) or 0
        lost: int | None = 0
        if path:
            lost = connection.scalar(sa.select(sa.func.count()).select_from(entity.source).where(_lost(path, mapping)))
        yield Rows(path, declared.full_name if declared.query is None else "a query", count, lost or 0)


def _lost(path: str, mapping: Mapping) -> sa.ColumnElement[bool]:
    """That a row belongs to nothing that is there."""
    entity, parent = mapping.entity(path), mapping.entity(path.rpartition(".")[0])
    assert entity.parent_column is not None
    above = parent.source.alias("above")
    key = parent.key if entity.parent_key is None else entity.parent_key
    found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(above)
    found = found.where(above.c[str(key.key)] == entity.parent_column)
    return ~found.correlate_except(above).exists()


def odd_contents(
    declaration: ShopDeclaration, mapping: Mapping, connection: sa.Connection, now: datetime
) -> Iterator[Finding]:
    """What in the tables looks as if the file meant something else; ``now`` is naive UTC."""
    for path, declared in declaration.relations.items():
        entity = mapping.entity(path)
        for name, field in declared.fields.items():
            place, stored = f"{declared.label}.fields.{name}", entity.fields[name]
            if stored.via is not None:
                continue
            if field.kind is Kind.MOMENT:
                try:
                    yield from _odd_times(place, field, stored, entity, connection, now)
                except sa.exc.DBAPIError as cause:
                    connection.rollback()
                    said = " ".join(str(cause.orig).split())
                    yield Finding(Level.ERROR, place, f'some of it cannot be read as kept = "{field.kept}": {said}')
            elif field.kind is Kind.CHOICE:
                yield from _odd_choices(place, declared, field, stored, entity, connection, declaration)


def _odd_times(
    place: str, field: FieldDeclaration, stored: Stored, entity: Entity, connection: sa.Connection, now: datetime
) -> Iterator[Finding]:
    moment = stored.column
    assert isinstance(moment, KeptMoment)
    if field.kept in UNITS:
        yield from _odd_epoch(place, field, moment, entity, connection, now)
        return
    latest = connection.scalar(sa.select(sa.func.max(moment)).select_from(entity.source))
    if latest is None or latest <= now + timedelta(minutes=5):
        return
    count = connection.scalar(sa.select(sa.func.count()).select_from(entity.source).where(moment > now))
    said = f"{_many(count, 'moment')} in the future, the last is {latest:%Y-%m-%d %H:%M} UTC"
    if field.kept == "utc" and latest <= now + _FURTHEST_ZONE:
        yield Finding(Level.WARNING, place, f'{said}: is it local time? Then write kept = "local"')
    elif latest > now + _AHEAD:
        yield Finding(Level.WARNING, place, said)


def _odd_epoch(
    place: str, field: FieldDeclaration, moment: KeptMoment, entity: Entity, connection: sa.Connection, now: datetime
) -> Iterator[Finding]:
    """The numbers themselves are looked at: what is no moment cannot be read as one."""
    low, high = connection.execute(
        sa.select(sa.func.min(moment.raw), sa.func.max(moment.raw)).select_from(entity.source)
    ).one()
    if high is None:
        return
    present = (now - datetime(1970, 1, 1)) // timedelta(seconds=1)
    for kept, units in UNITS.items():
        if kept != field.kept and 0.2 < abs(high) / (present * units) < 1.5:
            said = f'its largest number is {high}: this looks like kept = "{kept}", not "{field.kept}"'
            yield Finding(Level.ERROR, place, said)
            return
    if high > (present + _AHEAD // timedelta(seconds=1)) * UNITS[field.kept]:
        yield Finding(Level.WARNING, place, f"has moments in the future, up to {high}")
    if low == 0:
        said = f'holds 0, which is 1970: where it means "never", write sql = "NULLIF({_name(moment)}, 0)"'
        yield Finding(Level.WARNING, place, said)


def _odd_choices(
    place: str,
    declared: RelationDeclaration,
    field: FieldDeclaration,
    stored: Stored,
    entity: Entity,
    connection: sa.Connection,
    declaration: ShopDeclaration,
) -> Iterator[Finding]:
    if field.codes is not None:
        known: tuple[Any, ...] = stored.kept
        said, way_out = "for which no code stands", "add them to codes"
    else:
        known = tuple(_choices(declared, field, declaration))
        said, way_out = "which is no choice", "write codes = … or choices = […]"
    if not known:
        return
    column = stored.column
    query = sa.select(column, sa.func.count()).select_from(entity.source).where(column.is_not(None))
    found = [row for row in connection.execute(query.group_by(column)) if row[0] not in known]
    if found:
        shown = ", ".join(f"{row[0]!r} in {_many(row[1], 'row')}" for row in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Finding(Level.WARNING, place, f"holds {shown}{more}, {said}; {way_out}")


def _choices(declared: RelationDeclaration, field: FieldDeclaration, declaration: ShopDeclaration) -> Iterator[str]:
    """The choices that rules know for a field."""
    for relation in declaration.vocabulary:
        path = relation.rows.path if relation.rows else "" if relation.word == "customer" else relation.word
        for name, type_ in relation.fields.items():
            if path == declared.path and isinstance(type_, Choice) and (type_.column or name) == field.name:
                yield from type_.values or ()


def _name(moment: KeptMoment) -> str:
    return str(getattr(moment.raw, "name", "…"))


def _many(count: int | None, word: str) -> str:
    return f"{count or 0:,} {word}{'' if count == 1 else 's'}"
