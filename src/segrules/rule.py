"""A rule and what can be done with it: thin verbs over the language, the algebra and its two interpreters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from attrs import field, frozen

from segrules import binding, language, lowering
from segrules.algebra import InSegment, Predicate, Term, walk
from segrules.binding import Binding
from segrules.clock import Clock
from segrules.errors import Diagnostic, EvaluationError, ParameterError, SegmentError
from segrules.explaining import Questions
from segrules.forecast import Forecast, OneCustomer, foresee
from segrules.language import Expected, Limits, nodes
from segrules.memory import Explanation, compile_predicate, compile_term
from segrules.shop.shop import Shop, zone_named
from segrules.vocabulary import Vocabulary

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import FromClause

    from segrules.sql.planner import Among, Plan

#: A segment that a rule may refer to: its rule, evaluated live, or a selectable of its stored member ids.
Segments = Mapping[str, "Rule | FromClause | sa.Select[Any]"]


class Given(TypedDict, total=False):
    """What may be given with every evaluation.

    ``at``: an aware moment (default: now, taken once). ``website``: a website's code or several; only their
    customers match, and of orders and carts only theirs count. ``parameters``: the value of each ``:name``.
    ``segments``: those that the rule refers to. ``timezone``: instead of the shop's.
    """

    at: datetime | None
    website: str | Iterable[str] | None
    parameters: Mapping[str, Any] | None
    segments: Segments | None
    timezone: str | None


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

    def bound(self, shop: Shop, **given: Unpack[Given]) -> Predicate:
        """What the rule says of a customer of this shop at this moment, in the algebra."""
        return self._bound(Evaluation.of(shop, given))

    def select(
        self, shop: Shop, dialect: Dialect | str, *, among: Among | None = None, **given: Unpack[Given]
    ) -> sa.Select[Any]:
        """The statement that selects the ids of all customers that match.

        ``among``: only of those with these ids, a list or a SELECT of them, at a cost that follows their number.
        ``dialect`` is that of the engine which will execute it (``engine.dialect``), or its name for a look.
        Raises EvaluationError, ShopError.
        """
        return self.plan(shop, dialect, among=among, **given).statement

    def plan(self, shop: Shop, dialect: Dialect | str, *, among: Among | None = None, **given: Unpack[Given]) -> Plan:
        """The statement together with the shapes that the planner chose, and why."""
        from segrules import sql

        asked = Evaluation.of(shop, given)
        predicate = self._bound(asked)
        members = asked.members(predicate)
        zone, now = asked.clock.zone, asked.clock.now
        return sql.plan(predicate, shop.mapping, sql.dialect_of(dialect), zone, members, among, now)

    def count(self, connection: sa.Connection, shop: Shop, **given: Unpack[Given]) -> int:
        """How many customers match."""
        from segrules import sql

        sql.prepare(connection)
        statement = sql.count(self.select(shop, connection.dialect, **given))
        return int(connection.execute(statement).scalar_one())

    def predicate(self, shop: Shop, **given: Unpack[Given]) -> Callable[[Any], bool]:
        """A function that says whether a customer in memory matches; compiled once, shared freely by threads.

        A segment that ``segments`` does not give by its rule is looked for among the customer's ``segments``; one that
        it does not give at all, when it is given, is an error.
        """
        asked = Evaluation.of(shop, given)
        bound = self._bound(asked)
        if asked.segments is not None:
            asked.members(bound)
        return compile_predicate(bound, asked.clock.zone)

    def explain(
        self,
        customer: Any,
        shop: Shop | None = None,
        *,
        connection: sa.Connection | None = None,
        **given: Unpack[Given],
    ) -> Explanation:
        """The rule as a tree with the truth of each condition for one customer, and the values found.

        ``customer`` is a customer in memory; with a ``connection``, the id of one in the database, which
        answers every part itself. Without a shop, the default one. EvaluationError when there is no such customer.
        """
        shop = shop if shop is not None else Shop.default(vocabulary=self.vocabulary)
        asked = Evaluation.of(shop, given)
        questions = Questions(self.condition, shop.vocabulary, asked.binding, asked.parameters)
        tree = questions.tree(self.lowered(shop.vocabulary, asked.parameters))
        zone = asked.clock.zone
        if connection is None:
            return tree.answered([_in_memory(item, zone)(customer) for item in questions.items])
        from segrules import sql

        sql.prepare(connection)
        members = asked.members(questions.items[tree.truth])
        statement = sql.evaluate(questions.items, shop.mapping, connection.dialect, zone, [customer], members)
        row = connection.execute(statement).first()
        if row is None:
            raise EvaluationError(f"there is no customer {customer!r}")
        return tree.answered(list(row[1:]))

    def next_change(self, connection: sa.Connection, shop: Shop, **given: Unpack[Given]) -> datetime | None:
        """The first moment after ``at`` at which some customer's answer changes if no data does; None when none can.

        It is aware, in UTC, and never too late; see :mod:`segrules.forecast` for when it may be too early.
        """
        return self.forecast(connection, shop, **given).moment

    def next_change_for(self, customer: Any, shop: Shop, **given: Unpack[Given]) -> datetime | None:
        """The same for one customer in memory."""
        asked = Evaluation.of(shop, given)
        lowered = self.lowered(shop.vocabulary, asked.parameters)
        return foresee(lowered, asked.binding, OneCustomer(customer, asked.clock.zone)).moment

    def forecast(self, connection: sa.Connection, shop: Shop, **given: Unpack[Given]) -> Forecast:
        """What :meth:`next_change` says, with whether it is exact."""
        from segrules.forecast.database import Everyone

        asked = Evaluation.of(shop, given)
        witness = Everyone(connection, shop.mapping, asked.clock.zone, asked.members(self._bound(asked)))
        return foresee(self.lowered(shop.vocabulary, asked.parameters), asked.binding, witness)

    # --- inside ------------------------------------------------------------------------------------

    def _bound(self, asked: Evaluation) -> Predicate:
        return binding.bind(self.lowered(asked.vocabulary, asked.parameters), asked.binding)

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


@frozen(eq=False)
class Evaluation:
    """What was given with an evaluation, each part read once: the present too, and what can be read only once."""

    vocabulary: Vocabulary
    binding: Binding
    parameters: Mapping[str, Any]
    segments: Segments | None

    @classmethod
    def of(cls, shop: Shop, given: Given) -> Evaluation:
        """Raises EvaluationError for what is no website, SegmentError for a live segment with parameters."""
        timezone, segments = given.get("timezone"), given.get("segments")
        clock = Clock.at(given.get("at"), shop.zone if timezone is None else zone_named(timezone))
        live = {name: _live(name, each, shop) for name, each in (segments or {}).items() if isinstance(each, Rule)}
        setting = Binding(clock, scope_of(given.get("website"), shop), live)
        return cls(shop.vocabulary, setting, kept(given.get("parameters")), segments)

    @property
    def clock(self) -> Clock:
        """The present, in the shop's zone or the one given."""
        return self.binding.clock

    def members(self, item: Predicate | Term) -> Mapping[str, Any]:
        """The stored segments; SegmentError when the item refers to one that was not given."""
        segments = self.segments or {}
        stored: dict[str, Any] = {name: given for name, given in segments.items() if not isinstance(given, Rule)}
        for name, given in stored.items():
            if isinstance(given, str):
                raise SegmentError(f'segment "{name}" is given as text; give a Rule (segrules.parse) or a selectable')
        for each in walk(item):
            if isinstance(each, InSegment) and each.name not in stored:
                known = f"; known are {', '.join(sorted(segments))}" if segments else ""
                raise SegmentError(f'there is no segment "{each.name}"{known}: give it in segments=')
        return stored


def kept(parameters: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Parameters, those that can be read only once as tuples: each may stand in several places."""
    return {name: tuple(value) if isinstance(value, Iterator) else value for name, value in (parameters or {}).items()}


def scope_of(website: str | Iterable[str] | None, shop: Shop) -> tuple[frozenset[str], ...]:
    """The scope that a website's code, or several, make; EvaluationError for what is no code of the shop's."""
    if website is None:
        return ()
    codes = [website] if isinstance(website, str) else list(website)
    for code in codes:
        if not isinstance(code, str) or not lowering.can_be_kept(code):
            raise EvaluationError(f"a website is named by its code; {code!r} is none")
    from segrules.shop.websites import require

    require(shop, codes)
    return (frozenset(codes),)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


def _live(name: str, rule: Rule, shop: Shop) -> Predicate:
    if rule.parameters:
        raise SegmentError(
            f'the rule of segment "{name}" has {_listed(rule.parameters)}: what is referred to takes no parameters'
        )
    return rule.lowered(shop.vocabulary, None)


def _in_memory(item: Predicate | Term, zone: ZoneInfo) -> Callable[[Any], Any]:
    return compile_predicate(item, zone) if isinstance(item, Predicate) else compile_term(item, zone)
