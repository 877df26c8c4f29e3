"""Which codes that went with mails were used: what the e-mail sequences ask for their statistics.

Neither package imports the other. They share the hook ``segrules_step_redemptions``, and the key of a mail is that
under which its code was issued.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from segrules_coupons.redeeming import UseState
from segrules_coupons.steps import store_of


def redemptions(connection: sa.Connection) -> sa.Select[Any] | None:
    """The confirmed uses of issued codes, each with the key of the issue; None where there is no store.

    A code that was given out again counts for the latest mail before its use.
    """
    store = store_of(connection)
    tables = store.tables
    if not sa.inspect(connection).has_table(tables.issues.name, schema=store.schema):
        return None
    uses, issues, later, rules = tables.uses, tables.issues, tables.issues.alias("later"), tables.rules
    # An order that was reserved by its codes alone was not priced here, so its currency is that of the rule.
    currency = sa.func.coalesce(uses.c.currency, rules.c.currency).label("currency")
    latest = ~sa.exists().where(
        later.c.coupon_id == issues.c.coupon_id,
        later.c.created_at <= uses.c.reserved_at,
        sa.tuple_(later.c.created_at, later.c.issue_key) > sa.tuple_(issues.c.created_at, issues.c.issue_key),
    )
    return (
        sa.select(issues.c.issue_key.label("key"), uses.c.revenue, currency)
        .select_from(
            uses.join(issues, issues.c.coupon_id == uses.c.coupon_id).join(rules, rules.c.id == uses.c.rule_id)
        )
        .where(uses.c.state == UseState.CONFIRMED.value, issues.c.created_at <= uses.c.reserved_at, latest)
    )
