"""The store of a command: the options that name it, for every command that works on what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from segrules.cli.database import database_option, open_engine, told
from segrules.cli.failures import Blame, Failure
from segrules.cli.shops import shop_of_command, shop_option

if TYPE_CHECKING:
    from segrules.segments import SegmentStore

F = TypeVar("F", bound=Callable[..., Any])


def store_options(command: F) -> F:
    """The options of every command that works on a store."""
    for option in reversed(
        (
            database_option,
            shop_option,
            click.option(
                "--prefix",
                default="segrules_",
                envvar="SEGRULES_PREFIX",
                metavar="TEXT",
                help="What the names of the store's tables begin with.  [default: segrules_]",
            ),
            click.option(
                "--timezone",
                envvar="SEGRULES_TIMEZONE",
                metavar="ZONE",
                help="The zone of the shop's days.  [default: the shop's, or UTC]",
            ),
        )
    ):
        command = option(command)
    return command


@contextmanager
def opened(
    database: str | None,
    prefix: str,
    timezone: str | None,
    *,
    create: bool = False,
    must_exist: bool = True,
    **settings: Any,
) -> Iterator[SegmentStore]:
    """The store in a database. What the database refuses is told as a failure of the environment."""
    from segrules.segments import SegmentStore

    shop = shop_of_command(timezone)
    engine = open_engine(database)
    store = SegmentStore(engine, shop, prefix=prefix, **settings)
    with told(engine):
        if create:
            store.create_tables()
        elif must_exist and not store.exists():
            raise Failure(
                Blame.ENVIRONMENT,
                f'there is no store "{prefix}…" in this database; make it with: segrules apply FOLDER',
            )
        yield store
