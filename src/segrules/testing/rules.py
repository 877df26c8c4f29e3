"""Rules made up for a vocabulary: typed nodes, built backwards from the wanted type, so nearly all are valid."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
from attrs import frozen

from segrules import condition as fields
from segrules.algebra import Kind
from segrules.clock import RelativeDay
from segrules.condition import FieldType
from segrules.language import nodes
from segrules.language.nodes import Comparison, FieldRef, Operand
from segrules.testing import values
from segrules.testing.choosing import Chooser, happens, one_of
from segrules.testing.operands import _OPEN, NUMERIC, OperandMaker
from segrules.testing.scene import RECORDS, SEGMENTS, Scene

ORDERED = (
    Comparison.EQUAL,
    Comparison.GREATER,
    Comparison.LESS,
    Comparison.GREATER_EQUAL,
    Comparison.LESS_EQUAL,
)
TEXTUAL = (Comparison.EQUAL, Comparison.CONTAINS, Comparison.STARTS, Comparison.ENDS)


@frozen
class Generated:
    """A rule that was made up, and the values for its parameters."""

    node: nodes.Condition
    parameters: Mapping[str, Any]


def make_rule(chooser: Chooser, scene: Scene, about: tuple[str, str] | None = None, size: int = 12) -> Generated:
    """A rule about the customers of a scene; ``about`` names a relation and a field that it must mention."""
    maker = RuleMaker(chooser, scene, 1 + chooser.below(size))
    node = maker.mention(*about) if about else maker.condition()
    return Generated(node, maker.parameters)


class RuleMaker(OperandMaker):
    """Makes conditions for the place that is open now."""

    # --- joined conditions -------------------------------------------------------------------------

    def condition(self) -> nodes.Condition:
        """Any condition."""
        self.budget -= 1
        kind = self.chooser.below(20)
        if self.budget <= 0 or kind < 10:
            return self.leaf()
        if kind < 13:
            return self.quantified() or self.leaf()
        if kind == 13:
            return self.has() or self.leaf()
        if kind == 14:
            return self.comparing_aggregate()
        if kind == 15:
            return self.negated(self.condition())
        if kind == 16 and happens(self.chooser, 4):
            return nodes.Constant(not happens(self.chooser, 2))
        if kind == 17 and not self.levels and happens(self.chooser, 2):
            return nodes.InSegment(one_of(self.chooser, SEGMENTS), happens(self.chooser, 3))
        return self.joined([self.condition() for _ in range(2 + self.chooser.below(2))])

    def joined(self, items: list[nodes.Condition]) -> nodes.Condition:
        """Conditions joined by a word or in a group."""
        kind = self.chooser.below(6)
        if kind == 0:
            return nodes.And(_flat(items, nodes.And))
        if kind == 1:
            return nodes.Or(_flat(items, nodes.Or))
        if kind == 2:
            return self.negated(nodes.Group(nodes.GroupKind.ALL, tuple(items)))
        return nodes.Group(tuple(nodes.GroupKind)[kind - 3], tuple(items))

    def negated(self, item: nodes.Condition) -> nodes.Condition:
        """The complement, written with ``not``."""
        if isinstance(item, nodes.InSegment):
            return attrs.evolve(item, negated=not item.negated)
        return item.item if isinstance(item, nodes.Not) else nodes.Not(item)

    def quantified(self, about: tuple[str, str] | None = None) -> nodes.Condition | None:
        """A quantifier over rows; ``about`` names their relation and a field to ask about."""
        opened = self.relation(lambda each: about is None or each.word == about[0])
        if opened is None:
            return None
        ref, relation = opened
        quantifier = one_of(self.chooser, tuple(nodes.Quantifier))
        counts = quantifier in (nodes.Quantifier.AT_LEAST, nodes.Quantifier.AT_MOST, nodes.Quantifier.EXACTLY)
        number = (1, 0, 2, 3)[self.chooser.below(4)] if counts else None
        where = None
        if about is not None or quantifier is nodes.Quantifier.EVERY or not happens(self.chooser, 5):
            with self.opened(relation):
                where = self.leaf(about) if about else self.condition()
        return nodes.Quantified(quantifier, number, ref, where)

    def has(self, about: tuple[str, str] | None = None) -> nodes.Condition | None:
        """A condition on the first or last row."""
        opened = self.relation(
            lambda each: bool(each.rows and each.rows.moment) and (about is None or each.word == about[0])
        )
        if opened is None:
            return None
        ref, relation = opened
        with self.opened(relation):
            return nodes.Has(not happens(self.chooser, 3), ref, self.leaf(about) if about else self.condition())

    def mention(self, word: str, name: str) -> nodes.Condition:
        """A rule in which a certain field stands."""
        about = word, name
        relation = self.scene.vocabulary.relations[word]
        found: nodes.Condition | None
        if relation.rows is None:
            found = self.leaf(about)
        else:
            kind = self.chooser.below(6)
            if kind == 0:
                found = self.leaf(about)
            elif kind == 1:
                found = self.has(about)
            elif kind == 2:
                found = self.comparing_aggregate(about)
            else:
                found = None
            found = found or self.quantified(about)
            assert found is not None
        return self.joined([found, self.condition()]) if self.budget > 3 and happens(self.chooser, 3) else found

    # --- comparisons -------------------------------------------------------------------------------

    def leaf(self, about: tuple[str, str] | None = None) -> nodes.Condition:
        """A comparison of a field that can be named here; of the one that ``about`` names."""
        if about is not None:
            type_ = self.scene.vocabulary.relations[about[0]].fields[about[1]]
            many = self.scene.vocabulary.relations[about[0]].rows is not None
            ref = FieldRef(*about, level=len(self.levels) if many else 0, shorthand=many and not self.levels)
            return self.about(ref, type_)
        found = self.field()
        assert found is not None, "every vocabulary has fields"
        return self.about(found.ref, found.type)

    def flag(self, ref: Operand) -> bool:
        """Whether to negate: never a shorthand that may stand for many rows, where it would be ambiguous."""
        if isinstance(ref, FieldRef) and ref.shorthand:
            rows = self.scene.vocabulary.relations[ref.relation].rows
            if rows is None or rows.pick is None:
                return False
        return happens(self.chooser, 4)

    def about(self, ref: FieldRef, type_: FieldType) -> nodes.Condition:
        """A comparison of a field of some type."""
        if happens(self.chooser, 10):
            return nodes.IsSet(ref, negated=self.flag(ref))
        match type_:
            case fields.DaysUntil():
                return self.ordered(ref, self.days())
            case fields.Anniversary():
                return self.returning(ref)
            case _ if isinstance(type_, NUMERIC):
                return self.numeric(ref, type_)
            case fields.Categories() | fields.Codes() | fields.NameOrCode():
                return self.set_of_codes(ref, type_)
            case fields.Id():
                return self.listed(ref, Kind.ID, [nodes.Number(Decimal(each)) for each in self.ids()])
            case fields.Text() | fields.Code():
                return self.textual(ref, type_)
            case fields.Choice():
                return self.choice(ref, type_)
            case fields.YesNo():
                if happens(self.chooser, 2):
                    return nodes.YesNoField(ref)
                flag = self.parameter(Kind.YESNO) if happens(self.chooser, 6) else nodes.YesNo(happens(self.chooser, 2))
                return nodes.Compare(ref, Comparison.EQUAL, flag, self.flag(ref))
            case fields.Date():
                return self.dated(ref)
            case fields.Moment():
                return self.momentous(ref)
            case _:
                return nodes.IsSet(ref, negated=self.flag(ref))

    def ordered(self, left: Operand, right: Operand, worded: bool = False) -> nodes.Condition:
        """Two operands with an order compared; before and after can be negated when ``worded``."""
        comparison = one_of(self.chooser, ORDERED)
        negatable = comparison is Comparison.EQUAL or (worded and comparison in (Comparison.LESS, Comparison.GREATER))
        return nodes.Compare(left, comparison, right, negatable and self.flag(left))

    def days(self) -> Operand:
        """A number of days."""
        return nodes.Number(Decimal(one_of(self.chooser, values.DAYS)))

    def ids(self) -> list[int]:
        """One to three ids."""
        return [one_of(self.chooser, values.IDS) for _ in range(1 + self.chooser.below(3))]

    def comparing_aggregate(self, about: tuple[str, str] | None = None) -> nodes.Condition:
        """A comparison of an aggregate, whatever it gives."""
        wanted: tuple[type[FieldType], ...] = NUMERIC
        if about is not None:
            type_ = self.scene.vocabulary.relations[about[0]].fields[about[1]]
            if isinstance(type_, fields.Moment | fields.Choice | fields.Text | fields.Code):
                wanted = (type(type_),)
        elif happens(self.chooser, 3):
            wanted = (one_of(self.chooser, (fields.Moment, fields.Choice, fields.Text, fields.Code)),)
        found = self.aggregate(wanted, about)
        if found is None:
            return self.quantified(about) or self.leaf(about)
        field = (
            self.scene.vocabulary.relations[found.relation.relation].fields[found.field.name] if found.field else None
        )
        if wanted is NUMERIC or field is None:
            like = field if found.function not in (nodes.Function.COUNT, nodes.Function.SUM) else None
            return self.numeric(found, like or _COUNTED)
        if happens(self.chooser, 8):
            return nodes.IsSet(found, happens(self.chooser, 2))
        match field:
            case fields.Moment():
                return self.momentous(found)
            case fields.Choice():
                name = found.field.name if found.field else ""
                return self.listed(
                    found, Kind.CHOICE, [self.choice_literal(name, field)], field.values or RECORDS.get(name, ())
                )
            case _:
                return self.textual(found, field)

    def numeric(self, left: Operand, type_: FieldType) -> nodes.Condition:
        """A number compared."""
        beside = left if isinstance(left, FieldRef) else _OPEN
        kind = self.chooser.below(8)
        if kind == 0:
            low, high = self.number(type_, beside), self.number(type_, beside)
            if (_constant(low) or 0) > (_constant(high) or 0):
                low, high = high, low
            return nodes.Between(left, low, high, self.flag(left))
        if kind == 1:
            if happens(self.chooser, 4):
                return nodes.OneOf(left, self.parameter_list(Kind.NUMBER), self.flag(left))
            items = tuple(self.number(type_, beside) for _ in range(1 + self.chooser.below(3)))
            return nodes.OneOf(left, items, self.flag(left))
        if not (isinstance(left, FieldRef) and left.shorthand) and happens(self.chooser, 8):
            left = nodes.Arithmetic(left, one_of(self.chooser, tuple(nodes.Operator)), self.number_literal(type_))
        return self.ordered(left, self.number(type_, beside))

    def listed(self, left: Operand, kind: Kind, items: list[Any], choices: tuple[str, ...] = ()) -> nodes.Condition:
        """Something that can only be equal or not: to one value, to one of a list, to a parameter."""
        form = self.chooser.below(6)
        if form == 0:
            return nodes.OneOf(left, tuple(items), self.flag(left))
        if form == 1:
            return nodes.OneOf(left, self.parameter_list(kind, choices), self.flag(left))
        if form == 2:
            return nodes.Compare(left, Comparison.EQUAL, self.parameter(kind, choices), self.flag(left))
        return nodes.Compare(left, Comparison.EQUAL, items[0], self.flag(left))

    def choice(self, ref: FieldRef, type_: fields.Choice) -> nodes.Condition:
        """A choice compared with values, or with another choice that has the same ones."""
        if happens(self.chooser, 8):
            other = self.field(fields.Choice, beside=ref if ref.shorthand else _OPEN)
            if other is not None and isinstance(other.type, fields.Choice) and other.type.values == type_.values:
                if (other.ref.name == ref.name or type_.values) and other.ref != ref:
                    return nodes.Compare(ref, Comparison.EQUAL, other.ref, self.flag(ref))
        items = [self.choice_literal(ref.name, type_) for _ in range(1 + self.chooser.below(3))]
        return self.listed(ref, Kind.CHOICE, items, type_.values or RECORDS.get(ref.name, ()))

    def textual(self, left: Operand, type_: FieldType) -> nodes.Condition:
        """A text or code compared or searched."""
        kind = Kind.TEXT if isinstance(type_, fields.Text) else Kind.CODE
        if isinstance(type_, fields.Country):
            items = [self.text_literal(type_) for _ in range(2)]
            return self.listed(left, Kind.CODE, items, values.COUNTRIES)
        form = self.chooser.below(8)
        if form == 0:
            items = [self.text_literal(type_) for _ in range(1 + self.chooser.below(3))]
            return self.listed(left, kind, items)
        right: Operand = self.text_literal(type_)
        if form == 1:
            right = self.parameter(kind)
        elif form == 2:
            wanted = fields.Text if kind is Kind.TEXT else fields.Code
            beside = left if isinstance(left, FieldRef) and left.shorthand else _OPEN
            other = self.field(wanted, beside=beside)
            if other is not None and other.ref != left and not isinstance(other.type, fields.Country):
                right = other.ref
        return nodes.Compare(left, one_of(self.chooser, TEXTUAL), right, self.flag(left))

    def set_of_codes(self, ref: FieldRef, type_: FieldType) -> nodes.Condition:
        """A set of categories or of codes, or something with name and code."""
        literal = self.text_literal(type_)
        if isinstance(type_, fields.Codes):
            element = self.parameter(Kind.CODE, values.ELEMENTS) if happens(self.chooser, 6) else literal
            return nodes.Compare(ref, Comparison.CONTAINS, element, self.flag(ref))
        kind = self.chooser.below(6)
        if kind == 0:
            return nodes.OneOf(ref, (literal, self.text_literal(type_)), self.flag(ref))
        if kind == 1 and isinstance(type_, fields.Categories) and not ref.shorthand:
            other = self.field(fields.Categories, beside=_OPEN)
            if other is not None and other.ref != ref:
                return nodes.Compare(ref, Comparison.EQUAL, other.ref, self.flag(ref))
        comparison = Comparison.CONTAINS if kind == 2 else Comparison.EQUAL
        return nodes.Compare(ref, comparison, literal, self.flag(ref))

    # --- times -------------------------------------------------------------------------------------

    def returning(self, ref: Operand) -> nodes.Condition:
        """An anniversary: on a day, in a list of days, in a window."""
        kind = self.chooser.below(4)
        if kind == 0:
            return nodes.Compare(ref, Comparison.EQUAL, self.day_literal(), self.flag(ref))
        if kind == 1:
            return nodes.OneOf(ref, tuple(self.day_literal() for _ in range(2)), self.flag(ref))
        return nodes.Within(ref, self.window(exact=False), self.flag(ref))

    def dated(self, ref: FieldRef) -> nodes.Condition:
        """A date compared with days, and with the days of moments."""
        kind = self.chooser.below(8)
        if kind == 0:
            low, high = self.ordered_days()
            return nodes.Between(ref, low, high, self.flag(ref))
        if kind == 1:
            return nodes.OneOf(ref, tuple(self.day_literal() for _ in range(2)), self.flag(ref))
        if kind == 2:
            return nodes.Within(ref, self.window(exact=False), self.flag(ref))
        right: Operand = self.day_literal()
        if kind == 3:
            right = self.parameter(Kind.DATE)
        elif kind == 4:
            other = self.field(fields.Moment, beside=_OPEN)
            right = other.ref if other else right
        return self.ordered(ref, right, worded=True)

    def momentous(self, left: Operand) -> nodes.Condition:
        """A moment compared with days, instants and windows, or by its anniversary."""
        kind = self.chooser.below(10)
        if kind == 0:
            low, high = self.ordered_days()
            return nodes.Between(left, low, high, self.flag(left))
        if kind == 1:
            return nodes.OneOf(left, tuple(self.day_literal() for _ in range(2)), self.flag(left))
        if kind in (2, 3):
            return nodes.Within(left, self.window(), self.flag(left))
        if kind == 4 and isinstance(left, FieldRef):
            returning = self.returning(nodes.AnniversaryOf(left))
            return returning if not left.shorthand else _positive(returning)
        beside = left if isinstance(left, FieldRef) and left.shorthand else _OPEN
        return self.ordered(left, self.moment(beside), worded=True)

    def ordered_days(self) -> tuple[nodes.DayLiteral, nodes.DayLiteral]:
        """Two days, the earlier first."""
        distances = sorted(self.scene.moments.distance(self.chooser) for _ in range(2))
        low, high = (nodes.DayLiteral(RelativeDay(each)) for each in distances)
        return low, high


_COUNTED = fields.Whole("")


def _flat(items: list[nodes.Condition], joined: type[nodes.And] | type[nodes.Or]) -> tuple[nodes.Condition, ...]:
    found: list[nodes.Condition] = []
    for item in items:
        found += item.items if isinstance(item, joined) else [item]
    return tuple(found)


def _positive(node: nodes.Condition) -> nodes.Condition:
    match node:
        case nodes.Compare() | nodes.OneOf() | nodes.Within():
            return attrs.evolve(node, negated=False)
        case _:
            return node


def _constant(node: Operand) -> Decimal | None:
    match node:
        case nodes.Number(value=value):
            return value
        case nodes.Negative(operand=nodes.Number(value=value)):
            return -value
        case _:
            return None
