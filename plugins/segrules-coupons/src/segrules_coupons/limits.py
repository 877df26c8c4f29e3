"""How much a store of coupons takes on; every limit can be set."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from attrs import frozen


@frozen(kw_only=True)
class Limits:
    """``density``: how many live codes there may be for each possible one, so how likely a guess hits.

    ``batch``: codes of one batch. ``personal``: for how many live codes a pattern of personal codes must have room.
    ``codes``: that may be typed for one cart. ``reserved``: the longest time for which uses are reserved. ``patience``:
    how long a transaction is tried again while others hold the database.
    """

    density: Fraction = Fraction(1, 1_000_000)
    batch: int = 5_000_000
    personal: int = 10_000_000
    codes: int = 20
    reserved: timedelta = timedelta(days=30)
    patience: timedelta = timedelta(seconds=30)
