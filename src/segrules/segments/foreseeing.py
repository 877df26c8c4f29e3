"""When a segment's members change next, if no data does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from segrules.forecast import foresee
from segrules.forecast.database import Everyone
from segrules.rule import parse
from segrules.segments.catalogue import Catalogue
from segrules.segments.matching import said, setting
from segrules.segments.segment import Segment

#: So many questions a refresh asks; where it gives up is a moment that is too early, from which the next one goes on.
_LOOKS = 20


def foreseen(
    catalogue: Catalogue, segment: Segment, at: datetime, among: sa.Select[Any] | None = None
) -> datetime | None:
    """The first moment after ``at`` at which some customer's membership changes; None when time changes none.

    It may be too early, and is not too late. ``among``: of those customers. Segments that the rule names stay as
    they are stored.
    """
    shop, connection = catalogue.shop, catalogue.connection
    rule = parse(segment.rule, shop, name=segment.name)
    witness = Everyone(connection, shop.mapping, shop.zone, catalogue.members_of(rule.segments), among)
    return foresee(said(segment, rule, shop), setting(segment, shop, at), witness, _LOOKS).moment
