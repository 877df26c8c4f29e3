"""Which websites a shop has, as far as it says: by its vocabulary, or by the table that its customers point to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from segrules.condition import Choice
from segrules.errors import EvaluationError
from segrules.language.report import closest, listing

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.shop.shop import Shop


def known(shop: Shop, connection: sa.Connection | None = None) -> tuple[str, ...] | None:
    """The codes of the shop's websites; None when it does not say, or has none yet."""
    customer = shop.vocabulary.relations.get("customer")
    field = customer.fields.get("website") if customer is not None else None
    if isinstance(field, Choice) and field.values is not None:
        return field.values
    import sqlalchemy as sa

    stored = shop.mapping.entity("").fields.get("website") if connection is not None else None
    if stored is None or stored.via is None or stored.codes is not None or connection is None:
        return None
    codes = sa.select(stored.column).select_from(stored.via.table).distinct().order_by(stored.column)
    return tuple(str(code) for code in connection.scalars(codes) if code is not None) or None


def require(shop: Shop, codes: Iterable[str], connection: sa.Connection | None = None) -> None:
    """Every code is that of a website; EvaluationError names one that is none, where the shop knows its websites."""
    codes = list(codes)
    websites = known(shop, connection) if codes else None
    for code in codes:
        if websites is not None and code not in websites:
            near = closest(code, websites)
            way_out = f'did you mean "{near}"?' if near else f"there is {listing(websites)}"
            raise EvaluationError(f'there is no website "{code}": {way_out}')
