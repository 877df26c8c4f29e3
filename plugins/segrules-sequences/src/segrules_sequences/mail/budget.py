"""What one rendering has left: turns, bytes and time. Everything that a template does asks here first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from segrules_sequences.mail.limits import Limits


class RefusedError(Exception):
    """A template tries something that it may not; becomes a TemplateError with the place."""


class Budget:
    """The limits of one rendering and what of them is used up."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._turns = 0
        self._bytes = 0
        self._until = time.monotonic() + limits.seconds

    def tick(self) -> None:
        """The rendering still has time."""
        if time.monotonic() > self._until:
            raise RefusedError(f"rendering takes longer than {self.limits.seconds:g} s")

    def turns(self, count: int) -> None:
        """A loop is about to make this many turns."""
        self.tick()
        if count > self.limits.turns:
            raise RefusedError(f"a loop of {count:,} turns; {self.limits.turns:,} are the most")
        self._turns += count
        if self._turns > self.limits.all_turns:
            raise RefusedError(f"all loops together make more than {self.limits.all_turns:,} turns")

    def text(self, length: int) -> None:
        """A value of this many characters is about to be made."""
        self.tick()
        if length > self.limits.text:
            raise RefusedError(f"a text of {length:,} characters; {self.limits.text:,} are the most")

    def output(self, chunk: str) -> None:
        """These characters come out."""
        self.tick()
        self._bytes += len(chunk.encode("utf-8", "surrogatepass"))
        if self._bytes > self.limits.output:
            raise RefusedError(f"more than {self.limits.output:,} bytes come out")


_CURRENT: ContextVar[Budget] = ContextVar("segrules_sequences_budget")


def current() -> Budget:
    """The budget of the rendering that is going on; a LookupError outside of one."""
    return _CURRENT.get()


@contextmanager
def spending(budget: Budget) -> Iterator[Budget]:
    """Within this block, the budget is the current one."""
    token = _CURRENT.set(budget)
    try:
        yield budget
    finally:
        _CURRENT.reset(token)


class Turns:
    """A sequence to loop over that looks at the clock at every turn."""

    def __init__(self, entries: Sequence[Any]) -> None:
        self._entries, self._budget = entries, current()
        self._budget.turns(len(entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        for each in self._entries:
            self._budget.tick()
            yield each
