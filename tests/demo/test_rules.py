"""The rules of the demonstration are good examples: right, free of warnings, each with members and others."""

from datetime import UTC, datetime

import pytest

import segrules as sr
from segrules.demo import RULES, DemoShop, nested_customers
from segrules.demo.rules import PRACTICAL

AT = datetime(2025, 7, 4, 12, 0, tzinfo=UTC)


def test_there_are_the_ten_of_daily_work_and_names_are_unique():
    assert len(PRACTICAL) == 10
    assert len({each.name for each in RULES}) == len(RULES)


@pytest.mark.parametrize("each", RULES, ids=lambda each: each.name)
def test_no_rule_has_a_mistake_or_a_warning(each):
    rule = sr.parse(each.text)
    assert rule.lint(at=AT) == []
    assert sr.parse(str(rule)) == rule


def test_every_rule_finds_some_customers_and_leaves_others():
    """In memory alone, over as many customers as it takes; the rarest rules find one in four hundred."""
    shop = sr.Shop.default()
    rules = {each.name: sr.parse(each.text, shop) for each in RULES}
    matches = {
        each.name: rules[each.name].predicate(shop, at=AT, website=each.website, segments=rules) for each in RULES
    }
    found = dict.fromkeys(matches, 0)
    for customer in nested_customers(DemoShop(4000, AT)):
        for name, function in matches.items():
            found[name] += function(customer)
    assert all(0 < count < 3000 for count in found.values()), found
    assert found["vip-platinum"] < 200 and found["near-gold"] < 40, "these are meant to be rare"
    assert found["vip-retail"] < found["vip-platinum"]
