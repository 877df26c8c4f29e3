"""What a condition is throughout a span of time."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from attrs import frozen

from segrules.algebra import FALSE, TRUE, Exists, Predicate, Source, all_of, any_of, negate


@frozen
class Outlook:
    """A condition in a span: ``always`` true, ``sometimes`` true, or ``changing`` between them.

    All three are bound. What holds always holds at each moment of the span, and what holds at one holds
    sometimes. Where ``changing`` is false, the answer is one and the same throughout. It is written so that a
    database can start from the rows that change, which are few.
    """

    always: Predicate
    sometimes: Predicate
    changing: Predicate

    @property
    def opposite(self) -> Outlook:
        """The outlook of the complement."""
        return Outlook(negate(self.sometimes), negate(self.always), self.changing)

    def of_a_row(self, source: Source) -> Outlook:
        """The outlook of there being a row for which this holds."""
        always = exists(source, self.always)
        changing = exists(source, self.changing)
        if source.pick is None:
            changing = all_of(changing, negate(always))
        return Outlook(always, exists(source, self.sometimes), changing)


def settled(bound: Predicate) -> Outlook:
    """The outlook of what stands still."""
    return Outlook(bound, bound, FALSE)


def both(outlooks: Iterable[Outlook]) -> Outlook:
    """All hold."""
    items = list(outlooks)
    sometimes = all_of(*(each.sometimes for each in items))
    changing = any_of(*(each.changing for each in items))
    return Outlook(all_of(*(each.always for each in items)), sometimes, all_of(changing, sometimes))


def either(outlooks: Iterable[Outlook]) -> Outlook:
    """One holds at least."""
    return both(each.opposite for each in outlooks).opposite


def exists(source: Source, where: Predicate) -> Predicate:
    """Some row satisfies; without a pick its conditions are one with those of the source."""
    if where == FALSE or source.where == FALSE:
        return FALSE
    if source.pick is not None:
        return Exists(source, where)
    return Exists(attrs.evolve(source, where=all_of(source.where, where)), TRUE)
