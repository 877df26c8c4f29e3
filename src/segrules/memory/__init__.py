"""Bound algebra in Python: predicates and terms over one customer, customers as data, and explanations."""

from segrules.memory.compiler import compile_predicate, compile_term
from segrules.memory.customer import Customer
from segrules.memory.explanation import Explanation

__all__ = ["Customer", "Explanation", "compile_predicate", "compile_term"]
