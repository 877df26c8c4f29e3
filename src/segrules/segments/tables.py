"""The tables of the store: segments, what they use, how they stand, their members, and the history of refreshes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from segrules.segments.segment import LONGEST_NAME
from segrules.shop.columns import MARIADB_EXACT, UtcMoment, exact_text


class Codes(TypeDecorator[tuple[str, ...]]):
    """Several codes in one text column, as a JSON list."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str:
        """The list as text."""
        return json.dumps(list(value or ()), ensure_ascii=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:
        """The codes."""
        return tuple(json.loads(value)) if value else ()


@frozen(eq=False)
class Tables:
    """The store's tables in a metadata of their own, which Alembic can take as a target."""

    prefix: str
    metadata: sa.MetaData
    segments: sa.Table
    uses: sa.Table
    states: sa.Table
    members: sa.Table
    refreshes: sa.Table

    @classmethod
    def of(cls, customer: TypeEngine[Any], *, prefix: str = "segrules_", schema: str | None = None) -> Tables:
        """The tables for a shop whose customers have ids of this type."""
        metadata = sa.MetaData(schema=schema)
        prose = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation=MARIADB_EXACT), "mysql", "mariadb")

        def segment() -> sa.Column[int]:
            return sa.Column("segment_id", sa.BigInteger, primary_key=True, autoincrement=False)

        segments = sa.Table(
            f"{prefix}segments",
            metadata,
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("name", exact_text(LONGEST_NAME), nullable=False, unique=True),
            sa.Column("title", prose, nullable=False),
            sa.Column("description", prose, nullable=False),
            sa.Column("rule", prose, nullable=False),
            sa.Column("active", sa.Boolean, nullable=False),
            sa.Column("websites", Codes, nullable=False),
            sa.Column("groups", Codes, nullable=False, quote=True),
            sa.Column("mode", exact_text(16), nullable=False),
            sa.Column("priority", sa.Integer, nullable=False),
            sa.Column("created_at", UtcMoment, nullable=False),
            sa.Column("updated_at", UtcMoment, nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("meant", sa.Integer, nullable=False, comment="the version that first had this meaning"),
        )
        uses = sa.Table(
            f"{prefix}uses",
            metadata,
            segment(),
            sa.Column("used_id", sa.BigInteger, primary_key=True, autoincrement=False),
        )
        states = sa.Table(
            f"{prefix}states",
            metadata,
            segment(),
            sa.Column("status", exact_text(16), nullable=False),
            sa.Column("message", prose),
            sa.Column("token", exact_text(32), comment="of the refresh that is at work"),
            sa.Column("members", sa.BigInteger, nullable=False),
            sa.Column("number", sa.BigInteger, nullable=False, comment="of the last change of members"),
            sa.Column("meant", sa.Integer, comment="the meaning that the members follow"),
            sa.Column("judged_at", UtcMoment),
            sa.Column("started_at", UtcMoment),
            sa.Column("finished_at", UtcMoment),
            sa.Column("next_change_at", UtcMoment, comment="by the passing of time alone; NULL: never"),
            sa.Column("foreseen_at", UtcMoment, comment="the moment for which that was found out; NULL: it was not"),
        )
        members = sa.Table(
            f"{prefix}members",
            metadata,
            segment(),
            sa.Column("customer_id", customer, primary_key=True, autoincrement=False),
            sa.Column("website", exact_text(64)),
            sa.Column("since", UtcMoment, nullable=False),
            sa.Column("number", sa.BigInteger, nullable=False, comment="of the change by which the customer entered"),
            sqlite_with_rowid=False,
        )
        sa.Index(f"ix_{prefix}members_customer", members.c.customer_id, members.c.segment_id)
        refreshes = sa.Table(
            f"{prefix}refreshes",
            metadata,
            segment(),
            sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("reason", exact_text(16), nullable=False),
            sa.Column("at", UtcMoment, nullable=False, quote=True),
            sa.Column("finished_at", UtcMoment, nullable=False),
            sa.Column("milliseconds", sa.BigInteger, nullable=False),
            sa.Column("members", sa.BigInteger, nullable=False),
            sa.Column("entered", sa.BigInteger, nullable=False),
            sa.Column("left", sa.BigInteger, nullable=False, quote=True),
        )
        return cls(prefix, metadata, segments, uses, states, members, refreshes)


def memberships(
    members: sa.Table, segments: Sequence[int], among: sa.Select[Any] | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """That a row of the members is of one of these segments, and of one of these customers when they are given."""
    if among is None:
        return (members.c.segment_id.in_(segments),)
    # An expression, so that no database goes through all members of the segments to find those few.
    segment = members.c.segment_id + sa.literal_column("0")
    return members.c.customer_id.in_(among), segment.in_(segments)
