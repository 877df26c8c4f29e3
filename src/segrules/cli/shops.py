"""The shop of a command: the default one, or that of a mapping file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Blame, Failure
from segrules.errors import ShopError

if TYPE_CHECKING:
    from segrules.shop import DeclaredShop, Shop
    from segrules.vocabulary import Vocabulary

VARIABLE = "SEGRULES_SHOP"
_KEY = "segrules.shop"


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    ctx.meta[_KEY] = value
    return value


#: Kept with the command's context, for :func:`shop_of_command` and :func:`words_of_command`.
shop_option = click.option(
    "--shop",
    envvar=VARIABLE,
    metavar="FILE|PRESET",
    callback=_remember,
    expose_value=False,
    help=f"The file that maps your shop, or a preset such as oscar; without, the default shop.  [env: {VARIABLE}]",
)


def shop_of_command(timezone: str | None) -> Shop:
    """The shop that the command was given, in its own zone or the one of the option."""
    from segrules.cli.evaluation import zone_of

    file = click.get_current_context().meta.get(_KEY)
    if file is None:
        from segrules.shop import Shop

        return Shop.default(timezone=zone_of(timezone or "UTC").key)
    shop = load(file)
    return shop if timezone is None else shop.in_zone(zone_of(timezone).key)


def words_of_command() -> Vocabulary:
    """The words of the command's shop; nothing is imported that only a database needs."""
    from segrules.vocabulary import Vocabulary

    file = click.get_current_context().meta.get(_KEY)
    return Vocabulary.installed() if file is None else load(file).vocabulary


def load(file: str) -> DeclaredShop:
    """The shop of a mapping file; its mistakes are the user's."""
    from segrules.shop import Shop
    from segrules.shop.presets import PRESETS

    known = ", ".join(PRESETS)
    if file in PRESETS and not Path(file).exists():
        return Shop.preset(file)
    if not Path(file).exists():
        way_out = "segrules map writes a first one from a database" if Path(file).suffix else f"presets are {known}"
        raise Failure(Blame.USAGE, f"there is no file {file}; {way_out}")
    try:
        return Shop.load(file)
    except ShopError as error:
        lines = str(error).splitlines()
        head = "" if len(lines) == 1 else f"{file} has {len(lines)} mistakes:\n  "
        raise Failure(Blame.USAGE, head + "\n  ".join(lines)) from None
