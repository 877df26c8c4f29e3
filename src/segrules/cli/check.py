"""``segrules check``: are these rules right?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from segrules.cli.evaluation import moment_of, zone_of
from segrules.cli.failures import Exit, Verb
from segrules.cli.output import diagnostic_to_json, echo_diagnostic, echo_json, json_option
from segrules.cli.reading import RuleText, expressions_option, read_rules, rules_argument
from segrules.cli.shops import shop_option, words_of_command
from segrules.clock import Clock
from segrules.errors import Diagnostic, RuleError, Severity


@click.command(cls=Verb, short_help="Find mistakes in rules.")
@rules_argument
@expressions_option
@click.option("--strict", is_flag=True, help="A warning is a finding too.")
@shop_option
@click.option("--timezone", default="UTC", metavar="ZONE", help="The zone in which windows are judged.  [default: UTC]")
@click.option("--at", metavar="MOMENT", help="The moment at which windows are judged.  [default: now]")
@json_option
@click.pass_context
def check_command(
    ctx: click.Context,
    rules: Sequence[str],
    expressions: Sequence[str],
    strict: bool,
    timezone: str,
    at: str | None,
    as_json: bool,
) -> None:
    """Look for mistakes in rules, and for what is probably not meant.

    Takes files (one rule each), folders of .seg files, - for standard input, or rules as text with -e.
    Exit code 1 when a rule has a mistake; with --strict also when one has a warning.

    JSON: {"rules": [{"name", "ok", "diagnostics": [{"code", "severity", "message", "source", "line", "column",
    "end_line", "end_column", "start", "end", "hint", "suggestion": {"text", "start", "end"}}]}], "errors", "warnings"}
    """
    clock = _clock(timezone, at)
    found = [(rule, _diagnostics(rule, clock)) for rule in read_rules(rules, expressions)]
    every = [each for _, diagnostics in found for each in diagnostics]
    errors = sum(each.severity is Severity.ERROR for each in every)
    warnings = len(every) - errors
    if as_json:
        echo_json({"rules": [_to_json(*each) for each in found], "errors": errors, "warnings": warnings})
    else:
        for place, diagnostic in enumerate(every):
            if place:
                click.echo()
            echo_diagnostic(diagnostic)
        if every:
            click.echo()
        click.echo(_summary(len(found), errors, warnings))
    ctx.exit(Exit.FINDINGS if errors or (strict and warnings) else Exit.FINE)


def _diagnostics(rule: RuleText, clock: Clock) -> list[Diagnostic]:
    """The mistakes of a rule, or else its warnings. Asks the language alone, so that nothing else is imported."""
    from segrules.language import lint, parse

    vocabulary = words_of_command()
    try:
        return list(lint(parse(rule.text, vocabulary, name=rule.name), vocabulary, clock))
    except RuleError as error:
        return list(error.diagnostics)


def _clock(timezone: str, at: str | None) -> Clock:
    zone = zone_of(timezone)
    moment = None if at is None else moment_of(at, "--at")
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return Clock.at(moment, zone)


def _to_json(rule: RuleText, diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "ok": not any(each.severity is Severity.ERROR for each in diagnostics),
        "diagnostics": [diagnostic_to_json(each) for each in diagnostics],
    }


def _summary(rules: int, errors: int, warnings: int) -> str:
    checked = "1 rule" if rules == 1 else f"{rules} rules"
    if not errors and not warnings:
        return click.style(f"{checked}: no mistakes", fg="green")
    found = [(errors, "mistake"), (warnings, "warning")]
    parts = [f"{count} {word if count == 1 else word + 's'}" for count, word in found if count]
    return click.style(f"{checked}: {', '.join(parts)}", fg="red" if errors else "yellow")
