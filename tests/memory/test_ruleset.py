"""Rules asked together answer as each does alone: in any shape of customer, at any moment, while they change."""

import random
import sys
from collections import UserDict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import oracle
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_against_oracle import as_objects, mixed

import segrules as sr
from segrules.language import format_condition
from segrules.memory import index
from segrules.memory.index import Index
from segrules.testing import Population, Scene, Seeded
from segrules.testing.rules import make_rule

SHOP = sr.Shop.default(timezone="Europe/Rome")
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
AT = datetime(2025, 7, 4, 12, tzinfo=UTC)


def alone(rules: dict[str, sr.Rule], customer: Any, at: datetime, **given: Any) -> list[str]:
    return [name for name, rule in rules.items() if rule.predicate(SHOP, at=at, **given)(customer)]


@cache
def made_up(seed: str, count: int) -> tuple[Scene, dict[str, sr.Rule], list[dict[str, Any]]]:
    """Rules of the kit without parameters, and customers that they tell apart."""
    chooser = Seeded(seed)
    scene = Scene.drawn(chooser, SHOP)
    population = Population.drawn(chooser, scene, 25)
    rules: dict[str, sr.Rule] = {}
    while len(rules) < count:
        made = make_rule(chooser, scene, size=16)
        try:
            rules[f"r{len(rules)}"] = sr.parse(format_condition(made.node), SHOP)
        except sr.RuleError:
            continue
        if rules[f"r{len(rules) - 1}"].parameters:
            rules.popitem()
    return scene, rules, list(population.customers)


@SLOW
@given(
    st.lists(strategies.predicates(), min_size=1, max_size=8),
    st.lists(strategies.customers(), min_size=1, max_size=3),
    st.sampled_from([1, 2, 6]),
)
def test_random_algebra(predicates: list[Any], customers: list[Any], popular: int) -> None:
    """Also when the index takes in whatever it can, ``popular`` being 1."""
    zone = ZoneInfo("Europe/Rome")
    before, index.POPULAR = index.POPULAR, popular
    try:
        present = Index(dict(enumerate(predicates)), zone).snapshot().present(AT)
    finally:
        index.POPULAR = before
    for customer in customers:
        numbers = {number: slot for slot, number in present.snapshot.numbers.items()}
        expected = sum(oracle.holds(each, customer, zone) << numbers[number] for number, each in enumerate(predicates))
        for shape in (customer, as_objects(customer), UserDict(customer), mixed(customer), mixed(customer, 1)):
            assert present.holding(shape) == expected


@pytest.mark.parametrize("popular", [1, 6])
@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_random_rules(seed: str, popular: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "POPULAR", popular)
    scene, rules, customers = made_up(seed, 90)
    together = sr.RuleSet(rules, SHOP)
    for moved in (
        timedelta(),
        timedelta(hours=3),
        timedelta(days=-40),
        timedelta(days=700, microseconds=1),
        timedelta(),
    ):
        at = scene.at + moved
        predicates = {name: rule.predicate(SHOP, at=at) for name, rule in rules.items()}
        found = list(together.matching_all(customers, at=at))
        for customer, matches in zip(customers, found, strict=True):
            expected = [name for name, holds in predicates.items() if holds(customer)]
            assert list(matches) == expected
            assert list(together.matching(sr.Customer(customer), at=at)) == expected
            assert list(together.matching(mixed(customer), at=at)) == expected


def test_rules_come_and_go() -> None:
    scene, rules, customers = made_up("changes", 120)
    names, r = list(rules), random.Random(3)
    together = sr.RuleSet({name: rules[name] for name in names[:20]}, SHOP)
    inside = dict.fromkeys(names[:20])
    for step in range(160):
        if r.random() < 0.7 or not inside:
            name = r.choice(names)
            together.add(name, rules[name])
            inside.setdefault(name)
        else:
            name = r.choice(list(inside))
            together.remove(name)
            del inside[name]
        if step % 8 == 0:
            at = scene.at + timedelta(hours=step)
            now = {name: rules[name] for name in inside}
            assert list(together) == list(now)
            for customer in customers[:6]:
                assert list(together.matching(customer, at=at)) == alone(now, customer, at)


def test_a_replaced_rule_keeps_its_place() -> None:
    adult, rich = sr.parse("customer.group is adult", SHOP), sr.parse("customer.group is rich", SHOP)
    rules = sr.RuleSet({"a": adult, "b": rich, "c": adult}, SHOP)
    rules.add("a", rich)
    assert list(rules.matching({"id": 1, "group": "rich"}, at=AT)) == ["a", "b"]
    with pytest.raises(KeyError):
        rules.remove("z")


def test_days_and_instants_pass() -> None:
    rules = {
        "lately": "customer.created_at in last 2 hours",
        "today": "customer.created_at is today",
        "yesterday": "customer.created_at in last day",
        "some days": "customer.days_since_registration between 1 and 3",
        "month": "customer.created_at in this month",
        "birthday": "customer.birthday in next 2 days",
        "until": "customer.days_until_birthday <= 1",
        "grown": "customer.birth_date before 18 years ago",
        "bought": "any order where (created_at in last 2 hours) or activity.days_since_last_order = 2",
        "both": "(customer.created_at before 30 minutes ago and customer.group is x) or customer.birthday is today",
        "constant": "sum(order.grand_total where created_at after 3 hours ago) > 10",
    }
    parsed = {name: sr.parse(text, SHOP) for name, text in rules.items()}
    together = sr.RuleSet(parsed, SHOP)
    start = datetime(2025, 3, 29, 20, tzinfo=UTC)  # the night before summer time
    customers = [
        {
            "id": 1, "group": "x", "created_at": (start + timedelta(minutes=each)).replace(tzinfo=None),
            "birth_date": datetime(2007, 3, 30).date() + timedelta(days=each // 600),
            "orders": [{"id": 1, "status": "complete", "grand_total": Decimal(each),
                        "created_at": (start + timedelta(minutes=each)).replace(tzinfo=None)}],
        }
        for each in (-1500, -90, 0, 119, 180, 241, 1600)
    ]  # fmt: skip
    seen = set()
    for minutes in (0, 30, 120, 181, 240, 241, 700, 1500, 2000, 2880, 60, 50000):
        at = start + timedelta(minutes=minutes)
        for customer in customers:
            found = list(together.matching(customer, at=at))
            assert found == alone(parsed, customer, at)
            seen.update(found)
    assert seen == set(rules)


def test_rules_refer_to_each_other() -> None:
    rules = {
        "vip": sr.parse("customer.group is gold", SHOP),
        "best": sr.parse('in segment "vip" and customer.gender is female', SHOP),
        "others": sr.parse('not in segment "best" and in segment "old"', SHOP),
        "stored": sr.parse('in segment "elsewhere"', SHOP),
    }
    old = sr.parse("customer.created_at before 2020-01-01", SHOP)
    together = sr.RuleSet(rules, SHOP, segments={"old": old})
    customer = {
        "id": 1,
        "group": "gold",
        "gender": "male",
        "created_at": datetime(2019, 1, 1),
        "segments": ["elsewhere"],
    }
    assert list(together.matching(customer, at=AT)) == ["vip", "others", "stored"]
    together.add("vip", sr.parse("customer.group is silver", SHOP))
    assert list(together.matching({**customer, "gender": "female"}, at=AT)) == ["others", "stored"]
    together.remove("vip")
    assert list(together.matching({**customer, "gender": "female", "segments": ["vip"]}, at=AT)) == ["best"]
    with pytest.raises(sr.SegmentError, match="circle"):
        together.add("vip", sr.parse('in segment "others"', SHOP))
    assert "vip" not in together
    assert list(together.matching({**customer, "gender": "female", "segments": ["vip"]}, at=AT)) == ["best"]


def test_website_and_parameters() -> None:
    texts = {"some": "count(order) >= :least", "many": "count(order) > 2 * :least", "none": "no order", "all": "true"}
    rules = {name: sr.parse(text, SHOP) for name, text in texts.items()}
    together = sr.RuleSet(rules, SHOP, website="uk", parameters={"least": 1})
    orders = [{"id": number, "website": site} for number, site in enumerate(["uk", "it", "it"])]
    assert list(together.matching({"id": 1, "website": "uk", "orders": orders}, at=AT)) == ["some", "all"]
    assert not together.matching({"id": 1, "website": "it", "orders": orders}, at=AT)
    with pytest.raises(sr.ParameterError, match="least"):
        sr.RuleSet(rules, SHOP)
    with pytest.raises(sr.ParameterError, match=":other"):
        sr.RuleSet(rules, SHOP, parameters={"least": 1, "other": 2})


def test_matches_are_a_set_in_order() -> None:
    rules = sr.RuleSet({name: sr.parse("true", SHOP) for name in "zyx"} | {"never": sr.parse("false", SHOP)}, SHOP)
    matches = rules.matching({"id": 1})
    assert list(matches) == ["z", "y", "x"]
    assert matches == {"x", "y", "z"}
    assert "y" in matches
    assert "never" not in matches
    assert len(matches & {"z", "never"}) == 1
    assert len(rules) == 4
    assert not rules.matching({"id": 1, "is_active": False})
    assert not sr.RuleSet().matching({"id": 1})


@pytest.mark.parametrize(
    "wrong", [{"created_at": "2025-01-01"}, {"group": 5}, {"orders": [{"id": 1, "grand_total": 1.5}]}]
)
def test_wrong_types_are_named(wrong: dict[str, Any]) -> None:
    texts = ["customer.created_at before 3 days ago", "customer.group is x", "sum(order.grand_total) > 5"]
    rules = sr.RuleSet({text: sr.parse(text, SHOP) for text in texts}, SHOP)
    with pytest.raises(sr.CustomerError, match=next(iter(wrong))):
        rules.matching({"id": 1, **wrong}, at=AT)


def test_aware_moments_and_classes_of_many_kinds() -> None:
    rules = sr.RuleSet({"new": sr.parse("customer.created_at in last 2 hours", SHOP)}, SHOP)
    for _ in range(40):  # longer than the patience with a class
        assert rules.matching({"id": 1, "created_at": AT - timedelta(hours=1)}, at=AT)
        assert not rules.matching({"id": 1, "created_at": (AT - timedelta(hours=3)).astimezone(SHOP.zone)}, at=AT)


def test_threads_share_a_set() -> None:
    scene, rules, customers = made_up("threads", 80)
    fixed = dict(list(rules.items())[:40])
    moving = {f"moving {name}": rule for name, rule in list(rules.items())[40:]}
    together = sr.RuleSet(fixed, SHOP)
    moments = [scene.at + timedelta(hours=5 * each) for each in range(4)]
    expected = {(at, place): alone(fixed, each, at) for at in moments for place, each in enumerate(customers)}
    failures: list[Any] = []

    def ask(number: int) -> None:
        try:
            for turn in range(4):
                at = moments[(number + turn) % 4]
                for place, customer in enumerate(customers):
                    found = [name for name in together.matching(customer, at=at) if name in fixed]
                    if found != expected[at, place]:
                        failures.append((at, place))
        except Exception as failure:
            failures.append(failure)

    def change() -> None:
        try:
            for name, rule in moving.items():
                together.add(name, rule)
            for name in moving:
                together.remove(name)
        except Exception as failure:
            failures.append(failure)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [Thread(target=ask, args=(number,)) for number in range(4)] + [Thread(target=change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert not failures
