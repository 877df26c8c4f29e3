"""What all commands share: the store in a database, and how a failure is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import click
from segrules.cli import failures, stores
from segrules.cli.database import open_engine, told
from segrules.cli.failures import Blame, Failure
from segrules.cli.shops import shop_of_command
from segrules.errors import SegrulesError

from segrules_coupons.errors import CouponError, CouponsBusyError
from segrules_coupons.store import CouponStore

F = TypeVar("F", bound=Callable[..., Any])


class Verb(failures.Verb):
    """A command whose failures are told in plain words; what is refused is a finding."""

    def blame_of(self, error: SegrulesError) -> Blame:
        """A refusal is the answer of the command, and no wrong usage."""
        match error:
            case CouponsBusyError():
                return Blame.ENVIRONMENT
            case CouponError():
                return Blame.RULE
            case _:
                return super().blame_of(error)


_schema_option = click.option(
    "--schema",
    default=None,
    envvar="SEGRULES_SCHEMA",
    metavar="NAME",
    help="The schema that the store's tables are in.",
)


def store_options(command: F) -> F:
    """The options of every command that works on a store."""
    return stores.store_options(_schema_option(command))


@contextmanager
def opened(given: dict[str, Any], *, create: bool = False) -> Iterator[CouponStore]:
    """The store that the options of a command name. What the database refuses is a failure of the environment."""
    from segrules.segments import SegmentStore

    shop = shop_of_command(given["timezone"])
    engine = open_engine(given["database"], create=create)
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
