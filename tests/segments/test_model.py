"""A store against plain sets: random changes of the shop, of rules and of the segments, in any order."""

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import segrules as sr
from segrules.segments import Segment, SegmentStore

from .conftest import Stores
from .shops import Ear, cleaned, ids, rename

CUSTOMERS = range(1, 8)
LETTERS = "abc"
NAMES = ("one", "two")
WEBSITES = {number: "uk" if number % 2 else "main" for number in CUSTOMERS}

letters = st.sampled_from(LETTERS)
customers = st.sampled_from(list(CUSTOMERS))
some_customers = st.sets(customers, max_size=4)
names = st.sampled_from(NAMES)
some_letters = st.frozensets(letters, min_size=1)
some_websites = st.frozensets(st.sampled_from(["uk", "main"]))


@attrs.define
class Model:
    """A segment as sets know it."""

    wanted: frozenset[str]
    websites: frozenset[str]
    active: bool = True
    members: frozenset[int] = frozenset()
    current: bool = False

    def matching(self, letters_of: dict[int, str]) -> frozenset[int]:
        return frozenset(
            number
            for number, letter in letters_of.items()
            if letter in self.wanted and (not self.websites or WEBSITES[number] in self.websites)
        )


def rule_of(wanted: frozenset[str]) -> str:
    return f"customer.first_name in ({', '.join(repr(each) for each in sorted(wanted))})"


class Machine(RuleBasedStateMachine):
    original: SegmentStore

    @initialize(start=st.lists(letters, min_size=len(CUSTOMERS), max_size=len(CUSTOMERS)))
    def start(self, start: list[str]) -> None:
        cleaned(self.original, start)
        self.ear = Ear()
        self.store = SegmentStore(self.original.engine, self.original.shop, listeners=[self.ear])
        self.letters = dict(zip(CUSTOMERS, start, strict=True))
        self.models: dict[str, Model] = {}

    @rule(
        name=names, wanted=st.frozensets(letters, min_size=1), websites=st.frozensets(st.sampled_from(["uk", "main"]))
    )
    def save(self, name: str, wanted: frozenset[str], websites: frozenset[str]) -> None:
        model = self.models.get(name)
        version = self.store.get(name).version if model else 0
        active = model.active if model else True
        self.store.save(Segment(name=name, rule=rule_of(wanted), websites=websites, active=active, version=version))
        if model is None:
            self.models[name] = Model(wanted, websites)
        else:
            model.current = model.current and (model.wanted, model.websites) == (wanted, websites)
            model.wanted, model.websites = wanted, websites

    @rule(names_given=st.dictionaries(customers, letters, max_size=4))
    def rename(self, names_given: dict[int, str]) -> None:
        rename(self.store, names_given)
        self.letters |= names_given

    @rule(name=names)
    def refresh(self, name: str) -> None:
        if name in self.models:
            self._becomes(name, self.models[name].matching(self.letters), "refresh", self.store.refresh(name))

    @rule(name=names, some=some_customers, as_selectable=st.booleans())
    def refresh_some(self, name: str, some: set[int], as_selectable: bool) -> None:
        model = self.models.get(name)
        if model is None:
            return
        matching = model.matching(self.letters)
        after = (model.members - some) | (matching & some) if model.current else matching
        key = self.store.shop.mapping.entity("").key
        given = sa.select(key).where(key.in_(some)) if as_selectable else some
        done = self.store.refresh(name, customers=given)
        self._becomes(name, after, "partial" if model.current else "refresh", done)

    def _becomes(self, name: str, after: frozenset[int], reason: str, done: sr.Refresh) -> None:
        model = self.models[name]
        if not model.active:
            assert done.skipped
            assert not self.ear.heard
            return
        entered, left = after - model.members, model.members - after
        assert (done.matched, done.entered, done.left) == (len(after), len(entered), len(left))
        told = [(name, reason, sorted(entered), sorted(left))] if entered or left else []
        assert self.ear.heard == told
        self.ear.heard.clear()
        model.members, model.current = after, True

    @rule(name=names)
    def switch(self, name: str) -> None:
        model = self.models.get(name)
        if model is None:
            return
        if model.active:
            self.store.deactivate(name)
            told = [(name, "deactivated", [], sorted(model.members))] if model.members else []
            assert self.ear.heard == told
            self.ear.heard.clear()
        else:
            self.store.activate(name)
        model.active, model.members, model.current = not model.active, frozenset(), False

    @rule(name=names)
    def delete(self, name: str) -> None:
        if name in self.models:
            self.store.delete(name)
            model = self.models.pop(name)
            assert [each[3] for each in self.ear.heard] == ([sorted(model.members)] if model.members else [])
            self.ear.heard.clear()

    @invariant()
    def members_agree(self) -> None:
        for name, model in getattr(self, "models", {}).items():
            assert ids(self.store, name) == sorted(model.members)
            assert self.store.state(name).members == len(model.members)
            assert ids(self.store, name, website="uk") == sorted(n for n in model.members if WEBSITES[n] == "uk")

    @rule(number=customers)
    def look_up(self, number: int) -> None:
        expected = sorted(name for name, model in self.models.items() if number in model.members)
        assert self.store.segments_of(number) == expected
        for name, model in self.models.items():
            live = model.active and number in model.matching(self.letters)
            assert self.store.matches(name, number) == live


@pytest.mark.parametrize("backend", ["sqlite", "duckdb", "postgresql", "mariadb"])
def test_against_sets(backend: str, stores: Stores) -> None:
    found = stores(backend)
    machine = type("Machine", (Machine,), {"original": found})
    examples = 10 if backend == "sqlite" else 2
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
