"""Sequences as plain data, as files and the database keep them: a table of words, numbers and lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

import attrs

from segrules_sequences.definitions import Goal, Sequence, Step, Variant
from segrules_sequences.errors import SequenceError
from segrules_sequences.lengths import Cap, Delay, Window, duration_text

_T = TypeVar("_T")

#: How the fields are called in files, where that differs.
_SPELLED = {"address": "from"}
_FIELDS = {_SPELLED.get(each.name, each.name): each for each in attrs.fields(Sequence) if each.name != "version"}
_STEP_FIELDS = {each.name: each for each in attrs.fields(Step)}
_VARIANT_FIELDS = {each.name: each for each in attrs.fields(Variant) if each.name != "name"}
_GOAL_FIELDS = {each.name: each for each in attrs.fields(Goal)}
_WINDOW_FIELDS = {"from": "start", "to": "end", "days": "days"}


def _plain(name: str, value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case timedelta() if name == "reentry":
            return f"after {duration_text(value)}" if value else "always"
        case timedelta():
            return duration_text(value)
        case None if name in ("reentry", "not_after"):
            return "never"
        case Delay() | Cap():
            return str(value)
        case Window():
            return {"from": f"{value.start:%H:%M}", "to": f"{value.end:%H:%M}", "days": list(value.days)}
        case Goal():
            return _table(value, _GOAL_FIELDS)
        case tuple() if name == "variants":
            return {each.name: _table(each, _VARIANT_FIELDS) for each in value}
        case Mapping():
            return dict(value)
        case _:
            return value


def to_plain(sequence: Sequence) -> dict[str, Any]:
    """A sequence as a table of plain values; what is as by default is left out."""
    found: dict[str, Any] = {}
    for spelled, each in _FIELDS.items():
        value = getattr(sequence, each.name)
        if each.name == "steps":
            continue
        if each.default is attrs.NOTHING or value != each.default:
            found[spelled] = _plain(each.name, value)
    found["steps"] = [_step_to_plain(step) for step in sequence.steps]
    return found


def _step_to_plain(step: Step) -> dict[str, Any]:
    found = _table(step, _STEP_FIELDS)
    return found if step.name != step.template else {name: value for name, value in found.items() if name != "name"}


def _table(given: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: (getattr(given, name), each.default) for name, each in fields.items()}
    return {name: _plain(name, value) for name, (value, default) in values.items() if value != default}


def differing(one: Sequence, other: Sequence) -> tuple[str, ...]:
    """The fields of two sequences that differ, as files call them; variants in another order differ."""
    return tuple(sorted(
        spelled for spelled, each in _FIELDS.items() if getattr(one, each.name) != getattr(other, each.name)
    ))  # fmt: skip


def from_plain(data: Mapping[str, Any], *, name: str | None = None, version: int = 0) -> Sequence:
    """The sequence of a table of plain values; SequenceError names what is wrong."""
    given = {"name": name, **data} if name is not None else dict(data)
    _known("a sequence", given, _FIELDS)
    found: dict[str, Any] = {_FIELDS[spelled].name: value for spelled, value in given.items()}
    for needed in ("name", "segment", "from", "steps"):
        if needed not in given:
            raise SequenceError(f'the sequence {given.get("name") or ""!r} has no "{needed}"')
    where = f'the sequence "{given["name"]}"'
    steps = found["steps"]
    if not isinstance(steps, Iterable) or isinstance(steps, (str, Mapping)):
        raise SequenceError(f"{where}: steps are a list, in TOML [[steps]]")
    found["steps"] = tuple(_step(f"{where}, step {number}", each) for number, each in enumerate(steps, 1))
    for flag in ("consent", "member", "stop", "overlap"):
        if flag in found and not isinstance(found[flag], bool):
            raise SequenceError(f"{where}: {flag} is {found[flag]!r}; write true or false")
    window = found.get("window")
    if isinstance(window, Mapping):
        _known(f"{where}: the window", window, _WINDOW_FIELDS)
        for needed in ("from", "to"):
            if needed not in window:
                raise SequenceError(f'{where}: the window has no "{needed}"')
        found["window"] = _told(where, Window, {_WINDOW_FIELDS[each]: value for each, value in window.items()})
    elif window is not None:
        raise SequenceError(f'{where}: the window is a table with "from", "to" and perhaps "days"')
    if "goal" in found:
        found["goal"] = _goal(f"{where}: the goal", found["goal"])
    return _told(where, Sequence, {**found, "version": version})


def _step(where: str, data: Any) -> Step:
    if not isinstance(data, Mapping):
        raise SequenceError(f"{where} is {data!r}; write a table with delay and template")
    _known(where, data, _STEP_FIELDS)
    if "delay" not in data:
        raise SequenceError(f'{where} has no "delay"')
    if "template" not in data and "variants" not in data:
        raise SequenceError(f'{where} has no "template", and no "variants" either')
    if not isinstance(data.get("active", True), bool):
        raise SequenceError(f"{where}: active is {data['active']!r}; write true or false")
    if "variants" not in data:
        return _told(where, Step, data)
    variants = data["variants"]
    if not isinstance(variants, Mapping):
        raise SequenceError(f"{where}: variants are a table of them by their names")
    return _told(where, Step, {**data, "variants": [_variant(where, *each) for each in variants.items()]})


def _variant(where: str, name: str, data: Any) -> Variant:
    where = f'{where}, variant "{name}"'
    if isinstance(data, str):
        data = {"template": data}
    if not isinstance(data, Mapping):
        raise SequenceError(f"{where} is {data!r}; write its template, or a table with template and weight")
    _known(where, data, _VARIANT_FIELDS)
    if "template" not in data:
        raise SequenceError(f'{where} has no "template"')
    return _told(where, Variant, {"name": name, **data})


def _goal(where: str, data: Any) -> Goal | None:
    if data is None or isinstance(data, Goal):
        return data
    if not isinstance(data, Mapping):
        raise SequenceError(f'{where} is a table with "segment" or "event", and perhaps "within" and "ends"')
    _known(where, data, _GOAL_FIELDS)
    if not isinstance(data.get("ends", False), bool):
        raise SequenceError(f"{where}: ends is {data['ends']!r}; write true or false")
    return _told(where, Goal, data)


def _told(where: str, kind: type[_T], values: Mapping[str, Any]) -> _T:
    try:
        return kind(**values)
    except SequenceError as cause:
        text = str(cause)
        raise SequenceError(text if text.startswith("the sequence") else f"{where}: {text}") from None


def _known(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise SequenceError(f'{where} has no "{unknown[0]}"; there are {", ".join(known)}')
