"""``segrules count``: how many customers does a rule find?"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import click

from segrules.cli.database import database_option, open_engine, told
from segrules.cli.evaluation import Setting, evaluation_options
from segrules.cli.failures import Verb
from segrules.cli.output import echo_json, json_option
from segrules.cli.reading import expression_option, read_rule, rule_argument


@click.command(cls=Verb, short_help="Count the customers that a rule finds.")
@rule_argument
@expression_option
@database_option
@evaluation_options
@json_option
def count_command(
    rule: str | None, expression: str | None, database: str | None, as_json: bool, **options: Any
) -> None:
    """Count the customers that a rule finds in a database; nothing is stored.

    JSON: {"rule", "at", "count", "seconds"}
    """
    from segrules.rule import parse

    text = read_rule(rule, expression)
    setting = Setting.of(options)
    shop = setting.shop()
    parsed = parse(text.text, shop, name=text.name)
    engine = open_engine(database)
    with told(engine, shop), engine.connect() as connection:
        keywords = setting.keywords(parsed, shop, engine)
        start = perf_counter()
        count = parsed.count(connection, shop, **keywords)
        seconds = perf_counter() - start
    if as_json:
        document = {"rule": parsed.format(), "at": keywords["at"].isoformat(), "count": count}
        echo_json({**document, "seconds": round(seconds, 6)})
    else:
        found = f"{count:,} customer{'' if count == 1 else 's'}"
        click.echo(f"{click.style(found, bold=True)} in {seconds:.2f} s")
