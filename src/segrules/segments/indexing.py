"""Which indexes the stored segments want: the statements that their refresh and their live question are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from segrules import sql
from segrules.rule import parse
from segrules.segments.catalogue import Catalogue
from segrules.segments.matching import matching, meaning

#: Behind the name of a segment: the statement that asks about one customer.
ONE = " (one customer)"


def statements(catalogue: Catalogue, at: datetime) -> dict[str, sa.Select[Any]]:
    """For each active segment the statement of its refresh, and the one that asks about one customer.

    Raises RuleError for a stored rule that has mistakes by now.
    """
    shop, dialect = catalogue.shop, catalogue.connection.dialect
    somebody = sa.select(shop.mapping.entity("").key).limit(1)
    among = [catalogue.connection.scalar(somebody) or 0]
    found = {}
    for stored in catalogue.all():
        segment = stored.segment
        if not segment.active:
            continue
        rule = parse(segment.rule, shop, name=segment.name)
        predicate, members = meaning(segment, rule, shop, at), catalogue.members_of(rule.segments)
        found[segment.name] = matching(predicate, shop, dialect, members, at)
        found[segment.name + ONE] = sql.select(predicate, shop.mapping, dialect, shop.zone, members, among)
    return found
