"""What all commands share: the store in a database, and how a failure is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import click
from segrules.cli.database import database_option, open_engine, told
from segrules.cli.failures import Blame, Failure, blame_of
from segrules.cli.output import diagnostic_to_json, echo_diagnostic
from segrules.errors import RuleError, SegrulesError

from segrules_coupons.errors import CouponError, CouponsBusyError
from segrules_coupons.store import CouponStore

F = TypeVar("F", bound=Callable[..., Any])


class Verb(click.Command):
    """A command whose failures are told in plain words, or in JSON when it was asked for that."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end the process with the exit code of what went wrong."""
        try:
            return super().invoke(ctx)
        except (Failure, SegrulesError) as error:
            blame = _blame(error)
            _tell(error, blame, as_json=bool(ctx.params.get("as_json")))
            ctx.exit(blame.exit)


def _blame(error: Exception) -> Blame:
    match error:
        case Failure():
            return error.blame
        case CouponsBusyError():
            return Blame.ENVIRONMENT
        case CouponError():
            return Blame.RULE
        case SegrulesError():
            return blame_of(error)
        case _:
            return Blame.USAGE


def _tell(error: Exception, blame: Blame, *, as_json: bool) -> None:
    diagnostics = error.diagnostics if isinstance(error, RuleError) else ()
    if as_json:
        message = "the rule has mistakes" if diagnostics else str(error)
        failure: dict[str, Any] = {"kind": blame.value, "message": message}
        if diagnostics:
            failure["diagnostics"] = [diagnostic_to_json(each) for each in diagnostics]
        click.echo(json.dumps({"error": failure}, ensure_ascii=False, indent=2))
        return
    for diagnostic in diagnostics:
        echo_diagnostic(diagnostic, err=True)
    if not diagnostics:
        click.echo(f"{click.style('segrules-coupons:', bold=True)} {error}", err=True)


def store_options(command: F) -> F:
    """The options of every command that works on a store."""
    for option in reversed(
        (
            database_option,
            click.option(
                "--prefix",
                default="segrules_",
                envvar="SEGRULES_PREFIX",
                metavar="TEXT",
                help="What the names of the store's tables begin with.  [default: segrules_]",
            ),
            click.option(
                "--schema",
                default=None,
                envvar="SEGRULES_SCHEMA",
                metavar="NAME",
                help="The schema that the store's tables are in.",
            ),
            click.option(
                "--timezone",
                default="UTC",
                envvar="SEGRULES_TIMEZONE",
                metavar="ZONE",
                help="The zone of the shop's days.  [default: UTC]",
            ),
        )
    ):
        command = option(command)
    return command


@contextmanager
def opened(given: dict[str, Any], *, create: bool = False) -> Iterator[CouponStore]:
    """The store that the options of a command name. What the database refuses is a failure of the environment."""
    from segrules.segments import SegmentStore
    from segrules.shop import Shop

    engine = open_engine(given["database"], create=create)
    shop = Shop.default(timezone=given["timezone"])
    segments = SegmentStore(engine, shop, prefix=given["prefix"], schema=given["schema"])
    with told(engine):
        known = segments if segments.exists() else None
        store = CouponStore(engine, shop, segments=known, prefix=given["prefix"], schema=given["schema"])
        if create:
            store.create_tables()
        elif not store.exists():
            raise Failure(
                Blame.ENVIRONMENT,
                f'there are no tables "{given["prefix"]}coupon…" in this database; '
                "make them with: segrules-coupons init",
            )
        yield store


def plain(value: Any) -> Any:
    """A value as JSON takes it."""
    match value:
        case None | bool() | int() | str():
            return value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value:f}"
        case dict():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return getattr(value, "value", None) or str(value)
