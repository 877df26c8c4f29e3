"""What each part of the algebra means at its boundaries, pinned by hand."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segrules.algebra import (
    CUSTOMER,
    TRUE,
    Aggregate,
    And,
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
    Or,
    Pick,
    Picked,
    Present,
    Product,
    Row,
    Source,
    Sum,
    TextMatch,
)  # fmt: skip
from segrules.memory import compile_predicate, compile_term

ROME = ZoneInfo("Europe/Rome")
ORDER, ITEM = Row("orders", 1), Row("orders.items", 2)
X = Field(CUSTOMER, "x", Kind.NUMBER)
NAME = Field(CUSTOMER, "name", Kind.TEXT)
AT = Field(CUSTOMER, "at", Kind.MOMENT)
ORDERS = Source(CUSTOMER, (ORDER,), TRUE)


def number(value: Any) -> Const:
    return Const(Decimal(value), Kind.NUMBER)


def holds(rule: Any, customer: Any) -> bool:
    """The answer, which must be the opposite of its negation's."""
    answer = compile_predicate(rule, ROME)(customer)
    assert compile_predicate(Not(rule), ROME)(customer) is not answer
    return answer


def value(term: Any, customer: Any) -> Any:
    return compile_term(term, ROME)(customer)


LEAVES_ABOUT_NOTHING: list[Any] = [
    *(Compare(op, X, number(0), Kind.NUMBER) for op in Op),
    *(Compare(op, number(0), X, Kind.NUMBER) for op in Op),
    *(Compare(op, X, X, Kind.NUMBER) for op in Op),
    Compare(Op.EQ, NAME, Const("", Kind.TEXT), Kind.TEXT),
    Compare(Op.EQ, Const(None, Kind.TEXT), Const(None, Kind.TEXT), Kind.TEXT),
    Compare(Op.EQ, Field(CUSTOMER, "yes", Kind.YESNO), Const(False, Kind.YESNO), Kind.YESNO),
    Compare(Op.GT, Sum((X, number(1))), number(0), Kind.NUMBER),
    Compare(Op.EQ, Product(X, number(0)), number(0), Kind.NUMBER),
    Compare(Op.GT, DayNumber(AT), number(0), Kind.NUMBER),
    OneOf(X, (number(0), Const(None, Kind.NUMBER)), Kind.NUMBER),
    OneOf(NAME, (), Kind.TEXT),
    TextMatch(Match.CONTAINS, NAME, Const("", Kind.TEXT), Kind.TEXT),
    TextMatch(Match.STARTS, Const("a", Kind.TEXT), Const(None, Kind.TEXT), Kind.TEXT),
    Present(X),
    Present(Sum((X, number(1)))),
    Present(Aggregate(Fold.MAX, ORDERS, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER)),
    Present(FirstPresent((X, X), Kind.NUMBER)),
    Present(Latest((AT,), Kind.MOMENT)),
    HasElement(Field(CUSTOMER, "codes", Kind.CODE), None),
    OnMonthDay(AT, frozenset(range(101, 1232))),
    Exists(ORDERS, TRUE),
    Exists(Source(CUSTOMER, (ORDER,), TRUE, Pick(None, True)), TRUE),
    InSegment("vip"),
    Native("same", (X,), sql=lambda x: x, python=lambda x: x is not None),
]


@pytest.mark.parametrize("leaf", LEAVES_ABOUT_NOTHING, ids=lambda leaf: type(leaf).__name__)
@pytest.mark.parametrize("customer", [{}, dict.fromkeys(("x", "name", "yes", "at", "codes", "orders", "segments"))])
def test_nothing_is_known_of_a_missing_value_and_not_is_the_complement(leaf: Any, customer: Any) -> None:
    assert holds(leaf, customer) is False


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("É", "é", True),
        ("Σ", "σ", True),
        ("Σ", "ς", False),
        ("σ", "ς", False),
        ("ΑΣ", "ας", False),
        ("ΑΣ", "ασ", True),
        ("ẞ", "ß", True),
        ("ß", "ss", False),
        ("ẞ", "SS", False),
        ("İ", "i", True),
        ("İ", "I", True),
        ("ı", "i", False),
        ("\u212a", "k", True),
        ("\u212a", "K", True),
        ("e\u0301", "é", False),
        ("a ", "a", False),
        ("", "", True),
        ("ǅ", "ǆ", True),
    ],
)
def test_text_is_folded_on_both_sides(one: str, two: str, same: bool) -> None:
    for left, right in ((one, two), (two, one)):
        constant = Const(right, Kind.TEXT)
        customer = {"name": left, "other": right}
        assert holds(Compare(Op.EQ, NAME, constant, Kind.TEXT), customer) is same
        assert holds(Compare(Op.EQ, NAME, Field(CUSTOMER, "other", Kind.TEXT), Kind.TEXT), customer) is same
        assert holds(OneOf(NAME, (Const("zzz", Kind.TEXT), constant), Kind.TEXT), customer) is same
        for match in Match if len(left) == len(right) else ():
            assert holds(TextMatch(match, NAME, constant, Kind.TEXT), {"name": left}) is same
        code = Compare(Op.EQ, Field(CUSTOMER, "name", Kind.CODE), Const(right, Kind.CODE), Kind.CODE)
        assert holds(code, customer) is (left == right)


def test_text_matches_take_every_character_as_it_is() -> None:
    def match(how: Match, hay: str, needle: str) -> bool:
        return holds(TextMatch(how, NAME, Const(needle, Kind.TEXT), Kind.TEXT), {"name": hay})

    assert match(Match.CONTAINS, "100%", "%")
    assert not match(Match.CONTAINS, "100", "%")
    assert not match(Match.STARTS, "ab", "_")
    assert match(Match.ENDS, "a\\B", "\\b")
    assert all(match(how, "", "") for how in Match)


def test_distinct_texts_are_counted_as_they_compare() -> None:
    distinct = Aggregate(Fold.COUNT_DISTINCT, ORDERS, Field(ORDER, "name", Kind.TEXT), Kind.NUMBER)
    assert value(distinct, {"orders": [{"name": each} for each in ("É", "é", "ß", "ẞ", "ss", None, "")] + [{}]}) == 4
    exact = Aggregate(Fold.COUNT_DISTINCT, ORDERS, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER)
    assert value(exact, {"orders": [{"x": 1}, {"x": Decimal("1.00")}, {"x": 2}]}) == 2


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2025, 3, 29, 22, 59, 59, 999999), date(2025, 3, 29)),
        (datetime(2025, 3, 29, 23), date(2025, 3, 30)),
        (datetime(2025, 3, 30, 21, 59, 59, 999999), date(2025, 3, 30)),
        (datetime(2025, 3, 30, 22), date(2025, 3, 31)),
        (datetime(2025, 10, 25, 21, 59, 59, 999999), date(2025, 10, 25)),
        (datetime(2025, 10, 25, 22), date(2025, 10, 26)),
        (datetime(2025, 10, 26, 22, 59, 59, 999999), date(2025, 10, 26)),
        (datetime(2025, 10, 26, 23), date(2025, 10, 27)),
        (datetime(2024, 2, 28, 23), date(2024, 2, 29)),
    ],
)
def test_days_are_days_of_the_shop(moment: datetime, day: date) -> None:
    assert value(DayNumber(AT), {"at": moment}) == day.toordinal()
    assert holds(OnMonthDay(AT, frozenset({day.month * 100 + day.day})), {"at": moment})
    assert value(DayNumber(Field(CUSTOMER, "day", Kind.DATE)), {"day": day}) == day.toordinal()


def test_days_at_the_ends_of_time_do_not_fail() -> None:
    for zone in (ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")):
        for moment in (datetime.min, datetime.max):
            assert isinstance(compile_term(DayNumber(AT), zone)({"at": moment}), int)
            assert compile_predicate(OnMonthDay(AT, frozenset({101, 1231})), zone)({"at": moment})


NEW, OLD = datetime(2025, 2, 1), datetime(2025, 1, 1)
PICKABLE: list[dict[str, Any]] = [
    {"id": 3, "at": NEW, "x": 3},
    {"id": 5, "at": NEW, "x": 5},
    {"id": 2, "at": OLD, "x": 2},
    {"id": 1, "at": OLD, "x": 1},
    {"id": 9, "x": 9},
    {"id": 8, "at": None, "x": 8},
]


@pytest.mark.parametrize(
    ("pick", "found"),
    [
        (Pick("at", True), 5), (Pick("at", False), 1), (Pick(None, True), 9), (Pick(None, False), 1),
        (Pick("at", True, required=False), 5), (Pick("at", False, required=False), 8),
    ],
)  # fmt: skip
def test_picks_and_their_ties(pick: Pick, found: int) -> None:
    picked = Picked(Source(CUSTOMER, (ORDER,), TRUE, pick), Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER)
    for orders in (PICKABLE, PICKABLE[::-1]):
        assert value(picked, {"orders": orders}) == found
    exists = Exists(picked.source, Compare(Op.EQ, Field(ORDER, "x", Kind.NUMBER), number(found), Kind.NUMBER))
    assert holds(exists, {"orders": PICKABLE})
    assert not holds(exists, {"orders": []})


def test_a_row_without_its_moment_takes_part_only_if_none_is_required() -> None:
    for required, found in ((True, None), (False, 9)):
        source = Source(CUSTOMER, (ORDER,), TRUE, Pick("at", True, required))
        assert value(Picked(source, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER), {"orders": PICKABLE[4:]}) == found


def test_a_pick_is_made_after_where_and_shows_the_row_above() -> None:
    where = Compare(Op.EQ, Field(ITEM, "sku", Kind.CODE), Const("A", Kind.CODE), Kind.CODE)
    source = Source(CUSTOMER, (ORDER, ITEM), where, Pick(None, True))
    customer = {"orders": [{"x": 1, "items": [{"id": 1, "sku": "A"}]}, {"x": 2, "items": [{"id": 2, "sku": "B"}]}]}
    assert value(Picked(source, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER), customer) == 1


def test_totals_of_nothing_and_of_missing_values() -> None:
    def total(fold: Fold, customer: Any) -> Any:
        return value(Aggregate(fold, ORDERS, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER), customer)

    for customer in ({}, {"orders": []}, {"orders": [{"x": None}, {}]}):
        assert [total(fold, customer) for fold in Fold] == [0, 0, 0, None, None]
    some = {"orders": [{"x": 2}, {"x": None}, {"x": Decimal("2.0")}, {"x": -1}]}
    assert [total(fold, some) for fold in Fold] == [3, 2, 3, -1, 2]


def test_conditions_of_a_row_may_look_at_every_open_row() -> None:
    other = Row("orders", 2)
    same = Compare(Op.EQ, Field(other, "sku", Kind.CODE), Field(ORDER, "sku", Kind.CODE), Kind.CODE)
    twice = Compare(
        Op.GE, Aggregate(Fold.COUNT, Source(CUSTOMER, (other,), same), None, Kind.NUMBER), number(2), Kind.NUMBER
    )
    assert holds(Exists(ORDERS, twice), {"orders": [{"sku": "A"}, {"sku": "B"}, {"sku": "A"}]})
    assert not holds(Exists(ORDERS, twice), {"orders": [{"sku": "A"}, {"sku": "B"}, {}, {}]})


def test_a_search_goes_on_to_the_next_row_above() -> None:
    def has(sku: str) -> Exists:
        return Exists(
            Source(CUSTOMER, (ORDER, ITEM), TRUE),
            Compare(Op.EQ, Field(ITEM, "sku", Kind.CODE), Const(sku, Kind.CODE), Kind.CODE),
        )

    customer = {"orders": [{"items": []}, {"items": [{"sku": "B"}]}, {"items": [{"sku": "C"}, {"sku": "A"}]}]}
    for order in (customer["orders"], customer["orders"][::-1]):
        rows = {"orders": order}
        assert holds(And((has("A"), has("B"))), rows)
        assert not holds(And((has("A"), has("D"))), rows)
        assert holds(And((has("A"), Not(has("D")))), rows)
        assert holds(Or((And((has("A"), has("D"))), And((has("B"), has("C"))))), rows)
        assert not holds(Or((And((has("D"), has("A"))), Not(has("B")))), rows)
    refunded = Exists(Source(ORDER, (Row("orders.refunds", 2),), TRUE), TRUE)
    assert not holds(Exists(ORDERS, And((refunded, Not(refunded)))), customer)


def test_totals_over_the_same_rows_do_not_disturb_each_other() -> None:
    def total(fold: Fold) -> Aggregate:
        return Aggregate(fold, ORDERS, Field(ORDER, "x", Kind.NUMBER), Kind.NUMBER)

    rows = Aggregate(Fold.COUNT, ORDERS, None, Kind.NUMBER)
    customer = {"orders": [{"x": 2}, {"x": None}, {"x": 2}, {"x": -1}]}
    expected = [(rows, 4), *zip(map(total, Fold), (3, 2, 3, -1, 2), strict=True)]
    for _ in expected:
        expected.append(expected.pop(0))
        equal = [Compare(Op.EQ, each, number(result), Kind.NUMBER) for each, result in expected]
        assert holds(And(tuple(equal)), customer)
        assert not holds(Or(tuple(Not(each) for each in equal)), customer)
