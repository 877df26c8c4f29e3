"""Rules tried out without storing anything: how many, who would enter and leave, how far each condition lets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs
import sqlalchemy as sa
from attrs import field, frozen

from segrules import language, lowering, sql
from segrules.algebra import Predicate
from segrules.binding import bind_condition
from segrules.errors import SegmentError
from segrules.language import nodes
from segrules.rule import Rule, parse
from segrules.segments.catalogue import Catalogue
from segrules.segments.matching import Members, matching, meaning, setting
from segrules.segments.segment import Segment
from segrules.sql.writer import Writer, answered


@frozen(kw_only=True)
class Difference:
    """What a rule would change: members before and after, who would enter and leave, and some of them by id."""

    before: int
    after: int
    entering: int
    leaving: int
    some_entering: tuple[Any, ...]
    some_leaving: tuple[Any, ...]


@frozen(kw_only=True)
class Passing:
    """One condition of a rule: how many customers it lets through by itself, and after all those before it."""

    text: str
    alone: int
    together: int


@frozen(eq=False)
class Trial:
    """A segment as it would be, at one moment, against what is stored."""

    catalogue: Catalogue
    segment: Segment
    at: datetime
    #: Other segments that are not stored as they would be: a selectable of the members of each.
    instead: Members = field(factory=dict)

    @property
    def rule(self) -> Rule:
        """The rule; RuleError when it has mistakes."""
        return parse(self.segment.rule, self.catalogue.shop, name=self.segment.name)

    def statement(self) -> sa.Select[Any]:
        """The ids of those who would be members."""
        if not self.segment.active:
            return sa.select(self.catalogue.shop.mapping.entity("").key).where(sa.false())
        dialect = self.catalogue.connection.dialect
        return matching(self._meaning(), self.catalogue.shop, dialect, self._members(), self.at)

    def count(self) -> int:
        """How many would be members."""
        return int(self.catalogue.connection.scalar(sql.count(self.statement())) or 0)

    def among(self, customers: Iterable[Any]) -> set[Any]:
        """Those of these customers who would be members, asked of the database by id."""
        given = list(customers)
        if not self.segment.active or not given:
            return set()
        shop, connection = self.catalogue.shop, self.catalogue.connection
        asked = matching(self._meaning(), shop, connection.dialect, self._members(), self.at, given)
        return set(connection.scalars(asked))

    def difference(self, samples: int) -> Difference:
        """Who would enter and who would leave the stored segment of this name."""
        connection, name = self.catalogue.connection, self.segment.name
        members = self.catalogue.tables.members
        try:
            segment_id = self.catalogue.ids([name])[name]
        except SegmentError:
            return self._first(samples)
        stored = sa.select(members.c.customer_id).where(members.c.segment_id == segment_id)
        now, then = stored.subquery("now"), self.statement().subquery("then")
        key = then.c[0]
        both = then.outerjoin(now, now.c.customer_id == key)
        counted = sa.select(sa.func.count(), sa.func.count(now.c.customer_id)).select_from(both)
        after, staying = connection.execute(counted).one()
        before = int(connection.scalar(sql.count(stored)) or 0)
        entering: list[Any] = []
        leaving: list[Any] = []
        if samples and after > staying:
            some = sa.select(key).select_from(both).where(now.c.customer_id.is_(None)).order_by(key).limit(samples)
            entering = list(connection.scalars(some))
        if samples and before > staying:
            other = now.outerjoin(then, now.c.customer_id == key)
            some = sa.select(now.c.customer_id).select_from(other).where(key.is_(None))
            leaving = list(connection.scalars(some.order_by(now.c.customer_id).limit(samples)))
        return Difference(
            before=before,
            after=after,
            entering=after - staying,
            leaving=before - staying,
            some_entering=tuple(entering),
            some_leaving=tuple(leaving),
        )

    def _first(self, samples: int) -> Difference:
        """The difference of a segment that is new: all enter."""
        connection, statement = self.catalogue.connection, self.statement()
        key = statement.selected_columns[0]
        after = int(connection.scalar(sql.count(statement)) or 0)
        some = tuple(connection.scalars(statement.order_by(key).limit(samples))) if samples and after else ()
        return Difference(before=0, after=after, entering=after, leaving=0, some_entering=some, some_leaving=())

    def attrition(self) -> list[Passing]:
        """How many customers each condition lets through: of all who can be members, in one scan."""
        shop, connection, rule = self.catalogue.shop, self.catalogue.connection, self.rule
        binding = setting(self.segment, shop, self.at)
        writer = Writer(shop.mapping, connection.dialect, shop.zone, self._members())
        everyone = attrs.evolve(self, segment=attrs.evolve(self.segment, rule="true"))
        conditions = rule.condition.items if isinstance(rule.condition, nodes.And) else (rule.condition,)
        written = []
        for condition in conditions:
            bound = bind_condition(lowering.lower(condition, shop.vocabulary), binding)
            written.append(answered(writer.write(bound, writer.rows)))
        able = writer.write(everyone._meaning(), writer.rows)
        truths = [column.label(f"passes{number}") for number, column in enumerate(written)]
        passed = sa.select(writer.customer.key, *truths).select_from(writer.frame.clause).where(able).subquery("passed")
        sums: list[Any] = [sa.func.count()]
        for number in range(len(truths)):
            alone = passed.c[f"passes{number}"] == sa.true()
            together = sa.and_(*(passed.c[f"passes{before}"] == sa.true() for before in range(number + 1)))
            sums += [sa.func.count(sa.case((each, 1))) for each in (alone, together)]
        row = connection.execute(sa.select(*sums).select_from(passed)).one()
        found = [Passing(text="everyone", alone=row[0], together=row[0])]
        for number, condition in enumerate(conditions):
            text = language.format_condition(attrs.evolve(condition, comments=nodes.Comments()))
            found.append(Passing(text=text, alone=row[1 + 2 * number], together=row[2 + 2 * number]))
        return found

    # --- inside ---

    def _meaning(self) -> Predicate:
        return meaning(self.segment, self.rule, self.catalogue.shop, self.at)

    def _members(self) -> Members:
        named = self.rule.segments
        stored = self.catalogue.members_of(each for each in named if each not in self.instead)
        given: Mapping[str, Any] = {name: self.instead[name] for name in named if name in self.instead}
        return {**stored, **given}
