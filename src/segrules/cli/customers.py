"""Customers as a command is given them: by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from segrules.cli.failures import Blame, Failure

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.shop import Shop


def customer_id(shop: Shop, text: str) -> Any:
    """A customer's id as the shop keeps it: a whole number, a UUID, or the text itself."""
    import sqlalchemy as sa

    kept = shop.mapping.entity("").key.type
    try:
        if isinstance(kept, sa.Integer):
            return int(text)
        return UUID(text) if isinstance(kept, sa.Uuid) else text
    except ValueError:
        kind = "whole numbers" if isinstance(kept, sa.Integer) else "UUIDs"
        raise Failure(Blame.USAGE, f'"{text}" is no customer of this shop, whose ids are {kind}') from None


def is_there(connection: sa.Connection, shop: Shop, key: Any) -> bool:
    """Whether the shop has a customer of that id, active or not."""
    import sqlalchemy as sa

    kept = shop.mapping.entity("").key
    return connection.execute(sa.select(kept).where(kept == sa.literal(key, kept.type)).limit(1)).first() is not None


def id_to_json(found: Any) -> Any:
    """An id as JSON has it: numbers and texts stay, a UUID is text."""
    return str(found) if isinstance(found, UUID) else found
