"""A rule as typed nodes: what its author wrote, with every name resolved and every type checked.

Nodes compare by meaning of the text: spans and comments take no part. They name condition types and
fields by their words in singular, lower case, so a rule can be carried from one shop to another.

**Levels.** Level 0 is the customer. Each quantifier, ``first``/``last`` or aggregate opens the next level,
inside its ``where``. A reference says on which level its row was opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum

import attrs
from attrs import field, frozen

from segrules.clock import Day, Unit
from segrules.errors import Span

NOWHERE = Span(0, 0)


@frozen
class Comments:
    """Comments that belong to a condition: whole lines before it, and one behind it on its last line.

    Each is kept with its ``#`` and without trailing blanks. ``after`` are whole lines behind the last
    condition of a group or of the rule.
    """

    before: tuple[str, ...] = ()
    behind: str | None = None
    after: tuple[str, ...] = ()


@frozen(kw_only=True)
class Node:
    """Something that stands somewhere in the source."""

    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True)
class ConditionNode(Node):
    """Something true or false of a customer or row, which comments can belong to."""

    comments: Comments = field(default=Comments(), eq=False, repr=False)


# --- operands --------------------------------------------------------------------------------------


@frozen
class Number(Node):
    """A number as written, exact, without superfluous zeros."""

    value: Decimal


@frozen
class Text(Node):
    """A quoted text; opposite a code field, the exact code."""

    value: str


@frozen
class Choice(Node):
    """A value of a choice field; ``declared`` when the vocabulary lists the field's choices."""

    value: str
    declared: bool = True


@frozen
class YesNo(Node):
    """``true`` or ``false`` opposite a yes/no field."""

    value: bool


@frozen
class Length:
    """A length of time as written: whole for days and longer, exact for hours and minutes."""

    amount: Decimal
    unit: Unit


@frozen
class DayLiteral(Node):
    """A whole day: FixedDay or RelativeDay; yesterday, today, tomorrow are RelativeDay(-1, 0, 1)."""

    day: Day


@frozen
class NowLiteral(Node):
    """The word ``now``."""


@frozen
class AgoLiteral(Node):
    """An instant some hours or minutes ago, or from now when ``ago`` is False."""

    length: Length
    ago: bool = True


@frozen
class MomentLiteral(Node):
    """A date-time as written; naive means the shop's time zone."""

    moment: datetime


@frozen
class Parameter(Node):
    """``:name``, given at evaluation with the type of what stands opposite."""

    name: str


@frozen
class FieldRef(Node):
    """A field of the row opened on ``level``.

    ``relation`` is the word of that row's condition type: that of the level itself, or that of a parent row
    on the way to it (``order`` in an ``order_item``), or for level 0 one of the words about the customer
    (``customer``, ``lifetime``, …). With ``shorthand`` the row is not open: ``order.grand_total > 100``
    stands for ``any order where (grand_total > 100)``, and ``level`` is 0.
    """

    relation: str
    name: str
    level: int
    shorthand: bool = False


@frozen
class RelationRef(Node):
    """The rows that a quantifier or an aggregate opens.

    ``parent`` None opens all rows of the customer by the word's own meaning; a level opens only those of
    the row that is open there (``items`` inside ``order where``; ``relation`` is then still ``order_item``).
    ``parent_relation`` names the row on that level whose children they are (``order``). With a
    ``parent_relation`` but no ``parent`` level they are those of all such rows (``order.items`` outside
    any order: the items of all orders, canceled ones too).
    ``inside`` and ``plural`` are how the vocabulary spells it, for printing only.
    """

    relation: str
    parent: int | None = None
    parent_relation: str | None = None
    inside: str | None = field(default=None, eq=False, repr=False)
    plural: str | None = field(default=None, eq=False, repr=False)


class Function(Enum):
    """An aggregate by its word."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"


@frozen
class Aggregate(Node):
    """``sum(order.grand_total where …)``; ``field`` is on the level it opens, None for counted rows."""

    function: Function
    relation: RelationRef
    field: FieldRef | None
    distinct: bool
    where: Condition | None


class Operator(Enum):
    """An arithmetic operator."""

    PLUS = "+"
    MINUS = "-"
    TIMES = "*"


@frozen
class Arithmetic(Node):
    """Two numbers joined by an operator."""

    left: Operand
    operator: Operator
    right: Operand


@frozen
class Negative(Node):
    """A number with a minus before it."""

    operand: Operand


@frozen
class Percent(Node):
    """``5% of X``: ``percentage`` hundredths of X."""

    percentage: Decimal
    operand: Operand


@frozen
class AnniversaryOf(Node):
    """``anniversary of F``; a field that is an anniversary by itself (birthday) is a plain FieldRef."""

    field: FieldRef


Operand = (
    Number | Text | Choice | YesNo | DayLiteral | NowLiteral | AgoLiteral | MomentLiteral | Parameter
    | FieldRef | Aggregate | Arithmetic | Negative | Percent | AnniversaryOf
)  # fmt: skip


# --- conditions ------------------------------------------------------------------------------------


@frozen
class And(ConditionNode):
    """``a and b and …``: flat, two or more."""

    items: tuple[Condition, ...]


@frozen
class Or(ConditionNode):
    """``a or b or …``: flat, two or more."""

    items: tuple[Condition, ...]


@frozen
class Not(ConditionNode):
    """``not a``."""

    item: Condition


class GroupKind(Enum):
    """How many conditions of a group must hold."""

    ALL = "all of"
    ANY = "any of"
    NONE = "none of"


@frozen
class Group(ConditionNode):
    """``all of (…)``, ``any of (…)``, ``none of (…)``: one or more conditions."""

    kind: GroupKind
    items: tuple[Condition, ...]


class Comparison(Enum):
    """A comparison by its canonical symbol or words; the spellings of one meaning are one member."""

    EQUAL = "="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"


@frozen
class Compare(ConditionNode):
    """Two operands compared. ``negated`` writes ``!=``, ``is not``, ``not contains``, ``not before``, …

    ``before`` is LESS, ``after`` is GREATER, ``on`` and ``is`` are EQUAL.
    """

    left: Operand
    comparison: Comparison
    right: Operand
    negated: bool = False


@frozen
class Between(ConditionNode):
    """``x between low and high``, both included."""

    left: Operand
    low: Operand
    high: Operand
    negated: bool = False


@frozen
class OneOf(ConditionNode):
    """``x in (a, b)`` or ``x in :list``."""

    left: Operand
    values: tuple[Operand, ...] | Parameter
    negated: bool = False


@frozen
class LengthWindow:
    """``last 7 days`` or ``next 7 days``."""

    length: Length
    last: bool


@frozen
class PeriodWindow:
    """A period of the calendar: ``this month`` (offset 0), ``last quarter`` (-1), ``next year`` (1)."""

    offset: int
    unit: Unit


@frozen
class Within(ConditionNode):
    """``x in last 7 days``, ``x in this month``."""

    left: Operand
    window: LengthWindow | PeriodWindow
    negated: bool = False


@frozen
class IsSet(ConditionNode):
    """``x is set``; negated, ``x is not set``."""

    operand: Operand
    negated: bool = False


@frozen
class YesNoField(ConditionNode):
    """A yes/no field alone as a condition."""

    field: FieldRef


@frozen
class Constant(ConditionNode):
    """``true`` (everyone) or ``false`` (nobody) alone."""

    value: bool


@frozen
class InSegment(ConditionNode):
    """``in segment "name"``."""

    name: str
    negated: bool = False


class Quantifier(Enum):
    """How many rows must satisfy the condition."""

    ANY = "any"
    NO = "no"
    EVERY = "every"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    EXACTLY = "exactly"


@frozen
class Quantified(ConditionNode):
    """``any order where (…)``; ``number`` only with at least, at most, exactly."""

    quantifier: Quantifier
    number: int | None
    relation: RelationRef
    where: Condition | None


@frozen
class Has(ConditionNode):
    """``last order has (…)``: pick the row, then test it."""

    last: bool
    relation: RelationRef
    where: Condition


Condition = (
    And | Or | Not | Group | Compare | Between | OneOf | Within | IsSet | YesNoField | Constant | InSegment
    | Quantified | Has
)  # fmt: skip


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside one, in the order of the source."""
    for attribute in attrs.fields(type(node)):
        value = getattr(node, attribute.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (each for each in value if isinstance(each, Node))


def walk(node: Node) -> Iterator[Node]:
    """A node and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)
