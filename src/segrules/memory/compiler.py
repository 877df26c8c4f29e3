"""Bound algebra as one Python function: the source is written from our own alphabet, data goes in by reference.

A predicate becomes straight code: loops are written out with early exits, each field is read where it is needed
and guarded where it may be missing. The code is written for one shape of customer at a time (:mod:`.shapes`);
nothing that a user wrote ever stands in the source.

The writer has three verbs for a predicate. ``inline`` gives an expression (only for what needs no loop);
``require`` writes statements that jump away unless it holds; ``accept`` writes statements that jump away when it
does. A jump is ``return …``, ``continue`` or ``break``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Inexact
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules import algebra
from segrules.algebra import (
    CUSTOMER, Aggregate, And, Compare, Const, DayNumber, DaysUntil, Exists, Field, FirstPresent, Fold, HasElement,
    InSegment, Kind, Latest, Match, Native, Not, OneOf, OnMonthDay, Op, Or, Pick, Picked, Predicate, Present, Product,
    Row, Source, Sum, Term, TextMatch, Truth,
)  # fmt: skip
from segrules.errors import CustomerError
from segrules.memory import reading, shapes
from segrules.memory.customer import Customer
from segrules.memory.shapes import Shape

#: Deeper code goes into a function of its own: Python allows 20 nested loops, 100 indents and 200 parentheses.
_LOOPS, _INDENTS, _PARENTHESES = 10, 40, 20

_LOOPED = (Aggregate, Picked, Exists, FirstPresent, Latest)

_PYTHON_OP = {Op.EQ: "==", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


@frozen
class Operand:
    """A term in the code: an expression that is good once all of the guards hold."""

    guards: tuple[str, ...]
    code: str

    def when(self, *conditions: str) -> str:
        """The conjunction of the guards and further conditions."""
        return " and ".join((*self.guards, *conditions)) or "True"

    @property
    def present(self) -> str:
        """The conjunction of the guards alone."""
        return " and ".join(self.guards) or "True"

    @property
    def or_none(self) -> str:
        """The value, or None when it is missing."""
        return f"({self.code} if {self.present} else None)" if self.guards else self.code


@frozen
class Program:
    """The source of one rule for one shape of customer, and the constants that it refers to."""

    source: str
    names: dict[str, Any]


class Writer:
    """Writes the functions of one rule for one shape of customer."""

    def __init__(self, shape: Shape, zone: ZoneInfo, entry: bool = False) -> None:
        self.shape = shape
        self.entry = entry
        self._day_number = reading.day_numbers(zone)
        self._month_day = reading.month_days(zone)
        self.names: dict[str, Any] = dict(shapes.NAMES)
        self._constants: dict[int, str] = {}
        self._texts: dict[str, str] = {}
        self._looped: dict[int, bool] = {}
        self._depths: dict[int, frozenset[int]] = {}
        self._functions: list[str] = []
        self._count = 0
        self._begin({CUSTOMER.depth: "r0"})

    # --- the parts of the program --------------------------------------------------------------------

    def predicate(self, predicate: Predicate) -> Program:
        """The program whose ``main(r0)`` tells whether the predicate holds."""
        self._finish(predicate)
        return self._program()

    def term(self, term: Term) -> Program:
        """The program whose ``main(r0)`` gives the value of the term, or None."""
        self._line(f"return {self._operand(term).or_none}")
        return self._program()

    def _program(self) -> Program:
        body = self._lines
        if self.entry:
            body = [
                " if r0.__class__ is not usual:",
                "  return other(r0)",
                " try:",
                *(" " + line for line in body),
                " except Exception:",
                "  pass",
                " return doubtful(r0)",
            ]
        functions = [*self._functions, "def main(r0):", *body]
        return Program("\n".join(functions) + "\n", self.names)

    def _begin(self, rows: dict[int, str]) -> None:
        self._rows = rows
        self._lines: list[str] = []
        self._indent = 1
        self._loops = 0
        self._known: dict[Term | tuple[str, str], Operand] = {}
        self._read_now: dict[Term | tuple[str, str], Operand] = {}

    @contextmanager
    def _function(self) -> Iterator[list[str]]:
        """Whatever is written inside goes into a function of its own; the list then holds the call of it."""
        outer = self._rows, self._lines, self._indent, self._loops, self._known
        name, parameters = self._fresh("f"), ", ".join(dict.fromkeys(self._rows.values()))
        self._begin(dict(self._rows))
        call: list[str] = []
        yield call
        self._functions += [f"def {name}({parameters}):", *self._lines]
        self._rows, self._lines, self._indent, self._loops, self._known = outer
        call.append(f"{name}({parameters})")

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        """An indented block; what becomes known inside is forgotten behind it."""
        self._line(head)
        known, self._known = self._known, dict(self._known)
        self._indent += 1
        yield
        self._indent -= 1
        self._known = known

    def _line(self, text: str) -> None:
        self._lines.append(" " * self._indent + text)

    def _fresh(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _constant(self, value: Any) -> str:
        """The name under which the code refers to a value."""
        if isinstance(value, str):
            if value not in self._texts:
                self._texts[value] = self._fresh("k")
                self.names[self._texts[value]] = value
            return self._texts[value]
        if id(value) not in self._constants:
            name = self._constants[id(value)] = self._fresh("k")
            self.names[name] = value
        return self._constants[id(value)]

    def _call(self, function: Callable[..., Any], *arguments: str) -> str:
        return f"{self._constant(function)}({', '.join(arguments)})"

    def _is_looped(self, node: Term | Predicate | Source) -> bool:
        """Whether a node needs statements of its own."""
        found = self._looped.get(id(node))
        if found is None:
            found = isinstance(node, _LOOPED) or any(map(self._is_looped, algebra.children(node)))
            self._looped[id(node)] = found
        return found

    @property
    def _is_deep(self) -> bool:
        return self._loops >= _LOOPS or self._indent >= _INDENTS

    # --- predicates ------------------------------------------------------------------------------------

    def _finish(self, predicate: Predicate) -> None:
        """Ends the function with the answer."""
        match predicate:
            case _ if not self._is_looped(predicate):
                self._line(f"return {self._inline(predicate)}")
            case And(items=items):
                for item in self._grouped(And, items[:-1]):
                    self._require(item, "return False")
                self._finish(items[-1])
            case Or(items=items):
                for item in self._grouped(Or, items[:-1]):
                    self._accept(item, "return True")
                self._finish(items[-1])
            case Exists():
                self._accept(predicate, "return True")
                self._line("return False")
            case Not(item=Exists() as item):
                self._accept(item, "return False")
                self._line("return True")
            case _:
                self._line(f"return {self._value(predicate)}")

    def _grouped(self, form: type[And] | type[Or], items: tuple[Predicate, ...]) -> Iterator[Predicate]:
        """The items, with neighbours that need no loops gathered into one expression."""
        plain: list[Predicate] = []
        for item in items:
            if not self._is_looped(item):
                plain.append(item)
                continue
            if plain:
                yield form(tuple(plain))
                plain = []
            yield item
        if plain:
            yield form(tuple(plain))

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
                    self._require(where, "continue")
                    self._line(jump)
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
        if depth > _PARENTHESES:
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
            case Not(item=item):
                known, self._known = self._known, dict(self._known)
                code = self._inline(item, depth + 1)
                self._known = known
                return f"not ({code})"
            case _:
                self._read_now = {}
                code = self._leaf(predicate)
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
                plain = [each.value for each in values if each.value is not None]
                if kind is Kind.TEXT:
                    plain = [algebra.fold(each) for each in plain if isinstance(each, str)]
                operand = self._comparable(term, kind, exact=True)
                return operand.when(f"{operand.code} in {self._constant(frozenset(plain))}") if plain else "False"
            case TextMatch(match=how, term=term, needle=needle, kind=kind):
                hay, pin = self._comparable(term, kind), self._comparable(needle, kind)
                return Operand(hay.guards + pin.guards, "").when(_match(how, hay.code, pin.code))
            case Present(term=Field() as field):
                return f"{self._read(field)} is not None"
            case Present(term=term):
                return self._operand(term).when()
            case HasElement(field=field, element=element):
                wanted = Operand((), "None") if element is None else self._operand(element)
                return wanted.when(f"holds({self._read(field)}, {wanted.code}, {self._label(field.row, field.name)})")
            case OnMonthDay(term=term, days=days):
                operand = self._operand(term)
                name = self._named(operand)
                found = f"{name.code}.month * 100 + {name.code}.day"
                if kind_of(term) is Kind.MOMENT:
                    found = self._call(self._month_day, name.code)
                return name.when(f"{found} in {self._constant(days)}")
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

    def _compare(self, predicate: Compare) -> str:
        op, left, right = predicate.op, predicate.left, predicate.right
        if isinstance(left, Const) and not isinstance(right, Const):
            op, left, right = op.mirrored, right, left
        if any(isinstance(each, Const) and each.value is None for each in (left, right)):
            return "False"
        ordered_by_constant = op is not Op.EQ and isinstance(right, Const)
        one = self._comparable(left, predicate.kind, exact=not ordered_by_constant)
        two = self._comparable(right, predicate.kind)
        return Operand(one.guards + two.guards, "").when(f"{one.code} {_PYTHON_OP[op]} {two.code}")

    # --- terms -----------------------------------------------------------------------------------------

    def _comparable(self, term: Term, kind: Kind, exact: bool = True) -> Operand:
        """A term as it compares: text is folded."""
        if kind is not Kind.TEXT:
            return self._operand(term, exact)
        if isinstance(term, Const):
            return Operand((), self._constant(algebra.fold(str(term.value)))) if term.value is not None else _MISSING
        operand = self._named(self._operand(term))
        folded = f"({operand.code}.lower() if {operand.code}.isascii() else fold({operand.code}))"
        return Operand(operand.guards, folded)

    def _named(self, operand: Operand) -> Operand:
        """The same operand under a name, so that it can be used twice."""
        if operand.code.isidentifier():
            return operand
        name = self._fresh("v")
        return Operand((*operand.guards, f"({name} := {operand.code}) is not None"), name)

    def _operand(self, term: Term, exact: bool = True) -> Operand:
        """A term as an expression with its guards; loops that it needs are written before it.

        Without ``exact`` the class of a moment or day may go unchecked: ordering it against a constant fails
        by itself when it is wrong.
        """
        if isinstance(term, Field | Aggregate | Picked) and (known := self._known.get(term)) is not None:
            return known
        match term:
            case Const(value=value):
                return Operand((), self._constant(value)) if value is not None else _MISSING
            case Field():
                value = self._fresh("v")
                label = self._label(term.row, term.name) if self.shape is Shape.CAREFUL else ""
                self._read_now[term] = Operand((), value)
                return Operand((shapes.guard(self.shape, term.kind, value, self._read(term), label, exact),), value)
            case Sum(terms=terms):
                first, *rest = [self._operand(each) for each in terms]
                code, guards = first.code, first.guards
                for each in rest:
                    code, guards = self._call(algebra.EXACT.add, code, each.code), guards + each.guards
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
                operand = self._aggregate(term) if isinstance(term, Aggregate) else self._picked_value(term)
                self._known[term] = operand
                return operand
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

    def _aggregate(self, aggregate: Aggregate) -> Operand:
        fold, term = aggregate.fold, aggregate.value
        total = self._fresh("n")
        start = {Fold.COUNT: "0", Fold.SUM: "0", Fold.COUNT_DISTINCT: self._call(set)}.get(fold, "None")
        self._line(f"{total} = {start}")
        with self._each(aggregate.source):
            if term is None:
                self._line(f"{total} += 1")
            else:
                is_text = fold is Fold.COUNT_DISTINCT and kind_of(term) is Kind.TEXT
                operand = self._comparable(term, Kind.TEXT) if is_text else self._operand(term)
                if fold in (Fold.MIN, Fold.MAX):
                    operand = self._named(operand)
                if operand.guards:
                    self._line(f"if not ({operand.present}): continue")
                match fold:
                    case Fold.COUNT:
                        self._line(f"{total} += 1")
                    case Fold.COUNT_DISTINCT:
                        self._line(f"{total}.add({operand.code})")
                    case Fold.SUM:
                        self._line(f"{total} = {self._call(algebra.EXACT.add, total, operand.code)}")
                    case Fold.MIN | Fold.MAX:
                        test = "<" if fold is Fold.MIN else ">"
                        self._line(f"if {total} is None or {operand.code} {test} {total}: {total} = {operand.code}")
                    case _:
                        assert_never(fold)
        if fold is Fold.COUNT_DISTINCT:
            self._line(f"{total} = len({total})")
        return Operand((f"{total} is not None",) if fold in (Fold.MIN, Fold.MAX) else (), total)

    def _picked_value(self, picked: Picked) -> Operand:
        if picked.source.pick is None:
            raise TypeError(f"{picked} has a source without a pick")
        value = self._fresh("v")
        with self._picked(picked.source, picked.source.pick) as found:
            self._line(f"{value} = None")
            with self._block(f"if {found} is not None:"):
                self._line(f"{value} = {self._operand(picked.value).or_none}")
        return Operand((f"{value} is not None",), value)

    # --- rows ------------------------------------------------------------------------------------------

    def _search(self, source: Source, where: Predicate) -> None:
        """A loop that is broken off at the first row that satisfies; its ``else`` is left to the caller."""
        self._search_steps(source.parent, self._steps(source), where)

    def _search_steps(self, parent: Row, steps: list[tuple[Row, Predicate]], where: Predicate) -> None:
        (row, condition), *further = steps
        with self._loop(parent, row):
            self._require(condition, "continue")
            if further:
                self._search_steps(row, further, where)
                self._line("else: continue")
            else:
                self._require(where, "continue")
            self._line("break")

    @contextmanager
    def _each(self, source: Source) -> Iterator[None]:
        """Nested loops over the rows of a source that satisfy its condition."""
        with ExitStack() as loops:
            parent = source.parent
            for row, condition in self._steps(source):
                loops.enter_context(self._loop(parent, row))
                self._require(condition, "continue")
                parent = row
            yield

    @contextmanager
    def _loop(self, parent: Row, row: Row) -> Iterator[None]:
        """A loop over the rows under a link."""
        link = self._link(parent, row)
        name, outer = self._fresh("r"), self._rows
        with self._block(f"for {name} in {link}:"):
            self._rows = {**outer, row.depth: name}
            self._loops += 1
            yield
            self._loops -= 1
        self._rows = outer

    def _link(self, parent: Row, row: Row) -> str:
        """The name of the rows under a link; they are read once in a block."""
        key = (self._rows[parent.depth], row.link)
        known = self._known.get(key)
        if known is not None:
            return known.code
        name = self._fresh("x")
        code = shapes.read(self.shape, key[0], row.link, self._constant(row.link))
        match self.shape:
            case Shape.CAREFUL:
                self._line(f"{name} = rows({code}, {self._constant(row.entity)})")
            case Shape.MAPPING | Shape.OBJECT | Shape.TRUSTED:
                usual = "tuple" if self.shape is Shape.TRUSTED else "list"
                self._line(f"{name} = {code}")
                self._line(f"if {name}.__class__ is not {usual}: {name} = rows({name}, {self._constant(row.entity)})")
        self._known[key] = Operand((), name)
        return name

    def _steps(self, source: Source) -> list[tuple[Row, Predicate]]:
        """Each row of a source with that part of the condition that can be asked as soon as it is there."""
        if len(source.rows) == 1:
            return [(source.last, source.where)]
        parts: list[list[Predicate]] = [[] for _ in source.rows]
        for item in source.where.items if isinstance(source.where, And) else (source.where,):
            used = self._used(item)
            parts[max((i for i, row in enumerate(source.rows) if row.depth in used), default=0)].append(item)
        return [(row, algebra.all_of(*part)) for row, part in zip(source.rows, parts, strict=True)]

    def _used(self, node: Term | Predicate | Source) -> frozenset[int]:
        """The depths of the rows that a node refers to."""
        found = self._depths.get(id(node))
        if found is None:
            own = {node.row.depth} if isinstance(node, Field) else {node.parent.depth} if isinstance(node, Source) else ()
            found = frozenset(own).union(*map(self._used, algebra.children(node)))
            self._depths[id(node)] = found
        return found

    @contextmanager
    def _picked(self, source: Source, pick: Pick) -> Iterator[str]:
        """Finds the row that is picked; inside, the rows of the source are that one and its parents."""
        chosen = {row.depth: self._fresh("b") for row in source.rows}
        best, key = chosen[source.last.depth], self._fresh("o")
        sign = ">" if pick.latest else "<"
        self._line(f"{' = '.join(chosen.values())} = {key} = None")
        with self._each(source):
            row, entity = self._rows[source.last.depth], self._constant(source.last.entity)
            tie = f"id_of({row}, {entity}) {sign} id_of({best}, {entity})"
            new = self._fresh("o")
            if pick.by is None:
                self._line(f"{new} = None")
                test = f"{best} is None or {tie}"
            else:
                read = shapes.read(self.shape, row, pick.by, self._constant(pick.by))
                guard = shapes.order_guard(self.shape, new, read, self._label(source.last, pick.by))
                if pick.required:
                    self._line(f"if not ({guard}): continue")
                    better = f"{new} {sign} {key}"
                else:
                    self._line(f"if not ({guard}): {new} = None")
                    low, high = (key, new) if pick.latest else (new, key)
                    better = f"{high} is not None and ({low} is None or {new} {sign} {key})"
                test = f"{best} is None or {better} or {new} == {key} and {tie}"
            with self._block(f"if {test}:"):
                for depth, name in chosen.items():
                    self._line(f"{name} = {self._rows[depth]}")
                self._line(f"{key} = {new}")
        outer, self._rows = self._rows, {**self._rows, **chosen}
        yield best
        self._rows = outer

    def _read(self, field: Field) -> str:
        return shapes.read(self.shape, self._rows[field.row.depth], field.name, self._constant(field.name))

    def _label(self, row: Row, name: str) -> str:
        """The constant by which a message names a field."""
        return self._constant(f"{row.entity}.{name}" if row.entity else name)


_MISSING = Operand(("False",), "None")


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


def kind_of(term: Term) -> Kind:
    """The kind of value that a term has."""
    match term:
        case Sum() | Product() | DayNumber() | DaysUntil():
            return Kind.NUMBER
        case _:
            return term.kind


# --- the compiled function -------------------------------------------------------------------------------


def compile_predicate(predicate: Predicate, zone: ZoneInfo) -> Callable[[Any], bool]:
    """The function that tells of a customer (mapping, object or Customer) whether a bound predicate holds."""
    return _compiled(lambda shape, entry: Writer(shape, zone, entry).predicate(predicate))


def compile_term(term: Term, zone: ZoneInfo) -> Callable[[Any], Any]:
    """The function that gives the value of a bound term for a customer; None when it is missing."""
    return _compiled(lambda shape, entry: Writer(shape, zone, entry).term(term))


#: After so many customers of one class that had to be read again with care, that class is read so at once.
_PATIENCE = 16


def _compiled(write: Callable[[Shape, bool], Program]) -> Callable[[Any], Any]:
    """The function for plain dictionaries, which hands other customers on to code written for their shape.

    That other code is made when it is first needed. Two threads may both make it; they make the same.
    """
    functions: dict[Shape, Callable[[Any], Any]] = {}
    shapes_of: dict[type, Shape] = {Customer: Shape.TRUSTED}
    doubts: dict[type, int] = {}

    def function(shape: Shape) -> Callable[[Any], Any]:
        found = functions.get(shape)
        if found is None:
            found = functions[shape] = _load(write(shape, False))
        return found

    def careful(customer: Any) -> Any:
        try:
            return function(Shape.CAREFUL)(customer)
        except Inexact:
            raise CustomerError("the numbers of the customer are too long to calculate with exactly") from None

    def other(customer: Any) -> Any:
        kind = customer.__class__
        shape = shapes_of.get(kind)
        if shape is None:
            shape = shapes_of[kind] = Shape.MAPPING if isinstance(customer, Mapping) else Shape.OBJECT
        if shape is Shape.TRUSTED:
            customer = customer.data
        elif shape is Shape.CAREFUL:
            return careful(customer)
        try:
            return function(shape)(customer)
        except Exception:  # noqa: BLE001  whatever it is, the careful reading says it better
            pass
        return doubtful(customer, kind)

    def doubtful(customer: Any, kind: type = dict) -> Any:
        answer = careful(customer)
        doubts[kind] = doubts.get(kind, 0) + 1
        if doubts[kind] > _PATIENCE and kind is not Customer:
            shapes_of[kind] = Shape.CAREFUL
            if kind is dict:
                program.names["usual"] = None
        return answer

    program = write(Shape.MAPPING, True)
    program.names.update(usual=dict, other=other, doubtful=doubtful)
    return _load(program)


def _load(program: Program) -> Callable[[Any], Any]:
    exec(compile(program.source, "<rule>", "exec"), program.names)  # noqa: S102  the source is our own alphabet
    main: Callable[[Any], Any] = program.names["main"]
    return main
