"""What an operand can be, and how two of them compare."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import assert_never

import attrs
from attrs import frozen

from segrules import algebra, condition
from segrules.algebra import Const, Kind, Match, Op, Predicate, Row, Source, Term, all_of, any_of, present
from segrules.clock import Day, DayRange, MonthDays
from segrules.lowering.days import moment_against_day


@frozen
class Value:
    """A single value that is no number."""

    term: Term
    kind: Kind


@frozen
class Number:
    """A number as a quotient; it is missing unless every denominator is positive."""

    numerator: Term
    denominators: tuple[Term, ...] = ()


@frozen
class WholeDay:
    """A day of the calendar that a literal denotes."""

    day: Day


@frozen
class Return:
    """The anniversary of a date or moment."""

    term: Term


@frozen
class CategorySet:
    """The categories of a row."""

    source: Source


@frozen
class CodeSet:
    """A field that holds a set of codes."""

    field: algebra.Field


@frozen
class NamedCode:
    """Something known by a name and by a code."""

    name: Term
    code: Term


Operand = Value | Number | WholeDay | Return | CategorySet | CodeSet | NamedCode


def product(factors: tuple[Term, ...]) -> Term:
    """The product of all factors; 1 of none."""
    result: Term = condition.number(1)
    for factor in factors:
        result = times(result, factor)
    return result


def times(left: Term, right: Term) -> Term:
    """The product of two terms, worked out where it can be."""
    match left, right:
        case Const(value=Decimal() as a), Const(value=Decimal() as b):
            return condition.number(algebra.EXACT.multiply(a, b))
        case (Const(value=Decimal() as one), other) | (other, Const(value=Decimal() as one)) if one == 1:
            return other
        case _:
            return algebra.Product(left, right)


def plus(left: Term, right: Term) -> Term:
    """The sum of two terms, flat."""
    terms = (
        *(left.terms if isinstance(left, algebra.Sum) else (left,)),
        *(right.terms if isinstance(right, algebra.Sum) else (right,)),
    )
    match terms:
        case (Const(value=Decimal() as a), Const(value=Decimal() as b)):
            return condition.number(algebra.EXACT.add(a, b))
        case _:
            return algebra.Sum(terms)


def add(left: Number, right: Number) -> Number:
    """The sum of two numbers on a common denominator."""
    if left.denominators == right.denominators:
        return Number(plus(left.numerator, right.numerator), left.denominators)
    return Number(
        plus(times(left.numerator, product(right.denominators)), times(right.numerator, product(left.denominators))),
        (*left.denominators, *right.denominators),
    )


def multiply(left: Number, right: Number) -> Number:
    """The product of two numbers."""
    return Number(times(left.numerator, right.numerator), (*left.denominators, *right.denominators))


def negative(number: Number) -> Number:
    """A number times -1."""
    return Number(times(condition.number(-1), number.numerator), number.denominators)


def _positive(denominators: tuple[Term, ...]) -> Predicate:
    zero = condition.number(0)
    return all_of(*(algebra.Compare(Op.GT, each, zero, Kind.NUMBER) for each in denominators))


def _compare_numbers(left: Number, op: Op, right: Number) -> Predicate:
    if left.denominators == right.denominators:
        sides = left.numerator, right.numerator
    else:
        sides = (
            times(left.numerator, product(right.denominators)),
            times(right.numerator, product(left.denominators)),
        )
    guards = _positive((*left.denominators, *right.denominators))
    return all_of(guards, algebra.Compare(op, *sides, Kind.NUMBER))


def among(term: Term, constants: Iterable[Term], kind: Kind) -> Predicate:
    """A term is one of those constants that are present."""
    given = tuple(dict.fromkeys(each for each in constants if isinstance(each, Const) and each.value is not None))
    return algebra.OneOf(term, given, kind)


def is_set(operand: Operand) -> Predicate:
    """An operand has a value."""
    match operand:
        case Number(numerator=term, denominators=denominators):
            return all_of(_positive(denominators), present(term))
        case Value(term=term) | Return(term=term):
            return present(term)
        case WholeDay():
            return algebra.TRUE
        case CategorySet(source=source):
            return algebra.Exists(source, algebra.TRUE)
        case CodeSet(field=field):
            return algebra.HasElement(field, None)
        case NamedCode(name=name, code=code):
            return any_of(present(name), present(code))
        case _:
            assert_never(operand)


def relate(left: Operand, how: Op | Match, right: Operand) -> Predicate:
    """Two operands compared; the resolver has made sure that they can be."""
    match left, right:
        case Number(), Number():
            assert isinstance(how, Op)
            return _compare_numbers(left, how, right)
        case Return(term=term), WholeDay(day=day):
            return algebra.OnMonthDay(term, MonthDays((DayRange(day, day),)))
        case Return(), Value(term=Const(value=None)):
            return algebra.FALSE
        case CategorySet(source=source), CategorySet(source=other):
            return _share_a_category(source, other)
        case CategorySet(source=source), Value(term=term):
            name, code = _category_fields(source.last)
            return algebra.Exists(source, any_of(_text(name, how, term, Kind.TEXT), _text(code, how, term, Kind.CODE)))
        case Value(), CategorySet():
            return relate(right, how, left)
        case CodeSet(field=field), Value(term=term):
            return algebra.HasElement(field, term)
        case NamedCode(name=name, code=code), NamedCode(name=other_name, code=other_code):
            return any_of(_text(name, how, other_name, Kind.TEXT), _text(code, how, other_code, Kind.CODE))
        case NamedCode(name=name, code=code), Value(term=term, kind=kind):
            if isinstance(term, Const):
                return any_of(_text(name, how, term, Kind.TEXT), _text(code, how, term, Kind.CODE))
            return _text(name if kind is Kind.TEXT else code, how, term, kind)
        case Value(kind=kind), NamedCode(name=name, code=code):
            return relate(left, how, Value(name if kind is Kind.TEXT else code, kind))
        case Value(), Value():
            if isinstance(how, Match) or left.kind in (Kind.TEXT, Kind.CODE):
                return _text(left.term, how, right.term, left.kind)
            if {left.kind, right.kind} == {Kind.DATE, Kind.MOMENT}:
                days = algebra.DayNumber(left.term), algebra.DayNumber(right.term)
                return algebra.Compare(how, *days, Kind.NUMBER)
            return algebra.Compare(how, left.term, right.term, left.kind)
        case Value(term=term, kind=Kind.DATE), WholeDay(day=day):
            assert isinstance(how, Op)
            return algebra.Compare(how, term, Const(day, Kind.DATE), Kind.DATE)
        case Value(term=term), WholeDay(day=day):
            assert isinstance(how, Op)
            return moment_against_day(term, how, day)
        case WholeDay(day=day), WholeDay(day=other_day):
            assert isinstance(how, Op)
            return algebra.Compare(how, Const(day, Kind.DATE), Const(other_day, Kind.DATE), Kind.DATE)
        case WholeDay(), Value() | Return():
            assert isinstance(how, Op)
            return relate(right, how.mirrored, left)
        case _:
            raise AssertionError(f"the resolver lets no {type(left).__name__} meet a {type(right).__name__}")


def _text(term: Term, how: Op | Match, other: Term, kind: Kind) -> Predicate:
    """Two texts or codes compared; a constant takes the kind of the field that it meets."""
    if isinstance(other, Const):
        other = Const(other.value, kind)
    if isinstance(how, Match):
        return algebra.TextMatch(how, term, other, kind)
    return algebra.Compare(how, term, other, kind)


def _category_fields(row: Row) -> tuple[Term, Term]:
    return algebra.Field(row, "name", Kind.TEXT), algebra.Field(row, "code", Kind.CODE)


def _share_a_category(source: Source, other: Source) -> Predicate:
    deeper = tuple(Row(row.entity, source.last.depth + 1 + index) for index, row in enumerate(other.rows))
    inner = attrs.evolve(other, rows=deeper)
    _, code = _category_fields(source.last)
    _, other_code = _category_fields(inner.last)
    same = algebra.Compare(Op.EQ, code, other_code, Kind.CODE)
    return algebra.Exists(source, algebra.Exists(inner, same))
