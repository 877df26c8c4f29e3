from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from segrules.clock import Clock
from segrules.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def vocabulary():
    from segrules.conditions import segrules_condition_types

    return Vocabulary.of(*segrules_condition_types())


@pytest.fixture(scope="session")
def clock():
    return Clock.at(datetime(2025, 7, 4, 12, tzinfo=UTC), ZoneInfo("Europe/Rome"))
