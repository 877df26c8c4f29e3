"""``segrules map``: a first mapping file from a database."""

from __future__ import annotations

import click

from segrules.cli.database import database_option, open_engine, told
from segrules.cli.evaluation import zone_of
from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import echo_json, json_option
from segrules.shop.presets import PRESETS, preset_file


@click.command(cls=Verb, short_help="Write a first mapping file from a database.")
@database_option
@click.option("--schema", metavar="NAME", help="The schema of the shop's tables, where it is not the usual one.")
@click.option("--timezone", metavar="ZONE", help="The zone of the shop's days.  [default: UTC]")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    metavar="NAME",
    help=f"The file of a preset as it is, to adapt it; no database is asked: {', '.join(PRESETS)}.",
)
@json_option
def map_command(
    database: str | None, schema: str | None, timezone: str | None, preset: str | None, as_json: bool
) -> None:
    """Write a first mapping file (TOML) to standard output, guessed from names, types and foreign keys.

    What is not certain is marked with "# guess:". Look at it, and then hold it against the database with
    segrules doctor. Of the rows only what tells how a column is kept is looked at; nothing is written.

    JSON: {"toml", "guesses"}
    """
    if preset is not None:
        if schema is not None or timezone is not None:
            raise Failure(Blame.USAGE, "--preset prints a file as it is; write schema and timezone into it")
        text = preset_file(preset).read_text(encoding="utf-8")
    else:
        text = _guessed(database, schema, timezone or "UTC")
    if as_json:
        echo_json({"toml": text, "guesses": text.count("# guess:")})
    else:
        click.echo(text, nl=False)


def _guessed(database: str | None, schema: str | None, timezone: str) -> str:
    from segrules.shop.guessing import guessed

    zone = zone_of(timezone).key
    engine = open_engine(database)
    with told(engine):
        return guessed(engine, schema=schema, timezone=zone)
