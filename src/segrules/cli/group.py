"""The command and its sub-commands, each imported only when it is used."""

from __future__ import annotations

import click

from segrules import __version__
from segrules.cli.failures import EXIT_CODES
from segrules.cli.lazy import LazyGroup

#: Each sub-command in the order of the help, with the module that has it under the same name.
COMMANDS = {
    "demo": "demo",
    "check": "check",
    "format": "formatting",
    "sql": "sql",
    "count": "count",
    "explain": "explain",
    "segments": "segments",
    "refresh": "segments_refresh",
    "members": "segments",
    "export": "segments",
    "plan": "segments_files",
    "apply": "segments_files",
    "indexes": "indexes",
    "import": "importing",
    "to-json": "json_form",
    "from-json": "json_form",
    "schema": "json_form",
    "doctor": "doctor",
    "map": "mapping",
    "conditions": "conditions",
    "plugins": "plugins",
    "explain-code": "codes",
}


@click.group(
    cls=LazyGroup,
    package="segrules.cli",
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {EXIT_CODES}.",
)
@click.version_option(__version__, prog_name="segrules", message="%(prog)s %(version)s")
def segrules() -> None:
    """Customer segments as sentences.

    Try it without a shop of your own:  segrules demo
    """
