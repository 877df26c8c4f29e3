"""From nodes to algebra: what each written condition means, said once.

Quotients are compared by multiplying out here, negations are pushed to the leaves, and shorthands become
quantifiers, so that nothing below has to know these forms.
"""

from segrules.lowering.conditions import lower, lower_operand
from segrules.lowering.parameters import can_be_kept

__all__ = ["can_be_kept", "lower", "lower_operand"]
