"""Bound algebra as one Python function per rule, written for the shape of customer that it meets.

A predicate becomes straight code: loops are written out with early exits, each field is read where it is needed
and guarded where it may be missing. See :mod:`.predicates`, :mod:`.terms` and :mod:`.loops` for the writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Inexact
from typing import Any
from zoneinfo import ZoneInfo

from segrules.algebra import Predicate, Term
from segrules.errors import CustomerError
from segrules.memory.customer import Customer
from segrules.memory.predicates import Writer
from segrules.memory.program import Program
from segrules.memory.shapes import Shape


def compile_predicate(predicate: Predicate, zone: ZoneInfo) -> Callable[[Any], bool]:
    """The function that tells of a customer (mapping, object or Customer) whether a bound predicate holds."""
    return _compiled(lambda shape: Writer(shape, zone).predicate(predicate))


def compile_term(term: Term, zone: ZoneInfo) -> Callable[[Any], Any]:
    """The function that gives the value of a bound term for a customer; None when it is missing."""
    return _compiled(lambda shape: Writer(shape, zone).term(term))


#: After so many customers of one class that had to be read again in another way, that class is read so at once.
_PATIENCE = 16


def _compiled(write: Callable[[Shape], Program]) -> Callable[[Any], Any]:
    """The function for plain dictionaries, which hands other customers on to code written for their shape."""
    return _Ways(write).function(Shape.DICTIONARY)


class _Ways:
    """The functions of one rule by shape, made when they are first needed. Two threads may both make one, the same."""

    __slots__ = ("by_class", "doubts", "functions", "write")

    def __init__(self, write: Callable[[Shape], Program]) -> None:
        self.write = write
        self.functions: dict[Shape, Callable[[Any], Any]] = {}
        self.by_class: dict[type, Callable[[Any], Any]] = {}
        self.doubts: dict[type | Shape, int] | None = None

    def function(self, shape: Shape) -> Callable[[Any], Any]:
        """The code for one shape."""
        found = self.functions.get(shape)
        if found is None:
            program = self.write(shape)
            if shape is Shape.DICTIONARY:
                program.names.update(usual=dict, ways=self.by_class, other=self.other, lacking=self.lacking)
            if shape is not Shape.CAREFUL:
                program.names["doubtful"] = self.doubtful
            found = self.functions[shape] = program.function()
        return found

    def other(self, customer: Any) -> Any:
        """The answer for the first customer of a class that is not ``dict``."""
        run = self.by_class[customer.__class__] = self.function(shape_of(customer))
        return run(customer)

    def doubtful(self, customer: Any) -> Any:
        """The answer for a customer whose data is not of the usual classes, or wrong."""
        try:
            answer = self.function(Shape.CAREFUL)(customer)
        except Inexact:
            raise CustomerError("the numbers of the customer are too long to calculate with exactly") from None
        kind = customer.__class__
        if self._is_tired_of(kind):
            self._read(kind, self.doubtful)
        return answer

    def lacking(self, customer: Any) -> Any:
        """The answer for a dictionary that lacks a name, or has a row that is no dictionary."""
        run = self.function(Shape.MAPPING)
        if self._is_tired_of(Shape.DICTIONARY):
            self._read(dict, run)
        return run(customer)

    def _is_tired_of(self, what: Any) -> bool:
        if self.doubts is None:
            self.doubts = {}
        self.doubts[what] = self.doubts.get(what, 0) + 1
        return self.doubts[what] > _PATIENCE

    def _read(self, kind: type, run: Callable[[Any], Any]) -> None:
        """From now on customers of a class are read so."""
        self.by_class[kind] = run
        if kind is dict:
            self.function(Shape.DICTIONARY).__globals__["usual"] = None


def shape_of(customer: Any) -> Shape:
    """What the code for a customer is written for; decided once for a class."""
    if isinstance(customer, Customer):
        return Shape.TRUSTED
    return Shape.MAPPING if isinstance(customer, Mapping) else Shape.OBJECT
