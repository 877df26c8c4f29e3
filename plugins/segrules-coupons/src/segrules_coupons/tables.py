"""The tables of the store: sales rules, batches, codes, who was given which, and their uses."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from segrules.shop.columns import MARIADB_EXACT, Money, UtcMoment, exact_text
from sqlalchemy.dialects import mysql

from segrules_coupons.errors import CouponError

#: So many characters the id of a customer, the reference of an order and an issue key may have.
LONGEST = 191

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PREFIX = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,30})?\Z")


@frozen(eq=False)
class Tables:
    """The store's tables in a metadata of their own, which Alembic can take as a target."""

    metadata: sa.MetaData
    rules: sa.Table
    batches: sa.Table
    coupons: sa.Table
    issues: sa.Table
    uses: sa.Table
    customers: sa.Table

    @classmethod
    def of(cls, *, prefix: str = "segrules_", schema: str | None = None) -> Tables:
        """The tables whose names begin with ``prefix``, in a schema."""
        if not _PREFIX.match(prefix):
            raise CouponError(f'"{prefix}" cannot begin the names of tables: use up to 31 letters, digits and _')
        metadata = sa.MetaData(schema=schema)
        return cls(
            metadata,
            _rules(f"{prefix}sales_rules", metadata),
            _batches(f"{prefix}coupon_batches", metadata),
            _coupons(f"{prefix}coupons", metadata),
            _issues(f"{prefix}coupon_issues", metadata),
            _uses(f"{prefix}coupon_uses", metadata),
            sa.Table(
                f"{prefix}coupon_customers",
                metadata,
                sa.Column("rule_id", sa.BigInteger, primary_key=True, autoincrement=False),
                sa.Column("customer", exact_text(LONGEST), primary_key=True),
                sa.Column("used", sa.Integer, nullable=False),
            ),
        )


def _prose() -> Any:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation=MARIADB_EXACT), "mysql", "mariadb")


def _rules(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("key", exact_text(64), nullable=False, unique=True, quote=True),
        sa.Column("name", exact_text(191), nullable=False),
        sa.Column("description", _prose(), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("condition", _prose(), nullable=False, quote=True),
        sa.Column("items", _prose()),
        sa.Column("action", exact_text(16), nullable=False),
        sa.Column("amount", Money),
        sa.Column("currency", exact_text(3)),
        sa.Column("buy", sa.Integer),
        sa.Column("get", sa.Integer, quote=True),
        sa.Column("free_shipping", sa.Boolean, nullable=False),
        sa.Column("max_discount", Money),
        sa.Column("min_subtotal", Money),
        sa.Column("starts", UtcMoment),
        sa.Column("ends", UtcMoment),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("stop_further", sa.Boolean, nullable=False),
        sa.Column("stack_group", exact_text(191)),
        sa.Column("needs_code", sa.Boolean, nullable=False),
        sa.Column("uses_total", sa.Integer),
        sa.Column("uses_per_coupon", sa.Integer),
        sa.Column("uses_per_customer", sa.Integer),
        sa.Column("gives_back", sa.Boolean, nullable=False),
        sa.Column("used", sa.Integer, nullable=False, comment="uses that are reserved or confirmed"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcMoment, nullable=False),
        sa.Column("updated_at", UtcMoment, nullable=False),
    )


def _batches(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", exact_text(LONGEST), nullable=False, unique=True),
        sa.Column("rule_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("source", exact_text(LONGEST), nullable=False, comment="what the codes were made for"),
        sa.Column("pattern", exact_text(64), nullable=False),
        sa.Column("alphabet", exact_text(36), nullable=False),
        sa.Column("personal", sa.Boolean, nullable=False, comment="codes are made one by one"),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("cleaned", sa.Integer, nullable=False, comment="codes that were deleted since"),
        sa.Column("max_uses", sa.Integer),
        sa.Column("starts", UtcMoment),
        sa.Column("expires", UtcMoment),
        sa.Column("created_at", UtcMoment, nullable=False),
    )


def _coupons(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("code", exact_text(64), nullable=False, unique=True),
        sa.Column("rule_id", sa.BigInteger, nullable=False),
        sa.Column("batch_id", sa.BigInteger, comment="NULL for a code that somebody chose"),
        sa.Column("customer", exact_text(LONGEST), comment="who was given it"),
        sa.Column("bound", sa.Boolean, nullable=False, comment="whether only that customer may use it"),
        sa.Column("state", exact_text(8), nullable=False),
        sa.Column("max_uses", sa.Integer),
        sa.Column("used", sa.Integer, nullable=False, comment="uses that are reserved or confirmed"),
        sa.Column("starts", UtcMoment),
        sa.Column("expires", UtcMoment),
        sa.Column("created_at", UtcMoment, nullable=False),
        sa.Index(f"ix_{name}_batch", "rule_id", "batch_id"),
    )


def _issues(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("issue_key", exact_text(LONGEST), primary_key=True),
        sa.Column("coupon_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("rule_id", sa.BigInteger, nullable=False),
        sa.Column("customer", exact_text(LONGEST), nullable=False),
        sa.Column("created_at", UtcMoment, nullable=False),
        sa.Index(f"ix_{name}_customer", "customer", "rule_id"),
    )


def _uses(name: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("order_ref", exact_text(LONGEST), nullable=False),
        sa.Column("rule_id", sa.BigInteger, nullable=False),
        sa.Column("coupon_id", sa.BigInteger),
        sa.Column("slot", sa.Integer, comment="1 to the coupon's used; NULL when the use is over"),
        sa.Column("customer", exact_text(LONGEST)),
        sa.Column("state", exact_text(16), nullable=False),
        sa.Column("reserved_at", UtcMoment, nullable=False),
        sa.Column("reserved_until", UtcMoment),
        sa.Column("ended_at", UtcMoment, comment="confirmed, released or expired"),
        sa.Column("discount", Money),
        sa.Column("currency", exact_text(3)),
        sa.Column("revenue", Money),
        sa.UniqueConstraint("order_ref", "rule_id", name=f"uq_{name}_order"),
        sa.UniqueConstraint("coupon_id", "slot", name=f"uq_{name}_slot"),
        sa.Index(f"ix_{name}_state", "state", "reserved_until"),
        sa.Index(f"ix_{name}_rule", "rule_id", "state"),
    )
