"""``segrules plugins``: what is installed, and which words it brings."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
from attrs import frozen

from segrules.cli.failures import Blame, Exit, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.errors import VocabularyError


@frozen
class _Plugin:
    """An installed plugin with its words, or with the reason why it cannot be used."""

    point: EntryPoint
    words: tuple[str, ...]
    error: str | None = None

    @property
    def distribution(self) -> str:
        return self.point.dist.name if self.point.dist is not None else "?"

    @property
    def version(self) -> str:
        return self.point.dist.version if self.point.dist is not None else "?"


@click.command(cls=Verb, short_help="List what is installed.")
@json_option
@click.pass_context
def plugins_command(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins: distribution, version, and the words that each one brings.

    Exit code 3 when one is broken, or when two claim the same word.

    JSON: {"plugins": [{"distribution", "version", "name", "module", "words", "error"}], "conflict"}
    """
    from segrules.vocabulary import GROUP, load

    points = sorted(entry_points(group=GROUP), key=lambda each: (each.name != "builtin", each.name))
    found = [_plugin(point) for point in points]
    conflict = None
    if not any(each.error for each in found):
        try:
            load(points)
        except VocabularyError as error:
            conflict = str(error)
    if as_json:
        echo_json({"plugins": [_to_json(each) for each in found], "conflict": conflict})
    else:
        rows = [[each.distribution, each.version, each.point.name, ", ".join(each.words)] for each in found]
        for line in table_lines(("distribution", "version", "plugin", "words"), rows):
            click.echo(line)
        for problem in [*(each.error for each in found if each.error), *([conflict] if conflict else [])]:
            click.echo(click.style(f"broken: {problem}", fg="red"), err=True)
    broken = conflict is not None or any(each.error for each in found)
    ctx.exit(Blame.ENVIRONMENT.exit if broken else Exit.FINE)


def _plugin(point: EntryPoint) -> _Plugin:
    from segrules.vocabulary import load

    try:
        return _Plugin(point, tuple(relation.word for relation in load([point])))
    except VocabularyError as error:
        return _Plugin(point, (), str(error))


def _to_json(plugin: _Plugin) -> dict[str, Any]:
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "name": plugin.point.name,
        "module": plugin.point.value,
        "words": list(plugin.words),
        "error": plugin.error,
    }
