"""Generated rules and generated algebra: memory and every backend answer alike, and everything came up."""

from collections.abc import Iterator
from typing import Any

import pytest

from segrules import conditions
from segrules.condition import Amount, Choice, Code, Date, Moment, Quantity, Text, Whole, YesNo
from segrules.shop import Shop
from segrules.testing import Run
from segrules.testing.coverage import expected_features
from segrules.testing.suite import fail_unless_sound
from segrules.vocabulary import Vocabulary

OURS = Vocabulary.of(*conditions.segrules_condition_types())

#: From here on a run is long enough for everything to come up.
LONG = 2000


def a_shop(timezone: str) -> Any:
    """The default shop with an attribute of each kind, of customers and of products."""
    return Shop.default(
        timezone,
        vocabulary=OURS,
        customer_attributes={
            "loyalty_level": Choice("The level.", values=("bronze", "silver", "gold")),
            "tax_number": Code("The tax number."),
            "credit": Amount("The credit."),
            "visits": Whole("The visits."),
            "remark": Text("A remark."),
            "wedding": Date("The day of the wedding."),
            "contract_until": Moment("When the contract ends."),
            "is_business": YesNo("Whether it is a company."),
        },
        product_attributes={
            "brand": Text("The brand."),
            "weight": Quantity("The weight."),
            "color": Choice("The color."),
        },
    )


@pytest.fixture(scope="module", params=["Europe/Rome", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"])
def opened(request: pytest.FixtureRequest, stages: Any) -> Iterator[Any]:
    shop = a_shop(request.param)
    with stages(shop) as found:
        yield shop, found


def test_rules(opened: Any, parity_cases: int, parity_seed: str) -> None:
    shop, stages = opened
    run = Run(shop, stages, f"{parity_seed}/{shop.zone.key}").go(parity_cases)
    fail_unless_sound(run)
    assert run.telling > run.questions / 2, "most rules should tell some customers from others"
    if run.questions >= LONG:
        assert not run.coverage.lacking(expected_features())


def test_algebra(opened: Any, parity_cases: int, parity_seed: str) -> None:
    shop, stages = opened
    run = Run(shop, stages, f"{parity_seed}/{shop.zone.key}", algebra=True).go(parity_cases)
    fail_unless_sound(run)
    assert run.telling > run.questions / 4


def test_everything_comes_up() -> None:
    """A run of two thousand rules has every operator, quantifier, function and window, with missing values too."""
    run = Run(a_shop("Europe/Rome"), [], "coverage")
    while run.questions < LONG:
        run.round(f"coverage/{run.questions}", LONG)
    assert not run.coverage.lacking(expected_features())
    assert not run.invalid, run.invalid[:3]
