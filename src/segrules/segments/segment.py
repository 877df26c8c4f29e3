"""What a stored segment is: a name, a rule, and how it is kept current."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

from attrs import field, frozen, validators

from segrules.errors import SegmentError
from segrules.rule import Rule

#: So many characters a name may have.
LONGEST_NAME = 191


class Mode(Enum):
    """Whether the schedule refreshes a segment, or only somebody who asks for it."""

    AUTO = "auto"
    MANUAL = "manual"


class Status(Enum):
    """How current the members of a segment are."""

    #: The members do not follow the segment's present meaning yet; the next refresh brings them up to date.
    PENDING = "pending"
    #: A refresh is at work, or died at work; the next one finds out which and repairs it.
    PROCESSING = "processing"
    #: The members are those of the last refresh.
    COMPLETED = "completed"
    #: The last refresh failed; the members are those of the one before, and the message says why.
    ERROR = "error"


def _codes(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({given} if isinstance(given, str) else set(given)))


def _text_of(rule: Rule | str) -> str:
    return rule.format() if isinstance(rule, Rule) else rule


def _is_name(segment: Any, attribute: Any, name: str) -> None:
    if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise SegmentError(
            f"{name!r} cannot name a segment: use 1 to {LONGEST_NAME} printable characters without blanks around them"
        )


@frozen(kw_only=True)
class Segment:
    """A named set of customers: those for whom ``rule`` is true, of these websites and customer groups.

    ``rule`` is the rule's text; a Rule is taken as its canonical text. No ``websites`` and no ``groups`` mean all.
    Of an inactive segment nobody is a member. ``version`` counts what has been saved; it is 0 for a new segment.
    """

    name: str = field(validator=_is_name)
    rule: str = field(converter=_text_of)
    title: str = ""
    description: str = ""
    active: bool = True
    websites: tuple[str, ...] = field(default=(), converter=_codes)
    groups: tuple[str, ...] = field(default=(), converter=_codes)
    mode: Mode = field(default=Mode.AUTO, converter=Mode)
    priority: int = field(default=0, validator=validators.instance_of(int))
    created_at: datetime | None = field(default=None, eq=False)
    updated_at: datetime | None = field(default=None, eq=False)
    version: int = field(default=0, eq=False)

    @property
    def meaning(self) -> tuple[str, tuple[str, ...], tuple[str, ...], bool]:
        """All that decides who is a member."""
        return self.rule, self.websites, self.groups, self.active


@frozen(kw_only=True)
class State:
    """How a segment stands: its status, the error's message, how many members since when."""

    segment: str
    status: Status
    message: str | None
    members: int
    #: The moment at which all customers were judged; None before the first refresh.
    at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    #: When a member comes or goes next by the passing of time alone, never too late; None when nobody ever does.
    next_change_at: datetime | None
    #: The moment for which that was found out; None when it was not.
    foreseen_at: datetime | None
