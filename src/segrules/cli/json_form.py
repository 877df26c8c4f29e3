"""``segrules to-json``, ``from-json`` and ``schema``: rules in the form that programs read and write."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Blame, Exit, Failure, Verb
from segrules.cli.output import echo_json, json_option
from segrules.cli.reading import decoded, expression_option, read_rule, rule_argument
from segrules.cli.shops import shop_option, words_of_command

if TYPE_CHECKING:
    from segrules.errors import JsonMistake


@click.command(cls=Verb, short_help="Write a rule as JSON, for a rule builder.")
@rule_argument
@expression_option
@shop_option
@json_option
def to_json_command(rule: str | None, expression: str | None, as_json: bool) -> None:
    """Write a rule as JSON, comments included; what it looks like is told by the schema.

    JSON: {"version", "rule": {"condition", …}}, with and without this option
    """
    from segrules.interchange import to_json
    from segrules.rule import parse

    text = read_rule(rule, expression)
    echo_json(to_json(parse(text.text, vocabulary=words_of_command(), name=text.name)))


@click.command(cls=Verb, short_help="Read a rule from JSON.")
@click.argument("file", metavar="FILE|-")
@shop_option
@json_option
@click.pass_context
def from_json_command(ctx: click.Context, file: str, as_json: bool) -> None:
    """Read a rule from JSON and print its canonical text. Exit code 1 when the JSON means no rule.

    JSON: {"text", "mistakes": [{"pointer", "code", "message", "hint", "suggestion"}]}; "text" is null when there are
    mistakes, and each pointer is a JSON pointer into the file
    """
    from segrules.errors import RuleJsonError
    from segrules.interchange import from_json

    text: str | None = None
    mistakes: Sequence[JsonMistake] = ()
    try:
        text = from_json(_content(file), vocabulary=words_of_command()).format()
    except RuleJsonError as error:
        mistakes = error.mistakes
    if as_json:
        echo_json({"text": text, "mistakes": [_to_json(each) for each in mistakes]})
    elif text is not None:
        click.echo(text)
    for each in () if as_json else mistakes:
        click.echo(f"{click.style(each.pointer or '/', bold=True)}: {each.message}", err=True)
        if each.hint is not None:
            click.echo(f"  = {each.hint}", err=True)
    ctx.exit(Exit.FINDINGS if mistakes else Exit.FINE)


@click.command(cls=Verb, short_help="Print the JSON Schema of rules.")
@json_option
def schema_command(as_json: bool) -> None:
    """Print the JSON Schema of rules as JSON, draft 2020-12.

    JSON: the schema, with and without this option
    """
    from segrules.interchange import schema

    click.echo(json.dumps(schema(), ensure_ascii=False, indent=2))


def _content(file: str) -> str:
    if file == "-":
        return decoded(sys.stdin.buffer.read(), "standard input")
    try:
        return decoded(Path(file).read_bytes(), file)
    except FileNotFoundError:
        raise Failure(Blame.USAGE, f"there is no file {file}") from None
    except OSError as cause:
        raise Failure(Blame.USAGE, f"{file} cannot be read: {cause.strerror or cause}") from None


def _to_json(mistake: JsonMistake) -> dict[str, Any]:
    return {name: getattr(mistake, name) for name in ("pointer", "code", "message", "hint", "suggestion")}
