"""The store: segments that stay current in a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any, assert_never, cast

import attrs
import sqlalchemy as sa

from segrules.errors import SegmentError
from segrules.hookspecs import Reason, SegmentChange
from segrules.rule import Rule
from segrules.segments import dependencies, indexing, membership, planning
from segrules.segments import schedule as schedules
from segrules.segments.catalogue import Catalogue, NothingStored, Stored
from segrules.segments.due import Due, is_automatic
from segrules.segments.exporting import Export, Format
from segrules.segments.listeners import Listener, consulted, installed
from segrules.segments.membership import Member, Point
from segrules.segments.planning import Action, Step
from segrules.segments.refreshing import Refresher, refusals
from segrules.segments.reporting import Refresh
from segrules.segments.segment import Segment, State
from segrules.segments.tables import Tables
from segrules.segments.trying import Difference, Passing, Trial
from segrules.segments.working import Customers, undisturbed
from segrules.shop import Shop
from segrules.sql import advice, prepare

#: Hears how many segments are done, of how many, and the latest result.
Progress = Callable[[int, int, Refresh], None]


class SegmentStore:
    """Named segments of a shop, kept in tables beside the shop's, with their members.

    ``prefix`` begins the name of each table, ``schema`` says where they are. ``schedule`` is the cron expression, in
    the shop's time zone, by which ``refresh_due`` goes. ``lag`` is by how much members may lag behind the passing of
    time; without, nobody asks when they change next. ``listeners`` are told who enters and leaves, besides all
    installed plugins with the hook ``segrules_members_changed``. Every ``at`` is an aware moment, now by default.
    """

    def __init__(
        self,
        engine: sa.Engine,
        shop: Shop,
        *,
        prefix: str = "segrules_",
        schema: str | None = None,
        schedule: str = schedules.DAILY,
        lag: timedelta | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        if lag is not None and lag < timedelta(0):
            raise SegmentError(f"members cannot be ahead of time: give a lag of 0 or more, not {lag}")
        self.engine = engine
        self.shop = shop
        self.schedule = schedule
        self.lag = lag
        self._prefix, self._schema, self._listeners = prefix, schema, tuple(listeners)

    # --- tables ---

    @cached_property
    def tables(self) -> Tables:
        """The store's tables."""
        return Tables.of(self.shop.mapping.entity("").key.type, prefix=self._prefix, schema=self._schema)

    @property
    def metadata(self) -> sa.MetaData:
        """The metadata of the store's tables, and of nothing else."""
        return self.tables.metadata

    def create_tables(self) -> None:
        """Every table of the store exists; those that are there stay as they are."""
        self.metadata.create_all(self.engine)

    def exists(self) -> bool:
        """Whether the store's tables are in the database."""
        return sa.inspect(self.engine).has_table(self.tables.segments.name, schema=self._schema)

    # --- definitions ---

    def save(self, segment: Segment) -> Segment:
        """Store a segment, new or changed; the segment as it is stored now.

        One that was read and changed must still be at the version it was read at, else SegmentConflictError. Switching
        it off makes everybody leave at once. Raises RuleError, SegmentError.
        """
        return self.save_all([segment])[0]

    def save_all(self, segments: Iterable[Segment]) -> Sequence[Segment]:
        """Store several segments, all or none of them, in this order."""
        with self._writing() as catalogue:
            return [self._save(catalogue, segment) for segment in segments]

    def get(self, name: str) -> Segment:
        """The segment of a name; SegmentError when there is none."""
        with self._reading() as catalogue:
            return catalogue.named(name).segment

    def list(self) -> Sequence[Segment]:
        """All segments, by name."""
        with self._reading() as catalogue:
            return [each.segment for each in catalogue.all()]

    def rename(self, name: str, new: str) -> Segment:
        """Give a segment another name; refused while rules of others name it, or a plugin needs the name."""
        with self._writing() as catalogue:
            renamed = catalogue.renamed(name, new, datetime.now(UTC)).segment
            self._consult(catalogue, name, new)
            return renamed

    def activate(self, name: str) -> Segment:
        """Switch a segment on; the next refresh fills it."""
        return self.save(attrs.evolve(self.get(name), active=True))

    def deactivate(self, name: str) -> Segment:
        """Switch a segment off: everybody leaves at once, and listeners hear why."""
        return self.save(attrs.evolve(self.get(name), active=False))

    def delete(self, name: str) -> None:
        """Take a segment out with its members and history; refused while rules of others, or plugins, need it."""
        with self._writing() as catalogue:
            self._delete(catalogue, name)

    def state(self, name: str) -> State:
        """How a segment stands: status, message, size, since when."""
        with self._reading() as catalogue:
            return catalogue.named(name).state

    def states(self) -> Sequence[State]:
        """How every segment stands, by name."""
        with self._reading() as catalogue:
            return [each.state for each in catalogue.all()]

    def users(self, name: str) -> Sequence[str]:
        """The segments whose rules name this one."""
        with self._reading() as catalogue:
            return catalogue.users(name)

    # --- refresh ---

    def refresh(
        self, name: str, *, at: datetime | None = None, customers: Customers | None = None, wait: bool = True
    ) -> Refresh:
        """Bring the members of one segment up to date; what it names is taken as it is stored.

        ``customers`` (ids, or a selectable of ids) judges only those anew, as long as the segment still means what it
        meant at its last refresh. While somebody else refreshes it, this waits, or raises SegmentBusyError at once
        where ``wait`` is false and the database can tell. An error is kept in the state, and raised.
        """
        moment, given = _now(at), _given(customers)
        with self._refresher.together([name], moment, given) as run:
            return self._refresher.refresh(run, [name], moment, given, wait=wait)[0]

    def refresh_all(
        self,
        names: Iterable[str] | None = None,
        *,
        at: datetime | None = None,
        customers: Customers | None = None,
        progress: Progress | None = None,
    ) -> Sequence[Refresh]:
        """Refresh these segments, or all, each after those that it names; what several need is computed once.

        None stops the others: look at ``error``.
        """
        moment, given = _now(at), _given(customers)
        with self._reading() as catalogue:
            chosen = list(names) if names is not None else [each.segment.name for each in catalogue.all()]
            catalogue.ids(chosen)
            rounds = dependencies.rounds(chosen, catalogue.uses())
        done: list[Refresh] = []
        with self._refresher.together(chosen, moment, given) as run:
            for batch in (batch for names in rounds for batch in run.batches(names)):
                for each in self._refresher.refresh_each(run, batch, moment, given):
                    done.append(each)
                    if progress is not None:
                        progress(len(done), len(chosen), each)
        return done

    def refresh_due(self, now: datetime | None = None, *, progress: Progress | None = None) -> Sequence[Refresh]:
        """Refresh the active segments in auto mode whose schedule has come since they were last judged.

        Also those that have changed, were never refreshed, or failed; with a ``lag`` those whose members have changed
        by the passing of time, longer ago than that; and whoever names one of which members came or went. Started
        twice, each is refreshed once.
        """
        due = self._due(now)
        with self._reading() as catalogue:
            stored, outdated, uses = catalogue.all(), catalogue.outdated(), catalogue.uses()
        automatic = [each.segment.name for each in stored if is_automatic(each)]
        names = {each.segment.name for each in stored if due.includes(each, outdated)}

        def wanted(catalogue: Catalogue, claims: Sequence[Stored]) -> Sequence[Stored]:
            outdated = catalogue.outdated()
            return [each for each in claims if due.includes(each, outdated)]

        done: list[Refresh] = []
        with self._refresher.together(names, due.now) as run:
            for candidates in dependencies.rounds(automatic, uses):
                for batch in run.batches([each for each in candidates if each in names]):
                    for found in self._refresher.refresh_each(run, batch, due.now, wanted=wanted):
                        done.append(found)
                        if found.entered or found.left:
                            names |= {user for user in automatic if found.segment in uses.get(user, ())}
                        if progress is not None:
                            progress(len(done), len(names), found)
        return [each for each in done if each.skipped is None]

    def next_due(self, now: datetime | None = None) -> datetime | None:
        """When ``refresh_due`` will next have something to do, unless data changes; None when nothing is automatic.

        It is now when something is due. A segment whose refresh failed is tried again at each ``refresh_due``, and
        does not bring that moment forward.
        """
        with self._reading() as catalogue:
            return self._due(now).next(catalogue.all(), catalogue.outdated())

    # --- reading ---

    def contains(self, name: str, customer: Any) -> bool:
        """Whether a customer is a stored member: one indexed look-up."""
        with self._reading() as catalogue:
            return membership.contains(catalogue, name, customer)

    def matches(self, name: str, customer: Any, *, at: datetime | None = None) -> bool:
        """Whether a customer would be a member now, whatever is stored of it."""
        return bool(self.matching(name, [customer], at=at))

    def matching(
        self,
        name: str,
        customers: Iterable[Any],
        *,
        at: datetime | None = None,
        connection: sa.Connection | None = None,
    ) -> set[Any]:
        """Those of these customers who would be members now, whatever is stored of them.

        With ``connection`` it is asked there, so that what its transaction has locked or written counts.
        """
        with self._reading(connection) as catalogue:
            return Trial(catalogue, catalogue.named(name).segment, _now(at)).among(customers)

    def segments_of(self, customer: Any) -> Sequence[str]:
        """The segments that a customer is a stored member of, the highest priority first, ties by name."""
        with self._reading() as catalogue:
            return membership.segments_of(catalogue, customer)

    def segments_for(self, rule: Rule) -> dict[str, sa.Select[Any]]:
        """What ``rule.select(…, segments=…)`` takes: the stored members of each segment that the rule names."""
        with self._reading() as catalogue:
            return catalogue.members_of(rule.segments)

    def members(self, name: str, *, website: str | Iterable[str] | None = None) -> Iterator[Member]:
        """Every stored member by id, as of one moment; streamed, so of any number."""
        with self._reading() as catalogue:
            yield from membership.streamed(catalogue, name, _codes(website))

    def page(
        self, name: str, *, after: Any = None, limit: int = 100, website: str | Iterable[str] | None = None
    ) -> Sequence[Member]:
        """The next stored members behind a customer id, by id; each page costs the same."""
        with self._reading() as catalogue:
            return membership.page(catalogue, name, after, limit, _codes(website))

    def size(self, name: str, *, website: str | Iterable[str] | None = None) -> int:
        """How many stored members there are."""
        with self._reading() as catalogue:
            return membership.size(catalogue, name, _codes(website))

    def history(self, name: str, *, limit: int | None = None) -> Sequence[Point]:
        """The segment's size over time, the oldest first."""
        with self._reading() as catalogue:
            return membership.history(catalogue, name, limit)

    def overlap(self, names: Iterable[str]) -> dict[tuple[str, str], int]:
        """How many stored members each two of these segments share."""
        with self._reading() as catalogue:
            return membership.overlap(catalogue, names)

    # --- trying ---

    def preview(self, rule: Rule | Segment | str, *, at: datetime | None = None) -> int:
        """How many customers a rule finds, or a segment would have; nothing is stored."""
        with self._trial(rule, at) as trial:
            return trial.count()

    def difference(self, segment: Segment, *, samples: int = 10, at: datetime | None = None) -> Difference:
        """Who would enter and who would leave the stored segment of that name; nothing is stored."""
        with self._trial(segment, at) as trial:
            return trial.difference(samples)

    def attrition(self, rule: Rule | Segment | str, *, at: datetime | None = None) -> Sequence[Passing]:
        """How many customers each condition of a rule lets through, alone and after those before it."""
        with self._trial(rule, at) as trial:
            return trial.attrition()

    def indexes(
        self, *, at: datetime | None = None, fewest_rows: int = advice.FEWEST_ROWS, trying: bool = False
    ) -> Sequence[advice.Advice]:
        """The indexes that the active segments want and the database lacks, those wanted most first.

        Smaller tables than ``fewest_rows`` need none. With ``trying`` each index is created, looked at and dropped
        again, which holds up those who write: for a copy of the database.
        """
        with self._reading() as catalogue:
            asked = indexing.statements(catalogue, _now(at))
            connection = catalogue.connection
            found = advice.advised(connection, self.shop.mapping, asked, fewest_rows=fewest_rows)
            connection.rollback()
            return [advice.tried(connection, each, asked) for each in found] if trying else found

    # --- as files ---

    def export(
        self,
        name: str,
        target: str | Path | IO[Any],
        *,
        format: str | None = None,  # noqa: A002
        fields: Sequence[str] = (),
        website: str | Iterable[str] | None = None,
    ) -> int:
        """Write the members into a file; how many they are.

        ``format`` is csv, jsonl or parquet, by default what the file's name ends with. ``fields`` are fields of the
        customer to write besides ``customer_id``, ``website`` and ``since``. A path is replaced when all is written; an
        open file must take text, for Parquet bytes.
        """
        path = Path(target) if isinstance(target, (str, Path)) else None
        if format is None and path is None:
            raise SegmentError("an open file does not tell its format: give format=")
        kind = Format.of(path) if format is None and path is not None else Format.of(Path(f"_.{format}"))
        with self._reading() as catalogue:
            export = Export(catalogue, name, fields, _codes(website))
            return export.save(path, kind) if path is not None else export.write(cast("IO[Any]", target), kind)

    def plan(
        self, wanted: Iterable[Segment], *, at: datetime | None = None, prune: bool = False, counts: bool = True
    ) -> Sequence[Step]:
        """What would become of the store if it held just these segments, with ``counts`` of members; nothing is stored.

        Stored segments that are not among them are left alone, or deleted with ``prune``. The store's tables need not
        be there yet.
        """
        with self._reading() as catalogue:
            if not self.exists():
                catalogue = NothingStored(catalogue.connection, self.tables, self.shop)
            return planning.plan(catalogue, list(wanted), _now(at), prune=prune, counts=counts)

    def apply(self, wanted: Iterable[Segment], *, prune: bool = False) -> Sequence[Step]:
        """Save these segments as a plan says, all or none of them; members change at the next refresh."""
        with self._writing() as catalogue:
            steps = planning.plan(catalogue, list(wanted), datetime.now(UTC), prune=prune, counts=False)
            for step in steps:
                match step.action:
                    case Action.CREATE | Action.CHANGE:
                        self._save(catalogue, step.segment)
                    case Action.DELETE:
                        self._delete(catalogue, step.segment.name)
                    case Action.KEEP | Action.IGNORE:
                        pass
                    case _:
                        assert_never(step.action)
        return steps

    # --- inside ---

    @cached_property
    def _engine(self) -> sa.Engine:
        prepare(self.engine)
        return undisturbed(self.engine)

    @cached_property
    def _refresher(self) -> Refresher:
        plugins = installed()
        listeners = self._listeners if plugins is None else (plugins, *self._listeners)
        return Refresher(self._engine, self.shop, self.tables, listeners, self.lag is not None)

    @contextmanager
    def _reading(self, given: sa.Connection | None = None) -> Iterator[Catalogue]:
        if given is not None:
            yield Catalogue(given, self.tables, self.shop)
            return
        with self._engine.connect() as connection:
            yield Catalogue(connection, self.tables, self.shop)

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        with refusals("the store"), self._engine.begin() as connection:
            catalogue = Catalogue(connection, self.tables, self.shop)
            catalogue.begin()
            yield catalogue

    @contextmanager
    def _trial(self, given: Rule | Segment | str, at: datetime | None) -> Iterator[Trial]:
        segment = given if isinstance(given, Segment) else Segment(name="<rule>", rule=given)
        with self._reading() as catalogue:
            yield Trial(catalogue, segment, _now(at))

    def _save(self, catalogue: Catalogue, segment: Segment) -> Segment:
        after, before = catalogue.saved(segment, datetime.now(UTC))
        if before is not None and before.segment.active and not segment.active:
            self._clear(catalogue, after, Reason.DEACTIVATED)
        return after.segment

    def _delete(self, catalogue: Catalogue, name: str) -> None:
        catalogue.unused(name, "deleted")
        self._consult(catalogue, name, None)
        self._clear(catalogue, catalogue.named(name), Reason.DELETED)
        catalogue.removed(name)

    def _consult(self, catalogue: Catalogue, name: str, new: str | None) -> None:
        """Plugins follow the change of a segment, or need it as it is."""
        ask = consulted()
        if ask is None:
            return
        change = SegmentChange(name, new, self.shop, self._prefix, self._schema)
        users = ask(catalogue.connection, change)
        if users:
            what = "deleted" if new is None else "renamed"
            raise SegmentError(
                f'the segment "{name}" cannot be {what}: it is used by {", ".join(users)}; change that first'
            )

    def _clear(self, catalogue: Catalogue, stored: Stored, reason: Reason) -> None:
        self._refresher.locked(catalogue.connection, [stored.id])
        current = catalogue.by_id(stored.id)
        assert current is not None
        self._refresher.cleared(catalogue.connection, current, reason, datetime.now(UTC))

    def _due(self, now: datetime | None) -> Due:
        return Due(self.schedule, self.shop.zone, self.lag, _now(now))


def _given(customers: Customers | None) -> Customers | None:
    """Ids that can be read more than once."""
    return customers if customers is None or isinstance(customers, sa.Select) else list(customers)


def _now(at: datetime | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    if at.tzinfo is None:
        raise SegmentError("the moment must have a time zone, like datetime.now(UTC)")
    return at


def _codes(website: str | Iterable[str] | None) -> tuple[str, ...]:
    return () if website is None else (website,) if isinstance(website, str) else tuple(website)
