"""Amounts of money, exact: whole numbers of a currency's smallest unit, one rounding rule, fair shares.

The rule: an exact amount is rounded once, half up, to the smallest unit of its currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

#: The currencies of ISO 4217 whose smallest unit is not a hundredth.
_DECIMALS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
#: Amounts are below this, as in the shop's tables.
HIGHEST = Decimal(10) ** 12


def decimals(currency: str) -> int:
    """How many decimals the amounts of a currency have."""
    return _DECIMALS.get(currency, 2)


def is_currency(code: str) -> bool:
    """Whether a text looks like a code of ISO 4217."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def units(amount: Decimal, currency: str) -> int | None:
    """An amount as a number of smallest units; None when it has more decimals than the currency."""
    scaled = amount.scaleb(decimals(currency))
    return int(scaled) if scaled == int(scaled) else None


def exact_units(amount: Decimal, currency: str) -> int:
    """The same for an amount of which it is known that it has no more decimals."""
    found = units(amount, currency)
    assert found is not None
    return found


def rounded(exact: Fraction) -> int:
    """An exact number of smallest units, half up."""
    return floor(exact + Fraction(1, 2))


def amount_of(number: int, currency: str) -> Decimal:
    """The amount of so many smallest units, written with all decimals of the currency."""
    return in_full(Decimal(number).scaleb(-decimals(currency)), currency)


def in_full(amount: Decimal, currency: str) -> Decimal:
    """An amount with all decimals of its currency."""
    return amount.quantize(Decimal(1).scaleb(-decimals(currency)))


def apportioned(shares: Sequence[Fraction], order: Sequence[object], highest: int | None = None) -> list[int]:
    """Exact shares as whole units that come to the rounded sum of all, or to ``highest`` when that is less.

    Each is within one unit of its share, and none above it by more than the rest of its own unit. Of equal rests the
    first in ``order`` (one key for each share) gets the unit.
    """
    exact = sum(shares, Fraction(0))
    total = rounded(exact)
    if highest is not None and total > highest:
        shares = [share * highest / exact for share in shares]
        total = highest
    whole = [floor(share) for share in shares]
    behind = sorted(range(len(shares)), key=lambda place: (whole[place] - shares[place], order[place]))
    for place in behind[: total - sum(whole)]:
        whole[place] += 1
    return whole
