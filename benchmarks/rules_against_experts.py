"""The SQL that segrules writes beside hand-written SQL, on the demonstration shop, in one run.

    python -m benchmarks.rules_against_experts --customers 100000 --engine sqlite --engine duckdb

For each of the ten practical examples and a few rules of other shapes: milliseconds of our statement, of the fastest hand-written one and of the
shape that other platforms generate; each the median of several runs taken in turn. All of them must give the
same customers. SQLite and DuckDB run on a file in a temporary folder, PostgreSQL and MariaDB in a schema or
database of their own at the addresses where the tests look for them.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

import segrules as sr
from benchmarks.expert import EXAMPLES
from benchmarks.others import OTHERS
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill, find
from segrules.demo.rules import PRACTICAL
from segrules.shop.columns import UtcMoment
from segrules.testing.backends import BACKENDS, SERVERS, fresh

AT = datetime(2025, 7, 4, 12, tzinfo=UTC)

_MONTH_DAY = {
    "sqlite": "substr(c.birth_date, 6, 5) = '07-04'",
    "duckdb": "month(c.birth_date) = 7 AND day(c.birth_date) = 4",
    "postgresql": "extract(month FROM c.birth_date) = 7 AND extract(day FROM c.birth_date) = 4",
    "mariadb": "month(c.birth_date) = 7 AND dayofmonth(c.birth_date) = 4",
}


@contextmanager
def database(engine: str, customers: int, keep: Path | None) -> Iterator[sa.Engine]:
    """A database of the engine, on disk: one that stays, or one that is gone afterwards."""
    if engine in ("sqlite", "duckdb"):
        with tempfile.TemporaryDirectory() as passing:
            made = sa.create_engine(f"{engine}:///{(keep or Path(passing)) / f'shop_{customers}.{engine}'}")
            sr.prepare(made)
            yield made
            made.dispose()
    elif keep is None:
        with fresh(engine) as backend:
            yield backend.engine
    else:
        made = _kept(engine, f"segrules_benchmark_{customers}")
        sr.prepare(made)
        yield made
        made.dispose()


def _kept(engine: str, name: str) -> sa.Engine:
    """A schema or database of that name on the engine's server."""
    url = sa.make_url(os.environ.get(f"SEGRULES_TEST_{engine.upper()}") or SERVERS[engine])
    what = "SCHEMA" if engine == "postgresql" else "DATABASE"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE {what} IF NOT EXISTS {name}")
    server.dispose()
    if engine == "postgresql":
        return sa.create_engine(url, connect_args={"options": f"-csearch_path={name}"})
    return sa.create_engine(url.set(database=name))


def moments() -> dict[str, datetime]:
    """The bounds that the hand-written statements use, as naive UTC."""

    def start(days: int) -> datetime:
        day = AT.date() - timedelta(days=days)
        return datetime(day.year, day.month, day.day)

    days = {f"days_{number}": start(number) for number in (7, 27, 29, 30, 35, 59, 60, 90, 180)}
    years = {f"{word}_year": datetime(year, 1, 1) for word, year in (("last", 2024), ("this", 2025), ("next", 2026))}
    return {
        **days,
        **years,
        "now": AT.replace(tzinfo=None),
        "hour_1": AT.replace(tzinfo=None) - timedelta(hours=1),
        "year_2025": datetime(2025, 1, 2),
    }


def by_hand(engine: str, template: str) -> sa.TextClause:
    """A hand-written statement for an engine, with its moments bound."""
    text = template.replace("{month_day}", _MONTH_DAY[engine])
    for amount in (100, 200, 500, 950, 1000, 5000):
        text = text.replace(f"{{money({amount})}}", str(amount * 10_000 if engine == "sqlite" else amount))
    known = moments()
    bound = [sa.bindparam(name, known[name], UtcMoment()) for name in known if f":{name}" in text]
    return sa.text(text).bindparams(*bound)


def timed(connection: sa.Connection, statement: Any) -> tuple[float, frozenset[int]]:
    """Milliseconds from the call to the last row, and the ids."""
    started = time.perf_counter()
    ids = [row[0] for row in connection.execute(statement)]
    return (time.perf_counter() - started) * 1000, frozenset(ids)


@click.command()
@click.option("--customers", default=100_000, show_default=True, help="Size of the demonstration shop.")
@click.option(
    "--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="Which databases; all by default."
)
@click.option("--runs", default=5, show_default=True, help="Counted runs of each statement.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder where filled databases stay for the next time; on servers they stay in a schema of their own.",
)
@click.option("--only", multiple=True, help="Names of rules; all by default.")
def main(customers: int, engines: tuple[str, ...], runs: int, keep: Path | None, only: tuple[str, ...]) -> None:
    """Compare; print a table for each engine and the geometric means."""
    for engine in engines or BACKENDS:
        with database(engine, customers, keep) as made:
            compare(engine, made, customers, runs, only)


def compare(engine: str, made: sa.Engine, customers: int, runs: int, only: tuple[str, ...]) -> None:
    """One engine's table."""
    shop = sr.Shop.default()
    started = time.perf_counter()
    if find(made, shop) is None:
        fill(made, shop, DemoShop(customers, AT))
    click.echo(f"\n{engine}, {customers:,} customers, there after {time.perf_counter() - started:.0f} s")
    click.echo(
        f"{'rule':22}{'members':>9}{'ours ms':>10}{'expert':>10}{'peer':>10}{'ours/expert':>13}{'peer/ours':>11}  fastest by hand"
    )
    ratios, gains = [], []
    with made.connect() as connection:
        for rule, example in {**{rule: EXAMPLES[rule.name] for rule in PRACTICAL}, **OTHERS}.items():
            if only and rule.name not in only:
                continue
            ours = sr.parse(rule.text).select(shop, made.dialect, at=AT, website=rule.website)
            contenders = {"ours": ours, "peer": by_hand(engine, example.peer)}
            contenders |= {name: by_hand(engine, text) for name, text in example.expert.items()}
            figures: dict[str, list[float]] = {name: [] for name in contenders}
            answers: dict[str, frozenset[int]] = {}
            for number in range(runs + 1):
                for name, statement in contenders.items():
                    taken, answers[name] = timed(connection, statement)
                    if number:
                        figures[name].append(taken)
            different = [name for name, ids in answers.items() if ids != answers["ours"]]
            if different:
                raise click.ClickException(f"{rule.name}: {', '.join(different)} find other customers than we do")
            median = {name: statistics.median(taken) for name, taken in figures.items()}
            best = min(example.expert, key=lambda name: median[name])
            ratios.append(median["ours"] / median[best])
            gains.append(median["peer"] / median["ours"])
            click.echo(
                f"{rule.name:22}{len(answers['ours']):9,}{median['ours']:10.1f}{median[best]:10.1f}{median['peer']:10.1f}"
                f"{ratios[-1]:13.2f}{gains[-1]:11.1f}  {best}"
            )
    mean = [math.exp(statistics.fmean(map(math.log, each))) for each in (ratios, gains)]
    click.echo(f"{'geometric mean':22}{'':39}{mean[0]:13.2f}{mean[1]:11.1f}")


if __name__ == "__main__":
    main()
