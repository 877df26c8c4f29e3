"""Ten million characters of each alphabet against chance: chi-square of signs and of pairs, with p.

python plugins/segrules-coupons/benchmarks/letters.py [--characters 10000000]
"""

from __future__ import annotations

import math
from collections import Counter

from databases import chosen

from segrules_coupons import Pattern
from segrules_coupons.pattern import ALPHABET

ALPHABETS = (ALPHABET, "23456789", "23456789ABCDEFGHJKMNPQRSTUVWXYZ", "BCDFGHJKM", "23")


def p_value(counts, cells):
    """Of the chi-square statistic, by Wilson and Hilferty's approximation."""
    counts = list(counts)
    expected = sum(counts) / cells
    square = sum((count - expected) ** 2 / expected for count in counts)
    square += expected * (cells - len(counts))
    freedom = cells - 1
    part = 2 / (9 * freedom)
    z = ((square / freedom) ** (1 / 3) - (1 - part)) / math.sqrt(part)
    return math.erfc(z / math.sqrt(2)) / 2


def main():
    given = chosen(__doc__, characters=10_000_000)
    for alphabet in ALPHABETS:
        signs = "".join(Pattern("#" * 50, alphabet).codes(given.characters // 50))
        single = p_value(Counter(signs).values(), len(alphabet))
        pairs = p_value(Counter(map("".join, zip(signs[::2], signs[1::2], strict=True))).values(), len(alphabet) ** 2)
        print(f"{alphabet:32} {len(signs):,} characters: p = {single:.3f}, of pairs p = {pairs:.3f}", flush=True)
        assert min(single, pairs) > 0.001


if __name__ == "__main__":
    main()
