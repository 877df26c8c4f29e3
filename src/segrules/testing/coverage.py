"""What a run has exercised: every operator, quantifier, function and window, with and without missing values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from attrs import define, field

from segrules.language import nodes
from segrules.testing.customers import Population
from segrules.testing.scene import Scene


@define
class Coverage:
    """How often each feature of the language stood in a compared rule."""

    seen: Counter[str] = field(factory=Counter)

    def count(self, rule: nodes.Condition, scene: Scene, missing: frozenset[tuple[str, str]]) -> None:
        """Counts what stands in a rule, and what of it met missing values in the population."""
        for node in nodes.walk(rule):
            self.seen.update(_features(node))
            if isinstance(node, nodes.FieldRef):
                self.seen[f"field {node.relation}.{node.name}"] += 1
            elif isinstance(node, nodes.Compare | nodes.Between | nodes.OneOf | nodes.Within | nodes.IsSet):
                if any(_is_missing(each, scene, missing) for each in nodes.children(node)):
                    self.seen[f"missing {_name(node)}"] += 1

    def lacking(self, expected: Iterator[str] | list[str]) -> list[str]:
        """What never came up."""
        return sorted(each for each in expected if not self.seen[each])


def missing_fields(population: Population) -> frozenset[tuple[str, str]]:
    """The fields, by entity and name, that some row of a population lacks."""
    found: set[tuple[str, str]] = set()

    def visit(path: str, row: dict[str, object]) -> None:
        for name, value in row.items():
            if value is None:
                found.add((path, name))
            elif isinstance(value, list | dict):
                for each in value if isinstance(value, list) else [value]:
                    if isinstance(each, dict):
                        visit(f"{path}.{name}" if path else name, each)

    for customer in population.customers:
        visit("", customer)
    return frozenset(found)


def expected_features() -> list[str]:
    """Every feature that a long enough run must have met."""
    found = [f"quantifier {each.value}" for each in nodes.Quantifier]
    found += [f"function {each.value}" for each in nodes.Function]
    found += [f"group {each.value}" for each in nodes.GroupKind]
    found += [f"arithmetic {each.value}" for each in nodes.Operator]
    for comparison in nodes.Comparison:
        found.append(comparison.value)
        found.append(f"missing {comparison.value}")
    for negatable in ("=", "contains", "starts with", "ends with", "<", "between", "in", "within", "is set"):
        found += [f"not {negatable}", f"missing not {negatable}"]
    found += ["between", "in", "within", "is set", "missing between", "missing in", "missing within"]
    found += ["and", "or", "not", "first has", "last has", "count distinct", "percent", "negative", "anniversary of"]
    found += ["parameter", "shorthand", "outer reference", "parent reference", "inside", "in :list"]
    found += ["day", "instant", "date-time", "now", "period", "last days", "next days", "last hours", "next hours"]
    return found


def _features(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Compare() | nodes.Between() | nodes.OneOf() | nodes.IsSet():
            yield _name(node)
            if isinstance(node, nodes.OneOf) and isinstance(node.values, nodes.Parameter):
                yield "in :list"
        case nodes.Within(window=window):
            yield _name(node)
            match window:
                case nodes.PeriodWindow():
                    yield "period"
                case nodes.LengthWindow(length=length, last=last):
                    yield f"{'last' if last else 'next'} {'hours' if length.unit.is_exact else 'days'}"
        case nodes.Quantified(quantifier=quantifier, relation=relation):
            yield f"quantifier {quantifier.value}"
            yield from ["inside"] if relation.parent is not None else []
        case nodes.Has(last=last):
            yield "last has" if last else "first has"
        case nodes.Aggregate(function=function, distinct=distinct):
            yield f"function {function.value}"
            yield from ["count distinct"] if distinct else []
        case nodes.Group(kind=kind):
            yield f"group {kind.value}"
        case nodes.Arithmetic(operator=operator):
            yield f"arithmetic {operator.value}"
        case nodes.FieldRef(shorthand=True):
            yield "shorthand"
        case _:
            plain = _PLAIN.get(type(node))
            if plain is not None:
                yield plain


_PLAIN: dict[type[nodes.Node], str] = {
    nodes.And: "and",
    nodes.Or: "or",
    nodes.Not: "not",
    nodes.Percent: "percent",
    nodes.Negative: "negative",
    nodes.AnniversaryOf: "anniversary of",
    nodes.Parameter: "parameter",
    nodes.DayLiteral: "day",
    nodes.AgoLiteral: "instant",
    nodes.MomentLiteral: "date-time",
    nodes.NowLiteral: "now",
    nodes.InSegment: "in segment",
}


def _name(node: nodes.Node) -> str:
    match node:
        case nodes.Compare(comparison=comparison):
            name = comparison.value
        case nodes.Between():
            name = "between"
        case nodes.OneOf():
            name = "in"
        case nodes.Within():
            name = "within"
        case _:
            name = "is set"
    return f"not {name}" if getattr(node, "negated", False) else name


def _is_missing(node: nodes.Node, scene: Scene, missing: frozenset[tuple[str, str]]) -> bool:
    if not isinstance(node, nodes.FieldRef):
        return isinstance(node, nodes.Aggregate) and node.function not in (nodes.Function.COUNT, nodes.Function.SUM)
    relation = scene.vocabulary.relations[node.relation]
    type_ = relation.fields[node.name]
    if type_.meaning is not None:
        return True
    name = getattr(type_, "of", "") or type_.column or node.name
    return (relation.rows.path if relation.rows else "", name) in missing


def references(rule: nodes.Condition) -> Iterator[str]:
    """The kinds of references to other rows than the innermost that stand in a rule."""

    def visit(node: nodes.Node, levels: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, nodes.FieldRef) and node.level:
            if node.level < len(levels):
                yield "outer reference"
            if node.relation != levels[node.level - 1]:
                yield "parent reference"
        inner = levels
        if isinstance(node, nodes.Quantified | nodes.Has | nodes.Aggregate):
            inner = (*levels, node.relation.relation)
        for child in nodes.children(node):
            yield from visit(child, inner)

    yield from visit(rule, ())
