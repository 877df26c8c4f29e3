"""The descent through a rule: each node and operand becomes algebra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

import attrs
from attrs import frozen

from segrules import algebra, condition
from segrules.algebra import Const, Fold, Kind, Match, Op, Predicate, Source, Term, all_of, any_of, negate
from segrules.clock import FixedInstant, Now
from segrules.condition import FieldType, Scope
from segrules.errors import ParameterError
from segrules.language import nodes
from segrules.language.nodes import Comparison
from segrules.lowering.days import instant
from segrules.lowering.levels import Levels
from segrules.lowering.operands import (
    CategorySet,
    CodeSet,
    NamedCode,
    Number,
    Operand,
    Return,
    Value,
    WholeDay,
    add,
    among,
    is_set,
    multiply,
    negative,
    product,
    relate,
)
from segrules.lowering.parameters import given_value
from segrules.lowering.windows import within
from segrules.vocabulary import Vocabulary

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
    return _Lowering(Levels(vocabulary), parameters or {}).condition(rule)


def lower_operand(
    operand: nodes.Operand, vocabulary: Vocabulary, parameters: Mapping[str, Any] | None = None
) -> tuple[Term, Term | None] | None:
    """Numerator and denominator (None: 1) of an operand about the customer, for showing its value.

    None for an operand that is no single value: a set of categories, a name or code, a day, a shorthand.
    """
    if any(isinstance(each, nodes.FieldRef) and each.shorthand for each in nodes.walk(operand)):
        return None
    found = _Lowering(Levels(vocabulary), parameters or {}).operand(operand, None)
    match found:
        case Number():
            return found.numerator, product(found.denominators) if found.denominators else None
        case Value():
            return found.term, None
        case _:
            return None


_Comparison: TypeAlias = nodes.Compare | nodes.Between | nodes.OneOf | nodes.Within | nodes.IsSet | nodes.YesNoField


@frozen
class _Lowering:
    """The state of one descent: the rows that are open, and the values of parameters."""

    levels: Levels
    parameters: Mapping[str, Any]

    def inside(self, levels: Levels) -> _Lowering:
        """The same descent one level further in."""
        return _Lowering(levels, self.parameters)

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
                source, levels = self.levels.open(relation)
                return algebra.Exists(self.levels.picked(source, relation, last), self.inside(levels).condition(where))
            case (
                nodes.Compare() | nodes.Between() | nodes.OneOf() | nodes.Within() | nodes.IsSet() | nodes.YesNoField()
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
            source, levels = self.levels.open_shorthand(word)
            found = algebra.Exists(source, self.inside(levels)._leaf(node))
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
                return is_set(self.operand(operand, None))
            case nodes.Within(left=left, window=window):
                return within(self.operand(left, None), window)
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
            return relate(self.operand(right, None), op, self.operand(left, right))
        return relate(
            self.operand(left, right), _OPS.get(comparison) or _MATCHES[comparison], self.operand(right, left)
        )

    def _one_of(self, left: nodes.Operand, values: tuple[nodes.Operand, ...] | nodes.Parameter) -> Predicate:
        subject = self.operand(left, None)
        if isinstance(values, nodes.Parameter):
            given = self._given(values)
            if given is not None and (isinstance(given, (str, bytes, Mapping)) or not hasattr(given, "__iter__")):
                raise ParameterError(f":{values.name} is compared with a list; give a list, not {given!r}")
            kind = self._kind(left)
            operands = [given_value(values.name, each, kind, self._type_of(left)) for each in given or ()]
        else:
            operands = [self.operand(each, left) for each in values]
        if isinstance(subject, Value) and subject.kind not in (Kind.MOMENT, Kind.DATE):
            constants = [each.term for each in operands if isinstance(each, Value)]
            if len(constants) == len(operands) and all(isinstance(each, Const) for each in constants):
                return among(subject.term, constants, subject.kind)
        if isinstance(subject, Number) and not subject.denominators:
            numbers = [each.numerator for each in operands if isinstance(each, Number)]
            if len(numbers) == len(operands) and all(isinstance(each, Const) for each in numbers):
                return among(subject.numerator, numbers, Kind.NUMBER)
        return any_of(*(relate(subject, Op.EQ, each) for each in operands))

    def _quantified(self, node: nodes.Quantified) -> Predicate:
        source, levels = self.levels.open(node.relation)
        inner = self.inside(levels)
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
                return Value(Const(instant(length, -1 if ago else 1), Kind.MOMENT), Kind.MOMENT)
            case nodes.MomentLiteral(moment=moment):
                return Value(Const(FixedInstant(moment), Kind.MOMENT), Kind.MOMENT)
            case nodes.Parameter(name=name):
                kind = Kind.NUMBER if opposite is None else self._kind(opposite)
                return given_value(name, self._given(node), kind, self._type_of(opposite))
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
                        return add(first, second)
                    case nodes.Operator.MINUS:
                        return add(first, negative(second))
                    case nodes.Operator.TIMES:
                        return multiply(first, second)
                    case _:
                        assert_never(operator)
            case nodes.Negative(operand=operand):
                return negative(self._number(operand))
            case nodes.Percent(percentage=percentage, operand=operand):
                share = condition.number(percentage.scaleb(-2, algebra.EXACT))
                return multiply(Number(share), self._number(operand))
            case _:
                assert_never(node)

    def _number(self, node: nodes.Operand) -> Number:
        found = self.operand(node, None)
        assert isinstance(found, Number), "the resolver lets only numbers stand in arithmetic"
        return found

    def _field(self, reference: nodes.FieldRef) -> Operand:
        type_ = self.levels.field_type(reference)
        scope = self.levels.scope_of(reference)
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
        source, levels = self.levels.open(node.relation)
        inner = self.inside(levels)
        if node.where is not None:
            source = attrs.evolve(source, where=all_of(source.where, inner.condition(node.where)))
        if node.function in (nodes.Function.FIRST, nodes.Function.LAST):
            assert node.field is not None
            source = self.levels.picked(source, node.relation, node.function is nodes.Function.LAST)
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

    # --- kinds -------------------------------------------------------------------------------------

    def _kind(self, node: nodes.Operand) -> Kind:
        """The kind of value that an operand is compared as."""
        match node:
            case nodes.FieldRef():
                return self.levels.field_type(node).kind
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

    def _given(self, node: nodes.Parameter) -> Any:
        if node.name not in self.parameters:
            raise ParameterError(f"the rule asks for :{node.name}, which was not given")
        return self.parameters[node.name]

    def _type_of(self, node: nodes.Operand | None) -> FieldType | None:
        return self.levels.field_type(node) if isinstance(node, nodes.FieldRef) else None


def _is_literal(node: nodes.Operand) -> bool:
    return not any(isinstance(each, (nodes.FieldRef, nodes.Aggregate)) for each in nodes.walk(node))


def _counted(source: Source, where: Predicate, op: Op, number: int) -> Predicate:
    if source.pick is not None:
        # A picked source holds one row at most: the count is 1 or 0.
        exists = algebra.Exists(source, where)
        holds = {
            Op.GE: (number <= 1, number <= 0),
            Op.LE: (number >= 1, number >= 0),
            Op.EQ: (number == 1, number == 0),
        }
        with_one, with_none = holds[op]
        return any_of(
            all_of(exists, algebra.Truth(with_one)),
            all_of(negate(exists), algebra.Truth(with_none)),
        )
    counted = attrs.evolve(source, where=all_of(source.where, where))
    total = algebra.Aggregate(Fold.COUNT, counted, None, Kind.NUMBER)
    return algebra.Compare(op, total, condition.number(number), Kind.NUMBER)
