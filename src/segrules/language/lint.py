"""What is allowed but hardly meant: warnings about the meaning of a rule.

Warnings about its form (``and`` and ``or`` without parentheses, names that hide others) are noticed while the rule
is read and travel with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from segrules.algebra import TRUE, Aggregate, Fold, Term, fold, present
from segrules.clock import Clock, Unit
from segrules.condition import Amount, DaysSince, DaysUntil, FieldType, Moment, Scope
from segrules.errors import Diagnostic
from segrules.language import nodes
from segrules.language.order import exact
from segrules.language.printer import format_condition
from segrules.language.ranges import EVERYTHING, MANY, Ranges, Reasoning, Values, Words, as_words, is_relative
from segrules.language.report import Report
from segrules.language.shorthand import written_out
from segrules.language.sorts import Sort, sort_of
from segrules.vocabulary import Relation, Vocabulary

if TYPE_CHECKING:
    from segrules.language import Parsed

#: So many quantifiers, groups and negations inside one another are hard to follow.
DEEP = 6

#: What the point may have been meant to group.
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}\Z")
_SIMPLE = (nodes.Compare, nodes.Between, nodes.OneOf, nodes.Within, nodes.IsSet, nodes.YesNoField)


def lint(parsed: Parsed, vocabulary: Vocabulary, clock: Clock | None = None) -> list[Diagnostic]:
    """The warnings about a rule, in the order of its text; a clock lets them see windows that are empty now."""
    linter = _Linter(parsed, vocabulary, clock)
    linter.condition(parsed.condition, ())
    linter.never_left(parsed.condition)
    return sorted((*parsed.findings, *linter.report.diagnostics), key=lambda each: (each.span, each.code))


class _Linter:
    def __init__(self, parsed: Parsed, vocabulary: Vocabulary, clock: Clock | None) -> None:
        self.vocabulary = vocabulary
        self.report = Report(parsed.source)
        self.reasoning = Reasoning(clock)
        self.told_depth = False

    # --- the way through the tree ------------------------------------------------------------------

    def condition(self, node: nodes.Condition, around: tuple[nodes.Condition, ...]) -> None:
        """Looks at a condition that stands inside others, the innermost last."""
        if not self.told_depth and sum(not isinstance(each, (nodes.And, nodes.Or)) for each in around) >= DEEP:
            self.told_depth = True
            self.report.warning(
                "SEG908",
                f"more than {DEEP} levels inside one another are hard to follow",
                node,
                hint='name a part of it as a segment of its own: in segment "…"',
            )
        inside = (*around, node)
        match node:
            case nodes.And() | nodes.Or() | nodes.Group():
                both = isinstance(node, nodes.And) or (
                    isinstance(node, nodes.Group) and node.kind is nodes.GroupKind.ALL
                )
                self._joined(node, node.items, both)
                outermost = not any(isinstance(each, (nodes.Quantified, nodes.Has)) for each in around)
                if both and outermost and not isinstance(node, nodes.Or):
                    self._same_row(node)
                for item in node.items:
                    self.condition(item, inside)
            case nodes.Not():
                self.condition(node.item, inside)
            case nodes.Quantified() | nodes.Has():
                if isinstance(node, nodes.Quantified):
                    self._quantified(node, around)
                if node.where is not None:
                    self.condition(node.where, inside)
            case nodes.Constant(value=False) if not around or not isinstance(
                around[-1], (nodes.And, nodes.Or, nodes.Group, nodes.Not)
            ):
                self._never(node, [node])
            case _:
                self._leaf(node)
                for each in nodes.children(node):
                    self._aggregates(each, inside)

    def _aggregates(self, node: nodes.Node, around: tuple[nodes.Condition, ...]) -> None:
        if isinstance(node, nodes.Aggregate):
            if node.where is not None:
                self.condition(node.where, around)
            return
        for each in nodes.children(node):
            self._aggregates(each, around)

    # --- one comparison ----------------------------------------------------------------------------

    def _type(self, ref: nodes.FieldRef) -> FieldType | None:
        relation = self.vocabulary.relations.get(ref.relation)
        return None if relation is None else relation.fields.get(ref.name)

    def _leaf(self, node: nodes.Condition) -> None:
        if isinstance(node, nodes.Compare) and isinstance(node.left, nodes.FieldRef):
            self._searched(node, node.left)
            self._fraction(node, node.left)
        if isinstance(node, (nodes.Between, nodes.OneOf)) and isinstance(node.left, nodes.FieldRef):
            self._fractions(node, node.left)
        self._points(node)
        found = self._known(node)
        if found is None:
            return
        operand, values = found
        known = values & self._possible(operand) if isinstance(values, Ranges) else values
        if known.empty:
            self._never(node, [node])
        elif _through_shorthand(operand):
            return
        elif isinstance(values, Ranges) and (~values & self._possible(operand)).empty:
            self.report.warning("SEG902", "this is true for everyone", node, hint="leave it out, or compare otherwise")

    def _known(self, node: nodes.Condition) -> tuple[nodes.Operand, Values] | None:
        """The values with which a comparison is true; texts only where a field has one, as it compares them."""
        found = self.reasoning.of(node)
        if found is None:
            return None
        operand, values = found
        if not isinstance(values, Words):
            return found
        if not any(isinstance(each, nodes.Text) for each in nodes.walk(node)):
            return found
        type_ = self._type(operand) if isinstance(operand, nodes.FieldRef) else None
        sort = None if type_ is None else sort_of(type(type_))
        if sort is Sort.TEXT:
            return operand, attrs.evolve(values, words=frozenset([fold(each) for each in values.words]))
        return found if sort in (Sort.CODE, Sort.COUNTRY) else None

    def _possible(self, operand: nodes.Operand) -> Ranges:
        """All values that an operand can have."""
        if isinstance(operand, nodes.Aggregate) and operand.function is nodes.Function.COUNT:
            return Ranges(False, (((Decimal(0), 0), None),))
        if isinstance(operand, nodes.Aggregate) and operand.function is nodes.Function.SUM:
            return Ranges(False, ((None, None),))
        if isinstance(operand, nodes.FieldRef) and not operand.shorthand:
            type_ = self._type(operand)
            term = _term(type_, self.vocabulary.relations[operand.relation]) if type_ is not None else None
            if isinstance(term, Aggregate) and term.fold in (Fold.COUNT, Fold.COUNT_DISTINCT):
                return Ranges(False, (((Decimal(0), 0), None),))
            if term is not None and present(term) == TRUE:
                return Ranges(False, ((None, None),))
            if type_ is not None and type_.required:
                return Ranges(False, ((None, None),))
        return EVERYTHING

    def _never(self, place: nodes.Condition, parts: Sequence[nodes.Condition]) -> None:
        if any(is_relative(each) for each in parts):
            self.report.warning("SEG907", "this window is empty at present, so it holds for nobody", place)
        else:
            self.report.warning("SEG903", "this can never be true", place)

    def _searched(self, node: nodes.Compare, ref: nodes.FieldRef) -> None:
        relation = self.vocabulary.relations.get(ref.relation)
        if node.comparison in (nodes.Comparison.CONTAINS, nodes.Comparison.ENDS) and relation is not None:
            type_ = relation.fields.get(ref.name)
            rows = relation.rows
            if rows is not None and rows.large and type_ is not None and type_.noun in ("text", "a code"):
                self.report.warning(
                    "SEG909",
                    f"no index helps to search inside {ref.relation}.{ref.name}: every row is read",
                    node,
                    hint="where it can be, write starts with or is",
                )

    def _fractions(self, node: nodes.Between | nodes.OneOf, ref: nodes.FieldRef) -> None:
        values = (node.low, node.high) if isinstance(node, nodes.Between) else node.values
        numbers = () if isinstance(values, nodes.Parameter) else [exact(each) for each in values]
        if isinstance(self._type(ref), (DaysSince, DaysUntil)) and any(
            each is not None and each % 1 for each in numbers
        ):
            self._counts_days(node, ref)

    def _counts_days(self, node: nodes.Condition, ref: nodes.FieldRef, write: str | None = None) -> None:
        since = isinstance(self._type(ref), DaysSince)
        self.report.warning(
            "SEG913",
            f"{ref.name} counts whole days, so a fraction of a day never shows",
            node,
            write=write,
            hint="compare the moment with a length of time: before 1 hour ago" if since else "write whole days",
        )

    def _points(self, node: nodes.Condition) -> None:
        """5.000 beside an amount: five, but to many readers five thousand."""
        fields = [self._type(each) for each in nodes.walk(node) if isinstance(each, nodes.FieldRef)]
        if not any(isinstance(each, Amount) for each in fields):
            return
        for each in nodes.children(node):
            raw = self.report.text(each) if isinstance(each, nodes.Number) and each.span.end else ""
            if _THOUSANDS.match(raw):
                self.report.warning(
                    "SEG914",
                    f"{raw} is {raw.rstrip('0').rstrip('.')}, for the point begins decimals",
                    each,
                    write=raw.replace(".", ""),
                    hint="nothing groups digits but _: 5_000",
                )

    def _fraction(self, node: nodes.Compare, ref: nodes.FieldRef) -> None:
        type_ = self._type(ref)
        right = node.right
        if (
            not isinstance(type_, (DaysSince, DaysUntil))
            or not isinstance(right, nodes.Number)
            or right.value == int(right.value)
        ):
            return
        write = None
        if (
            isinstance(type_, DaysSince)
            and type_.of
            and node.comparison in (nodes.Comparison.LESS, nodes.Comparison.GREATER)
        ):
            side = "after" if node.comparison is nodes.Comparison.LESS else "before"
            hours = right.value * 24
            number, unit = (hours, "hour") if hours == int(hours) else (hours * 60, "minute")
            path = self.report.text(ref).lower().removesuffix(ref.name) if ref.span.end else ""
            literal = nodes.AgoLiteral(nodes.Length(number, Unit(unit)))
            negated = "not " if node.negated else ""
            placed = nodes.Compare(ref, nodes.Comparison.LESS, literal)
            write = f"{path}{type_.of} {negated}{side} " + format_condition(placed).partition("before ")[2]
        self._counts_days(node, ref, write)

    # --- several together --------------------------------------------------------------------------

    def _joined(self, node: nodes.Condition, items: Sequence[nodes.Condition], both: bool) -> None:
        """Conditions of which all (``both``) or some must hold: contradictions, truisms, repetitions."""
        seen: set[nodes.Condition] = set()
        ranges: dict[nodes.Operand, list[tuple[nodes.Condition, Values]]] = {}
        for item in items:
            if item in seen:
                self.report.warning("SEG904", "this stands here twice", item)
                continue
            seen.add(item)
            other = _opposite(item)
            if other in seen and self._known(item) is None:
                place = next(each for each in items if each == other).span.to(item.span)
                if both:
                    self.report.warning("SEG903", "these can never be true together", place)
                else:
                    self.report.warning("SEG902", "one of these is true for everyone", place)
            if isinstance(item, nodes.Constant):
                if item.value == both:
                    self.report.warning("SEG904", f"{str(item.value).lower()} changes nothing here", item)
                elif both:
                    self.report.warning("SEG903", "with false in it, this can never be true", node)
                elif _is_none(node):
                    self.report.warning("SEG903", "with true in it, this can never be true", node)
                else:
                    self.report.warning("SEG902", "with true in it, this is true for everyone", node)
                continue
            found = self._known(item)
            if found is not None and not _through_shorthand(found[0]):
                ranges.setdefault(found[0], []).append((item, found[1]))
        for operand, known in ranges.items():
            if 1 < len(known) <= MANY:
                self._together(node, operand, known, both)

    def _together(
        self, node: nodes.Condition, operand: nodes.Operand, known: list[tuple[nodes.Condition, Values]], both: bool
    ) -> None:
        if any(isinstance(values, Words) for _, values in known):
            known = [(item, as_words(values)) for item, values in known]
        total = known[0][1]
        place = known[0][0].span
        for item, values in known[1:]:
            if type(values) is not type(total):
                return
            wider = _within(total, values) if both else _within(values, total)
            narrower = _within(values, total) if both else _within(total, values)
            if wider or narrower:
                which = item if wider else known[0][0]
                if not total.empty and not values.empty:
                    self.report.warning("SEG904", "another condition beside it says this already", which)
            total = total & values if both else total | values  # type: ignore[operator]
            place = place.to(item.span)
            possible = total & self._possible(operand) if isinstance(total, Ranges) else total
            if both and possible.empty:
                if any(is_relative(each) for each, _ in known):
                    self.report.warning("SEG907", "these windows have nothing in common at present", place)
                else:
                    self.report.warning("SEG903", "these can never be true together", place)
                return
        if not both and ((isinstance(total, Ranges) and (~total & self._possible(operand)).empty) or (~total).empty):
            self.report.warning("SEG902", "one of these is true for everyone", place)

    def _same_row(self, node: nodes.And | nodes.Group) -> None:
        by_word: dict[str, list[nodes.Condition]] = {}
        for item in node.items:
            word = _shorthand_word(item) if isinstance(item, _SIMPLE) else None
            relation = self.vocabulary.relations.get(word) if word else None
            if word and relation is not None and relation.rows is not None and relation.rows.pick is None:
                by_word.setdefault(word, []).append(item)
        for word, items in by_word.items():
            if len(set(items)) < 2:
                continue
            body = nodes.And(tuple(written_out(each, word) for each in items))
            merged = nodes.Quantified(nodes.Quantifier.ANY, None, nodes.RelationRef(word), body)
            kept = tuple(
                merged if each is items[0] else each for each in node.items if each is items[0] or each not in items
            )
            whole: nodes.Condition = attrs.evolve(node, items=kept, comments=nodes.Comments())
            if len(kept) == 1 and isinstance(node, nodes.And):
                whole = merged
            self.report.warning(
                "SEG901",
                f"these may hold for different rows of {word}, not for one and the same",
                node,
                write=format_condition(whole),
                hint=None if whole is merged else f"about one row: {format_condition(merged)}",
            )

    def _quantified(self, node: nodes.Quantified, around: tuple[nodes.Condition, ...]) -> None:
        if node.quantifier is nodes.Quantifier.AT_LEAST and node.number == 0:
            self.report.warning("SEG902", "at least 0 is true for everyone", node)
        if node.quantifier is not nodes.Quantifier.EVERY or node.relation.parent is not None:
            return
        if any(isinstance(each, (nodes.Not, nodes.Quantified, nodes.Has)) or _is_none(each) for each in around):
            return
        parent = around[-1] if around else None
        if isinstance(parent, (nodes.And, nodes.Group)) and any(
            isinstance(each, nodes.Quantified)
            and each.relation == node.relation
            and each.quantifier in (nodes.Quantifier.ANY, nodes.Quantifier.AT_LEAST, nodes.Quantifier.EXACTLY)
            for each in parent.items
        ):
            return
        word = node.relation.relation
        some = nodes.Quantified(nodes.Quantifier.ANY, None, node.relation, None)
        text = f"{format_condition(some)} and {self.report.text(node)}"
        self.report.warning(
            "SEG910",
            f"every {word} is also true of customers without any {word}",
            node,
            write=text if parent is None or isinstance(parent, (nodes.And, nodes.Group)) else f"({text})",
        )

    # --- the whole rule ----------------------------------------------------------------------------

    def never_left(self, condition: nodes.Condition) -> None:
        """Warns when time alone brings members in and nothing in the rule lets them out again."""
        leaves: list[nodes.Condition] = []
        if self._only_grows(condition, leaves) and leaves:
            self.report.warning(
                "SEG906",
                "once true, this stays true: members never leave",
                leaves[0],
                hint="give the moment its other end: between 60 days ago and 30 days ago",
            )

    def _only_grows(self, node: nodes.Condition, leaves: list[nodes.Condition]) -> bool:
        match node:
            case nodes.And() | nodes.Or():
                return all(self._only_grows(each, leaves) for each in node.items)
            case nodes.Group():
                return node.kind is not nodes.GroupKind.NONE and all(
                    self._only_grows(each, leaves) for each in node.items
                )
            case nodes.Quantified():
                grows = node.quantifier in (nodes.Quantifier.ANY, nodes.Quantifier.AT_LEAST)
                return grows and node.where is not None and self._only_grows(node.where, leaves)
            case nodes.Compare(left=nodes.FieldRef() as ref, negated=False):
                type_ = self._type(ref)
                if type_ is None or type_.meaning is not None:
                    return False
                if isinstance(type_, Moment):
                    older = node.comparison in (nodes.Comparison.LESS, nodes.Comparison.LESS_EQUAL)
                    grows = older and isinstance(node.right, (nodes.DayLiteral, nodes.AgoLiteral, nodes.NowLiteral))
                    grows = grows and is_relative(node)
                else:
                    older = node.comparison in (nodes.Comparison.GREATER, nodes.Comparison.GREATER_EQUAL)
                    grows = older and isinstance(type_, DaysSince) and isinstance(node.right, nodes.Number)
                if grows:
                    leaves.append(node)
                return grows
            case _:
                return False


def _term(type_: FieldType, relation: Relation) -> Term | None:
    """What a field about the customer itself is computed by, where it is one term."""
    if type_.meaning is None or relation.rows is not None:
        return None
    term = type_.meaning(Scope())
    return term if isinstance(term, Term) else None


def _opposite(node: nodes.Condition) -> nodes.Condition:
    """The condition that is true where this one is not, as a rule would write it."""
    match node:
        case nodes.Not():
            return node.item
        case nodes.InSegment():
            return attrs.evolve(node, negated=not node.negated)
        case nodes.Quantified(quantifier=nodes.Quantifier.ANY):
            return attrs.evolve(node, quantifier=nodes.Quantifier.NO)
        case nodes.Quantified(quantifier=nodes.Quantifier.NO):
            return attrs.evolve(node, quantifier=nodes.Quantifier.ANY)
        case _:
            return nodes.Not(node)


def _is_none(node: nodes.Condition) -> bool:
    return isinstance(node, nodes.Group) and node.kind is nodes.GroupKind.NONE


def _within(inner: Values, outer: Values) -> bool:
    return (inner & ~outer).empty  # type: ignore[operator]


def _through_shorthand(operand: nodes.Operand) -> bool:
    return any(isinstance(each, nodes.FieldRef) and each.shorthand for each in nodes.walk(operand))


def _shorthand_word(node: nodes.Condition) -> str | None:
    for each in nodes.walk(node):
        if isinstance(each, nodes.FieldRef) and each.shorthand:
            return each.relation
    return None
