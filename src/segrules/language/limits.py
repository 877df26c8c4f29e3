"""How large a rule may be."""

from __future__ import annotations

from attrs import frozen


@frozen
class Limits:
    """The bounds of a rule; each has its own error. Within them reading takes linear time and memory.

    ``source`` counts bytes of UTF-8; ``nesting`` counts parentheses, ``not``, minus signs and arithmetic
    inside one another; ``values`` those of one list; ``conditions`` the comparisons of the whole rule.
    """

    source: int = 64 * 1024
    nesting: int = 64
    values: int = 10_000
    conditions: int = 2_000
