"""A customer in memory whose data has been checked once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Customer(Mapping[str, Any]):
    """A customer whose data fits the vocabulary; predicates read it without checking it again."""

    __slots__ = ("data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
