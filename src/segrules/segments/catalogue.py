"""The segments as they are defined: read, saved, renamed, and what uses what."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import frozen

from segrules.errors import EvaluationError, ParameterError, SegmentConflictError, SegmentError
from segrules.hookspecs import Reason
from segrules.rule import Rule, parse
from segrules.segments import dependencies
from segrules.segments.segment import Segment, State, Status
from segrules.segments.tables import Tables
from segrules.shop import Shop
from segrules.shop.websites import require

#: How often a new segment is given an id before we give up.
_ATTEMPTS = 50


@frozen(eq=False)
class Stored:
    """A segment as it lies in the database: with its id, and how its members stand."""

    id: int
    segment: Segment
    state: State
    #: The number of the last change of its members.
    number: int
    #: The meaning that the definition has, and the one that the members follow.
    meant: int
    followed: int | None

    def is_as(self, other: Stored) -> bool:
        """Whether this means what the other means, and its members were not changed in between."""
        return (self.meant, self.number) == (other.meant, other.number)

    def is_current(self, since: datetime) -> bool:
        """Whether the members follow the definition, as of this moment or a later one."""
        state = self.state
        return state.status is Status.COMPLETED and state.at is not None and state.at >= since


def aware(moment: datetime | None) -> datetime | None:
    """A moment of the database, with its zone."""
    return None if moment is None else moment.replace(tzinfo=UTC)


@frozen(eq=False)
class Catalogue:
    """The definitions in one transaction."""

    connection: sa.Connection
    tables: Tables
    shop: Shop

    # --- reading ---

    def all(self) -> list[Stored]:
        """Every segment, by name."""
        return sorted((self._stored(row) for row in self._rows()), key=lambda each: each.segment.name)

    def named(self, name: str) -> Stored:
        """The segment of a name; SegmentError when there is none."""
        for row in self._rows(self.tables.segments.c.name == name):
            return self._stored(row)
        raise self.unknown(name)

    def by_id(self, segment_id: int) -> Stored | None:
        """The segment of an id, or None."""
        return next(iter(self.by_ids([segment_id])), None)

    def by_ids(self, ids: Iterable[int]) -> list[Stored]:
        """The segments of these ids that there are, by id."""
        segments = self.tables.segments
        rows = self._rows(segments.c.id.in_(list(ids)))
        return sorted((self._stored(row) for row in rows), key=lambda each: each.id)

    def ids(self, names: Iterable[str]) -> dict[str, int]:
        """The id of each name; SegmentError when one is unknown."""
        names = sorted(set(names))
        if not names:
            return {}
        segments = self.tables.segments
        rows = self.connection.execute(sa.select(segments.c.name, segments.c.id).where(segments.c.name.in_(names)))
        found: dict[str, int] = {row.name: row.id for row in rows}
        for name in names:
            if name not in found:
                raise self.unknown(name)
        return found

    def unknown(self, name: str) -> SegmentError:
        """The error that says that there is no such segment, and which one may be meant."""
        names = {each.lower(): each for each in self.connection.scalars(sa.select(self.tables.segments.c.name))}
        near = difflib.get_close_matches(name.lower(), names, n=1)
        meant = f'; did you mean "{names[near[0]]}"?' if near else ""
        return SegmentError(f'there is no segment "{name}"{meant}')

    def uses(self) -> dict[str, set[str]]:
        """The segments that each segment's rule names, by name."""
        uses, segments = self.tables.uses, self.tables.segments
        used = segments.alias("used")
        statement = sa.select(segments.c.name, used.c.name.label("used")).select_from(
            uses.join(segments, segments.c.id == uses.c.segment_id).join(used, used.c.id == uses.c.used_id)
        )
        found: dict[str, set[str]] = {}
        for row in self.connection.execute(statement):
            found.setdefault(row.name, set()).add(row.used)
        return found

    def users(self, name: str) -> list[str]:
        """The segments whose rules name this one."""
        return sorted(user for user, used in self.uses().items() if name in used)

    def outdated(self) -> set[int]:
        """The segments whose rules name one whose members have changed since they themselves were judged."""
        uses, states, refreshes = self.tables.uses, self.tables.states, self.tables.refreshes
        own = refreshes.c
        changed = sa.and_(own.reason == Reason.REFRESH.value, sa.or_(own.entered > 0, own["left"] > 0))
        statement = sa.select(uses.c.segment_id).select_from(
            uses.join(states, states.c.segment_id == uses.c.segment_id).join(
                refreshes, sa.and_(own.segment_id == uses.c.used_id, changed, own["at"] > states.c.judged_at)
            )
        )
        return set(self.connection.scalars(statement.distinct()))

    def members_of(self, names: Iterable[str]) -> dict[str, sa.Select[Any]]:
        """For each name a selectable of the ids of its stored members."""
        members = self.tables.members
        return {
            name: sa.select(members.c.customer_id).where(members.c.segment_id == segment_id)
            for name, segment_id in self.ids(names).items()
        }

    # --- writing ---

    def begin(self) -> None:
        """Take the right to write at once: SQLite refuses it later to one who has read meanwhile."""
        if self.connection.dialect.name == "sqlite":
            segments = self.tables.segments
            self.connection.execute(sa.update(segments).where(sa.false()).values(version=segments.c.version))

    def saved(self, segment: Segment, now: datetime) -> tuple[Stored, Stored | None]:
        """Write a definition; how it lies now, and how it lay before."""
        rule = parse(segment.rule, self.shop, name=segment.name)
        if rule.parameters:
            raise ParameterError(
                f'the segment "{segment.name}" cannot be stored: nobody gives :{next(iter(rule.parameters))} a value '
                "when it is refreshed; write the value into the rule"
            )
        self.require_websites(segment)
        segment = attrs.evolve(segment, rule=rule.format())
        before = next((self._stored(row) for row in self._rows(self.tables.segments.c.name == segment.name)), None)
        if (before.segment.version if before else 0) != segment.version:
            raise _conflict(segment, before)
        used = self._used(segment, rule)
        segment_id = self._inserted(segment, now) if before is None else self._updated(segment, before, now)
        uses = self.tables.uses
        self.connection.execute(sa.delete(uses).where(uses.c.segment_id == segment_id))
        if used:
            self.connection.execute(uses.insert(), [{"segment_id": segment_id, "used_id": each} for each in used])
        after = self.by_id(segment_id)
        assert after is not None
        return after, before

    def require_websites(self, segment: Segment) -> None:
        """The segment's websites are the shop's, as far as the shop says; else SegmentError."""
        try:
            require(self.shop, segment.websites, self.connection)
        except EvaluationError as error:
            raise SegmentError(f'the segment "{segment.name}": {error}') from None

    def renamed(self, name: str, new: str, now: datetime) -> Stored:
        """Give a segment another name; refused while others name it in their rules."""
        stored = self.named(name)
        self.unused(name, "renamed")
        changed = attrs.evolve(stored.segment, name=new)
        segments = self.tables.segments
        if self.connection.execute(sa.select(segments.c.id).where(segments.c.name == new)).first() is not None:
            raise SegmentError(f'there is a segment "{new}" already')
        self.connection.execute(
            sa.update(segments)
            .where(segments.c.id == stored.id)
            .values(name=new, updated_at=now, version=segments.c.version + 1)
        )
        return attrs.evolve(stored, segment=attrs.evolve(changed, version=stored.segment.version + 1))

    def removed(self, name: str) -> None:
        """Take a definition out, with its history; refused while others name it in their rules."""
        segment_id = self.named(name).id
        self.unused(name, "deleted")
        for table in (self.tables.uses, self.tables.states, self.tables.refreshes):
            self.connection.execute(sa.delete(table).where(table.c.segment_id == segment_id))
        self.connection.execute(sa.delete(self.tables.segments).where(self.tables.segments.c.id == segment_id))

    # --- inside ---

    def _rows(self, *conditions: sa.ColumnElement[bool]) -> sa.CursorResult[Any]:
        segments, states = self.tables.segments, self.tables.states
        state = [column.label(f"state_{column.key}") for column in states.c]
        joined = segments.join(states, states.c.segment_id == segments.c.id)
        return self.connection.execute(sa.select(segments, *state).select_from(joined).where(*conditions))

    def _stored(self, row: sa.Row[Any]) -> Stored:
        own = row._mapping
        kept = ("name", "rule", "title", "description", "active", "websites", "groups", "mode", "priority", "version")
        segment = Segment(
            **{name: own[name] for name in kept}, created_at=aware(row.created_at), updated_at=aware(row.updated_at)
        )
        status = Status(row.state_status)
        if status is Status.COMPLETED and row.state_meant != row.meant:
            status = Status.PENDING
        state = State(
            segment=segment.name,
            status=status,
            message=row.state_message,
            members=row.state_members,
            at=aware(row.state_judged_at),
            started_at=aware(row.state_started_at),
            finished_at=aware(row.state_finished_at),
            next_change_at=aware(row.state_next_change_at),
            foreseen_at=aware(row.state_foreseen_at),
        )
        return Stored(row.id, segment, state, row.state_number, row.meant, row.state_meant)

    def _used(self, segment: Segment, rule: Rule) -> list[int]:
        """The ids of the segments that the rule names, none of which comes back to this one."""
        if segment.name in rule.segments:
            raise SegmentError(f'the segment "{segment.name}" cannot refer to itself')
        found = self.ids(rule.segments)
        uses: Mapping[str, Iterable[str]] = {**self.uses(), segment.name: rule.segments}
        circle = dependencies.circle(uses)
        if circle is not None and segment.name in circle:
            raise SegmentError(f"segments refer to each other in a circle: {dependencies.shown(circle)}")
        return sorted(found.values())

    def unused(self, name: str, what: str) -> None:
        """Refuse what would leave the rules of others without a segment that they name."""
        users = self.users(name)
        if users:
            listed = ", ".join(f'"{each}"' for each in users)
            raise SegmentError(
                f'the segment "{name}" cannot be {what}: it is used by {listed}; change those rules first'
            )

    def _inserted(self, segment: Segment, now: datetime) -> int:
        segments, states = self.tables.segments, self.tables.states
        highest = sa.select(sa.func.coalesce(sa.func.max(segments.c.id), 0))
        for _ in range(_ATTEMPTS):
            segment_id = int(self.connection.scalar(highest) or 0) + 1
            row = {**_values(segment), "id": segment_id, "created_at": now, "updated_at": now, "version": 1, "meant": 1}
            try:
                with self._attempt():
                    self.connection.execute(segments.insert().values(row))
            except sa.exc.IntegrityError:
                # Somebody else has taken that id, or that name.
                before = next(iter(self._rows(segments.c.name == segment.name)), None)
                if before is not None:
                    raise _conflict(segment, self._stored(before)) from None
                continue
            self.connection.execute(
                states.insert().values(segment_id=segment_id, status=Status.PENDING.value, members=0, number=0)
            )
            return segment_id
        raise SegmentConflictError(
            f'"{segment.name}" was not saved, since others save segments all the time: try again'
        )

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """What fails inside is undone alone, so that the transaction goes on; where others could come in between."""
        if self.connection.dialect.name in ("postgresql", "mysql", "mariadb"):
            with self.connection.begin_nested():
                yield
        else:
            yield

    def _updated(self, segment: Segment, before: Stored, now: datetime) -> int:
        segments = self.tables.segments
        version = segment.version + 1
        meant = before.meant if before.segment.meaning == segment.meaning else version
        result = self.connection.execute(
            sa.update(segments)
            .where(segments.c.id == before.id, segments.c.version == segment.version)
            .values(**_values(segment), updated_at=now, version=version, meant=meant)
        )
        if result.rowcount == 0:
            raise _conflict(segment, self.by_id(before.id))
        return before.id


def _values(segment: Segment) -> dict[str, Any]:
    kept = ("name", "title", "description", "rule", "active", "websites", "groups", "priority")
    return {**{name: getattr(segment, name) for name in kept}, "mode": segment.mode.value}


def _conflict(segment: Segment, now: Stored | None) -> SegmentConflictError:
    if now is None:
        return SegmentConflictError(
            f'the segment "{segment.name}" of version {segment.version} is not there any more; '
            "save it with version 0 to make it anew"
        )
    if segment.version == 0:
        return SegmentConflictError(
            f'there is a segment "{segment.name}" already, at version {now.segment.version}: get and change it'
        )
    return SegmentConflictError(
        f'somebody else has changed the segment "{segment.name}" since it was read: it is at version '
        f"{now.segment.version}, and yours is {segment.version}; get it anew, and save that changed"
    )


class NothingStored(Catalogue):
    """What a store holds whose tables are not there yet."""

    def all(self) -> list[Stored]:
        """No segment."""
        return []

    def ids(self, names: Iterable[str]) -> dict[str, int]:
        """SegmentError for any name."""
        for name in sorted(names):
            raise SegmentError(f'there is no segment "{name}": nothing is stored yet')
        return {}

    def uses(self) -> dict[str, set[str]]:
        """No rule, so no names in it."""
        return {}
