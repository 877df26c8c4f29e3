"""Bound algebra in Python: predicates and terms over one customer, and the explanation of a rule."""
