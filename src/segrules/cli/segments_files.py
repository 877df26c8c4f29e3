"""``segrules plan`` and ``apply``: a folder of .seg files as the source of what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Exit, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.cli.shops import words_of_command
from segrules.cli.stores import opened, store_options

if TYPE_CHECKING:
    from segrules.segments import Difference, Step

folder_argument = click.argument("folder", type=click.Path(path_type=Path))
prune_option = click.option("--prune", is_flag=True, help="Delete stored segments that the folder does not have.")


@click.command(cls=Verb, short_help="Show what apply would change.")
@folder_argument
@prune_option
@click.option("--no-counts", is_flag=True, help="Do not ask who would enter and leave.")
@store_options
@json_option
@click.pass_context
def plan_command(
    ctx: click.Context,
    folder: Path,
    prune: bool,
    no_counts: bool,
    database: str | None,
    prefix: str,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Show what apply would change, and how many members would enter and leave; nothing is stored.

    Exit code 1 when something would change, 0 when the store is as the folder says.

    JSON: {"steps": [{"action", "segment", "changes": [field], "before", "after", "entering", "leaving"}]}; "action" is
    create, change, keep, delete or ignore
    """
    from segrules.segments import files

    wanted = files.load(folder, words_of_command())
    with opened(database, prefix, timezone, must_exist=False) as store:
        steps = store.plan(wanted, at=datetime.now(UTC), prune=prune, counts=not no_counts)
    changes = any(step.action.value in ("create", "change", "delete") for step in steps)
    if as_json:
        echo_json({"steps": [_to_json(step) for step in steps]})
    else:
        _report(steps)
        if changes:
            click.echo(f"\nNothing is stored yet; go on with: segrules apply {folder}")
    ctx.exit(Exit.FINDINGS if changes else Exit.FINE)


@click.command(cls=Verb, short_help="Store a folder of segments.")
@folder_argument
@prune_option
@click.option("--refresh", is_flag=True, help="Refresh what has been created or changed.")
@store_options
@json_option
@click.pass_context
def apply_command(
    ctx: click.Context,
    folder: Path,
    prune: bool,
    refresh: bool,
    database: str | None,
    prefix: str,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Store the segments of a folder of .seg files, all or none of them; the store's tables are made if need be.

    JSON: {"steps": [{"action", "segment", "changes": [field]}], "refreshed": [{"segment", "members", "entered", "left",
    "seconds", "error"}]}
    """
    from segrules.segments import files

    wanted = files.load(folder, words_of_command())
    with opened(database, prefix, timezone, create=True) as store:
        steps = store.apply(wanted, prune=prune)
        changed = [step.segment.name for step in steps if step.action.value in ("create", "change")]
        done = store.refresh_all(changed) if refresh else []
    if as_json:
        refreshed = [
            {"segment": each.segment, "members": each.matched, "entered": each.entered, "left": each.left,
             "seconds": round(each.seconds, 6), "error": each.error}
            for each in done
        ]  # fmt: skip
        echo_json({"steps": [_to_json(step) for step in steps], "refreshed": refreshed})
    else:
        _report(steps)
        for each in done:
            click.echo(f"{each.segment}: {each.error or f'{each.matched:,} members'}", err=each.failed)
    ctx.exit(Exit.FINDINGS if any(each.failed for each in done) else Exit.FINE)


_COLOURS = {"create": "green", "change": "yellow", "delete": "red"}


def _report(steps: Sequence[Step]) -> None:
    if not steps:
        click.echo("The folder holds no .seg files, and nothing is stored.")
        return
    rows = [
        [step.action.value, step.segment.name, *_counts(step.difference), ", ".join(step.changes)] for step in steps
    ]
    head, *lines = table_lines(("", "segment", "members", "entering", "leaving", "changes"), rows, right=(2, 3, 4))
    click.echo(head)
    for step, line in zip(steps, lines, strict=True):
        click.echo(click.style(line, fg=_COLOURS.get(step.action.value)))


def _counts(difference: Difference | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    return [f"{difference.before:,} -> {difference.after:,}", f"+{difference.entering:,}", f"-{difference.leaving:,}"]


def _to_json(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": step.action.value,
        "segment": step.segment.name,
        "changes": list(step.changes),
    }
    if step.difference is not None:
        for name in ("before", "after", "entering", "leaving"):
            found[name] = getattr(step.difference, name)
    return found
