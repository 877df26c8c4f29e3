"""From algebra to bound algebra: one present, one scope of websites, other segments put in their place."""

from segrules.binding.binder import (
    SCOPED,
    Binding,
    bind,
    bind_condition,
    bind_openly,
    bind_source,
    bind_term,
    everyone,
    solve_days_until,
)
from segrules.binding.constants import is_time

__all__ = [
    "SCOPED",
    "Binding",
    "bind",
    "bind_condition",
    "bind_openly",
    "bind_source",
    "bind_term",
    "everyone",
    "is_time",
    "solve_days_until",
]
