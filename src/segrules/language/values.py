"""Values: what an operand means, what type it has, and whether it fits what stands opposite."""

from __future__ import annotations

from abc import ABC, abstractmethod

from attrs import frozen

from segrules.algebra import Kind
from segrules.clock import RelativeDay
from segrules.condition import Choice, FieldType
from segrules.errors import Source
from segrules.language import literals, nodes, syntax
from segrules.language.names import Level, Names
from segrules.language.report import Report
from segrules.language.sorts import LITERAL_NOUNS, Meant, Sort, sort_of
from segrules.vocabulary import Vocabulary


@frozen
class Expected:
    """What a parameter must be given as: a value of this kind, or a list of such values when ``many``."""

    kind: Kind
    many: bool = False


_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_YESNO = {"true": True, "false": False}
_LITERAL_WORDS = frozenset({*_DAYS, *_YESNO, "now"})
_OPERATORS = {each.value: each for each in nodes.Operator}
_FUNCTIONS = {each.value: each for each in nodes.Function}
_NUMERIC = (nodes.Function.SUM, nodes.Function.AVG)
_ORDERED = (nodes.Function.MIN, nodes.Function.MAX)
_SETS = (Sort.CATEGORIES, Sort.CODES, Sort.NAME_OR_CODE, Sort.ANNIVERSARY, Sort.DAYS_UNTIL)

#: The field whose yearly return or distance is meant cannot be counted with: it has no plain value.
VALUES = (
    syntax.Numeral, syntax.Percentage, syntax.Quoted, syntax.Dated, syntax.Named, syntax.Duration, syntax.Path,
    syntax.Arithmetic, syntax.Minus, syntax.Anniversary, syntax.Aggregate,
)  # fmt: skip


class Values(ABC):
    """Resolves operands; conditions inside an aggregate are left to the resolver that this is a part of."""

    def __init__(self, source: Source, vocabulary: Vocabulary) -> None:
        self.report = Report(source)
        self.findings = Report(source)
        self.names = Names(vocabulary, self.report, self.findings)
        self.parameters: dict[str, Expected] = {}
        self.shorthands: list[nodes.FieldRef] = []

    @abstractmethod
    def condition(self, form: syntax.Form) -> nodes.Condition | None:
        """The condition that a form means; None after its mistakes have been told."""

    # --- what stands alone -------------------------------------------------------------------------

    def weak(self, form: syntax.Form) -> bool:
        """Whether a form is a mere literal, or a word that means something only by what stands opposite."""
        match form:
            case syntax.Path():
                return len(form.names) == 1 and self.names.bare(form.names[0]) is None
            case syntax.Minus():
                return self.weak(form.operand)
            case syntax.Grouped():
                return self.weak(form.item)
            case syntax.Arithmetic():
                return self.weak(form.left) and self.weak(form.right)
            case syntax.Percentage():
                return form.operand is None or self.weak(form.operand)
            case syntax.Numeral() | syntax.Quoted() | syntax.Dated() | syntax.Named() | syntax.Duration():
                return True
            case _:
                return False

    def value(self, form: syntax.Form) -> Meant | None:
        """What a form means by itself; None after its mistakes have been told."""
        match form:
            case syntax.Path():
                return self._path(form)
            case syntax.Numeral():
                number = literals.number(form, self.report)
                return None if number is None else self._literal(nodes.Number(number, span=form.span), Sort.NUMBER)
            case syntax.Quoted():
                text = literals.text(form, self.report)
                return None if text is None else self._literal(nodes.Text(text, span=form.span), Sort.TEXT)
            case syntax.Dated():
                dated = literals.dated(form, self.report)
                if dated is None:
                    return None
                return self._literal(dated, Sort.DAY if isinstance(dated, nodes.DayLiteral) else Sort.INSTANT)
            case syntax.Duration():
                return self._duration(form)
            case syntax.Aggregate():
                return self._aggregate(form)
            case syntax.Arithmetic() | syntax.Minus() | syntax.Percentage():
                return self._calculated(form)
            case syntax.Grouped():
                return self.value(form.item)
            case syntax.Anniversary():
                return self._anniversary(form)
            case syntax.Named():
                self.report.error(
                    "SEG310",
                    f":{form.name} has nothing opposite that says what it is",
                    form,
                    hint="a parameter takes the type of the field that it is compared with",
                )
                return None
            case _:
                self.report.error(
                    "SEG304",
                    f"a condition stands where a value is expected: {self.report.short(form)}",
                    form,
                    hint="conditions are joined by and, or, not",
                )
                return None

    def _literal(self, node: nodes.Operand, sort: Sort) -> Meant:
        return Meant(node, sort, LITERAL_NOUNS[sort], literal=True)

    def _path(self, form: syntax.Path) -> Meant | None:
        if len(form.names) == 1 and self.names.bare(form.names[0]) is None:
            word = form.names[0].lower()
            if word in _LITERAL_WORDS:
                if word in _DAYS:
                    return self._literal(nodes.DayLiteral(RelativeDay(_DAYS[word]), span=form.span), Sort.DAY)
                if word == "now":
                    return self._literal(nodes.NowLiteral(span=form.span), Sort.INSTANT)
                return self._literal(nodes.YesNo(_YESNO[word], span=form.span), Sort.YESNO)
        found = self.names.field(form)
        if found is None:
            return None
        ref, type_ = found
        if ref.shorthand:
            self.shorthands.append(ref)
        return _meant(ref, type_)

    def _duration(self, form: syntax.Duration) -> Meant | None:
        if form.ago is None:
            length = literals.length(form, self.report)
            # A length is no operand; the number only keeps its place until the type error is told.
            return None if length is None else self._literal(nodes.Number(length.amount, span=form.span), Sort.LENGTH)
        found = literals.distance(form, self.report)
        if found is None:
            return None
        return self._literal(found, Sort.DAY if isinstance(found, nodes.DayLiteral) else Sort.INSTANT)

    def _anniversary(self, form: syntax.Anniversary) -> Meant | None:
        meant = self._path(form.path)
        if meant is None:
            return None
        if meant.sort not in (Sort.DATE, Sort.MOMENT) or not isinstance(meant.node, nodes.FieldRef):
            what = self.report.short(form.path)
            self.report.error(
                "SEG301", f"only a date or a moment has an anniversary; {what} is {meant.noun}", form.path
            )
            return None
        return Meant(nodes.AnniversaryOf(meant.node, span=form.span), Sort.ANNIVERSARY, "an anniversary")

    # --- calculating -------------------------------------------------------------------------------

    def _calculated(self, form: syntax.Form) -> Meant | None:
        node: nodes.Operand
        literal = False
        match form:
            case syntax.Arithmetic():
                left, right = self._number(form.left, form), self._number(form.right, form)
                if left is None or right is None:
                    return None
                literal = left.literal and right.literal
                node = nodes.Arithmetic(left.node, _OPERATORS[form.sign], right.node, span=form.span)
            case syntax.Minus():
                operand = self._number(form.operand, form)
                if operand is None:
                    return None
                literal = operand.literal
                node = nodes.Negative(operand.node, span=form.span)
            case syntax.Percentage():
                number = literals.number(form.number, self.report)
                if form.operand is None:
                    self.report.error(
                        "SEG113",
                        f"{self.report.short(form)} of what?",
                        form,
                        hint="a percentage needs of: 5% of lifetime.sales",
                    )
                    return None
                operand = self._number(form.operand, form)
                if operand is None or number is None:
                    return None
                literal = operand.literal
                node = nodes.Percent(number, operand.node, span=form.span)
            case _:
                raise AssertionError(form)
        return Meant(node, Sort.NUMBER, "a number", literal=literal)

    def _number(self, form: syntax.Form, whole: syntax.Form) -> Meant | None:
        while isinstance(form, syntax.Grouped):
            form = form.item
        if isinstance(form, syntax.Named):
            return Meant(self.parameter(form, Kind.NUMBER), Sort.NUMBER, "a number")
        meant = self.value(form)
        if meant is None or meant.sort is Sort.NUMBER:
            return meant
        what = self.report.short(form)
        if meant.sort in (Sort.MOMENT, Sort.DATE, Sort.DAY, Sort.INSTANT, Sort.LENGTH, Sort.ANNIVERSARY):
            self.report.error(
                "SEG305",
                f"there is no arithmetic on moments and days; {what} is {meant.noun}",
                whole,
                hint="compare the moment with a day: created_at after 30 days ago, or use a days_since field",
            )
        elif meant.sort is Sort.DAYS_UNTIL:
            self.report.error(
                "SEG316", f"{what} compares with a plain number only", whole, hint=f"write {what} <= 7, for example"
            )
        else:
            self.report.error("SEG305", f"only numbers can be calculated with; {what} is {meant.noun}", form)
        return None

    def _aggregate(self, form: syntax.Aggregate) -> Meant | None:
        function = _FUNCTIONS[form.function]
        counts_rows = function is nodes.Function.COUNT and not form.distinct
        names = form.path.names
        if form.distinct and function is not nodes.Function.COUNT:
            self.report.error("SEG308", f"distinct goes with count only, not with {form.function}", form)
            return None
        if not counts_rows and len(names) == 1:
            self.report.error(
                "SEG308",
                f"{form.function} needs a field: which number of each {names[0].lower()}?",
                form.path,
                hint=f"write {form.function}({'distinct ' if form.distinct else ''}relation.field where …)",
            )
            return None
        if counts_rows and len(names) > 1 and self._counts_a_field(form):
            return None
        opened = self.names.relation(form.path, names if counts_rows else names[:-1])
        if opened is None:
            return None
        relation, level = opened
        if level.relation.rows is not None and level.relation.rows.pick is not None:
            self._of_one_row(form, level)
            return None
        with self.names.opened(level, form.path):
            found = None if counts_rows else self._aggregated_field(form, function, level)
            where = None if form.where is None else self.condition(form.where)
        if (found is None and not counts_rows) or (where is None and form.where is not None):
            return None
        ref, type_ = found if found is not None else (None, None)
        node = nodes.Aggregate(function, relation, ref, form.distinct, where, span=form.span)
        if type_ is None or function is nodes.Function.COUNT:
            return Meant(node, Sort.NUMBER, "a whole number")
        if function in (nodes.Function.FIRST, nodes.Function.LAST) and not _has_moment(level):
            self._without_moment(form.function, level, form.path)
            return None
        return _meant(node, type_)

    def _counts_a_field(self, form: syntax.Aggregate) -> bool:
        """Whether ``count`` is asked for a field, which has to say how; the mistake is told."""
        vocabulary = self.names.vocabulary
        *rest, name = [each.lower() for each in form.path.names]
        relation = vocabulary.named(rest[-1])
        if relation is None or name not in relation.fields or relation.rows is None:
            return False
        if vocabulary.inside(relation.rows.path, name) is not None:
            return False
        word = ".".join(rest)
        self.report.error(
            "SEG308",
            f"count counts rows, not {self.report.short(form.path)}",
            form.path,
            hint=f"write count({word} where {name} is set) or count(distinct {word}.{name})",
        )
        return True

    def _aggregated_field(
        self, form: syntax.Aggregate, function: nodes.Function, level: Level
    ) -> tuple[nodes.FieldRef, FieldType] | None:
        name = form.path.names[-1].lower()
        start = form.path.end - len(name)
        found = self.names.own_field(syntax.Path(start, form.path.end, (name,)), form.path)
        if found is None:
            return None
        sort = sort_of(type(found[1]))
        what = f"{level.relation.word}.{name} is {found[1].noun}"
        if function in _NUMERIC and sort is not Sort.NUMBER:
            self.report.error("SEG308", f"{form.function} needs numbers; {what}", form.path)
        elif function in _ORDERED and sort not in (Sort.NUMBER, Sort.DATE, Sort.MOMENT):
            self.report.error(
                "SEG317", f"{form.function} needs numbers, dates or moments; {what}, which has no order", form.path
            )
        elif function in (nodes.Function.FIRST, nodes.Function.LAST) and sort in _SETS:
            self.report.error("SEG308", f"{form.function} needs a field with one plain value; {what}", form.path)
        elif function is nodes.Function.COUNT and sort in (Sort.ANNIVERSARY, Sort.DAYS_UNTIL, Sort.CODES):
            self.report.error("SEG308", f"count needs a field with one plain value; {what}", form.path)
        else:
            return found
        return None

    def _of_one_row(self, form: syntax.Aggregate, level: Level) -> None:
        word = level.relation.word
        name = form.path.names[-1].lower()
        direct = f"compare {word}.{name} itself" if name in level.relation.fields else f"write any {word}"
        self.report.error(
            "SEG318",
            f"{word} is one row at most, so there is nothing for {form.function} to go through",
            form,
            hint=f"{direct}, or any {word} where (…)",
        )

    def _without_moment(self, word: str, level: Level, place: syntax.Form) -> None:
        relation = level.relation.word
        self.report.error(
            "SEG309",
            f"{relation} has no moment that says which is {word}",
            place,
            hint=f"use any {relation} where (…), or min and max",
        )

    # --- parameters --------------------------------------------------------------------------------

    def parameter(self, form: syntax.Named, kind: Kind, many: bool = False) -> nodes.Parameter:
        """The parameter, which takes its type from what stands opposite."""
        expected = Expected(kind, many)
        known = self.parameters.setdefault(form.name, expected)
        if known != expected:
            self.report.error(
                "SEG310",
                f":{form.name} is used as {_kind(known)} and as {_kind(expected)}",
                form,
                hint="give the two uses two names",
            )
        return nodes.Parameter(form.name, span=form.span)


def _meant(node: nodes.FieldRef | nodes.Aggregate, type_: FieldType) -> Meant:
    choices = type_.values if isinstance(type_, Choice) else None
    return Meant(node, sort_of(type(type_)), type_.noun, choices)


def _has_moment(level: Level) -> bool:
    return level.relation.rows is not None and level.relation.rows.moment is not None


def _kind(expected: Expected) -> str:
    noun = {Kind.NUMBER: "a number", Kind.ID: "an id", Kind.YESNO: "yes or no", Kind.TEXT: "text"}
    one = noun.get(expected.kind, f"a {expected.kind.value}")
    return f"a list of {expected.kind.value}s" if expected.many else one


def mirrored(word: str) -> str:
    """The comparing word that holds with both sides swapped."""
    return {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "before": "after", "after": "before"}.get(word, word)
