"""The Jinja environment in which templates run: every attribute, item, call and operation passes through here.

What Jinja's own sandbox forbids is a list of what is known to be dangerous. Here it is the other way round: each
kind of value has a short list of what may be done with it, and everything else is refused.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from segrules_sequences.mail.budget import RefusedError, current
from segrules_sequences.mail.filters import FILTERS, TESTS, printable
from segrules_sequences.mail.limits import DECIMALS, NUMBER_BELOW
from segrules_sequences.mail.views import Method, View, meant

_LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem")
_DATE = ("year", "month", "day")
_CLOCK = ("hour", "minute")
_PLAIN = frozenset((
    "lower", "upper", "title", "capitalize", "strip", "lstrip", "rstrip", "startswith", "endswith",
))  # fmt: skip
_WIDENING = frozenset(("ljust", "rjust", "center", "zfill"))
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda first, second: Decimal(first) / Decimal(second),
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
#: Powers beyond this are refused before they are worked out.
_POWERS = range(65)


class Missing(StrictUndefined):
    """A variable that has no value in this mail; it can be asked about, and used for nothing."""

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        return f'"{name}" has no value in this mail; where that may be, ask with {{% if {name} is filled %}}'


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja with nothing in it but what mails need. ``functions`` are what templates may call by their bare names."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(self, functions: Mapping[str, Method], *, raw: bool) -> None:
        super().__init__(
            undefined=Missing,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            finalize=printable,
            optimized=False,
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.filters = {name: each for name, each in FILTERS.items() if raw or name != "raw"}
        self.tests = dict(TESTS)
        self.globals = dict(functions)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A listed field or method of a value."""
        return self._member(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An entry of a list by its number, or what ``getattr`` gives."""
        if isinstance(argument, str) or isinstance(obj, Undefined):
            return self._member(obj, argument)
        if isinstance(obj, (str, tuple, list)) and isinstance(argument, int):
            try:
                return obj[argument]
            except IndexError:
                raise RefusedError(f"there is no entry {argument} in a list of {len(obj)}") from None
        raise RefusedError(f"{_kind(obj)} has no entries")

    def _member(self, obj: Any, name: str) -> Any:
        current().tick()
        match obj:
            case Undefined():
                # Raises what the undefined value has to say.
                return str(obj)
            case View():
                return obj.get(name)
            case str() if name in _PLAIN:
                return Method(f"text.{name}", getattr(obj, name))
            case str() if name in _WIDENING:
                return Method(f"text.{name}", _widening(obj, name))
            case str() if name == "replace":
                return Method("text.replace", lambda old, new: replaced(obj, old, new))
            case LoopContext() if name in _LOOP:
                return getattr(obj, name)
            case LoopContext() if name == "cycle":
                return Method("loop.cycle", obj.cycle)
            case dt.datetime() if name in _CLOCK:
                return getattr(obj, name)
            case dt.date() if name in _DATE:
                return getattr(obj, name)
        raise RefusedError(f'{_kind(obj)} has no "{name}"{meant(name, _members(obj))}')

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """What a method or function gives; nothing else can be called."""
        for internal in ("_loop_vars", "_block_vars"):
            kwargs.pop(internal, None)
        if isinstance(__obj, Undefined):
            str(__obj)
        if not isinstance(__obj, Method):
            raise RefusedError(f"{_kind(__obj)} cannot be called")
        current().tick()
        result = __obj.call(*args, **kwargs)
        if isinstance(result, str):
            current().text(len(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums of texts, and arithmetic with exact numbers of a bounded size."""
        current().tick()
        for each in (left, right):
            if isinstance(each, Undefined):
                str(each)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            current().text(len(left) + len(right))
            return left + right
        return _calculated(operator, left, right)


def _calculated(sign: str, left: Any, right: Any) -> int | Decimal:
    result: int | Decimal
    first, second = _exact(left, sign), _exact(right, sign)
    if sign == "**" and second not in _POWERS:
        raise RefusedError(f"the power after ** is a whole number from 0 to {_POWERS[-1]}")
    try:
        result = _ARITHMETIC[sign](first, second)
    except ArithmeticError as cause:
        raise RefusedError(f"{sign} has no result here, such as a division by zero") from cause
    if not -NUMBER_BELOW < result < NUMBER_BELOW:
        raise RefusedError(f"{sign} gives a number that is too large")
    if isinstance(result, Decimal) and int(result.as_tuple().exponent) < -DECIMALS:
        return round(result, DECIMALS)
    return result


def _exact(value: Any, sign: str) -> int | Decimal:
    """A number without a binary fraction."""
    match value:
        case bool():
            pass
        case int() | Decimal():
            return value
        case float():
            return Decimal(repr(value))
    raise RefusedError(f"{sign} is for numbers, and this is {_kind(value)}")


def _widening(text: str, name: str) -> Callable[..., str]:
    def wide(width: Any, *fill: str) -> str:
        if not isinstance(width, int):
            raise RefusedError(f"text.{name} wants a whole number")
        current().text(width)
        result: str = getattr(text, name)(width, *fill)
        return result

    return wide


def replaced(text: str, old: Any, new: Any) -> str:
    """The text with each ``old`` made ``new``; how long that gets is known before it is made."""
    if not isinstance(old, str) or not isinstance(new, str) or not old:
        raise RefusedError("replace wants a text to look for and a text in its place")
    current().text(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _members(obj: Any) -> tuple[str, ...]:
    match obj:
        case str():
            return tuple(sorted((*_PLAIN, *_WIDENING, "replace")))
        case LoopContext():
            return (*_LOOP, "cycle")
        case dt.datetime():
            return _DATE + _CLOCK
        case dt.date():
            return _DATE
    return ()


def _kind(value: Any) -> str:
    """What a value is, in words that templates' authors use."""
    match value:
        case None:
            return "nothing (none)"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float() | Decimal():
            return "a number"
        case dt.date():
            return "a date"
        case tuple() | list() | range():
            return "a list"
        case View():
            return value.name
        case Method():
            return f"{value.name} (a method)"
        case LoopContext():
            return "loop"
    return "this"
