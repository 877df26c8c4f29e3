"""Many rules, one customer: which of them match, with everything that they share done once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from segrules import binding
from segrules.algebra import Predicate
from segrules.binding import Binding
from segrules.clock import Clock
from segrules.errors import BackendError, ParameterError
from segrules.memory.index import Index, Present
from segrules.rule import Rule, kept, scope_of
from segrules.shop.shop import Shop, zone_named

if TYPE_CHECKING:
    import pyarrow

    from segrules.memory.columnar import Columnar

_Value = TypeVar("_Value")


class Matches(Set[str]):
    """The names of the rules that match a customer, in the order of their set; looked up when asked for."""

    __slots__ = ("_bits", "_names")

    def __init__(self, bits: int, names: Mapping[int, tuple[int, str]]) -> None:
        self._bits, self._names = bits, names

    def __iter__(self) -> Iterator[str]:
        return (name for _, name in sorted(map(self._names.__getitem__, self._places())))

    def _places(self) -> Iterator[int]:
        digits = f"{self._bits:b}"[::-1]
        place = digits.find("1")
        while place >= 0:
            yield place
            place = digits.find("1", place + 1)

    def __len__(self) -> int:
        return self._bits.bit_count()

    def __bool__(self) -> bool:
        return self._bits != 0

    def __contains__(self, name: object) -> bool:
        return any(self._names[place][1] == name for place in self._places())

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self))}}}" if self else "{}"

    @classmethod
    def _from_iterable(cls, names: Iterable[str]) -> Set[str]:  # type: ignore[override]
        return frozenset(names)


@frozen
class _Asked:
    """The rules at one moment; by its place among the bits, each one's number and name."""

    present: Present
    names: Mapping[int, tuple[int, str]]

    def matches(self, customer: Any) -> Matches:
        return Matches(self.present.holding(customer), self.names)


class RuleSet:
    """Rules by name that are asked together about one customer at a time.

    Whatever several rules ask is asked once, and a rule that cannot match costs next to nothing. Rules may refer to
    each other by ``in segment "name"``, and to ``segments``, which are rules that nobody asks for by themselves; any
    other segment is looked for among the customer's ``segments``. ``website``, ``parameters`` and ``timezone`` hold
    for all rules; of the parameters each rule takes those that it names. Without a shop, the default one.

    Threads share a set freely, also while one of them changes it.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule] | None = None,
        shop: Shop | None = None,
        *,
        website: str | Iterable[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        segments: Mapping[str, Rule] | None = None,
        timezone: str | None = None,
    ) -> None:
        self._rules = dict(rules or {})
        self._shop = shop or Shop.default(vocabulary=next((rule.vocabulary for rule in self._rules.values()), None))
        self._segments = dict(segments or {})
        self._parameters = kept(parameters)
        zone = self._shop.zone if timezone is None else zone_named(timezone)
        # The clock is never asked: times stay open.
        self._clock = Clock(datetime(2000, 1, 1, tzinfo=UTC), zone)
        self._websites = scope_of(website, self._shop)
        #: The segments to which a rule refers, by its name; rules without any are not in it.
        self._references = {
            name: names for name, rule in {**self._segments, **self._rules}.items() if (names := rule.segments)
        }
        self._lock = RLock()
        self._asked: _Asked | None = None
        self._before: Present | None = None
        self._check_parameters()
        self._predicates = {name: self._bound(name) for name in self._rules}
        self._numbers = {name: number for number, name in enumerate(self._rules)}
        self._given = len(self._numbers)
        self._index = self._indexed()

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._rules))

    def __contains__(self, name: object) -> bool:
        return name in self._rules

    def __getitem__(self, name: str) -> Rule:
        return self._rules[name]

    def __repr__(self) -> str:
        return f"<RuleSet of {len(self)} rules>"

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """What the rules ask, in the algebra and bound but for the moment; other rules stand where they are meant."""
        return tuple(self._predicates.values())

    # --- asking ------------------------------------------------------------------------------------

    def matching(self, customer: Any, *, at: datetime | None = None) -> Matches:
        """The names of all rules that match a customer in memory, in the order in which the rules were given.

        ``at`` is an aware moment (default: now); it may be another one each time. Raises CustomerError.
        """
        asked = self._asked
        if asked is None or asked.present.at is not at:
            asked = self._ask_at(at)
        return Matches(asked.present.holding(customer), asked.names)

    def matching_all(self, customers: Iterable[Any], *, at: datetime | None = None) -> Iterator[Matches]:
        """The same for each customer in turn, all at one moment; as lazy as ``customers`` are.

        They may be the rows of a table, see :meth:`matching_columns`.
        """
        if hasattr(customers, "__arrow_c_stream__"):
            return self._matching_rows(customers, at)
        return map(self._ask_at(at).matches, customers)

    def matching_columns(self, customers: Any, *, at: datetime | None = None) -> pyarrow.Table:
        """A column of booleans for each rule, by its name; a row for each of the customers, in their order.

        ``customers`` is a PyArrow table or reader, or a data frame (Polars, pandas, DuckDB): whatever offers the Arrow
        C stream interface. It needs the extra ``segrules[columnar]``. Raises CustomerError.
        """
        batches, columnar, names = self._columnar(customers, at)
        return columnar.answers(batches, names)

    def _matching_rows(self, customers: Any, at: datetime | None) -> Iterator[Matches]:
        batches, columnar, names = self._columnar(customers, at)
        by_place = dict(enumerate(enumerate(names)))
        return (Matches(bits, by_place) for batch in batches for bits in columnar.bits(batch))

    def _columnar(self, customers: Any, at: datetime | None) -> tuple[Iterator[pyarrow.Table], Columnar, list[str]]:
        try:
            from segrules.memory import columnar
        except ImportError as cause:
            raise BackendError("tables need pyarrow: pip install 'segrules[columnar]'") from cause
        clock = Clock.at(at, self._clock.zone)
        with self._lock:
            open_rules = dict(self._predicates)
        present = Binding(clock)
        bound = [binding.bind_condition(each, present) for each in open_rules.values()]
        return columnar.batches(customers), columnar.Columnar(bound, clock.zone), list(open_rules)

    def _ask_at(self, at: datetime | None) -> _Asked:
        now = at if at is not None and at.tzinfo is not None else Clock.at(at, self._clock.zone).now
        asked = self._asked
        if asked is None:
            with self._lock:
                snapshot = self._index.snapshot()
                names = {number: name for name, number in self._numbers.items()}
                by_slot = {slot: (number, names[number]) for slot, number in snapshot.numbers.items()}
                asked = self._asked = _Asked(snapshot.present(now, self._before), by_slot)
        elif asked.present.at != now:
            before, asked = asked, _Asked(asked.present.moved(now), asked.names)
            with self._lock:
                if self._asked is before:
                    self._asked = asked
        return asked

    # --- changing ----------------------------------------------------------------------------------

    def add(self, name: str, rule: Rule) -> None:
        """Puts a rule in, behind all others; one that had this name is replaced where it is.

        Whatever is wrong with it is raised and changes nothing.
        """
        with self._lock:
            rules, references = self._rules, self._references
            self._rules = {**rules, name: rule}
            self._references = {**references, name: rule.segments} if rule.segments else _without(references, name)
            try:
                self._check_parameters()
                changed = {each: self._bound(each) for each in self._led_to(name)}
            except Exception:
                self._rules, self._references = rules, references
                raise
            if name not in self._numbers:
                self._numbers[name] = self._given
                self._given += 1
                if self._index.is_full:
                    self._predicates |= changed
                    self._index = self._indexed()
            self._put(changed)

    def remove(self, name: str) -> None:
        """Takes a rule out; KeyError when there is none of that name."""
        with self._lock:
            number = self._numbers.pop(name)
            self._rules, self._references = _without(self._rules, name), _without(self._references, name)
            del self._predicates[name]
            self._index.remove(number)
            self._put({each: self._bound(each) for each in self._led_to(name)})

    def _put(self, changed: Mapping[str, Predicate]) -> None:
        self._predicates |= changed
        for name, predicate in changed.items():
            self._index.put(self._numbers[name], predicate)
        if self._asked is not None:
            self._before = self._asked.present
        self._asked = None

    # --- inside ------------------------------------------------------------------------------------

    def _indexed(self) -> Index:
        """A new index of all rules, with room for some more."""
        return Index({self._numbers[name]: each for name, each in self._predicates.items()}, self._clock.zone)

    def _bound(self, name: str) -> Predicate:
        """A rule with the rules that it leads to in their place; bound, but for its times."""
        live = {each: self._lowered(known) for each in self._reached(name) if (known := self._known(each))}
        return binding.bind_openly(self._lowered(self._rules[name]), Binding(self._clock, self._websites, live))

    def _lowered(self, rule: Rule) -> Predicate:
        taken = {each: self._parameters[each] for each in rule.parameters if each in self._parameters}
        return rule.lowered(self._shop.vocabulary, taken)

    def _known(self, name: str) -> Rule | None:
        return self._rules.get(name) or self._segments.get(name)

    def _reached(self, name: str) -> set[str]:
        """The names of the segments to which a rule leads, in however many steps."""
        found: set[str] = set()
        ahead = set(self._references.get(name, ()))
        while ahead:
            each = ahead.pop()
            if each not in found:
                found.add(each)
                ahead |= self._references.get(each, frozenset())
        return found

    def _led_to(self, name: str) -> list[str]:
        """A rule, if it is there, and all that lead to it."""
        leading = [each for each in self._references if each in self._rules and name in self._reached(each)]
        return list(dict.fromkeys(each for each in (name, *leading) if each in self._rules))

    def _check_parameters(self) -> None:
        if not self._parameters:
            return
        asked = {each for rule in (*self._rules.values(), *self._segments.values()) for each in rule.parameters}
        unknown = sorted(set(self._parameters) - asked)
        if unknown:
            raise ParameterError(f"no rule of the set has a parameter :{unknown[0]}")


def _without(names: Mapping[str, _Value], name: str) -> dict[str, _Value]:
    return {each: value for each, value in names.items() if each != name}
