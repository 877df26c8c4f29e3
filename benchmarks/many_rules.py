"""Many rules over one customer: a RuleSet beside separate predicates, hand-written functions and other engines.

    PYTHONPATH=src python benchmarks/many_rules.py [--rules 100 1000 5000] [--peers]

The rules are random conjunctions of conditions and of disjunctions (every fourth a level deeper) over fields of the
customer; the second table asks for totals and rows of orders and views. Each function written by hand is what a
careful person would write when no value is ever missing. All answers are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import platform
import random
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from typing import Any

import segrules as sr
from segrules.condition import Amount, Choice, Whole

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
NOW = AT.replace(tzinfo=None)
GROUPS = ("general", "retail", "wholesale", "staff", "press")
TIERS = ("bronze", "silver", "gold", "platinum")
CATEGORIES = ("Cameras", "Coffee", "Lenses", "Tea", "Bags", "Books")
SHOP = sr.Shop.default(
    timezone="Europe/Rome",
    customer_attributes={
        **{name: Amount(f"The customer's {name}.") for name in ("sales", "refunds", "average", "credit")},
        **{name: Whole(f"The customer's {name}.") for name in ("visits", "orders_count", "points")},
        "tier": Choice("The customer's tier.", values=TIERS),
    },
)  # fmt: skip

#: A condition in the language, in Python, and as a Polars expression.
Node = tuple[str, str, str]


def leaf(r: random.Random) -> Node:
    field = r.choice(
        ("sales", "refunds", "average", "visits", "orders_count", "points", "credit", "tier", "group", "day")
    )
    if field in ("tier", "group"):
        words = r.sample(TIERS if field == "tier" else GROUPS, r.choice((1, 1, 2)))
        if len(words) == 1:
            return f"customer.{field} is {words[0]}", f'c["{field}"] == "{words[0]}"', f'C("{field}") == "{words[0]}"'
        return (
            f"customer.{field} in ({', '.join(words)})",
            f'c["{field}"] in {set(words)!r}',
            f'C("{field}").is_in({words!r})',
        )
    if field == "day":
        days = r.choice((7, 30, 90, 180, 365, 730))
        if r.random() < 0.5:
            return (
                f"customer.created_at before {days} days ago",
                f'c["created_at"] < AGO[{days}]',
                f'C("created_at") < AGO[{days}]',
            )
        return (
            f"customer.created_at in last {days} days",
            f'AGO[{days}] <= c["created_at"] <= NOW',
            f'C("created_at").is_between(AGO[{days}], NOW)',
        )
    steps = {"sales": 500, "refunds": 50, "average": 25, "visits": 5, "orders_count": 2, "points": 100, "credit": 20}
    bound = steps[field] * r.randrange(1, 12)
    op = r.choice((">", "<", ">=", "<="))
    return f"customer.{field} {op} {bound}", f'c["{field}"] {op} {bound}', f'C("{field}") {op} {bound}'


def tree(r: random.Random, depth: int) -> Node:
    kind = "and" if depth % 2 == 0 else "or"
    parts = []
    for _ in range(r.choice((2, 3, 4) if depth == 0 else (2, 2, 3))):
        inner = (depth < 1 and r.random() < 0.4) or (depth < 3 and r.random() < 0.08)
        parts.append(tree(r, depth + 1) if inner else leaf(r))
    joints = (f" {kind} ", f" {kind} ", ") & (" if kind == "and" else ") | (")
    joined = [joint.join(part[side] for part in parts) for side, joint in enumerate(joints)]
    return f"({joined[0]})", f"({joined[1]})", f"(({joined[2]}))"


def order_leaf(r: random.Random) -> tuple[str, str]:
    match r.randrange(5):
        case 0:
            bound = 100 * r.randrange(1, 20)
            return f"lifetime.sales > {bound}", f"sales(c) > {bound}"
        case 1:
            bound = r.randrange(1, 8)
            return f"lifetime.orders >= {bound}", f"orders(c) >= {bound}"
        case 2:
            days = r.choice((7, 30, 90, 180))
            return f"activity.days_since_last_order > {days}", f"last(c) is not None and last(c) < DAY[{days}]"
        case 3:
            word, days = r.choice(CATEGORIES), r.choice((30, 90, 180))
            return (
                f'any order_item where (name is "{word}" and order.created_at in last {days} days)',
                f"bought(c, {word.lower()!r}, AGO[{days}])",
            )
        case _:
            price, days = r.choice((100, 200, 500)), r.choice((7, 30))
            return (
                f"any product_view where (price > {price} and viewed_at in last {days} days)",
                f"viewed(c, {price}, AGO[{days}])",
            )


def order_rule(r: random.Random) -> Node:
    parts = [order_leaf(r) if r.random() < 0.7 else leaf(r) for _ in range(r.choice((2, 3, 3)))]
    return " and ".join(part[0] for part in parts), " and ".join(part[1] for part in parts), ""


def customer(r: random.Random, number: int, with_rows: bool) -> dict[str, Any]:
    def money(most: int) -> Decimal:
        return Decimal(r.randrange(most * 100)) / 100

    def moment(days: int) -> datetime:
        return NOW - timedelta(seconds=r.randrange(days * 86400))

    found: dict[str, Any] = {
        "id": number, "is_active": True, "group": r.choice(GROUPS), "tier": r.choice(TIERS),
        "created_at": moment(1000), "sales": money(6000), "refunds": money(600), "average": money(300),
        "credit": money(240), "visits": r.randrange(60), "orders_count": r.randrange(24), "points": r.randrange(1200),
    }  # fmt: skip
    if with_rows:
        found["orders"] = [
            {
                "id": order, "status": r.choice(("complete", "complete", "closed", "canceled")), "created_at": moment(400),
                "grand_total": money(400),
                "items": [{"id": n, "name": r.choice(CATEGORIES)} for n in range(r.randrange(1, 5))],
            }
            for order in range(r.choice((0, 0, 1, 2, 4, 8)))
        ]  # fmt: skip
        found["product_views"] = [
            {"id": n, "price": money(700), "viewed_at": moment(60)} for n in range(r.randrange(10))
        ]
    return found


# --- by hand -----------------------------------------------------------------------------------------


def ago(days: int) -> datetime:
    """The start of the day so many days ago, in Rome."""
    from segrules.clock import Clock, DayEdge, Edge, RelativeDay

    return Clock(AT, SHOP.zone).moment_of(DayEdge(RelativeDay(-days), Edge.START))


def sales(c: Any) -> Any:
    total = 0
    for order in c["orders"]:
        if order["status"] not in ("canceled", "closed"):
            total += order["grand_total"]
    return total


def orders(c: Any) -> int:
    return sum(1 for order in c["orders"] if order["status"] not in ("canceled", "closed"))


def last(c: Any) -> Any:
    return max((order["created_at"] for order in c["orders"] if order["status"] != "canceled"), default=None)


def bought(c: Any, name: str, since: datetime) -> bool:
    for order in c["orders"]:
        if order["status"] != "canceled" and since <= order["created_at"] <= NOW:
            for item in order["items"]:
                if item["name"].lower() == name:
                    return True
    return False


def viewed(c: Any, price: int, since: datetime) -> bool:
    for view in c["product_views"]:  # noqa: SIM110 - the loop is faster
        if view["price"] > price and since <= view["viewed_at"] <= NOW:
            return True
    return False


def by_hand(sources: Iterable[str]) -> list[Callable[[Any], bool]]:
    names: dict[str, Any] = {
        "AGO": {days: ago(days) for days in range(800)}, "DAY": {days: ago(days) for days in range(800)},
        "NOW": NOW, "sales": sales, "orders": orders, "last": last, "bought": bought, "viewed": viewed,
    }  # fmt: skip
    return [eval(f"lambda c: {source}", names) for source in sources]


# --- peers -------------------------------------------------------------------------------------------


def peers(sources: list[str]) -> dict[str, Callable[[Any], Any]]:
    """Other engines asked about each rule in turn; their moments are plain numbers, which favours them."""
    found: dict[str, Callable[[Any], Any]] = {}
    try:
        evalidate = importlib.import_module("evalidate")
    except ImportError:
        return found
    model = evalidate.EvalModel(
        nodes=["Expression", "Compare", "BoolOp", "And", "Or", "Gt", "Lt", "GtE", "LtE", "Eq", "In", "Set", "Name", "Load",
               "Constant", "Subscript", "Dict"],
    )  # fmt: skip
    codes = [evalidate.Expr(source, model=model).code for source in sources]
    names = {"AGO": {days: ago(days) for days in range(800)}, "NOW": NOW, "__builtins__": {}}

    def run(c: Any) -> list[bool]:
        names["c"] = c
        return [eval(code, names) for code in codes]

    found[f"evalidate {version('evalidate')}"] = run
    return found


# --- timing ------------------------------------------------------------------------------------------


def microseconds(ask: Callable[[Any], Any], customers: list[Any], seconds: float = 0.4) -> float:
    """The best of several runs, for each customer, in processor time."""
    for each in customers[:20]:
        ask(each)
    best, until = float("inf"), time.process_time() + seconds
    runs = 0
    gc.disable()
    while runs < 3 or time.process_time() < until:
        start = time.process_time()
        for each in customers:
            ask(each)
        best = min(best, (time.process_time() - start) / len(customers))
        runs += 1
    gc.enable()
    return best * 1e6


def compare(title: str, nodes: list[Node], customers: list[Any], with_peers: bool) -> None:
    rules = {f"rule {number}": sr.parse(text, SHOP) for number, (text, *_) in enumerate(nodes)}
    hand = by_hand(source for _, source, _ in nodes)
    started = time.process_time()
    ours = sr.RuleSet(rules, SHOP)
    ours.matching(customers[0], at=AT)
    built = time.process_time() - started
    expected = [{name for name, ask in zip(rules, hand, strict=True) if ask(each)} for each in customers]
    assert [set(ours.matching(each, at=AT)) for each in customers] == expected
    names = sum(map(len, expected)) / len(customers)
    print(
        f"\n{title}: {len(rules)} rules, {len(customers)} customers, {names:.1f} matches each; built in {built:.2f} s"
    )

    def row(what: str, ask: Callable[[Any], Any]) -> None:
        print(f"  {what:42}{microseconds(ask, customers):10.1f} µs a customer", flush=True)

    row("functions written by hand, one by one", lambda c: [ask(c) for ask in hand])
    if len(rules) <= 1000:
        separate = [rule.predicate(SHOP, at=AT) for rule in rules.values()]
        row("separate predicates", lambda c: [ask(c) for ask in separate])
    row("RuleSet, the set of matches", lambda c: ours.matching(c, at=AT))
    row("RuleSet, the list of names", lambda c: list(ours.matching(c, at=AT)))
    later = iter(range(10**9))
    row("RuleSet, at another moment each time", lambda c: ours.matching(c, at=AT + timedelta(microseconds=next(later))))
    trusted = [sr.Customer(each) for each in customers]
    print(f"  {'RuleSet, checked Customers':42}{microseconds(lambda c: ours.matching(c, at=AT), trusted):10.1f} µs")
    best = dict.fromkeys(("one rule put in", "the answer after it", "one taken out"), float("inf"))
    for turn in range(20):
        spare = sr.parse(nodes[turn % len(nodes)][0], SHOP)
        steps = (
            partial(ours.add, "one more", spare),
            partial(ours.matching, customers[0], at=AT),
            partial(ours.remove, "one more"),
        )
        for what, step in zip(best, steps, strict=True):
            started = time.process_time()
            step()
            best[what] = min(best[what], time.process_time() - started)
    print("  " + ", ".join(f"{what} {each * 1e3:.2f} ms" for what, each in best.items()))
    if with_peers:
        for name, ask in peers([source for _, source, _ in nodes]).items():
            row(name, ask)


def tables(title: str, nodes: list[Node], count: int, with_rows: bool) -> None:
    """The same rules over a table of many customers: by Arrow, one by one, and by Polars expressions written by hand.

    In processor time, of all threads together.
    """
    try:
        import pyarrow as pa
    except ImportError:
        return
    r = random.Random(9)
    customers = [customer(r, number, with_rows) for number in range(count)]
    table = pa.Table.from_pylist(customers)
    ours = sr.RuleSet({f"rule {number}": sr.parse(text, SHOP) for number, (text, *_) in enumerate(nodes)}, SHOP)
    print(f"\n{title} in a table: {len(nodes)} rules, {count} customers")
    expected = [set(each) for each in ours.matching_all(customers, at=AT)]

    def row(what: str, ask: Callable[[], Any]) -> Any:
        best = float("inf")
        for _ in range(5):
            started = time.process_time()
            found = ask()
            best = min(best, time.process_time() - started)
        print(f"  {what:42}{best * 1e3:10.1f} ms, {best / count * 1e6:.2f} µs a customer", flush=True)
        return found

    def same(columns: Any) -> bool:
        return [{name for name, holds in each.items() if holds} for each in columns.to_pylist()] == expected

    row("RuleSet, one by one", lambda: [bool(each) for each in ours.matching_all(customers, at=AT)])
    row("the same, from the table", lambda: [bool(each) for each in ours.matching_all(table.to_pylist(), at=AT)])
    assert same(row("RuleSet, matching_columns", lambda: ours.matching_columns(table, at=AT)))
    row("RuleSet, matching_all over the table", lambda: [bool(each) for each in ours.matching_all(table, at=AT)])
    try:
        import polars
    except ImportError:
        return
    if with_rows:
        return
    names = {"C": polars.col, "AGO": {days: ago(days) for days in range(800)}, "NOW": NOW}
    expressions = [eval(f"({source})", names).alias(f"rule {number}") for number, (_, _, source) in enumerate(nodes)]
    frame = polars.DataFrame(table)
    assert same(row("Polars expressions by hand", lambda: frame.lazy().select(expressions).collect()).to_arrow())
    row("Polars, one rule after the other", lambda: [frame.select(each) for each in expressions])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rules", type=int, nargs="*", default=[10, 25, 100, 1000, 5000])
    arguments.add_argument("--orders", type=int, nargs="*", default=[100])
    arguments.add_argument("--tables", type=int, nargs="*", default=[10_000])
    arguments.add_argument("--peers", action="store_true")
    given = arguments.parse_args()
    print(f"Python {platform.python_version()}, segrules {sr.__version__}, {platform.machine()} {sys.platform}")
    r = random.Random(7)
    customers = [customer(r, number, with_rows=False) for number in range(300)]
    for count in given.rules:
        r = random.Random(count)
        compare("fields", [tree(r, 0) for _ in range(count)], customers, given.peers and count <= 1000)
    r = random.Random(8)
    customers = [customer(r, number, with_rows=True) for number in range(300)]
    for count in given.orders:
        r = random.Random(count)
        compare("orders and views", [order_rule(r) for _ in range(count)], customers, False)
    for count in given.tables:
        r = random.Random(1)
        tables("fields", [tree(r, 0)], count, with_rows=False)
        tables("fields", [tree(r, 0) for _ in range(100)], count, with_rows=False)
        tables("orders and views", [order_rule(r) for _ in range(100)], count, with_rows=True)


if __name__ == "__main__":
    main()
