"""``segrules segments``, ``members`` and ``export``: what is stored, and who is in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

import click

from segrules.cli.customers import customer_id, id_to_json, is_there
from segrules.cli.evaluation import require_websites
from segrules.cli.failures import Blame, Exit, Failure, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.cli.stores import opened, store_options

if TYPE_CHECKING:
    from segrules.segments import State


def iso(moment: datetime | None) -> str | None:
    """A moment as text, or None."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _shown(moment: str | None, missing: str = "never") -> str:
    """A moment as people read it, without fractions of a second."""
    return re.sub(r"\.[0-9]+", "", moment) if moment else missing


@click.command(cls=Verb, short_help="List the stored segments.")
@click.argument("name", required=False, metavar="[NAME]")
@store_options
@json_option
@click.pass_context
def segments_command(
    ctx: click.Context, name: str | None, database: str | None, prefix: str, timezone: str | None, as_json: bool
) -> None:
    """List the stored segments and how they stand, or show one with its history.

    Exit code 1 when a segment's last refresh failed, so that a monitor can ask.

    JSON: {"segments": [{"name", "title", "rule", "active", "websites", "groups", "refresh", "priority", "version",
    "status", "message", "members", "at", "finished_at", "next_change_at"}]}; with NAME also "history": [{"at",
    "members", "entered", "left", "seconds", "reason"}] and "used_by": [name]
    """
    from segrules.segments import Status

    with opened(database, prefix, timezone) as store:
        states = {each.segment: each for each in ([store.state(name)] if name else store.states())}
        segments = [store.get(name)] if name else store.list()
        listed = [_to_json(segment, states[segment.name]) for segment in segments]
        history = [
            {
                "at": iso(each.at),
                "members": each.members,
                "entered": each.entered,
                "left": each.left,
                "seconds": each.seconds,
                "reason": each.reason.value,
            }
            for each in (store.history(name, limit=20) if name else ())
        ]
        users = list(store.users(name)) if name else []
    if as_json:
        echo_json({"segments": listed, **({"history": history, "used_by": users} if name else {})})
    elif name:
        _detail(listed[0], history, users)
    else:
        _overview(listed)
    failed = any(state.status is Status.ERROR for state in states.values())
    ctx.exit(Exit.FINDINGS if failed else Exit.FINE)


@click.command(cls=Verb, short_help="Show members, or ask about one customer.")
@click.argument("name")
@click.option("--website", "websites", multiple=True, metavar="CODE", help="Only this website; may be repeated.")
@click.option("--customer", metavar="ID", help="Is this customer a stored member, and would it be one now?")
@click.option("--limit", type=click.IntRange(1), default=100, metavar="N", help="How many to show.  [default: 100]")
@click.option("--after", metavar="ID", help="Begin behind this customer.")
@store_options
@json_option
@click.pass_context
def members_command(
    ctx: click.Context,
    name: str,
    websites: Sequence[str],
    customer: str | None,
    limit: int,
    after: str | None,
    database: str | None,
    prefix: str,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Show members of a stored segment by id, or ask about one customer.

    With --customer the exit code is 1 when that customer is no stored member.

    JSON: {"segment", "size", "members": [{"customer_id", "website", "since"}]}; with --customer
    {"segment", "customer_id", "member", "would_be_member", "segments": [name]}
    """
    with opened(database, prefix, timezone) as store:
        if customer is not None:
            key = customer_id(store.shop, customer)
            answer: dict[str, Any] = {"segment": name, "customer_id": id_to_json(key)}
            answer |= {"member": store.contains(name, key)}
            answer |= {"would_be_member": store.matches(name, key), "segments": list(store.segments_of(key))}
            with store.engine.connect() as connection:
                if not answer["member"] and not is_there(connection, store.shop, key):
                    raise Failure(Blame.USAGE, f"there is no customer {customer} in this shop")
        else:
            require_websites(store.shop, websites, store.engine)
            behind = None if after is None else customer_id(store.shop, after)
            page = store.page(name, after=behind, limit=limit, website=websites or None)
            size = store.size(name, website=websites or None)
    if customer is not None:
        if as_json:
            echo_json(answer)
        else:
            click.echo(f"{customer} is {'a' if answer['member'] else 'no'} member of {name}", nl=False)
            click.echo("" if answer["member"] == answer["would_be_member"] else "; the next refresh would change that")
        ctx.exit(Exit.FINE if answer["member"] else Exit.FINDINGS)
    rows = [
        {"customer_id": id_to_json(each.customer_id), "website": each.website, "since": iso(each.since)}
        for each in page
    ]
    if as_json:
        echo_json({"segment": name, "size": size, "members": rows})
        return
    shown = [[str(row["customer_id"]), row["website"] or "", _shown(row["since"], "")] for row in rows]
    for line in table_lines(("customer", "website", "since"), shown, right=(0,)):
        click.echo(line)
    if size > len(rows):
        more = f"; go on with --after {rows[-1]['customer_id']}" if len(rows) == limit else ""
        click.echo(f"{len(rows):,} of {size:,} members{more}; all of them: segrules export {name}")


@click.command(cls=Verb, short_help="Write the members into a file.")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write: a .csv, .jsonl or .parquet file.  [default: standard output]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="The format, when the file's name does not tell it.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="FIELD",
    help="A field of the customer to write too, like email; may be repeated.",
)
@click.option("--website", "websites", multiple=True, metavar="CODE", help="Only this website; may be repeated.")
@store_options
@json_option
def export_command(
    name: str,
    output: str | None,
    kind: str | None,
    fields: Sequence[str],
    websites: Sequence[str],
    database: str | None,
    prefix: str,
    timezone: str | None,
    as_json: bool,
) -> None:
    """Write all members of a stored segment into a file, with the fields that are asked for.

    JSON (with --output): {"segment", "file", "members"}
    """
    with opened(database, prefix, timezone) as store:
        require_websites(store.shop, websites, store.engine)
        if output is not None:
            count = store.export(name, output, format=kind, fields=fields, website=websites or None)
        else:
            kind = kind or "csv"
            target: IO[Any] = sys.stdout.buffer if kind == "parquet" else sys.stdout
            count = store.export(name, target, format=kind, fields=fields, website=websites or None)
    if output is not None and as_json:
        echo_json({"segment": name, "file": output, "members": count})
    elif output is not None:
        click.echo(f"{count:,} members written to {output}")


def _to_json(segment: Any, state: State) -> dict[str, Any]:
    return {
        "name": segment.name,
        "title": segment.title,
        "rule": segment.rule,
        "active": segment.active,
        "websites": list(segment.websites),
        "groups": list(segment.groups),
        "refresh": segment.mode.value,
        "priority": segment.priority,
        "version": segment.version,
        "status": state.status.value,
        "message": state.message,
        "members": state.members,
        "at": iso(state.at),
        "finished_at": iso(state.finished_at),
        "next_change_at": iso(state.next_change_at),
    }


def _overview(listed: Sequence[dict[str, Any]]) -> None:
    if not listed:
        click.echo("No segments are stored yet; put .seg files into a folder and go on with: segrules apply FOLDER")
        return
    head = ("segment", "status", "members", "as of", "priority", "title")
    rows = [
        [
            each["name"],
            _status(each),
            f"{each['members']:,}",
            _shown(each["at"]),
            str(each["priority"]),
            each["title"],
        ]
        for each in listed
    ]
    for line in table_lines(head, rows, right=(2, 4)):
        click.echo(line)
    for each in listed:
        if each["message"]:
            click.echo(f"{click.style(each['name'], bold=True)}: {each['message']}", err=True)


def _status(listed: dict[str, Any]) -> str:
    return str(listed["status"]) if listed["active"] else "inactive"


def _detail(listed: dict[str, Any], history: Sequence[dict[str, Any]], users: Sequence[str]) -> None:
    title = f": {listed['title']}" if listed["title"] else ""
    click.echo(f"{click.style(listed['name'], bold=True)}{title}")
    click.echo(f"{_status(listed)}, {listed['members']:,} members as of {_shown(listed['at'])}")
    facts = {
        "websites": ", ".join(listed["websites"]),
        "groups": ", ".join(listed["groups"]),
        "refresh": listed["refresh"],
        "priority": str(listed["priority"]),
        "version": str(listed["version"]),
        "used by": ", ".join(users),
        "changes next": _shown(listed["next_change_at"], ""),
        "message": listed["message"],
    }
    for word, value in facts.items():
        if value:
            click.echo(f"{word}: {value}")
    click.echo()
    click.echo(listed["rule"])
    if history:
        click.echo()
        rows = [
            [_shown(each["at"], ""), f"{each['members']:,}", f"+{each['entered']:,}", f"-{each['left']:,}",
             f"{each['seconds']:.3f}", each["reason"]]
            for each in history
        ]  # fmt: skip
        for line in table_lines(("as of", "members", "entered", "left", "seconds", "reason"), rows, right=(1, 2, 3, 4)):
            click.echo(line)
