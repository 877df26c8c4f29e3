"""One rule over one customer: our predicate beside the function that one would write, and other engines.

    PYTHONPATH=src python benchmarks/one_rule.py

The four rules are those that such engines meet: plain fields (R1), rows inside rows (R4), a filtered sum and count
(R5), text (R6). Every customer has every field, which favours the functions written by hand: they crash on the
first that has not. Engines that are not installed are left out. All answers are compared before anything is timed.

Whatever is compared takes turns. The nanoseconds are those of the best turn, the proportions the medians of all turns.
"""

from __future__ import annotations

import gc
import importlib
import platform
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import segrules as sr
from segrules.condition import Amount, Whole
from segrules.memory import compile_predicate, program

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
NOW = AT.replace(tzinfo=None)
CUT = datetime(2025, 4, 5)
SHOP = sr.Shop.default(
    customer_attributes={
        "sales": Amount("All sales."), "average": Amount("An order's average."), "refunds": Amount("All refunds."),
        "order_count": Whole("All orders."),
    }
)  # fmt: skip
RULES = {
    "R1": "customer.sales > 5000 and customer.order_count > 10 and customer.average > 200"
    " and customer.refunds < 5% of customer.sales",
    "R4": 'any order where (created_at in last 90 days and any order.items where (name is "camera"))',
    "R5": "count(order where status is complete and created_at in last 90 days) >= 3"
    " and sum(order.grand_total where status is complete and created_at in last 90 days) > 300",
    "R6": 'customer.email ends with "@company.com" and customer.first_name is "ann"'
    ' and customer.last_name contains "smith"',
}
FIVE_PERCENT = Decimal("0.05")


def r1(c: Any) -> bool:
    return (
        c["is_active"]
        and c["sales"] > 5000
        and c["order_count"] > 10
        and c["average"] > 200
        and c["refunds"] < FIVE_PERCENT * c["sales"]
    )


def r4(c: Any) -> bool:
    if c["is_active"]:
        for order in c["orders"]:
            if CUT <= order["created_at"] <= NOW:
                for item in order["items"]:
                    if item["name"].lower() == "camera":
                        return True
    return False


def r5(c: Any) -> bool:
    count, total = 0, 0
    if c["is_active"]:
        for order in c["orders"]:
            if order["status"] == "complete" and CUT <= order["created_at"] <= NOW:
                count += 1
                total += order["grand_total"]
    return count >= 3 and total > 300


def r6(c: Any) -> bool:
    return (
        c["is_active"]
        and c["email"].lower().endswith("@company.com")
        and c["first_name"].lower() == "ann"
        and "smith" in c["last_name"].lower()
    )


HAND = {"R1": r1, "R4": r4, "R5": r5, "R6": r6}
Ask = Callable[[Any], Any]

#: What the plain engines are asked; those without rows inside rows only get R1 and R6.
PYTHON = {
    "R1": "is_active and sales > 5000 and order_count > 10 and average > 200 and refunds < 0.05 * sales",
    "R6": "is_active and email.endswith('@Company.com') and first_name == 'Ann' and 'Smith' in last_name",
}
OTHERS = {
    "rule_engine": {
        "R1": PYTHON["R1"],
        "R6": "is_active and email.ends_with('@Company.com') and first_name == 'Ann' and 'Smith' in last_name",
    },
    "zen": {
        "R1": PYTHON["R1"],
        "R6": "is_active and endsWith(email, '@Company.com') and first_name == 'Ann' and contains(last_name, 'Smith')",
    },
    "celpy": {
        "R1": "is_active && sales > 5000.0 && order_count > 10 && average > 200.0 && refunds < 0.05 * sales",
        "R6": "is_active && email.endsWith('@Company.com') && first_name == 'Ann' && last_name.contains('Smith')",
    },
    "json_logic": {
        "R1": {"and": [{"var": "is_active"}, {">": [{"var": "sales"}, 5000]}, {">": [{"var": "order_count"}, 10]},
                       {">": [{"var": "average"}, 200]}, {"<": [{"var": "refunds"}, {"*": [0.05, {"var": "sales"}]}]}]},
    },
}  # fmt: skip


def with_floats(c: dict[str, Any]) -> dict[str, Any]:
    return {name: float(each) if isinstance(each, Decimal) else each for name, each in c.items()}


def peers(name: str) -> dict[str, tuple[Ask, Ask]]:
    """Other engines that are installed, each with what makes a customer fit for it, which is not timed.

    They compare text as it is written, and most of them know no decimals.
    """
    found: dict[str, tuple[Ask, Ask]] = {}

    def engine(module: str, package: str, make: Callable[[Any], tuple[Ask, Ask]], how: str = "") -> None:
        try:
            loaded = importlib.import_module(module)
        except ImportError:
            return
        found[f"{package} {version(package)}{how}"] = make(loaded)

    if name in PYTHON:
        engine("rule_engine", "rule-engine", lambda it: (it.Rule(OTHERS["rule_engine"][name]).matches, dict))
        engine("zen", "zen-engine", lambda it: (it.compile_expression(OTHERS["zen"][name]).evaluate, with_floats))
        engine("evalidate", "evalidate", lambda it: (_evalidate(it, PYTHON[name]).eval, dict))
        engine("evalidate", "evalidate", lambda it: (_evaluated(it, PYTHON[name]), dict), ", its code in eval()")
        engine("celpy", "cel-python", lambda it: _cel(it, str(OTHERS["celpy"][name])))
    if name in OTHERS["json_logic"]:
        engine(
            "json_logic",
            "json-logic-qubit",
            lambda it: (lambda c: it.jsonLogic(OTHERS["json_logic"][name], c), with_floats),
        )
    return found


def _evalidate(it: Any, source: str) -> Any:
    model = it.base_eval_model.clone()
    model.nodes += ["Call", "Attribute", "Mult"]
    model.attributes += ["endswith"]
    return it.Expr(source.replace("0.05", "5").replace("< 5 * sales", "* 100 < 5 * sales"), model=model)


def _evaluated(it: Any, source: str) -> Ask:
    """What the manual of evalidate advises for speed."""
    code = _evalidate(it, source).code
    return lambda c: eval(code, None, c)


def _cel(it: Any, source: str) -> tuple[Ask, Ask]:
    environment = it.Environment()
    program = environment.program(environment.compile(source))
    return program.evaluate, lambda c: it.json_to_cel(with_floats(c))


def customer(r: random.Random, number: int) -> dict[str, Any]:
    def order(place: int) -> dict[str, Any]:
        items = [{"id": n, "name": r.choice(("coffee", "lens", "Camera", "tea"))} for n in range(r.randrange(1, 5))]
        return {
            "id": place, "status": r.choice(("complete", "complete", "pending")), "items": items,
            "created_at": NOW - timedelta(minutes=r.randrange(300_000)), "grand_total": Decimal(r.randrange(100, 30000)) / 100,
        }  # fmt: skip

    return {
        "id": number, "is_active": True, "sales": Decimal(r.randrange(1_200_000)) / 100, "order_count": r.randrange(40),
        "average": Decimal(r.randrange(50_000)) / 100, "refunds": Decimal(r.randrange(50_000)) / 100,
        "email": r.choice(("ann@Company.com", "bob@x.org")), "first_name": r.choice(("Ann", "Bob")),
        "last_name": r.choice(("Smith", "Jones")), "orders": [order(n) for n in range(r.choice((0, 0, 1, 2, 4, 6, 8)))],
    }  # fmt: skip


class Plain:
    """An object with attributes."""


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        found = Plain()
        found.__dict__.update({name: as_object(each) for name, each in value.items()})
        return found
    return [as_object(each) for each in value] if isinstance(value, list) else value


def nanoseconds(asks: dict[str, tuple[Ask, list[Any]]], rounds: int) -> dict[str, tuple[float, float]]:
    """For each customer, in processor time: that of the best of many short turns, and how many times the first's."""
    taken: dict[str, list[float]] = {name: [] for name in asks}
    gc.disable()
    for _ in range(rounds):
        for name, (ask, customers) in asks.items():
            start = time.process_time()
            for each in customers:
                ask(each)
            taken[name].append((time.process_time() - start) / len(customers) * 1e9)
    gc.enable()
    first = next(iter(taken.values()))
    return {
        name: (min(all_), statistics.median(one / other for one, other in zip(all_, first, strict=True)))
        for name, all_ in taken.items()
    }


def compiling(text: str) -> str:
    """How long the rule takes from the bound algebra to its function, how long from its parsed form, and its size."""
    bound = sr.parse(text, SHOP).bound(SHOP, at=AT)
    best = dict.fromkeys(("the first of its shape", "others", "others, with lowering and binding"), float("inf"))

    def measure(what: str, make: Callable[[Any], Any], each: list[Any]) -> None:
        start = time.process_time()
        for one in each:
            make(one)
        best[what] = min(best[what], (time.process_time() - start) / len(each) * 1e6)

    def first(bound: Any) -> None:
        program._code.cache_clear()
        compile_predicate(bound, SHOP.zone)

    gc.disable()
    for _ in range(100):
        parsed = [sr.parse(text, SHOP) for _ in range(10)]
        measure("the first of its shape", first, [bound] * 10)
        measure("others", lambda bound: compile_predicate(bound, SHOP.zone), [bound] * 10)
        measure("others, with lowering and binding", lambda rule: rule.predicate(SHOP, at=AT), parsed)
    gc.enable()
    tracemalloc.start()
    kept = [compile_predicate(bound, SHOP.zone) for _ in range(100)]
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    shown = ", ".join(f"{what} {each:.0f} µs" for what, each in best.items())
    return f"compiled: {shown}; {size / 1000:.1f} kB"


def main() -> None:
    print(f"Python {platform.python_version()}, segrules {sr.__version__}, {platform.machine()} {sys.platform}")
    r = random.Random(3)
    customers = [customer(r, number) for number in range(200)]
    objects, checked = [as_object(each) for each in customers], [sr.Customer(each) for each in customers]
    for name, text in RULES.items():
        rule = sr.parse(text, SHOP)
        expected = [HAND[name](each) for each in customers]
        kinds = {"segrules": customers, "on objects": objects, "on Customers": checked}
        asks: dict[str, tuple[Ask, list[Any]]] = {"by hand": (HAND[name], customers)}
        for kind, each in kinds.items():  # a predicate each: a shop has customers of one kind
            asks[kind] = rule.predicate(SHOP, at=AT), each
        assert all([ask(one) for one in each] == expected for ask, each in asks.values())
        found = nanoseconds(asks, 300)
        shown = ", ".join(f"{what} {best:.0f} ns ({ratio:.2f})" for what, (best, ratio) in found.items())
        print(f"{name}  {shown}; {sum(expected)} match\n    {compiling(text)}")
        for engine, (ask, prepare) in peers(name).items():
            own = [prepare({key: each for key, each in c.items() if key != "orders"}) for c in customers]
            assert [bool(ask(each)) for each in own] == expected, engine
            best, _ = nanoseconds({"": (ask, own)}, 10)[""]
            ours, by_hand = found["segrules"][0], found["by hand"][0]
            print(f"    {engine}: {best:.0f} ns ({best / ours:.1f} times ours, {best / by_hand:.1f} times by hand)")


if __name__ == "__main__":
    main()
