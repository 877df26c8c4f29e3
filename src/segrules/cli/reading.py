"""Rules from files, from standard input and from the command line itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from attrs import frozen

from segrules.cli.failures import Blame, Failure

#: What a file of a rule is called.
SUFFIX = ".seg"


@frozen
class RuleText:
    """The text of a rule with the name that stands before line numbers; ``path`` when it is a file."""

    name: str
    text: str
    path: Path | None = None


def read_rules(arguments: Sequence[str], expressions: Sequence[str]) -> list[RuleText]:
    """All rules that a command was given: files, folders of them, ``-`` for standard input, and ``-e`` texts."""
    found = [rule for argument in arguments for rule in _of_argument(argument)]
    found += [RuleText("<-e>" if len(expressions) == 1 else f"<-e {n}>", each) for n, each in enumerate(expressions, 1)]
    if not found:
        raise Failure(Blame.USAGE, "give a rule: a .seg file, - for standard input, or -e 'lifetime.orders > 3'")
    return found


def read_rule(argument: str | None, expression: str | None) -> RuleText:
    """The one rule that a command was given."""
    if (argument is None) == (expression is None):
        raise Failure(
            Blame.USAGE, "give one rule: a .seg file, - for standard input, or the text itself: 'lifetime.orders > 3'"
        )
    found = read_rules([] if argument is None else [argument], [] if expression is None else [expression])
    if len(found) != 1:
        raise Failure(Blame.USAGE, f"{argument} is a folder of {len(found)} rules; this command takes one")
    return found[0]


def _of_argument(argument: str) -> Iterable[RuleText]:
    if argument == "-":
        return [RuleText("<stdin>", decoded(sys.stdin.buffer.read(), "standard input"))]
    path = Path(argument)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError):  # too long for a name, so it is a text
        is_folder = exists = False
    if is_folder:
        files = sorted(path.rglob(f"*{SUFFIX}"))
        if not files:
            raise Failure(Blame.USAGE, f"the folder {argument} holds no {SUFFIX} files")
        return [_of_file(file) for file in files]
    if not exists and _is_text(argument):
        return [RuleText("<rule>", argument)]
    return [_of_file(path)]


def _is_text(argument: str) -> bool:
    """Whether an argument that is no file is a rule itself: a rule has a blank or an operator, or is one word."""
    return any(char.isspace() or char in "<>=(" for char in argument) or argument.lower() in ("true", "false")


def _of_file(path: Path) -> RuleText:
    try:
        return RuleText(str(path), decoded(path.read_bytes(), str(path)), path)
    except FileNotFoundError:
        raise Failure(Blame.USAGE, f"there is no file {path}; a rule given as text goes behind -e") from None
    except OSError as cause:
        raise Failure(Blame.USAGE, f"{path} cannot be read: {cause.strerror or cause}") from None


def decoded(content: bytes, name: str) -> str:
    """Bytes as text; a byte order mark is passed over."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise Failure(Blame.USAGE, f"{name} is not UTF-8: byte {cause.start} does not fit; save it as UTF-8") from None


rules_argument = click.argument("rules", nargs=-1, metavar="[FILE|-]...")
expressions_option = click.option(
    "-e", "--expression", "expressions", multiple=True, metavar="RULE", help="A rule as text; may be repeated."
)
rule_argument = click.argument("rule", required=False, metavar="RULE")
expression_option = click.option("-e", "--expression", metavar="RULE", help="The rule as text, whatever it looks like.")
