"""The source's tree of conditions, read from its JSON or from PHP's serialize: what is there, not yet what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from segrules.errors import InterchangeError
from segrules.interchange.maho.serialized import Bounds, Plain, unserialize

PREFIX = "customersegmentation/segment_condition_"

BOUNDS = Bounds()


@frozen
class Leaf:
    """One condition: the class without its prefix, attribute, operator and value as they were stored.

    ``place`` counts down from the root as the source does: ``1--2`` is the second condition of the root.
    """

    place: str
    type: str
    attribute: str
    operator: str
    value: Any


@frozen
class Branch:
    """A combination: ``every`` of its items or any, ``positive`` or negated as a whole."""

    place: str
    every: bool
    positive: bool
    items: tuple[Leaf | Branch | Broken, ...]


@frozen
class Broken:
    """Something that is no condition, with the reason."""

    place: str
    said: str
    reason: str


def read_tree(text: str | bytes | None) -> Branch:
    """The tree of a segment's stored conditions; without any, a root without items. Raises InterchangeError."""
    data = (text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text or b"").strip()
    if not data:
        return Branch("1", True, True, ())
    if len(data) > BOUNDS.size:
        raise InterchangeError(f"the conditions are longer than {BOUNDS.size:,} bytes")
    content = _json(data) if data[:1] in (b"{", b"[") else unserialize(data)
    if content is None or content == {} or content == []:
        return Branch("1", True, True, ())
    return _Reading().root(content)


def _json(data: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InterchangeError("the conditions are JSON with one key twice")
        return found

    def refused(constant: str) -> Any:
        raise InterchangeError(f"the conditions are no JSON: {constant} is no number")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_float=Decimal, parse_constant=refused)
    except RecursionError:
        raise InterchangeError(f"the conditions are nested deeper than {BOUNDS.depth} levels") from None
    except (ValueError, ArithmeticError) as cause:
        raise InterchangeError(f"the conditions are neither JSON nor PHP's serialize: {cause}") from None


class _Reading:
    def __init__(self) -> None:
        self.items = 0

    def root(self, content: Plain) -> Branch:
        if not isinstance(content, Mapping):
            raise InterchangeError("the conditions are no tree: here should be an object with a type")
        found = self.node("1", content, 1)
        if isinstance(found, Branch):
            return found
        if isinstance(found, Leaf):
            return Branch("1", True, True, (found,))
        raise InterchangeError(f"the conditions are no tree: {found.reason}")

    def node(self, place: str, content: Any, depth: int) -> Leaf | Branch | Broken:
        self.items += 1
        if self.items > BOUNDS.items:
            raise InterchangeError(f"there are more than {BOUNDS.items:,} conditions")
        if depth > BOUNDS.depth:
            raise InterchangeError(f"the conditions are nested deeper than {BOUNDS.depth} levels")
        if not isinstance(content, Mapping):
            return Broken(place, _said(content), "it is no condition: it has no type")
        type_ = content.get("type")
        if not isinstance(type_, str) or not type_:
            return Broken(place, _said(content.get("attribute")), "it has no type")
        if not type_.startswith(PREFIX):
            return Broken(place, type_, f'its type "{type_}" is none of the source\'s segment conditions')
        if type_ == PREFIX + "combine":
            return self.combine(place, content, depth)
        attribute, operator = content.get("attribute"), content.get("operator")
        if not isinstance(attribute, str) or not attribute:
            return Broken(place, type_.removeprefix(PREFIX), "it has no attribute")
        if operator not in (None, False) and not isinstance(operator, str):
            return Broken(place, f"{type_.removeprefix(PREFIX)} {attribute}", "its operator is no text")
        return Leaf(place, type_.removeprefix(PREFIX), attribute, operator or "==", content.get("value"))

    def combine(self, place: str, content: Mapping[Any, Any], depth: int) -> Branch | Broken:
        aggregator = content.get("aggregator")
        if aggregator not in ("all", "any"):
            return Broken(place, "combine", f"its aggregator is {_said(aggregator)}, neither all nor any")
        if "value" not in content:
            return Broken(place, "combine", "it does not say whether its conditions are to be true or false")
        items = content.get("conditions") or ()
        if isinstance(items, Mapping):
            items = tuple(items.values())
        elif not isinstance(items, list | tuple):
            return Broken(place, "combine", "its conditions are no list")
        found = tuple(self.node(f"{place}--{number}", item, depth + 1) for number, item in enumerate(items, 1))
        # what PHP takes for false
        positive = content["value"] not in (None, False, 0, "", "0")
        return Branch(place, aggregator == "all", positive, found)


def _said(content: Any) -> str:
    text = "nothing" if content is None else " ".join(str(content).split())
    return text if len(text) <= 40 else text[:39] + "…"
