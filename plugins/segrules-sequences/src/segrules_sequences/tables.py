"""The tables of the sequences, beside those of the segment store: definitions, runs, deliveries, mails and more."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from attrs import frozen
from segrules.shop.columns import MARIADB_EXACT, Money, exact_text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from segrules_sequences.clock import Instant
from segrules_sequences.definitions import LONGEST_NAME, LONGEST_WORD

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


@frozen(eq=False)
class Tables:
    """The tables in a metadata of their own, which Alembic can take as a target."""

    metadata: sa.MetaData
    sequences: sa.Table
    versions: sa.Table
    enrolments: sa.Table
    deliveries: sa.Table
    mails: sa.Table
    suppressions: sa.Table
    senders: sa.Table
    events: sa.Table

    @classmethod
    def of(cls, customer: TypeEngine[Any], *, prefix: str = "segrules_", schema: str | None = None) -> Tables:
        """The tables for a shop whose customers have ids of this type."""
        metadata = sa.MetaData(schema=schema)
        prose = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation=MARIADB_EXACT), "mysql", "mariadb")
        content = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")

        # With autoincrement: an id that came back after its row is gone would make a new mail look like an old one.
        def identity() -> sa.Column[int]:
            return sa.Column("id", _ID, primary_key=True, autoincrement=True)

        sequences = sa.Table(
            f"{prefix}sequences",
            metadata,
            identity(),
            sa.Column("uid", exact_text(32), nullable=False, unique=True),
            sa.Column("name", exact_text(LONGEST_NAME), nullable=False, unique=True),
            sa.Column("segment", exact_text(191), nullable=False),
            sa.Column("on", exact_text(8), nullable=False, quote=True, comment="enter or exit"),
            sa.Column("status", exact_text(8), nullable=False),
            sa.Column("topic", exact_text(LONGEST_NAME), nullable=False),
            sa.Column("cap_group", exact_text(LONGEST_NAME), nullable=False),
            sa.Column("sender", exact_text(LONGEST_NAME), nullable=False),
            sa.Column("goal", exact_text(200), comment="segment:… or event:…"),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("definition", prose, nullable=False),
            sa.Column("broken", sa.Integer, nullable=False, comment="mails in a row that could not be written"),
            sa.Column("note", prose, comment="why it was paused"),
            sa.Column("created_at", Instant, nullable=False),
            sa.Column("updated_at", Instant, nullable=False),
            sqlite_autoincrement=True,
        )
        sa.Index(f"ix_{prefix}sequences_segment", sequences.c.segment)
        versions = sa.Table(
            f"{prefix}sequence_versions",
            metadata,
            sa.Column("sequence_id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("definition", prose, nullable=False),
            sa.Column("saved_at", Instant, nullable=False),
        )
        enrolments = sa.Table(
            f"{prefix}enrolments",
            metadata,
            identity(),
            sa.Column("sequence_id", sa.BigInteger, nullable=False),
            sa.Column("customer_id", customer, comment="NULL once the customer is forgotten"),
            # MariaDB has no partial index: this is the customer while the run lasts, and NULL afterwards.
            sa.Column("running_id", customer, comment="the customer while the run lasts"),
            sa.Column("state", exact_text(16), nullable=False),
            sa.Column("reason", exact_text(64)),
            sa.Column("version", sa.Integer, nullable=False, comment="of the sequence when it began"),
            sa.Column("enrolled_at", Instant, nullable=False),
            sa.Column("ended_at", Instant),
            sa.Column("measured_at", Instant, comment="when the first mail began to go out, or would have"),
            sa.Column("held_out", sa.Boolean, comment="NULL before it is measured"),
            sa.Column("goal_at", Instant, comment="when the goal was reached"),
            sa.Column("goal_value", Money),
            sa.Column("goal_delivery_id", sa.BigInteger, comment="the last mail before it"),
            sa.UniqueConstraint("sequence_id", "running_id", name=f"uq_{prefix}enrolments_running"),
            sqlite_autoincrement=True,
        )
        sa.Index(f"ix_{prefix}enrolments_customer", enrolments.c.customer_id, enrolments.c.sequence_id)
        sa.Index(f"ix_{prefix}enrolments_measured", enrolments.c.sequence_id, enrolments.c.measured_at)
        deliveries = sa.Table(
            f"{prefix}deliveries",
            metadata,
            identity(),
            sa.Column("enrolment_id", sa.BigInteger, nullable=False),
            sa.Column("sequence_id", sa.BigInteger, nullable=False),
            sa.Column("customer_id", customer),
            sa.Column("step", exact_text(LONGEST_NAME), nullable=False),
            sa.Column("position", sa.Integer, nullable=False, comment="of the step, from 1, when it was planned"),
            sa.Column("variant", exact_text(LONGEST_WORD), comment="of the step, once the mail is written"),
            sa.Column("coupon", sa.Boolean, comment="whether one goes with it, once it is written"),
            sa.Column("state", exact_text(16), nullable=False),
            sa.Column("reason", exact_text(64), comment="why it was skipped, put off or failed"),
            sa.Column("error", exact_text(255), comment="names no address"),
            sa.Column("planned_at", Instant, nullable=False, comment="when it should go out by its delay"),
            sa.Column("due_at", Instant, nullable=False, comment="when it is looked at next"),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("token", sa.BigInteger, nullable=False, comment="counts claims"),
            sa.Column("lease_until", Instant),
            sa.Column("worker", exact_text(64)),
            sa.Column("version", sa.Integer, nullable=False, comment="of the sequence when it was planned"),
            sa.Column("mode", exact_text(16), comment="what becomes of it when its outcome is not known"),
            sa.Column("message_id", exact_text(191), unique=True),
            sa.Column("idem_key", exact_text(64), unique=True),
            sa.Column("address_hash", exact_text(64)),
            sa.Column("provider_id", exact_text(255)),
            sa.Column("begun_at", Instant, comment="of the latest try"),
            sa.Column("ended_at", Instant),
            sa.UniqueConstraint("enrolment_id", "step", name=f"uq_{prefix}deliveries_step"),
            sqlite_autoincrement=True,
        )
        sa.Index(f"ix_{prefix}deliveries_due", deliveries.c.state, deliveries.c.due_at, deliveries.c.id)
        sa.Index(f"ix_{prefix}deliveries_customer", deliveries.c.customer_id)
        sa.Index(f"ix_{prefix}deliveries_provider", deliveries.c.provider_id)
        # Without the state: on MariaDB who stops runs by this index would lock entries that a worker is changing.
        sa.Index(f"ix_{prefix}deliveries_sequence", deliveries.c.sequence_id)
        mails = sa.Table(
            f"{prefix}mails",
            metadata,
            sa.Column("delivery_id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("recipient", exact_text(320), nullable=False),
            sa.Column("mime", content, nullable=False),
            sa.Column("digest", exact_text(64), nullable=False),
            sa.Column("template_version", exact_text(64), nullable=False),
            sa.Column("written_at", Instant, nullable=False),
        )
        sa.Index(f"ix_{prefix}mails_written", mails.c.written_at)
        suppressions = sa.Table(
            f"{prefix}suppressions",
            metadata,
            sa.Column("key", exact_text(191), primary_key=True, comment="customer:… or address:…", quote=True),
            sa.Column("topic", exact_text(LONGEST_NAME), primary_key=True, comment="empty for all topics"),
            sa.Column("reason", exact_text(64), nullable=False),
            sa.Column("source", exact_text(64), nullable=False),
            sa.Column("at", Instant, nullable=False, quote=True),
            sa.Column("until", Instant, comment="when it ends by itself; NULL for never"),
        )
        senders = sa.Table(
            f"{prefix}senders",
            metadata,
            sa.Column("name", exact_text(LONGEST_NAME), primary_key=True),
            sa.Column("failures", sa.Integer, nullable=False, comment="in a row"),
            sa.Column("rests_until", Instant),
            sa.Column("error", exact_text(255)),
        )
        events = sa.Table(
            f"{prefix}events",
            metadata,
            identity(),
            sa.Column("provider", exact_text(32), nullable=False, comment="who told of it"),
            # Whoever tells the same thing twice is heard once.
            sa.Column("provider_event_id", exact_text(191), nullable=False),
            sa.Column("kind", exact_text(16), nullable=False, comment="hard, soft, complaint, conversion and so on"),
            sa.Column("detail", exact_text(64), comment="a status, a goal; names no address"),
            sa.Column("mail", exact_text(255), comment="how the provider calls a mail that is not known here"),
            sa.Column("delivery_id", sa.BigInteger),
            sa.Column("customer_id", customer, comment="NULL where not known, and once the customer is forgotten"),
            sa.Column("address_hash", exact_text(64)),
            sa.Column("at", Instant, nullable=False, quote=True, comment="when it happened"),
            sa.Column("received_at", Instant, nullable=False),
            sa.UniqueConstraint("provider", "provider_event_id", name=f"uq_{prefix}events_told"),
            sqlite_autoincrement=True,
        )
        sa.Index(f"ix_{prefix}events_delivery", events.c.delivery_id)
        sa.Index(f"ix_{prefix}events_received", events.c.received_at)
        sa.Index(f"ix_{prefix}events_customer", events.c.customer_id)
        sa.Index(f"ix_{prefix}events_address", events.c.address_hash, events.c.at)
        return cls(metadata, sequences, versions, enrolments, deliveries, mails, suppressions, senders, events)
