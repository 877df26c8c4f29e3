"""Timed e-mail sequences for customers who enter or leave a segment of segrules. See :class:`Sequences`.

Importing this package loads neither SQLAlchemy nor a template engine; what is used is loaded when it is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segrules_sequences.definitions import Goal, Mode, Sequence, Status, Step, Trigger, Variant
    from segrules_sequences.errors import SequenceConflictError, SequenceError, TemplateError
    from segrules_sequences.lengths import Window
    from segrules_sequences.sequences import Sequences
    from segrules_sequences.worker import Worker

_PLACES = {
    "Goal": "definitions",
    "Mode": "definitions",
    "Sequence": "definitions",
    "SequenceConflictError": "errors",
    "SequenceError": "errors",
    "Sequences": "sequences",
    "Status": "definitions",
    "Step": "definitions",
    "TemplateError": "errors",
    "Trigger": "definitions",
    "Variant": "definitions",
    "Window": "lengths",
    "Worker": "worker",
}

__all__ = [
    "Goal",
    "Mode",
    "Sequence",
    "SequenceConflictError",
    "SequenceError",
    "Sequences",
    "Status",
    "Step",
    "TemplateError",
    "Trigger",
    "Variant",
    "Window",
    "Worker",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
