"""The command and its sub-commands, each imported only when it is used."""

from __future__ import annotations

import os
from importlib import import_module

import click

from segrules import __version__
from segrules.cli.failures import EXIT_CODES

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


class Commands(click.Group):
    """Sub-commands found by name; importing one does not import the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"segrules.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command that is meant; an unknown name is answered with the nearest one."""
        from difflib import get_close_matches

        near = get_close_matches(args[0].lower(), COMMANDS, n=1) if args and args[0] not in COMMANDS else []
        if near and not args[0].startswith("-"):
            ctx.fail(f'there is no command "{args[0]}"; did you mean "{near[0]}"?')
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {EXIT_CODES}.",
)
@click.version_option(__version__, prog_name="segrules", message="%(prog)s %(version)s")
@click.pass_context
def segrules(ctx: click.Context) -> None:
    """Customer segments as sentences.

    Try it without a shop of your own:  segrules demo
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
