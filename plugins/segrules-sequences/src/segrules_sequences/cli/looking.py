"""Commands that show something and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import click
from segrules.cli.failures import Exit
from segrules.cli.output import echo_json, table_lines

from segrules_sequences.cli import results
from segrules_sequences.cli.group import command, opened, plain
from segrules_sequences.cli.results import reasons


@command("status")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """How the work stands now. Exit code 1 when a person is needed: dead letters, doubt, a sequence that broke."""
    with opened() as sequences:
        now = sequences.standing()
    needed = bool(now.failed or now.in_doubt or any(now.paused.values()))
    if as_json:
        echo_json(plain(now))
    else:
        late = f", the oldest {round(now.late.total_seconds())} s late" if now.due else ""
        click.echo(f"planned   {now.planned:,} of which {now.due:,} due{late}")
        click.echo(f"at work   {now.leased + now.transmitting:,} by {len(now.workers)} workers; {now.held:,} held")
        click.echo(f"dead      {now.failed:,}" + ("  (segrules-sequences dead)" if now.failed else ""))
        click.echo(f"in doubt  {now.in_doubt:,}" + ("  (segrules-sequences doubt)" if now.in_doubt else ""))
        for name, (until, error) in now.resting.items():
            click.echo(f'the sender "{name}" rests until {until:%H:%M:%S} UTC: {error}')
        for name, note in now.paused.items():
            click.echo(f"{name} is {note or 'paused'}")
    ctx.exit(Exit.FINDINGS if needed else Exit.FINE)


@command("list")
def list_(as_json: bool) -> None:
    """All sequences with their segments and figures."""
    with opened() as sequences:
        figures = sequences.statistics()
    if as_json:
        echo_json({"sequences": plain(list(figures))})
        return
    head = ("sequence", "started", "running", "sent", "status", "segment")
    rows = [
        [each.sequence, str(each.started), str(each.running), str(each.sent), each.status, f"{each.on} {each.segment}"]
        for each in figures
    ]
    for line in table_lines(head, rows, right=(1, 2, 3)):
        click.echo(line)


@command("statistics")
@click.option("--segment", help="Only sequences of this segment.")
@click.argument("name", required=False)
def statistics(segment: str | None, name: str | None, as_json: bool) -> None:
    """Runs and mails of each sequence and step, and why mails did not go out."""
    with opened() as sequences:
        figures = sequences.statistics(segment=segment, sequence=name)
    if as_json:
        echo_json({"sequences": plain(list(figures))})
        return
    for each in figures:
        click.echo(f"{each.sequence}: {each.started} started, {each.running} running, {each.finished} finished,"
                   f" {each.stopped} stopped, {each.held_out} held out{reasons(each.reasons, ' (', ')')}")  # fmt: skip
        for line in (*results.steps(each), *results.came_of(each), *results.forms(each)):
            click.echo(f"  {line}")


@command("report")
@click.argument("day", required=False, type=click.DateTime(["%Y-%m-%d"]))
def report(day: datetime | None, as_json: bool) -> None:
    """What happened on a day of the shop's calendar.  [default: yesterday]"""
    with opened() as sequences:
        now = sequences.standing().at.astimezone(sequences.setting.zone)
        chosen: date = day.date() if day is not None else now.date() - timedelta(days=1)
        figures = sequences.report(chosen)
    if as_json:
        echo_json({"day": str(chosen), "sequences": plain(list(figures))})
        return
    head = ("sequence", "started", "sent", "failed", "skipped", "doubt", "stopped", "goals", "worth", "segment")
    fields = ("started", "sent", "failed", "skipped", "in_doubt", "stopped", "reached")
    rows = [
        [each.sequence, *(str(getattr(each, field)) for field in fields), results.amount(each.value), each.segment]
        for each in figures
    ]
    click.echo(f"{chosen}")
    for line in table_lines(head, rows, right=tuple(range(1, 9))):
        click.echo(line)


@command("dead")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.pass_context
def dead(ctx: click.Context, limit: int, as_json: bool) -> None:
    """Mails that were given up, the latest first; put back with requeue. Exit code 1 when there are any."""
    with opened() as sequences:
        _items(ctx, sequences.dead(limit=limit), as_json)


@command("doubt")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.pass_context
def doubt(ctx: click.Context, limit: int, as_json: bool) -> None:
    """Mails that may have arrived or not; decided with settle. Exit code 1 when there are any."""
    with opened() as sequences:
        _items(ctx, sequences.doubtful(limit=limit), as_json)


@command("preview")
@click.argument("name")
@click.argument("customer")
@click.option("--step", default="1", show_default=True, help="Number or name of the step.")
@click.option("--variant", help="This variant of the step.  [default: the customer's own]")
def preview(name: str, customer: str, step: str, variant: str | None, as_json: bool) -> None:
    """Print the mail that a customer would get, as it would be sent; nothing is stored or sent."""
    with opened() as sequences:
        number = int(step) if step.isascii() and step.isdigit() else step
        composed = sequences.preview(name, number, sequences.customer_id(customer), variant=variant)
    text = composed.mime.decode(errors="replace")
    if as_json:
        echo_json({"subject": composed.subject, "mime": text})
    else:
        click.echo(text)


@command("simulate")
@click.option("--days", type=click.IntRange(1, 800), default=14, show_default=True)
@click.option(
    "--people", type=click.IntRange(1, 10_000), default=100, show_default=True, help="So many invented people."
)
@click.option("--members", is_flag=True, help="The present members of the segments instead, all entering now.")
@click.option("--seed", type=int, default=1, show_default=True)
def simulate(days: int, people: int, members: bool, seed: int, as_json: bool) -> None:
    """Show what would be sent when to people who enter and leave over some days; nothing is stored or sent."""
    with opened() as sequences:
        found = sequences.simulate(days=days, people=people, members=members, seed=seed)
    if as_json:
        echo_json(plain(found) | {"by_day": found.by_day(), "by_step": found.by_step()})
        return
    click.echo(f"{len(found.mails)} mails to {found.mailed} of {found.people} people; nobody gets one twice")
    for title, counts in (("by day", found.by_day()), ("by step", found.by_step()), ("skipped", found.skipped)):
        click.echo(f"{title}:" if counts else f"{title}: none")
        for name, count in counts.items():
            click.echo(f"{count:>8,} {name}")


def _items(ctx: click.Context, items: Sequence[Any], as_json: bool) -> None:
    if as_json:
        echo_json({"mails": plain(list(items))})
    elif not items:
        click.echo("there are none")
    else:
        rows = [
            [str(each.id), each.sequence, each.step, str(each.customer), str(each.attempts),
             f"{each.reason}: {each.error}" if each.error else str(each.reason)]
            for each in items
        ]  # fmt: skip
        for line in table_lines(("mail", "sequence", "step", "customer", "tries", "why"), rows, right=(0, 4)):
            click.echo(line)
    ctx.exit(Exit.FINDINGS if items else Exit.FINE)
