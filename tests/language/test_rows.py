"""Rows within rows: whichever of them a field means, the canonical text means the same one."""

import pytest

from segrules.errors import RuleError
from segrules.language import format_condition, nodes, parse

#: A parent, what its rows are called inside it, and what they are called everywhere, with a field.
PAIRS = [("order", "item", "sku"), ("cart", "item", "sku"), ("wishlist", "item", "sku"), ("order", "refund", "amount")]

OPENED_TWICE = [
    "any {p} where (any {i} where (any {p}_{i} where ({f} != {i}.{f})))",
    "any {p} where (any {i} where (any {p}_{i} where ({f} != {p}_{i}.{f})))",
    "any {p} where (any {i} where (any {p}.{i}s where ({f} != {i}.{f})))",
    "any {p} where (any {p}_{i} where (any {p}.{i}s where ({f} != {i}.{f})))",
    "any {p} where (any {p}_{i} where (any {p}.{i}s where ({f} != {p}_{i}.{f})))",
    "any {p} where (any {i} where (every {p}.{i}s where ({i}.{f} = {p}_{i}.{f})))",
    "any {p} where (any {i} where (any product_view where (sku = {i}.sku)))",
    "any {p} where (any {i} where (count({p}_{i} where {f} = {i}.{f}) > 1))",
    "any {p} where (any {i} where (any {p} where (any {i} where ({f} != {i}.{f}))))",
    "any {p} where (at least 2 {i}s where (any {p}_{i} where (any {p}_{i} where ({f} != {i}.{f}))))",
    "any {p} where (any {i} where ({p}.id = id and any {p}_{i} where ({p}.id = id)))",
    "any {p}s where (any {p}_{i} where ({f} is set and {p}s.id = 1))",
    "any {p}s where (any {p} where ({p}s.id = id))",
]


@pytest.mark.parametrize("shape", OPENED_TWICE)
@pytest.mark.parametrize(("parent", "inside", "field"), PAIRS)
def test_a_row_keeps_its_name(parent, inside, field, shape, vocabulary):
    rule = shape.format(p=parent, i=inside, f=field).replace("order_refund", "refund")
    try:
        condition, codes = parse(rule, vocabulary).condition, set()
    except RuleError as error:
        condition, codes = None, {each.code for each in error.diagnostics}
    # a row without a name of its own is refused, never taken for another
    assert codes <= {"SEG210", "SEG201", "SEG202", "SEG204", "SEG301"}
    if condition is None:
        return
    for width in (20, 88):
        assert parse(format_condition(condition, width), vocabulary).condition == condition


def test_the_word_inside_names_the_outer_row(vocabulary):
    rule = "any order where (any item where (any order_item where (sku != item.sku)))"
    condition = parse(rule, vocabulary).condition
    assert [each.level for each in nodes.walk(condition) if isinstance(each, nodes.FieldRef)] == [3, 2]
    assert format_condition(condition) == rule


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("any order_item where (type is order_item.type)", "any order_item where (type = order_item.type)"),
        ("any order where (store = order.status)", "any order where (store = order.status)"),
        ("any order where (store = status)", "any order where (store is status)"),
        ("any order_item where (type in (order_item.type, simple))",) * 2,
        ("any order where (updated_at > order.created_at)", "any order where (updated_at > created_at)"),
    ],
)
def test_a_field_that_a_choice_could_be_taken_for_keeps_its_row(text, canonical, vocabulary):
    condition = parse(text, vocabulary).condition
    assert format_condition(condition) == canonical
    assert parse(canonical, vocabulary).condition == condition
