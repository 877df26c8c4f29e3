"""How the predicates of the algebra are written.

There are three verbs. ``inline`` gives an expression, only for what needs no loop; ``require`` writes statements
that jump away unless the predicate holds; ``accept`` writes statements that jump away when it does. A jump is
``return …``, ``continue`` or ``break``.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    Aggregate,
    And,
    Compare,
    Const,
    Exists,
    Field,
    Fold,
    HasElement,
    InSegment,
    Kind,
    Match,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Predicate,
    Present,
    Term,
    TextMatch,
    Truth,
)  # fmt: skip
from segrules.binding.linear import whole_bound
from segrules.memory import shapes
from segrules.memory.program import PARENTHESES, Operand, Program
from segrules.memory.shapes import Shape
from segrules.memory.terms import Terms, is_plain, kind_of

_PYTHON_OP = {Op.EQ: "==", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


class Writer(Terms):
    """Writes the program of one predicate or one term."""

    def predicate(self, predicate: Predicate) -> Program:
        """The program whose ``main(r0)`` tells whether the predicate holds."""
        self._meet(predicate)
        self._finish(predicate)
        return self._program()

    def term(self, term: Term) -> Program:
        """The program whose ``main(r0)`` gives the value of the term, or None."""
        self._meet(term)
        self._line(f"return {self._operand(term).or_none}")
        return self._program()

    def _finish(self, predicate: Predicate) -> None:
        """Ends the function with the answer."""
        match predicate:
            case _ if not self._is_looped(predicate):
                self._line(f"return {self._inline(predicate)}")
            case And(items=items):
                *before, last = self._grouped(And, items)
                for item in before:
                    self._require(item, "return False")
                self._finish(last)
            case Or(items=items):
                *before, last = self._grouped(Or, items)
                for item in before:
                    self._accept(item, "return True")
                self._finish(last)
            case Exists():
                self._accept(predicate, "return True")
                self._line("return False")
            case Not(item=Exists() as item):
                self._accept(item, "return False")
                self._line("return True")
            case _:
                self._line(f"return {self._value(predicate)}")

    def _grouped(self, form: type[And] | type[Or], items: tuple[Predicate, ...]) -> list[Predicate]:
        """The items that need no loops as one expression, which is cheap and comes first, then the others."""
        plain = tuple(item for item in items if not self._is_looped(item))
        looped = [item for item in items if self._is_looped(item)]
        return [form(plain), *looped] if plain else looped

    def _require(self, predicate: Predicate, jump: str) -> None:
        """Goes on when the predicate holds, jumps when it does not."""
        match predicate:
            case Truth(value=True):
                pass
            case _ if not self._is_looped(predicate):
                self._line(f"if not ({self._inline(predicate)}): {jump}")
            case _ if self._is_deep:
                self._line(f"if not {self._value(predicate)}: {jump}")
            case And(items=items):
                for item in self._grouped(And, items):
                    self._require(item, jump)
            case Exists(source=source, where=where) if source.pick is None:
                self._search(source, where)
                self._line(f"else: {jump}")
            case _:
                self._line(f"if not {self._value(predicate)}: {jump}")

    def _accept(self, predicate: Predicate, jump: str) -> None:
        """Goes on when the predicate does not hold, jumps when it does; with loops, only by ``return``."""
        match predicate:
            case Exists(source=source, where=where) if source.pick is None and not self._is_deep:
                with self._each(source):
                    *before, last = self._grouped(And, where.items) if isinstance(where, And) else (where,)
                    for item in before:
                        self._require(item, "continue")
                    self._accept(last, jump)
            case _:
                self._line(f"if {self._value(predicate)}: {jump}")

    def _value(self, predicate: Predicate) -> str:
        """The predicate as an expression, behind whatever statements it needs."""
        if not self._is_looped(predicate):
            known, self._known = self._known, dict(self._known)
            code = self._inline(predicate)
            self._known = known
            return f"({code})"
        if self._is_deep:
            with self._function() as call:
                self._finish(predicate)
            return call[0]
        match predicate:
            case And(items=items) | Or(items=items):
                test = "if" if isinstance(predicate, And) else "if not"
                answer = self._fresh("t")
                first, *rest = self._grouped(type(predicate), items)
                self._line(f"{answer} = {self._value(first)}")
                for item in rest:
                    with self._block(f"{test} {answer}:"):
                        self._line(f"{answer} = {self._value(item)}")
                return answer
            case Not(item=item):
                return f"(not {self._value(item)})"
            case Exists(source=source, where=where) if source.pick is not None:
                answer = self._fresh("t")
                with self._picked(source, source.pick) as found:
                    self._line(f"{answer} = {found} is not None")
                    with self._block(f"if {answer}:"):
                        self._line(f"{answer} = {self._value(where)}")
                return answer
            case Exists(source=source, where=where):
                answer = self._fresh("t")
                self._line(f"{answer} = True")
                self._search(source, where)
                self._line(f"else: {answer} = False")
                return answer
            case _:
                return f"({self._leaf(predicate)})"

    def _inline(self, predicate: Predicate, depth: int = 0) -> str:
        """A predicate without loops as an expression that is True or False."""
        if depth > PARENTHESES:
            with self._function() as call:
                self._line(f"return {self._inline(predicate)}")
            return call[0]
        match predicate:
            case And(items=items):
                return " and ".join(self._inline_part(item, depth) for item in items) or "True"
            case Or(items=items):
                known = self._known
                parts = []
                for item in items:
                    self._known = dict(known)
                    parts.append(self._inline_part(item, depth))
                self._known = known
                return " or ".join(parts) or "False"
            case Not(item=Compare() as item) if (answer := self._yes_or_no(item)) is not None:
                wanted, first, name, sure = answer
                return f"({first} is {not wanted} or {name} is not {wanted} and not ({sure}))"
            case Not(item=item):
                known, self._known = self._known, dict(self._known)
                code = self._inline(item, depth + 1)
                self._known = known
                return f"not ({code})"
            case _:
                self._read_now = {}
                code = self._leaf(predicate)
                if not isinstance(predicate, Native):  # which may hold though a value is missing
                    self._known.update(self._read_now)
                return code

    def _inline_part(self, predicate: Predicate, depth: int) -> str:
        code = self._inline(predicate, depth + 1)
        return f"({code})" if isinstance(predicate, And | Or) else code

    def _leaf(self, predicate: Predicate) -> str:
        """The expression of a leaf; statements that its terms need are written before it."""
        match predicate:
            case Truth(value=value):
                return str(value)
            case Compare():
                return self._compare(predicate)
            case OneOf(term=term, values=values, kind=kind):
                wanted = [each.value for each in values if each.value is not None]
                if kind is Kind.TEXT:
                    wanted = [algebra.fold(each) for each in wanted if isinstance(each, str)]
                operand = self._comparable(term, kind, exact=kind is not Kind.TEXT, plain=all(map(_is_plain, values)))
                return operand.when(f"{operand.code} in {self._constant(frozenset(wanted))}") if wanted else "False"
            case TextMatch(match=how, term=term, needle=needle, kind=kind):
                hay = self._comparable(term, kind, exact=not isinstance(needle, Const), plain=_is_plain(needle))
                pin = self._comparable(needle, kind)
                return Operand(hay.guards + pin.guards, "").when(_match(how, hay.code, pin.code))
            case Present(term=Field() as field):
                return f"{self._read(field)} is not None"
            case Present(term=term):
                return self._operand(term).when()
            case HasElement(field=field, element=element):
                code = Operand((), "None") if element is None else self._operand(element)
                return code.when(f"holds({self._read(field)}, {code.code}, {self._label(field.row, field.name)})")
            case OnMonthDay(term=term, days=days):
                operand = self._operand(term)
                name = self._named(operand)
                return name.when(f"{self._month_day_of(term, name.code)} in {self._constant(days)}")
            case InSegment(name=segment):
                names = self._read(Field(CUSTOMER, "segments", Kind.CODE))
                return f"holds({names}, {self._constant(segment)}, {self._label(CUSTOMER, 'segments')})"
            case Native(terms=terms, python=python):
                arguments = [self._operand(term).or_none for term in terms]
                return f"bool({self._call(python, *arguments)})"
            case And() | Or() | Not() | Exists():
                raise AssertionError("not a leaf")
            case _:
                assert_never(predicate)

    def _month_day_of(self, term: Term, code: str) -> str:
        """The code of month * 100 + day of the term's day."""
        if kind_of(term) is Kind.MOMENT:
            return self._call(self._month_day, code)
        return f"{code}.month * 100 + {code}.day"

    def _compare(self, predicate: Compare) -> str:
        op, left, right = predicate.op, predicate.left, predicate.right
        if isinstance(left, Const) and not isinstance(right, Const):
            op, left, right = op.mirrored, right, left
        if any(isinstance(each, Const) and each.value is None for each in (left, right)):
            return "False"
        if isinstance(right, Const) and self.shape is not Shape.CAREFUL:
            if (answer := self._yes_or_no(predicate)) is not None:
                wanted, first, name, sure = answer
                return f"({first} is {wanted} or {name} is not {not wanted} and {sure})"
            if isinstance(right.value, Decimal) and (code := self._compare_number(op, left, right.value)):
                return code
        fails_by_itself = isinstance(right, Const) and (op is not Op.EQ or predicate.kind is Kind.TEXT)
        one = self._comparable(left, predicate.kind, exact=not fails_by_itself, plain=_is_plain(right))
        two = self._comparable(right, predicate.kind)
        return Operand(one.guards + two.guards, "").when(f"{one.code} {_PYTHON_OP[op]} {two.code}")

    def _yes_or_no(self, predicate: Compare) -> tuple[bool, str, str, str] | None:
        """Whether a field is true or false is told by identity, which rules out all but wrong values at once.

        What is wanted, the code that reads the field into a name, the name, and the code for other values; None
        for any other comparison.
        """
        match predicate:
            case Compare(op=Op.EQ, left=Field(kind=Kind.YESNO) as field, right=Const(value=bool() as wanted)):
                if self.shape is Shape.CAREFUL or field in self._known:
                    return None
                name = self._fresh("v")
                return wanted, f"({name} := {self._read(field)})", name, shapes.sure(self.shape, Kind.YESNO, name)
            case _:
                return None

    def _compare_number(self, op: Op, left: Term, constant: Decimal) -> str | None:
        """A number against a constant that has its class, which saves the conversion; None where that is no use."""
        if constant.adjusted() > 18:
            return None
        whole = whole_bound(op, Fraction(constant))
        if isinstance(left, Aggregate) and left.fold in (Fold.COUNT, Fold.COUNT_DISTINCT):
            counted = self._operand(left).code
            return "False" if whole is None else f"{counted} {_PYTHON_OP[whole[0]]} {self._constant(whole[1])}"
        if not isinstance(left, Field):
            return None
        as_int = "False" if whole is None else f"{{}} {_PYTHON_OP[whole[0]]} {self._constant(whole[1])}"
        as_decimal = f"{{}} {_PYTHON_OP[op]} {self._constant(constant)}"
        if (known := self._known.get(left)) is not None:
            name = known.code
            return f"({as_int.format(name)} if {name}.__class__ is int else {as_decimal.format(name)})"
        name = self._fresh("v")
        self._read_now[left] = Operand((), name)
        as_int, as_decimal = as_int.format(name), as_decimal.format(name)
        first = f"({name} := {self._read(left)}).__class__ is Decimal"
        other = f"{shapes.sure(self.shape, Kind.NUMBER, name)} and {as_decimal}"
        return f"({as_decimal} if {first} else {as_int} if {name}.__class__ is int else {other})"


def _is_plain(term: Term) -> bool:
    return isinstance(term, Const) and isinstance(term.value, str) and is_plain(term.value)


def _match(how: Match, hay: str, pin: str) -> str:
    match how:
        case Match.CONTAINS:
            return f"{pin} in {hay}"
        case Match.STARTS:
            return f"{hay}.startswith({pin})"
        case Match.ENDS:
            return f"{hay}.endswith({pin})"
        case _:
            assert_never(how)
