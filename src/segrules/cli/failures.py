"""What goes wrong in front of a user, and how a command says so: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
from enum import Enum, IntEnum
from typing import Any

import click

from segrules.cli.output import diagnostic_to_json, echo_diagnostic
from segrules.errors import (
    BackendError,
    RuleError,
    SegrulesError,
    ShopError,
    VocabularyError,
)

EXIT_CODES = "0 fine, 1 findings, 2 wrong usage, 3 the environment (database, driver, plugin)"


class Exit(IntEnum):
    """How a command ended."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    ENVIRONMENT = 3


class Blame(Enum):
    """Where a failure lies, as ``kind`` in JSON; each has its exit code."""

    RULE = "rule"
    USAGE = "usage"
    ENVIRONMENT = "environment"

    @property
    def exit(self) -> Exit:
        """The exit code of a command that failed so."""
        return {Blame.RULE: Exit.FINDINGS, Blame.USAGE: Exit.USAGE, Blame.ENVIRONMENT: Exit.ENVIRONMENT}[self]


class Failure(Exception):
    """A command cannot go on; the message is one or two sentences for its user."""

    def __init__(self, blame: Blame, message: str) -> None:
        self.blame = blame
        super().__init__(message)


def blame_of(error: SegrulesError) -> Blame:
    """Where an error of the library lies, seen from the command line."""
    match error:
        case RuleError():
            return Blame.RULE
        case BackendError() | ShopError() | VocabularyError():
            return Blame.ENVIRONMENT
        case _:
            return Blame.USAGE


class Verb(click.Command):
    """A command whose failures are told in plain words, or in JSON when it was asked for that.

    A package with errors of its own overrides ``blame_of``.
    """

    def blame_of(self, error: SegrulesError) -> Blame:
        """Where an error lies, seen from the command line."""
        return blame_of(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end the process with the exit code of what went wrong."""
        try:
            return super().invoke(ctx)
        except (Failure, SegrulesError) as error:
            blame = error.blame if isinstance(error, Failure) else self.blame_of(error)
            tell(error, blame, as_json=bool(ctx.params.get("as_json")))
            ctx.exit(blame.exit)


def tell(error: Exception, blame: Blame, *, as_json: bool) -> None:
    """Say what went wrong: for people on standard error, for programs on standard output."""
    diagnostics = error.diagnostics if isinstance(error, RuleError) else ()
    if as_json:
        message = "the rule has mistakes" if diagnostics else str(error)
        failure: dict[str, Any] = {"kind": blame.value, "message": message}
        if diagnostics:
            failure["diagnostics"] = [diagnostic_to_json(each) for each in diagnostics]
        click.echo(json.dumps({"error": failure}, ensure_ascii=False, indent=2))
        return
    for place, diagnostic in enumerate(diagnostics):
        if place:
            click.echo(err=True)
        echo_diagnostic(diagnostic, err=True)
    if not diagnostics:
        click.echo(f"{click.style(f'{_program()}:', bold=True)} {error}", err=True)


def _program() -> str:
    """What the command line is called: segrules, or what builds on it."""
    context = click.get_current_context(silent=True)
    return (context.find_root().info_name if context is not None else None) or "segrules"
