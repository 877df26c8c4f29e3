"""Work that the rules of a set share: whatever takes a loop is done once for a customer, when it is first asked for.

Such a loop becomes a function ``(r0, t, m)`` of its own. It leaves its results in ``m``, a dictionary that lives as
long as the evaluation of one customer, under numbers that all rules agree on; ``t`` holds the times of the moment.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, RLock
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field

from segrules import algebra
from segrules.algebra import Aggregate, Exists, Predicate, Source, Term
from segrules.binding import is_time
from segrules.memory.predicates import Writer
from segrules.memory.program import LOOPED, Operand, Program
from segrules.memory.shapes import Shape

Test = Callable[[Any, Any, dict[int, Any]], bool]

#: Under these depths the rows of a function hold its further parameters.
_TIMES, _MEMO = -1, -2


@define(eq=False)
class Common:
    """What the rules of one set refer to by number: times, and results of loops; numbers are never given away twice."""

    times: dict[Any, int] = field(factory=dict)
    _results: dict[Term | Predicate, int] = field(factory=dict)
    _totals: dict[Source, dict[Aggregate, int]] = field(factory=dict)
    _lock: Lock = field(factory=Lock)

    def meet(self, predicate: Predicate, change: int) -> None:
        """Makes the times and the totals of a further rule known; ``change`` counts the changes of the set."""
        for node in algebra.walk(predicate):
            match node:
                case algebra.Const(value=value) if is_time(value):
                    self.times.setdefault(value, len(self.times))
                case algebra.OnMonthDay(days=days) if is_time(days):
                    self.times.setdefault(days, len(self.times))
                case Aggregate(source=source) if source.parent == algebra.CUSTOMER:
                    self._totals[source] = {node: change} | self._totals.get(source, {})

    def together(self, total: Aggregate) -> list[Aggregate]:
        """The totals over the same rows, without those that came to the set later, whose times may not be known."""
        totals = self._totals.get(total.source, {})
        change = totals.get(total, 0)
        return [each for each, since in totals.items() if since <= change]

    def result(self, node: Term | Predicate) -> int:
        """The number of a result."""
        with self._lock:
            return self._results.setdefault(node, len(self._results))


class Sharing:
    """The functions that the rules of one set share for one shape of customer."""

    def __init__(self, shape: Shape, zone: ZoneInfo, common: Common) -> None:
        self.shape, self.zone, self.common = shape, zone, common
        self._functions: dict[Term | Predicate, Callable[..., Any]] = {}
        self.lock = RLock()

    def test(self, predicate: Predicate) -> Test:
        """The function that tells whether a predicate holds."""
        with self.lock:
            return SharedWriter(self).test(predicate)

    def function(self, node: Term | Predicate) -> Callable[..., dict[int, Any]]:
        """The function that computes a node (and totals over the same rows with it) and returns all results."""
        with self.lock:
            found = self._functions.get(node)
            if found is None:
                found = self._functions[node] = SharedWriter(self, node).result()
            return found


class SharedWriter(Writer):
    """Writes the functions of a set. Outside of loops, it asks the shared results for whatever takes a loop."""

    def __init__(self, sharing: Sharing, root: Term | Predicate | None = None) -> None:
        super().__init__(sharing.shape, sharing.zone)
        self._sharing, self._root = sharing, root
        self._begin({algebra.CUSTOMER.depth: "r0", _TIMES: "t", _MEMO: "m"})

    def test(self, predicate: Predicate) -> Test:
        """The function that tells whether a predicate holds."""
        self._finish(predicate)
        return self._made("def main(r0, t, m):")

    def result(self) -> Callable[..., dict[int, Any]]:
        """The function that computes the root."""
        root = self._root
        assert root is not None
        common = self._sharing.common
        if isinstance(root, Aggregate):
            self._companions[root.source] = common.together(root)
            self._operand(root)
            for each in (root, *self._companions[root.source]):
                if each in self._known:
                    self._line(f"m[{common.result(each)}] = {self._known[each].code}")
        else:
            code = self._value(root) if isinstance(root, Predicate) else self._operand(root).or_none
            self._line(f"m[{common.result(root)}] = {code}")
        self._line("return m")
        return self._made("def main(r0, t, m):")

    def _made(self, head: str) -> Callable[..., Any]:
        source = "\n".join([*self._functions, head, *self._lines, ""])
        return Program(source, self.names, self.constants).function()

    # --- what is shared ----------------------------------------------------------------------------

    @property
    def _is_outside(self) -> bool:
        """Whether no row is open but the customer."""
        return max(self._rows) == algebra.CUSTOMER.depth

    def _is_looped(self, node: Term | Predicate | Source) -> bool:
        if node is not self._root and self._is_outside:
            return False
        return super()._is_looped(node)

    def _operand(self, term: Term, exact: bool = True) -> Operand:
        if term.__class__ in LOOPED and term is not self._root and self._is_outside:
            code = self._result(term)
            if isinstance(term, Aggregate) and term.fold not in (algebra.Fold.MIN, algebra.Fold.MAX):
                return Operand((), code)
            name = self._fresh("v")
            return Operand((f"({name} := {code}) is not None",), name)
        return super()._operand(term, exact)

    def _leaf(self, predicate: Predicate) -> str:
        if isinstance(predicate, Exists):
            return self._result(predicate)
        return super()._leaf(predicate)

    def _result(self, node: Term | Predicate) -> str:
        number = self._sharing.common.result(node)
        function = self._function_name(self._sharing.function(node))
        return f"(m[{number}] if {number} in m else {function}(r0, t, m)[{number}])"

    def _constant(self, value: Any) -> str:
        if is_time(value):
            return f"t[{self._sharing.common.times[value]}]"
        return super()._constant(value)
