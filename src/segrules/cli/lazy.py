"""A group of commands, each imported only when it is used; the commands of segrules and of what builds on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Sub-commands found by name, in the order of the help; a misspelt one is answered with the nearest.

    ``modules`` says for each name the module of ``package`` that has it; there it is called ``name_command``.
    """

    def __init__(self, *arguments: Any, package: str, modules: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.package, self.modules = package, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer meets them."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of a name, or None."""
        if cmd_name not in self.modules:
            return None
        module = import_module(f"{self.package}.{self.modules[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command that is meant; an unknown name is answered with the nearest one."""
        from difflib import get_close_matches

        near = get_close_matches(args[0].lower(), self.modules, n=1) if args and args[0] not in self.modules else []
        if near and not args[0].startswith("-"):
            ctx.fail(f'there is no command "{args[0]}"; did you mean "{near[0]}"?')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the sub-command, without colours where nobody wants them."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        return super().invoke(ctx)
