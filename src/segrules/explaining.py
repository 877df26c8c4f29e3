"""What an explanation has to ask of one customer, and the tree that the answers make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never

import attrs
from attrs import frozen

from segrules import binding, language, lowering
from segrules.algebra import DaysUntil, Predicate, Term, all_of, walk
from segrules.binding import Binding
from segrules.language import nodes
from segrules.memory import Explanation
from segrules.vocabulary import Vocabulary


@frozen
class Place:
    """Where the answers for one operand are: its numerator and, for a quotient, its denominator."""

    text: str
    numerator: int
    denominator: int | None

    def value(self, answers: Sequence[Any]) -> Any:
        """The operand's value; a quotient is rounded for the eye to six decimals."""
        top = answers[self.numerator]
        if self.denominator is None or top is None:
            return top
        bottom = answers[self.denominator]
        return None if bottom is None or bottom <= 0 else round(Decimal(top) / Decimal(bottom), 6)


@frozen
class Asked:
    """A condition of the explanation's tree, with the places of its answers."""

    text: str
    truth: int
    operands: tuple[Place, ...] = ()
    children: tuple[Asked, ...] = ()

    def answered(self, answers: Sequence[Any]) -> Explanation:
        """The tree with the answers in it."""
        values = tuple((place.text, place.value(answers)) for place in self.operands)
        children = tuple(child.answered(answers) for child in self.children)
        return Explanation(self.text, bool(answers[self.truth]), values, children)


class Questions:
    """Every predicate and term that an explanation needs, in one list; either interpreter can answer it."""

    def __init__(
        self, rule: nodes.Condition, vocabulary: Vocabulary, setting: Binding, parameters: Mapping[str, Any]
    ) -> None:
        self.items: list[Predicate | Term] = []
        self._rule, self._vocabulary, self._setting = rule, vocabulary, setting
        self._parameters = parameters

    def tree(self, lowered: Predicate) -> Asked:
        """The whole rule, beside the question whether the customer can be a member at all."""
        whole = self._ask(binding.bind(lowered, self._setting))
        able = Asked(self._everyone(), self._ask(all_of(*binding.everyone(self._setting))))
        return Asked("member", whole, (), (able, self._condition(self._rule)))

    def _everyone(self) -> str:
        websites = [", ".join(sorted(codes)) for codes in self._setting.websites]
        return f"an active customer of {' and '.join(websites)}" if websites else "an active customer"

    def _ask(self, item: Predicate | Term) -> int:
        self.items.append(item)
        return len(self.items) - 1

    def _condition(self, node: nodes.Condition) -> Asked:
        lowered = lowering.lower(node, self._vocabulary, self._parameters)
        truth = self._ask(binding.bind_condition(lowered, self._setting))
        match node:
            case nodes.And(items=items):
                return Asked("and", truth, (), tuple(self._condition(item) for item in items))
            case nodes.Or(items=items):
                return Asked("or", truth, (), tuple(self._condition(item) for item in items))
            case nodes.Group(kind=kind, items=items):
                return Asked(kind.value, truth, (), tuple(self._condition(item) for item in items))
            case nodes.Not(item=item):
                return Asked("not", truth, (), (self._condition(item),))
        text = language.format_condition(attrs.evolve(node, comments=nodes.Comments()))
        match node:
            case nodes.Compare(left=left, right=right):
                return Asked(text, truth, self._operands(left, right))
            case nodes.Between(left=left, low=low, high=high):
                return Asked(text, truth, self._operands(left, low, high))
            case nodes.OneOf(left=left) | nodes.Within(left=left) | nodes.IsSet(operand=left):
                return Asked(text, truth, self._operands(left))
            case nodes.Quantified():
                return Asked(text, truth, self._matching(node))
            case nodes.Has() | nodes.YesNoField() | nodes.Constant() | nodes.InSegment():
                return Asked(text, truth)
            case _:
                assert_never(node)

    def _operands(self, *operands: nodes.Operand) -> tuple[Place, ...]:
        """Those operands whose value is worth showing: not literals, and a single value."""
        places = []
        for operand in operands:
            if any(isinstance(each, (nodes.FieldRef, nodes.Aggregate)) for each in nodes.walk(operand)):
                places += self._place(language.format_operand(operand), operand)
        return tuple(places)

    def _matching(self, node: nodes.Quantified) -> tuple[Place, ...]:
        """How many rows a quantifier finds, which shows why it holds or does not."""
        rows = self._vocabulary.relations[node.relation.relation].rows
        if rows is not None and rows.pick is not None:
            return ()
        count = nodes.Aggregate(nodes.Function.COUNT, node.relation, None, False, node.where)
        return tuple(self._place(f"{node.relation.relation} rows that match", count))

    def _place(self, text: str, operand: nodes.Operand) -> list[Place]:
        found = lowering.lower_operand(operand, self._vocabulary, self._parameters)
        # Days until an anniversary are solved for the anniversary, so there is no number to show.
        if found is None or any(isinstance(each, DaysUntil) for each in walk(found[0])):
            return []
        top, bottom = (None if term is None else binding.bind_term(term, self._setting) for term in found)
        assert top is not None
        return [Place(text, self._ask(top), None if bottom is None else self._ask(bottom))]
