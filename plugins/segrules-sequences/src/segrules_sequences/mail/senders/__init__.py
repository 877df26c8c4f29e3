"""Who sends mails: a server over SMTP, a table, a folder, a list; and whatever plugins add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from segrules_sequences.errors import SettingsError
from segrules_sequences.hookspecs import installed
from segrules_sequences.mail.views import meant
from segrules_sequences.ports import Sender

if TYPE_CHECKING:
    import sqlalchemy as sa


def sender_of(
    kind: str, settings: Mapping[str, Any], engine: sa.Engine, *, plugins: pluggy.PluginManager | None = None
) -> Sender:
    """The sender of a kind: "smtp", "outbox" (in the database of ``engine``), "maildir", "memory", or a plugin's.

    Raises SettingsError for a kind that there is not, one that two plugins claim, and settings that do not work.
    """
    kinds: dict[str, Callable[[Mapping[str, Any]], Sender]] = {
        "smtp": _smtp,
        "outbox": lambda given: _outbox(given, engine),
        "maildir": _maildir,
        "memory": _memory,
    }
    for added in (plugins if plugins is not None else installed()).hook.segrules_senders():
        for name, make in added.items():
            if name in kinds:
                raise SettingsError(f'the kind of sender "{name}" is there already; a plugin brings another one')
            kinds[name] = make
    if kind not in kinds:
        raise SettingsError(f'there is no kind of sender "{kind}"{meant(kind, kinds)}')
    return kinds[kind](settings)


def _smtp(settings: Mapping[str, Any]) -> Sender:
    from segrules_sequences.mail.senders.smtp import SmtpSender

    return SmtpSender.from_settings(settings)


def _outbox(settings: Mapping[str, Any], engine: sa.Engine) -> Sender:
    from segrules_sequences.mail.senders.outbox import OutboxSender

    if settings:
        raise SettingsError("the outbox has no settings: it lies in the database of the sequences")
    return OutboxSender(engine)


def _maildir(settings: Mapping[str, Any]) -> Sender:
    from segrules_sequences.mail.senders.maildir import MaildirSender

    return MaildirSender.from_settings(settings)


def _memory(settings: Mapping[str, Any]) -> Sender:
    from segrules_sequences.mail.senders.memory import MemorySender

    if settings:
        raise SettingsError("the memory sender has no settings")
    return MemorySender()
