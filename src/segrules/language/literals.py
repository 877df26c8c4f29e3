"""Literals: from their raw text to exact values, and every way in which one can be wrong."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from segrules.clock import FIRST_YEAR, LAST_YEAR, FixedDay, RelativeDay, Unit
from segrules.errors import Span
from segrules.language import nodes, syntax
from segrules.language.report import Report

DIGITS_BEFORE, DIGITS_AFTER = 15, 6

DATES = "a date is written 2025-01-31, a moment 2025-01-31T10:00, in another time zone 2025-01-31T10:00Z"

#: A thousand years in each unit: no length is longer.
LONGEST = {
    Unit.MINUTE: 525_949_920,
    Unit.HOUR: 8_765_832,
    Unit.DAY: 365_243,
    Unit.WEEK: 52_178,
    Unit.MONTH: 12_000,
    Unit.QUARTER: 4_000,
    Unit.YEAR: 1_000,
}

_NUMBER = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?\Z")
_NUMBER_AND_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)_?((?:minute|hour|day|week|month|quarter|year)s?)\Z", re.I)
_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]+)?e[0-9]{1,2}\Z", re.I)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?\Z",
    re.I,
)
_GROUPED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}\Z")
_LOOSE_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\Z")
_DAY_FIRST = re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})\Z")
_DOTTED = re.compile(r"([0-9]{1,4})\.([0-9]{1,2})\.([0-9]{1,4})\Z")
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}


def number(form: syntax.Numeral, report: Report) -> Decimal | None:
    """The exact number, without superfluous zeros; None when it is none."""
    raw = form.text
    if not _NUMBER.match(raw):
        dotted = _DOTTED.match(raw)
        if dotted:
            # between dots the day stands first
            write = _in_calendar(dotted[3], dotted[2], dotted[1]) or calendar_day(dotted[1], dotted[2], dotted[3])
            report.error("SEG106", f"{raw} is not a date as the language writes it", form, write=write, hint=DATES)
            return None
        together = _NUMBER_AND_UNIT.match(raw)
        write = f"{together[1]} {together[2].lower()}" if together else None
        if _EXPONENT.match(raw):
            write = f"{Decimal(raw):f}"
        elif _GROUPED.match(raw):
            write = raw.replace(".", "")
        report.error(
            "SEG105", f'"{raw}" is not a number', form, write=write, hint="numbers are written like 5, 1_000 or 0.75"
        )
        return None
    whole, _, fraction = raw.replace("_", "").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if len(whole) > DIGITS_BEFORE or len(fraction) > DIGITS_AFTER:
        report.error(
            "SEG405",
            f"the number has more than {DIGITS_BEFORE} digits before or {DIGITS_AFTER} after the point",
            form,
        )
        return None
    return Decimal(f"{whole}.{fraction}" if fraction else whole)


def text(form: syntax.Quoted, report: Report) -> str | None:
    """The text without quotes and escapes; None when an escape is unknown."""
    raw = form.text[1:-1]
    value = raw
    if "\\" in raw:
        pieces: list[str] = []
        index = 0
        while index < len(raw):
            char = raw[index]
            if char == "\\":
                escaped = raw[index + 1]
                if escaped not in _ESCAPES:
                    start = form.start + 1 + index
                    report.error(
                        "SEG107",
                        f'"\\{escaped}" means nothing in a text',
                        Span(start, start + 2),
                        write=f"\\\\{escaped}",
                        hint="a backslash is written \\\\; besides there are \\\" \\' \\n \\t \\r",
                    )
                    return None
                pieces.append(_ESCAPES[escaped])
                index += 2
            else:
                pieces.append(char)
                index += 1
        value = "".join(pieces)
    if not value.isprintable() and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        report.error("SEG115", "the text holds a character that no database can keep", form)
        return None
    return value


def dated(form: syntax.Dated, report: Report) -> nodes.DayLiteral | nodes.MomentLiteral | None:
    """The day or the instant of a date literal; None when the calendar has no such day."""
    raw = form.text
    found = _DAY.match(raw) or _TIME.match(raw)
    if found is None:
        _malformed_date(form, report)
        return None
    if not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        report.error("SEG406", f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}", form)
        return None
    try:
        if found.re is _DAY:
            return nodes.DayLiteral(FixedDay(date(int(found[1]), int(found[2]), int(found[3]))), span=form.span)
        fraction = (found[7] or "").ljust(6, "0")
        year, month, day, hour, minute, second = [int(found[each] or 0) for each in range(1, 7)]
        moment = datetime(year, month, day, hour, minute, second, int(fraction), _zone(found[8]))
        return nodes.MomentLiteral(moment, span=form.span)
    except ValueError:
        report.error("SEG106", f"{raw} is not in the calendar", form, hint="dates are written year-month-day")
        return None


def _zone(raw: str | None) -> timezone | None:
    if raw is None:
        return None
    if raw in "Zz":
        return UTC
    hours, minutes = int(raw[1:3]), int(raw[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if raw[0] == "-" else offset)


def calendar_day(first: str, second: str, third: str) -> str | None:
    """The day that three numbers mean, as the language writes it; None when they could mean two."""
    if len(first) == 4:
        return _in_calendar(first, second, third)
    if int(first) > 12:
        return _in_calendar(third, second, first)
    return _in_calendar(third, first, second) if int(second) > 12 else None


def _in_calendar(year: str, month: str, day: str) -> str | None:
    try:
        return date.fromisoformat(f"{year}-{month:0>2}-{day:0>2}").isoformat()
    except ValueError:
        return None


def _malformed_date(form: syntax.Dated, report: Report) -> None:
    raw = form.text
    write = None
    loose, day_first = _LOOSE_DAY.match(raw), _DAY_FIRST.match(raw)
    if loose:
        write = f"{loose[1]}-{loose[2]:0>2}-{loose[3]:0>2}"
    elif day_first and int(day_first[1]) > 12:
        write = f"{day_first[3]}-{day_first[2]:0>2}-{day_first[1]:0>2}"
    if write is not None:
        try:
            date.fromisoformat(write)
        except ValueError:
            write = None
    report.error(
        "SEG106",
        f"{raw} is not a date as the language writes it",
        form,
        write=write,
        hint=DATES,
    )


def length(form: syntax.Duration, report: Report) -> nodes.Length | None:
    """The length of time; None when it is no whole number of days or too long."""
    amount = number(form.number, report)
    if amount is None:
        return None
    unit = Unit(form.unit)
    if not unit.is_exact and amount != int(amount):
        report.error(
            "SEG314",
            f"a length in {unit.value}s is a whole number",
            form,
            hint="hours and minutes may have a fraction: 1.5 hours",
        )
        return None
    if amount > LONGEST[unit]:
        report.error("SEG407", "a length of time is at most a thousand years", form)
        return None
    return nodes.Length(amount, unit)


def distance(form: syntax.Duration, report: Report) -> nodes.DayLiteral | nodes.AgoLiteral | None:
    """``90 days ago`` as a whole day, ``2 hours ago`` as an instant."""
    found = length(form, report)
    if found is None:
        return None
    if found.unit.is_exact:
        return nodes.AgoLiteral(found, form.ago is True, span=form.span)
    amount = int(found.amount)
    return nodes.DayLiteral(RelativeDay(-amount if form.ago else amount, found.unit), span=form.span)
