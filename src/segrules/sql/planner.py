"""How the parts of a rule become one statement: which shape each part gets on which database, and why."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from attrs import field, frozen

from segrules.algebra import Predicate
from segrules.sql.writer import Writer


@frozen(eq=False)
class Plan:
    """A statement and, line by line, the shape that each part of the rule got and why."""

    statement: sa.Select[Any]
    lines: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(self.lines)


def planned(predicate: Predicate, writer: Writer) -> Plan:
    """The statement for all customers."""
    conditions = writer.conditions(predicate, writer.rows)
    statement = sa.select(writer.customer.key).select_from(writer.frame.clause).where(*conditions)
    return Plan(statement)
