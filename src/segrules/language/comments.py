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
        carried: tuple[str, ...] = ()
        for place, item in enumerate(items):
            inner = self.inside(item, within[place]) if within[place] else item
            own, last_line = inner.comments, behind[place]
            first_lines = [*carried, *before[place], *own.before]
            if last_line is not None and own.behind is not None:
                first_lines.append(own.behind)  # two comments cannot stand behind one line
            carried = own.after
            if place == len(items) - 1:
                carried = (*own.after, *after)
            comments = nodes.Comments(
                tuple(first_lines), last_line or own.behind, carried if place == len(items) - 1 else ()
            )
            found.append(inner if comments == own else attrs.evolve(inner, comments=comments))
        return found

    def inside(self, item: nodes.Condition, spans: Sequence[Span]) -> nodes.Condition:
        """A condition with the comments that stand inside it."""
        match item:
            case nodes.Group():
                return attrs.evolve(item, items=tuple(self.zone(item.items, spans)))
            case nodes.And() | nodes.Or():
                return _outward(item, self.zone(item.items, spans))
            case nodes.Not():
                return attrs.evolve(item, item=self.zone([item.item], spans)[0])
            case nodes.Quantified() | nodes.Has() if item.where is not None:
                return attrs.evolve(item, where=self.zone([item.where], spans)[0])
            case _:
                return attrs.evolve(item, comments=nodes.Comments(tuple(self.text(each) for each in spans)))

    def _same_line(self, item: nodes.Condition, span: Span) -> bool:
        """Whether a comment stands on the line on which a condition, or the parenthesis around it, ends."""
        return "\n" not in self.source.text[item.span.end : span.start].rpartition(")")[2]


def _outward(chain: nodes.And | nodes.Or, items: list[nodes.Condition]) -> nodes.Condition:
    """A chain whose outer comments are its own: parentheses around its ends are not written again."""
    first, last = items[0], items[-1]
    outer = nodes.Comments(first.comments.before, last.comments.behind, last.comments.after)
    items[0] = attrs.evolve(first, comments=attrs.evolve(first.comments, before=()))
    items[-1] = attrs.evolve(last, comments=attrs.evolve(last.comments, behind=None, after=()))
    return attrs.evolve(chain, items=tuple(items), comments=outer)
