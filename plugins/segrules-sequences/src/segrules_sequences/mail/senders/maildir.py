"""Mails put into a folder that mail readers open, for trials without a server."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from segrules_sequences.errors import SettingsError
from segrules_sequences.ports import Lookup, Outgoing, Receipt, SenderBlocked, SenderCaps, Temporary


@define(eq=False)
class MaildirSender:
    """Puts each mail into the maildir ``folder``, once: its file is named by its message id."""

    folder: Path = field(converter=Path)
    name: str = "maildir"
    caps: SenderCaps = field(factory=lambda: SenderCaps(lookup=True, idempotency_key=True))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> MaildirSender:
        """The sender that a mapping with ``folder`` describes."""
        if set(settings) != {"folder"}:
            raise SettingsError("the maildir sender has one setting, folder")
        return cls(settings["folder"])

    def send(self, mail: Outgoing, deadline: float) -> Receipt:
        """The mail is in the folder, on the disk; a mail that is there already stays as it is."""
        own = self._name(mail.message_id)
        if self._there(own):
            return Receipt(own)
        written = self.folder / "tmp" / f"{own}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            for part in ("tmp", "new", "cur"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            with written.open("xb") as file:
                file.write(mail.mime)
                file.flush()
                os.fsync(file.fileno())
            try:
                if time.monotonic() >= deadline:
                    raise Temporary("no time is left for this mail")
                os.link(written, self.folder / "new" / own)
            except FileExistsError:
                pass
            finally:
                written.unlink()
        except OSError as cause:
            raise SenderBlocked(f"the maildir cannot be written: {cause.strerror}") from None
        return Receipt(own)

    def lookup(self, message_id: str) -> Lookup:
        """Whether the folder has the mail, read or not."""
        return Lookup.ACCEPTED if self._there(self._name(message_id)) else Lookup.NOT_FOUND

    def close(self) -> None:
        """Nothing is open."""

    def _there(self, own: str) -> bool:
        return (self.folder / "new" / own).exists() or any((self.folder / "cur").glob(f"{own}*"))

    @staticmethod
    def _name(message_id: str) -> str:
        return hashlib.sha256(message_id.encode()).hexdigest()[:40] + ".segrules"
