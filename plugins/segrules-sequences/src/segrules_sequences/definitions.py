"""What a sequence is: whom it is for, which mails it sends, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen
from segrules.errors import ShopError
from segrules.shop.shop import zone_named

from segrules_sequences.errors import SequenceError
from segrules_sequences.lengths import Cap, Delay, Window, duration, or_never, reentry_rule

LONGEST_NAME = 128
MOST_STEPS = 50
LONGEST_DELAY = timedelta(days=731)
#: Of the names of variants and of the events that are goals.
LONGEST_WORD = 64
MOST_VARIANTS, MOST_WEIGHT = 10, 1000
LONGEST_GOAL = timedelta(days=366)


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


def _variants(given: Iterable[Variant]) -> tuple[Variant, ...]:
    return tuple(given)


def _is_coupon(where: str, coupon: Any) -> None:
    if coupon is not None and not isinstance(coupon, Mapping):
        raise SequenceError(f"{where}: coupon is {coupon!r}; write a table of what is asked for")


@frozen(kw_only=True)
class Variant:
    """One of several forms of a step, which so many customers get as its weight is in that of all; with 0 nobody new.

    ``coupon`` is that of this form, where the step itself has none.
    """

    name: str
    template: str
    weight: int = 1
    coupon: Mapping[str, Any] | None = None

    def __attrs_post_init__(self) -> None:
        named("variant", self.name, LONGEST_WORD)
        named("template", self.template)
        if type(self.weight) is not int or not 0 <= self.weight <= MOST_WEIGHT:
            raise SequenceError(
                f'variant "{self.name}": weight is {self.weight!r}; write a whole number from 0 to {MOST_WEIGHT}'
            )
        _is_coupon(f'variant "{self.name}"', self.coupon)


def goal_key(kind: Literal["segment", "event"], name: str | None) -> str:
    """What stands for a goal where sequences are looked up by theirs."""
    return f"{kind}:{name}"


@frozen(kw_only=True)
class Goal:
    """What a sequence is for: that the customer enters a segment, or does what the shop reports as an event.

    It counts ``within`` so long after the first mail of a run. ``ends``: the run ends when it is reached.
    """

    segment: str | None = None
    event: str | None = None
    within: timedelta = field(default=timedelta(days=14), converter=duration)
    ends: bool = False

    def __attrs_post_init__(self) -> None:
        if (self.segment is None) is (self.event is None):
            raise SequenceError('a goal is a segment to enter, or an event: write segment = "…" or event = "…"')
        if self.segment is not None:
            named("segment", self.segment, 191)
        else:
            named("kind of event", self.event, LONGEST_WORD)
        if not timedelta(0) < self.within <= LONGEST_GOAL:
            raise SequenceError("a goal is reached within more than nothing and up to 366 days")

    @property
    def key(self) -> str:
        """What stands for it."""
        return goal_key("event", self.event) if self.event is not None else goal_key("segment", self.segment)

    def __str__(self) -> str:
        return f"enters {self.segment}" if self.event is None else str(self.event)


@frozen(kw_only=True)
class Step:
    """One mail of a sequence.

    ``delay`` counts from the moment of entering or leaving. ``name`` tells steps apart when a sequence is changed, and
    is that of the template unless given. In place of a template there may be ``variants``, of which a customer always
    gets the same one. ``max_sends``: so often at most a customer gets it, over all runs.
    ``not_after``: so long after its time it is too late, and is skipped; None for never too late. ``coupon`` is what a
    plugin is asked for, as it understands it.
    """

    delay: Delay = field(converter=_delay)
    template: str = ""
    name: str = ""
    variants: tuple[Variant, ...] = field(default=(), converter=_variants)
    active: bool = True
    max_sends: int | None = None
    not_after: timedelta | None = field(default=timedelta(days=7), converter=or_never)
    coupon: Mapping[str, Any] | None = None
    on_coupon_error: CouponError = field(default=CouponError.HOLD, converter=_coupon_error)

    def __attrs_post_init__(self) -> None:
        if self.variants:
            self._check_variants()
        else:
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
        _is_coupon(f'step "{self.name}"', self.coupon)

    def _check_variants(self) -> None:
        if not self.name:
            raise SequenceError("a step with variants has no template to be called after; give it a name")
        if self.template:
            raise SequenceError(f'step "{self.name}": a step has a template or variants, not both')
        if not 2 <= len(self.variants) <= MOST_VARIANTS:
            raise SequenceError(f'step "{self.name}" has {len(self.variants)} variants; write 2 to {MOST_VARIANTS}')
        if len({each.name for each in self.variants}) < len(self.variants):
            raise SequenceError(f'step "{self.name}": two variants have one name')
        if not any(each.weight for each in self.variants):
            raise SequenceError(f'step "{self.name}": all variants have weight 0, so nobody would get any')
        if self.coupon is not None and any(each.coupon is not None for each in self.variants):
            raise SequenceError(f'step "{self.name}": a coupon is asked for by the step or by its variants, not both')

    def variant(self, name: str | None) -> Variant | None:
        """The variant of a name, or None when there is none any more."""
        return next((each for each in self.variants if each.name == name), None)

    def as_sent(self, variant: Variant | None) -> Step:
        """The step as those get it who get this variant."""
        if variant is None:
            return self
        coupon = variant.coupon if self.coupon is None else self.coupon
        return evolve(self, template=variant.template, variants=(), coupon=coupon)

    @property
    def forms(self) -> tuple[Step, ...]:
        """Every form in which it is sent."""
        return tuple(map(self.as_sent, self.variants or (None,)))


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
    - ``goal``: what the mails are for, and is counted.
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
    reentry: timedelta | None = field(default=timedelta(days=1), converter=reentry_rule)
    overlap: bool = False
    window: Window | None = None
    zone: str | None = None
    gap: timedelta = field(default=timedelta(days=1), converter=duration)
    cap: Cap | None = field(default=None, converter=_cap)
    cap_group: str = "marketing"
    holdout: int = 0
    goal: Goal | None = None
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
        if self.goal is not None and self.goal.segment == self.segment and self.on is Trigger.ENTER:
            raise SequenceError(f'whoever is in it has entered "{self.segment}" already: its goal is another segment')

    @property
    def fallback_zone(self) -> ZoneInfo | None:
        """The zone of customers whose own is not known, where the sequence gives one."""
        return None if self.zone is None else ZoneInfo(self.zone)

    @property
    def measured(self) -> bool:
        """Whether it is kept of its runs when they began to count."""
        return self.goal is not None or self.holdout > 0

    def step(self, name: str) -> Step | None:
        """The step of a name, or None when there is none any more."""
        return next((each for each in self.steps if each.name == name), None)
