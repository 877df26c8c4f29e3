"""Every way the sequences can say no; what a sender may say stands in ``ports``.

SegrulesError
└── SequenceError           a sequence, a step or a command about them does not mean anything
    ├── SequenceConflictError   somebody else has changed the sequence since it was read
    ├── SettingsError           a sender, a link or a store of templates is set up wrongly
    ├── TemplateError           a template is missing, broken, or does more than it may
    │   └── ConversionError         a template in the older syntax holds what has no counterpart
    └── MailError               a mail cannot be built
        ├── AddressError            the address cannot be mailed to
        └── HeaderError             a value would change what the mail says about itself
"""

from __future__ import annotations

from segrules.errors import SegrulesError


class SequenceError(SegrulesError):
    """A sequence, a step, or what is asked of them does not mean anything."""


class SequenceConflictError(SequenceError):
    """Somebody else has changed the sequence since it was read; get it anew and change that."""


class SettingsError(SequenceError):
    """A sender, a link or a store of templates is set up wrongly."""


class TemplateError(SequenceError):
    """A template is missing, is broken, or does more than a template may.

    ``reason`` is the sentence without the place; ``name`` and ``line`` (from 1) are the place, where there is one. The
    text never holds what was rendered.
    """

    def __init__(self, reason: str, name: str | None = None, line: int | None = None) -> None:
        self.reason, self.name, self.line = reason, name, line
        super().__init__(reason, name, line)

    def __str__(self) -> str:
        place = ":".join(str(each) for each in (self.name, self.line) if each is not None)
        return f"{place}: {self.reason}" if place else self.reason


class ConversionError(TemplateError):
    """A template in the older syntax holds something that has no counterpart; the text lists every place."""


class MailError(SequenceError):
    """A mail cannot be built. The text names no address."""


class AddressError(MailError):
    """An e-mail address that cannot be mailed to; the text does not repeat it."""


class HeaderError(MailError):
    """A value that would change what the mail says about itself."""
