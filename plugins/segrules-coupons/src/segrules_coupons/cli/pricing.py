"""``price``: what a cart costs, and why."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

import attrs
import click
from segrules.cli.failures import Blame, Failure
from segrules.cli.output import echo_json, json_option

from segrules_coupons.cli.shared import Verb, opened, plain, store_options


@click.command("price", cls=Verb)
@click.argument("cart", type=click.File(encoding="utf-8"))
@click.option("--customer", metavar="ID", help="Whose cart it is; a guest's when it is left out.")
@click.option("--code", "codes", multiple=True, metavar="CODE", help="A code that was typed; may be repeated.")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="The moment, like 2025-07-04T12:00:00+0000.")
@click.option("--all", "everything", is_flag=True, help="Explain also rules that wait for a code or are off.")
@click.option("--explain", metavar="RULE", help="Show the condition of a rule with its truth.")
@store_options
@json_option
def price_command(
    cart: IO[str],
    customer: str | None,
    codes: tuple[str, ...],
    at: datetime | None,
    everything: bool,
    explain: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Price the cart in a JSON file ("-" reads it from standard input); nothing is reserved.

    The cart: {"currency", "shipping", "items": [{"sku", "price", "qty", …}]}

    JSON: {"subtotal", "discount", "shipping", "shipping_discount", "total", "free_shipping", "lines": [{"id",
    "row_total", "discount"}], "rules": [{"rule", "applied", "reason", "message", …}], "codes": [{"typed", "applied",
    "reason", "message", "public"}]}
    """
    try:
        data = json.load(cart, parse_float=Decimal)
    except ValueError as error:
        raise Failure(Blame.USAGE, f"{cart.name} holds no JSON: {error}") from None
    with opened(given) as store:
        who: Any = int(customer) if customer is not None and customer.isdecimal() else customer
        quote = store.price(data, who, codes=codes, at=at, everything=everything)
    if as_json:
        sums = ("subtotal", "discount", "shipping", "shipping_discount", "total", "free_shipping")
        rules = [{**attrs.asdict(each), "applied": each.applied} for each in quote.verdicts]
        typed = [{**attrs.asdict(each), "applied": each.applied} for each in quote.codes]
        document = {name: getattr(quote, name) for name in sums}
        lines = [attrs.asdict(each) for each in quote.lines]
        echo_json(plain({**document, "lines": lines, "rules": rules, "codes": typed}))
        return
    click.echo(str(quote))
    if explain is not None:
        click.echo(f"\n{quote.explain(explain)}")
