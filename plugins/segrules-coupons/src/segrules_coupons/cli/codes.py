"""``batch``, ``batches``, ``issue``, ``show``, ``export`` and ``void``: the codes."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

import attrs
import click
from segrules.cli.failures import Blame, Exit, Failure
from segrules.cli.output import echo_json, json_option, table_lines

from segrules_coupons.cli.shared import Verb, opened, plain, store_options

_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])
_pattern = click.option("--pattern", metavar="TEXT", help="The form of the codes.  [default: ####-####-####?]")


@click.command("batch", cls=Verb)
@click.argument("name")
@click.argument("rule")
@click.argument("count", type=int)
@_pattern
@click.option(
    "--expires", type=_MOMENT, help="The first moment at which they do not work, like 2026-01-01T00:00:00+0100."
)
@click.option("--source", default="", metavar="TEXT", help="What they are for, in statistics.  [default: the name]")
@store_options
def batch_command(
    name: str, rule: str, count: int, pattern: str | None, expires: datetime | None, source: str, **given: Any
) -> None:
    """Make COUNT codes of a rule. After a crash the same command goes on where the last one stopped."""

    def progress(missing: int) -> None:
        click.echo(f"\r{count - missing:,} of {count:,} ", nl=False, err=True)

    with opened(given) as store:
        shown = progress if sys.stderr.isatty() else None
        made = store.make_batch(name, rule, count, pattern=pattern, expires=expires, source=source, progress=shown)
    if shown is not None:
        click.echo("\r", nl=False, err=True)
    click.echo(f"{made.name}: {made.made:,} codes of {made.rule}, {made.pattern}")


@click.command("batches", cls=Verb)
@store_options
@json_option
def batches_command(as_json: bool, **given: Any) -> None:
    """List the batches.

    JSON: {"batches": [{"name", "rule", "pattern", "source", "asked", "made", "cleaned", "expires", …}]}
    """
    with opened(given) as store:
        found = store.batches()
    if as_json:
        echo_json({"batches": [plain(attrs.asdict(each)) for each in found]})
        return
    rows = [
        (each.name, each.rule, "-" if each.personal else f"{each.made:,}", "-" if each.personal else f"{each.asked:,}",
         f"{each.cleaned:,}", plain(each.expires) or "never", each.pattern)
        for each in found
    ]  # fmt: skip
    click.echo(
        "\n".join(
            table_lines(("name", "rule", "made", "asked", "cleaned", "expires", "pattern"), rows, right=(2, 3, 4))
        )
    )


@click.command("issue", cls=Verb)
@click.argument("rule")
@click.argument("customer")
@click.argument("key")
@_pattern
@click.option("--days", type=click.IntRange(1), help="For how many days it is good; for ever when it is left out.")
@click.option("--anybody", is_flag=True, help="It works for anybody, not for that customer only.")
@store_options
@json_option
def issue_command(
    rule: str,
    customer: str,
    key: str,
    pattern: str | None,
    days: int | None,
    anybody: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """The code of an issue KEY: made for the customer the first time, the same ever after.

    JSON: {"code", "rule", "customer", "expires", …}
    """
    with opened(given) as store:
        expires = None if days is None else timedelta(days=days)
        code = store.issue(rule, customer, key, pattern=pattern, expires=expires, bound=not anybody)
    if as_json:
        echo_json(plain(attrs.asdict(code)))
    else:
        click.echo(code.code)


@click.command("show", cls=Verb)
@click.argument("code")
@store_options
@json_option
@click.pass_context
def show_command(ctx: click.Context, /, code: str, as_json: bool, **given: Any) -> None:
    """Show a code as it is stored, however it is typed; exit code 1 when there is none.

    JSON: {"code", "rule", "customer", "state", "used", "max_uses", "expires", …}, or {} when there is none
    """
    with opened(given) as store:
        found = store.find(code)
    fields = {} if found is None else plain(attrs.asdict(found))
    if as_json:
        echo_json(fields)
    elif not fields:
        click.echo("there is no such code")
    else:
        click.echo("\n".join(f"{name:12} {value}" for name, value in fields.items() if value is not None))
    ctx.exit(Exit.FINE if found is not None else Exit.FINDINGS)


@click.command("export", cls=Verb)
@click.option("--rule", metavar="KEY", help="The codes of this rule.")
@click.option("--batch", metavar="NAME", help="The codes of this batch.")
@click.option("-o", "--output", metavar="FILE", help="Write into this file instead of standard output.")
@store_options
def export_command(rule: str | None, batch: str | None, output: str | None, **given: Any) -> None:
    """Write codes as CSV that spreadsheets take for text."""
    with opened(given) as store:
        number = store.export(output if output is not None else sys.stdout, rule=rule, batch=batch)
    click.echo(f"{number:,} codes", err=True)


@click.command("void", cls=Verb)
@click.argument("codes", nargs=-1)
@click.option("--batch", metavar="NAME", help="All codes of this batch.")
@store_options
def void_command(codes: tuple[str, ...], batch: str | None, **given: Any) -> None:
    """Withdraw codes, or those of a batch."""
    if bool(codes) == (batch is not None):
        raise Failure(Blame.USAGE, "give the codes, or --batch NAME")
    with opened(given) as store:
        number = store.void(codes, batch=batch)
    click.echo(f"{number:,} codes were good, and are withdrawn")
