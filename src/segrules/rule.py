"""A rule and what can be done with it: thin verbs over the language, the algebra and its two interpreters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, assert_never
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen

from segrules import binding, language, lowering
from segrules.algebra import InSegment, Predicate, walk
from segrules.binding import Binding
from segrules.clock import Clock
from segrules.errors import Diagnostic, EvaluationError, ParameterError, SegmentError, Severity
from segrules.language import Expected, Limits, nodes
from segrules.memory import Explanation, compile_predicate, compile_term
from segrules.shop.shop import Shop, zone_named
from segrules.vocabulary import Vocabulary

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import FromClause

#: A segment that a rule may refer to: its rule, evaluated live, or a selectable of its stored member ids.
Segments = Mapping[str, "Rule | FromClause | sa.Select[Any]"]
Website = str | Iterable[str] | None


def parse(
    text: str,
    shop: Shop | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    name: str = "<rule>",
    limits: Limits | None = None,
) -> Rule:
    """The rule that a text means; RuleError with all its mistakes when it means none.

    Names are those of the shop's vocabulary, else of ``vocabulary``, else of all that is installed.
    ``name`` stands before line numbers in messages.
    """
    words = shop.vocabulary if shop is not None else vocabulary or Vocabulary.installed()
    parsed = language.parse(text, words, name=name, limits=limits or Limits())
    return Rule(parsed.condition, words, parsed)


@frozen
class Rule:
    """One boolean expression about one customer. Two rules are equal when they say the same in the same way."""

    condition: nodes.Condition
    vocabulary: Vocabulary = field(eq=False, repr=False)
    _parsed: language.Parsed = field(eq=False, repr=False)
    _lowered: WeakKeyDictionary[Vocabulary, Predicate] = field(
        factory=WeakKeyDictionary, init=False, eq=False, repr=False
    )

    def __str__(self) -> str:
        return self.format()

    def format(self) -> str:
        """The canonical text, with the comments."""
        return language.format_condition(self.condition)

    @property
    def parameters(self) -> Mapping[str, Expected]:
        """The parameters that must be given at evaluation, with the kind of value that each one takes."""
        return self._parsed.parameters

    @property
    def segments(self) -> frozenset[str]:
        """The names of the segments that the rule refers to."""
        return frozenset(each.name for each in nodes.walk(self.condition) if isinstance(each, nodes.InSegment))

    def lint(self, *, at: datetime | None = None, timezone: str = "UTC") -> list[Diagnostic]:
        """Warnings about what is legal and probably not meant; judged at a moment."""
        return language.lint(self._parsed, self.vocabulary, Clock.at(at, zone_named(timezone)))

    # --- the two readers ---------------------------------------------------------------------------

    def bound(
        self,
        shop: Shop,
        *,
        at: datetime | None = None,
        website: Website = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Segments | None = None,
        timezone: str | None = None,
    ) -> Predicate:
        """What the rule says of a customer of this shop at this moment, in the algebra."""
        setting = self._binding(shop, at, website, parameters, segments, timezone)
        return binding.bind(self.lowered(shop.vocabulary, parameters), setting)

    def select(
        self,
        shop: Shop,
        dialect: Dialect | str,
        *,
        at: datetime | None = None,
        website: Website = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Segments | None = None,
        timezone: str | None = None,
    ) -> sa.Select[Any]:
        """The statement that selects the ids of all customers that match.

        ``dialect`` is that of the engine which will execute it. ``at`` is an aware moment (default: now).
        ``website`` is a website's code or several: only their customers, and of orders and carts only theirs.
        ``segments`` gives those that the rule refers to. Raises EvaluationError, ShopError.
        """
        from segrules import sql

        predicate = self.bound(
            shop, at=at, website=website, parameters=parameters, segments=segments, timezone=timezone
        )
        members = self._members(predicate, segments)
        return sql.select(predicate, shop.mapping, sql.dialect_of(dialect), _zone(shop, timezone), members)

    def count(
        self,
        connection: sa.Connection,
        shop: Shop,
        *,
        at: datetime | None = None,
        website: Website = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Segments | None = None,
        timezone: str | None = None,
    ) -> int:
        """How many customers match."""
        from segrules import sql

        statement = self.select(
            shop,
            connection.dialect,
            at=at,
            website=website,
            parameters=parameters,
            segments=segments,
            timezone=timezone,
        )
        return int(connection.execute(sql.count(statement)).scalar_one())

    def predicate(
        self,
        shop: Shop,
        *,
        at: datetime | None = None,
        website: Website = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Segments | None = None,
        timezone: str | None = None,
    ) -> Callable[[Any], bool]:
        """A function that says whether a customer in memory matches; compiled once, shared freely by threads.

        A segment that ``segments`` does not give by its rule is looked for among the customer's ``segments``.
        """
        bound = self.bound(shop, at=at, website=website, parameters=parameters, segments=segments, timezone=timezone)
        return compile_predicate(bound, _zone(shop, timezone))

    # --- explaining --------------------------------------------------------------------------------

    def explain(
        self,
        customer: Any,
        shop: Shop | None = None,
        *,
        connection: sa.Connection | None = None,
        at: datetime | None = None,
        website: Website = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Segments | None = None,
        timezone: str | None = None,
    ) -> Explanation:
        """The rule as a tree with the truth of each condition for one customer, and the values found.

        ``customer`` is a customer in memory; with a ``connection``, the id of one in the database, which
        answers every part itself. EvaluationError when there is no such customer.
        """
        shop = shop if shop is not None else Shop.default(vocabulary=self.vocabulary)
        setting = self._binding(shop, at, website, parameters, segments, timezone)
        questions = _Questions(self, shop.vocabulary, setting, parameters)
        tree = questions.tree()
        zone = _zone(shop, timezone)
        if connection is None:
            answers: list[Any] = [
                compile_predicate(item, zone)(customer) if is_predicate else compile_term(item, zone)(customer)
                for item, is_predicate in questions.items
            ]
        else:
            from segrules import sql

            bound = binding.bind(self.lowered(shop.vocabulary, parameters), setting)
            members = self._members(bound, segments)
            items = [item for item, _ in questions.items]
            statement = sql.evaluate(items, shop.mapping, connection.dialect, zone, [customer], members)
            row = connection.execute(statement).first()
            if row is None:
                raise EvaluationError(f"there is no customer {customer!r}")
            answers = list(row[1:])
        return tree.answered(answers)

    # --- inside ------------------------------------------------------------------------------------

    def lowered(self, vocabulary: Vocabulary, parameters: Mapping[str, Any] | None) -> Predicate:
        """The rule in the algebra of a vocabulary; kept for the next time unless parameters take part."""
        self._check(parameters or {})
        if parameters:
            return lowering.lower(self.condition, vocabulary, parameters)
        found = self._lowered.get(vocabulary)
        if found is None:
            found = self._lowered[vocabulary] = lowering.lower(self.condition, vocabulary)
        return found

    def _check(self, given: Mapping[str, Any]) -> None:
        missing = sorted(set(self.parameters) - set(given))
        unknown = sorted(set(given) - set(self.parameters))
        if missing:
            raise ParameterError(f"the rule needs {_listed(missing)}: give parameters={{{missing[0]!r}: …}}")
        if unknown:
            has = f"it has {_listed(sorted(self.parameters))}" if self.parameters else "it has none"
            raise ParameterError(f"the rule has no parameter {_listed(unknown)}; {has}")

    def _binding(
        self,
        shop: Shop,
        at: datetime | None,
        website: Website,
        parameters: Mapping[str, Any] | None,
        segments: Segments | None,
        timezone: str | None,
    ) -> Binding:
        clock = Clock.at(at, _zone(shop, timezone))
        websites = () if website is None else (frozenset([website] if isinstance(website, str) else website),)
        live = {
            name: each.lowered(shop.vocabulary, None) for name, each in (segments or {}).items() if isinstance(each, Rule)
        }
        return Binding(clock, websites, live)

    def _members(self, predicate: Predicate, segments: Segments | None) -> Mapping[str, Any]:
        stored = {name: each for name, each in (segments or {}).items() if not isinstance(each, Rule)}
        for each in walk(predicate):
            if isinstance(each, InSegment) and each.name not in stored:
                known = f"; known are {', '.join(sorted(segments))}" if segments else ""
                raise SegmentError(f'there is no segment "{each.name}"{known}: give it in segments=')
        return stored


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


def _zone(shop: Shop, timezone: str | None) -> ZoneInfo:
    return shop.zone if timezone is None else zone_named(timezone)


# --- explaining ------------------------------------------------------------------------------------


@frozen
class _Asked:
    """A condition of the explanation's tree, with the places of its answers."""

    text: str
    truth: int
    operands: tuple[tuple[str, int, int | None], ...]
    children: tuple[_Asked, ...]

    def answered(self, answers: list[Any]) -> Explanation:
        values = tuple((text, _value(answers, top, bottom)) for text, top, bottom in self.operands)
        return Explanation(
            self.text,
            bool(answers[self.truth]),
            values,
            tuple(child.answered(answers) for child in self.children),
        )


def _value(answers: list[Any], numerator: int, denominator: int | None) -> Any:
    """The value of an operand; a quotient is rounded for the eye to six decimals."""
    top = answers[numerator]
    if denominator is None or top is None:
        return top
    bottom = answers[denominator]
    if bottom is None or bottom <= 0:
        return None
    return round(Decimal(top) / Decimal(bottom), 6)


class _Questions:
    """What an explanation has to ask of the customer: predicates and terms, in one list."""

    def __init__(
        self, rule: Rule, vocabulary: Vocabulary, setting: Binding, parameters: Mapping[str, Any] | None
    ) -> None:
        self.items: list[tuple[Any, bool]] = []
        self._rule, self._vocabulary, self._setting = rule, vocabulary, setting
        self._parameters = parameters or {}

    def tree(self) -> _Asked:
        """The whole rule, below the question whether the customer can be a member at all."""
        root = self._condition(self._rule.condition)
        able = binding.all_of(*binding.everyone(self._setting))
        member = self._ask(able, True)
        whole = self._ask(binding.bind(self._rule.lowered(self._vocabulary, self._parameters), self._setting), True)
        return _Asked("member", whole, (), (_Asked(_everyone_text(self._setting), member, (), ()), root))

    def _ask(self, item: Any, is_predicate: bool) -> int:
        self.items.append((item, is_predicate))
        return len(self.items) - 1

    def _condition(self, node: nodes.Condition) -> _Asked:
        text = language.format_condition(attrs.evolve(node, comments=nodes.Comments()))
        lowered = lowering.lower(node, self._vocabulary, self._parameters)
        truth = self._ask(binding.bind_condition(lowered, self._setting), True)
        match node:
            case nodes.And(items=items):
                return _Asked("and", truth, (), tuple(self._condition(item) for item in items))
            case nodes.Or(items=items):
                return _Asked("or", truth, (), tuple(self._condition(item) for item in items))
            case nodes.Group(kind=kind, items=items):
                return _Asked(kind.value, truth, (), tuple(self._condition(item) for item in items))
            case nodes.Not(item=item):
                return _Asked("not", truth, (), (self._condition(item),))
            case nodes.Compare(left=left, right=right):
                return _Asked(text, truth, self._operands(left, right), ())
            case nodes.Between(left=left, low=low, high=high):
                return _Asked(text, truth, self._operands(left, low, high), ())
            case nodes.OneOf(left=left) | nodes.Within(left=left):
                return _Asked(text, truth, self._operands(left), ())
            case nodes.IsSet(operand=operand):
                return _Asked(text, truth, self._operands(operand), ())
            case nodes.Quantified() | nodes.Has():
                return _Asked(text, truth, self._rows(node), ())
            case nodes.YesNoField() | nodes.Constant() | nodes.InSegment():
                return _Asked(text, truth, (), ())
            case _:
                assert_never(node)

    def _operands(self, *operands: nodes.Operand) -> tuple[tuple[str, int, int | None], ...]:
        shown: list[tuple[str, int, int | None]] = []
        for operand in operands:
            if not any(isinstance(each, (nodes.FieldRef, nodes.Aggregate)) for each in nodes.walk(operand)):
                continue
            if any(isinstance(each, nodes.FieldRef) and _is_days_until(each) for each in nodes.walk(operand)):
                continue
            found = lowering.lower_operand(operand, self._vocabulary, self._parameters)
            if found is not None:
                shown.append((language.format_operand(operand), *self._terms(*found)))
        return tuple(shown)

    def _rows(self, node: nodes.Quantified | nodes.Has) -> tuple[tuple[str, int, int | None], ...]:
        """How many rows a quantifier found, which shows why it holds or does not."""
        if isinstance(node, nodes.Has):
            return ()
        count = nodes.Aggregate(nodes.Function.COUNT, node.relation, None, False, node.where)
        found = lowering.lower_operand(count, self._vocabulary, self._parameters)
        return () if found is None else ((f"matching {node.relation.relation}", *self._terms(*found)),)

    def _terms(self, numerator: Any, denominator: Any) -> tuple[int, int | None]:
        top = self._ask(binding.bind_term(numerator, self._setting), False)
        if denominator is None:
            return top, None
        return top, self._ask(binding.bind_term(denominator, self._setting), False)


def _is_days_until(reference: nodes.FieldRef) -> bool:
    return reference.name.startswith("days_until")


def _everyone_text(setting: Binding) -> str:
    if not setting.websites:
        return "an active customer"
    return "an active customer of " + " and ".join(", ".join(sorted(codes)) for codes in setting.websites)


def errors_and_warnings(
    text: str, vocabulary: Vocabulary, *, name: str = "<rule>", at: datetime | None = None, timezone: str = "UTC"
) -> list[Diagnostic]:
    """All that can be said about a text: its errors, or else its warnings. Raises nothing for a bad rule."""
    from segrules.errors import RuleError

    try:
        rule = parse(text, vocabulary=vocabulary, name=name)
    except RuleError as error:
        return list(error.diagnostics)
    return rule.lint(at=at, timezone=timezone)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the rule."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


default_shop = cache(Shop.default)
