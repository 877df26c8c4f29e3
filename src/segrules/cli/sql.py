"""``segrules sql``: the statement that a rule becomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.evaluation import Setting, evaluation_options
from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import echo_json, json_option, plain_value
from segrules.cli.pretty import pretty
from segrules.cli.reading import expression_option, read_rule, rule_argument

if TYPE_CHECKING:
    import sqlalchemy as sa

DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb", "duckdb")


@click.command(cls=Verb, short_help="Show the SQL of a rule.")
@rule_argument
@expression_option
@click.option("--dialect", type=click.Choice(DIALECTS), default="postgresql", show_default=True)
@click.option("--values", is_flag=True, help="List the values that are bound to the statement.")
@click.option("--inline", is_flag=True, help="Write the values into the statement: for reading, not for running.")
@click.option("--plan", is_flag=True, help="Say which shape each part of the rule got, and why.")
@evaluation_options
@json_option
def sql_command(
    rule: str | None,
    expression: str | None,
    dialect: str,
    values: bool,
    inline: bool,
    plan: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the SQL that a rule becomes: one statement that selects the ids of all members.

    JSON: {"rule", "dialect", "at", "sql", "values": {name: value}, "plan": [line]}
    """
    from segrules.memory.explanation import shown
    from segrules.rule import parse

    if values and inline:
        raise Failure(Blame.USAGE, "--values lists the bound values, --inline has none left to list; take one")
    text = read_rule(rule, expression)
    setting = Setting.of(options)
    shop = setting.shop()
    parsed = parse(text.text, shop, name=text.name)
    keywords = setting.keywords(parsed, shop)
    found = parsed.plan(shop, dialect, **keywords)
    statement, bound = _written(found.statement, dialect, inline=inline)
    if as_json:
        echo_json(
            {
                "rule": parsed.format(),
                "dialect": dialect,
                "at": keywords["at"].isoformat(),
                "sql": statement,
                "values": {name: plain_value(value) for name, value in bound.items()},
                "plan": list(found.lines),
            }
        )
        return
    if inline:
        click.echo(click.style("-- For reading; programs run the statement with bound values.", dim=True))
    click.echo(statement)
    if values and bound:
        width = max(map(len, bound))
        click.echo()
        for name, value in bound.items():
            click.echo(f"{click.style(name.ljust(width), bold=True)} = {shown(value)}")
    if plan:
        click.echo()
        for line in found.lines:
            click.echo(line)


def _written(statement: sa.Select[Any], dialect: str, *, inline: bool) -> tuple[str, dict[str, Any]]:
    """The statement laid out for reading, and the values bound to it by name; inline, the text holds them."""
    from segrules.sql import dialect_of

    kind: Any = type(dialect_of(dialect))
    named = kind(paramstyle="named")
    if inline:
        return pretty(str(statement.compile(dialect=named, compile_kwargs={"literal_binds": True}))), {}
    state = statement.compile(dialect=named).construct_expanded_state()
    text = pretty(state.statement)
    in_order = dict.fromkeys(re.findall(r":(\w+)", text))
    return text, {name: state.parameters[name] for name in in_order if name in state.parameters}
