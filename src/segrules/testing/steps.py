"""The neighbours of a customer: the same with one number, day or moment moved by the smallest step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from segrules.algebra import Kind
from segrules.clock import MICROSECOND
from segrules.testing.scene import Scene
from segrules.testing.shapes import Kept


def neighbours(scene: Scene, customer: Mapping[str, Any], path: str = "") -> Iterator[dict[str, Any]]:
    """The plain data of a customer with one value less or more by a step, value by value."""
    entity = scene.shapes.entities[path]
    for name, value in customer.items():
        below = f"{path}.{name}" if path else name
        if below in scene.shapes.entities and value:
            rows = [value] if isinstance(value, Mapping) else list(value)
            for index, row in enumerate(rows):
                for moved in neighbours(scene, row, below):
                    changed = [*rows[:index], moved, *rows[index + 1 :]]
                    yield {**customer, name: changed[0] if isinstance(value, Mapping) else changed}
        elif value is not None and name in entity.fields and name != "id":
            for stepped in _steps(entity.fields[name], value):
                yield {**customer, name: stepped}


def _steps(kept: Kept, value: Any) -> tuple[Any, ...]:
    match kept.kind:
        case Kind.NUMBER:
            number, step = Decimal(value), Decimal(1) if kept.is_whole else Decimal("0.0001")
            stepped = (number - step, number + step)
            return tuple(map(int, stepped)) if kept.is_whole else stepped
        case Kind.DATE:
            day = date.fromisoformat(value) if isinstance(value, str) else value
            return day - timedelta(days=1), day + timedelta(days=1)
        case Kind.MOMENT:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            return moment - MICROSECOND, moment + MICROSECOND
        case _:
            return ()
