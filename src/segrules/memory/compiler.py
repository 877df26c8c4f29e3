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


#: After so many customers of one class that had to be read again with care, that class is read so at once.
_PATIENCE = 16


def _compiled(write: Callable[[Shape], Program]) -> Callable[[Any], Any]:
    """The function for plain dictionaries, which hands other customers on to code written for their shape.

    That other code is made when it is first needed. Two threads may both make it; they make the same.
    """
    functions: dict[Shape, Callable[[Any], Any]] = {}
    chosen: dict[type, Callable[[Any], Any]] = {}
    doubts: dict[type, int] = {}

    def function(shape: Shape) -> Callable[[Any], Any]:
        found = functions.get(shape)
        if found is None:
            program = write(shape)
            program.names.update(usual=dict, other=other, doubtful=doubtful)
            exec(compile(program.source, "<rule>", "exec"), program.names)  # the source is our own alphabet
            found = functions[shape] = program.names["main"]
        return found

    def other(customer: Any) -> Any:
        """The answer for what is not a plain dictionary."""
        run = chosen.get(customer.__class__)
        if run is None:
            run = chosen[customer.__class__] = function(shape_of(customer))
        return run(customer)

    def doubtful(customer: Any) -> Any:
        """The answer for a customer whose data is not of the usual classes, or wrong."""
        try:
            answer = function(Shape.CAREFUL)(customer)
        except Inexact:
            raise CustomerError("the numbers of the customer are too long to calculate with exactly") from None
        kind = customer.__class__
        doubts[kind] = doubts.get(kind, 0) + 1
        if doubts[kind] > _PATIENCE:
            chosen[kind] = doubtful
            if kind is dict:
                functions[Shape.DICTIONARY].__globals__["usual"] = None
        return answer

    return function(Shape.DICTIONARY)


def shape_of(customer: Any) -> Shape:
    """What the code for a customer is written for; decided once for a class."""
    if isinstance(customer, Customer):
        return Shape.TRUSTED
    return Shape.MAPPING if isinstance(customer, Mapping) else Shape.OBJECT
