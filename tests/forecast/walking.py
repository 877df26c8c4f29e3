"""Brute force: walk through time moment by moment, judge every customer anew, and hold the forecast against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from segrules.algebra import Const, walk
from segrules.clock import (
    MICROSECOND,
    Clock,
    DayEdge,
    Edge,
    FixedDay,
    RelativeInstant,
    Unit,
    add_units,
    naive_utc,
    offsets,
)
from segrules.condition import Anniversary, Date, DaysSince, DaysUntil, Moment
from segrules.errors import SegrulesError
from segrules.forecast import Forecast, OneCustomer, foresee
from segrules.forecast.moving import moves
from segrules.rule import Evaluation
from segrules.shop.shop import Shop
from segrules.testing.choosing import Chooser, happens, one_of
from segrules.testing.customers import Population
from segrules.testing.questions import RuleQuestion
from segrules.testing.rules import make_rule
from segrules.testing.scene import WEBSITES, Customer, Scene

TIMES = (Moment, Date, Anniversary, DaysSince, DaysUntil)


@frozen
class Walk:
    """One rule about one population from one moment on."""

    question: RuleQuestion
    customers: Sequence[Customer]

    @classmethod
    def drawn(cls, chooser: Chooser, shop: Shop, size: int) -> Walk | None:
        """A walk with a rule in which something moves; None when what was made up is not one."""
        scene = Scene.drawn(chooser, shop)
        times = [
            (relation.word, name)
            for relation in shop.vocabulary
            for name, type_ in relation.fields.items()
            if isinstance(type_, TIMES)
        ]
        made = make_rule(chooser, scene, one_of(chooser, times) if not happens(chooser, 4) else None, 8)
        website = one_of(chooser, WEBSITES) if happens(chooser, 8) else None
        try:
            question = RuleQuestion.of(made.node, scene, made.parameters, website)
        except SegrulesError:
            return None
        walk_ = cls(question, Population.drawn(chooser, scene, size).customers)
        return walk_ if moves(walk_.lowered, frozenset()) else None

    @property
    def shop(self) -> Shop:
        return self.question.scene.shop

    @property
    def at(self) -> datetime:
        return self.question.scene.at

    @property
    def given(self) -> dict[str, Any]:
        return {**self.question._keywords, "segments": None}

    @property
    def lowered(self) -> Any:
        return self.question.rule.lowered(self.shop.vocabulary, dict(self.question.parameters))

    def forecast(self, customer: Customer) -> Forecast:
        asked = Evaluation.of(self.shop, self.given)  # type: ignore[arg-type]
        return foresee(self.lowered, asked.binding, OneCustomer(customer, self.shop.zone))

    def answers(self, moment: datetime, customers: Sequence[Customer]) -> list[bool]:
        """Everyone's answer at a (naive UTC) moment."""
        matches = self.question.rule.predicate(self.shop, **{**self.given, "at": moment.replace(tzinfo=UTC)})
        return [matches(each) for each in customers]

    def moments(self, chooser: Chooser, most: int) -> list[datetime]:
        """The moments at which something might happen, first all the near ones, then some of those further off."""
        now = naive_utc(self.at)
        clock = Clock(self.at, self.shop.zone)
        lengths = {0} | {
            each.value.microseconds
            for each in walk(self.lowered)
            if isinstance(each, Const) and isinstance(each.value, RelativeInstant)
        }
        found = {
            moment + timedelta(microseconds=-each) for moment in _moments_in(list(self.customers)) for each in lengths
        }
        found |= {each + MICROSECOND for each in found}
        for number in range(1, 800):
            day = add_units(clock.today, number, Unit.DAY)
            found.add(clock.moment_of(DayEdge(FixedDay(day), Edge.START)))
        for each in offsets(self.shop.zone)[0]:
            if now < each < now + timedelta(days=400):
                found |= {each, each - MICROSECOND}
        found |= {now + timedelta(minutes=number) for number in range(1, 10)}
        found |= {now + timedelta(hours=number) for number in range(1, 30, 5)}
        ahead = sorted(each for each in found if each > now)
        near, far = ahead[: most // 2], ahead[most // 2 :]
        return near + sorted({one_of(chooser, far) for _ in range(most // 2)} if far else ())

    def mistakes(self, chooser: Chooser, most: int = 100) -> Iterator[str]:
        """What the forecasts for single customers say that is not so."""
        now = naive_utc(self.at)
        at_first = self.answers(now, self.customers)
        forecasts = [self.forecast(each) for each in self.customers]
        for customer, first, forecast in zip(self.customers, at_first, forecasts, strict=True):
            if forecast.moment is None:
                continue
            moment = naive_utc(forecast.moment)
            if moment <= now:
                yield f"customer {customer['id']}: {forecast} is no later moment"
            if forecast.is_exact and self.answers(moment, [customer]) == [first]:
                yield f"customer {customer['id']}: {forecast}, but nothing changes then"
            if self.answers(moment - MICROSECOND, [customer]) != [first]:
                yield f"customer {customer['id']}: {forecast}, but it has changed a microsecond before"
        pending = dict(enumerate(forecasts))
        for moment in self.moments(chooser, most):
            pending = {place: each for place, each in pending.items() if _is_before(moment, each)}
            if not pending:
                break
            answers = self.answers(moment, [self.customers[place] for place in pending])
            for (place, forecast), answer in zip(pending.items(), answers, strict=True):
                if answer != at_first[place]:
                    yield f"customer {self.customers[place]['id']}: {forecast}, but it has changed at {moment}"
                    return

    def smaller(self) -> Iterator[Walk]:
        """The same with a simpler rule, or fewer customers."""
        for place in range(len(self.customers)):
            if len(self.customers) > 1:
                yield evolve(self, customers=[self.customers[place]])
        for question in self.question.smaller():
            if isinstance(question, RuleQuestion):
                yield evolve(self, question=question)

    def __str__(self) -> str:
        lines = [f"{label}: {text}" for label, text in self.question.described()]
        return "\n".join([*lines, f"at {self.at.isoformat()} in {self.shop.zone.key}"])


def _is_before(moment: datetime, forecast: Forecast) -> bool:
    return forecast.moment is None or moment < naive_utc(forecast.moment)


def _moments_in(data: Any) -> Iterator[datetime]:
    if isinstance(data, datetime):
        yield data
    elif isinstance(data, dict):
        for each in data.values():
            yield from _moments_in(each)
    elif isinstance(data, list | tuple):
        for each in data:
            yield from _moments_in(each)


def smallest(walk_: Walk, fails: Any, tries: int = 200) -> Walk:
    """The simplest walk that still fails."""
    found = True
    while found:
        found = False
        for each in walk_.smaller():
            tries -= 1
            if tries < 0:
                return walk_
            if fails(each):
                walk_, found = each, True
                break
    return walk_
