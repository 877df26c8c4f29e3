"""What a refresh did, and the one line that the log gets of it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from segrules.errors import SegmentError

log = logging.getLogger("segrules.refresh")


@frozen(kw_only=True)
class Refresh:
    """What a refresh did: how many are members now, how many entered and left, in how many seconds.

    ``skipped`` says why nothing was done, ``error`` why it failed; the members are then as they were. ``memory`` is
    the highest number of bytes that this process has held so far, None where the system does not tell.
    """

    segment: str
    at: datetime
    matched: int = 0
    entered: int = 0
    left: int = 0
    seconds: float = 0.0
    memory: int | None = None
    skipped: str | None = None
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the refresh ended with an error."""
        return self.error is not None


def written(level: int, kind: str, facts: dict[str, Any]) -> None:
    """One line of the log, and the same facts as an attribute of its record."""
    log.log(level, " ".join(f"{key}={_quoted(value)}" for key, value in facts.items()), extra={kind: facts})


def told(done: Refresh) -> Refresh:
    """The result with the memory, in one line of the log."""
    done = attrs.evolve(done, memory=memory())
    status = "error" if done.failed else "skipped" if done.skipped else "completed"
    facts = {"segment": done.segment, "status": status, "seconds": round(done.seconds, 3)}
    if not done.failed and not done.skipped:
        facts.update(members=done.matched, entered=done.entered, left=done.left)
    if done.memory is not None:
        facts["memory"] = done.memory
    if done.error or done.skipped:
        facts["message"] = done.error or done.skipped or ""
    written(logging.ERROR if done.failed else logging.INFO, "refresh", facts)
    return done


def message_of(cause: BaseException) -> str:
    """What went wrong in one line."""
    original = getattr(cause, "orig", None) or cause
    text = " ".join(str(original).split())
    return text if isinstance(cause, SegmentError) else f"{type(original).__name__}: {text}".rstrip(": ")


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(each in text for each in ' "=') or not text else text


def memory() -> int | None:
    """The most bytes that this process has held so far."""
    try:
        import resource
    except ImportError:  # not on this system
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
