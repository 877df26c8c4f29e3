"""From nodes to algebra: what each written condition means, said once.

Averages and other quotients are compared by multiplying out here, negations are pushed to the leaves, and
shorthands become quantifiers, so that nothing below has to know these forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, assert_never

import attrs
from attrs import frozen

from segrules import algebra, condition
from segrules.algebra import Const, Fold, Kind, Match, Op, Pick, Predicate, Row, Source, Term, all_of, any_of, negate
from segrules.clock import (
    Day,
    DayEdge,
    DayRange,
    Edge,
    FixedDay,
    FixedInstant,
    Instant,
    MonthDays,
    Now,
    PeriodDay,
    RelativeDay,
    RelativeInstant,
    Unit,
)
from segrules.condition import FieldType, Scope
from segrules.errors import EvaluationError, ParameterError
from segrules.language import nodes
from segrules.language.nodes import Comparison
from segrules.vocabulary import Relation, Vocabulary

_MICROSECONDS = {Unit.HOUR: 3_600_000_000, Unit.MINUTE: 60_000_000}

_OPS = {
    Comparison.EQUAL: Op.EQ,
    Comparison.LESS: Op.LT,
    Comparison.LESS_EQUAL: Op.LE,
    Comparison.GREATER: Op.GT,
    Comparison.GREATER_EQUAL: Op.GE,
}
_MATCHES = {Comparison.CONTAINS: Match.CONTAINS, Comparison.STARTS: Match.STARTS, Comparison.ENDS: Match.ENDS}


def lower(rule: nodes.Condition, vocabulary: Vocabulary, parameters: Mapping[str, Any] | None = None) -> Predicate:
    """What a rule says of a customer. ``parameters`` gives each parameter a plain value or None.

    Raises ParameterError for a value of the wrong type, EvaluationError for a word that the vocabulary lacks.
    """
    return _Lowering(vocabulary, parameters or {}).condition(rule)


def lower_operand(
    operand: nodes.Operand, vocabulary: Vocabulary, parameters: Mapping[str, Any] | None = None
) -> tuple[Term, Term | None] | None:
    """Numerator and denominator (None: 1) of an operand about the customer, for showing its value.

    None for an operand that is no single value: a set of categories, a name or code, a day, a shorthand.
    """
    if any(isinstance(each, nodes.FieldRef) and each.shorthand for each in nodes.walk(operand)):
        return None
    found = _Lowering(vocabulary, parameters or {}).operand(operand, None)
    match found:
        case Number():
            return found.numerator, _product(found.denominators) if found.denominators else None
        case Value():
            return found.term, None
        case _:
            return None


# --- what an operand can be ------------------------------------------------------------------------


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


def _product(factors: tuple[Term, ...]) -> Term:
    result: Term = condition.number(1)
    for factor in factors:
        result = _times(result, factor)
    return result


def _times(left: Term, right: Term) -> Term:
    match left, right:
        case Const(value=Decimal() as a), Const(value=Decimal() as b):
            return condition.number(algebra.EXACT.multiply(a, b))
        case (Const(value=Decimal() as one), other) | (other, Const(value=Decimal() as one)) if one == 1:
            return other
        case _:
            return algebra.Product(left, right)


def _plus(left: Term, right: Term) -> Term:
    terms = (
        *(left.terms if isinstance(left, algebra.Sum) else (left,)),
        *(right.terms if isinstance(right, algebra.Sum) else (right,)),
    )
    match terms:
        case (Const(value=Decimal() as a), Const(value=Decimal() as b)):
            return condition.number(algebra.EXACT.add(a, b))
        case _:
            return algebra.Sum(terms)


def _add(left: Number, right: Number) -> Number:
    if left.denominators == right.denominators:
        return Number(_plus(left.numerator, right.numerator), left.denominators)
    return Number(
        _plus(
            _times(left.numerator, _product(right.denominators)), _times(right.numerator, _product(left.denominators))
        ),
        (*left.denominators, *right.denominators),
    )


def _multiply(left: Number, right: Number) -> Number:
    return Number(_times(left.numerator, right.numerator), (*left.denominators, *right.denominators))


def _minus_one_times(number: Number) -> Number:
    return Number(_times(condition.number(-1), number.numerator), number.denominators)


def _positive(denominators: tuple[Term, ...]) -> Predicate:
    zero = condition.number(0)
    return all_of(*(algebra.Compare(Op.GT, each, zero, Kind.NUMBER) for each in denominators))


def _compare_numbers(left: Number, op: Op, right: Number) -> Predicate:
    if left.denominators == right.denominators:
        sides = left.numerator, right.numerator
    else:
        sides = (
            _times(left.numerator, _product(right.denominators)),
            _times(right.numerator, _product(left.denominators)),
        )
    guards = _positive((*left.denominators, *right.denominators))
    return all_of(guards, algebra.Compare(op, *sides, Kind.NUMBER))


# --- times -----------------------------------------------------------------------------------------


def _edge(day: Day, edge: Edge) -> Const:
    return Const(DayEdge(day, edge), Kind.MOMENT)


def _moment_against_day(moment: Term, op: Op, day: Day) -> Predicate:
    """A moment against a whole day, half open: after and until mean its end, before and since its start."""

    def compare(op: Op, edge: Edge) -> Predicate:
        return algebra.Compare(op, moment, _edge(day, edge), Kind.MOMENT)

    match op:
        case Op.LT:
            return compare(Op.LT, Edge.START)
        case Op.LE:
            return compare(Op.LT, Edge.END)
        case Op.GT:
            return compare(Op.GE, Edge.END)
        case Op.GE:
            return compare(Op.GE, Edge.START)
        case Op.EQ:
            return all_of(compare(Op.GE, Edge.START), compare(Op.LT, Edge.END))
        case _:
            assert_never(op)


def _relative(length: nodes.Length, sign: int) -> Day:
    return RelativeDay(sign * int(length.amount), length.unit)


def _instant(length: nodes.Length, sign: int) -> Instant:
    return RelativeInstant(sign * int(length.amount * _MICROSECONDS[length.unit]))


def _window(left: Operand, window: nodes.LengthWindow | nodes.PeriodWindow) -> Predicate:
    match window:
        case nodes.PeriodWindow(offset=offset, unit=unit):
            first: Day = PeriodDay(offset, unit, Edge.START)
            final: Day = PeriodDay(offset, unit, Edge.END)
            exact = False
        case nodes.LengthWindow(length=length, last=last):
            exact = length.unit.is_exact
            away = _relative(length, -1 if last else 1) if not exact else RelativeDay(0)
            first, final = (away, RelativeDay(0)) if last else (RelativeDay(0), away)
        case _:
            assert_never(window)
    match left:
        case Return(term=term):
            return algebra.OnMonthDay(term, MonthDays((DayRange(first, final),)))
        case Value(term=term, kind=Kind.DATE):
            return all_of(
                algebra.Compare(Op.GE, term, Const(first, Kind.DATE), Kind.DATE),
                algebra.Compare(Op.LE, term, Const(final, Kind.DATE), Kind.DATE),
            )
        case Value(term=term):
            now = Const(Now(), Kind.MOMENT)
            if isinstance(window, nodes.PeriodWindow):
                return all_of(_moment_against_day(term, Op.GE, first), _moment_against_day(term, Op.LE, final))
            if exact:
                edge = Const(_instant(window.length, -1 if window.last else 1), Kind.MOMENT)
                low, high = (edge, now) if window.last else (now, edge)
                return all_of(
                    algebra.Compare(Op.GE, term, low, Kind.MOMENT), algebra.Compare(Op.LE, term, high, Kind.MOMENT)
                )
            if window.last:
                return all_of(
                    _moment_against_day(term, Op.GE, first), algebra.Compare(Op.LE, term, now, Kind.MOMENT)
                )
            return all_of(algebra.Compare(Op.GE, term, now, Kind.MOMENT), _moment_against_day(term, Op.LE, final))
        case _:
            raise AssertionError(f"the resolver lets no {type(left).__name__} stand before a window")


# --- the lowering itself ---------------------------------------------------------------------------


@frozen
class _Level:
    """The rows that one quantifier or aggregate opened."""

    relation: Relation
    scope: Scope


@frozen
class _Lowering:
    """The state of one descent: the open levels, innermost last, and a shorthand's rows when one is open."""

    vocabulary: Vocabulary
    parameters: Mapping[str, Any]
    levels: tuple[_Level, ...] = ()
    shorthand: _Level | None = None

    @property
    def depth(self) -> int:
        opened = [level.scope.depth for level in self.levels]
        if self.shorthand is not None:
            opened.append(self.shorthand.scope.depth)
        return max(opened, default=0)

    @property
    def customer(self) -> Scope:
        return Scope(statuses=self.vocabulary.statuses, depth=self.depth)

    # --- conditions --------------------------------------------------------------------------------

    def condition(self, node: nodes.Condition) -> Predicate:
        match node:
            case nodes.And(items=items):
                return all_of(*(self.condition(item) for item in items))
            case nodes.Or(items=items):
                return any_of(*(self.condition(item) for item in items))
            case nodes.Not(item=item):
                return negate(self.condition(item))
            case nodes.Group(kind=kind, items=items):
                lowered = [self.condition(item) for item in items]
                match kind:
                    case nodes.GroupKind.ALL:
                        return all_of(*lowered)
                    case nodes.GroupKind.ANY:
                        return any_of(*lowered)
                    case nodes.GroupKind.NONE:
                        return negate(any_of(*lowered))
                    case _:
                        assert_never(kind)
            case nodes.Constant(value=value):
                return algebra.Truth(value)
            case nodes.InSegment(name=name, negated=negated):
                member = algebra.InSegment(name)
                return negate(member) if negated else member
            case nodes.Quantified():
                return self._quantified(node)
            case nodes.Has(last=last, relation=relation, where=where):
                source, inner = self._open(relation)
                return algebra.Exists(self._picked(source, relation, last), inner.condition(where))
            case (
                nodes.Compare()
                | nodes.Between()
                | nodes.OneOf()
                | nodes.Within()
                | nodes.IsSet()
                | nodes.YesNoField()
            ):
                return self._comparison(node)
            case _:
                assert_never(node)

    def _comparison(self, node: _Comparison) -> Predicate:
        """A comparison, inside its shorthand's quantifier when it has one; a negation stands outside both."""
        word = self._shorthand_word(node)
        if word is None:
            found = self._leaf(node)
        else:
            relation = self._relation(word)
            source, scope = _source(relation, self.customer)
            inner = attrs.evolve(self, shorthand=_Level(relation, scope))
            found = algebra.Exists(source, inner._leaf(node))
        return negate(found) if getattr(node, "negated", False) else found

    def _shorthand_word(self, node: nodes.Node) -> str | None:
        for each in nodes.walk(node):
            if isinstance(each, nodes.FieldRef) and each.shorthand:
                return each.relation
        return None

    def _leaf(self, node: _Comparison) -> Predicate:
        match node:
            case nodes.YesNoField(field=field):
                return self._is_true(field)
            case nodes.IsSet(operand=operand):
                return _is_set(self.operand(operand, None))
            case nodes.Within(left=left, window=window):
                return _window(self.operand(left, None), window)
            case nodes.Compare(left=left, comparison=comparison, right=right):
                return self._compare(left, comparison, right)
            case nodes.Between(left=left, low=low, high=high):
                return all_of(
                    self._compare(left, Comparison.GREATER_EQUAL, low),
                    self._compare(left, Comparison.LESS_EQUAL, high),
                )
            case nodes.OneOf(left=left, values=values):
                return self._one_of(left, values)
            case _:
                assert_never(node)

    def _is_true(self, field: nodes.FieldRef) -> Predicate:
        value = self.operand(field, None)
        assert isinstance(value, Value)
        return algebra.Compare(Op.EQ, value.term, Const(True, Kind.YESNO), Kind.YESNO)

    def _compare(self, left: nodes.Operand, comparison: Comparison, right: nodes.Operand) -> Predicate:
        if _is_literal(left) and not _is_literal(right):
            op = _OPS[comparison].mirrored
            return _relate(self.operand(right, None), op, self.operand(left, right))
        return _relate(self.operand(left, right), _OPS.get(comparison) or _MATCHES[comparison], self.operand(right, left))

    def _one_of(self, left: nodes.Operand, values: tuple[nodes.Operand, ...] | nodes.Parameter) -> Predicate:
        subject = self.operand(left, None)
        if isinstance(values, nodes.Parameter):
            given = self._given(values)
            if given is not None and (isinstance(given, (str, bytes, Mapping)) or not hasattr(given, "__iter__")):
                raise ParameterError(f":{values.name} is compared with a list; give a list, not {given!r}")
            kind = self._kind(left)
            operands = [self._parameter_value(values.name, each, kind, left) for each in given or ()]
        else:
            operands = [self.operand(each, left) for each in values]
        if isinstance(subject, Value) and subject.kind not in (Kind.MOMENT, Kind.DATE):
            constants = [each.term for each in operands if isinstance(each, Value)]
            if len(constants) == len(operands) and all(isinstance(each, Const) for each in constants):
                return _among(subject.term, constants, subject.kind)
        if isinstance(subject, Number) and not subject.denominators:
            numbers = [each.numerator for each in operands if isinstance(each, Number)]
            if len(numbers) == len(operands) and all(isinstance(each, Const) for each in numbers):
                return _among(subject.numerator, numbers, Kind.NUMBER)
        return any_of(*(_relate(subject, Op.EQ, each) for each in operands))

    def _quantified(self, node: nodes.Quantified) -> Predicate:
        source, inner = self._open(node.relation)
        where = algebra.TRUE if node.where is None else inner.condition(node.where)
        number = node.number
        match node.quantifier:
            case nodes.Quantifier.ANY:
                return algebra.Exists(source, where)
            case nodes.Quantifier.NO:
                return algebra.Not(algebra.Exists(source, where))
            case nodes.Quantifier.EVERY:
                return algebra.Not(algebra.Exists(source, negate(where)))
            case nodes.Quantifier.AT_LEAST:
                assert number is not None
                return _counted(source, where, Op.GE, number)
            case nodes.Quantifier.AT_MOST:
                assert number is not None
                return _counted(source, where, Op.LE, number)
            case nodes.Quantifier.EXACTLY:
                assert number is not None
                return _counted(source, where, Op.EQ, number)
            case _:
                assert_never(node.quantifier)

    # --- rows --------------------------------------------------------------------------------------

    def _relation(self, word: str) -> Relation:
        relation = self.vocabulary.relations.get(word)
        if relation is None:
            raise EvaluationError(
                f'this shop has no condition type "{word}"; it has {", ".join(self.vocabulary.relations)}'
            )
        return relation

    def _open(self, reference: nodes.RelationRef) -> tuple[Source, _Lowering]:
        """The rows that a reference opens, and the lowering inside them."""
        relation = self._relation(reference.relation)
        if reference.parent is None:
            source, scope = _source(relation, self.customer)
        else:
            assert relation.rows is not None
            parent = self._level_scope(reference.parent, reference.parent_relation)
            around = attrs.evolve(parent, depth=self.depth)
            source, scope = around.source(relation.rows.path.rpartition(".")[2])
        return source, attrs.evolve(self, levels=(*self.levels, _Level(relation, scope)), shorthand=None)

    def _picked(self, source: Source, reference: nodes.RelationRef, last: bool) -> Source:
        rows = self._relation(reference.relation).rows
        assert rows is not None and rows.moment is not None
        return attrs.evolve(source, pick=Pick(rows.moment, latest=last))

    def _level_scope(self, level: int, word: str | None) -> Scope:
        """The scope of the row that a word means on a level: the level's own row or one on the way to it."""
        scope = self.levels[level - 1].scope
        if word is None:
            return scope
        rows = self._relation(word).rows
        entity = rows.path if rows is not None else ""
        while scope.row.entity != entity:
            if len(scope.rows) == 1:
                raise EvaluationError(f"there is no {word} on the way to {self.levels[level - 1].relation.word}")
            scope = scope.parent
        return scope

    def _field_scope(self, reference: nodes.FieldRef) -> Scope:
        if reference.shorthand:
            assert self.shorthand is not None
            return self.shorthand.scope
        if reference.level == 0:
            return self.customer
        return attrs.evolve(self._level_scope(reference.level, reference.relation), depth=self.depth)

    # --- operands ----------------------------------------------------------------------------------

    def operand(self, node: nodes.Operand, opposite: nodes.Operand | None) -> Operand:
        """What an operand is; ``opposite`` gives literals and parameters their kind."""
        match node:
            case nodes.Number(value=value):
                if opposite is not None and self._kind(opposite) is Kind.ID:
                    return Value(Const(int(value), Kind.ID), Kind.ID)
                return Number(condition.number(value))
            case nodes.Text(value=text):
                return Value(Const(text, kind := self._text_kind(opposite)), kind)
            case nodes.Choice(value=choice):
                return Value(Const(choice, Kind.CHOICE), Kind.CHOICE)
            case nodes.YesNo(value=flag):
                return Value(Const(flag, Kind.YESNO), Kind.YESNO)
            case nodes.DayLiteral(day=day):
                return WholeDay(day)
            case nodes.NowLiteral():
                return Value(Const(Now(), Kind.MOMENT), Kind.MOMENT)
            case nodes.AgoLiteral(length=length, ago=ago):
                return Value(Const(_instant(length, -1 if ago else 1), Kind.MOMENT), Kind.MOMENT)
            case nodes.MomentLiteral(moment=moment):
                return Value(Const(FixedInstant(moment), Kind.MOMENT), Kind.MOMENT)
            case nodes.Parameter(name=name):
                kind = Kind.NUMBER if opposite is None else self._kind(opposite)
                return self._parameter_value(name, self._given(node), kind, opposite)
            case nodes.FieldRef():
                return self._field(node)
            case nodes.AnniversaryOf(field=field):
                found = self._field(field)
                assert isinstance(found, Value)
                return Return(found.term)
            case nodes.Aggregate():
                return self._aggregate(node)
            case nodes.Arithmetic(left=left, operator=operator, right=right):
                first, second = self._number(left), self._number(right)
                match operator:
                    case nodes.Operator.PLUS:
                        return _add(first, second)
                    case nodes.Operator.MINUS:
                        return _add(first, _minus_one_times(second))
                    case nodes.Operator.TIMES:
                        return _multiply(first, second)
                    case _:
                        assert_never(operator)
            case nodes.Negative(operand=operand):
                return _minus_one_times(self._number(operand))
            case nodes.Percent(percentage=percentage, operand=operand):
                share = condition.number(percentage.scaleb(-2, algebra.EXACT))
                return _multiply(Number(share), self._number(operand))
            case _:
                assert_never(node)

    def _number(self, node: nodes.Operand) -> Number:
        found = self.operand(node, None)
        assert isinstance(found, Number), "the resolver lets only numbers stand in arithmetic"
        return found

    def _field_type(self, reference: nodes.FieldRef) -> FieldType:
        relation = self._relation(reference.relation)
        found = relation.fields.get(reference.name)
        if found is None:
            raise EvaluationError(f'this shop has no field "{reference.name}" in {reference.relation}')
        return found

    def _field(self, reference: nodes.FieldRef) -> Operand:
        type_ = self._field_type(reference)
        scope = self._field_scope(reference)
        name = type_.column or reference.name
        if type_.meaning is not None:
            meaning = type_.meaning(scope)
            if isinstance(meaning, condition.Ratio):
                return Number(meaning.numerator, (meaning.denominator,))
            return Number(meaning) if type_.kind is Kind.NUMBER else Value(meaning, type_.kind)
        match type_:
            case condition.Categories():
                return CategorySet(scope.source("categories")[0])
            case condition.Codes():
                return CodeSet(scope.field(name, Kind.CODE))
            case condition.NameOrCode(code=code):
                return NamedCode(scope.field(name, Kind.TEXT), scope.field(code, Kind.CODE))
            case condition.Anniversary(of=of):
                return Return(self._sibling(reference, of, scope))
            case condition.DaysSince(of=of):
                return Number(condition.days_since(self._sibling(reference, of, scope)))
            case condition.DaysUntil(of=of):
                return Number(algebra.DaysUntil(self._sibling(reference, of, scope)))
        found = scope.field(name, type_.kind)
        return Number(found) if type_.kind is Kind.NUMBER else Value(found, type_.kind)

    def _sibling(self, reference: nodes.FieldRef, name: str, scope: Scope) -> Term:
        other = self._field(attrs.evolve(reference, name=name))
        assert isinstance(other, Value), f"{reference.name} is about {name}, which is no date or moment"
        return other.term

    def _aggregate(self, node: nodes.Aggregate) -> Operand:
        source, inner = self._open(node.relation)
        if node.where is not None:
            source = attrs.evolve(source, where=all_of(source.where, inner.condition(node.where)))
        if node.function in (nodes.Function.FIRST, nodes.Function.LAST):
            assert node.field is not None
            source = self._picked(source, node.relation, node.function is nodes.Function.LAST)
            value = inner.operand(node.field, None)
            if isinstance(value, Number):
                return Number(algebra.Picked(source, value.numerator, Kind.NUMBER))
            assert isinstance(value, Value)
            return Value(algebra.Picked(source, value.term, value.kind), value.kind)
        if node.field is None:
            return Number(algebra.Aggregate(Fold.COUNT, source, None, Kind.NUMBER))
        value = inner.operand(node.field, None)
        if isinstance(value, CategorySet):
            joined = attrs.evolve(source, rows=(*source.rows, *value.source.rows))
            code = algebra.Field(joined.last, "code", Kind.CODE)
            return Number(algebra.Aggregate(Fold.COUNT_DISTINCT, joined, code, Kind.NUMBER))
        if isinstance(value, NamedCode):
            value = Value(value.name, Kind.TEXT)
        assert isinstance(value, (Number, Value)), "the resolver lets only values be aggregated"
        term, kind = (value.numerator, Kind.NUMBER) if isinstance(value, Number) else (value.term, value.kind)

        def fold(how: Fold, kind: Kind = Kind.NUMBER) -> Term:
            return algebra.Aggregate(how, source, term, kind)

        match node.function:
            case nodes.Function.COUNT:
                return Number(fold(Fold.COUNT_DISTINCT if node.distinct else Fold.COUNT))
            case nodes.Function.SUM:
                return Number(fold(Fold.SUM))
            case nodes.Function.AVG:
                return Number(fold(Fold.SUM), (fold(Fold.COUNT),))
            case nodes.Function.MIN | nodes.Function.MAX:
                found = fold(Fold.MIN if node.function is nodes.Function.MIN else Fold.MAX, kind)
                return Number(found) if kind is Kind.NUMBER else Value(found, kind)
            case _:
                assert_never(node.function)

    # --- parameters --------------------------------------------------------------------------------

    def _given(self, node: nodes.Parameter) -> Any:
        if node.name not in self.parameters:
            raise ParameterError(f"the rule asks for :{node.name}, which was not given")
        return self.parameters[node.name]

    def _kind(self, node: nodes.Operand) -> Kind:
        """The kind of value that an operand is compared as."""
        match node:
            case nodes.FieldRef():
                return self._field_type(node).kind
            case nodes.AnniversaryOf() | nodes.DayLiteral():
                return Kind.DATE
            case nodes.NowLiteral() | nodes.AgoLiteral() | nodes.MomentLiteral():
                return Kind.MOMENT
            case nodes.Text():
                return Kind.TEXT
            case nodes.Choice():
                return Kind.CHOICE
            case nodes.YesNo():
                return Kind.YESNO
            case nodes.Aggregate(function=function, field=field) if field is not None:
                if function in (nodes.Function.COUNT, nodes.Function.SUM, nodes.Function.AVG):
                    return Kind.NUMBER
                return self._kind(field)
            case _:
                return Kind.NUMBER

    def _text_kind(self, opposite: nodes.Operand | None) -> Kind:
        kind = Kind.TEXT if opposite is None else self._kind(opposite)
        return kind if kind in (Kind.TEXT, Kind.CODE, Kind.CHOICE) else Kind.TEXT

    def _parameter_value(self, name: str, value: Any, kind: Kind, opposite: nodes.Operand | None) -> Operand:
        def refuse(wanted: str) -> ParameterError:
            return ParameterError(f":{name} stands for {wanted}; {value!r} is {_article(type(value).__name__)}")

        if value is None:
            return Number(Const(None, Kind.NUMBER)) if kind is Kind.NUMBER else Value(Const(None, kind), kind)
        match kind:
            case Kind.NUMBER:
                if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
                    raise refuse("a number (int or Decimal)")
                exact = Decimal(value)
                if not exact.is_finite() or abs(exact) >= 10**15 or exact != exact.quantize(_SIXTH, context=algebra.EXACT_ROUNDING):
                    raise ParameterError(f":{name} may have 15 digits before the point and 6 after it; got {value}")
                return Number(condition.number(exact))
            case Kind.ID:
                if isinstance(value, bool) or not isinstance(value, int):
                    raise refuse("an id (int)")
                return Value(Const(value, kind), kind)
            case Kind.TEXT | Kind.CODE:
                if not isinstance(value, str):
                    raise refuse("text (str)")
                if "\0" in value or not _is_encodable(value):
                    raise ParameterError(f":{name} holds a character that no database can keep")
                return Value(Const(value, kind), kind)
            case Kind.CHOICE:
                if not isinstance(value, str):
                    raise refuse("a choice (str)")
                return Value(Const(self._choice(name, value, opposite), kind), kind)
            case Kind.YESNO:
                if not isinstance(value, bool):
                    raise refuse("yes or no (bool)")
                return Value(Const(value, kind), kind)
            case Kind.DATE:
                if not isinstance(value, date) or isinstance(value, datetime):
                    raise refuse("a day (date)")
                return WholeDay(FixedDay(value))
            case Kind.MOMENT:
                if isinstance(value, datetime):
                    return Value(Const(FixedInstant(value), kind), kind)
                if isinstance(value, date):
                    return WholeDay(FixedDay(value))
                raise refuse("a moment (datetime, or date for a whole day)")
            case _:
                assert_never(kind)

    def _choice(self, name: str, value: str, opposite: nodes.Operand | None) -> str:
        type_ = self._field_type(opposite) if isinstance(opposite, nodes.FieldRef) else None
        if isinstance(type_, condition.Choice) and type_.values is not None:
            found = next((each for each in type_.values if each.lower() == value.lower()), None)
            if found is None:
                raise ParameterError(f":{name} is {value!r}; it can be {', '.join(type_.values)}")
            return found
        return value


_Comparison = nodes.Compare | nodes.Between | nodes.OneOf | nodes.Within | nodes.IsSet | nodes.YesNoField

_SIXTH = Decimal("0.000001")


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _is_literal(node: nodes.Operand) -> bool:
    return not any(isinstance(each, (nodes.FieldRef, nodes.Aggregate)) for each in nodes.walk(node))


def _source(relation: Relation, customer: Scope) -> tuple[Source, Scope]:
    """All rows that a relation's word means, from the customer."""
    rows = relation.rows
    assert rows is not None, f"{relation.word} has no rows"
    return customer.source(rows.path, rows.where, rows.pick)


def _counted(source: Source, where: Predicate, op: Op, number: int) -> Predicate:
    if source.pick is not None:
        # A picked source holds one row at most: the count is 1 or 0.
        exists = algebra.Exists(source, where)
        holds = {Op.GE: (1 >= number, 0 >= number), Op.LE: (1 <= number, 0 <= number), Op.EQ: (number == 1, number == 0)}
        with_one, with_none = holds[op]
        return any_of(
            all_of(exists, algebra.Truth(with_one)),
            all_of(negate(exists), algebra.Truth(with_none)),
        )
    counted = attrs.evolve(source, where=all_of(source.where, where))
    total = algebra.Aggregate(Fold.COUNT, counted, None, Kind.NUMBER)
    return algebra.Compare(op, total, condition.number(number), Kind.NUMBER)


def _among(term: Term, constants: list[Term], kind: Kind) -> Predicate:
    present = tuple(dict.fromkeys(each for each in constants if isinstance(each, Const) and each.value is not None))
    return algebra.OneOf(term, present, kind)


def _is_set(operand: Operand) -> Predicate:
    match operand:
        case Number(numerator=term, denominators=denominators):
            return all_of(_positive(denominators), algebra.Present(term))
        case Value(term=term) | Return(term=term):
            return algebra.Present(term)
        case WholeDay():
            return algebra.TRUE
        case CategorySet(source=source):
            return algebra.Exists(source, algebra.TRUE)
        case CodeSet(field=field):
            return algebra.HasElement(field, None)
        case NamedCode(name=name, code=code):
            return any_of(algebra.Present(name), algebra.Present(code))
        case _:
            assert_never(operand)


def _relate(left: Operand, how: Op | Match, right: Operand) -> Predicate:
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
            return _relate(right, how, left)
        case CodeSet(field=field), Value(term=term):
            return algebra.HasElement(field, term)
        case NamedCode(name=name, code=code), NamedCode(name=other_name, code=other_code):
            return any_of(_text(name, how, other_name, Kind.TEXT), _text(code, how, other_code, Kind.CODE))
        case NamedCode(name=name, code=code), Value(term=term, kind=kind):
            if isinstance(term, Const):
                return any_of(_text(name, how, term, Kind.TEXT), _text(code, how, term, Kind.CODE))
            return _text(name if kind is Kind.TEXT else code, how, term, kind)
        case Value(kind=kind), NamedCode(name=name, code=code):
            return _relate(left, how, Value(name if kind is Kind.TEXT else code, kind))
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
            return _moment_against_day(term, how, day)
        case WholeDay(day=day), WholeDay(day=other_day):
            assert isinstance(how, Op)
            return algebra.Compare(how, Const(day, Kind.DATE), Const(other_day, Kind.DATE), Kind.DATE)
        case WholeDay(), Value() | Return():
            assert isinstance(how, Op)
            return _relate(right, how.mirrored, left)
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
