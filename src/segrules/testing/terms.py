"""The algebra itself made up at random, for what the conditions of a vocabulary never put together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from attrs import define

from segrules import algebra
from segrules.algebra import CUSTOMER, Fold, Kind, Match, Op, Pick, Predicate, Row, Source, Term, all_of, any_of, negate
from segrules.testing import values
from segrules.testing.choosing import Chooser, happens, one_of
from segrules.testing.scene import Scene
from segrules.testing.shapes import Entity, Kept

ORDERED = (Kind.NUMBER, Kind.MOMENT, Kind.DATE)
_CATEGORY = Entity("", {name: Kept(name, kind) for name, kind in (("code", Kind.CODE), ("name", Kind.TEXT))})


def make_predicate(chooser: Chooser, scene: Scene, size: int = 14) -> Predicate:
    """A predicate about the customers of a scene, with plain constants."""
    return _Maker(chooser, scene, 1 + chooser.below(size)).predicate()


@define
class _Maker:
    chooser: Chooser
    scene: Scene
    budget: int
    rows: tuple[Row, ...] = (CUSTOMER,)
    plain: bool = False

    # --- predicates --------------------------------------------------------------------------------

    def predicate(self) -> Predicate:
        self.budget -= 1
        chooser = self.chooser
        form = chooser.below(12)
        if self.budget <= 0 or form < 6:
            return self.leaf()
        if form < 8:
            source, inner = self.source()
            return algebra.Exists(source, inner.predicate())
        if form == 8:
            return negate(self.predicate())
        items = [self.predicate() for _ in range(2 + chooser.below(2))]
        return all_of(*items) if form < 10 else any_of(*items)

    def leaf(self) -> Predicate:
        chooser = self.chooser
        form = chooser.below(12)
        if form < 5:
            kind = one_of(chooser, tuple(Kind))
            op = one_of(chooser, tuple(Op)) if kind in ORDERED else Op.EQ
            return algebra.Compare(op, self.term(kind), self.term(kind), kind)
        if form == 5:
            kind = one_of(chooser, (Kind.NUMBER, Kind.ID, Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.DATE, Kind.MOMENT))
            listed = tuple(dict.fromkeys(self.constant(kind, missing=False) for _ in range(1 + chooser.below(4))))
            return algebra.OneOf(self.term(kind), listed, kind)
        if form == 6:
            kind = one_of(chooser, (Kind.TEXT, Kind.CODE))
            return algebra.TextMatch(one_of(chooser, tuple(Match)), self.term(kind), self.term(kind), kind)
        if form == 7:
            return algebra.Present(self.term(one_of(chooser, tuple(Kind))))
        if form == 8:
            sets = list(self.fields(Kind.CODE, sets=True))
            if sets:
                element = self.constant(Kind.CODE, missing=False, pool=values.ELEMENTS) if happens(chooser, 2) else None
                return algebra.HasElement(one_of(chooser, sets), element)
        if form == 9:
            days = frozenset(one_of(chooser, _MONTH_DAYS) for _ in range(1 + chooser.below(3)))
            return algebra.OnMonthDay(self.term(one_of(chooser, (Kind.DATE, Kind.MOMENT))), days)
        if form == 10:
            kind = one_of(chooser, (Kind.NUMBER, Kind.TEXT, Kind.MOMENT))
            return algebra.Native("alike", (self.term(kind), self.term(kind)), _alike_in_sql, _alike_in_python)
        source, inner = self.source()
        return algebra.Exists(source, inner.leaf() if self.budget > 0 else algebra.TRUE)

    # --- terms -------------------------------------------------------------------------------------

    def term(self, kind: Kind) -> Term:
        self.budget -= 1
        chooser = self.chooser
        form = chooser.below(14)
        if self.budget <= 0 or form < 4:
            found = self.fields(kind)
            return one_of(chooser, found) if found and form != 3 else self.constant(kind)
        if form < 6:
            return self.constant(kind)
        if form == 6 and kind is Kind.NUMBER:
            return algebra.Sum(tuple(self.term(kind) for _ in range(2 + chooser.below(2))))
        if form == 7 and kind is Kind.NUMBER:
            return algebra.Product(self.term(kind), self.constant(kind, missing=False))
        if form == 8 and kind is Kind.NUMBER:
            return algebra.DayNumber(self.term(one_of(chooser, (Kind.DATE, Kind.MOMENT))))
        if form == 9:
            return algebra.FirstPresent(tuple(self.term(kind) for _ in range(2)), kind)
        if form == 10 and kind in ORDERED:
            return algebra.Latest(tuple(self.term(kind) for _ in range(2)), kind)
        if form == 11 and not self.plain:
            source, inner = self.source(picked=True)
            value = inner.value_of(source, kind)
            return algebra.Picked(source, value, kind) if source.pick and value else self.constant(kind)
        if kind in ORDERED and not self.plain:
            return self.aggregate(kind)
        found = self.fields(kind)
        return one_of(chooser, found) if found else self.constant(kind)

    def aggregate(self, kind: Kind) -> Term:
        chooser = self.chooser
        source, inner = self.source()
        folds = tuple(Fold) if kind is Kind.NUMBER else (Fold.MIN, Fold.MAX)
        fold = one_of(chooser, folds)
        counts = fold in (Fold.COUNT, Fold.COUNT_DISTINCT)
        value = inner.value_of(source, one_of(chooser, tuple(Kind)) if counts else kind)
        if value is None or (fold is Fold.COUNT and happens(chooser, 2)):
            return algebra.Aggregate(Fold.COUNT, source, None, kind) if kind is Kind.NUMBER else self.constant(kind)
        return algebra.Aggregate(fold, source, value, kind)

    def value_of(self, source: Source, kind: Kind) -> Term | None:
        """A term about the rows of a source alone, as aggregates and picks have it; None when nothing there fits."""
        inside = _Maker(self.chooser, self.scene, self.budget, source.rows, plain=True)
        term = inside.term(kind)
        if any(isinstance(each, algebra.Field) for each in algebra.walk(term)):
            return term
        own = [
            algebra.Field(source.last, name, kind)
            for name, kept in self.entity(source.last).fields.items()
            if kept.kind is kind and not kept.is_set
        ]
        return one_of(self.chooser, own) if own else None

    def fields(self, kind: Kind, sets: bool = False) -> list[algebra.Field]:
        """The kept fields of a kind of one bound row, mostly of the innermost."""
        row = self.rows[-1] if not happens(self.chooser, 3) else one_of(self.chooser, self.rows)
        entity = self.entity(row)
        return [
            algebra.Field(row, name, kind)
            for name, kept in entity.fields.items()
            if kept.kind is kind and kept.is_set == sets
        ]

    def entity(self, row: Row) -> Entity:
        return self.scene.shapes.entities.get(row.entity, _CATEGORY)

    def constant(self, kind: Kind, missing: bool = True, pool: tuple[str, ...] = ()) -> algebra.Const:
        chooser = self.chooser
        value: Any
        if missing and happens(chooser, 10):
            return algebra.Const(None, kind)
        match kind:
            case Kind.NUMBER:
                value = one_of(chooser, (*values.AMOUNTS, *map(Decimal, values.DAYS)))
            case Kind.ID:
                value = one_of(chooser, values.IDS)
            case Kind.TEXT:
                value = one_of(chooser, values.TEXTS)
            case Kind.CODE:
                value = one_of(chooser, pool or values.CODES)
            case Kind.CHOICE:
                value = one_of(chooser, _CHOICES)
            case Kind.YESNO:
                value = happens(chooser, 2)
            case Kind.DATE:
                value = self.scene.moments.day(chooser)
            case Kind.MOMENT:
                value = self.scene.moments.moment(chooser)
        return algebra.Const(value, kind)

    # --- rows --------------------------------------------------------------------------------------

    def source(self, picked: bool = False) -> tuple[Source, _Maker]:
        """Some rows below a bound row, one of them if ``picked``, and the maker inside them."""
        chooser = self.chooser
        parents = [row for row in self.rows if self.links(row)]
        parent = parents[-1] if not happens(chooser, 3) else one_of(chooser, parents)
        depth = max(row.depth for row in self.rows)
        steps: list[Row] = []
        at = parent
        while not steps or (self.links(at) and happens(chooser, 2)):
            link = one_of(chooser, self.links(at))
            at = Row(f"{at.entity}.{link}" if at.entity else link, depth + len(steps) + 1)
            steps.append(at)
        inner = _Maker(chooser, self.scene, self.budget, (*self.rows, *steps))
        where = inner.predicate() if self.budget > 0 and happens(chooser, 2) else algebra.TRUE
        pick = None
        if (picked or happens(chooser, 6)) and self.entity(at) is not _CATEGORY:
            moments = [name for name, kept in self.entity(at).fields.items() if kept.kind is Kind.MOMENT]
            by = one_of(chooser, moments) if moments and not happens(chooser, 5) else None
            pick = Pick(by, latest=happens(chooser, 2), required=not happens(chooser, 3))
        if self.entity(at).is_single:
            # In memory there is one, in a database the last one counts: only so do they mean the same.
            where, pick = algebra.TRUE, Pick("changed_at", latest=True, required=False)
        self.budget = inner.budget = min(self.budget, inner.budget) - 1
        return Source(parent, tuple(steps), where, pick), inner

    def links(self, row: Row) -> tuple[str, ...]:
        return tuple(self.entity(row).links) + (("categories",) if self.entity(row).has_categories else ())


_CHOICES = (
    "complete",
    "canceled",
    "active",
    "inactive",
    "base",
    "main",
    "staff",
    "Staff",
    "simple",
    "subscribed",
    "billing",
)
_MONTH_DAYS = (*tuple(date(2000, 1, 1 + n).month * 100 + 1 + n for n in range(5)), 228, 229, 301, 704, 711, 1231, 1026)


def _alike_in_sql(left: Any, right: Any) -> Any:
    import sqlalchemy as sa

    both = sa.and_(left.is_(None), right.is_(None))
    neither = sa.and_(left.is_not(None), right.is_not(None))
    return sa.or_(both, neither)


def _alike_in_python(left: Any, right: Any) -> bool:
    return (left is None) == (right is None)
