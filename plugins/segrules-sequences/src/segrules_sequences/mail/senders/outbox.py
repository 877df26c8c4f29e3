"""Mails put into a table, from which the shop's own mailer takes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from attrs import define, field, frozen
from segrules.shop.columns import exact_text
from sqlalchemy.dialects import mysql

from segrules_sequences.clock import DatabaseClock, Instant
from segrules_sequences.ports import Lookup, OutcomeUnknown, Outgoing, Receipt, SenderBlocked, SenderCaps, Temporary


def outbox_table(metadata: sa.MetaData, prefix: str = "segrules_") -> sa.Table:
    """The table of the outbox: a row for each mail, ``taken_at`` set once the shop's mailer has it."""
    table = sa.Table(
        f"{prefix}outbox",
        metadata,
        sa.Column("message_id", exact_text(191), primary_key=True),
        sa.Column("sender", exact_text(320), nullable=False),
        sa.Column("recipient", exact_text(320), nullable=False),
        sa.Column("mime", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
        sa.Column("put_at", Instant, nullable=False),
        sa.Column("taken_at", Instant),
    )
    sa.Index(f"ix_{table.name}_waiting", table.c.taken_at, table.c.put_at)
    return table


@frozen(eq=False)
class Waiting:
    """A mail in the outbox."""

    message_id: str
    sender: str
    recipient: str
    mime: bytes = field(repr=False)
    put_at: datetime


@define(eq=False)
class OutboxSender:
    """Puts each mail into the outbox of a database, once, and can tell what is there."""

    engine: sa.Engine
    table: sa.Table = field(factory=lambda: outbox_table(sa.MetaData()), repr=False)
    name: str = "outbox"
    caps: SenderCaps = field(factory=lambda: SenderCaps(lookup=True, idempotency_key=True))

    def create_table(self) -> None:
        """The table exists."""
        self.table.create(self.engine, checkfirst=True)

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """The mail is in the table and committed; one that is there already stays as it is."""
        try:
            connection = self.engine.connect()
        except sa.exc.SQLAlchemyError as cause:
            raise SenderBlocked(f"the outbox cannot be reached ({type(cause).__name__})") from None
        with connection:
            try:
                if self._has(connection, mail.message_id):
                    return Receipt(mail.message_id)
                if time.monotonic() >= deadline:
                    raise Temporary("no time is left for this mail")
                connection.execute(
                    self.table.insert().values(
                        message_id=mail.message_id,
                        sender=mail.sender,
                        recipient=mail.recipient,
                        mime=mail.mime,
                        put_at=DatabaseClock().now(),
                    )
                )
            except sa.exc.IntegrityError:
                # Somebody else has put the same mail there since we looked.
                connection.rollback()
                return Receipt(mail.message_id)
            except sa.exc.SQLAlchemyError as cause:
                raise Temporary(f"the outbox took nothing ({type(cause).__name__})") from None
            try:
                connection.commit()
            except sa.exc.SQLAlchemyError as cause:
                raise OutcomeUnknown(f"the outbox was lost at the commit ({type(cause).__name__})") from None
        return Receipt(mail.message_id)

    def lookup(self, message_id: str) -> Lookup:
        """Whether the outbox has had the mail."""
        try:
            with self.engine.connect() as connection:
                return Lookup.ACCEPTED if self._has(connection, message_id) else Lookup.NOT_FOUND
        except sa.exc.SQLAlchemyError:
            return Lookup.UNKNOWN

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def taking(self, limit: int = 50) -> Iterator[list[Waiting]]:
        """The oldest mails that nobody has taken, in their order; they are taken when the block ends without an error.

        Several mailers may take at once on PostgreSQL and MariaDB; each gets other mails. What the block has sent is
        sent again when it, or the machine, fails before the end: the mailer's own server sees the same message id.
        """
        columns = self.table.c
        oldest = sa.select(columns.message_id, columns.sender, columns.recipient, columns.mime, columns.put_at)
        oldest = oldest.where(columns.taken_at.is_(None)).order_by(columns.put_at, columns.message_id).limit(limit)
        with self.engine.begin() as connection:
            rows = connection.execute(oldest.with_for_update(skip_locked=True)).all()
            yield [Waiting(*row) for row in rows]
            ids = [row.message_id for row in rows]
            connection.execute(
                self.table.update().where(columns.message_id.in_(ids)).values(taken_at=DatabaseClock().now())
            )

    def _has(self, connection: sa.Connection, message_id: str) -> bool:
        found: Any = connection.scalar(sa.select(self.table.c.message_id).where(self.table.c.message_id == message_id))
        return found is not None
