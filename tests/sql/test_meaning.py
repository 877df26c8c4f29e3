"""Every class of the algebra on every database: its answer, with missing values and under negation."""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
    TRUE,
    Aggregate,
    Compare,
    Const,
    DayNumber,
    Exists,
    Field,
    FirstPresent,
    Fold,
    HasElement,
    InSegment,
    Kind,
    Latest,
    Match,
    Native,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Pick,
    Present,
    Product,
    Sum,
    TextMatch,
    all_of,
    any_of,
)
from segrules.condition import Scope, number
from segrules.conditions import newsletter
from segrules.conditions.order import placed, valid
from segrules.errors import BackendError, SegmentError

Found = Callable[..., list[int]]
me = Scope()
EVERYONE = [1, 2, 3, 4, 5, 6]


def text(value: str | None) -> Const:
    return Const(value, Kind.TEXT)


def field(name: str, kind: Kind = Kind.TEXT) -> Field:
    return Field(CUSTOMER, name, kind)


def same(name: str, value: str | None) -> Compare:
    return Compare(Op.EQ, field(name), text(value), Kind.TEXT)


def more(left: Any, right: Any, op: Op = Op.GT) -> Compare:
    return Compare(op, left, right, Kind.NUMBER)


def any_row(
    path: str, where: Callable[[Scope], Any] | None = None, pick: Pick | None = None, after: Any = TRUE
) -> Exists:
    return Exists(me.source(path, where, pick)[0], after)


def complement(ids: list[int]) -> list[int]:
    return [each for each in EVERYONE if each not in ids]


def in_category(name: str) -> Callable[[Scope], Exists]:
    def inside(item: Scope) -> Exists:
        named = lambda row: Compare(Op.EQ, row.field("name", Kind.TEXT), text(name), Kind.TEXT)  # noqa: E731
        return Exists(item.source("categories", named)[0], TRUE)

    return inside


sales, orders = me.total("orders", "grand_total", valid), me.count("orders", valid)
status = newsletter.status(me)
last = me.latest("orders", "created_at", placed)

LEAVES: dict[str, tuple[Any, list[int]]] = {
    "text, case ignored": (same("email", "é@SHOP.COM"), [1]),
    "text, accents kept": (same("email", "E@shop.com"), [4]),
    "text, blanks kept": (same("first_name", "X"), []),
    "text against text": (Compare(Op.EQ, field("first_name"), field("last_name"), Kind.TEXT), [1]),
    "text, quotes": (same("email", "'; drop table X; --"), [5]),
    "missing constant": (same("email", None), []),
    "empty text is present": (Present(field("email")), [1, 3, 4, 5, 6]),
    "contains wildcard": (TextMatch(Match.CONTAINS, field("email"), text("%_\\"), Kind.TEXT), [3]),
    "contains nothing": (TextMatch(Match.CONTAINS, field("email"), text(""), Kind.TEXT), [1, 3, 4, 5, 6]),
    "starts": (TextMatch(Match.STARTS, field("email"), text("É"), Kind.TEXT), [1]),
    "ends": (TextMatch(Match.ENDS, field("email"), text("COM"), Kind.TEXT), [1, 4]),
    "choice through a look-up": (OneOf(field("group", Kind.CHOICE), (Const("retail", Kind.CHOICE),), Kind.CHOICE), [1]),
    "website": (OneOf(field("website", Kind.CHOICE), (Const("uk", Kind.CHOICE), Const("x", Kind.CHOICE)), Kind.CHOICE), [3]),
    "yes or no": (Compare(Op.EQ, field("is_active", Kind.YESNO), Const(False, Kind.YESNO), Kind.YESNO), [6]),
    "no value at all": (OneOf(field("email"), (), Kind.TEXT), []),
    "id": (OneOf(field("id", Kind.ID), (Const(2, Kind.ID), Const(3, Kind.ID)), Kind.ID), [2, 3]),
    "leap day": (OnMonthDay(field("birth_date", Kind.DATE), frozenset({229, 704})), [4, 5]),
    "half the year": (OnMonthDay(field("birth_date", Kind.DATE), frozenset({*range(601, 631), *range(701, 732)})), [5]),
    "local month and day": (OnMonthDay(field("created_at", Kind.MOMENT), frozenset({704})), [5]),
    "0.1 + 0.2": (more(sales, number("0.3"), Op.EQ), [1]),
    "finer constant": (more(sales, number("0.300001"), Op.LT), [1, 2, 4, 5, 6]),
    "sum of nothing": (more(sales, number(0), Op.LE), [2, 4, 5, 6]),
    "count of none": (more(orders, number(0), Op.EQ), [2, 4, 5, 6]),
    "mean, multiplied out": (more(sales, Product(number("0.149999"), orders)), [1, 3]),
    "mean of large numbers": (more(sales, Product(number("999999.999999"), orders)), [3]),
    "share": (more(me.total("orders.refunds", "amount"), Product(number("0.05"), sales), Op.LT), [1, 3]),
    "number among": (OneOf(orders, (number(2), number("1.5"), number(7)), Kind.NUMBER), [1]),
    "last moment": (Compare(Op.GT, last, Const(datetime(2025, 6, 1), Kind.MOMENT), Kind.MOMENT), [1]),
    "days between": (more(Sum((DayNumber(last), Product(number(-1), DayNumber(field("created_at", Kind.MOMENT))))), number(88), Op.EQ), [3]),
    "later of two": (Compare(Op.LT, Latest((me.latest("logins", "at"), last), Kind.MOMENT), Const(datetime(2025, 6, 30), Kind.MOMENT), Kind.MOMENT), [1, 3]),
    "first present": (Compare(Op.LE, FirstPresent((last, field("created_at", Kind.MOMENT)), Kind.MOMENT), Const(datetime(2025, 1, 1), Kind.MOMENT), Kind.MOMENT), [2]),
    "picked, ties by id": (Compare(Op.EQ, status, Const("subscribed", Kind.CHOICE), Kind.CHOICE), [1]),
    "picked, none": (Compare(Op.EQ, status, Const("not_subscribed", Kind.CHOICE), Kind.CHOICE), [2, 4, 5, 6]),
    "first, then asked": (any_row("orders", None, Pick("created_at", False), Present(Field(me.source("orders")[1].row, "store", Kind.CHOICE))), [1]),
    "row above the first of some": (any_row("orders", lambda o: more(o.number("grand_total"), me.picked("orders", "grand_total", Kind.NUMBER, Pick("created_at", False), lambda first: first.is_one_of("website", ("main",))))), [1]),
    "day of no moment": (Compare(Op.LT, FirstPresent((DayNumber(FirstPresent((Const(None, Kind.MOMENT), Const(None, Kind.MOMENT)), Kind.MOMENT)), DayNumber(Const(None, Kind.DATE)), number(1)), Kind.NUMBER), number(2), Kind.NUMBER), EVERYONE),
    "row with a missing value": (any_row("carts", lambda c: Not(more(c.number("grand_total"), number("200.00005")))), [1, 2]),
    "row above a finer constant": (any_row("carts", lambda c: more(c.number("grand_total"), number("200.00005"))), [3]),
    "stored code": (any_row("carts", lambda c: c.is_one_of("status", ("inactive", "gone"))), [3]),
    "set holds": (any_row("carts", lambda c: HasElement(c.field("applied_rules", Kind.CODE), Const("X", Kind.CODE))), [3]),
    "set of any": (any_row("carts", lambda c: HasElement(c.field("applied_rules", Kind.CODE), None)), [2, 3]),
    "rows of rows": (any_row("orders.items", lambda i: all_of(placed(i.parent), in_category("camÉRAS")(i))), [1]),
    "rows of no category": (any_row("orders.items", lambda i: Not(in_category("camÉRAS")(i))), [1]),
    "one list or another": (any_of(more(sales, number(1000)), any_row("carts", lambda c: c.is_one_of("status", ("active",)))), [1, 2, 3]),
    "count since": (more(me.count("orders", lambda o: Compare(Op.GE, o.field("created_at", Kind.MOMENT), Const(datetime(2025, 6, 1), Kind.MOMENT), Kind.MOMENT)), number(1)), [1]),
    "code, exact": (any_row("orders.items", lambda i: Compare(Op.EQ, i.field("sku", Kind.CODE), Const("p1", Kind.CODE), Kind.CODE)), []),
    "product of a view": (any_row("product_views", lambda v: more(v.number("price"), number(600))), [2]),
    "distinct names": (more(Aggregate(Fold.COUNT_DISTINCT, me.source("orders.items")[0], me.source("orders.items")[1].field("name", Kind.TEXT), Kind.NUMBER), number(1), Op.EQ), [1]),
    "stored segment": (InSegment("vip"), [2]),
    "native": (Native("has mail", (field("email"),), lambda mail: mail.is_not(None), lambda mail: mail is not None), [1, 3, 4, 5, 6]),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_and_its_complement(name: str, found: Found) -> None:
    predicate, expected = LEAVES[name]
    assert found(predicate, vip=[2]) == expected
    assert found(algebra.negate(predicate), vip=[2]) == complement(expected)


@pytest.mark.parametrize("first", range(0, len(LEAVES), 9))
def test_leaves_together(first: int, found: Found) -> None:
    names = list(LEAVES)
    for second in range(1, len(names), 11):
        (one, of_one), (two, of_two) = LEAVES[names[first]], LEAVES[names[second]]
        assert found(all_of(one, two), vip=[2]) == sorted(set(of_one) & set(of_two))
        assert found(any_of(one, algebra.negate(two)), vip=[2]) == sorted(set(of_one) | set(complement(of_two)))


def test_values_come_back_exactly(value: Callable[[Any, int], Any]) -> None:
    assert value(sales, 1) == Decimal("0.3")
    assert value(Product(number("0.05"), sales), 3) == Decimal("49999999999.999995")
    assert value(last, 2) is None
    assert value(status, 3) == "unsubscribed"
    assert value(DayNumber(field("created_at", Kind.MOMENT)), 5) == datetime(2025, 7, 4).toordinal()
    assert value(DayNumber(field("created_at", Kind.MOMENT)), 6) == datetime(2025, 7, 3).toordinal()


def test_what_a_database_cannot_hold_is_refused(engine: Any, found: Found) -> None:
    huge = Product(Product(sales, sales), Product(sales, sales))
    if engine.dialect.name in ("duckdb", "mysql", "mariadb"):
        with pytest.raises(BackendError, match="exact to"):
            found(more(Product(huge, huge), number(1)))
    else:
        assert found(more(Product(huge, huge), number(1))) == [3]


def test_a_segment_without_members_given_is_an_error(found: Found) -> None:
    with pytest.raises(SegmentError, match="unknown one"):
        found(InSegment("unknown one"))
