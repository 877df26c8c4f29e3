"""One customer in memory as the witness of a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from segrules.algebra import CUSTOMER, Aggregate, Fold, Predicate, Term
from segrules.clock import naive_utc
from segrules.forecast.span import Passing, Span
from segrules.memory import compile_predicate, compile_term


@frozen
class OneCustomer:
    """A customer in memory, in whatever form predicates take it."""

    customer: Any
    zone: ZoneInfo

    def first_values(self, span: Span, narrow: bool) -> Mapping[Passing, date | None] | None:
        """The smallest passed value of each passing among the customer's rows."""
        if not self.is_anyone(span.changing, span):
            return None
        return {each: self._first_value(each) for each in span.passings}

    def _first_value(self, passing: Passing) -> date | None:
        term: Term = passing.value
        if passing.value.row != CUSTOMER:
            term = Aggregate(Fold.MIN, passing.rows, term, passing.value.kind)
        elif not self.is_anyone(passing.passed, None):
            return None
        found: date | None = compile_term(term, self.zone)(self.customer)
        return naive_utc(found) if isinstance(found, datetime) else found

    def is_anyone(self, predicate: Predicate, span: Span | None) -> bool:
        """Whether the predicate is true of the customer."""
        return compile_predicate(predicate, self.zone)(self.customer)
