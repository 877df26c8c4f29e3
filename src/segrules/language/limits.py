"""How large a rule may be."""

from __future__ import annotations

from attrs import frozen

#: Deeper than this, reading a rule would run out of Python's stack.
DEEPEST = 64


@frozen
class Limits:
    """The bounds of a rule; each has its own error. Within them reading takes linear time and memory.

    ``source`` counts bytes of UTF-8; ``nesting`` counts parentheses, ``not``, minus signs and arithmetic
    inside one another, 64 at most; ``values`` those of one list; ``conditions`` the comparisons of the whole rule.
    """

    source: int = 64 * 1024
    nesting: int = 64
    values: int = 10_000
    conditions: int = 1_000

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.nesting <= DEEPEST:
            raise ValueError(f"nesting is a number of levels from 1 to {DEEPEST}, not {self.nesting!r}")
