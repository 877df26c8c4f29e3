"""Forecasts against brute force: random rules and customers, judged anew at every moment that could matter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import segrules as sr
from segrules.testing import values
from segrules.testing.choosing import Drawn, Seeded

from .walking import Walk, smallest

SHOPS = [sr.Shop.default(timezone=zone) for zone in values.ZONES]


@pytest.mark.parametrize("zone", range(len(SHOPS)), ids=values.ZONES)
def test_seeded(zone: int) -> None:
    met = 0
    for number in range(9):
        chooser = Seeded(f"forecast {zone}/{number}")
        walk = Walk.drawn(chooser, SHOPS[zone], size=4)
        if walk is None:
            continue
        met += 1
        wrong = next(walk.mistakes(chooser, 60), None)
        if wrong is not None:
            small = smallest(walk, lambda each: next(each.mistakes(Seeded(0), 60), None) is not None)
            again = next(small.mistakes(Seeded(0), 60), "only with the seed")
            pytest.fail(f"{wrong}\n{walk}\n\nor, smaller:\n{small}\n{again}\n{small.customers}")
    assert met > 2


@given(st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_drawn(data: st.DataObject) -> None:
    @st.composite
    def walks(draw: st.DrawFn) -> Walk | None:
        return Walk.drawn(Drawn(draw), SHOPS[draw(st.integers(0, len(SHOPS) - 1))], size=1)

    walk = data.draw(walks())
    if walk is not None:
        note(str(walk))
        assert next(walk.mistakes(Seeded(0), 40), None) is None
