"""What a condition type is: one declarative class that says its word, its rows, its fields and their meaning.

    class LoyaltyEvent(ConditionType, word="loyalty_event", rows=Rows("loyalty_events", moment="booked_at")):
        \"\"\"Points that were booked on the customer's account.\"\"\"

        points = Whole("How many points were booked; negative when they were spent.")
        booked_at = Moment("When they were booked.", required=True)

A field without a ``meaning`` is kept by the shop under its own name; a field with one is derived: the meaning
is written once, in the algebra, through a :class:`Scope`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from attrs import field, frozen

from segrules import algebra
from segrules.algebra import Const, Field, Fold, Kind, Pick, Predicate, Row, Source, Term
from segrules.clock import RelativeDay


@frozen
class Statuses:
    """Which order statuses the shop means by canceled and closed."""

    canceled: tuple[str, ...] = ("canceled",)
    closed: tuple[str, ...] = ("closed",)


@frozen
class Ratio:
    """A quotient that is never divided: it is compared by multiplying out, and missing unless ``denominator > 0``."""

    numerator: Term
    denominator: Term


@frozen
class Scope:
    """The rows that are open where a meaning is asked for; the innermost last.

    Its methods build terms about the innermost row. Paths of links start there: on the customer,
    ``scope.count("orders.items")`` counts the items of all orders.
    """

    rows: tuple[Row, ...] = (algebra.CUSTOMER,)
    statuses: Statuses = field(factory=Statuses)
    #: The depth of the innermost row that is open anywhere around, so that new rows get a depth of their own.
    depth: int = 0

    @property
    def row(self) -> Row:
        """The innermost row."""
        return self.rows[-1]

    @property
    def parent(self) -> Scope:
        """The scope one row further out."""
        return Scope(self.rows[:-1], self.statuses, self.depth)

    def field(self, name: str, kind: Kind) -> Field:
        """A field of the innermost row."""
        return Field(self.row, name, kind)

    def number(self, name: str) -> Field:
        """A numeric field of the innermost row."""
        return self.field(name, Kind.NUMBER)

    def moment(self, name: str) -> Field:
        """A moment field of the innermost row."""
        return self.field(name, Kind.MOMENT)

    def choice(self, name: str) -> Field:
        """A choice field of the innermost row."""
        return self.field(name, Kind.CHOICE)

    def is_one_of(self, name: str, choices: Sequence[str]) -> Predicate:
        """Whether a choice field of the innermost row has one of the values."""
        values = tuple(Const(choice, Kind.CHOICE) for choice in choices)
        return algebra.OneOf(self.choice(name), values, Kind.CHOICE) if values else algebra.FALSE

    def source(self, path: str, where: Where | None = None, pick: Pick | None = None) -> tuple[Source, Scope]:
        """The rows at the end of a path of links, and the scope inside them."""
        rows: list[Row] = []
        entity = self.row.entity
        for link in path.split("."):
            entity = f"{entity}.{link}" if entity else link
            rows.append(Row(entity, self.depth + len(rows) + 1))
        inner = Scope((*self.rows, *rows), self.statuses, rows[-1].depth)
        condition = algebra.TRUE if where is None else where(inner)
        return Source(self.row, tuple(rows), condition, pick), inner

    def count(self, path: str, where: Where | None = None) -> Term:
        """How many rows there are; 0 of none."""
        source, _ = self.source(path, where)
        return algebra.Aggregate(Fold.COUNT, source, None, Kind.NUMBER)

    def total(self, path: str, name: str, where: Where | None = None) -> Term:
        """The sum of a numeric field over the rows; 0 of none."""
        source, inner = self.source(path, where)
        return algebra.Aggregate(Fold.SUM, source, inner.number(name), Kind.NUMBER)

    def mean(self, path: str, name: str, where: Where | None = None) -> Ratio:
        """The sum of a numeric field over the rows by the number of rows that have it; missing of none."""
        source, inner = self.source(path, where)
        value = inner.number(name)
        return Ratio(
            algebra.Aggregate(Fold.SUM, source, value, Kind.NUMBER),
            algebra.Aggregate(Fold.COUNT, source, value, Kind.NUMBER),
        )

    def earliest(self, path: str, name: str, where: Where | None = None) -> Term:
        """The smallest moment of the rows; missing of none."""
        source, inner = self.source(path, where)
        return algebra.Aggregate(Fold.MIN, source, inner.moment(name), Kind.MOMENT)

    def latest(self, path: str, name: str, where: Where | None = None) -> Term:
        """The largest moment of the rows; missing of none."""
        source, inner = self.source(path, where)
        return algebra.Aggregate(Fold.MAX, source, inner.moment(name), Kind.MOMENT)

    def picked(self, path: str, name: str, kind: Kind, pick: Pick, where: Where | None = None) -> Term:
        """The field of the one row that is picked; missing when there is none."""
        source, inner = self.source(path, where, pick)
        return algebra.Picked(source, inner.field(name, kind), kind)


Where = Callable[[Scope], Predicate]
Meaning = Callable[[Scope], Term | Ratio]


def difference(left: Term, right: Term) -> Term:
    """The first number minus the second."""
    return algebra.Sum((left, algebra.Product(Const(Decimal(-1), Kind.NUMBER), right)))


def number(value: int | str | Decimal) -> Const:
    """A numeric constant."""
    return Const(Decimal(value), Kind.NUMBER)


def days_since(moment: Term) -> Term:
    """Whole calendar days from a date or moment to today; negative when it lies ahead."""
    today = algebra.DayNumber(Const(RelativeDay(0), Kind.DATE))
    return difference(today, algebra.DayNumber(moment))


# --- field types -----------------------------------------------------------------------------------


@frozen
class FieldType:
    """A field of a condition type: what it holds, in one sentence, and where it comes from.

    ``required``: never missing in the default shop. ``column``: the name under which the shop and a customer
    in memory keep it, when that is not the field's own name. ``meaning``: derived instead of kept.
    """

    help: str
    required: bool = field(default=False, kw_only=True)
    column: str | None = field(default=None, kw_only=True)
    meaning: Meaning | None = field(default=None, kw_only=True, eq=False, repr=False)

    kind: ClassVar[Kind]
    noun: ClassVar[str]


class Amount(FieldType):
    """A sum of money: exact, below 10**12, up to 4 decimals."""

    kind = Kind.NUMBER
    noun = "an amount"


class Quantity(FieldType):
    """A number that may have up to 4 decimals, below 10**12."""

    kind = Kind.NUMBER
    noun = "a number"


class Whole(FieldType):
    """A whole number."""

    kind = Kind.NUMBER
    noun = "a whole number"


class Id(FieldType):
    """A whole number that names something: equal or not, nothing else."""

    kind = Kind.ID
    noun = "an id"


class Text(FieldType):
    """Text that people type; case is ignored."""

    kind = Kind.TEXT
    noun = "text"


class Code(FieldType):
    """Text that machines compare, exactly."""

    kind = Kind.CODE
    noun = "a code"


@frozen
class Choice(FieldType):
    """One of a list of values; without ``values`` the shop's own, unknown to the vocabulary."""

    values: tuple[str, ...] | None = field(default=None, kw_only=True)

    kind = Kind.CHOICE
    noun = "a choice"


class Country(Code):
    """An ISO 3166 alpha-2 country code."""

    noun = "a country code"


class YesNo(FieldType):
    """True or false; a condition by itself."""

    kind = Kind.YESNO
    noun = "yes or no"


class Date(FieldType):
    """A calendar day without a time."""

    kind = Kind.DATE
    noun = "a date"


class Moment(FieldType):
    """A point in time."""

    kind = Kind.MOMENT
    noun = "a moment"


@frozen
class Anniversary(FieldType):
    """The yearly return of a date field of the same row, named by ``of``."""

    of: str = field(default="", kw_only=True)

    kind = Kind.DATE
    noun = "an anniversary"


@frozen
class DaysSince(FieldType):
    """Whole calendar days since a moment: that of the field ``of`` of the same row, or its ``meaning``."""

    of: str = field(default="", kw_only=True)

    kind = Kind.NUMBER
    noun = "a number of days"


@frozen
class DaysUntil(FieldType):
    """Days until the anniversary of the date field ``of`` returns: 0 today, compared with plain numbers only."""

    of: str = field(default="", kw_only=True)

    kind = Kind.NUMBER
    noun = "a number of days"


class Categories(FieldType):
    """The set of categories of the row's product, each with a name (text) and a code; linked as ``categories``."""

    kind = Kind.TEXT
    noun = "a set of categories"


class Codes(FieldType):
    """A set of codes kept in one field."""

    kind = Kind.CODE
    noun = "a set of codes"


@frozen
class NameOrCode(FieldType):
    """Something known by a name (text, kept under the field's name) and by a code (kept under ``code``)."""

    code: str = field(default="", kw_only=True)

    kind = Kind.TEXT
    noun = "a name or code"


# --- condition types -------------------------------------------------------------------------------


@frozen
class Rows:
    """Where the rows of a condition type come from.

    ``path``: the links from the customer, as a customer in memory nests them (``orders.items``).
    ``moment``: the field by which ``first`` and ``last`` pick. ``where``: which rows the bare word means.
    ``inside``: the word for these rows inside a row of their parent (``item`` inside an order); it has the
    plural of the link. ``pick``: when the word means one row at most. ``large``: a relation that grows with traffic.
    """

    path: str
    moment: str | None = None
    where: Where | None = field(default=None, eq=False, repr=False)
    inside: str | None = None
    pick: Pick | None = None
    large: bool = False

    @property
    def parent(self) -> str:
        """The path of the rows that these belong to; empty for the customer's own."""
        return self.path.rpartition(".")[0]


@frozen
class Example:
    """A rule, a customer that matches it and one that just does not: documentation and test at once.

    Customers are plain data as :meth:`segrules.Customer.from_mapping` reads them; what an example does
    not mention is filled in with harmless values. ``at`` is the moment of evaluation, ISO, in UTC.
    """

    rule: str
    matches: Mapping[str, Any]
    misses: Mapping[str, Any]
    at: str = "2025-07-04T12:00:00+00:00"


class ConditionType:
    """The root of all condition types; see the module for the way to write one."""

    word: ClassVar[str]
    plural: ClassVar[str]
    rows: ClassVar[Rows | None]
    fields: ClassVar[Mapping[str, FieldType]]
    #: True for what the grammar itself provides (combine, segment); such a type has help and examples only.
    construct: ClassVar[bool]
    examples: ClassVar[Sequence[Example]] = ()

    def __init_subclass__(
        cls, *, word: str, plural: str | None = None, rows: Rows | None = None, construct: bool = False, **rest: Any
    ) -> None:
        super().__init_subclass__(**rest)
        if isinstance(cls.__dict__.get("rows"), Rows):
            raise TypeError(f"{cls.__name__} gives its rows in the body; write class {cls.__name__}(…, rows=Rows(…))")
        cls.word = word
        cls.plural = plural or word + "s"
        cls.rows = rows
        cls.construct = construct
        if "examples" not in cls.__dict__:
            cls.examples = ()
        declared = (vars(each).items() for each in reversed(cls.__mro__))
        cls.fields = MappingProxyType(
            {name: value for each in declared for name, value in each if isinstance(value, FieldType)}
        )

    @classmethod
    def help(cls) -> str:
        """The first paragraph of the class's documentation as one line."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())
