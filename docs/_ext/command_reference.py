"""The help of every command, asked of the commands themselves. ``{commands}`` renders them all."""

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from segrules.cli.group import segrules

WIDTH = 96


def page() -> str:
    """A section for each command, with its help as it is printed."""
    parts = [fenced("segrules --help", help_of(segrules, "segrules"))]
    context = click.Context(segrules, info_name="segrules")
    for name in segrules.list_commands(context):
        command = segrules.get_command(context, name)
        assert command is not None, name
        parts.append(f"## {name}\n\n" + fenced(f"segrules {name} --help", help_of(command, f"segrules {name}")))
        for inner, each in getattr(command, "commands", {}).items():
            line = f"segrules {name} {inner}"
            parts.append(fenced(f"{line} --help", help_of(each, line)))
    return "\n".join(parts)


def help_of(command: click.Command, name: str) -> str:
    """The help text that ``--help`` prints."""
    settings = {"terminal_width": WIDTH, "max_content_width": WIDTH, "help_option_names": ["-h", "--help"]}
    return command.get_help(click.Context(command, info_name=name, **settings))


def fenced(line: str, text: str) -> str:
    """A console block with a command and what it prints."""
    return f"```console\n$ {line}\n{text}\n```\n"


class Commands(SphinxDirective):
    """``{commands}``: all commands with their help."""

    def run(self) -> list[nodes.Node]:
        """The parsed sections."""
        return self.parse_text_to_nodes(page(), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
