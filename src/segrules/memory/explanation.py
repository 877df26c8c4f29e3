"""Why a rule holds for a customer or does not: a tree of conditions, each with its truth and the values found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen


@frozen
class Explanation:
    """A condition of a rule: its text, whether it holds, the values of its operands, and the conditions inside it.

    ``str()`` draws the tree; :meth:`render` has plain ASCII and another time zone to offer, :meth:`to_json` data.
    """

    text: str
    truth: bool
    values: tuple[tuple[str, Any], ...] = ()
    children: tuple[Explanation, ...] = ()

    def __bool__(self) -> bool:
        return self.truth

    def __str__(self) -> str:
        return self.render()

    def render(self, *, ascii: bool = False, zone: ZoneInfo | None = None) -> str:  # noqa: A002
        """The tree as lines of text, moments in a time zone (UTC unless another is given)."""
        return "\n".join(self._lines(_ASCII if ascii else _DRAWN, zone, "", ""))

    def to_json(self) -> dict[str, Any]:
        """The tree as data that :mod:`json` takes: numbers as decimal text, days and moments as ISO text in UTC."""
        return {
            "text": self.text,
            "truth": self.truth,
            "values": [{"operand": operand, "value": _plain(value)} for operand, value in self.values],
            "children": [child.to_json() for child in self.children],
        }

    def _lines(self, marks: _Marks, zone: ZoneInfo | None, first: str, rest: str) -> Iterator[str]:
        head, *more = self.text.splitlines() or [""]
        inner = rest + (marks.bar if self.children else marks.gap)
        yield f"{first}{marks.true if self.truth else marks.false} {head}"
        yield from (f"{inner}{line}" for line in more)
        for operand, value in self.values:
            yield f"{inner}{operand} = {shown(value, zone)}"
        for place, child in enumerate(self.children):
            is_last = place == len(self.children) - 1
            branch, below = (marks.last, marks.gap) if is_last else (marks.branch, marks.bar)
            yield from child._lines(marks, zone, rest + branch, rest + below)


@frozen
class _Marks:
    true: str
    false: str
    branch: str
    last: str
    bar: str
    gap: str


_DRAWN = _Marks("✓", "✗", "├─ ", "└─ ", "│  ", "   ")
_ASCII = _Marks("[x]", "[ ]", "|- ", "`- ", "|  ", "   ")


def shown(value: Any, zone: ZoneInfo | None = None) -> str:
    """A value as a reader of a rule writes it; a missing one is ``not set``."""
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain_number(value)
        case datetime():
            aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            local = aware.astimezone(zone or UTC)
            return f"{local.replace(tzinfo=None).isoformat(' ')} {zone.key if zone is not None else 'UTC'}"
        case date():
            return value.isoformat()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
        case list() | tuple() | set() | frozenset():
            items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return f"({', '.join(shown(each, zone) for each in items)})"
        case _:
            return str(value)


def plain_number(value: Decimal) -> str:
    """A decimal without exponent and without zeros that say nothing."""
    written = f"{value:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written in ("-0", "") else written


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return plain_number(value)
        case datetime():
            aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case list() | tuple():
            return [_plain(each) for each in value]
        case set() | frozenset():
            return sorted((_plain(each) for each in value), key=str)
        case _:
            return str(value)
