"""Where choices come from: a seeded generator for the long run, hypothesis for a property test.

Everything that the kit generates is built by functions that take a :class:`Chooser`. There is one such function
for rules, one for customers, one for the algebra; who decides makes no difference to what can come up. The
first of several alternatives is the simplest, so that hypothesis shrinks towards it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chooser(Protocol):
    """Decides between ``count`` alternatives."""

    def below(self, count: int) -> int:
        """A whole number from 0 up to, not including, ``count``."""
        ...


class Seeded:
    """Choices by a pseudo-random generator: the same seed gives the same choices, and it is fast."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed).random

    def below(self, count: int) -> int:
        """A whole number from 0 up to, not including, ``count``."""
        return int(self._random() * count)


class Drawn:
    """Choices by hypothesis, which can take them back one by one to find a smaller example."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def below(self, count: int) -> int:
        """A whole number from 0 up to, not including, ``count``."""
        return self._draw(st.integers(0, count - 1)) if count > 1 else 0


def one_of(chooser: Chooser, items: Sequence[T]) -> T:
    """One of the items, each as likely as the others."""
    return items[chooser.below(len(items))]


def some_of(chooser: Chooser, items: Sequence[T], least: int, most: int) -> list[T]:
    """From ``least`` to ``most`` of the items, repetitions allowed."""
    return [one_of(chooser, items) for _ in range(least + chooser.below(most - least + 1))]


def happens(chooser: Chooser, one_in: int) -> bool:
    """True once in so many times; False is the simpler answer."""
    return chooser.below(one_in) == one_in - 1
