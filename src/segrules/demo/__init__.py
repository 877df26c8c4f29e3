"""The demonstration shop: deterministic, of any size, in any database; and the rules that show what segrules does.

``DemoShop`` makes the rows, ``nested_customers`` the same customers in memory, ``loading`` puts them into a database,
``tour`` runs the rules of ``RULES`` over it.
"""

from segrules.demo.generator import DemoShop
from segrules.demo.nested import nested_customers
from segrules.demo.rules import RULES, DemoRule

__all__ = ["RULES", "DemoRule", "DemoShop", "nested_customers"]
