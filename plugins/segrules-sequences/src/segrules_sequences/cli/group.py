"""The group of commands, and how the shop's sequences are found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click
from segrules.cli.database import told
from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import json_option

if TYPE_CHECKING:
    from segrules_sequences.sequences import Sequences

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE = "SEGRULES_SEQUENCES_APP"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--app", envvar=VARIABLE, metavar="MODULE:NAME", help=f"The shop's sequences.  [env: {VARIABLE}]")
@click.version_option(package_name="segrules-sequences")
@click.pass_context
def group(ctx: click.Context, app: str | None) -> None:
    """Timed e-mail sequences for customers who enter or leave a segment."""
    ctx.obj = app


def command(name: str) -> Callable[[F], click.Command]:
    """A command of the group, with ``--json``; what goes wrong in it is told in a sentence."""

    def made(function: F) -> click.Command:
        return group.command(name, cls=Verb)(json_option(function))

    return made


@contextmanager
def opened() -> Iterator[Sequences]:
    """The shop's sequences, whose tables are there."""
    sequences = found(click.get_current_context().obj)
    with told(sequences.store.engine):
        if not sequences.exists():
            raise Failure(Blame.ENVIRONMENT, "there are no tables yet; make them with: segrules-sequences init")
        yield sequences


def found(app: str | None) -> Sequences:
    """The sequences that ``MODULE:NAME`` names."""
    from segrules_sequences.sequences import Sequences

    if not app or ":" not in app:
        raise Failure(Blame.USAGE, f"say where the shop's sequences are with --app MODULE:NAME, or in {VARIABLE}")
    module, _, name = app.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        given = getattr(import_module(module), name)
    except (ImportError, AttributeError) as cause:
        raise Failure(Blame.ENVIRONMENT, f"{app} cannot be loaded: {cause}") from None
    given = given() if callable(given) and not isinstance(given, Sequences) else given
    if not isinstance(given, Sequences):
        raise Failure(Blame.ENVIRONMENT, f"{app} is a {type(given).__name__}, and no Sequences")
    return given


def plain(value: Any) -> Any:
    """A value as JSON takes it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return value.total_seconds()
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _ if attrs.has(type(value)):
            return {each.name: plain(getattr(value, each.name)) for each in attrs.fields(type(value))}
        case _:
            return str(value)


from segrules_sequences.cli import looking, returning, working  # noqa: E402, F401
