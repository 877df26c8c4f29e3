"""``segrules explain``: why is a customer found by a rule, or not?"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.customers import customer_id
from segrules.cli.database import database_option, open_engine, told
from segrules.cli.evaluation import Setting, evaluation_options
from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import can_draw, echo_json, json_option
from segrules.cli.reading import decoded, expression_option, read_rule, rule_argument

if TYPE_CHECKING:
    from segrules.customer import Customer
    from segrules.shop import Shop


@click.command(cls=Verb, short_help="Say why a rule finds a customer, or not.")
@rule_argument
@click.argument("key", required=False, metavar="[ID]")
@expression_option
@click.option("--customer", metavar="FILE", help="A customer as JSON, nested as in memory; - for standard input.")
@database_option
@evaluation_options
@json_option
def explain_command(
    rule: str | None,
    key: str | None,
    expression: str | None,
    customer: str | None,
    database: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Explain what a rule says of one customer: each condition, whether it holds, and the values found.

    The customer is the one with this id in the database, or a JSON file given with --customer. For example:

    segrules explain vip.seg 42 --database duckdb:///shop.duckdb

    segrules explain -e 'lifetime.orders > 3' --customer ann.json

    JSON: {"rule", "at", "member", "explanation": {"text", "truth", "values": [{"operand", "value"}], "children"}}
    """
    from segrules.rule import parse

    if expression is not None and key is None:
        rule, key = None, rule  # with -e the one argument left is the customer
    if (key is None) == (customer is None):
        raise Failure(Blame.USAGE, "say which customer: either an id with --database, or --customer file.json")
    text = read_rule(rule, expression)
    setting = Setting.of(options)
    shop = setting.shop()
    parsed = parse(text.text, shop, name=text.name)
    if customer is not None:
        keywords = setting.keywords(parsed, shop)
        explanation = parsed.explain(_read_customer(customer, shop), shop, **keywords)
    else:
        assert key is not None
        engine = open_engine(database)
        with told(engine, shop), engine.connect() as connection:
            keywords = setting.keywords(parsed, shop, engine)
            explanation = parsed.explain(customer_id(shop, key), shop, connection=connection, **keywords)
    if as_json:
        document = {"rule": parsed.format(), "at": keywords["at"].isoformat(), "member": explanation.truth}
        echo_json({**document, "explanation": explanation.to_json()})
    else:
        click.echo(explanation.render(ascii=not can_draw(), zone=shop.zone))


def _read_customer(file: str, shop: Shop) -> Customer:
    """A customer from a JSON file; numbers stay exact."""
    from segrules.customer import Customer as Checked

    if file == "-":
        content = sys.stdin.buffer.read()
    else:
        try:
            content = Path(file).read_bytes()
        except OSError as cause:
            raise Failure(Blame.USAGE, f"{file} cannot be read: {cause.strerror or cause}") from None
    try:
        data = json.loads(decoded(content, file), parse_float=Decimal)
    except (json.JSONDecodeError, RecursionError) as cause:
        raise Failure(Blame.USAGE, f"{file} is no JSON: {cause}") from None
    if not isinstance(data, dict):
        raise Failure(Blame.USAGE, f'{file} holds no customer: an object like {{"id": 1, "orders": []}} is wanted')
    return Checked.from_mapping(data, shop.vocabulary)
