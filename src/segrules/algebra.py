"""The closed set of terms and predicates in which every condition says what it means.

Exactly two interpreters read this algebra, one into SQL and one into Python; nothing else may give a
rule an answer. (The second asks columns instead of rows where Arrow means the same.) The semantics, which both keep:

- A **predicate** is true or false, never unknown. A comparison with a missing value is false, and ``Not``
  is the exact complement, so ``Not`` of a comparison with a missing value is true.
- A **term** has a value or is missing. Arithmetic on a missing term is missing.
- **Rows**: row 0 is the customer. A :class:`Source` binds one further row for each of its steps and walks
  from a row bound before; rows are told apart by their depth.
- Numbers are exact decimals, moments are naive UTC, text compares by :func:`fold`.

Times stand in the algebra as expressions until :func:`segrules.binding.bind` makes them constants (parameters
are constants from the start): interpreters only ever see :class:`Const` whose value is a plain Python value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from typing import Any

import attrs
from attrs import frozen

from segrules.clock import Day, Instant, MonthDays


class _Name(Enum):
    """One of a few words; told apart by identity, as ``Enum`` does, and hashed by it, which it does in Python."""

    __hash__ = object.__hash__


class Kind(_Name):
    """What sort of value a term has; it decides how two of them compare."""

    NUMBER = "number"
    ID = "id"
    TEXT = "text"
    CODE = "code"
    CHOICE = "choice"
    YESNO = "yes or no"
    DATE = "date"
    MOMENT = "moment"


class Op(_Name):
    """A comparison. ``!=`` is ``Not`` of ``EQ``."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def mirrored(self) -> Op:
        """The comparison that holds with both sides swapped."""
        return _MIRRORED[self]


_MIRRORED = {Op.EQ: Op.EQ, Op.LT: Op.GT, Op.LE: Op.GE, Op.GT: Op.LT, Op.GE: Op.LE}


class Match(_Name):
    """How one text is looked for in another."""

    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"


@frozen
class Row:
    """A bound row: the path of links that leads to its entity (``""`` is the customer), and its depth.

    The entity path is written with dots as the customer looks in memory: ``orders``, ``orders.items``,
    ``orders.items.categories``.
    """

    entity: str
    depth: int

    @property
    def link(self) -> str:
        """The name of the link from the parent row, which is the last part of the entity path."""
        return self.entity.rpartition(".")[2]


CUSTOMER = Row("", 0)


# --- terms -----------------------------------------------------------------------------------------


@frozen
class Const:
    """A constant; Decimal, str, bool, int (ids), date or naive UTC datetime once it is bound."""

    value: Decimal | int | str | bool | date | datetime | Day | Instant | None
    kind: Kind


@frozen
class Field:
    """A field of a bound row, as the shop keeps it. It may be missing unless the shop says otherwise."""

    row: Row
    name: str
    kind: Kind


@frozen
class Sum:
    """The sum of two or more numbers."""

    terms: tuple[Term, ...]


@frozen
class Product:
    """The product of two numbers."""

    left: Term
    right: Term


class Fold(_Name):
    """How many rows become one value."""

    COUNT = "count"
    COUNT_DISTINCT = "count distinct"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


@frozen
class Pick:
    """Which one row of a source is taken: the one with the largest (``latest``) or smallest ``by``.

    Ties go by id the same way. A row without ``by`` takes no part when ``required``; otherwise it sorts
    before all others. ``by`` None picks by id alone.
    """

    by: str | None
    latest: bool
    required: bool = True


@frozen(cache_hash=True)
class Source:
    """Rows reached from a parent row by one or more links, that satisfy ``where``; one of them if picked.

    ``rows[0]`` is linked to ``parent``, each further row to the one before. ``where`` sees all of them.
    A pick chooses after ``where``, by a field of the last row.
    """

    parent: Row
    rows: tuple[Row, ...]
    where: Predicate
    pick: Pick | None = None

    @property
    def last(self) -> Row:
        """The row that the source is about."""
        return self.rows[-1]


@frozen(cache_hash=True)
class Aggregate:
    """One value made of the rows of a source; rows whose ``value`` is missing are skipped.

    COUNT without a value counts rows. COUNT and SUM of nothing are 0, MIN and MAX are missing.
    MIN and MAX of numbers, dates or moments only.
    """

    fold: Fold
    source: Source
    value: Term | None
    kind: Kind


@frozen
class Picked:
    """The value of a term on the one row that a picked source yields; missing when there is no row."""

    source: Source
    value: Term
    kind: Kind


@frozen
class FirstPresent:
    """The first of the terms that is not missing."""

    terms: tuple[Term, ...]
    kind: Kind


@frozen
class Latest:
    """The largest of those terms that are present; missing only when all are."""

    terms: tuple[Term, ...]
    kind: Kind


@frozen
class DayNumber:
    """The number of a calendar day (``date.toordinal``); of a moment, of its day in the shop's zone.

    The term has kind DATE or MOMENT.
    """

    term: Term


@frozen
class DaysUntil:
    """Days from today until the anniversary of a date or moment returns; 0 today. Gone after binding."""

    term: Term


Term = Const | Field | Sum | Product | Aggregate | Picked | FirstPresent | Latest | DayNumber | DaysUntil


# --- predicates ------------------------------------------------------------------------------------


@frozen
class Truth:
    """Always or never."""

    value: bool


@frozen
class And:
    """All hold; of none, true."""

    items: tuple[Predicate, ...]


@frozen
class Or:
    """At least one holds; of none, false."""

    items: tuple[Predicate, ...]


@frozen
class Not:
    """The exact complement. After binding it stands directly around a leaf only."""

    item: Predicate


@frozen
class Compare:
    """Two terms of one kind stand in a relation; false when either is missing."""

    op: Op
    left: Term
    right: Term
    kind: Kind


@frozen
class OneOf:
    """A term equals one of the constants; false when it is missing."""

    term: Term
    values: tuple[Const, ...]
    kind: Kind


@frozen
class TextMatch:
    """A text or code holds another; TEXT ignores case by :func:`fold`, CODE compares exactly."""

    match: Match
    term: Term
    needle: Term
    kind: Kind


@frozen
class Present:
    """A term has a value."""

    term: Term


@frozen
class HasElement:
    """A field that holds a set of codes has this one; with ``element`` None, has any."""

    field: Field
    element: Term | None


@frozen
class OnMonthDay:
    """The local month and day of a date or moment is one of those.

    ``days`` is an expression of time until bound, then a frozenset of month * 100 + day.
    """

    term: Term
    days: MonthDays | frozenset[int]


@frozen
class Exists:
    """At least one row of a source satisfies ``where`` (which is asked after the pick, if there is one)."""

    source: Source
    where: Predicate


@frozen
class InSegment:
    """The customer is a stored member of a segment; a live one has been replaced by its rule at binding."""

    name: str


@frozen
class Native:
    """What the algebra cannot say, said twice: both halves must mean the same, and both are required.

    ``sql(*terms)`` gets SQLAlchemy column expressions and returns one that is never NULL;
    ``python(*terms)`` gets plain values (None when missing) and returns a bool. ``name`` is shown by
    explain, and together with the terms it is the identity of the predicate.
    """

    name: str
    terms: tuple[Term, ...]
    sql: Callable[..., Any] = attrs.field(eq=False, repr=False)
    python: Callable[..., bool] = attrs.field(eq=False, repr=False)


Predicate = (
    Truth
    | And
    | Or
    | Not
    | Compare
    | OneOf
    | TextMatch
    | Present
    | HasElement
    | OnMonthDay
    | Exists
    | InSegment
    | Native
)

TRUE = Truth(True)
FALSE = Truth(False)


#: Decimal arithmetic that never rounds: it does not depend on the thread's own context, and raises instead.
EXACT = Context(prec=400, Emin=-9999, Emax=9999, traps=[Inexact, InvalidOperation])
#: The same, but it may round; for asking whether something would.
EXACT_ROUNDING = Context(prec=400, rounding=ROUND_HALF_EVEN, Emin=-9999, Emax=9999, traps=[InvalidOperation])


# --- building and walking --------------------------------------------------------------------------


def all_of(*items: Predicate) -> Predicate:
    """The conjunction in its plainest form: flat, without trivial parts and repetitions."""
    kept: dict[Predicate, None] = {}
    for item in items:
        kept.update(dict.fromkeys(item.items if isinstance(item, And) else (item,)))
    if FALSE in kept:
        return FALSE
    kept.pop(TRUE, None)
    found = tuple(kept)
    return TRUE if not found else found[0] if len(found) == 1 else And(found)


def any_of(*items: Predicate) -> Predicate:
    """The disjunction in its plainest form: flat, without trivial parts and repetitions."""
    kept: dict[Predicate, None] = {}
    for item in items:
        kept.update(dict.fromkeys(item.items if isinstance(item, Or) else (item,)))
    if TRUE in kept:
        return TRUE
    kept.pop(FALSE, None)
    found = tuple(kept)
    return FALSE if not found else found[0] if len(found) == 1 else Or(found)


def negate(predicate: Predicate) -> Predicate:
    """The complement, with the negation pushed down to the leaves."""
    match predicate:
        case Truth(value=value):
            return Truth(not value)
        case And(items=items):
            return any_of(*(negate(item) for item in items))
        case Or(items=items):
            return all_of(*(negate(item) for item in items))
        case Not(item=item):
            return item
        case _:
            return Not(predicate)


def children(node: Term | Predicate | Source) -> list[Term | Predicate | Source]:
    """The terms, predicates and sources directly inside one."""
    found: list[Term | Predicate | Source] = []
    for name in _HOLDERS[node.__class__]:
        value = getattr(node, name)
        if value.__class__ is tuple:
            found += value
        elif value is not None:
            found.append(value)
    return found


def present(term: Term) -> Predicate:
    """That a term has a value: of counts and sums always, of what is made of other terms by theirs."""
    match term:
        case Const(value=value):
            return Truth(value is not None)
        case Sum(terms=terms):
            return all_of(*(present(each) for each in terms))
        case Product(left=left, right=right):
            return all_of(present(left), present(right))
        case DayNumber(term=inner) | DaysUntil(term=inner):
            return present(inner)
        case FirstPresent(terms=terms) | Latest(terms=terms):
            return any_of(*(present(each) for each in terms))
        case Picked(source=source, value=value):
            return Exists(source, present(value))
        case Aggregate(fold=Fold.MIN | Fold.MAX, source=source, value=value) if value is not None:
            return Exists(source, present(value))
        case Aggregate():
            return TRUE
        case _:
            return Present(term)


def walk(node: Term | Predicate | Source) -> Iterator[Term | Predicate | Source]:
    """A node and everything below it, outermost first."""
    ahead = [node]
    while ahead:
        node = ahead.pop()
        yield node
        ahead += reversed(children(node))


NODES = (
    Const, Field, Sum, Product, Aggregate, Picked, FirstPresent, Latest, DayNumber, DaysUntil,
    Truth, And, Or, Not, Compare, OneOf, TextMatch, Present, HasElement, OnMonthDay, Exists, InSegment, Native,
    Source,
)  # fmt: skip
#: The attributes of each that hold others, found out once by their types: trees are walked often.
_OTHERS = re.compile(r"\b(Term|Predicate|Source|Const|Field)\b")
_HOLDERS = {each: tuple(one.name for one in attrs.fields(each) if _OTHERS.search(str(one.type))) for each in NODES}


def fold(text: str) -> str:
    """Text as it is compared: each character by Unicode's simple lower-case mapping, nothing else.

    ``str.lower`` differs twice: it writes a final sigma by context, and İ as two characters.
    """
    if text.isascii():
        return text.lower()
    return "".join("i" if char == "İ" else char.lower() for char in text)
