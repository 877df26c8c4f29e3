"""A slow evaluator of bound algebra that is plainly right: it walks the tree and does what algebra.py says.

It shares nothing with the compiler but the algebra itself. Numbers are fractions, which never round.
Customers are nested dictionaries of plain, right-typed values; moments may be aware.
"""

from collections.abc import Iterator
from datetime import date, datetime, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from segrules.algebra import (
    Aggregate,
    And,
    Compare,
    Const,
    DayNumber,
    Exists,
    Field,
    FirstPresent,
    Fold,
    HasElement,
    InSegment,
    Kind,
    Latest,
    Match,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Picked,
    Present,
    Product,
    Sum,
    TextMatch,
    Truth,
)  # fmt: skip

Rows = dict[int, Any]


def holds(predicate: Any, customer: Any, zone: ZoneInfo) -> bool:
    return _holds(predicate, {0: customer}, zone)


def value(term: Any, customer: Any, zone: ZoneInfo) -> Any:
    """The value of a term; numbers as Fraction."""
    return _value(term, {0: customer}, zone)


def _holds(predicate: Any, rows: Rows, zone: ZoneInfo) -> bool:
    match predicate:
        case Truth(value=truth):
            return truth
        case And(items=items):
            return all(_holds(item, rows, zone) for item in items)
        case Or(items=items):
            return any(_holds(item, rows, zone) for item in items)
        case Not(item=item):
            return not _holds(item, rows, zone)
        case Compare(op=op, left=left, right=right, kind=kind):
            one, two = _comparable(left, kind, rows, zone), _comparable(right, kind, rows, zone)
            if one is None or two is None:
                return False
            return {
                Op.EQ: lambda: one == two,
                Op.LT: lambda: one < two,
                Op.LE: lambda: one <= two,
                Op.GT: lambda: one > two,
                Op.GE: lambda: one >= two,
            }[op]()
        case OneOf(term=term, values=values, kind=kind):
            return any(_holds(Compare(Op.EQ, term, each, kind), rows, zone) for each in values)
        case TextMatch(match=match, term=term, needle=needle, kind=kind):
            hay, pin = _comparable(term, kind, rows, zone), _comparable(needle, kind, rows, zone)
            if hay is None or pin is None:
                return False
            if match is Match.CONTAINS:
                return any(hay[start : start + len(pin)] == pin for start in range(len(hay) + 1))
            if match is Match.STARTS:
                return hay[: len(pin)] == pin
            return len(pin) <= len(hay) and hay[len(hay) - len(pin) :] == pin
        case Present(term=term):
            return _value(term, rows, zone) is not None
        case HasElement(field=field, element=element):
            elements = list(rows[field.row.depth].get(field.name) or ())
            if element is None:
                return bool(elements)
            wanted = _value(element, rows, zone)
            return wanted is not None and any(each == wanted for each in elements)
        case OnMonthDay(term=term, days=days):
            found = _day(_value(term, rows, zone), zone)
            return found is not None and found.month * 100 + found.day in days
        case Exists(source=source, where=where):
            return any(_holds(where, found, zone) for found in _found(source, rows, zone))
        case InSegment(name=name):
            return name in list(rows[0].get("segments") or ())
        case Native(terms=terms, python=python):
            return bool(python(*[_raw(term, rows, zone) for term in terms]))
    raise AssertionError(predicate)


def _value(term: Any, rows: Rows, zone: ZoneInfo) -> Any:
    match term:
        case Const(value=constant, kind=kind):
            return _of_kind(constant, kind)
        case Field(row=row, name=name, kind=kind):
            return _of_kind(rows[row.depth].get(name), kind)
        case Sum(terms=terms):
            values = [_value(each, rows, zone) for each in terms]
            return None if None in values else sum(values)
        case Product(left=left, right=right):
            one, two = _value(left, rows, zone), _value(right, rows, zone)
            return None if one is None or two is None else one * two
        case FirstPresent(terms=terms):
            return next((each for each in (_value(term, rows, zone) for term in terms) if each is not None), None)
        case Latest(terms=terms):
            return max(
                (each for each in (_value(term, rows, zone) for term in terms) if each is not None), default=None
            )
        case DayNumber(term=inner):
            found = _day(_value(inner, rows, zone), zone)
            return None if found is None else Fraction(found.toordinal())
        case Picked(source=source, value=inner):
            return next((_value(inner, found, zone) for found in _found(source, rows, zone)), None)
        case Aggregate(fold=fold, source=source, value=inner, kind=kind):
            found = list(_found(source, rows, zone))
            if inner is None:
                return Fraction(len(found))
            is_distinct_text = fold is Fold.COUNT_DISTINCT and getattr(inner, "kind", None) is Kind.TEXT
            values = [_comparable(inner, Kind.TEXT if is_distinct_text else Kind.CODE, each, zone) for each in found]
            values = [each for each in values if each is not None]
            match fold:
                case Fold.COUNT:
                    return Fraction(len(values))
                case Fold.COUNT_DISTINCT:
                    return Fraction(len(set(values)))
                case Fold.SUM:
                    return sum(values, Fraction(0))
                case Fold.MIN:
                    return min(values, default=None)
                case Fold.MAX:
                    return max(values, default=None)
    raise AssertionError(term)


def _found(source: Any, rows: Rows, zone: ZoneInfo) -> list[Rows]:
    """The rows of a source that satisfy its condition; one or none if they are picked."""
    found = [each for each in _reached(source.parent.depth, source.rows, rows) if _holds(source.where, each, zone)]
    pick = source.pick
    if pick is None:
        return found
    last = source.rows[-1].depth

    def order(each: Rows) -> tuple[Any, ...]:
        row = each[last]
        if pick.by is None:
            return (row["id"],)
        by = row.get(pick.by)
        return (by is not None, 0 if by is None else _instant(by), row["id"])

    if pick.by is not None and pick.required:
        found = [each for each in found if each[last].get(pick.by) is not None]
    if not found:
        return []
    return [max(found, key=order) if pick.latest else min(found, key=order)]


def _reached(parent: int, steps: Any, rows: Rows) -> Iterator[Rows]:
    if not steps:
        yield rows
        return
    linked = rows[parent].get(steps[0].link)
    for row in [] if linked is None else [linked] if isinstance(linked, dict) else linked:
        yield from _reached(steps[0].depth, steps[1:], {**rows, steps[0].depth: row})


def _comparable(term: Any, kind: Kind, rows: Rows, zone: ZoneInfo) -> Any:
    found = _value(term, rows, zone)
    return _folded(found) if kind is Kind.TEXT and found is not None else found


def _folded(text: str) -> str:
    """Unicode's simple lower-case mapping: İ is the one letter whose full mapping is longer."""
    return "".join("i" if each == "\u0130" else each.lower() for each in text)


def _raw(term: Any, rows: Rows, zone: ZoneInfo) -> Any:
    return _value(term, rows, zone)


def _of_kind(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind is Kind.NUMBER:
        return Fraction(value)
    return _naive(value) if kind is Kind.MOMENT else value


def _instant(by: Any) -> Any:
    return _naive(by) if isinstance(by, datetime) else by


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc).replace(tzinfo=None)  # noqa: UP017


def _day(found: Any, zone: ZoneInfo) -> date | None:
    if isinstance(found, datetime):
        return found.replace(tzinfo=timezone.utc).astimezone(zone).date()  # noqa: UP017
    return found  # type: ignore[no-any-return]
