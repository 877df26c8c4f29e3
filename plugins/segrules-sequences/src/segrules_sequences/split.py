"""Who gets which variant, and who gets nothing: by a hash, so the answer is the same each time and on every host.

The two are independent of each other, and of what other sequences do with the same customer.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from segrules_sequences.definitions import Step, Variant


def is_held_out(uid: str, customer: Any, percent: int) -> bool:
    """Whether a customer is among those who get nothing of a sequence."""
    return int.from_bytes(_digest(uid, customer)[:8], "big") % 100 < percent


def variant(uid: str, customer: Any, step: Step) -> Variant | None:
    """The variant of a step that a customer gets by the weights; None for a step that has none.

    A customer has one place on the whole, so where two steps have the same variants and weights he gets the same of
    both, and few change sides when the weights change.
    """
    if not step.variants:
        return None
    place = int.from_bytes(_digest(uid, customer)[8:16], "big") * sum(each.weight for each in step.variants) >> 64
    for each in step.variants:
        place -= each.weight
        if place < 0:
            return each
    raise AssertionError("a place is below the sum of the weights")


def frozen_variant(uid: str, customer: Any, step: Step, begun: Step | None) -> Variant | None:
    """The same by the weights with which the run began, as long as there is such a variant.

    ``begun`` is the step as it was then, None when there was none.
    """
    chosen = variant(uid, customer, begun) if begun is not None else None
    there = step.variant(chosen.name) if chosen is not None else None
    return there if there is not None else variant(uid, customer, step)


def _digest(uid: str, customer: Any) -> bytes:
    return hmac.new(uid.encode(), str(customer).encode(), hashlib.sha256).digest()
