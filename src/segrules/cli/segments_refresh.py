"""``segrules refresh``: bring members up to date, by hand or from cron."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.customers import customer_id
from segrules.cli.evaluation import moment_of
from segrules.cli.failures import Blame, Exit, Failure, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.cli.segments import iso
from segrules.cli.stores import opened, store_options

if TYPE_CHECKING:
    from segrules.segments import Refresh, SegmentStore


@click.command(cls=Verb, short_help="Bring members up to date.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every stored segment.")
@click.option("--due", is_flag=True, help="Those whose schedule has come: what cron runs.")
@click.option(
    "--schedule",
    default="0 5 * * *",
    envvar="SEGRULES_SCHEDULE",
    metavar="CRON",
    help="When segments are due, in the shop's zone.  [default: 0 5 * * *]",
)
@click.option(
    "--lag",
    type=click.IntRange(0),
    envvar="SEGRULES_LAG",
    metavar="MINUTES",
    help="Members may lag so far behind the passing of time; without, the schedule alone counts.",
)
@click.option("--at", metavar="MOMENT", help="The moment at which customers are judged.  [default: now]")
@click.option(
    "--customers",
    metavar="FILE",
    help="Judge only the customers whose ids stand in FILE, one a line; - reads them from standard input.",
)
@click.option("--log", is_flag=True, help="Write one line for each refresh to standard error, as services log it.")
@store_options
@json_option
@click.pass_context
def refresh_command(
    ctx: click.Context,
    names: Sequence[str],
    everything: bool,
    due: bool,
    schedule: str,
    lag: int | None,
    at: str | None,
    customers: str | None,
    log: bool,
    database: str | None,
    prefix: str,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Bring the members of stored segments up to date: those named, --all, or --due.

    Each segment comes after those that its rule names. One that fails does not stop the others, and makes the exit
    code 1; its message stays with it.

    JSON: {"at", "segments": [{"segment", "members", "entered", "left", "seconds", "skipped", "error"}]}
    """
    if sum((bool(names), everything, due)) != 1:
        raise Failure(Blame.USAGE, "say which segments: their names, --all, or --due")
    if due and customers is not None:
        raise Failure(Blame.USAGE, "--customers goes with names or --all, not with --due")
    listed = None if customers is None else _listed(customers)
    if log:
        _log_to_terminal()
    lagging = None if lag is None else timedelta(minutes=lag)
    with opened(database, prefix, timezone, schedule=schedule, lag=lagging) as store:
        moment = datetime.now(UTC) if at is None else moment_of(at, "--at")
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=store.shop.zone)
        ids = None if listed is None else [customer_id(store.shop, each) for each in listed]
        with _progress(store) as progress:
            if due:
                done = store.refresh_due(moment, progress=progress)
            else:
                done = store.refresh_all(names or None, at=moment, customers=ids, progress=progress)
    if as_json:
        echo_json({"at": iso(moment), "segments": [_to_json(each) for each in done]})
    else:
        _report(done)
    ctx.exit(Exit.FINDINGS if any(each.failed for each in done) else Exit.FINE)


@contextmanager
def _progress(store: SegmentStore) -> Iterator[Any]:
    """A bar on standard error when that is a terminal."""
    with click.progressbar(
        length=1, label="Refreshing", file=sys.stderr, hidden=not sys.stderr.isatty(), show_pos=True
    ) as bar:

        def told(done: int, of: int, latest: Refresh) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield told


def _listed(file: str) -> list[str]:
    try:
        with click.open_file(file, encoding="utf-8") as lines:
            return [line.strip() for line in lines if line.strip()]
    except OSError as cause:
        raise Failure(Blame.USAGE, f"{file} cannot be read: {cause.strerror or cause}") from None


def _log_to_terminal() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("segrules.refresh")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _report(done: Sequence[Refresh]) -> None:
    if not done:
        click.echo("Nothing to do.")
        return
    rows = [
        [
            each.segment,
            f"{each.matched:,}",
            f"+{each.entered:,}",
            f"-{each.left:,}",
            f"{each.seconds:.3f}",
            each.skipped or "",
        ]
        for each in done
        if not each.failed
    ]
    if rows:
        for line in table_lines(("segment", "members", "entered", "left", "seconds", ""), rows, right=(1, 2, 3, 4)):
            click.echo(line)
    for each in done:
        if each.failed:
            click.echo(f"{click.style(each.segment, fg='red', bold=True)}: {each.error}", err=True)


def _to_json(done: Refresh) -> dict[str, Any]:
    return {
        "segment": done.segment,
        "members": done.matched,
        "entered": done.entered,
        "left": done.left,
        "seconds": round(done.seconds, 6),
        "skipped": done.skipped,
        "error": done.error,
    }
