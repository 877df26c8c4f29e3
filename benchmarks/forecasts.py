"""What it costs to know when an answer changes next, beside counting the rule's members, on the demonstration shop.

    python -m benchmarks.forecasts --customers 20000 --customers 100000 --engine sqlite --engine duckdb

For each of the ten practical examples, and some rules whose first candidates are no changes: milliseconds of
``rule.count`` and of ``rule.forecast`` (medians), how many statements the forecast took, and what it says.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

import segrules as sr
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill
from segrules.demo.rules import PRACTICAL
from segrules.testing.backends import BACKENDS, fresh

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)

FURTHER = {
    "new customers": "customer.created_at in last 30 days",
    "often lately": "count(order where created_at in last 90 days) >= 3",
    "spent lately": "sum(order.grand_total where created_at in last 90 days) > 500",
    "fading": "sum(order.grand_total where created_at in this year) < sum(order.grand_total where created_at in last year)",
    "large baskets lately": "avg(order.grand_total where created_at in last 90 days) > 200",
    "quiet": "activity.days_inactive > 180",
    "last in an hour": "last(product_view.price where viewed_at in last 48 hours) > 100",
}


@contextmanager
def database(engine: str) -> Iterator[sa.Engine]:
    """An empty database of the engine; of those without a server, on a file."""
    if engine not in ("sqlite", "duckdb"):
        with fresh(engine) as backend:
            yield backend.engine
        return
    with tempfile.TemporaryDirectory() as folder:
        made = sa.create_engine(f"{engine}:///{Path(folder) / f'shop.{engine}'}")
        sr.prepare(made)
        yield made
        made.dispose()


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """The median of so many runs in milliseconds, and what came out."""
    taken, found = [], None
    for _ in range(runs):
        started = time.perf_counter()
        found = work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), found


@click.command()
@click.option("--customers", "sizes", multiple=True, type=int, default=(20_000,), show_default=True)
@click.option(
    "--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="Which databases; all by default."
)
@click.option("--runs", default=3, show_default=True, help="Runs of each.")
def main(sizes: tuple[int, ...], engines: tuple[str, ...], runs: int) -> None:
    """Measure; print a table for each engine and size."""
    for engine in engines or BACKENDS:
        for size in sizes:
            with database(engine) as made:
                measure(engine, made, size, runs)


def measure(engine: str, made: sa.Engine, customers: int, runs: int) -> None:
    """One table."""
    shop = sr.Shop.default()
    fill(made, shop, DemoShop(customers, AT))
    click.echo(f"\n{engine}, {customers:,} customers")
    click.echo(f"{'rule':22}{'members':>9}{'count ms':>10}{'forecast':>10}{'looks':>7}{'ratio':>7}  next change")
    texts = {each.name: (each.text, each.website) for each in PRACTICAL} | {
        name: (text, None) for name, text in FURTHER.items()
    }
    ratios = []
    with made.connect() as connection:
        for name, (text, website) in texts.items():
            rule = sr.parse(text, shop)
            counting, members = timed(lambda r=rule, w=website: r.count(connection, shop, at=AT, website=w), runs)
            seeing, found = timed(lambda r=rule, w=website: r.forecast(connection, shop, at=AT, website=w), runs)
            if found.looks:
                ratios.append(seeing / counting)
            said = "never" if found.moment is None else found.moment.isoformat()[:19]
            click.echo(
                f"{name:22}{members:9,}{counting:10.1f}{seeing:10.1f}{found.looks:7}{seeing / counting:7.1f}  {said}"
                f"{'' if found.is_exact else ' or later'}"
            )
    click.echo(f"{'geometric mean of those that ask':58}{statistics.geometric_mean(ratios):7.1f}")


if __name__ == "__main__":
    main()
