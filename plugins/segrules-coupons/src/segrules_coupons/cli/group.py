"""The command and its sub-commands, each imported only when it is used."""

from __future__ import annotations

import os
from importlib import import_module

import click

from segrules_coupons import __version__

#: Each sub-command in the order of the help, with the module that has it.
COMMANDS = {
    "init": "rules",
    "save": "rules",
    "rules": "rules",
    "price": "pricing",
    "batch": "codes",
    "batches": "codes",
    "issue": "codes",
    "show": "codes",
    "export": "codes",
    "void": "codes",
    "order": "orders",
    "release": "orders",
    "reap": "orders",
    "clean": "orders",
    "statistics": "orders",
}


class Commands(click.Group):
    """Sub-commands found by name; importing one does not import the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"segrules_coupons.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, f"{cmd_name}_command")
        return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 refused, 2 wrong usage, 3 the environment (database, driver, plugin).",
)
@click.version_option(__version__, prog_name="segrules-coupons", message="%(prog)s %(version)s")
@click.pass_context
def coupons(ctx: click.Context) -> None:
    """Sales rules and personal coupons of a shop."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
