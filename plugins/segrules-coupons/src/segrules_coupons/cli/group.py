"""The command and its sub-commands, each imported only when it is used."""

from __future__ import annotations

import click
from segrules.cli.lazy import LazyGroup

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


@click.group(
    cls=LazyGroup,
    package="segrules_coupons.cli",
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 refused, 2 wrong usage, 3 the environment (database, driver, plugin).",
)
@click.version_option(__version__, prog_name="segrules-coupons", message="%(prog)s %(version)s")
def coupons() -> None:
    """Sales rules and personal coupons of a shop."""
