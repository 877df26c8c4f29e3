"""What a refresh of one stored segment costs, beside finding its members and writing the changed rows by hand.

    python -m benchmarks.one_refresh --customers 100000 --keep /var/tmp/shops

For each of the ten practical examples: one in fifty of the members that belong there is taken out, and as many are put in that do not, so
that a refresh has them to write. ``by hand`` is the fastest hand-written statement that finds the members, counted by the
database, and one DELETE and one INSERT of the known ids in a transaction, without anything else that a refresh keeps: a status, a
history, the promise that nobody else does the same. Both in turn, least time of several runs.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

import segrules as sr
from benchmarks.expert import EXAMPLES
from benchmarks.rules_against_experts import AT, by_hand, database
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill, find
from segrules.demo.rules import PRACTICAL
from segrules.segments import Segment, SegmentStore
from segrules.testing.backends import BACKENDS


class Churn:
    """Members of one segment that are wrong on purpose, and the statements that would put them right."""

    def __init__(self, store: SegmentStore, name: str) -> None:
        members, self.engine = store.tables.members, store.engine
        with self.engine.connect() as connection:
            key = store.shop.mapping.entity("").key
            segments = store.tables.segments
            self.segment = connection.scalar(sa.select(segments.c.id).where(segments.c.name == name))
            theirs = members.c.segment_id == self.segment
            rows = connection.execute(sa.select(members).where(theirs).order_by(members.c.customer_id)).mappings().all()
            there = {row["customer_id"] for row in rows}
            self.missing = [dict(row) for row in rows[::100]]
            others = (each for each in connection.scalars(sa.select(key).order_by(key)) if each not in there)
            self.wrong = [{**row, "customer_id": other} for row, other in zip(self.missing, others, strict=False)]
        self.delete = sa.delete(members).where(theirs, members.c.customer_id.in_(sa.bindparam("ids", expanding=True)))
        self.insert = members.insert()

    def __len__(self) -> int:
        return len(self.missing) + len(self.wrong)

    def change(self, connection: sa.Connection, out: Sequence[dict[str, Any]], into: Sequence[dict[str, Any]]) -> None:
        """These rows go, and those come."""
        if out:
            connection.execute(self.delete, {"ids": [row["customer_id"] for row in out]})
        if into:
            connection.execute(self.insert, list(into))

    def spoil(self) -> None:
        with self.engine.begin() as connection:
            self.change(connection, self.missing, self.wrong)

    def mend(self) -> None:
        with self.engine.begin() as connection:
            self.change(connection, self.wrong, self.missing)


def least(runs: int, ways: Sequence[Callable[[], object]], before: Callable[[], None]) -> list[float]:
    """Milliseconds of each way, the least of several runs in turn; the first run is not counted."""
    found: list[list[float]] = [[] for _ in ways]
    for number in range(runs + 1):
        for way, taken in zip(ways, found, strict=True):
            before()
            started = time.perf_counter()
            way()
            if number:
                taken.append((time.perf_counter() - started) * 1000)
    return [min(each) for each in found]


@click.command()
@click.option("--customers", default=100_000, show_default=True, help="Size of the demonstration shop.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="All by default.")
@click.option("--runs", default=5, show_default=True, help="Counted runs of each.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder where filled databases stay.")
def main(customers: int, engines: tuple[str, ...], runs: int, keep: Path | None) -> None:
    """Compare; print a table for each engine."""
    for engine in engines or BACKENDS:
        with database(engine, customers, keep) as made:
            shop = sr.Shop.default()
            if find(made, shop) is None:
                fill(made, shop, DemoShop(customers, AT))
            store = SegmentStore(made, shop, prefix="benchmark_")
            store.metadata.drop_all(made)
            store.create_tables()
            try:
                compare(f"{engine}, {customers:,} customers", store, runs)
            finally:
                store.metadata.drop_all(made)


def compare(title: str, store: SegmentStore, runs: int) -> None:
    """One engine's table."""
    click.echo(f"\n{title}\n{'rule':22}{'members':>9}{'changed':>9}{'refresh ms':>12}{'by hand':>10}{'ratio':>8}")
    ratios: list[float] = []
    engine = store.engine.dialect.name.replace("mysql", "mariadb")
    for rule in PRACTICAL:
        store.save(Segment(name=rule.name, rule=rule.text, websites=rule.website or ()))
        matched = store.refresh(rule.name, at=AT).matched
        churn = Churn(store, rule.name)

        def finding(statement: Any, mend: Callable[[], None] = churn.mend) -> Callable[[], None]:
            def way() -> None:
                with store.engine.connect() as connection:
                    connection.execute(statement).all()
                mend()

            return way

        experts = [
            sa.text(f"SELECT count(*) FROM ({text.text}) found").bindparams(*text._bindparams.values())
            for text in (by_hand(engine, each) for each in EXAMPLES[rule.name].expert.values())
        ]
        name = rule.name
        ways: list[Callable[[], object]] = [partial(store.refresh, name, at=AT), *map(finding, experts)]
        refreshed, *others = least(runs, ways, churn.spoil)
        if store.size(name) != matched:
            raise click.ClickException(f"{name}: the members are not those of before")
        ratios.append(refreshed / min(others))
        click.echo(f"{name:22}{matched:9,}{len(churn):9,}{refreshed:12.1f}{min(others):10.1f}{ratios[-1]:8.2f}")
    click.echo(f"{'geometric mean':62}{math.exp(statistics.fmean(map(math.log, ratios))):8.2f}")


if __name__ == "__main__":
    main()
