"""The statement that finds who belongs into a segment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.sql import ColumnElement, FromClause

from segrules import sql
from segrules.algebra import CUSTOMER, Const, Field, Kind, OneOf, Predicate, all_of
from segrules.binding import Binding, bind
from segrules.clock import Clock
from segrules.errors import ShopError
from segrules.rule import Rule
from segrules.segments.segment import Segment
from segrules.shop import Shop
from segrules.sql.planner import Among
from segrules.sql.writer import Writer

#: For each segment that a rule names, a selectable of its members' ids.
Members = Mapping[str, sa.Select[Any]]


def said(segment: Segment, rule: Rule, shop: Shop) -> Predicate:
    """What the segment says of a customer at any moment: its rule, and its groups."""
    lowered = rule.lowered(shop.vocabulary, None)
    if not segment.groups:
        return lowered
    groups = tuple(Const(code, Kind.CHOICE) for code in segment.groups)
    return all_of(lowered, OneOf(Field(CUSTOMER, "group", Kind.CHOICE), groups, Kind.CHOICE))


def setting(segment: Segment, shop: Shop, at: datetime) -> Binding:
    """The moment, and the segment's websites."""
    return Binding(Clock.at(at, shop.zone), (frozenset(segment.websites),) if segment.websites else ())


def meaning(segment: Segment, rule: Rule, shop: Shop, at: datetime) -> Predicate:
    """What the segment says of a customer at a moment: its rule, its websites, its groups."""
    return bind(said(segment, rule, shop), setting(segment, shop, at))


def matching(
    predicate: Predicate, shop: Shop, dialect: sa.Dialect, members: Members, at: datetime, among: Among | None = None
) -> sa.Select[Any]:
    """The ids of the customers for whom a predicate is true that was bound to a moment; of those in ``among``."""
    return sql.select(predicate, shop.mapping, dialect, shop.zone, members, among, at)


@frozen(eq=False)
class Located:
    """The shop's customers with the website of each, as the parts of a SELECT; NULL where the shop has no websites."""

    source: FromClause
    key: ColumnElement[Any]
    website: ColumnElement[Any]

    @classmethod
    def of(cls, shop: Shop, dialect: sa.Dialect) -> Located:
        """Where a shop's customers are."""
        writer = Writer(shop.mapping, dialect, shop.zone)
        try:
            terms = writer.terms
            found = terms.decoded(terms.write(Field(CUSTOMER, "website", Kind.CHOICE), writer.rows)).sql
        except ShopError:
            found = sa.null()
        return cls(writer.frame.clause, writer.customer.key, found)
