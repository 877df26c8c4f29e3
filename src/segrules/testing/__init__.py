"""The public test kit: it holds a condition type, ours or yours, to the promise that SQL and memory agree.

    # conftest.py
    pytest_plugins = ["segrules.testing.plugin"]

    # test_loyalty.py
    from segrules.testing import parity_suite
    TestLoyaltyEvent = parity_suite(LoyaltyEvent)

It needs the extra ``segrules[testing]``.
"""

from segrules.testing.backends import BACKENDS, Backend, BackendAbsentError, fresh, fresh_or_skipped
from segrules.testing.choosing import Chooser, Drawn, Seeded
from segrules.testing.comparing import Mismatch, Run
from segrules.testing.corpus import run_corpus
from segrules.testing.customers import Population
from segrules.testing.scene import Scene
from segrules.testing.stage import Stage
from segrules.testing.strategies import customers, predicates, rules
from segrules.testing.suite import parity_suite
from segrules.testing.writing import clear, insert

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendAbsentError",
    "Chooser",
    "Drawn",
    "Mismatch",
    "Population",
    "Run",
    "Scene",
    "Seeded",
    "Stage",
    "clear",
    "customers",
    "fresh",
    "fresh_or_skipped",
    "insert",
    "parity_suite",
    "predicates",
    "rules",
    "run_corpus",
]
