"""From the syntax tree to typed nodes: every name resolved, every type checked, every mistake told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from segrules.clock import Unit
from segrules.errors import Source
from segrules.language import literals, nodes, syntax
from segrules.language.limits import Limits
from segrules.language.opposites import Opposites
from segrules.language.order import swapped
from segrules.language.report import listing
from segrules.language.sorts import EQUAL, PARAMETER_KINDS, TAKES, TEXTUAL, Meant, Sort
from segrules.language.spelling import quoted
from segrules.language.values import VALUES, mirrored
from segrules.vocabulary import Vocabulary

Simple = TypeVar("Simple", bound=syntax.Form)

_COMPARISONS = {
    "=": nodes.Comparison.EQUAL,
    "is": nodes.Comparison.EQUAL,
    "on": nodes.Comparison.EQUAL,
    "<": nodes.Comparison.LESS,
    "before": nodes.Comparison.LESS,
    "<=": nodes.Comparison.LESS_EQUAL,
    ">": nodes.Comparison.GREATER,
    "after": nodes.Comparison.GREATER,
    ">=": nodes.Comparison.GREATER_EQUAL,
    "contains": nodes.Comparison.CONTAINS,
    "starts with": nodes.Comparison.STARTS,
    "ends with": nodes.Comparison.ENDS,
}
_QUANTIFIERS = {each.value: each for each in nodes.Quantifier}
_GROUPS = {each.value: each for each in nodes.GroupKind}
_OFFSETS = {"this": 0, "last": -1, "next": 1}


class Resolver(Opposites):
    """Resolves one rule. Nothing of it survives but the condition, the parameters and the findings."""

    def __init__(self, source: Source, vocabulary: Vocabulary, limits: Limits) -> None:
        super().__init__(source, vocabulary)
        self.limits = limits
        self.count = 0

    def condition(self, form: syntax.Form) -> nodes.Condition | None:
        """The condition that a form means; None after its mistakes have been told."""
        match form:
            case syntax.Compared():
                return self._simple(form, self._compared)
            case syntax.Chain():
                return self._chain(form)
            case syntax.Grouped():
                return self.condition(form.item)
            case syntax.Quantified():
                return self._quantified(form)
            case syntax.Windowed():
                return self._simple(form, self._windowed)
            case syntax.Listed():
                return self._simple(form, self._listed)
            case syntax.BothBounds():
                return self._simple(form, self._both_bounds)
            case syntax.Presence():
                return self._simple(form, self._presence)
            case syntax.Negated():
                return self._negated(form)
            case syntax.Group():
                return self._group(form)
            case syntax.Picked():
                return self._picked(form)
            case syntax.Member():
                return self._member(form)
            case syntax.Path():
                return self._simple(form, self._alone)
            case _:
                return self._simple(form, self._no_condition)

    # --- joined ------------------------------------------------------------------------------------

    def _items(self, forms: tuple[syntax.Form, ...]) -> tuple[nodes.Condition, ...] | None:
        items = [self.condition(each) for each in forms]
        known = tuple([each for each in items if each is not None])
        return known if len(known) == len(items) else None

    def _chain(self, form: syntax.Chain) -> nodes.Condition | None:
        if form.either:
            for each in form.items:
                if isinstance(each, syntax.Chain):
                    self.findings.warning(
                        "SEG905",
                        "and binds before or: parentheses would say so to the reader",
                        each,
                        write=f"({self.report.text(each)})",
                    )
                    break
        items = self._items(form.items)
        if items is None:
            return None
        kind = nodes.Or if form.either else nodes.And
        flat: list[nodes.Condition] = []
        for item in items:
            flat += item.items if isinstance(item, kind) else (item,)
        return kind(tuple(flat), span=form.span)

    def _negated(self, form: syntax.Negated) -> nodes.Condition | None:
        item = self.condition(form.item)
        if item is None:
            return None
        if isinstance(item, nodes.InSegment) and not item.negated:
            return nodes.InSegment(item.name, negated=True, span=form.span)
        return nodes.Not(item, span=form.span)

    def _group(self, form: syntax.Group) -> nodes.Condition | None:
        if not form.items:
            self.report.error("SEG112", f"{form.word} needs at least one condition", form)
            return None
        items = self._items(form.items)
        return None if items is None else nodes.Group(_GROUPS[form.word], items, span=form.span)

    # --- rows --------------------------------------------------------------------------------------

    def _quantified(self, form: syntax.Quantified) -> nodes.Condition | None:
        self._counted(form)
        number = None
        if form.number is not None:
            exact = literals.number(form.number, self.report)
            if exact is not None and exact != int(exact):
                self.report.error("SEG301", f"{form.word} needs a whole number of rows", form.number)
            number = None if exact is None else int(exact)
        opened = self.names.relation(form.relation)
        if opened is None:
            return None
        relation, level = opened
        where = None
        if form.where is not None:
            with self.names.opened(level, form.relation):
                where = self.condition(form.where)
            if where is None:
                return None
        if form.number is not None and number is None:
            return None
        return nodes.Quantified(_QUANTIFIERS[form.word], number, relation, where, span=form.span)

    def _picked(self, form: syntax.Picked) -> nodes.Condition | None:
        self._counted(form)
        opened = self.names.relation(form.relation)
        if opened is None:
            return None
        relation, level = opened
        rows = level.relation.rows
        if rows is None or rows.moment is None:
            self._without_moment("last" if form.last else "first", level, form.relation)
        with self.names.opened(level, form.relation):
            where = self.condition(form.where)
        if where is None or rows is None or rows.moment is None:
            return None
        return nodes.Has(form.last, relation, where, span=form.span)

    # --- comparisons -------------------------------------------------------------------------------

    def _counted(self, form: syntax.Form) -> None:
        self.count += 1
        if self.count > self.limits.conditions:
            self.report.stop("SEG404", f"the rule has more than {self.limits.conditions} conditions", form)

    def _simple(self, form: Simple, resolve: Callable[[Simple], nodes.Condition | None]) -> nodes.Condition | None:
        """One comparison, which looks at one row of a relation that it names by shorthand."""
        self._counted(form)
        around, self.shorthands = self.shorthands, []
        try:
            node = resolve(form)
            if node is None or not self.shorthands:
                return node
            return self._one_row(node, form)
        finally:
            self.shorthands = around

    def _one_row(self, node: nodes.Condition, form: syntax.Form) -> nodes.Condition | None:
        words = list(dict.fromkeys([each.relation for each in self.shorthands]))
        if len(words) > 1:
            first, second = words[:2]
            self.report.error(
                "SEG502",
                f"one comparison looks at one row, but {first} and {second} are two",
                form,
                hint=f"open them: any {first} where (any {second} where (…))",
            )
            return None
        rows = self.names.vocabulary.relations[words[0]].rows
        if not getattr(node, "negated", False) or (rows is not None and rows.pick is not None):
            return node
        from segrules.language.shorthand import both_readings

        no, some = both_readings(node, words[0])
        self.report.error(
            "SEG501",
            f"this can mean that no {words[0]} is so, or that some {words[0]} is not",
            form,
            write=no,
            hint=f"write {no} or {some}",
        )
        return None

    def _subject(self, form: syntax.Form, *others: syntax.Form) -> Meant | None:
        """The field or calculation that a comparison is about; mistakes opposite are told as well."""
        if self.weak(form):
            while isinstance(form, syntax.Grouped):
                form = form.item
            word = form.names[0].lower() if isinstance(form, syntax.Path) else None
            if word is not None and self.value(form) is None:
                return None
            self.report.error(
                "SEG311",
                f"{self.report.short(form)} is no field",
                form,
                hint="a comparison needs a field on one side",
            )
            return None
        meant = self.value(form)
        if meant is None:
            for other in others:
                if not self.weak(other):
                    self.value(other)
        return meant

    def _takes(self, subject: Meant, word: str, shown: str, form: syntax.Form) -> bool:
        taken = TAKES[subject.sort]
        if word in taken:
            return True
        how = "in last …, in this …" if word == "window" else word
        known = [each for each in ("=", "<", ">", "between", "in", "before", "after", "contains") if each in taken]
        message = f'"{how}" does not fit {shown}, which is {subject.noun}'
        if word in ("<", "<=", ">", ">=", "between"):
            message = f"{shown} is {subject.noun}, which has no order"
        self.report.error("SEG302", message, form, hint=f"{subject.noun} takes {listing([*known, 'is set'])}")
        return False

    def _compared(self, form: syntax.Compared) -> nodes.Condition | None:
        left, right, word = form.left, form.right, form.sign.word
        turned = self.weak(left) and not self.weak(right)
        if turned and word in TEXTUAL:
            self.report.error("SEG302", f'the field stands before "{word}"', form, hint=f"write field {word} text")
            return None
        if turned:
            left, right, word = right, left, mirrored(word)
        subject = self._subject(left, right)
        if subject is None:
            return None
        shown = self.report.short(left)
        if not turned and word in EQUAL and self._is_nothing(right, subject):
            self.report.error(
                "SEG206",
                f"{self.report.text(right)} is no value; whether there is one is asked by is set",
                form.sign.span.to(right.span),
                write="is set" if form.sign.negated else "is not set",
            )
            return None
        if not self._takes(subject, word, shown, form.sign):
            return None
        other = self.opposite(right, subject, shown)
        if other is None:
            return None
        if word not in EQUAL and isinstance(other, nodes.FieldRef) and subject.sort is Sort.CATEGORIES:
            self.report.error("SEG302", "two sets of categories are compared with = only", form.sign)
            return None
        return nodes.Compare(subject.node, _COMPARISONS[word], other, form.sign.negated, span=form.span)

    def _is_nothing(self, form: syntax.Form, subject: Meant) -> bool:
        """Whether a word is what other languages call a missing value, and no choice or field of that name."""
        if not isinstance(form, syntax.Path) or len(form.names) > 1 or self.names.bare(form.names[0]) is not None:
            return False
        word = form.names[0].lower()
        if subject.sort is Sort.CHOICE and (
            word in (subject.choices or ()) or (word != "null" and not subject.choices)
        ):
            return False
        return word in ("null", "none", "nil", "empty", "missing", "blank")

    def _both_bounds(self, form: syntax.BothBounds) -> nodes.Condition | None:
        subject = self._subject(form.left, form.low, form.high)
        if subject is None:
            return None
        shown = self.report.short(form.left)
        if not self._takes(subject, "between", shown, form.sign):
            return None
        low, high = self.opposite(form.low, subject, shown), self.opposite(form.high, subject, shown)
        if low is None or high is None:
            return None
        if swapped(low, high):
            text = self.report.text
            self.report.error(
                "SEG312",
                f"{self.report.short(form.low)} comes after {self.report.short(form.high)}",
                form.low.span.to(form.high.span),
                write=f"{text(form.high)} and {text(form.low)}",
                hint="the earlier or smaller end comes first",
            )
            return None
        return nodes.Between(subject.node, low, high, form.sign.negated, span=form.span)

    def _listed(self, form: syntax.Listed) -> nodes.Condition | None:
        several = form.values if isinstance(form.values, tuple) else ()
        if len(several) > self.limits.values:
            self.report.stop("SEG403", f"the list has more than {self.limits.values} values", form)
        subject = self._subject(form.left, *several)
        if subject is None:
            return None
        shown = self.report.short(form.left)
        if not self._takes(subject, "in", shown, form.sign):
            return None
        values: tuple[nodes.Operand, ...] | nodes.Parameter
        if isinstance(form.values, syntax.Named):
            values = self.parameter(form.values, PARAMETER_KINDS[subject.sort], many=True)
        else:
            found = [self.opposite(each, subject, shown) for each in form.values]
            values = tuple([each for each in found if each is not None])
            if len(values) < len(found):
                return None
        return nodes.OneOf(subject.node, values, form.sign.negated, span=form.span)

    def _windowed(self, form: syntax.Windowed) -> nodes.Condition | None:
        subject = self._subject(form.left)
        window = self._window(form.window)
        if subject is None:
            return None
        shown = self.report.short(form.left)
        if not self._takes(subject, "window", shown, form.sign) or window is None:
            return None
        if subject.sort is not Sort.MOMENT and Unit(form.window.unit).is_exact:
            self.report.error(
                "SEG301",
                f"{shown} is {subject.noun}; {self.report.short(form.window)} counts {form.window.unit}s",
                form.window,
                hint="write it in days",
            )
            return None
        return nodes.Within(subject.node, window, form.sign.negated, span=form.span)

    def _window(self, form: syntax.Window) -> nodes.LengthWindow | nodes.PeriodWindow | None:
        if form.length is not None:
            length = literals.length(form.length, self.report)
            return None if length is None else nodes.LengthWindow(length, form.word == "last")
        unit = Unit(form.unit)
        if unit.is_exact:
            write = None if form.word == "this" else f"{form.word} 1 {form.unit}"
            self.report.error(
                "SEG313",
                f"{form.word} {form.unit} is no period of the calendar",
                form,
                write=write,
                hint="hours and minutes need a number: in last 1 hour",
            )
            return None
        return nodes.PeriodWindow(_OFFSETS[form.word], unit)

    def _presence(self, form: syntax.Presence) -> nodes.Condition | None:
        subject = self._subject(form.left)
        return None if subject is None else nodes.IsSet(subject.node, form.sign.negated, span=form.span)

    def _member(self, form: syntax.Member) -> nodes.Condition | None:
        self._counted(form)
        if not self.names.outermost:
            row = self.names.levels[-1].relation.word
            self.report.error(
                "SEG315",
                f"in segment is about the customer, not about one {row}",
                form,
                hint="write it outside: … and in segment " + self.report.short(form.name),
            )
            return None
        name = literals.text(form.name, self.report)
        if name == "":
            self.report.error("SEG319", "a segment has a name", form.name, hint='write in segment "name"')
            return None
        return None if name is None else nodes.InSegment(name, span=form.span)

    # --- alone -------------------------------------------------------------------------------------

    def _alone(self, form: syntax.Path) -> nodes.Condition | None:
        meant = self.value(form)
        if meant is None:
            return None
        if isinstance(meant.node, nodes.YesNo):
            return nodes.Constant(meant.node.value, span=form.span)
        if isinstance(meant.node, nodes.FieldRef) and meant.sort is Sort.YESNO:
            return nodes.YesNoField(meant.node, span=form.span)
        self._expected_comparison(form, meant)
        return None

    def _no_condition(self, form: syntax.Form) -> nodes.Condition | None:
        if not isinstance(form, VALUES):
            raise AssertionError(f"unknown form {type(form).__name__}")
        if isinstance(form, syntax.Named):
            self.report.error("SEG303", f"expected a comparison after {self.report.short(form)}", form)
            return None
        meant = self.value(form)
        if meant is not None:
            self._expected_comparison(form, meant)
        return None

    def _expected_comparison(self, form: syntax.Form, meant: Meant) -> None:
        if meant.literal:
            self.report.error("SEG303", f"{self.report.short(form)} is {meant.noun}, not a condition", form)
            return
        what = self.report.short(form)
        self.report.error(
            "SEG303", f"expected a comparison after {quoted(what)}", form, hint=f"{what} is {meant.noun}, not yes or no"
        )
