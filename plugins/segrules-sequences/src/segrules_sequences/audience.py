"""What the engine asks about customers right before it writes to them: the address, consent, the segment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa
from segrules.segments import SegmentStore
from segrules.shop.mapping import Mapping
from segrules.sql.loading import Needs, load

from segrules_sequences.ports import Recipient

_ZONE, _STORE_NAME = "segrules_sequences_zone", "segrules_sequences_store_name"
#: The newsletter's state of those who may be mailed, and of those who said that they may not.
_SUBSCRIBED, _UNSUBSCRIBED = "subscribed", "unsubscribed"


class Audience(Protocol):
    """Where customers are looked up, several at once, on a connection of the engine."""

    @property
    def knows_consent(self) -> bool:
        """Whether it knows who has consented."""
        ...

    def recipients(self, connection: sa.Connection, customers: Collection[Any]) -> dict[Any, Recipient]:
        """These customers as of now, by id; without those who are not there any more."""
        ...

    def members(self, connection: sa.Connection, segment: str, customers: Collection[Any], at: datetime) -> set[Any]:
        """Those of these customers who belong into a segment now, whatever is stored. SegmentError without one."""
        ...


class ShopAudience:
    """The customers of a shop, as its mapping shows them.

    The address, the names, store and website are the fields ``email``, ``first_name``, ``last_name``, ``store`` and
    ``website`` of the customer. The time zone is the customer's field ``timezone``, or the column ``timezone`` of the
    table in which the store's code is looked up. Consent is the newsletter's latest ``status``.
    """

    def __init__(self, store: SegmentStore) -> None:
        self._store = store

    @cached_property
    def knows_consent(self) -> bool:
        """Whether the shop maps the status of the newsletter."""
        entity = self._store.shop.mapping.entities.get("newsletter")
        return entity is not None and "status" in entity.fields

    @cached_property
    def _mapping(self) -> Mapping:
        """The shop's mapping, with zone and name of the customer's store where they are found."""
        mapping = self._store.shop.mapping
        store = mapping.entity("").fields.get("store")
        if store is None or store.via is None:
            return mapping
        columns = {_ZONE: "timezone", _STORE_NAME: "name"}
        found = {key: store.via.field(store.via.table.c[name]) for key, name in columns.items()
                 if name in store.via.table.c}  # fmt: skip
        return mapping.with_fields("", **found)

    @cached_property
    def _needs(self) -> Needs:
        needs: dict[str, Any] = {"": dict.fromkeys(self._mapping.entity("").fields)}
        if self.knows_consent:
            known = self._mapping.entity("newsletter").fields
            needs["newsletter"] = dict.fromkeys(each for each in ("status", "changed_at") if each in known)
        return Needs(needs)

    def recipients(self, connection: sa.Connection, customers: Collection[Any]) -> dict[Any, Recipient]:
        """These customers as of now, by id; without those who are not there any more."""
        found = {}
        for customer, data in load(connection, self._mapping, customers, self._needs):
            zone, store_name = data.pop(_ZONE, None), data.pop(_STORE_NAME, None)
            subscribed, refused = self._consent(data.pop("newsletter", []))
            found[customer] = Recipient(
                id=customer,
                email=data.get("email") or None,
                first_name=data.get("first_name"),
                last_name=data.get("last_name"),
                zone=data.get("timezone") or zone,
                store=data.get("store"),
                store_name=store_name,
                website=data.get("website"),
                subscribed=subscribed,
                refused=refused,
                fields=data,
            )
        return found

    def _consent(self, subscriptions: list[dict[str, Any]]) -> tuple[bool | None, bool]:
        if not self.knows_consent:
            return None, False
        latest = max(subscriptions, key=_changed, default={"status": None})
        return latest["status"] == _SUBSCRIBED, latest["status"] == _UNSUBSCRIBED

    def members(self, connection: sa.Connection, segment: str, customers: Collection[Any], at: datetime) -> set[Any]:
        """Those of these customers who belong into a segment now, whatever is stored."""
        return self._store.matching(segment, customers, at=at, connection=connection)


def _changed(subscription: dict[str, Any]) -> tuple[bool, Any, Any]:
    moment = subscription.get("changed_at")
    return moment is not None, moment if moment is not None else 0, subscription["id"]
