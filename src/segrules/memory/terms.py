"""How the terms of the algebra are written: as expressions with guards, behind the loops that they need."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from segrules import algebra
from segrules.algebra import (
    Aggregate,
    Const,
    DayNumber,
    DaysUntil,
    Field,
    FirstPresent,
    Fold,
    Kind,
    Latest,
    Picked,
    Product,
    Sum,
    Term,
)  # fmt: skip
from segrules.memory import shapes
from segrules.memory.loops import Loops
from segrules.memory.program import MISSING, Operand
from segrules.memory.shapes import Shape

#: What a sum begins with: no int, which would have to become a Decimal first.
_NOTHING = Decimal(0)


class Terms(Loops):
    """Writes terms."""

    def _comparable(self, term: Term, kind: Kind, exact: bool = True, plain: bool = False) -> Operand:
        """A term as it compares: text is folded; if it meets only ``plain`` text, by ``str.lower`` alone.

        ``lower`` in the code is that method itself, which refuses by itself what is no text.
        """
        if kind is not Kind.TEXT:
            return self._operand(term, exact)
        if isinstance(term, Const):
            return Operand((), self._constant(algebra.fold(str(term.value)))) if term.value is not None else MISSING
        operand = self._operand(term, exact)
        if plain:
            return Operand(operand.guards, f"lower({operand.code})")
        operand = self._named(operand)
        folded = f"(lower({operand.code}) if {operand.code}.isascii() else fold({operand.code}))"
        return Operand(operand.guards, folded)

    def _named(self, operand: Operand) -> Operand:
        """The same operand under a name, so that it can be used twice."""
        if operand.code.isidentifier():
            return operand
        name = self._fresh("v")
        return Operand((*operand.guards, f"({name} := {operand.code}) is not None"), name)

    def _operand(self, term: Term, exact: bool = True) -> Operand:
        """A term as an expression with its guards; loops that it needs are written before it.

        Without ``exact`` the class of a moment, day or text may go unchecked, for what is compared with a constant:
        to order it, or ``lower``, fails by itself when it is wrong.
        """
        if isinstance(term, Field | Aggregate | Picked) and (known := self._known.get(term)) is not None:
            return known
        match term:
            case Const(value=value):
                return Operand((), self._constant(value)) if value is not None else MISSING
            case Field():
                value = self._fresh("v")
                label = self._label(term.row, term.name) if self.shape is Shape.CAREFUL else ""
                self._read_now[term] = Operand((), value)
                return Operand((shapes.guard(self.shape, term.kind, value, self._read(term), label, exact),), value)
            case Sum(terms=terms):
                first, *rest = [self._operand(each) for each in terms]
                code, guards = first.code, first.guards
                for further in rest:
                    code, guards = self._call(algebra.EXACT.add, code, further.code), guards + further.guards
                return Operand(guards, code)
            case Product(left=left, right=right):
                one, two = self._operand(left), self._operand(right)
                return Operand(one.guards + two.guards, self._call(algebra.EXACT.multiply, one.code, two.code))
            case DayNumber(term=inner):
                operand = self._operand(inner)
                if kind_of(inner) is Kind.MOMENT:
                    return Operand(operand.guards, self._call(self._day_number, operand.code))
                return Operand(operand.guards, f"{operand.code}.toordinal()")
            case Aggregate() | Picked():
                if self._is_deep:
                    return self._outlined(term)
                if isinstance(term, Aggregate):
                    return self._aggregates(term)
                self._known[term] = self._picked_value(term)
                return self._known[term]
            case FirstPresent(terms=terms):
                name = self._fresh("v")
                self._line(f"{name} = None")
                for each in terms:
                    with self._block(f"if {name} is None:"):
                        self._line(f"{name} = {self._operand(each).or_none}")
                return Operand((f"{name} is not None",), name)
            case Latest(terms=terms):
                name = self._fresh("v")
                self._line(f"{name} = None")
                for each in terms:
                    operand = self._named(self._operand(each))
                    with self._block(f"if {operand.when(f'({name} is None or {operand.code} > {name})')}:"):
                        self._line(f"{name} = {operand.code}")
                return Operand((f"{name} is not None",), name)
            case DaysUntil():
                raise TypeError(f"{term} has not been bound")
            case _:
                assert_never(term)

    def _outlined(self, term: Term) -> Operand:
        """The term computed in a function of its own."""
        with self._function() as call:
            self._line(f"return {self._operand(term).or_none}")
        name = self._fresh("v")
        self._line(f"{name} = {call[0]}")
        return Operand((f"{name} is not None",), name)

    def _aggregates(self, wanted: Aggregate) -> Operand:
        """An aggregate, and in the same loop all others of the rule over the same rows."""
        together = [wanted]
        inside = {0, *(row.depth for row in wanted.source.rows)}
        for other in self._companions.get(wanted.source, ()):
            known = other in self._known or other in together
            if not known and (
                other.value is None or (self._used(other.value) <= inside and not self._is_looped(other.value))
            ):
                together.append(other)
        totals = [self._fresh("n") for _ in together]
        for each, total in zip(together, totals, strict=True):
            self._line(f"{total} = {self._start(each.fold)}")
        with self._each(wanted.source):
            for each, total in zip(together, totals, strict=True):
                self._gather(each, total)
        for each, total in zip(together, totals, strict=True):
            if each.fold is Fold.COUNT_DISTINCT:
                self._line(f"{total} = len({total})")
            is_open = each.fold in (Fold.MIN, Fold.MAX)
            self._known[each] = Operand((f"{total} is not None",) if is_open else (), total)
        return self._known[wanted]

    def _start(self, fold: Fold) -> str:
        match fold:
            case Fold.COUNT:
                return "0"
            case Fold.COUNT_DISTINCT:
                return self._call(set)
            case Fold.SUM:
                return self._constant(_NOTHING)
            case Fold.MIN | Fold.MAX:
                return "None"
            case _:
                assert_never(fold)

    def _gather(self, aggregate: Aggregate, total: str) -> None:
        """Adds one row to a total."""
        fold, term = aggregate.fold, aggregate.value
        if term is None:
            self._line(f"{total} += 1")
            return
        is_text = fold is Fold.COUNT_DISTINCT and kind_of(term) is Kind.TEXT
        operand = self._comparable(term, Kind.TEXT) if is_text else self._operand(term)
        match fold:
            case Fold.COUNT:
                self._line(f"if {operand.present}: {total} += 1")
            case Fold.COUNT_DISTINCT:
                self._line(f"if {operand.present}: {total}.add({operand.code})")
            case Fold.SUM:
                operand = self._named(operand)
                added = self._call(algebra.EXACT.add, total, operand.code)
                self._line(f"if {operand.present}: {total} = {added} if {total} else {operand.code}")
            case Fold.MIN | Fold.MAX:
                operand = self._named(operand)
                better = f"({total} is None or {operand.code} {'<' if fold is Fold.MIN else '>'} {total})"
                self._line(f"if {operand.when(better)}: {total} = {operand.code}")
            case _:
                assert_never(fold)

    def _picked_value(self, picked: Picked) -> Operand:
        if picked.source.pick is None:
            raise TypeError(f"{picked} has a source without a pick")
        value = self._fresh("v")
        with self._picked(picked.source, picked.source.pick) as found:
            self._line(f"{value} = None")
            with self._block(f"if {found} is not None:"):
                self._line(f"{value} = {self._operand(picked.value).or_none}")
        return Operand((f"{value} is not None",), value)


def is_plain(text: str) -> bool:
    """Whether a text compares with the folded and the lower-cased form of any other alike.

    These two differ only in what they make of İ, which holds an i, and of a final Σ, which is no ASCII either way.
    """
    return text.isascii() and "i" not in text and "I" not in text


def kind_of(term: Term) -> Kind:
    """The kind of value that a term has."""
    match term:
        case Sum() | Product() | DayNumber() | DaysUntil():
            return Kind.NUMBER
        case _:
            return term.kind
