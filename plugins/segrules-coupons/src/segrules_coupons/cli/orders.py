"""``order``, ``release``, ``reap``, ``clean`` and ``statistics``: the uses, and keeping house."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import click
from segrules.cli.output import echo_json, json_option, table_lines

from segrules_coupons.cli.shared import Verb, opened, plain, store_options
from segrules_coupons.redeeming import Reservation


@click.command("order", cls=Verb)
@click.argument("order_ref")
@store_options
@json_option
def order_command(order_ref: str, as_json: bool, **given: Any) -> None:
    """Show what an order uses.

    JSON: {"order_ref", "uses": [{"rule", "code", "state", "reserved_until", "discount"}]}
    """
    with opened(given) as store:
        found = store.reservation(order_ref)
    if as_json:
        echo_json(plain(attrs.asdict(found)))
    else:
        _show(found)


@click.command("release", cls=Verb)
@click.argument("order_ref")
@store_options
def release_command(order_ref: str, **given: Any) -> None:
    """Give back what an order uses; what is confirmed, where its rule allows it."""
    with opened(given) as store:
        _show(store.release(order_ref))


def _show(found: Reservation) -> None:
    rows = [(each.rule, each.code or "-", each.state.value, plain(each.reserved_until) or "-") for each in found.uses]
    click.echo("\n".join(table_lines(("rule", "code", "state", "until"), rows)))


@click.command("reap", cls=Verb)
@store_options
def reap_command(**given: Any) -> None:
    """Give back every reservation whose time is over. For cron, each minute."""
    with opened(given) as store:
        click.echo(f"{store.reap():,} reservations were over")


@click.command("clean", cls=Verb)
@click.option(
    "--days", type=click.IntRange(0), default=0, show_default=True, help="How long ago they have to have expired."
)
@store_options
def clean_command(days: int, **given: Any) -> None:
    """Delete codes of batches that have expired without ever having been used. For cron, each night."""
    with opened(given) as store:
        click.echo(f"{store.clean(older_than=timedelta(days=days)):,} codes were deleted")


@click.command("statistics", cls=Verb)
@click.argument("rule", required=False, metavar="[RULE]")
@store_options
@json_option
def statistics_command(rule: str | None, as_json: bool, **given: Any) -> None:
    """Show for each rule, and for what its codes were made for, how many there are and what came of them.

    JSON: {"statistics": [{"rule", "source", "issued", "cleaned", "live", "reserved", "confirmed", "released",
    "expired", "discount": {currency: amount}, "revenue": {currency: amount}}]}
    """
    with opened(given) as store:
        found = store.statistics(rule)
    if as_json:
        echo_json({"statistics": [plain(attrs.asdict(each)) for each in found]})
        return
    rows = [
        (each.rule, each.source or "-", f"{each.issued:,}", f"{each.live:,}", f"{each.reserved:,}",
         f"{each.confirmed:,}", _sums(each.discount), _sums(each.revenue))
        for each in found
    ]  # fmt: skip
    head = ("rule", "source", "issued", "live", "reserved", "confirmed", "discount", "revenue")
    click.echo("\n".join(table_lines(head, rows, right=(2, 3, 4, 5))))


def _sums(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount:.2f} {currency}".rstrip() for currency, amount in sorted(amounts.items())) or "-"
