"""What an example does not mention: ids, and harmless values for what its shop cannot leave empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from segrules.algebra import Kind
from segrules.clock import naive_utc
from segrules.memory import Customer
from segrules.testing.scene import Scene
from segrules.testing.shapes import Kept

#: The plainest state of things that have one.
_HARMLESS = ("complete", "active", "subscribed", "billing")


def whole(scene: Scene, plain: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Customers numbered from 1, complete and checked."""
    return [
        dict(Customer.from_mapping(filled(scene, data, number), scene.vocabulary))
        for number, data in enumerate(plain, start=1)
    ]


def filled(scene: Scene, customer: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The customer with this number, complete enough to be written into the tables of the scene's shop.

    Rows without an id get one that no other customer's rows have, in their order.
    """
    found = _Filler(scene, number * 1000).row("", {"is_active": True, **customer})
    return {**found, "id": number}


class _Filler:
    def __init__(self, scene: Scene, start: int) -> None:
        self.scene = scene
        self.start = start
        self.last = start + 100

    def row(self, path: str, row: Mapping[str, Any]) -> dict[str, Any]:
        entity = self.scene.shapes.entities[path]
        found: dict[str, Any] = {name: self.value(path, name, value) for name, value in row.items()}
        self.last += 1
        found["id"] = self.start + row["id"] if "id" in row else self.last
        for name, kept in entity.fields.items():
            if kept.required and found.get(name) is None:
                found[name] = self.harmless(kept)
        return found

    def value(self, path: str, name: str, value: Any) -> Any:
        below = f"{path}.{name}" if path else name
        if below not in self.scene.shapes.entities:
            return value
        if isinstance(value, Mapping):
            return self.row(below, value)
        return [self.row(below, each) for each in value or ()]

    def harmless(self, kept: Kept) -> Any:
        match kept.kind:
            case Kind.NUMBER:
                return Decimal(1)
            case Kind.ID:
                self.last += 1
                return self.last
            case Kind.CHOICE:
                known = self.scene.choices(kept)
                return next((each for each in _HARMLESS if each in known), known[0])
            case Kind.TEXT | Kind.CODE:
                return "x"
            case Kind.YESNO:
                return False
            case Kind.DATE:
                return date(2000, 1, 1)
            case Kind.MOMENT:
                return naive_utc(self.scene.at) - timedelta(days=1000)
