"""Dates and money as people read them: by Babel where it is installed, in English otherwise."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from segrules_sequences.mail.budget import RefusedError

_LENGTHS = ("short", "medium", "long", "full")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def date_text(value: Any, length: str = "medium", locale: str = "en_US") -> str:
    """A day as text: short 11/20/25, medium Nov 20, 2025, long November 20, 2025, full Thursday, November 20, 2025.

    Another ``locale`` than en_US takes the extra ``babel``.
    """
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            raise RefusedError("|date is for dates, and for texts like 2025-11-20") from None
    if not isinstance(value, dt.date):
        raise RefusedError("|date is for dates, and for texts like 2025-11-20")
    if length not in _LENGTHS:
        raise RefusedError(f"|date knows the lengths {', '.join(_LENGTHS)}")
    day = value.date() if isinstance(value, dt.datetime) else value
    if locale == "en_US":
        month = _MONTHS[day.month - 1]
        match length:
            case "short":
                return f"{day.month}/{day.day}/{day.year % 100:02d}"
            case "medium":
                return f"{month[:3]} {day.day}, {day.year}"
            case "long":
                return f"{month} {day.day}, {day.year}"
        return f"{_DAYS[day.weekday()]}, {month} {day.day}, {day.year}"
    dates, unknown = _babel("dates")
    try:
        return str(dates.format_date(day, length, locale=locale))
    except (unknown, ValueError) as cause:
        raise RefusedError("|date was given a locale that there is not; write one like de_DE") from cause


def money_text(value: Any, currency: str, locale: str = "en_US") -> str:
    """An amount with its currency, such as €15.00; takes the extra ``babel``."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise RefusedError("|money is for exact numbers")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise RefusedError("|money wants a currency by its code, such as EUR")
    numbers, unknown = _babel("numbers")
    try:
        return str(numbers.format_currency(value, currency, locale=locale))
    except (unknown, ValueError) as cause:
        raise RefusedError("|money was given a locale that there is not; write one like de_DE") from cause


def _babel(part: str) -> tuple[Any, type[Exception]]:
    try:
        from babel import UnknownLocaleError, dates, numbers
    except ImportError:
        raise RefusedError("this needs Babel: install segrules-sequences[babel]") from None
    return {"dates": dates, "numbers": numbers}[part], UnknownLocaleError
