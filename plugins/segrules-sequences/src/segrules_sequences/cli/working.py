"""Commands that do something: tables, definitions, sending, and what a person decides."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

import click
from segrules.cli.database import told
from segrules.cli.output import echo_json

from segrules_sequences.cli.group import command, found, opened
from segrules_sequences.definitions import Status

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


@command("init")
def init(as_json: bool) -> None:
    """Make the tables that are missing."""
    sequences = found(click.get_current_context().obj)
    with told(sequences.store.engine):
        sequences.store.create_tables()
        sequences.create_tables()
    names = sorted(table.name for table in sequences.metadata.sorted_tables)
    _say(as_json, {"tables": names}, f"{len(names)} tables are there")


@command("plan")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
def plan(folder: str, as_json: bool) -> None:
    """Show what the TOML files of a folder would change; nothing is stored."""
    with opened() as sequences:
        _changes(sequences.plan(folder), as_json)


@command("apply")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
def apply(folder: str, as_json: bool) -> None:
    """Save the sequences of the TOML files of a folder, all or none."""
    with opened() as sequences:
        _changes(sequences.load(folder), as_json)


@command("switch")
@click.argument("name")
@click.argument("status", type=click.Choice([each.value for each in Status]))
def switch(name: str, status: str, as_json: bool) -> None:
    """Activate, pause or switch off a sequence; switched off, its runs end."""
    with opened() as sequences:
        sequences.switch(name, Status(status))
    _say(as_json, {"sequence": name, "status": status}, f"{name} is {status}")


@command("run")
@click.option("--seconds", type=float, default=240.0, show_default=True, help="Stop after so long.")
def run(seconds: float, as_json: bool) -> None:
    """Send what is due, until nothing is; for cron, every five minutes."""
    from segrules_sequences import jobs

    with opened() as sequences:
        _counts(jobs.send(sequences, seconds=seconds), as_json)


@command("worker")
@click.option("--poll", type=float, default=5.0, show_default=True, help="Look for due mails every so many seconds.")
@click.option("--batch", type=click.IntRange(1, 500), default=50, show_default=True, help="Claim so many at a time.")
def worker(poll: float, batch: int, as_json: bool) -> None:
    """Send what is due, until SIGTERM or Ctrl-C; the mail in hand is finished. Any number may run."""
    with opened() as sequences:
        made = sequences.worker(batch=batch)

        def stop(number: int, frame: FrameType | None) -> None:
            made.stopping.set()

        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, stop)
        if not as_json:
            click.echo(f"{made.name} is at work", err=True)
        made.run(poll=poll)
    _say(as_json, {"worker": made.name}, f"{made.name} has stopped")


@command("reap")
def reap(as_json: bool) -> None:
    """Bring back what dead workers left behind, and ask senders about mails in doubt."""
    with opened() as sequences:
        _counts(sequences.reap(), as_json)


@command("requeue")
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
def requeue(ids: Sequence[int], everything: bool, as_json: bool) -> None:
    """Put dead letters back, with all their tries."""
    _one_or_all(ids, everything)
    with opened() as sequences:
        count = sequences.requeue(None if everything else ids)
    _say(as_json, {"requeued": count}, f"{count} put back")


@command("settle")
@click.argument("verdict", type=click.Choice(["sent", "resend", "drop"]))
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="All mails in doubt.")
def settle(verdict: Any, ids: Sequence[int], everything: bool, as_json: bool) -> None:
    """Say what became of mails in doubt: they were sent, or send them again, or drop them."""
    _one_or_all(ids, everything)
    with opened() as sequences:
        count = sequences.settle(verdict, None if everything else ids)
    _say(as_json, {"settled": count}, f"{count} settled")


@command("cleanup")
@click.option("--mails", type=click.IntRange(0), default=30, show_default=True, help="Empty mails after so many days.")
@click.option(
    "--runs", type=click.IntRange(1), default=400, show_default=True, help="Take runs out after so many days."
)
def cleanup(mails: int, runs: int, as_json: bool) -> None:
    """Empty old mails, take out old runs, forget customers whom the shop has deleted."""
    with opened() as sequences:
        _counts(sequences.clean(mails=timedelta(days=mails), runs=timedelta(days=runs)), as_json)


@command("converted")
@click.argument("customer")
@click.option("--id", "event_id", required=True, help="Your id of the event, such as the number of the order.")
@click.option("--event", default="order", show_default=True, help="What happened, as goals call it.")
@click.option("--at", type=click.DateTime(_MOMENTS), help="When, in the shop's time zone unless it says another.")
@click.option("--value", help="What it was worth, like 49.90.")
def converted(customer: str, event_id: str, event: str, at: datetime | None, value: str | None, as_json: bool) -> None:
    """A customer did what a sequence has as its goal; what is reported again counts once."""
    with opened() as sequences:
        goals = {each.goal.event for each in sequences.list() if each.goal is not None and each.goal.event is not None}
        if event not in goals:
            known = ", ".join(sorted(goals)) or "none"
            raise click.UsageError(f'no sequence has the event "{event}" as its goal; there is {known}')
        if at is not None and at.tzinfo is None:
            at = at.replace(tzinfo=sequences.setting.zone)
        count = sequences.converted(customer, event, event_id=event_id, at=at, value=value)
    _say(as_json, {"customer": customer, "event": event, "runs": count}, f"it counts for {count} runs")


@command("unsubscribe")
@click.argument("customer")
@click.option("--topic", help="Only from this topic.  [default: from everything]")
def unsubscribe(customer: str, topic: str | None, as_json: bool) -> None:
    """A customer gets no mail any more."""
    with opened() as sequences:
        sequences.unsubscribe(customer, topic, source="command")
    what = f"nothing on {topic}" if topic else "nothing"
    _say(as_json, {"customer": customer, "topic": topic}, f"{customer} gets {what} any more")


@command("forget")
@click.argument("customer")
def forget(customer: str, as_json: bool) -> None:
    """Erase whose runs and mails these were; the figures stay."""
    with opened() as sequences:
        count = sequences.forget(sequences.customer_id(customer))
    _say(as_json, {"customer": customer, "runs": count}, f"{count} runs are nobody's now")


def _one_or_all(ids: Sequence[int], everything: bool) -> None:
    if bool(ids) == everything:
        raise click.UsageError("give numbers of mails, or --all")


def _changes(changes: Sequence[Any], as_json: bool) -> None:
    rows = [
        {"sequence": each.sequence.name, "action": each.action.value, "fields": list(each.fields)} for each in changes
    ]
    if as_json:
        echo_json({"changes": rows})
        return
    for row in rows:
        fields = f": {', '.join(row['fields'])}" if row["fields"] else ""
        click.echo(f"{row['action']:7} {row['sequence']}{fields}")


def _counts(counts: Mapping[str, int], as_json: bool) -> None:
    if as_json:
        echo_json(dict(counts))
        return
    for name, count in counts.items():
        click.echo(f"{count:>8,} {name}")
    if not counts:
        click.echo("nothing to do")


def _say(as_json: bool, document: dict[str, Any], text: str) -> None:
    if as_json:
        echo_json(document)
    else:
        click.echo(text)
