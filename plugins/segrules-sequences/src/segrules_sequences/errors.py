"""Every way the sequences can say no; what a sender may say stands in ``ports``.

SegrulesError
└── SequenceError           a sequence, a step or a command about them does not mean anything
    ├── SequenceConflictError   somebody else has changed the sequence since it was read
    └── TemplateError           a template is missing, broken, or does more than it may
"""

from __future__ import annotations

from segrules.errors import SegrulesError


class SequenceError(SegrulesError):
    """A sequence, a step, or what is asked of them does not mean anything."""


class SequenceConflictError(SequenceError):
    """Somebody else has changed the sequence since it was read; get it anew and change that."""


class TemplateError(SequenceError):
    """A template is missing, is broken, or does more than a template may."""
