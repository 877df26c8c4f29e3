"""How much a template may take. Every limit has a default that a mail never needs to reach."""

from __future__ import annotations

from attrs import field, frozen, validators

_POSITIVE = validators.gt(0)


@frozen(kw_only=True)
class Limits:
    """What one rendering may take; a template that wants more is refused with the name of the limit."""

    #: Characters of a template with all that it includes.
    source: int = field(default=256 * 1024, validator=_POSITIVE)
    #: Blocks within blocks, and operations within an expression.
    nesting: int = field(default=32, validator=_POSITIVE)
    #: Includes within includes.
    includes: int = field(default=4, validator=_POSITIVE)
    #: Turns of one loop.
    turns: int = field(default=1_000, validator=_POSITIVE)
    #: Turns of all loops of one rendering.
    all_turns: int = field(default=10_000, validator=_POSITIVE)
    #: Characters of one value on its way through a template.
    text: int = field(default=64 * 1024, validator=_POSITIVE)
    #: Bytes of UTF-8 that come out.
    output: int = field(default=1024 * 1024, validator=_POSITIVE)
    #: Seconds of one rendering.
    seconds: float = field(default=1.0, validator=validators.gt(0.0))
    #: Entries of a list that is given to a template.
    entries: int = field(default=1_000, validator=_POSITIVE)


#: Numbers in templates stay below this …
NUMBER_BELOW = 10**18
#: … and have at most so many decimals.
DECIMALS = 12
