"""What a rule costs for the customers that changed, beside what it costs for all, in one run.

    python -m benchmarks.changed_customers --customers 100000 --changed 1000 --keep /var/tmp/shops

Three statements for each of the ten practical examples: for everybody, restricted by ``among=`` (a SELECT from a
table of the changed ids), and with the same restriction around the statement for everybody; the least of several runs.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import click
import sqlalchemy as sa

import segrules as sr
from benchmarks.rules_against_experts import AT, database, timed
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill, find
from segrules.demo.rules import PRACTICAL
from segrules.testing.backends import BACKENDS

CHANGED = sa.Table("benchmark_changed", sa.MetaData(), sa.Column("id", sa.BigInteger, primary_key=True))


@click.command()
@click.option("--customers", default=100_000, show_default=True, help="Size of the demonstration shop.")
@click.option("--changed", default=1_000, show_default=True, help="How many of them changed.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="All by default.")
@click.option("--runs", default=3, show_default=True, help="Counted runs of each statement.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder where filled databases stay.")
def main(customers: int, changed: int, engines: tuple[str, ...], runs: int, keep: Path | None) -> None:
    """Compare; print a table for each engine."""
    for engine in engines or BACKENDS:
        with database(engine, customers, keep) as made:
            shop = sr.Shop.default()
            if find(made, shop) is None:
                fill(made, shop, DemoShop(customers, AT))
            with made.begin() as connection:
                CHANGED.drop(connection, checkfirst=True)
                CHANGED.create(connection)
                ids = range(7, customers, customers // changed)
                connection.execute(CHANGED.insert(), [{"id": each} for each in ids])
            compare(engine, made, runs)


def compare(engine: str, made: sa.Engine, runs: int) -> None:
    """One engine's table."""
    click.echo(f"\n{engine:22}{'all ms':>10}{'among':>10}{'around':>10}{'all/among':>12}")
    gains: list[float] = []
    shop, ids = sr.Shop.default(), sa.select(CHANGED.c.id)
    with made.connect() as connection:
        for rule in PRACTICAL:
            parsed = sr.parse(rule.text)
            everybody = parsed.select(shop, made.dialect, at=AT, website=rule.website)
            among = parsed.select(shop, made.dialect, at=AT, website=rule.website, among=ids)
            around = everybody.where(everybody.selected_columns[0].in_(ids))
            figures: list[list[float]] = [[], [], []]
            for number in range(runs + 1):
                found = []
                for statement, taken in zip((everybody, among, around), figures, strict=True):
                    milliseconds, answer = timed(connection, statement)
                    found.append(answer)
                    if number:
                        taken.append(milliseconds)
            if found[1] != found[2]:
                raise click.ClickException(f"{rule.name}: among= finds other customers")
            all_, few, outside = (min(taken) for taken in figures)
            gains.append(all_ / few)
            click.echo(f"{rule.name:22}{all_:10.1f}{few:10.1f}{outside:10.1f}{gains[-1]:12.1f}")
    click.echo(f"{'geometric mean':52}{math.exp(statistics.fmean(map(math.log, gains))):12.1f}")


if __name__ == "__main__":
    main()
