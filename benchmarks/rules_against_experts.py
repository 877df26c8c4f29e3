"""The SQL that segrules writes beside hand-written SQL, on the demonstration shop, in one run.

    python -m benchmarks.rules_against_experts --customers 100000 --engine sqlite --engine duckdb

For each of the ten practical examples and a few rules of other shapes: milliseconds of our statement, of the fastest hand-written one and of the
shape that other platforms generate; each the least of several runs taken in turn. All of them must give the
same customers. SQLite and DuckDB run on a file in a temporary folder, PostgreSQL and MariaDB in a schema or
database of their own at the addresses where the tests look for them.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import click
import sqlalchemy as sa
from attrs import frozen

import segrules as sr
from benchmarks.expert import EXAMPLES, Example
from benchmarks.others import OTHERS, UNSEEN
from segrules.demo.generator import DemoShop
from segrules.demo.loading import fill, find
from segrules.demo.rules import PRACTICAL, DemoRule
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
    for amount in (100, 200, 500, 950, 1000, 2000, 5000):
        text = text.replace(f"{{money({amount})}}", str(amount * 10_000 if engine == "sqlite" else amount))
    known = moments()
    bound = [sa.bindparam(name, known[name], UtcMoment()) for name in known if f":{name}" in text]
    return sa.text(text).bindparams(*bound)


def timed(connection: sa.Connection, statement: Any, *, processor: bool = False) -> tuple[float, frozenset[int]]:
    """Milliseconds from the call to the last row, or of this process's work meanwhile, and the ids."""
    clock = time.process_time if processor else time.perf_counter
    started = clock()
    ids = [row[0] for row in connection.execute(statement)]
    return (clock() - started) * 1000, frozenset(ids)


@contextmanager
def limited(connection: sa.Connection, seconds: float) -> Iterator[None]:
    """A statement that takes longer is ended by its database with an error."""
    match connection.dialect.name:
        case "postgresql":
            connection.exec_driver_sql(f"SET statement_timeout = {int(seconds * 1000)}")
            yield
        case "mysql" | "mariadb":
            connection.exec_driver_sql(f"SET max_statement_time = {seconds}")
            yield
        case _:
            timer = Timer(seconds, connection.connection.driver_connection.interrupt)  # type: ignore[union-attr]
            timer.start()
            try:
                yield
            finally:
                timer.cancel()


@frozen
class Figure:
    """What was seen of one statement: its least time, and its customers where it was not ended."""

    milliseconds: float
    ids: frozenset[int] | None

    def __str__(self) -> str:
        return f"{self.milliseconds:.1f}" if self.ids is not None else f">{self.milliseconds / 1000:.0f} s"


def measured(
    connection: sa.Connection, statements: Mapping[str, Any], runs: int, limit: float, *, processor: bool
) -> dict[str, Figure]:
    """The statements taken in turn, the first time uncounted; none again once it took ``limit`` seconds in all."""
    taken: dict[str, list[float]] = {name: [] for name in statements}
    answers: dict[str, frozenset[int] | None] = {}
    for number in range(runs + 1):
        for name, statement in statements.items():
            if number and sum(taken[name]) > limit * 1000:
                continue
            try:
                with limited(connection, limit):
                    spent, answers[name] = timed(connection, statement, processor=processor)
            except (sa.exc.DBAPIError, RuntimeError):
                connection.rollback()
                spent, answers[name] = limit * 1000 + 1, None
            if number == 1 and answers[name] is not None:
                taken[name] = [spent]
            else:
                taken[name].append(spent)
    return {name: Figure(min(taken[name]), answers[name]) for name in statements}


@click.command()
@click.option("--customers", default=100_000, show_default=True, help="Size of the demonstration shop.")
@click.option(
    "--engine", "engines", multiple=True, type=click.Choice(BACKENDS), help="Which databases; all by default."
)
@click.option("--runs", default=5, show_default=True, help="Counted runs of each statement.")
@click.option(
    "--limit", default=60.0, show_default=True, help="Seconds after which a statement is ended, or run no more."
)
@click.option("--processor", is_flag=True, help="Count processor time on SQLite and DuckDB, which run in this process.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder where filled databases stay for the next time; on servers they stay in a schema of their own.",
)
@click.option("--only", multiple=True, help="Names of rules; all by default.")
def main(
    customers: int,
    engines: tuple[str, ...],
    runs: int,
    limit: float,
    processor: bool,
    keep: Path | None,
    only: tuple[str, ...],
) -> None:
    """Compare; print a table for each engine and the geometric means."""
    for engine in engines or BACKENDS:
        in_process = processor and engine in ("sqlite", "duckdb")
        with database(engine, customers, keep) as made:
            shop = sr.Shop.default()
            if find(made, shop) is None:
                fill(made, shop, DemoShop(customers, AT))
            click.echo(f"\n{engine}, {customers:,} customers{', processor time' if in_process else ''}")
            click.echo(
                f"{'rule':22}{'members':>9}{'ours ms':>10}{'expert':>10}{'peer':>10}{'ours/expert':>13}{'peer/ours':>11}"
                "  fastest by hand"
            )
            for rules in ({rule: EXAMPLES[rule.name] for rule in PRACTICAL}, OTHERS, UNSEEN):
                asked = {rule: each for rule, each in rules.items() if not only or rule.name in only}
                with made.connect() as connection:
                    compare(engine, connection, asked, partial(measured, runs=runs, limit=limit, processor=in_process))


def compare(
    engine: str, connection: sa.Connection, rules: Mapping[DemoRule, Example], measure: Callable[..., dict[str, Figure]]
) -> None:
    """The lines for some rules, and their means."""
    shop = sr.Shop.default()
    ratios, gains = [], []
    for rule, example in rules.items():
        ours = sr.parse(rule.text).select(shop, connection.dialect, at=AT, website=rule.website)
        statements = {"ours": ours} | {name: by_hand(engine, text) for name, text in example.expert.items()}
        found = measure(connection, {**statements, "peer": by_hand(engine, example.peer)})
        mine = found["ours"]
        if mine.ids is None:
            raise click.ClickException(f"{rule.name}: our statement was ended; give it more time with --limit")
        different = [name for name, each in found.items() if each.ids is not None and each.ids != mine.ids]
        if different:
            raise click.ClickException(f"{rule.name}: {', '.join(different)} find other customers than we do")
        best = min(example.expert, key=lambda name: found[name].milliseconds)
        ratios.append(mine.milliseconds / found[best].milliseconds)
        gains.append(found["peer"].milliseconds / mine.milliseconds)
        click.echo(
            f"{rule.name:22}{len(mine.ids):9,}{mine!s:>10}{found[best]!s:>10}{found['peer']!s:>10}"
            f"{ratios[-1]:13.2f}{gains[-1]:11.1f}  {best}"
        )
    if ratios:
        mean = [math.exp(statistics.fmean(map(math.log, each))) for each in (ratios, gains)]
        click.echo(f"{'geometric mean':22}{'':39}{mean[0]:13.2f}{mean[1]:11.1f}\n")


if __name__ == "__main__":
    main()
