"""Operands made up backwards from the type that is wanted: fields, aggregates, arithmetic, literals, parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen

from segrules import condition as fields
from segrules.algebra import Kind
from segrules.clock import FixedDay, RelativeDay, Unit
from segrules.condition import FieldType
from segrules.language import nodes
from segrules.language.nodes import Aggregate, FieldRef, Function, Operand, RelationRef
from segrules.testing import values
from segrules.testing.choosing import Chooser, happens, one_of
from segrules.testing.scene import RECORDS, Scene
from segrules.vocabulary import Relation

NUMERIC = (fields.Amount, fields.Quantity, fields.Whole, fields.DaysSince)
SETS = (fields.Categories, fields.Codes, fields.NameOrCode)
#: What ``first`` and ``last`` can take from a row.
SINGLE_VALUED = (*NUMERIC, fields.Text, fields.Code, fields.Choice, fields.Date, fields.Moment)

PERCENTAGES = tuple(map(Decimal, ("5", "50", "100", "12.5", "0", "200")))
DAY_UNITS = (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR)


@frozen
class Found:
    """A field that may stand here, and its type."""

    ref: FieldRef
    type: FieldType


@frozen
class Opened:
    """The rows that a quantifier or an aggregate opened, and those on the way to them, by word."""

    relation: Relation
    offers: tuple[Relation, ...]


class OperandMaker(ABC):
    """Makes operands for the place that is open now: the innermost of its levels."""

    def __init__(self, chooser: Chooser, scene: Scene, budget: int = 12) -> None:
        self.chooser = chooser
        self.scene = scene
        self.budget = budget
        self.levels: list[Opened] = []
        self.parameters: dict[str, Any] = {}
        vocabulary = scene.vocabulary
        self.single = [each for each in vocabulary if each.rows is None and not each.type.construct]
        self.many = [each for each in vocabulary if each.rows is not None]

    # --- levels ------------------------------------------------------------------------------------

    @contextmanager
    def opened(self, relation: Relation) -> Iterator[None]:
        """The place inside the ``where`` of a relation."""
        assert relation.rows is not None
        offers = [relation]
        path = relation.rows.parent
        while path:
            above = self.scene.vocabulary.of_rows(path)
            if above is not None:
                offers.append(above)
            path = path.rpartition(".")[0]
        self.levels.append(Opened(relation, tuple(offers)))
        try:
            yield
        finally:
            self.levels.pop()

    def reachable(self) -> list[tuple[int, Relation]]:
        """Rows that a name means here, innermost first: a word is taken by the innermost row that offers it."""
        taken: set[str] = set()
        found: list[tuple[int, Relation]] = []
        for level in range(len(self.levels), 0, -1):
            offers = self.levels[level - 1].offers
            found += [(level, each) for each in offers if each.word not in taken]
            taken |= {each.word for each in offers}
        return found

    def relation(self, wanted: Callable[[Relation], bool] = lambda _: True) -> tuple[RelationRef, Relation] | None:
        """A relation to open: all of the customer's, or those of a row that is open."""
        if self.levels and not happens(self.chooser, 3):
            inside = [
                (_inside(each, level, row), each)
                for level, row in self.reachable()
                for each in self.many
                if row.rows is not None and _is_inside(each, row) and wanted(each)
            ]
            if inside:
                return one_of(self.chooser, inside)
        around = {word for _, row in self.reachable() for word in _words_inside(self.many, row)}
        many = [each for each in self.many if wanted(each) and each.word not in around]
        if not many:
            return None
        relation = one_of(self.chooser, many)
        parent = relation.rows and self.scene.vocabulary.of_rows(relation.rows.parent)
        offered = {each.word for level in self.levels for each in level.offers}
        if parent and _is_inside(relation, parent) and parent.word not in offered and happens(self.chooser, 6):
            return _inside(relation, None, parent), relation
        return RelationRef(relation.word, plural=relation.plural), relation

    # --- fields ------------------------------------------------------------------------------------

    def field(self, *types: type[FieldType], beside: FieldRef | None = None) -> Found | None:
        """A field of one of the types. ``beside`` a shorthand: another field of the same row, or of the customer."""
        places: list[list[Found]] = []
        if beside is not None and beside.shorthand:
            places += [self._fields(self.scene.vocabulary.relations[beside.relation], 0, types, shorthand=True)]
        elif not self.levels and beside is None and happens(self.chooser, 3):
            places += [self._fields(each, 0, types, shorthand=True) for each in self.many]
        elif self.levels and not happens(self.chooser, 3):
            places += [self._fields(self.levels[-1].relation, len(self.levels), types)]
        if not any(places):
            places = [self._fields(each, level, types) for level, each in self.reachable()]
            places += [self._fields(each, 0, types) for each in self.single]
        places = [each for each in places if each]
        return one_of(self.chooser, one_of(self.chooser, places)) if places else None

    def _fields(
        self, relation: Relation, level: int, types: tuple[type[FieldType], ...], shorthand: bool = False
    ) -> list[Found]:
        return [
            Found(FieldRef(relation.word, name, level, shorthand), type_)
            for name, type_ in relation.fields.items()
            if isinstance(type_, types or (FieldType,))
        ]

    # --- numbers -----------------------------------------------------------------------------------

    def number_literal(self, like: FieldType | None = None) -> Operand:
        """A number as data hold it, or just beside one."""
        chooser = self.chooser
        match like:
            case fields.DaysSince() | fields.DaysUntil():
                value = Decimal(one_of(chooser, values.DAYS))
            case fields.Whole():
                value = Decimal(one_of(chooser, values.WHOLES))
            case fields.Quantity():
                value = one_of(chooser, values.QUANTITIES)
            case _:
                value = one_of(chooser, values.AMOUNTS)
        return nodes.Negative(nodes.Number(value)) if value and happens(chooser, 15) else nodes.Number(value)

    def number(self, like: FieldType | None = None, beside: FieldRef | None = None) -> Operand:
        """Any numeric operand to compare with one of a type."""
        self.budget -= 1
        kind = self.chooser.below(12)
        if self.budget <= 0 or kind < 6:
            return self.number_literal(like)
        if kind == 6:
            return self.parameter(Kind.NUMBER)
        if kind == 7:
            return nodes.Percent(one_of(self.chooser, PERCENTAGES), self.quantity(beside))
        if kind == 8:
            operator = one_of(self.chooser, tuple(nodes.Operator))
            factor = self.number_literal() if operator is nodes.Operator.TIMES else self.number(like, beside)
            left, right = self.quantity(beside), factor
            return nodes.Arithmetic(left, operator, right)
        if kind == 9:
            return nodes.Negative(self.quantity(beside))
        return self.quantity(beside)

    def quantity(self, beside: FieldRef | None = None) -> Operand:
        """A number that depends on the customer: a field or an aggregate."""
        found = None if happens(self.chooser, 3) and self.budget > 0 else self.field(*NUMERIC, beside=beside or _OPEN)
        return found.ref if found else self.aggregate(NUMERIC) or self.number_literal()

    # --- aggregates --------------------------------------------------------------------------------

    def aggregate(self, types: tuple[type[FieldType], ...], about: tuple[str, str] | None = None) -> Aggregate | None:
        """An aggregate that is one of the types; ``about`` names the relation and field to be aggregated."""
        self.budget -= 1
        functions = [each for each in Function if _gives(each, types)]
        function = one_of(self.chooser, functions)
        picks = function in (Function.FIRST, Function.LAST)

        def usable(relation: Relation) -> bool:
            assert relation.rows is not None
            wanted = relation.rows.pick is None and (about is None or relation.word == about[0])
            return wanted and bool(self._folded(function, relation, types)) and not (picks and not relation.rows.moment)

        opened = self.relation(usable)
        if opened is None:
            return None
        ref, relation = opened
        with self.opened(relation):
            fields = self._folded(function, relation, types)
            if about is not None:
                fields = [each for each in fields if each is None or each.name == about[1]] or fields
            field = one_of(self.chooser, fields)
            where = self.condition() if self.budget > 0 and happens(self.chooser, 2) else None
        return Aggregate(function, ref, field, distinct=function is Function.COUNT and field is not None, where=where)

    def _folded(
        self, function: Function, relation: Relation, types: tuple[type[FieldType], ...]
    ) -> list[FieldRef | None]:
        """The fields of a relation that a function can take; None counts its rows."""
        level = len(self.levels) + (0 if self.levels and self.levels[-1].relation is relation else 1)
        match function:
            case Function.COUNT:
                counted = [*self._fields(relation, level, (*SINGLE_VALUED, fields.Id, fields.Categories))]
                return [None, None, *(each.ref for each in counted)]
            case Function.SUM | Function.AVG:
                return [each.ref for each in self._fields(relation, level, NUMERIC)]
            case Function.MIN | Function.MAX:
                ordered = (*NUMERIC, fields.Date, fields.Moment)
                wanted = tuple(each for each in types if issubclass(each, ordered))
                return [each.ref for each in self._fields(relation, level, wanted)] if wanted else []
            case Function.FIRST | Function.LAST:
                return [each.ref for each in self._fields(relation, level, types)]

    @abstractmethod
    def condition(self) -> nodes.Condition:
        """A condition for the place that is open now."""

    # --- times -------------------------------------------------------------------------------------

    def day_literal(self) -> nodes.DayLiteral:
        """A whole day that data fall on."""
        chooser = self.chooser
        kind = chooser.below(6)
        if kind < 3:
            return nodes.DayLiteral(RelativeDay(self.scene.moments.distance(chooser)))
        if kind == 3:
            return nodes.DayLiteral(FixedDay(self.scene.moments.day(chooser)))
        if kind == 4:
            away = timedelta(days=self.scene.moments.distance(chooser))
            return nodes.DayLiteral(FixedDay(self.scene.moments.clock.today + away))
        return nodes.DayLiteral(RelativeDay((-1, -2, 1)[chooser.below(3)], one_of(chooser, DAY_UNITS[1:])))

    def length(self, exact: bool | None = None) -> nodes.Length:
        """A length of time: hours and minutes when ``exact``, days and longer when not."""
        chooser = self.chooser
        if exact or (exact is None and happens(chooser, 3)):
            unit = Unit.HOUR if not happens(chooser, 3) else Unit.MINUTE
            return nodes.Length(one_of(chooser, values.HOURS if unit is Unit.HOUR else values.MINUTES), unit)
        unit = Unit.DAY if not happens(chooser, 3) else one_of(chooser, DAY_UNITS)
        return nodes.Length(Decimal(one_of(chooser, values.DAYS if unit is Unit.DAY else (1, 2, 0))), unit)

    def window(self, exact: bool = True) -> nodes.LengthWindow | nodes.PeriodWindow:
        """A window around the present; without hours and minutes unless ``exact`` ones are allowed."""
        if happens(self.chooser, 3):
            return nodes.PeriodWindow(self.chooser.below(3) - 1, one_of(self.chooser, DAY_UNITS))
        return nodes.LengthWindow(self.length(None if exact else False), last=not happens(self.chooser, 3))

    def instant(self) -> Operand:
        """An instant that data fall on."""
        kind = self.chooser.below(4)
        if kind == 0:
            return nodes.NowLiteral()
        if kind == 1:
            return nodes.AgoLiteral(self.length(exact=True), ago=not happens(self.chooser, 4))
        moment = self.scene.moments.moment(self.chooser)
        aware = happens(self.chooser, 2)
        return nodes.MomentLiteral(moment.replace(tzinfo=self.scene.at.tzinfo) if aware else moment)

    def moment(self, beside: FieldRef | None = None) -> Operand:
        """Anything that a moment can be compared with."""
        kind = self.chooser.below(8)
        if kind < 4:
            return self.day_literal()
        if kind < 6:
            return self.instant()
        if kind == 6:
            found = self.field(fields.Moment, beside=beside or _OPEN)
            return found.ref if found else self.day_literal()
        return self.parameter(Kind.MOMENT)

    # --- texts, codes, choices ---------------------------------------------------------------------

    def text_literal(self, type_: FieldType) -> nodes.Text:
        """A text that data hold, or a part of one."""
        chooser = self.chooser
        match type_:
            case fields.Country():
                return nodes.Text(one_of(chooser, values.COUNTRIES))
            case fields.Codes():
                return nodes.Text(one_of(chooser, values.ELEMENTS))
            case fields.Categories():
                category = one_of(chooser, values.CATEGORIES)
                return nodes.Text(category["name" if happens(chooser, 2) else "code"])
            case fields.Code():
                return nodes.Text(one_of(chooser, values.CODES))
            case fields.NameOrCode() if happens(chooser, 2):
                return nodes.Text(one_of(chooser, values.CODES))
            case _:
                text = one_of(chooser, values.TEXTS)
                return nodes.Text(text[: 1 + chooser.below(2)] if happens(chooser, 5) else text)

    def choice_literal(self, name: str, type_: fields.Choice) -> nodes.Choice:
        """A value of a choice field."""
        known = type_.values or RECORDS.get(name) or values.UNDECLARED
        return nodes.Choice(one_of(self.chooser, known), declared=type_.values is not None)

    def parameter(self, kind: Kind, choices: tuple[str, ...] = ()) -> nodes.Parameter:
        """A parameter whose value, missing now and then, is drawn like a literal of that kind."""
        name = f"p{len(self.parameters) + 1}"
        self.parameters[name] = None if happens(self.chooser, 6) else self.plain(kind, choices)
        return nodes.Parameter(name)

    def parameter_list(self, kind: Kind, choices: tuple[str, ...] = ()) -> nodes.Parameter:
        """A parameter that stands for a list."""
        name = f"p{len(self.parameters) + 1}"
        self.parameters[name] = [self.plain(kind, choices) for _ in range(self.chooser.below(4))]
        return nodes.Parameter(name)

    def plain(self, kind: Kind, choices: tuple[str, ...] = ()) -> Any:
        """A plain value of a kind."""
        chooser = self.chooser
        match kind:
            case Kind.NUMBER:
                return one_of(chooser, values.AMOUNTS)
            case Kind.ID:
                return one_of(chooser, values.IDS)
            case Kind.TEXT:
                return one_of(chooser, values.TEXTS)
            case Kind.CODE:
                return one_of(chooser, choices or values.CODES)
            case Kind.CHOICE:
                return one_of(chooser, choices or values.UNDECLARED)
            case Kind.YESNO:
                return happens(chooser, 2)
            case Kind.DATE:
                return self.scene.moments.day(chooser)
            case Kind.MOMENT:
                return self.scene.moments.moment(chooser)


#: Stands for "beside a field that is open": no shorthand may come in.
_OPEN = FieldRef("", "", 0)


def _is_inside(relation: Relation, parent: Relation) -> bool:
    """Whether a word exists for a relation's rows inside a row of another relation."""
    rows = relation.rows
    return rows is not None and rows.inside is not None and parent.rows is not None and rows.parent == parent.rows.path


def _inside(relation: Relation, level: int | None, parent: Relation) -> RelationRef:
    assert relation.rows is not None
    link = relation.rows.path.rpartition(".")[2]
    return RelationRef(relation.word, level, parent.word, inside=relation.rows.inside, plural=link)


def _words_inside(relations: list[Relation], parent: Relation) -> Iterator[str]:
    """The words that mean rows of an open row there, and no longer all rows of the customer."""
    for each in relations:
        if each.rows is not None and each.rows.inside is not None and _is_inside(each, parent):
            yield each.rows.inside


def _gives(function: Function, types: tuple[type[FieldType], ...]) -> bool:
    numeric = any(issubclass(each, NUMERIC) for each in types)
    match function:
        case Function.COUNT | Function.SUM | Function.AVG:
            return numeric
        case Function.MIN | Function.MAX:
            return numeric or any(issubclass(each, (fields.Date, fields.Moment)) for each in types)
        case Function.FIRST | Function.LAST:
            return True
