"""The pytest plugin of the test kit: ``pytest_plugins = ["segrules.testing.plugin"]`` in a conftest.py.

Options: ``--parity-cases N``, ``--parity-seed TEXT``. The fixture ``stages`` opens a shop on every backend: SQLite
and DuckDB in process, PostgreSQL and MariaDB at their usual local addresses or where SEGRULES_TEST_POSTGRESQL
and SEGRULES_TEST_MARIADB say. A backend that does not answer is left out with a warning, unless
SEGRULES_REQUIRE_BACKENDS (names with commas between) promises it: then its absence is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from segrules.shop.shop import DefaultShop
from segrules.testing.backends import BACKENDS, Backend, BackendAbsentError, fresh, required
from segrules.testing.stage import Stage
from segrules.testing.suite import opened_stages

_ABSENT = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the kit."""
    group = parser.getgroup("segrules", "parity of SQL and memory")
    group.addoption(
        "--parity-cases", type=int, default=200, metavar="N", help="generated cases of each parity test (default 200)"
    )
    group.addoption("--parity-seed", default="1", metavar="TEXT", help="where the generated cases begin (default 1)")


def pytest_configure(config: pytest.Config) -> None:
    """No backend is known to be absent yet."""
    config.stash[_ABSENT] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which backends parity was not tested on, and why."""
    for name, reason in config.stash.get(_ABSENT, {}).items():
        terminalreporter.write_line(f"parity was not tested on {name}: {reason}", yellow=True)


@pytest.fixture(scope="session")
def parity_cases(request: pytest.FixtureRequest) -> int:
    """How many generated cases a parity test compares."""
    return int(request.config.getoption("--parity-cases"))


@pytest.fixture(scope="session")
def parity_seed(request: pytest.FixtureRequest) -> str:
    """Where the generated cases begin."""
    return str(request.config.getoption("--parity-seed"))


@pytest.fixture(scope="session")
def backends(request: pytest.FixtureRequest) -> Iterator[dict[str, Backend]]:
    """Every backend that answers, each empty; they are gone at the end of the session."""
    found: dict[str, Backend] = {}
    with ExitStack() as stack:
        for name in BACKENDS:
            try:
                found[name] = stack.enter_context(fresh(name))
            except BackendAbsentError as absence:
                if name in required():
                    pytest.fail(f"SEGRULES_REQUIRE_BACKENDS promises {name}, but {absence}", pytrace=False)
                request.config.stash[_ABSENT][name] = str(absence)
        yield found


@pytest.fixture(scope="session")
def stages(backends: dict[str, Backend]) -> Callable[[DefaultShop], AbstractContextManager[list[Stage]]]:
    """Every backend with the tables of a shop in it, to be used in a ``with``."""

    def opened(shop: DefaultShop) -> AbstractContextManager[list[Stage]]:
        return opened_stages(shop, backends)

    return opened
