"""What a hundred stored segments cost refreshed at once, beside one by one, on the demonstration shop.

    python -m benchmarks.many_segments --customers 10000 --customers 100000 --keep /var/tmp/shops

Ten variations of each of the ten practical examples, spread evenly where fewer are asked for. Each figure is a whole
refresh of segments that have their members already, so that hardly anybody enters or leaves: ``one by one`` calls
``store.refresh`` for each, ``shared`` is ``store.refresh_all``. Both must find the same members. ``counting`` is the
sum of what counting each rule alone takes, without a store; ``average`` how many average counts the shared run costs.
``changed`` is ``store.refresh_all`` for 1,000 of the customers only, by the ids of those. Both have run once before they are
timed, as in a program that keeps its store: ``anew`` is the latter by a store that has written no statement yet.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import sqlalchemy as sa

import segrules as sr
from benchmarks.rules_against_experts import AT, database
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill, find
from segrules.demo.rules import PRACTICAL
from segrules.segments import Segment, SegmentStore
from segrules.testing.backends import BACKENDS

CATEGORIES = ("Cameras", "Coffee", "Camera Accessories", "Books", "Shoes")


def variation(number: int) -> Iterator[Segment]:
    """The ten practical examples with other bounds, as a shop's people vary them."""
    n = number
    category = CATEGORIES[n % len(CATEGORIES)]
    texts = {
        "vip-platinum": f"""lifetime.sales > {4000 + 250 * n} and lifetime.orders > {5 + n}
            and lifetime.average_order > {150 + 10 * n} and lifetime.refunds < {3 + n}% of lifetime.sales""",
        "cart-abandoned": f"""any cart where (status is active and grand_total > {100 + 20 * n}
            and updated_at before {1 + n} hours ago) and newsletter.status is subscribed""",
        "new-no-order": f"""customer.days_since_registration < {20 + 3 * n} and lifetime.orders = 0
            and newsletter.status is subscribed""",
        "win-back": f"""activity.days_since_last_order > {120 + 15 * n} and activity.orders > {1 + n % 3}
            and newsletter.status is subscribed and lifetime.sales > {50 + 25 * n}""",
        "birthday": f"customer.days_until_birthday = {n} and newsletter.status is subscribed",
        "camera-no-accessory": f"""any order_item where (category is "{category}"
            and order.created_at in last {60 + 10 * n} days)
            and no order_item where (category is "{CATEGORIES[(n + 1) % len(CATEGORIES)]}")""",
        "uk-new": f'shipping_address.country is "{("GB", "IT", "US", "DE", "FR")[n % 5]}" '
        f"and customer.created_at after 2025-0{1 + n % 6}-01",
        "coffee-due": f"""any order_item where (category is "{category}"
            and order.created_at between {35 + n} days ago and {28 + n} days ago)
            and newsletter.status is subscribed""",
        "browser": f"""any product_view where (price > {300 + 50 * n} and viewed_at in last {5 + n} days)
            and lifetime.orders = 0 and newsletter.status is subscribed""",
        "near-gold": f"""lifetime.sales > {900 + 10 * n} and lifetime.sales < {1000 + 20 * n}
            and activity.days_since_last_order < {50 + 5 * n}""",
    }
    for rule in PRACTICAL:
        yield Segment(name=f"{rule.name}-{n}", rule=texts[rule.name], websites=rule.website or ())


def chosen(many: int) -> list[Segment]:
    """So many of the hundred, evenly spread over the examples."""
    hundred = [each for number in range(10) for each in variation(number)]
    return hundred[:many]


@click.command()
@click.option("--customers", "sizes", multiple=True, type=int, default=(10_000,), show_default=True)
@click.option("--segments", "counts", multiple=True, type=int, default=(1, 10, 30, 100), show_default=True)
@click.option("--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="All by default.")
@click.option("--runs", default=3, show_default=True, help="Counted runs of each, taken in turn.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder where filled databases stay.")
def main(sizes: Sequence[int], counts: Sequence[int], engines: Sequence[str], runs: int, keep: Path | None) -> None:
    """Measure; print a table."""
    click.echo(
        f"{'':24}{'segments':>10}{'one by one ms':>15}{'shared ms':>11}{'gain':>7}{'counting ms':>13}{'average':>9}"
        f"{'changed ms':>12}{'anew ms':>9}"
    )
    for engine in engines or BACKENDS:
        for size in sizes:
            with database(engine, size, keep) as made:
                measure(engine, made, size, counts, runs)


def measure(engine: str, made: sa.Engine, customers: int, counts: Sequence[int], runs: int) -> None:
    """One engine's lines at one size."""
    shop = sr.Shop.default()
    if find(made, shop) is None:
        fill(made, shop, DemoShop(customers, AT))
    for many in counts:
        store = SegmentStore(made, shop, prefix="benchmark_")
        store.metadata.drop_all(made)
        store.create_tables()
        try:
            names = [each.name for each in store.save_all(chosen(many))]
            line(f"{engine}, {customers:,}", store, names, runs)
        finally:
            store.metadata.drop_all(made)


def line(label: str, store: SegmentStore, names: list[str], runs: int) -> None:
    """One number of segments."""
    together = {each.segment: each.matched for each in store.refresh_all(names, at=AT)}
    ways: tuple[Callable[[], object], ...] = (
        lambda: [store.refresh(name, at=AT) for name in names],
        lambda: store.refresh_all(names, at=AT),
        lambda: [store.preview(name, at=AT) for name in rules],
        lambda: store.refresh_all(names, at=AT, customers=changed),
        lambda: SegmentStore(store.engine, store.shop, prefix="benchmark_").refresh_all(
            names, at=AT, customers=changed
        ),
    )
    with store.engine.connect() as connection:
        key = store.shop.mapping.entity("").key
        changed = list(connection.scalars(sa.select(key).order_by(key).limit(1000)))
    rules = [store.get(name) for name in names]
    if together != {name: store.preview(rule, at=AT) for name, rule in zip(names, rules, strict=True)}:
        raise click.ClickException(f"{label}: shared finds other members")
    figures: list[list[float]] = [[] for _ in ways]
    ways[3]()
    for _ in range(runs):
        for way, taken in zip(ways, figures, strict=True):
            started = time.perf_counter()
            way()
            taken.append((time.perf_counter() - started) * 1000)
    alone, shared, counting, some, anew = (statistics.median(each) for each in figures)
    average = shared / (counting / len(names))
    click.echo(
        f"{label:24}{len(names):10}{alone:15.0f}{shared:11.0f}{alone / shared:7.1f}{counting:13.0f}{average:9.1f}"
        f"{some:12.0f}{anew:9.0f}"
    )


if __name__ == "__main__":
    main()
