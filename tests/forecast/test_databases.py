"""Each database says of all customers what memory says of the one who changes first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.testing.backends import BACKENDS, Backend, fresh_or_skipped
from segrules.testing.choosing import Seeded
from segrules.testing.questions import MEMBERS
from segrules.testing.scene import SEGMENTS
from segrules.testing.stage import Stage

from .walking import Walk


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with fresh_or_skipped(request.param) as found:
        yield found


@pytest.mark.parametrize("zone", ["Europe/Rome", "Australia/Lord_Howe"])
def test_as_in_memory(backend: Backend, zone: str) -> None:
    shop = sr.Shop.default(timezone=zone)
    stage = Stage(backend, shop)
    stored = {name: sa.select(MEMBERS.c.customer_id).where(MEMBERS.c.segment == name) for name in SEGMENTS}
    met = 0
    try:
        for number in range(14):
            walk = Walk.drawn(Seeded(f"database {zone}/{number}"), shop, size=4)
            if walk is None:
                continue
            stage.put(walk.customers)
            found = walk.question.rule.forecast(stage.connection, shop, **{**walk.given, "segments": stored})
            stage.connection.rollback()
            singly = [walk.forecast(each) for each in walk.customers]
            first = min((each.moment for each in singly if each.moment is not None), default=None)
            is_exact = all(each.is_exact for each in singly if each.moment == first)
            if found.is_exact and is_exact:
                assert found.moment == first, str(walk)
                met += 1
    finally:
        stage.close()
    assert met > 4
