"""What a worker works with: tables, clock, customers, composer, senders, and the sequences as they are stored."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pluggy
import sqlalchemy as sa
from attrs import field, frozen
from attrs.validators import ge, gt

from segrules_sequences.audience import Audience
from segrules_sequences.clock import Clock
from segrules_sequences.definitions import Sequence
from segrules_sequences.enrolment import Kept, Runs
from segrules_sequences.ports import Composer, Sender
from segrules_sequences.spelling import from_plain
from segrules_sequences.statements import Statements
from segrules_sequences.tables import Tables


@frozen(kw_only=True)
class SoftBounces:
    """So many mails to an address come back softly ``within`` some time, and it is left alone for a ``rest``."""

    count: int = field(default=3, validator=ge(1))
    within: timedelta = field(default=timedelta(days=30), validator=gt(timedelta(0)))
    rest: timedelta = field(default=timedelta(days=30), validator=gt(timedelta(0)))


@frozen(eq=False)
class Setting:
    """Everything outside of one delivery that its way depends on."""

    engine: sa.Engine
    tables: Tables
    clock: Clock
    audience: Audience
    composer: Composer
    senders: Mapping[str, Callable[[], Sender]]
    key: bytes = field(repr=False)
    zone: ZoneInfo
    plugins: pluggy.PluginManager
    soft_bounces: SoftBounces = field(factory=SoftBounces)
    #: What begins, goes on with and stops runs.
    runs: Runs = field(init=False, repr=False)
    _statements: dict[timedelta, Statements] = field(factory=dict, init=False, repr=False)
    _kept: dict[tuple[Any, ...], Kept] = field(factory=dict, init=False, repr=False)

    @runs.default
    def _made_once(self) -> Runs:
        return Runs(self.tables, self.clock)

    def statements(self, lease: timedelta) -> Statements:
        """The statements of each mail, for workers with such a lease; put together once."""
        if lease not in self._statements:
            self._statements[lease] = Statements(self.tables, self.clock, lease)
        return self._statements[lease]

    def kept(self, connection: sa.Connection, row: Any) -> Kept:
        """The sequence of a row with its id, name, status and version; the definition of a version is read once."""
        return self._of_version(connection, row, row.sequence_version)

    def earlier(self, connection: sa.Connection, row: Any, version: int) -> Sequence:
        """The sequence of a row as it was in a version."""
        return self._of_version(connection, row, version).sequence

    def _of_version(self, connection: sa.Connection, row: Any, version: int) -> Kept:
        key = (row.sequence_id, version, row.name, row.status)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._read(connection, row, version)
        return found

    def _read(self, connection: sa.Connection, row: Any, version: int) -> Kept:
        versions = self.tables.versions
        text = connection.scalar(
            sa.select(versions.c.definition).where(
                versions.c.sequence_id == row.sequence_id, versions.c.version == version
            )
        )
        assert text is not None
        definition = json.loads(text) | {"status": row.status}
        return Kept(row.sequence_id, from_plain(definition, name=row.name, version=version))

    def address_hash(self, address: str) -> str:
        """What stands for an address where it need not be read: a keyed hash."""
        local, at, domain = address.strip().lower().rpartition("@")
        with suppress(UnicodeError):
            # A domain in its own script and in ASCII is one domain.
            domain = domain.encode("idna").decode()
        return hmac.new(self.key, f"address:{local}{at}{domain}".encode(), hashlib.sha256).hexdigest()


def customer_key(customer: Any) -> str:
    """What stands for a customer in the list of suppressions."""
    return f"customer:{customer}"


def address_key(hashed: str) -> str:
    """What stands for an address in the list of suppressions."""
    return f"address:{hashed}"
