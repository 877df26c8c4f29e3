"""``segrules explain-code``: what a code of an error or warning means, and the way out."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import echo_json, json_option

if TYPE_CHECKING:
    from segrules.language.codes import Code

_WIDTH = 96


@click.command(cls=Verb, short_help="Say what an error code means.")
@click.argument("code", required=False, metavar="[CODE]")
@json_option
def explain_code_command(code: str | None, as_json: bool) -> None:
    """Say what a code such as SEG101 means, with a rule that has the mistake and one that has not.

    Without a code, list them all.

    JSON: {"codes": [{"code", "severity", "title", "explanation", "bad", "good"}]}
    """
    from segrules.language.codes import CODES

    shown = list(CODES.values()) if code is None else [_named(CODES, code)]
    if as_json:
        echo_json({"codes": [_to_json(each) for each in shown]})
    elif code is None:
        for each in shown:
            click.echo(f"{click.style(each.code, bold=True)}  {each.title}")
    else:
        _explain(shown[0])


def _named(codes: dict[str, Code], code: str) -> Code:
    wanted = code.upper() if code.upper().startswith("SEG") else f"SEG{code}"
    found = codes.get(wanted)
    if found is None:
        near = difflib.get_close_matches(wanted, list(codes), n=1)
        meant = f"did you mean {near[0]}?" if near else "see all of them with: segrules explain-code"
        raise Failure(Blame.USAGE, f'there is no code "{code}"; {meant}')
    return found


def _explain(code: Code) -> None:
    kind = click.style("warning", fg="yellow") if code.is_warning else click.style("error", fg="red")
    click.echo(f"{click.style(code.code, bold=True)}, {_an(kind, code)}: {click.style(code.title, bold=True)}")
    click.echo()
    click.echo(textwrap.fill(code.explanation, _WIDTH))
    for label, rule in (("Instead of", code.bad), ("write", code.good)):
        click.echo()
        click.echo(f"{label}:")
        for line in rule.splitlines():
            click.echo(f"  {line if len(line) <= _WIDTH else line[: _WIDTH - 2] + ' …'}")


def _an(kind: str, code: Code) -> str:
    return f"a {kind}" if code.is_warning else f"an {kind}"


def _to_json(code: Code) -> dict[str, Any]:
    return {
        "code": code.code,
        "severity": "warning" if code.is_warning else "error",
        "title": code.title,
        "explanation": code.explanation,
        "bad": code.bad,
        "good": code.good,
    }
