"""The syntax tree of a template: which parts of Jinja may stand in it, and what is put around some of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field
from jinja2 import TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.environment import MailEnvironment
from segrules_sequences.mail.filters import JOINED, LOOP
from segrules_sequences.mail.limits import NUMBER_BELOW, Limits
from segrules_sequences.mail.views import View, meant

#: Gives the text of an included template by its key; TemplateError when there is none.
Includes = Callable[[str], str]

#: A key of a template: no path that leaves the folder can be written with it.
KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_./-]{0,199}(?<![./])\Z")

#: Lines of the second template of a compilation are counted from here, those of the third from twice as much.
LINES = 1_000_000

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.If, nodes.For, nodes.Assign, nodes.With,
    nodes.Include, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Compare,
    nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Concat,
    nodes.List, nodes.Tuple,
)  # fmt: skip
_INSTEAD = {
    nodes.Extends: "{% extends %} is not there; write {% include %}",
    nodes.Block: "{% block %} is not there; write {% include %}",
    nodes.Import: "{% import %} is not there; write {% include %}",
    nodes.FromImport: "{% from %} is not there; write {% include %}",
    nodes.Macro: "{% macro %} is not there; write {% include %}",
    nodes.CallBlock: "{% call %} is not there",
    nodes.FilterBlock: "{% filter %} is not there; filter each value",
    nodes.AssignBlock: "{% set %} without = is not there",
    nodes.ScopedEvalContextModifier: "{% autoescape %} is not there; values in HTML are always escaped",
    nodes.NSRef: "{% set %} on a part of something is not there",
    nodes.Dict: "{…} as a value is not there",
}
_RESERVED = frozenset(("self", "super", "caller", "varargs", "kwargs", "namespace"))


@define
class Reading:
    """One template being read with all that it includes; ``parts`` are their names, for the places of mistakes."""

    environment: MailEnvironment
    limits: Limits
    includes: Includes | None
    parts: list[str] = field(factory=list)
    _characters: int = 0

    def tree(self, name: str, source: str) -> nodes.Template:
        """The checked tree, ready to be compiled; TemplateError with the place of the first mistake."""
        self.parts.append(name)
        tree = self._parsed(0, source)
        self._check(tree, ())
        _Wrapping().visit(tree)
        tree.set_environment(self.environment)
        return tree

    def error(self, reason: str, lineno: int | None) -> TemplateError:
        """A mistake at a line as the tree counts them."""
        if lineno is None:
            return TemplateError(reason, self.parts[0])
        return TemplateError(reason, self.parts[lineno // LINES], lineno % LINES)

    def _parsed(self, part: int, source: str) -> nodes.Template:
        self._characters += len(source)
        if self._characters > self.limits.source:
            raise TemplateError(
                f"a template with all it includes has at most {self.limits.source:,} characters", self.parts[part]
            )
        try:
            tree = self.environment.parse(source, self.parts[part])
        except TemplateSyntaxError as mistake:
            raise TemplateError(str(mistake.message), self.parts[part], mistake.lineno) from None
        except (RecursionError, ValueError, OverflowError):
            raise TemplateError("something is nested too deeply or too long to be read", self.parts[part]) from None
        for node in _all(tree):
            node.lineno = part * LINES + min(node.lineno or 1, LINES - 1)
        return tree

    def _check(self, tree: nodes.Template, within: tuple[str, ...]) -> None:
        """Every node is allowed and not too deep; includes are put in place."""
        waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
        while waiting:
            node, depth = waiting.pop()
            self._allowed(node)
            if depth > self.limits.nesting:
                raise self.error(f"more than {self.limits.nesting} levels within each other", node.lineno)
            for name, value in node.iter_fields():
                # An elif is a further branch of its if, and not one within it.
                deeper = depth if name in ("elif_", "nodes") or isinstance(node, nodes.Template) else depth + 1
                if isinstance(value, list):
                    for place, each in enumerate(value):
                        if isinstance(each, nodes.Include):
                            self._allowed(each)
                            value[place] = each = self._included(each, within)
                            continue
                        if isinstance(each, nodes.Node):
                            waiting.append((each, deeper))
                elif isinstance(value, nodes.Node):
                    waiting.append((value, deeper))

    def _included(self, node: nodes.Include, within: tuple[str, ...]) -> nodes.Node:
        key = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(key, str) or not KEY.match(key):
            raise self.error("{% include %} wants the name of a template in quotes", node.lineno)
        if self.includes is None:
            raise self.error("there are no templates to include", node.lineno)
        if key in within:
            raise self.error(f'"{key}" includes itself', node.lineno)
        if len(within) == self.limits.includes:
            raise self.error(f"more than {self.limits.includes} includes within each other", node.lineno)
        try:
            source = self.includes(key)
        except TemplateError as cause:
            raise self.error(cause.reason, node.lineno) from cause
        self.parts.append(key)
        tree = self._parsed(len(self.parts) - 1, source)
        self._check(tree, (*within, key))
        return nodes.Scope(tree.body, lineno=node.lineno)

    def _allowed(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Scope):
            return
        if not isinstance(node, _ALLOWED):
            reason = _INSTEAD.get(type(node), f"{type(node).__name__.lower()} is not there")
            raise self.error(reason, node.lineno)
        match node:
            case nodes.Name(name=name) if name.startswith("_") or name in _RESERVED:
                raise self.error(f'the name "{name}" cannot be used', node.lineno)
            case nodes.Getattr(attr=name) if name.startswith("_"):
                raise self.error(f'the name "{name}" cannot be used', node.lineno)
            case nodes.Keyword(key=name) if name.startswith("_"):
                raise self.error(f'the name "{name}" cannot be used', node.lineno)
            case nodes.Filter(name=name) if name not in self.environment.filters or name.startswith(" "):
                known = [each for each in self.environment.filters if not each.startswith(" ")]
                end = "; values in HTML are always escaped" if name == "safe" else meant(name, known)
                raise self.error(f'there is no filter "{name}"{end}', node.lineno)
            case nodes.Test(name=name) if name not in self.environment.tests:
                raise self.error(f'there is no test "{name}"{meant(name, self.environment.tests)}', node.lineno)
            case nodes.Const(value=int() | float() as number) if abs(number) >= NUMBER_BELOW:
                raise self.error("a number is too large", node.lineno)
            case nodes.Call(node=called) if not isinstance(called, (nodes.Name, nodes.Getattr)):
                raise self.error("only functions and methods can be called, by their names", node.lineno)
            case nodes.Call(dyn_args=args, dyn_kwargs=named) | nodes.Filter(dyn_args=args, dyn_kwargs=named) if (
                args is not None or named is not None
            ):
                raise self.error("* and ** before an argument are not there", node.lineno)
            case nodes.For(recursive=True):
                raise self.error("a recursive loop is not there", node.lineno)
            case nodes.List(items=items) | nodes.Tuple(items=items, ctx="load") if not _constant(items):
                raise self.error("a list that is written out holds only texts and numbers", node.lineno)


def _constant(items: list[nodes.Expr]) -> bool:
    return all(isinstance(each, nodes.Const) for each in items)


class _Wrapping(NodeTransformer):
    """Loops count their turns, and ``~`` counts the characters."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, LOOP, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        entries = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(entries, JOINED, [], [], None, None, lineno=node.lineno)


def _all(tree: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def unknown(tree: nodes.Template, known: Mapping[str, Any]) -> tuple[str, int] | None:
    """The first variable or field that is not among the known ones, as a sentence with its line; None when all are.

    Fields are looked up in the views among ``known``; a name that the template sets itself is not looked at.
    """
    own = {"loop"}
    for name in tree.find_all(nodes.Name):
        if name.ctx in ("store", "param"):
            own.add(name.name)
    mistakes: list[tuple[int, str]] = []
    for name in tree.find_all(nodes.Name):
        if name.name not in own and name.name not in known:
            mistakes.append((name.lineno, f'there is no variable "{name.name}"{meant(name.name, known)}'))
    for each in tree.find_all(nodes.Getattr):
        view = known.get(each.node.name) if isinstance(each.node, nodes.Name) and each.node.name not in own else None
        if isinstance(view, View) and each.attr not in view.fields and each.attr not in view.methods:
            mistakes.append((each.lineno, view.unknown(each.attr)))
    if not mistakes:
        return None
    line, reason = min(mistakes)
    return reason, line
