"""The text of a compiled rule: its functions, blocks and lines, and the constants that it refers to.

Nothing that a user wrote ever stands in the text. Rows, values and constants have names of our own alphabet; what
came from a rule goes in by reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sys import intern
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    Aggregate,
    Exists,
    Field,
    FirstPresent,
    Latest,
    Picked,
    Predicate,
    Row,
    Source,
    Term,
)  # fmt: skip
from segrules.memory import reading, shapes
from segrules.memory.shapes import Shape

#: Deeper code goes into a function of its own: Python allows 20 nested loops, 100 indents and 200 parentheses.
LOOPS, INDENTS, PARENTHESES = 10, 40, 20

LOOPED = (Aggregate, Picked, Exists, FirstPresent, Latest)


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


#: A term that never has a value.
MISSING = Operand(("False",), "None")


class Pad:
    """Where a rule is written down for one shape of customer."""

    def __init__(self, shape: Shape, zone: ZoneInfo) -> None:
        self.shape = shape
        self._day_number = reading.day_numbers(zone)
        self._month_day = reading.month_days(zone)
        self.names: dict[str, Any] = {"__builtins__": shapes.NAMES}
        self._constants: dict[int, str] = {}
        self._texts: dict[str, str] = {}
        self._looped: dict[int, bool] = {}
        self._companions: dict[Source, list[Aggregate]] = {}
        self._depths: dict[int, frozenset[int]] = {}
        #: The nodes that are known by their id stay alive, so that no other one gets it.
        self._seen: list[object] = []
        self._functions: list[str] = []
        self._count = 0
        self._begin({CUSTOMER.depth: "r0"})

    def _program(self) -> Program:
        body = self._lines
        if self.shape is not Shape.CAREFUL:
            start = {
                Shape.DICTIONARY: [
                    " if customer.__class__ is not usual: return ways.get(customer.__class__, other)(customer)",
                    " r0 = customer",
                ],
                Shape.TRUSTED: [" r0 = customer.data"],
            }.get(self.shape, [" r0 = customer"])
            doubt = [" except Exception: pass", " return doubtful(customer)"]
            body = [*start, " try:", *(" " + line for line in body), *doubt]
        else:
            body = [" r0 = customer", *body]
        return Program("\n".join([*self._functions, "def main(customer):", *body, ""]), self.names)

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
        return intern(f"{letter}{self._count}")  # thousands of rules share these few names

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
            found = isinstance(node, LOOPED) or any(map(self._is_looped, algebra.children(node)))
            self._looped[id(node)] = found
            self._seen.append(node)
        return found

    @property
    def _is_deep(self) -> bool:
        return self._loops >= LOOPS or self._indent >= INDENTS

    def _read(self, field: Field) -> str:
        return shapes.read(self.shape, self._rows[field.row.depth], field.name, self._constant(field.name))

    def _label(self, row: Row, name: str) -> str:
        """The constant by which a message names a field."""
        return self._constant(f"{row.entity}.{name}" if row.entity else name)
