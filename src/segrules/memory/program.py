"""The text of a compiled rule: its functions, blocks and lines, and the constants that it refers to.

Nothing that a user wrote ever stands in the text. Rows and values have names of our own alphabet; in the place of a
constant stands a text such as ``'k5'``, and once the code is compiled the value itself takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from sys import intern
from types import CodeType
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    Aggregate,
    Const,
    Exists,
    Field,
    FirstPresent,
    InSegment,
    Latest,
    Picked,
    Predicate,
    Row,
    Source,
    Term,
    Truth,
)  # fmt: skip
from segrules.memory import reading, shapes
from segrules.memory.shapes import Shape

#: Deeper code goes into a function of its own: Python allows 20 nested loops, 100 indents and 200 parentheses.
LOOPS, INDENTS, PARENTHESES = 10, 40, 20

#: The code of longer sources is not kept for other rules.
REMEMBERED = 4000

#: What always needs a loop or at least a line of its own, and what has nothing inside that could.
LOOPED = frozenset({Aggregate, Picked, Exists, FirstPresent, Latest})
FLAT = frozenset({Const, Field, InSegment, Truth})


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
    """The source of one rule for one shape of customer, the names that it refers to, and its constants."""

    source: str
    names: dict[str, Any]
    constants: dict[str, Any]

    def function(self) -> Callable[..., Any]:
        """The function ``main`` of the source."""
        code = _code(self.source) if len(self.source) < REMEMBERED else _code.__wrapped__(self.source)
        exec(_with(code, self.constants), self.names)
        return self.names["main"]  # type: ignore[no-any-return]


@lru_cache(256)
def _code(source: str) -> CodeType:
    """The code of a source, kept for other rules: constants and keys do not stand in it, so many share one."""
    return compile(source, "<rule>", "exec")  # the source is our own alphabet


def _with(code: CodeType, constants: dict[str, Any]) -> CodeType:
    """The code with the constants themselves where it has their names."""

    def value(each: Any) -> Any:
        if isinstance(each, CodeType):
            return _with(each, constants)
        return constants.get(each, each) if isinstance(each, str) else each

    return code.replace(co_consts=tuple(map(value, code.co_consts)))


#: A term that never has a value.
MISSING = Operand(("False",), "None")


class Pad:
    """Where a rule is written down for one shape of customer."""

    def __init__(self, shape: Shape, zone: ZoneInfo) -> None:
        self.shape = shape
        self._day_number = reading.day_numbers(zone)
        self._month_day = reading.month_days(zone)
        self.names: dict[str, Any] = {"__builtins__": shapes.NAMES}
        self.constants: dict[str, Any] = {}
        self._placed: dict[Any, str] = {}
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
            start, doubt = [], [" except Exception: pass", " return doubtful(r0)"]
            if self.shape is Shape.DICTIONARY:
                start = [" if r0.__class__ is not usual: return ways.get(r0.__class__, other)(r0)"]
                doubt = [
                    " except KeyError: again = lacking",
                    " except Exception: again = doubtful",
                    " return again(r0)",
                ]
            elif self.shape is Shape.TRUSTED:
                start, doubt[-1] = [" c = r0", " r0 = c.data"], " return doubtful(c)"
            body = [*start, " try:", *(" " + line for line in body), *doubt]
        return Program("\n".join([*self._functions, "def main(r0):", *body, ""]), self.names, self.constants)

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
        """What stands in the text for a value."""
        key = value if value.__class__ is str else id(value)
        placed = self._placed.get(key)
        if placed is None:
            name = self._fresh("k")
            self.constants[name] = value
            placed = self._placed[key] = f"'{name}'"
        return placed

    def _function_name(self, function: Callable[..., Any]) -> str:
        """The name under which the code refers to a function."""
        key = id(function)
        name = self._placed.get(key)
        if name is None:
            name = self._placed[key] = intern(self._fresh("k"))  # thousands of rules share these few names
            self.names[name] = function
        return name

    def _call(self, function: Callable[..., Any], *arguments: str) -> str:
        return f"{self._function_name(function)}({', '.join(arguments)})"

    def _is_looped(self, node: Term | Predicate | Source) -> bool:
        """Whether a node needs statements of its own."""
        if node.__class__ in FLAT:
            return False
        found = self._looped.get(id(node))
        return self._meet(node) if found is None else found

    def _meet(self, node: Term | Predicate | Source) -> bool:
        """Notes which nodes need statements of their own, and which totals are over the same rows."""
        found = node.__class__ in LOOPED
        if isinstance(node, Aggregate):
            self._companions.setdefault(node.source, []).append(node)
        for each in algebra.children(node):
            if each.__class__ not in FLAT and self._meet(each):
                found = True
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
