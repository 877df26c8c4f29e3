"""What a sequence is: whom it is for, which mails it sends, and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from enum import Enum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from attrs import field, frozen
from segrules.errors import ShopError
from segrules.shop.shop import zone_named

from segrules_sequences.errors import SequenceError

LONGEST_NAME = 128
MOST_STEPS = 50
LONGEST_DELAY = timedelta(days=731)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DURATION = re.compile(r"(\d{1,7}) *(minute|hour|day|week)s?( +local)?", re.IGNORECASE)
_CAP = re.compile(r"(\d{1,4}) +in +(.+)", re.IGNORECASE)
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


class Trigger(Enum):
    """What begins a run for a customer."""

    ENTER = "enter"
    EXIT = "exit"


class Status(Enum):
    """Whether a sequence runs."""

    ACTIVE = "active"
    #: Customers are enrolled, and nothing is sent; the too-late rule decides about what fell due meanwhile.
    PAUSED = "paused"
    #: Nobody is enrolled, and nobody is in it.
    OFF = "off"


class Mode(Enum):
    """What becomes of a mail of which nobody knows whether it was accepted."""

    #: It is parked and listed, and never sent again by itself.
    AT_MOST_ONCE = "at_most_once"
    #: The sender is asked; what it does not know of is sent again.
    RECONCILE = "reconcile"
    #: It is sent again under the same message id.
    AT_LEAST_ONCE = "at_least_once"


class CouponError(Enum):
    """What becomes of a mail whose coupon cannot be had."""

    #: It is tried again later, and ends among the dead letters.
    HOLD = "hold"
    #: It goes out without one.
    WITHOUT = "without"
    SKIP = "skip"


def duration(given: str | timedelta) -> timedelta:
    """A length of time from its text, like ``30 minutes`` or ``2 days``; SequenceError when it is none."""
    if isinstance(given, timedelta):
        return given
    found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None or found[3]:
        raise SequenceError(f'{given!r} is no length of time; write one like "30 minutes", "6 hours" or "2 days"')
    return int(found[1]) * _UNITS[found[2].lower()]


def duration_text(length: timedelta) -> str:
    """A length of time as text, in the largest unit that fits."""
    for unit, one in reversed(_UNITS.items()):
        if length % one == timedelta(0) and (length or unit == "minute"):
            return f"{length // one} {unit}{'' if length == one else 's'}"
    raise SequenceError(f"{length} is no whole number of minutes")


def _or_never(given: str | timedelta | None) -> timedelta | None:
    return None if given is None or given == "never" else duration(given)


@frozen
class Delay:
    """How long after the trigger. ``local`` counts days of the customer's calendar and keeps the time of the day."""

    length: timedelta
    local: bool = False

    @classmethod
    def of(cls, given: str | timedelta | Delay) -> Delay:
        """A delay from its text, like ``1 hour`` or ``1 day local``."""
        if isinstance(given, Delay):
            return given
        if isinstance(given, timedelta):
            return cls(given)
        found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
        if found is None:
            raise SequenceError(f'{given!r} is no delay; write one like "1 hour", "3 days" or "1 day local"')
        if found[3] and found[2].lower() not in ("day", "week"):
            raise SequenceError(f'{given!r}: only days and weeks can be local; write "{found[1]} {found[2]}s"')
        return cls(int(found[1]) * _UNITS[found[2].lower()], bool(found[3]))

    def __str__(self) -> str:
        return f"{self.length.days} days local" if self.local else duration_text(self.length)


def _time(given: str | time) -> time:
    if isinstance(given, time):
        return given
    try:
        return time.fromisoformat(given)
    except (TypeError, ValueError):
        raise SequenceError(f'{given!r} is no time of the day; write one like "09:00"') from None


def _days(given: Iterable[str] | str) -> tuple[str, ...]:
    chosen = {str(each).lower()[:3] for each in ([given] if isinstance(given, str) else given)}
    unknown = chosen - set(DAYS)
    if unknown:
        raise SequenceError(f"{min(unknown)!r} is no day of the week; write {', '.join(DAYS)}")
    return tuple(each for each in DAYS if each in chosen)


@frozen(kw_only=True)
class Window:
    """When mails may go out, by the customer's clock: from ``start`` until before ``end``, on these days.

    One that ends before it starts goes on after midnight, and belongs to the day on which it starts.
    """

    start: time = field(converter=_time)
    end: time = field(converter=_time)
    days: tuple[str, ...] = field(default=DAYS, converter=_days)

    def __attrs_post_init__(self) -> None:
        if self.start == self.end:
            raise SequenceError(f"the window from {self.start:%H:%M} to {self.end:%H:%M} is never open")
        if not self.days:
            raise SequenceError("the window is open on no day; leave days out for all of them")
        for each in (self.start, self.end):
            if each.tzinfo is not None or each.second or each.microsecond:
                raise SequenceError("a window starts and ends at whole minutes, without a time zone")


@frozen
class Cap:
    """No more than so many mails to one customer within a period."""

    mails: int
    period: timedelta

    @classmethod
    def of(cls, given: str | Cap | None) -> Cap | None:
        """A cap from its text, like ``3 in 7 days``."""
        if given is None or isinstance(given, Cap):
            return given
        found = _CAP.fullmatch(given.strip()) if isinstance(given, str) else None
        if found is None or int(found[1]) < 1:
            raise SequenceError(f'{given!r} is no cap; write one like "3 in 7 days"')
        return cls(int(found[1]), duration(found[2]))

    def __str__(self) -> str:
        return f"{self.mails} in {duration_text(self.period)}"


def _reentry(given: str | timedelta | None) -> timedelta | None:
    """``always``, ``never``, or ``after 30 days``; None stands for never."""
    match given:
        case None | timedelta():
            return given
        case "always":
            return timedelta(0)
        case "never":
            return None
        case str() if given.startswith("after "):
            return duration(given.removeprefix("after "))
        case _:
            raise SequenceError(f'{given!r} is no rule of re-entry; write "always", "never" or "after 30 days"')


def named(what: str, name: Any, longest: int = LONGEST_NAME) -> str:
    """A name as it may be stored; SequenceError otherwise."""
    if not isinstance(name, str) or not name or name != name.strip() or not name.isprintable() or len(name) > longest:
        raise SequenceError(f"{name!r} cannot name a {what}: use 1 to {longest} printable characters, no blanks around")
    return name


_E = TypeVar("_E", bound=Enum)


def _choice(kind: type[_E], given: Any) -> _E:
    try:
        return kind(given)
    except ValueError:
        known = ", ".join(f'"{each.value}"' for each in kind)
        raise SequenceError(f"{given!r} is none of {known}") from None


def _trigger(given: str | Trigger) -> Trigger:
    return _choice(Trigger, given)


def _status(given: str | Status) -> Status:
    return _choice(Status, given)


def _mode(given: str | Mode) -> Mode:
    return _choice(Mode, given)


def _coupon_error(given: str | CouponError) -> CouponError:
    return _choice(CouponError, given)


def _delay(given: str | timedelta | Delay) -> Delay:
    return Delay.of(given)


def _cap(given: str | Cap | None) -> Cap | None:
    return Cap.of(given)


def _steps(given: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(given)


@frozen(kw_only=True)
class Step:
    """One mail of a sequence.

    ``delay`` counts from the moment of entering or leaving. ``name`` tells steps apart when a sequence is changed, and
    is that of the template unless given. ``max_sends``: so often at most a customer gets it, over all runs.
    ``not_after``: so long after its time it is too late, and is skipped; None for never too late. ``coupon`` is what a
    plugin is asked for, as it understands it.
    """

    delay: Delay = field(converter=_delay)
    template: str
    name: str = ""
    active: bool = True
    max_sends: int | None = None
    not_after: timedelta | None = field(default=timedelta(days=7), converter=_or_never)
    coupon: Mapping[str, Any] | None = None
    on_coupon_error: CouponError = field(default=CouponError.HOLD, converter=_coupon_error)

    def __attrs_post_init__(self) -> None:
        named("template", self.template)
        if not self.name:
            object.__setattr__(self, "name", self.template)
        named("step", self.name)
        if not timedelta(0) <= self.delay.length <= LONGEST_DELAY:
            raise SequenceError(f'step "{self.name}": the delay {self.delay} is longer than two years')
        if self.max_sends is not None and (type(self.max_sends) is not int or self.max_sends < 1):
            raise SequenceError(
                f'step "{self.name}": max_sends is {self.max_sends!r}; write 1 or more, or leave it out'
            )
        if self.coupon is not None and not isinstance(self.coupon, Mapping):
            raise SequenceError(f'step "{self.name}": coupon is {self.coupon!r}; write a table of what is asked for')


@frozen(kw_only=True)
class Sequence:
    """Mails to everybody who enters (or leaves) a segment; all lengths of time may be given as text.

    - ``address``: whom the mails are from, like ``Shop <shop@example.com>``; ``sender``: which sender hands them over.
    - ``topic``: what a customer unsubscribes from. ``consent``: only subscribers of the newsletter get it; who is not
      one yet is waited for ``consent_wait``.
    - ``member``: it is asked live, before each mail, whether the customer still belongs into the segment (after
      leaving: still does not). ``stop``: leaving (coming back) ends the run.
    - ``reentry``: how long after the end of a run another may begin: a length, 0 for always, None for never.
      ``overlap``: whether it may run while another sequence of the same segment does.
    - ``window``: when mails may go out, by the customer's clock, else the store's, else ``zone``, else the shop's.
    - ``gap``: mails of one run are so far apart at least, or as far as their delays, if that is less.
    - ``cap``: a customer gets no more mails than that of all sequences with the same ``cap_group``; it waits otherwise.
    - ``holdout``: so many per cent of the customers get nothing, always the same ones, to compare with.
    - ``delivery``: what becomes of a mail of which nobody knows whether it was accepted.

    ``version`` counts what has been saved; it is 0 for a new sequence.
    """

    name: str
    segment: str
    address: str
    steps: tuple[Step, ...] = field(converter=_steps)
    on: Trigger = field(default=Trigger.ENTER, converter=_trigger)
    status: Status = field(default=Status.ACTIVE, converter=_status)
    sender: str = "smtp"
    topic: str = "newsletter"
    delivery: Mode = field(default=Mode.AT_MOST_ONCE, converter=_mode)
    consent: bool = True
    consent_wait: timedelta = field(default=timedelta(days=7), converter=duration)
    member: bool = True
    stop: bool = True
    reentry: timedelta | None = field(default=timedelta(days=1), converter=_reentry)
    overlap: bool = False
    window: Window | None = None
    zone: str | None = None
    gap: timedelta = field(default=timedelta(days=1), converter=duration)
    cap: Cap | None = field(default=None, converter=_cap)
    cap_group: str = "marketing"
    holdout: int = 0
    version: int = field(default=0, eq=False)

    def __attrs_post_init__(self) -> None:
        named("sequence", self.name)
        named("segment", self.segment, 191)
        for what in ("topic", "sender", "cap_group"):
            named(what, getattr(self, what))
        try:
            self._check()
        except (SequenceError, ShopError) as cause:
            raise SequenceError(f'the sequence "{self.name}": {cause}') from None

    def _check(self) -> None:
        if not isinstance(self.address, str) or "@" not in self.address:
            raise SequenceError(f'{self.address!r} is no address to send from; write "Shop <shop@example.com>"')
        if not self.steps:
            raise SequenceError("it has no steps")
        if len(self.steps) > MOST_STEPS:
            raise SequenceError(f"it has {len(self.steps)} steps, and {MOST_STEPS} are the most")
        seen: set[str] = set()
        before = self.steps[0]
        for step in self.steps:
            if step.name in seen:
                raise SequenceError(f'two steps are called "{step.name}"; give one of them another name')
            if step.delay.length < before.delay.length:
                raise SequenceError(
                    f'the step "{step.name}" comes {step.delay} after the trigger, and "{before.name}" before it '
                    f"{before.delay}; delays count from the trigger, so put the steps in their order"
                )
            seen.add(step.name)
            before = step
        if type(self.holdout) is not int or not 0 <= self.holdout <= 90:
            raise SequenceError(f"holdout is {self.holdout!r}; write a whole number of per cent from 0 to 90")
        if self.zone is not None:
            zone_named(self.zone)

    @property
    def fallback_zone(self) -> ZoneInfo | None:
        """The zone of customers whose own is not known, where the sequence gives one."""
        return None if self.zone is None else ZoneInfo(self.zone)

    def step(self, name: str) -> Step | None:
        """The step of a name, or None when there is none any more."""
        return next((each for each in self.steps if each.name == name), None)
