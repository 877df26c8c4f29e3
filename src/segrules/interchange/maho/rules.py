"""From the source's tree to one rule, with a finding for each condition: what became of it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from attrs import evolve, frozen

from segrules.errors import RuleError
from segrules.interchange.maho.conditions import said_of
from segrules.interchange.maho.operators import NotCarriedError
from segrules.interchange.maho.statements import Classes, Said
from segrules.interchange.maho.tree import Branch, Broken, Leaf
from segrules.language import format_condition, nodes
from segrules.rule import parse


class Carried(Enum):
    """How well a condition or a segment was carried over."""

    EXACTLY = "exactly"
    WITH_A_DIFFERENCE = "with a difference"
    NOT = "not"


@frozen
class Finding:
    """What became of one condition: the rule that says it, the names of its differences, or why it has no rule."""

    place: str
    source: str
    carried: Carried
    rule: str | None = None
    differences: tuple[str, ...] = ()
    reason: str | None = None


@frozen
class Translation:
    """A rule, or None when part of it could not be said; a finding for each condition; the source's tree as lines."""

    rule: str | None
    findings: tuple[Finding, ...]
    outline: tuple[str, ...]


def translate(tree: Branch, classes: Classes) -> Translation:
    """The rule that a tree of conditions means."""
    findings: dict[str, Finding] = {}
    said: dict[str, Said] = {}
    for part in _parts(tree):
        if isinstance(part, Broken):
            findings[part.place] = Finding(part.place, part.said, Carried.NOT, reason=part.reason)
            continue
        try:
            found = said_of(part, classes)
            rule = parse(found.text, vocabulary=classes.vocabulary).format()
            if found.otherwise is not None:
                parse(found.otherwise, vocabulary=classes.vocabulary)
        except NotCarriedError as cause:
            findings[part.place] = Finding(part.place, source_text(part), Carried.NOT, reason=str(cause))
        except RuleError as cause:
            findings[part.place] = Finding(part.place, source_text(part), Carried.NOT, reason=_reason(cause))
        else:
            how = Carried.WITH_A_DIFFERENCE if found.differences else Carried.EXACTLY
            findings[part.place] = Finding(part.place, source_text(part), how, rule, found.differences)
            said[part.place] = found
    outline = tuple(_outline(tree, findings))
    if any(each.carried is Carried.NOT for each in findings.values()):
        return Translation(None, tuple(findings.values()), outline)
    text = _Joining(said).true(tree) or "true"
    try:
        rule = format_condition(_plainer(parse(text, vocabulary=classes.vocabulary).condition))
    except RuleError as cause:
        whole = Finding(tree.place, "the whole tree", Carried.NOT, reason=_reason(cause))
        return Translation(None, (*findings.values(), whole), outline)
    return Translation(rule, tuple(findings.values()), outline)


def _plainer(node: nodes.Condition) -> nodes.Condition:
    """The same with *not* drawn into what it stands before: ``not any order`` is ``no order``."""
    match node:
        case nodes.Not(item=nodes.Quantified(quantifier=nodes.Quantifier.ANY) as item):
            return evolve(item, quantifier=nodes.Quantifier.NO)
        case nodes.Not(item=nodes.Compare() | nodes.OneOf() | nodes.IsSet() as item) if _is_plain(item):
            return evolve(item, negated=not item.negated)
        case nodes.Not(item=nodes.Constant(value=value)):
            return nodes.Constant(not value)
        case nodes.Not():
            return evolve(node, item=_plainer(node.item))
        case nodes.And() | nodes.Or() | nodes.Group():
            return evolve(node, items=tuple(_plainer(each) for each in node.items))
        case _:
            return node


def _is_plain(node: nodes.Condition) -> bool:
    """Whether a comparison reads well negated: one by order does not."""
    order = (
        nodes.Comparison.LESS,
        nodes.Comparison.LESS_EQUAL,
        nodes.Comparison.GREATER,
        nodes.Comparison.GREATER_EQUAL,
    )
    return not isinstance(node, nodes.Compare) or node.comparison not in order


def _parts(tree: Branch) -> Iterator[Leaf | Broken]:
    for item in tree.items:
        if isinstance(item, Branch):
            yield from _parts(item)
        else:
            yield item


def _reason(error: RuleError) -> str:
    return "; ".join(
        each.message + (f" ({each.hint})" if each.hint is not None else "") for each in error.diagnostics[:3]
    )


def source_text(leaf: Leaf) -> str:
    """A condition as its author would know it again."""
    value = leaf.value
    if isinstance(value, dict):
        value = list(value.values())
    shown = ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else f"{value}"
    text = " ".join(f"{leaf.type}: {leaf.attribute} {leaf.operator} {shown}".split())
    return text if len(text) <= 120 else text[:119] + "…"


@frozen
class _Joining:
    """Joins conditions as SQL joins them, where *not* of what is neither true nor false is not true."""

    said: dict[str, Said]

    def true(self, node: Branch | Leaf | Broken) -> str | None:
        """Where the source's statement is true; None of a branch without conditions, which it passes over."""
        if not isinstance(node, Branch):
            return self.said[node.place].text
        return self.positive(node) if node.positive else self.negative(node)

    def false(self, node: Branch | Leaf | Broken) -> str | None:
        """Where the source's statement is false."""
        if not isinstance(node, Branch):
            return self.said[node.place].negated
        return self.negative(node) if node.positive else self.positive(node)

    def positive(self, branch: Branch) -> str | None:
        return _chain(" and " if branch.every else " or ", (self.true(each) for each in branch.items))

    def negative(self, branch: Branch) -> str | None:
        if self.is_simple(branch):
            items = [each for each in (self.true(item) for item in branch.items) if each is not None]
            if len(items) > 1:
                return f"not ({_chain(' and ', items)})" if branch.every else f"none of ({', '.join(items)})"
        return _chain(" or " if branch.every else " and ", (self.false(each) for each in branch.items))

    def is_simple(self, branch: Branch) -> bool:
        """Whether everything in a branch is either true or false."""
        return all(
            self.is_simple(each) if isinstance(each, Branch) else self.said[each.place].otherwise is None
            for each in branch.items
        )


def _chain(word: str, texts: Iterable[str | None]) -> str | None:
    known = [each for each in texts if each is not None]
    if len(known) < 2:
        return known[0] if known else None
    return word.join(f"({each})" for each in known)


def _outline(branch: Branch, findings: dict[str, Finding], depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    how = "all" if branch.every else "any"
    yield f"{indent}{how} of these {'are' if branch.every else 'is'} true" + (":" if branch.positive else ", negated:")
    for item in branch.items:
        if isinstance(item, Branch):
            yield from _outline(item, findings, depth + 1)
            continue
        found = findings[item.place]
        if found.rule is not None:
            yield from (f"{indent}  {line}" for line in found.rule.split("\n"))
        else:
            yield f"{indent}  NOT CARRIED OVER {found.source}: {found.reason}"
