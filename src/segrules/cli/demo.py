"""``segrules demo``: the whole way of a rule on a shop of one's own, in one command."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.database import open_engine, told
from segrules.cli.evaluation import moment_of, zone_of
from segrules.cli.failures import Blame, Exit, Failure, Verb
from segrules.cli.output import echo_json, json_option, table_lines

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.demo.generator import DemoShop
    from segrules.demo.tour import Outcome
    from segrules.shop import DefaultShop

CUSTOMERS = 20_000
SAMPLE = 50


@click.command(cls=Verb, short_help="Make a shop to play with, and run rules over it.")
@click.option(
    "--customers", type=click.IntRange(1, 10_000_000), metavar="N", help=f"How many customers.  [default: {CUSTOMERS}]"
)
@click.option("--database", metavar="URL", help="Where to make it.  [default: a file in this folder]")
@click.option("--at", metavar="MOMENT", help="The shop's present, like 2025-07-04T12:00Z.  [default: now]")
@click.option("--timezone", default="UTC", metavar="ZONE", help="The zone of the shop's days.  [default: UTC]")
@click.option("--replace", is_flag=True, help="Make a demonstration that is there already anew.")
@json_option
@click.pass_context
def demo_command(
    ctx: click.Context,
    customers: int | None,
    database: str | None,
    at: str | None,
    timezone: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Make a shop with customers, orders, carts and views, and run the example rules over it.

    The shop is made once and used again by the next call. A database that has tables of the same names is never
    touched. For each rule, some customers are loaded and judged in
    memory too; exit code 1 when the database and memory disagree about any of them.

    JSON: {"database", "customers", "at", "made", "rules": [{"name", "title", "rule", "website", "members",
    "seconds", "checked", "agreed", "disagreed": [id]}], "agree"}
    """
    from segrules.demo.tour import outcomes
    from segrules.shop import Shop

    place = database or _own_file()
    shop = Shop.default(timezone=zone_of(timezone).key)
    engine = open_engine(place, create=True)
    with told(engine):
        start = perf_counter()
        demo, made = _shop_in(engine, shop, customers, at, replace)
        if not as_json:
            _introduce(demo, place, perf_counter() - start if made else None)
        found = _watched(outcomes(engine, shop, demo, sample=SAMPLE))
    agree = not any(each.disagreed for each in found)
    if as_json:
        echo_json(_to_json(place, demo, made, found, agree))
    else:
        _report(found)
        _suggest(found, place, demo, engine, timezone)
    ctx.exit(Exit.FINE if agree else Exit.FINDINGS)


def _own_file() -> str:
    """The file of the demonstration when no database is named: here, or where temporary files go."""
    name = "segrules-demo.duckdb" if find_spec("duckdb") is not None else "segrules-demo.db"
    return name if os.access(".", os.W_OK) else str(Path(tempfile.gettempdir()) / name)


def _shop_in(
    engine: sa.Engine, shop: DefaultShop, customers: int | None, at: str | None, replace: bool
) -> tuple[DemoShop, bool]:
    """The demonstration in a database, and whether it was made just now."""
    from segrules.demo import loading
    from segrules.demo.generator import DemoShop

    moment = None if at is None else moment_of(at, "--at")
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=shop.zone)
    if replace and loading.is_marked(engine):
        loading.remove(engine, shop)
    there = loading.find(engine, shop)
    if there is None:
        wanted = DemoShop(customers or CUSTOMERS, moment or datetime.now(UTC).replace(microsecond=0))
        with _progress(wanted.customers, "Making the shop") as progress:
            loading.fill(engine, shop, wanted, progress)
        return wanted, True
    if customers not in (None, there.customers) or moment not in (None, there.at):
        raise Failure(
            Blame.USAGE,
            f"the database holds the demonstration of {there.customers:,} customers at {_iso(there.at)}; "
            "make it anew with --replace, or name another one with --database",
        )
    return there, False


@contextmanager
def _progress(length: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error when that is a terminal; it hears how much is done in all."""
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty(), show_pos=False
    ) as bar:
        yield lambda done: bar.update(done - bar.pos)


def _watched(found: Iterator[Outcome]) -> list[Outcome]:
    from segrules.demo.rules import RULES

    outcomes: list[Outcome] = []
    with _progress(len(RULES), "Running the rules") as progress:
        for each in found:
            outcomes.append(each)
            progress(len(outcomes))
    return outcomes


def _introduce(demo: DemoShop, place: str, seconds: float | None) -> None:
    how = "used again as it was made" if seconds is None else f"made in {seconds:.1f} s"
    click.echo(f"{click.style(f'A shop of {demo.customers:,} customers', bold=True)}, {how}.")
    click.echo(f"Database: {_shown(place)}")
    click.echo(f"Its present: {_iso(demo.at)}")
    click.echo()


def _report(found: Sequence[Outcome]) -> None:
    rows = [
        [each.rule.name, f"{each.members:,}", f"{each.seconds:.3f}", _check(each), each.rule.title] for each in found
    ]
    for line in table_lines(("rule", "members", "seconds", "in memory", "who"), rows, right=(1, 2)):
        click.echo(line)
    click.echo()
    checked, agreed = sum(each.checked for each in found), sum(each.agreed for each in found)
    verdict = f"{agreed:,} of {checked:,} answers agree between the database and memory."
    click.secho(verdict, fg="green" if agreed == checked else "red", bold=agreed != checked)
    for each in found:
        if each.disagreed:
            click.echo(f"  {each.rule.name}: they disagree about customer {', '.join(map(str, each.disagreed))}")


def _check(outcome: Outcome) -> str:
    return f"{outcome.agreed} of {outcome.checked} agree"


def _suggest(found: Sequence[Outcome], place: str, demo: DemoShop, engine: sa.Engine, timezone: str) -> None:
    """What to type next: commands that work on this very database."""
    there = f"--database {shlex.quote(_shown(place))} --at {_iso(demo.at)}"
    if timezone != "UTC":
        there += f" --timezone {timezone}"
    short = next(each for each in found if each.rule.name == "near-gold")
    dialect = engine.dialect.name
    commands = [
        f"segrules count 'any order where (coupon_code is \"SUMMER\")' {there}",
        f"segrules explain {shlex.quote(short.rule.text)} {short.example or 1} {there}",
        f"segrules sql {shlex.quote(short.rule.text)} --dialect {dialect} --values",
        "segrules conditions order",
    ]
    click.echo()
    click.echo(click.style("Go on with", bold=True))
    for command in commands:
        click.echo(f"  {command}")


def _shown(place: str) -> str:
    """The database as a user may see it: never with a password."""
    if "://" not in place:
        return place
    import sqlalchemy as sa

    return sa.make_url(place).render_as_string(hide_password=True)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _to_json(place: str, demo: DemoShop, made: bool, found: Sequence[Outcome], agree: bool) -> dict[str, Any]:
    return {
        "database": _shown(place),
        "customers": demo.customers,
        "at": demo.at.isoformat(),
        "made": made,
        "rules": [
            {
                "name": each.rule.name,
                "title": each.rule.title,
                "rule": each.rule.text,
                "website": each.rule.website,
                "members": each.members,
                "seconds": round(each.seconds, 6),
                "checked": each.checked,
                "agreed": each.agreed,
                "disagreed": list(each.disagreed),
            }
            for each in found
        ],
        "agree": agree,
    }
