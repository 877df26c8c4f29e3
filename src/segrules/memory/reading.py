"""How values are read from a customer in memory, and what is said when one has a type that its field cannot have.

The careful readers here accept mappings and objects in any mixture and convert what is plainly meant (an aware
moment to UTC). The ``sure_…`` functions serve the fast code of the compiler: it tests for the one usual class in
line and asks them about any other; they answer true or raise :class:`Doubt`, and the careful readers decide.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Never
from zoneinfo import ZoneInfo

from segrules.clock import naive_utc, offsets
from segrules.errors import CustomerError

#: What is certainly no row.
_PLAIN = (str, bytes, int, float, Decimal, date, tuple, list, set, frozenset)


class Doubt(Exception):
    """A value is not of the usual class: read it again with care."""


def read(row: Any, name: str) -> Any:
    """The value under a name of a mapping or an object; None when it has none."""
    way = _WAYS.get(row.__class__)
    if way is None:
        if len(_WAYS) > 1000:  # classes that are made on the fly must not be kept for ever
            _WAYS.clear()
        way = _WAYS[row.__class__] = _way(row)
    return way(row, name)


_WAYS: dict[type, Callable[[Any, str], Any]] = {}


def _way(row: Any) -> Callable[[Any, str], Any]:
    """How the rows of one class are read."""
    if isinstance(row, Mapping):
        return lambda row, name: row.get(name)
    if hasattr(row, "keys") and hasattr(row, "__getitem__"):
        return _item
    if row is None or (isinstance(row, _PLAIN) and not hasattr(row, "_fields")):
        return _no_row
    return lambda row, name: getattr(row, name, None)


def _item(row: Any, name: str) -> Any:
    try:
        return row[name]
    except (KeyError, IndexError):
        return None


def _no_row(row: Any, name: str) -> Never:
    raise CustomerError(f'{row!r} stands where a row with "{name}" is expected; give a mapping or an object')


def refuse(value: Any, label: str, way_out: str) -> Never:
    """Raises the CustomerError that names the field, what it holds and what to give instead."""
    article = "an" if type(value).__name__[0].lower() in "aeiou" else "a"
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise CustomerError(f"{label}: {shown} is {article} {type(value).__name__}; {way_out}")


def number(value: Any, label: str) -> Decimal | int | None:
    """An exact number: int or finite Decimal."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise CustomerError(f"{label}: {value} is no amount; give a finite number or None")
        return value
    if isinstance(value, float):
        refuse(value, label, f'floats are not exact, give Decimal("{value}") or an int')
    refuse(value, label, "give an int or a Decimal")


def identity(value: Any, label: str) -> int | None:
    """An id: a whole number."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    refuse(value, label, "an id is an int")


def text(value: Any, label: str) -> str | None:
    """Text, a code or a choice; empty text is present."""
    if value is None or isinstance(value, str):
        return value
    refuse(value, label, "give text (str)")


def yes_no(value: Any, label: str) -> bool | None:
    """True or false, and nothing that is merely like them."""
    if value is None or isinstance(value, bool):
        return value
    refuse(value, label, "give True or False")


def day(value: Any, label: str) -> date | None:
    """A calendar day without a time."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, datetime):
        refuse(value, label, "the field is a day, give its date()")
    refuse(value, label, "give a datetime.date")


def moment(value: Any, label: str) -> datetime | None:
    """A moment as a naive datetime in UTC."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return naive_utc(value)
    if isinstance(value, date):
        refuse(value, label, "the field is a moment, give a datetime (aware, or naive in UTC)")
    refuse(value, label, "give a datetime (aware, or naive in UTC)")


def ordered(value: Any, label: str) -> Any:
    """What rows are picked by: a moment, a day or a number."""
    if isinstance(value, datetime):
        return naive_utc(value)
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, int | Decimal):
        return number(value, label)
    refuse(value, label, "rows are picked by a moment, a day or a number")


def codes(value: Any, label: str) -> Collection[str] | None:
    """A set of codes or names as a collection of text."""
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable) or isinstance(value, Iterator):
        refuse(value, label, "give a list or a set of codes")
    found = tuple(value)
    for each in found:
        if not isinstance(each, str):
            refuse(each, label, "a code is text (str)")
    return found


def holds(value: Any, code: str | None, label: str) -> bool:
    """Whether a set of codes or names has one; with None, whether it has any."""
    if code is not None and value.__class__ in (list, tuple, set, frozenset) and code in value:
        return True
    found = codes(value, label)
    return found is not None and (len(found) > 0 if code is None else code in found)


def rows(value: Any, label: str) -> Iterable[Any]:
    """The rows under a link: none, a single one, or those of a collection that can be read again.

    What has no rows of its own but an ``all()``, such as Django's related managers, is asked for them.
    """
    if value is None:
        return ()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return value
    if (
        isinstance(value, Mapping)
        or not hasattr(value, "__iter__")
        or hasattr(value, "keys")
        or hasattr(value, "_fields")
    ):
        if not isinstance(value, Mapping) and not hasattr(value, "__iter__") and callable(getattr(value, "all", None)):
            return value.all()  # type: ignore[no-any-return]
        if callable(value) and not isinstance(value, Mapping):
            refuse(value, label, "give a list of rows")
        if isinstance(value, int | Decimal | float | date):
            refuse(value, label, "give a list of rows")
        return (value,)
    if isinstance(value, str | bytes):
        refuse(value, label, "give a list of rows")
    if isinstance(value, Iterator):
        refuse(value, label, "it can be read only once and a rule may need it twice, give a list of rows")
    return value  # type: ignore[no-any-return]


# --- what the fast code asks about values that are not of the usual class ----------------------------


def _sure(reader: Callable[[Any, str], Any]) -> Callable[[Any], bool]:
    def sure(value: Any) -> bool:
        try:
            same = reader(value, "") is value
        except CustomerError:
            raise Doubt from None
        if not same:
            raise Doubt
        return True

    sure.__name__ = f"sure_{reader.__name__}"
    return sure


sure_number = _sure(number)
sure_identity = _sure(identity)
sure_text = _sure(text)
sure_yes_no = _sure(yes_no)
sure_day = _sure(day)
sure_moment = _sure(moment)
sure_ordered = _sure(ordered)


def id_of(row: Any, entity: str) -> int:
    """The id by which a pick between equals is decided; a row without one is refused."""
    found = identity(read(row, "id"), f"{entity}.id")
    if found is None:
        raise CustomerError(
            f"{entity}: the first or last of these rows is decided by id, and a row has none; give each its id"
        )
    return found


# --- days in the shop's zone -------------------------------------------------------------------------


def day_numbers(zone: ZoneInfo) -> Callable[[datetime], int]:
    """The function from a naive UTC moment to the number of its local day, by the table that SQL uses too."""
    moments, seconds = offsets(zone)

    def day_number(moment: datetime) -> int:
        since_midnight = moment.hour * 3600 + moment.minute * 60 + moment.second
        return moment.toordinal() + (since_midnight + seconds[bisect_right(moments, moment)]) // 86400

    return day_number


def month_days(zone: ZoneInfo) -> Callable[[datetime], int]:
    """The function from a naive UTC moment to month * 100 + day of its local day."""
    day_number = day_numbers(zone)
    first, last = date.min.toordinal(), date.max.toordinal()

    def month_day(moment: datetime) -> int:
        day = date.fromordinal(min(max(day_number(moment), first), last))
        return day.month * 100 + day.day

    return month_day
