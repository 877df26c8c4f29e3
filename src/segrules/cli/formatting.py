"""``segrules format``: rules in their one canonical form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import click
from attrs import frozen

from segrules.cli.failures import Blame, Exit, Failure, Verb, tell
from segrules.cli.output import diagnostic_to_json, echo_json, json_option
from segrules.cli.reading import SUFFIX, RuleText, expressions_option, read_rules, rules_argument
from segrules.cli.shops import shop_option, words_of_command
from segrules.errors import RuleError


@frozen
class _Formatted:
    """A rule with its canonical text, or with the mistakes that keep it from having one."""

    rule: RuleText
    text: str | None
    error: RuleError | None = None

    @property
    def changed(self) -> bool:
        """Whether the text is another; a text that is no file need not end its last line."""
        if self.text is None or self.rule.path is None:
            return self.text is not None and self.text.rstrip("\n") != self.rule.text.rstrip("\n")
        return self.text != self.rule.text


@click.command(cls=Verb, short_help="Write rules in their canonical form.")
@rules_argument
@expressions_option
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
@shop_option
@json_option
@click.pass_context
def format_command(
    ctx: click.Context, rules: Sequence[str], expressions: Sequence[str], check: bool, diff: bool, as_json: bool
) -> None:
    """Write rules in their one canonical form, comments kept.

    Files are changed in place; standard input and -e rules go to standard output. A rule with mistakes is left
    as it is and makes exit code 1.

    JSON: {"rules": [{"name", "changed", "text", "diagnostics"}]}; "text" is null for a rule with mistakes
    """
    found = [_formatted(rule) for rule in read_rules(rules, expressions)]
    if not check and not diff:
        for each in found:
            _write(each)
    if as_json:
        echo_json({"rules": [_to_json(each) for each in found]})
    else:
        _report(found, check=check, diff=diff)
    findings = any(each.error is not None or (check and each.changed) for each in found)
    ctx.exit(Exit.FINDINGS if findings else Exit.FINE)


def _formatted(rule: RuleText) -> _Formatted:
    from segrules.language import format_condition, parse

    try:
        parsed = parse(rule.text, words_of_command(), name=rule.name)
        if rule.path is None or rule.path.suffix != SUFFIX or not rule.text.startswith("#"):
            return _Formatted(rule, format_condition(parsed.condition).rstrip("\n") + "\n")
        from segrules.segments import files

        head, body = files.split(rule.text)
        return _Formatted(rule, files.join(head, format_condition(parse(body, words_of_command()).condition)))
    except RuleError as error:
        return _Formatted(rule, None, error)


def _write(formatted: _Formatted) -> None:
    path = formatted.rule.path
    if path is not None and formatted.text is not None and formatted.changed:
        try:
            path.write_text(formatted.text, encoding="utf-8", newline="\n")
        except OSError as cause:
            raise Failure(Blame.ENVIRONMENT, f"{path} cannot be written: {cause.strerror or cause}") from None


def _report(found: Sequence[_Formatted], *, check: bool, diff: bool) -> None:
    for each in found:
        if each.error is not None:
            tell(each.error, Blame.RULE, as_json=False)
            continue
        assert each.text is not None
        if diff:
            click.echo("".join(_difference(each)), nl=False)
        elif check:
            if each.changed:
                click.echo(f"would change {each.rule.name}")
        elif each.rule.path is None:
            click.echo(each.text, nl=False)
        elif each.changed:
            click.echo(f"formatted {each.rule.name}")


def _difference(formatted: _Formatted) -> Iterator[str]:
    assert formatted.text is not None
    name = formatted.rule.name
    colours = {"-": "red", "+": "green", "@": "cyan"}
    old, new = formatted.rule.text.splitlines(), formatted.text.splitlines()
    for line in difflib.unified_diff(old, new, name, f"{name} (formatted)", lineterm=""):
        yield click.style(line, fg=colours.get(line[:1])) + "\n"


def _to_json(formatted: _Formatted) -> dict[str, object]:
    diagnostics = formatted.error.diagnostics if formatted.error is not None else ()
    return {
        "name": formatted.rule.name,
        "changed": formatted.changed,
        "text": formatted.text,
        "diagnostics": [diagnostic_to_json(each) for each in diagnostics],
    }
