"""Customers made up from a vocabulary: nested plain data, as a rule in memory takes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field, frozen

from segrules.algebra import Kind
from segrules.testing.choosing import Chooser, happens, one_of, some_of
from segrules.testing.scene import SEGMENTS, STORES, Customer, Scene
from segrules.testing.shapes import Entity
from segrules.testing.values import CATEGORIES


@frozen
class Population:
    """Customers of one scene, all that exist in it."""

    scene: Scene
    customers: tuple[Customer, ...]

    @classmethod
    def drawn(cls, chooser: Chooser, scene: Scene, size: int) -> Population:
        """A population of so many customers."""
        maker = _Maker(chooser, scene)
        return cls(scene, tuple(maker.customer(number) for number in range(1, size + 1)))


@define
class _Maker:
    chooser: Chooser
    scene: Scene
    ids: Counter[str] = field(factory=Counter)
    products: list[dict[str, Any]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        kept = self.scene.shapes.product_fields
        for number in range(1, 13):
            product = {name: self.scene.value(self.chooser, each) for name, each in kept.items()}
            product["product_id"] = number
            product["categories"] = _distinct(some_of(self.chooser, CATEGORIES, 0, 3))
            self.products.append(product)

    def customer(self, number: int) -> Customer:
        customer = self.row(self.scene.shapes.entities[""])
        customer["id"] = number
        customer["segments"] = [name for name in SEGMENTS if happens(self.chooser, 3)]
        if not happens(self.chooser, 12):
            customer["is_active"] = True
        return customer

    def row(self, entity: Entity) -> dict[str, Any]:
        chooser, scene = self.chooser, self.scene
        self.ids[entity.path] += 1
        row: dict[str, Any] = {"id": self.ids[entity.path]}
        for name, kept in entity.fields.items():
            if name != "id":
                row[name] = scene.value(chooser, kept, large=True)
        if entity.path and row.get("store"):
            row["website"] = STORES[row["store"]]
        if entity.is_product_row:
            self.show(one_of(chooser, self.products), row, entity)
        for link in entity.links:
            if link == "categories" and entity.has_categories:
                continue
            child = scene.shapes.entities[f"{entity.path}.{link}" if entity.path else link]
            row[link] = self.children(child)
        return row

    def children(self, entity: Entity) -> list[dict[str, Any]] | dict[str, Any] | None:
        if entity.is_single:
            return self.row(entity) if self.chooser.below(3) else None
        rows = [self.row(entity) for _ in range((0, 1, 2, 1, 3, 0)[self.chooser.below(6)])]
        self.meet(rows, entity)
        return rows[::-1] if happens(self.chooser, 2) else rows

    def meet(self, rows: list[dict[str, Any]], entity: Entity) -> None:
        """Now and then two rows have one moment, so that only their ids tell which is the last."""
        if len(rows) > 1 and happens(self.chooser, 3):
            for name, kept in entity.fields.items():
                if kept.kind is Kind.MOMENT:
                    rows[-1][name] = rows[0][name]

    def show(self, product: dict[str, Any], row: dict[str, Any], entity: Entity) -> None:
        row["product_id"] = product["product_id"]
        row["categories"] = product["categories"]
        for name, kept in entity.fields.items():
            if kept.of_product:
                row[name] = product[name]


def _distinct(categories: list[dict[str, str]]) -> list[dict[str, str]]:
    return [each for each in CATEGORIES if each in categories]
