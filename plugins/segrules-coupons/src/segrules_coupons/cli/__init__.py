"""The command ``segrules-coupons``."""

from segrules_coupons.cli.group import coupons as main

__all__ = ["main"]
