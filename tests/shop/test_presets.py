"""The mapping files that come along: each is sound, and says what it is for."""

import pytest

import segrules as sr
from segrules.shop.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_sound_mapping_file(name: str) -> None:
    shop = sr.Shop.preset(name, timezone="Europe/Rome")
    assert str(shop.zone) == "Europe/Rome"
    for dialect in ("sqlite", "postgresql", "mariadb", "duckdb"):
        assert sr.parse("lifetime.sales > 5000", shop).select(shop, dialect) is not None


def test_an_unknown_preset_is_told() -> None:
    with pytest.raises(sr.ShopError, match='there is no preset "oskar"; there are oscar'):
        sr.Shop.preset("oskar")
