"""What templates see: plain values, and views with a fixed list of fields and methods. Nothing else gets in.

Everything that is given to a template is copied here first, so a template never holds an object of the
program: no row, no session, no attribute but the listed ones.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.budget import RefusedError
from segrules_sequences.mail.limits import DECIMALS, NUMBER_BELOW, Limits

#: Lists within lists.
_DEPTH = 4


@frozen(eq=False)
class Method:
    """A method that templates may call: its full name for messages, and what it does with plain arguments."""

    name: str
    _work: Callable[..., Any] = field(repr=False)

    def call(self, *args: Any, **named: Any) -> Any:
        """What the method gives; a call with the wrong arguments is refused."""
        try:
            return self._work(*args, **named)
        except TypeError as cause:
            raise RefusedError(f"{self.name}(…) cannot be called like that") from cause


def _kept(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(given))


@frozen(eq=False)
class View:
    """Some named values and methods, and nothing behind them."""

    name: str
    fields: Mapping[str, Any] = field(converter=_kept, repr=False)
    methods: Mapping[str, Method] = field(factory=dict, converter=_kept, repr=False)

    def get(self, name: str) -> Any:
        """A field's value or a method; raises RefusedError that lists what there is."""
        if name in self.fields:
            return self.fields[name]
        if name in self.methods:
            return self.methods[name]
        raise RefusedError(self.unknown(name))

    def unknown(self, name: str) -> str:
        """The sentence for a name that the view does not have."""
        names = [*self.fields, *(f"{each}()" for each in self.methods)]
        return f'{self.name} has no "{name}"{meant(name, names)}'


def meant(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: what was meant, or what there is."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there is {', '.join(known)}" if known else ""


def freeze(value: Any, name: str, limits: Limits, depth: int = 0) -> Any:
    """A copy of the value of plain types only; TemplateError for anything that is not plain, or too long.

    Text loses whatever its class says about being safe. Lists become tuples, mappings become views.
    """
    match value:
        case None | bool() | dt.date() | View() | Method():
            return value
        case str():
            if len(value) > limits.text:
                raise TemplateError(f"{name} has {len(value):,} characters; {limits.text:,} are the most")
            return str.__str__(value)
        case int() | Decimal() | float():
            return _number(value, name)
        case list() | tuple() | Mapping() if depth == _DEPTH:
            raise TemplateError(f"{name} has lists within lists more than {_DEPTH} deep")
        case list() | tuple() | Mapping() if len(value) > limits.entries:
            raise TemplateError(f"{name} has {len(value):,} entries; {limits.entries:,} are the most")
        case list() | tuple():
            return tuple(freeze(each, f"{name}[{place}]", limits, depth + 1) for place, each in enumerate(value))
        case Mapping():
            if not all(isinstance(key, str) and key.isidentifier() and not key.startswith("_") for key in value):
                raise TemplateError(f"{name} has a key that is no plain name")
            return View(name, {key: freeze(each, f"{name}.{key}", limits, depth + 1) for key, each in value.items()})
    kind = type(value)
    raise TemplateError(
        f"{name} is of type {kind.__module__}.{kind.__qualname__}; templates are given text, numbers, dates, "
        "and lists and mappings of these"
    )


def _number(value: int | Decimal | float, name: str) -> int | Decimal | float:
    exact = Decimal(value)
    if not exact.is_finite() or abs(exact) >= NUMBER_BELOW:
        raise TemplateError(f"{name} is a number that is too large")
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if exact and exact.adjusted() < -DECIMALS:
        raise TemplateError(f"{name} is a number with more than {DECIMALS} decimals")
    return exact.quantize(Decimal(1).scaleb(-DECIMALS)) if _tiny(exact) else exact


def _tiny(value: Decimal) -> bool:
    """Whether writing the number out would take very many digits."""
    return int(value.as_tuple().exponent) < -DECIMALS
