"""Customer segments as sentences: one rule becomes one SQL statement and one Python predicate that agree.

The names below are found when they are first asked for, so that importing segrules costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segrules.condition import ConditionType
    from segrules.customer import Customer
    from segrules.errors import (
        BackendError,
        CustomerError,
        Diagnostic,
        EvaluationError,
        ParameterError,
        RuleError,
        SegmentBusyError,
        SegmentConflictError,
        SegmentError,
        SegrulesError,
        Severity,
        ShopError,
        VocabularyError,
    )
    from segrules.hookspecs import MembersChanged, SegmentChange, hookimpl
    from segrules.language import Limits
    from segrules.memory import Explanation
    from segrules.rule import Rule, parse
    from segrules.ruleset import Matches, RuleSet
    from segrules.segments import Refresh, Segment, SegmentStore
    from segrules.shop import Shop
    from segrules.sql import prepare
    from segrules.vocabulary import Vocabulary

__version__ = "0.1.0"

_HOMES = {
    "BackendError": "segrules.errors",
    "ConditionType": "segrules.condition",
    "Customer": "segrules.customer",
    "CustomerError": "segrules.errors",
    "Diagnostic": "segrules.errors",
    "EvaluationError": "segrules.errors",
    "Explanation": "segrules.memory",
    "Limits": "segrules.language",
    "Matches": "segrules.ruleset",
    "MembersChanged": "segrules.hookspecs",
    "ParameterError": "segrules.errors",
    "Refresh": "segrules.segments",
    "Rule": "segrules.rule",
    "RuleError": "segrules.errors",
    "RuleSet": "segrules.ruleset",
    "Segment": "segrules.segments",
    "SegmentChange": "segrules.hookspecs",
    "SegmentBusyError": "segrules.errors",
    "SegmentConflictError": "segrules.errors",
    "SegmentError": "segrules.errors",
    "SegmentStore": "segrules.segments",
    "SegrulesError": "segrules.errors",
    "Severity": "segrules.errors",
    "Shop": "segrules.shop",
    "ShopError": "segrules.errors",
    "Vocabulary": "segrules.vocabulary",
    "VocabularyError": "segrules.errors",
    "hookimpl": "segrules.hookspecs",
    "parse": "segrules.rule",
    "prepare": "segrules.sql",
}

__all__ = [
    "BackendError",
    "ConditionType",
    "Customer",
    "CustomerError",
    "Diagnostic",
    "EvaluationError",
    "Explanation",
    "Limits",
    "Matches",
    "MembersChanged",
    "ParameterError",
    "Refresh",
    "Rule",
    "RuleError",
    "RuleSet",
    "Segment",
    "SegmentBusyError",
    "SegmentChange",
    "SegmentConflictError",
    "SegmentError",
    "SegmentStore",
    "SegrulesError",
    "Severity",
    "Shop",
    "ShopError",
    "Vocabulary",
    "VocabularyError",
    "__version__",
    "hookimpl",
    "parse",
    "prepare",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'segrules' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
