"""Random walks: whatever is done in whatever order, what counts is what is confirmed or held."""

from collections import Counter
from datetime import datetime
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from segrules_coupons import CodeRefusedError, CouponStore, ReservationError, SalesRule
from segrules_coupons.redeeming import UseState

from .conftest import BACKENDS, Stores, cleaned

ORDERS = st.sampled_from(["o1", "o2", "o3", "o4", "o5"])
CUSTOMERS = st.sampled_from([None, 1, 2])
#: Two codes of one rule, one of another; the rules have limits of their own.
CODES = {"ONCE": ("a", 1), "TWICE": ("a", 2), "OFTEN": ("b", None)}
TOTAL = {"a": 2, "b": None, "c": 3}
EACH = {"a": None, "b": 1, "c": None}


class Walk(RuleBasedStateMachine):
    """A model beside the store: which order holds what, and how."""

    store: ClassVar[CouponStore]

    @initialize()
    def begin(self) -> None:
        store = self.store = cleaned(type(self).store)  # type: ignore[misc]
        #: By order and rule: code, customer, state, whether its time is over.
        self.uses: dict[tuple[str, str], tuple[str | None, int | None, UseState, bool]] = {}
        self.void: set[str] = set()
        store.save_all(
            [
                SalesRule(
                    key=key, amount=1, needs_code=key != "c", uses_total=TOTAL[key], uses_per_customer=EACH[key],
                    gives_back=key != "b",
                )
                for key in "abc"
            ]
        )  # fmt: skip
        for code, (key, most) in CODES.items():
            store.choose_code(key, code, max_uses=most)

    def counting(self, **wanted: Any) -> int:
        """How many uses count in the model."""
        return sum(
            state in (UseState.RESERVED, UseState.CONFIRMED)
            and wanted.get("rule", key) == key
            and wanted.get("code", code) == code
            and wanted.get("customer", customer) == customer
            for (_, key), (code, customer, state, _) in self.uses.items()
        )

    def live(self, order: str) -> dict[str, str | None]:
        """What an order holds, time or not."""
        return {
            key: code
            for (own, key), (code, _, state, _) in self.uses.items()
            if own == order and state in (UseState.RESERVED, UseState.CONFIRMED)
        }

    def give_back(self, chosen: Any) -> None:
        for place, (code, customer, state, over) in list(self.uses.items()):
            if state is UseState.RESERVED and over and chosen(place):
                self.uses[place] = code, customer, UseState.EXPIRED, False

    @rule(order=ORDERS, codes=st.sets(st.sampled_from(list(CODES)), max_size=2), auto=st.booleans(), customer=CUSTOMERS)
    def reserve(self, order: str, codes: set[str], auto: bool, customer: int | None) -> None:
        wanted: dict[str, str | None] = {CODES[code][0]: code for code in sorted(codes)}
        if auto:
            wanted["c"] = None
        expected = self.expected(order, codes, wanted, customer)
        try:
            self.store.reserve(order, sorted(codes), customer, rules=["c"] if auto else [])
            done = True
        except (CodeRefusedError, ReservationError):
            done = False
        assert done is expected

    def expected(self, order: str, codes: set[str], wanted: dict[str, str | None], customer: int | None) -> bool:
        if not wanted or len([key for key in wanted if key != "c"]) < len(codes):
            return False
        before = dict(self.uses)
        self.give_back(lambda place: place[0] == order)
        there = self.live(order)
        if there:
            # a refusal undoes what was given back on the way
            if there != wanted:
                self.uses = before
            return there == wanted
        if self.void & codes or (customer is None and any(EACH[key] is not None for key in wanted)):
            self.uses = before
            return False
        if not self.fits(wanted, customer):
            self.give_back(lambda place: place[1] in wanted)
            if not self.fits(wanted, customer):
                self.uses = before
                return False
        for key, code in wanted.items():
            self.uses[order, key] = code, customer, UseState.RESERVED, False
        return True

    def fits(self, wanted: dict[str, str | None], customer: int | None) -> bool:
        for key, code in wanted.items():
            most, each = TOTAL[key], EACH[key]
            if most is not None and self.counting(rule=key) >= most:
                return False
            if each is not None and self.counting(rule=key, customer=customer) >= each:
                return False
            limit = None if code is None else CODES[code][1]
            if limit is not None and self.counting(code=code) >= limit:
                return False
        return True

    @rule(order=ORDERS)
    def confirm(self, order: str) -> None:
        mine = {place: use for place, use in self.uses.items() if place[0] == order}
        possible = bool(mine) and all(use[2] in (UseState.RESERVED, UseState.CONFIRMED) for use in mine.values())
        try:
            self.store.confirm(order)
            assert possible
            self.uses |= {place: (use[0], use[1], UseState.CONFIRMED, False) for place, use in mine.items()}
        except ReservationError:
            assert not possible

    @rule(order=ORDERS)
    def release(self, order: str) -> None:
        mine = {place: use for place, use in self.uses.items() if place[0] == order}
        try:
            self.store.release(order)
        except ReservationError:
            assert not mine
        for place, (code, customer, state, _) in mine.items():
            if state is UseState.RESERVED or (state is UseState.CONFIRMED and place[1] != "b"):
                self.uses[place] = code, customer, UseState.RELEASED, False

    @rule(order=ORDERS)
    def time_passes(self, order: str) -> None:
        table = self.store.tables.uses
        with self.store.engine.begin() as connection:
            held = sa.update(table).where(table.c.order_ref == order, table.c.state == "reserved")
            connection.execute(held.values(reserved_until=datetime(2025, 1, 1)))
        for place, (code, customer, state, _) in self.uses.items():
            if place[0] == order and state is UseState.RESERVED:
                self.uses[place] = code, customer, state, True

    @rule()
    def reap(self) -> None:
        over = sum(use[2] is UseState.RESERVED and use[3] for use in self.uses.values())
        assert self.store.reap() == over
        self.give_back(lambda place: True)

    @rule(code=st.sampled_from(list(CODES)))
    def withdraw(self, code: str) -> None:
        assert self.store.void(code) == (code not in self.void)
        self.void.add(code)

    @invariant()
    def what_counts_is_what_is_confirmed_or_held(self) -> None:
        if not hasattr(self, "uses"):
            return
        t = self.store.tables
        with self.store.engine.connect() as connection:
            rules = {row.key: row for row in connection.execute(sa.select(t.rules))}
            codes = {row.code: row for row in connection.execute(sa.select(t.coupons))}
            customers = connection.execute(sa.select(t.customers)).all()
            uses = connection.execute(sa.select(t.uses)).all()
        for key, row in rules.items():
            assert row.used == self.counting(rule=key)
            assert TOTAL[key] is None or row.used <= (TOTAL[key] or 0)
        for code, row in codes.items():
            assert row.used == self.counting(code=code)
            slots = sorted(use.slot for use in uses if use.coupon_id == row.id and use.slot is not None)
            assert slots == list(range(1, row.used + 1))
        keys = {row.id: key for key, row in rules.items()}
        for row in customers:
            assert row.used == self.counting(rule=keys[row.rule_id], customer=int(row.customer))
        names = {row.id: code for code, row in codes.items()}
        stored = {(use.order_ref, keys[use.rule_id]): (names.get(use.coupon_id), use.state) for use in uses}
        assert stored == {place: (use[0], use[2].value) for place, use in self.uses.items()}
        assert max(Counter((use.order_ref, use.rule_id) for use in uses).values(), default=1) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_walks(stores: Stores, backend: str) -> None:
    machine = type("Machine", (Walk,), {"store": stores(backend)})
    examples, steps = (25, 25) if backend == "sqlite" else (4, 25)
    checked = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=checked)
