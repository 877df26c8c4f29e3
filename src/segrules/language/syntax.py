"""The syntax tree: what was written, before anybody asks what it means.

A tree is built from its leaves upwards while the text is read, so neither building it nor learning its
depth needs recursion. Literals keep their raw text: what is wrong inside one is told together with all
other mistakes.
"""

from __future__ import annotations

from attrs import field, frozen

from segrules.errors import Span


@frozen
class Form:
    """Something written from ``start`` to ``end``; ``depth`` levels of nesting are in it."""

    start: int
    end: int
    depth: int = field(kw_only=True, default=0)

    @property
    def span(self) -> Span:
        """The place in the source."""
        return Span(self.start, self.end)


# --- values ----------------------------------------------------------------------------------------


@frozen
class Numeral(Form):
    """A number, raw."""

    text: str


@frozen
class Percentage(Form):
    """``5% of X``; without ``of`` the operand is None."""

    number: Numeral
    operand: Form | None


@frozen
class Quoted(Form):
    """A text with its quotes and escapes, raw."""

    text: str


@frozen
class Dated(Form):
    """A date or date-time, raw."""

    text: str


@frozen
class Named(Form):
    """``:name``."""

    name: str


@frozen
class Duration(Form):
    """``7 days``; with ``ago`` True ``… ago``, with False ``… from now``."""

    number: Numeral
    unit: str
    ago: bool | None = None


@frozen
class Path(Form):
    """One name or several joined by dots, as written."""

    names: tuple[str, ...]


@frozen
class Arithmetic(Form):
    """Two values joined by ``+``, ``-`` or ``*``."""

    left: Form
    sign: str
    right: Form


@frozen
class Minus(Form):
    """A value with a minus before it."""

    operand: Form


@frozen
class Anniversary(Form):
    """``anniversary of F``."""

    path: Path


@frozen
class Aggregate(Form):
    """``sum(R.field where …)``."""

    function: str
    distinct: bool
    path: Path
    where: Form | None


# --- conditions ------------------------------------------------------------------------------------


@frozen
class Chain(Form):
    """Two or more conditions joined by ``and``, or by ``or`` when ``either``."""

    items: tuple[Form, ...]
    either: bool


@frozen
class Negated(Form):
    """``not x``."""

    item: Form


@frozen
class Grouped(Form):
    """Something in parentheses."""

    item: Form


@frozen
class Group(Form):
    """``all of (…)`` and its kin; ``word`` in lower case with single blanks."""

    word: str
    items: tuple[Form, ...]


@frozen
class Sign(Form):
    """A comparing word or sign: its canonical ``word`` without ``not``, and whether it is negated."""

    word: str
    negated: bool


@frozen
class Compared(Form):
    """Two values compared."""

    left: Form
    sign: Sign
    right: Form


@frozen
class BothBounds(Form):
    """``x between a and b``."""

    left: Form
    sign: Sign
    low: Form
    high: Form


@frozen
class Listed(Form):
    """``x in (a, b)`` or ``x in :list``."""

    left: Form
    sign: Sign
    values: tuple[Form, ...] | Named


@frozen
class Window(Form):
    """``last 7 days`` or ``this month``: a length or the word of a unit."""

    word: str
    length: Duration | None
    unit: str


@frozen
class Windowed(Form):
    """``x in last 7 days``."""

    left: Form
    sign: Sign
    window: Window


@frozen
class Presence(Form):
    """``x is set``."""

    left: Form
    sign: Sign


@frozen
class Quantified(Form):
    """``any R where (…)``; ``word`` in lower case with single blanks."""

    word: str
    number: Numeral | None
    relation: Path
    where: Form | None


@frozen
class Picked(Form):
    """``last R has (…)``."""

    last: bool
    relation: Path
    where: Form


@frozen
class Member(Form):
    """``in segment "name"``."""

    name: Quoted
