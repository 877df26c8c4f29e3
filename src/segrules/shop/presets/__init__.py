"""Mapping files for shops that exist, as they come out of their box. See :meth:`segrules.Shop.preset`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from segrules.errors import ShopError

#: Each preset with the shop that it is for.
PRESETS = {
    "maho": "Maho, OpenMage and Magento 1",
    "oscar": "django-oscar 4",
    "woocommerce": "WooCommerce with High-Performance Order Storage",
}


def preset_file(name: str) -> Traversable:
    """The mapping file of a preset; ShopError when there is none of that name."""
    if name not in PRESETS:
        raise ShopError(f'there is no preset "{name}"; there are {", ".join(PRESETS)}')
    return files(__name__) / f"{name}.toml"
