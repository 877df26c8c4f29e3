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
from segrules.errors import ShopError
from segrules.rule import Rule
from segrules.segments.segment import Segment
from segrules.shop import Shop
from segrules.sql.writer import Writer

#: For each segment that a rule names, a selectable of its members' ids.
Members = Mapping[str, sa.Select[Any]]


def meaning(segment: Segment, rule: Rule, shop: Shop, at: datetime) -> Predicate:
    """What the segment says of a customer at a moment: its rule, its websites, its groups."""
    bound = rule.bound(shop, at=at, website=segment.websites or None)
    if not segment.groups:
        return bound
    groups = tuple(Const(code, Kind.CHOICE) for code in segment.groups)
    return all_of(bound, OneOf(Field(CUSTOMER, "group", Kind.CHOICE), groups, Kind.CHOICE))


def matching(
    predicate: Predicate, shop: Shop, dialect: sa.Dialect, members: Members, among: sa.Select[Any] | None = None
) -> sa.Select[Any]:
    """The ids of the customers for whom a bound predicate is true; of those in ``among``, when it is given."""
    statement = sql.select(predicate, shop.mapping, dialect, shop.zone, members)
    if among is None:
        return statement
    return statement.where(statement.selected_columns[0].in_(among))


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
