"""The compiled function and the slow evaluator agree on random algebra over random customers of every shape."""

from collections import UserDict
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import oracle
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segrules.algebra import CUSTOMER, Kind
from segrules.memory import compile_predicate, compile_term

ZONES = [ZoneInfo("Europe/Rome"), ZoneInfo("UTC"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]
SLOW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


class Thing(SimpleNamespace):
    """An object with attributes, as an ORM would give."""


def as_objects(value: Any) -> Any:
    match value:
        case dict():
            return Thing(**{name: as_objects(each) for name, each in value.items()})
        case list():
            return [as_objects(each) for each in value]
    return value


def mixed(value: Any, level: int = 0) -> Any:
    """Mappings and objects by turns, lists as other collections."""
    match value:
        case dict():
            inside = {name: mixed(each, level + 1) for name, each in value.items()}
            return (inside, Thing(**inside), UserDict(inside))[level % 3]
        case list():
            return tuple(mixed(each, level) for each in value)
    return value


@SLOW
@given(strategies.predicates(), st.lists(strategies.customers(), min_size=1, max_size=3), st.sampled_from(ZONES))
def test_predicates(predicate: Any, customers: list[Any], zone: ZoneInfo) -> None:
    compiled = compile_predicate(predicate, zone)
    for customer in customers:
        expected = oracle.holds(predicate, customer, zone)
        assert compiled(customer) is expected
        assert compiled(as_objects(customer)) is expected
        assert compiled(UserDict(customer)) is expected
        assert compiled(mixed(customer)) is expected
        assert compiled(mixed(customer, 1)) is expected


@SLOW
@given(
    st.sampled_from(list(Kind)).flatmap(lambda kind: strategies.terms(kind, (CUSTOMER,), 3)),
    strategies.customers(),
    st.sampled_from(ZONES),
)
def test_terms(term: Any, customer: Any, zone: ZoneInfo) -> None:
    compiled = compile_term(term, zone)
    expected = oracle.value(term, customer, zone)
    for shape in (customer, as_objects(customer), mixed(customer)):
        found = compiled(shape)
        assert found == expected
        assert (found is None) == (expected is None)
        assert not isinstance(found, float)
        if isinstance(expected, Fraction):
            assert Fraction(found) == expected
