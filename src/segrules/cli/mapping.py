"""``segrules map``: a first mapping file from a database."""

from __future__ import annotations

import click

from segrules.cli.database import database_option, open_engine, told
from segrules.cli.evaluation import zone_of
from segrules.cli.failures import Verb
from segrules.cli.output import echo_json, json_option


@click.command(cls=Verb, short_help="Write a first mapping file from a database.")
@database_option
@click.option("--schema", metavar="NAME", help="The schema of the shop's tables, where it is not the usual one.")
@click.option("--timezone", default="UTC", metavar="ZONE", help="The zone of the shop's days.  [default: UTC]")
@json_option
def map_command(database: str | None, schema: str | None, timezone: str, as_json: bool) -> None:
    """Write a first mapping file (TOML) to standard output, guessed from names, types and foreign keys.

    What is not certain is marked with "# guess:". Look at it, and then hold it against the database with
    segrules doctor. Of the rows only what tells how a column is kept is looked at; nothing is written.

    JSON: {"toml", "guesses"}
    """
    from segrules.shop.guessing import guessed

    zone = zone_of(timezone).key
    engine = open_engine(database)
    with told(engine):
        text = guessed(engine, schema=schema, timezone=zone)
    if as_json:
        echo_json({"toml": text, "guesses": text.count("# guess:")})
    else:
        click.echo(text, nl=False)
