"""Comments: which condition each belongs to.

A comment behind a condition on the line where that ends belongs behind it; a comment on lines of its own belongs
before the next condition, or, where none follows within the same parentheses, after the last one. A comment
inside a comparison moves before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from segrules.errors import Source, Span
from segrules.language import nodes


def with_comments(condition: nodes.Condition, source: Source, spans: Sequence[Span]) -> nodes.Condition:
    """The condition with every comment of its text attached to some part of it."""
    return _Attaching(source).zone([condition], spans)[0] if spans else condition


class _Attaching:
    def __init__(self, source: Source) -> None:
        self.source = source

    def text(self, span: Span) -> str:
        return self.source.text[span.start : span.end].rstrip()

    def zone(self, items: Sequence[nodes.Condition], spans: Sequence[Span]) -> list[nodes.Condition]:
        """The conditions that stand side by side, with the comments in and between them."""
        before: list[list[str]] = [[] for _ in items]
        within: list[list[Span]] = [[] for _ in items]
        behind: list[str | None] = [None for _ in items]
        after: list[str] = []
        index = 0
        for span in spans:
            while index < len(items) and items[index].span.end <= span.start:
                index += 1
            if index < len(items) and items[index].span.start <= span.start:
                within[index].append(span)
                continue
            previous = index - 1
            if previous >= 0 and behind[previous] is None and not after and self._same_line(items[previous], span):
                behind[previous] = self.text(span)
            elif index < len(items):
                before[index].append(self.text(span))
            else:
                after.append(self.text(span))
        found: list[nodes.Condition] = []
        for place, item in enumerate(items):
            inner = self.inside(item, within[place]) if within[place] else item
            own = inner.comments
            last = place == len(items) - 1
            if before[place] or behind[place] or (last and after):
                comments = nodes.Comments(
                    (*before[place], *own.before), behind[place] or own.behind, tuple(after) if last else ()
                )
                inner = attrs.evolve(inner, comments=comments)
            found.append(inner)
        return found

    def inside(self, item: nodes.Condition, spans: Sequence[Span]) -> nodes.Condition:
        """A condition with the comments that stand inside it."""
        match item:
            case nodes.And() | nodes.Or() | nodes.Group():
                return attrs.evolve(item, items=tuple(self.zone(item.items, spans)))
            case nodes.Not():
                return attrs.evolve(item, item=self.zone([item.item], spans)[0])
            case nodes.Quantified() | nodes.Has() if item.where is not None:
                return attrs.evolve(item, where=self.zone([item.where], spans)[0])
            case _:
                return attrs.evolve(item, comments=nodes.Comments(tuple(self.text(each) for each in spans)))

    def _same_line(self, item: nodes.Condition, span: Span) -> bool:
        return "\n" not in self.source.text[item.span.end : span.start]
