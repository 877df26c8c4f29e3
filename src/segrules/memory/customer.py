"""A customer in memory whose data has been checked once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self, assert_never

from attrs import define, field

from segrules.algebra import Kind
from segrules.clock import naive_utc
from segrules.errors import CustomerError

if TYPE_CHECKING:
    from segrules.shop.kept import Entity, Kept
    from segrules.vocabulary import Vocabulary

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Customer(Mapping[str, Any]):
    """A customer whose data fits the vocabulary; predicates read it without checking it again."""

    __slots__ = ("data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], vocabulary: Vocabulary | None = None) -> Self:
        """The customer of plain data, such as JSON holds: days and moments may be ISO text, numbers decimal text.

        A moment without a time zone is in UTC. Whatever may be missing may be left out. Raises one CustomerError
        that tells everything that is wrong, each with its place: names that the vocabulary lacks, wrong types, floats.
        """
        from segrules.shop.kept import customer_of
        from segrules.vocabulary import Vocabulary

        reader = _Reader()
        row = reader.row(data, customer_of(vocabulary or Vocabulary.installed()), "")
        if reader.mistakes:
            raise CustomerError("\n".join(reader.mistakes))
        return cls(row)

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.data)!r})"


class _WrongValue(Exception):
    """A value does not fit its field; the message says why and what to write."""


@define
class _Reader:
    """Reads plain data and gathers every mistake with its path."""

    mistakes: list[str] = field(factory=list)

    def row(self, data: Any, entity: Entity, path: str) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.mistakes.append(f"{path or 'the customer'}: {_is_a(data)}; write a mapping of names to values")
            return {}
        row: dict[str, Any] = {}
        for name, value in data.items():
            place = f"{path}.{name}" if path else str(name)
            if name in entity.links:
                row[name] = self.rows(value, entity.links[name], place)
            elif name in entity.fields:
                try:
                    row[name] = _value(value, entity.fields[name])
                except _WrongValue as wrong:
                    self.mistakes.append(f"{place}: {wrong}")
            else:
                self.mistakes.append(f"{place}: {_unknown(str(name), entity)}")
        return row

    def rows(self, value: Any, entity: Entity, path: str) -> Any:
        """The rows under a link: a list, a single one as it is, none as None."""
        if value is None:
            return None
        if isinstance(value, Mapping):
            return self.row(value, entity, path)
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            self.mistakes.append(f"{path}: {_is_a(value)}; write a list of rows")
            return None
        return [self.row(each, entity, f"{path}[{place}]") for place, each in enumerate(value)]


def _unknown(name: str, entity: Entity) -> str:
    known = [*entity.fields, *entity.links]
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    return f"the vocabulary has no such name; {hint}"


def _value(value: Any, kept: Kept) -> Any:
    if value is None:
        return None
    if kept.is_set:
        return _codes(value)
    match kept.kind:
        case Kind.NUMBER:
            return _number(value, kept.is_whole)
        case Kind.ID:
            if not isinstance(value, int) or isinstance(value, bool):
                raise _WrongValue(f"{_is_a(value)}; an id is a whole number")
            return value
        case Kind.TEXT | Kind.CODE | Kind.CHOICE:
            if not isinstance(value, str):
                raise _WrongValue(f"{_is_a(value)}; write text")
            return str(value)
        case Kind.YESNO:
            if not isinstance(value, bool):
                raise _WrongValue(f"{_is_a(value)}; write True or False")
            return value
        case Kind.DATE:
            return _day(value)
        case Kind.MOMENT:
            return _moment(value)
        case _:
            assert_never(kept.kind)


def _number(value: Any, is_whole: bool) -> int | Decimal:
    if isinstance(value, float):
        raise _WrongValue(f'{_is_a(value)}; write Decimal("{value}") or "{value}"')
    if isinstance(value, str) and _NUMBER.match(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _WrongValue(f'{_is_a(value)}; write an int, a Decimal or decimal text such as "12.50"')
    if isinstance(value, Decimal) and not value.is_finite():
        raise _WrongValue(f"{value} is no number that can be compared; leave it out")
    if is_whole and value != int(value):
        raise _WrongValue(f"{value} is no whole number")
    return value


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise _WrongValue(f"{_is_a(value)}; the field is a day, write its date()")
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError as wrong:
            raise _WrongValue(f"{value!r} is no day: {wrong}") from None
    raise _WrongValue(f'{_is_a(value)}; write a date or ISO text such as "2025-01-31"')


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _WrongValue(f'{value!r} is no moment; write ISO text such as "2025-01-31T10:00:00Z"') from None
    if isinstance(value, datetime):
        return naive_utc(value)
    raise _WrongValue(f'{_is_a(value)}; write a datetime or ISO text such as "2025-01-31T10:00:00Z"')


def _codes(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise _WrongValue(f"{_is_a(value)}; write a list of codes")
    codes = tuple(value)
    for code in codes:
        if not isinstance(code, str):
            raise _WrongValue(f"{_is_a(code)}; a code is text")
    return codes


def _is_a(value: Any) -> str:
    name = type(value).__name__
    shown = repr(value)
    return (
        f"{shown if len(shown) <= 60 else shown[:57] + '...'} is {'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
    )
