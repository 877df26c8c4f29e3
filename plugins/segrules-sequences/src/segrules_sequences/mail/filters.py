"""The filters and tests that templates have. None can make much out of little."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import wraps
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from segrules_sequences.mail.budget import RefusedError, Turns, current
from segrules_sequences.mail.formatting import date_text, money_text
from segrules_sequences.mail.limits import DECIMALS
from segrules_sequences.mail.views import Method, View

#: Names that no template can write; the checked syntax tree uses them.
LOOP, JOINED = " loop", " joined"


def printable(value: Any) -> str:
    """A value as it stands in a mail; only text, numbers and dates have one."""
    current().tick()
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case dt.datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case dt.date():
            return value.isoformat()
        case Undefined():
            return str(value)
        case View():
            raise RefusedError(f"{value.name} is more than one value; name one of {', '.join(value.fields)}")
        case Method():
            raise RefusedError(f"{value.name} is a method; call it: {value.name}()")
    raise RefusedError("a list cannot stand in a text; loop over it, or write |join(', ')")


def filled(value: Any) -> bool:
    """Whether there is something: not undefined, none, false or an empty text; 0 and an empty list are something."""
    return not (isinstance(value, Undefined) or value is None or value is False or value == "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else printable(value)


def _length(value: Any) -> int:
    if isinstance(value, (str, tuple, list)):
        return len(value)
    raise RefusedError("|length is for texts and lists")


def _edge(place: int) -> Callable[[Any], Any]:
    def edge(value: Any) -> Any:
        if not isinstance(value, (str, tuple, list)) or not value:
            raise RefusedError("there is no first or last entry of an empty list, or of what is no list")
        return value[place]

    return edge


@pass_eval_context
def _joined(context: EvalContext, values: Any, between: str = "") -> str:
    """The entries one after the other."""
    if not isinstance(values, (tuple, list)):
        raise RefusedError("|join is for lists")
    texts = [printable(each) for each in values]
    glue = printable(between)
    current().text(sum(len(each) for each in texts) + len(glue) * max(0, len(texts) - 1))
    if context.autoescape:
        return escape(glue).join(texts)
    return str.__str__(glue).join(texts)


@pass_eval_context
def _nl2br(context: EvalContext, value: Any) -> str:
    """Line breaks as they are seen in HTML; what is not marked as HTML is escaped first."""
    text = _text(value)
    if not context.autoescape:
        return text
    safe = str(escape(text)).replace("\r\n", "\n").replace("\r", "\n")
    current().text(len(safe) + 5 * safe.count("\n"))
    return Markup(safe.replace("\n", "<br>\n"))


def _replace(value: Any, old: Any, new: Any) -> str:
    from segrules_sequences.mail.environment import replaced

    return replaced(_text(value), old, new)


def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    text = str.__str__(_text(value))
    if not isinstance(length, int) or length < len(end):
        raise RefusedError("|truncate wants the number of characters")
    return text if len(text) <= length else text[: length - len(end)].rstrip() + end


def _default(value: Any, instead: Any = "", empty_too: bool = False) -> Any:
    return instead if isinstance(value, Undefined) or (empty_too and not filled(value)) else value


def _urlencode(value: Any) -> str:
    return quote(_text(value).encode("utf-8", "replace"), safe="")


def _number(value: Any) -> int | Decimal:
    match value:
        case bool():
            pass
        case int() | Decimal():
            return value
        case float():
            return Decimal(repr(value))
    raise RefusedError("this filter is for numbers")


def _round(value: Any, decimals: int = 0) -> int | Decimal:
    if not isinstance(decimals, int) or not 0 <= decimals <= DECIMALS:
        raise RefusedError(f"|round wants 0 to {DECIMALS} decimals")
    rounded = Decimal(_number(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return rounded if decimals else int(rounded)


def _int(value: Any) -> int:
    if isinstance(value, str):
        if len(value) > 18 or not value.strip().lstrip("-").isdecimal():
            raise RefusedError("|int is for numbers, and for texts that are whole numbers")
        return int(value)
    return int(_number(value))


def _raw(value: Any) -> Markup:
    """HTML that stays as it is; there for trusted authors only."""
    return Markup(_text(value))


def turns(values: Any) -> Turns:
    """What a loop goes over, counted."""
    if isinstance(values, Undefined):
        str(values)
    if not isinstance(values, (tuple, list, range)):
        raise RefusedError("a loop goes over a list, and this is none")
    return Turns(values)


def _guarded(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, which looks at the clock, and whose text is not too long."""

    @wraps(work)
    def run(*args: Any, **named: Any) -> Any:
        current().tick()
        try:
            result = work(*args, **named)
        except TypeError as cause:
            raise RefusedError(f"|{name} cannot be used like that") from cause
        if isinstance(result, str):
            current().text(len(result))
        return result

    return run


_ALL: Mapping[str, Callable[..., Any]] = {
    "abs": lambda value: abs(_number(value)),
    "capitalize": lambda value: _text(value).capitalize(),
    "count": _length,
    "d": _default,
    "date": date_text,
    "default": _default,
    "e": escape,
    "escape": escape,
    "first": _edge(0),
    "int": _int,
    "join": _joined,
    "last": _edge(-1),
    "length": _length,
    "lower": lambda value: _text(value).lower(),
    "money": money_text,
    "nl2br": _nl2br,
    "raw": _raw,
    "replace": _replace,
    "round": _round,
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
    "urlencode": _urlencode,
}

#: Every filter; ``raw`` is taken out for authors who are not trusted.
FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: _guarded(name, work) for name, work in _ALL.items()},
    LOOP: turns,
    JOINED: _guarded("join", _joined),
}

TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "filled": filled,
    "none": lambda value: value is None,
    "even": lambda value: int(_number(value)) % 2 == 0,
    "odd": lambda value: int(_number(value)) % 2 == 1,
}
