"""The tour's figures, held against a plain reading of the customers that shares no code with segrules' rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

import segrules as sr
from segrules.demo import RULES, DemoShop, loading, nested_customers, tour

AT = datetime(2025, 7, 4, 12, 0, tzinfo=UTC)
NOON = datetime(2025, 7, 4, 12, 0)
DEMO = DemoShop(1500, AT)


def vip(customer):
    valid = [order for order in customer["orders"] if order["status"] not in ("canceled", "closed")]
    sales = sum(order["grand_total"] for order in valid)
    refunds = sum(refund["amount"] for order in customer["orders"] for refund in order["refunds"])
    return sales > 5000 and len(valid) > 10 and sales > 200 * len(valid) and refunds < Decimal("0.05") * sales


def is_subscribed(customer):
    return customer["newsletter"] is not None and customer["newsletter"]["status"] == "subscribed"


def left_a_cart(customer):
    hour = NOON - timedelta(hours=1)
    dear = [cart for cart in customer["carts"] if (cart["grand_total"] or 0) > 200 and cart["status"] == "active"]
    return is_subscribed(customer) and any(cart["updated_at"] < hour for cart in dear)


def new_in_the_uk(customer):
    parcels = [each for each in customer["addresses"] if each["kind"] == "shipping" and each["is_default"]]
    first = min(parcels, key=lambda each: each["id"], default={"country": None})
    recent = customer["created_at"] >= datetime(2025, 1, 2)
    return customer["website"] == "uk" and first["country"] == "GB" and recent


def due_for_coffee(customer):
    orders = [order for order in customer["orders"] if order["status"] != "canceled"]
    then = [order for order in orders if datetime(2025, 5, 30) <= order["created_at"] < datetime(2025, 6, 7)]
    categories = [category["name"] for order in then for item in order["items"] for category in item["categories"]]
    return is_subscribed(customer) and "Coffee" in categories


PLAIN = {"vip-platinum": vip, "cart-abandoned": left_a_cart, "uk-new": new_in_the_uk, "coffee-due": due_for_coffee}


def test_the_tour_agrees_with_a_plain_reading_and_memory_with_the_database(engine):
    shop = sr.Shop.default()
    loading.fill(engine, shop, DEMO)
    outcomes = {each.rule.name: each for each in tour.outcomes(engine, shop, DEMO, sample=20)}
    assert list(outcomes) == [rule.name for rule in RULES]
    assert all(each.checked == each.agreed == 20 and not each.disagreed for each in outcomes.values())
    customers = [customer for customer in nested_customers(DEMO) if customer["is_active"]]
    for name, is_member in PLAIN.items():
        members = [customer["id"] for customer in customers if is_member(customer)]
        assert outcomes[name].members == len(members) > 0, name
        assert outcomes[name].example == members[0]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_disagreement_is_found(engine, monkeypatch):
    """The check is no decoration: a predicate that lies about one customer is caught."""
    shop = sr.Shop.default()
    demo = DemoShop(40, AT)
    loading.fill(engine, shop, demo)
    honest = sr.Rule.predicate

    def lying(self, *arguments, **keywords):
        matches = honest(self, *arguments, **keywords)
        return lambda customer: matches(customer) != (customer["id"] == 7)

    monkeypatch.setattr(sr.Rule, "predicate", lying)
    outcome = next(iter(tour.outcomes(engine, shop, demo, sample=100)))
    assert outcome.disagreed == [7] and outcome.agreed == outcome.checked - 1 == 39


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sample", [0, 3, 50])
def test_a_sample_is_never_larger_than_asked(engine, sample):
    shop = sr.Shop.default()
    demo = DemoShop(30, AT)
    loading.fill(engine, shop, demo)
    assert all(each.checked <= min(sample, 30) for each in tour.outcomes(engine, shop, demo, sample=sample))
