"""A bound rule as one SQL statement; see ``select``, ``evaluate`` and ``prepare``."""

from segrules.sql.engines import prepare
from segrules.sql.statements import count, dialect_of, evaluate, plan, select

__all__ = ["count", "dialect_of", "evaluate", "plan", "prepare", "select"]
