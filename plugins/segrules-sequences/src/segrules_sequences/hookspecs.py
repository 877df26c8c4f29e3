"""The hooks by which other plugins take part: variables of a mail, such as a coupon's, what became of it, and senders.

A plugin puts it into the module of its entry point in the group ``segrules``, marked
``@segrules.hookimpl(optionalhook=True)``, since segrules itself does not know them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pluggy
from attrs import frozen
from segrules.hookspecs import PROJECT, hookspec
from segrules.vocabulary import GROUP

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules_sequences.definitions import Step
    from segrules_sequences.ports import Recipient, Sender


@frozen(eq=False)
class Enrolment:
    """The run of one customer through a sequence, as a mail of it is written.

    ``key`` is the same for every try of this mail and of no other: what is issued under it is issued once. ``at`` is
    the moment of writing.
    """

    sequence: str
    segment: str
    customer: Any
    enrolled_at: datetime
    key: str
    at: datetime


@hookspec
def segrules_step_context(
    connection: sa.Connection, step: Step, enrolment: Enrolment, recipient: Recipient
) -> Mapping[str, Any]:
    """Further variables of a mail, by name.

    Called in the transaction that keeps the finished mail, so that what is written on the connection is kept or
    undone with it. A plugin that serves ``step.coupon`` answers at least ``coupon_code``, or raises what went wrong;
    the step then says what becomes of the mail. Never commit or roll back here.
    """
    return {}


@hookspec
def segrules_step_redemptions(connection: sa.Connection) -> sa.Select[Any] | None:
    """A statement that tells what became of what was issued with mails, in the database of the connection.

    A row for each use: the ``key`` under which it was issued (that of the :class:`Enrolment`), the ``revenue`` of the
    order where it is known, and its ``currency``. None where nothing can have been issued.
    """
    return None


@hookspec
def segrules_senders() -> Mapping[str, Callable[[Mapping[str, Any]], Sender]]:  # type: ignore[empty-body]
    """The kinds of senders that this plugin brings, by name: each makes one from its settings."""


@cache
def installed() -> pluggy.PluginManager:
    """A manager of every installed plugin that implements a hook; found once."""
    return registered(point.load() for point in sorted(entry_points(group=GROUP), key=lambda each: each.name))


def registered(plugins: Any) -> pluggy.PluginManager:
    """A manager of these plugins."""
    import segrules_sequences.hookspecs as own

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(own)
    for plugin in plugins:
        if not manager.is_registered(plugin):
            manager.register(plugin)
    return manager
