"""What a customer in memory may look like, and what is said about one that may not."""

import sys
import threading
from collections import OrderedDict, UserDict, UserString, defaultdict, deque
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from itertools import permutations, product
from types import MappingProxyType, SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import frozen

from segrules.algebra import (
    CUSTOMER,
    TRUE,
    Aggregate,
    And,
    Compare,
    Const,
    Exists,
    Field,
    Fold,
    HasElement,
    InSegment,
    Kind,
    Match,
    Native,
    Not,
    OneOf,
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
    fold,
)  # fmt: skip
from segrules.errors import CustomerError
from segrules.memory import Customer, compile_predicate, compile_term, program
from segrules.memory.terms import is_plain

ROME = ZoneInfo("Europe/Rome")
ORDER = Row("orders", 1)
ITEM = Row("orders.items", 2)


def compare(row: Row, name: str, op: Op, value: Any, kind: Kind = Kind.NUMBER) -> Compare:
    return Compare(op, Field(row, name, kind), Const(value, kind), kind)


def predicate(rule: Any) -> Any:
    return compile_predicate(rule, ROME)


def total(name: str = "grand_total") -> Aggregate:
    return Aggregate(Fold.SUM, Source(CUSTOMER, (ORDER,), TRUE), Field(ORDER, name, Kind.NUMBER), Kind.NUMBER)


BIG_ORDER = Exists(Source(CUSTOMER, (ORDER,), TRUE), compare(ORDER, "grand_total", Op.GT, Decimal(100)))


@frozen
class Order:
    grand_total: Any
    items: Any = ()


@frozen
class Shopper:
    orders: Any


@pytest.mark.parametrize(
    "orders",
    [
        [{"grand_total": Decimal("100.01")}],
        ({"grand_total": 101},),
        {"grand_total": 101},
        deque([{}, {"grand_total": 101}]),
        [Order(101)],
        [Order(1), {"grand_total": 101}],
        [MappingProxyType({"grand_total": 101})],
        Order(101),
        {"a": 1, "grand_total": 101}.copy(),
        dict(enumerate([Order(101)])).values(),
    ],
)
def test_rows_may_be_anything_that_can_be_read_again(orders: Any) -> None:
    big = predicate(BIG_ORDER)
    for shape in ({"orders": orders}, Shopper(orders), UserDict(orders=orders), OrderedDict(orders=orders)):
        assert big(shape) is True


@pytest.mark.parametrize(
    "customer", [{}, {"orders": None}, {"orders": []}, SimpleNamespace(), Shopper(None), Customer({})]
)
def test_no_rows(customer: Any) -> None:
    assert predicate(BIG_ORDER)(customer) is False
    assert predicate(Not(BIG_ORDER))(customer) is True
    assert compile_term(total(), ROME)(customer) == 0


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        (({"grand_total": 101} for _ in range(1)), "orders: .*only once.*give a list"),
        ("abc", "orders: 'abc' is a str; give a list of rows"),
        (7, "orders: 7 is an int; give a list of rows"),
        (["abc"], "'abc' stands where a row"),
        ([None], "None stands where a row"),
        ([{"grand_total": 12.5}], r'orders.grand_total: 12.5 is a float; floats are not exact, give Decimal\("12.5"\)'),
        ([{"grand_total": "12.5"}], "orders.grand_total: '12.5' is a str; give an int or a Decimal"),
        ([{"grand_total": True}], "orders.grand_total: True is a bool"),
        ([{"grand_total": Decimal("NaN")}], "orders.grand_total: NaN is no amount"),
    ],
)
def test_wrong_rows_are_refused_by_name(orders: Any, said: str) -> None:
    for shape in ({"orders": orders}, Shopper(orders), UserDict(orders=orders)):
        with pytest.raises(CustomerError, match=said) as caught:
            predicate(BIG_ORDER)(shape)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("kind", "constant", "wrong"),
    [
        (Kind.ID, 5, Decimal(5)),
        (Kind.ID, 5, "5"),
        (Kind.ID, 5, True),
        (Kind.TEXT, "a", b"a"),
        (Kind.TEXT, "a", 5),
        (Kind.TEXT, "i", "ä".encode()),
        (Kind.TEXT, "i", UserString("ä")),
        (Kind.CODE, "a", 5),
        (Kind.CHOICE, "a", True),
        (Kind.YESNO, True, 1),
        (Kind.YESNO, False, 0),
        (Kind.YESNO, True, "yes"),
        (Kind.DATE, date(2025, 1, 1), datetime(2025, 1, 1)),
        (Kind.DATE, date(2025, 1, 1), "2025-01-01"),
        (Kind.MOMENT, datetime(2025, 1, 1), date(2025, 1, 1)),
        (Kind.MOMENT, datetime(2025, 1, 1), "2025-01-01"),
        (Kind.NUMBER, Decimal(1), 1.0),
    ],
)
def test_wrong_classes_are_refused_in_every_operator(kind: Kind, constant: Any, wrong: Any) -> None:
    field, other = Field(CUSTOMER, "x", kind), Const(constant, kind)
    rules: list[Any] = [Compare(Op.EQ, field, other, kind), OneOf(field, (other,), kind)]
    if kind in (Kind.NUMBER, Kind.DATE, Kind.MOMENT):
        rules += [Compare(op, field, other, kind) for op in Op] + [Compare(op, other, field, kind) for op in Op]
    elif kind in (Kind.TEXT, Kind.CODE):
        rules += [TextMatch(how, field, other, kind) for how in Match]
        rules += [TextMatch(how, field, Field(CUSTOMER, "y", kind), kind) for how in Match]
    for rule in rules:
        for each in (rule, Not(rule)):
            for customer in ({"x": wrong}, SimpleNamespace(x=wrong)):
                with pytest.raises(CustomerError, match=r"^x: "):
                    predicate(each)(customer)
            assert predicate(each)({}) is isinstance(each, Not)
    with pytest.raises(CustomerError, match=r"^x: "):
        compile_term(field, ROME)({"x": wrong})


def test_sets_of_codes_and_segments_are_collections_of_text() -> None:
    has = HasElement(Field(CUSTOMER, "rules", Kind.CODE), Const("SUMMER", Kind.CODE))
    some = HasElement(Field(CUSTOMER, "rules", Kind.CODE), None)
    for codes in (["SUMMER"], ("A", "SUMMER"), {"SUMMER"}, frozenset({"SUMMER"}), {"SUMMER": 1}.keys()):
        assert predicate(has)({"rules": codes}) is True
        assert predicate(some)({"rules": codes}) is True
    for none in ({}, {"rules": None}, {"rules": []}):
        assert predicate(has)(none) is False
        assert predicate(some)(none) is False
        assert predicate(Not(has))(none) is True
    assert predicate(has)({"rules": ["SUMMER25", "summer"]}) is False
    for wrong in ("SUMMER,VIP", ["VIP", 5], 5):
        with pytest.raises(CustomerError, match=r"^rules: "):
            predicate(has)({"rules": wrong})
    member = predicate(InSegment("vip"))
    assert member({"segments": ["vip"]}) is True
    assert member({"segments": {"new"}}) is False
    assert member({}) is False
    with pytest.raises(CustomerError, match=r"^segments: "):
        member({"segments": "vip"})


def test_arithmetic_is_exact_under_any_context() -> None:
    exactly = predicate(Compare(Op.EQ, total(), Const(Decimal("0.3"), Kind.NUMBER), Kind.NUMBER))
    long = Decimal("123456789012.1234")
    percent = predicate(
        Compare(
            Op.EQ,
            Product(Const(Decimal("0.000001"), Kind.NUMBER), Sum((Field(CUSTOMER, "x", Kind.NUMBER),) * 2)),
            Const(Decimal("246913.5780242468"), Kind.NUMBER),
            Kind.NUMBER,
        )
    )
    orders = [
        {"grand_total": long},
        {"grand_total": -long},
        {"grand_total": Decimal("0.1")},
        {"grand_total": Decimal("0.2")},
    ]
    with localcontext(Context(prec=3, rounding=ROUND_DOWN, traps=[])):
        for shape in ({"orders": orders}, Shopper([Order(**each) for each in orders]), Customer({"orders": orders})):
            assert exactly(shape) is True
        assert percent({"x": long}) is True
    assert compile_term(total(), ROME)(
        {"orders": [{"grand_total": 10**30}, {"grand_total": Decimal("0.0001")}]}
    ) == Decimal("1000000000000000000000000000000.0001")
    with pytest.raises(CustomerError, match="too long"):
        compile_term(total(), ROME)({"orders": [{"grand_total": Decimal("1E900")}, {"grand_total": Decimal("1E-900")}]})


def test_a_sum_may_come_back_to_nothing_on_its_way() -> None:
    add = compile_term(total(), ROME)
    for amounts in permutations([5, Decimal("-5"), None, Decimal("0.00"), 0, Decimal("0.1")]):
        orders = [{"grand_total": each} for each in amounts]
        assert add({"orders": orders}) == add(Shopper([Order(**each) for each in orders])) == Decimal("0.1")
        assert add({"orders": orders[:3]}) == sum(each or 0 for each in amounts[:3])


def test_aware_moments_are_the_same_moments() -> None:
    edge = datetime(2025, 7, 4, 12, 0)
    since = predicate(compare(CUSTOMER, "at", Op.GE, edge, Kind.MOMENT))
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    for moment in (edge, edge.replace(tzinfo=UTC), edge.replace(tzinfo=UTC).astimezone(kathmandu)):
        for _ in range(40):  # more often than a class of customers is given the benefit of the doubt
            assert since({"at": moment}) is True
            assert since({"at": moment - timedelta(microseconds=1)}) is False
            assert since(SimpleNamespace(at=moment)) is True
        assert predicate(compare(CUSTOMER, "at", Op.EQ, edge, Kind.MOMENT))({"at": moment}) is True
        assert compile_term(Field(CUSTOMER, "at", Kind.MOMENT), ROME)({"at": moment}) == edge
    assert since({}) is False


def test_names_of_dictionaries_and_of_python_are_only_names() -> None:
    for name in ("items", "values", "get", "class", "__class__", "__dict__", "naïve", "ﬁeld", 'a"]) or True', "x y"):
        rule = Compare(Op.EQ, Field(ORDER, name, Kind.CODE), Const("A", Kind.CODE), Kind.CODE)
        found = predicate(Exists(Source(CUSTOMER, (ORDER,), TRUE), rule))
        assert found({"orders": [{name: "A"}]}) is True
        assert found({"orders": [{name: "B"}]}) is False
        assert found({"orders": [{}]}) is False
        assert found(Shopper([{name: "A"}])) is True
        if name != "__class__":
            assert found(Shopper([{}])) is False


def test_a_dictionary_with_a_default_is_not_asked_for_one() -> None:
    orders: Any = defaultdict(lambda: Decimal(500))
    assert predicate(BIG_ORDER)({"orders": [orders]}) is False
    assert dict(orders) == {}


def test_dictionaries_that_lack_names_are_read_as_if_they_had_none() -> None:
    """The code for dictionaries expects every name; it must neither fail nor remember a customer without one."""
    rich = predicate(And((compare(CUSTOMER, "sales", Op.GT, Decimal(5)), Not(BIG_ORDER))))
    whole: dict[str, Any] = {"sales": 6, "orders": [{"grand_total": 100}]}
    big: dict[str, Any] = {"sales": 6, "orders": [{"grand_total": 101}]}
    for _ in range(40):  # longer than the patience
        assert rich(whole) is True
        assert rich(big) is False
        assert rich({"sales": 6}) is True
        assert rich({"sales": 6, "orders": [{}]}) is True
        assert rich({"sales": 6, "orders": [UserDict(grand_total=100)]}) is True
        assert rich({"orders": []}) is False
        assert rich({"sales": None, "orders": []}) is False
        with pytest.raises(CustomerError, match=r"^sales: 6.5 is a float"):
            rich({"sales": 6.5})


@pytest.mark.parametrize("constant", ["5", "5.5", "-0.5", "0", "1E+30", "5.000"])
def test_whole_numbers_meet_constants_of_their_class(constant: str) -> None:
    bound = Decimal(constant)
    operators = {Op.EQ: "__eq__", Op.LT: "__lt__", Op.LE: "__le__", Op.GT: "__gt__", Op.GE: "__ge__"}
    for op, name in operators.items():
        once = compare(CUSTOMER, "x", op, bound)
        rules = [once, And((Or((once, once)), once)), And((compare(CUSTOMER, "x", Op.GE, Decimal(-99)), once))]
        counted = Compare(op, Aggregate(Fold.COUNT, BIG_ORDER.source, None, Kind.NUMBER), once.right, Kind.NUMBER)
        for value in range(-2, 8):
            expected = getattr(Decimal(value), name)(bound)
            for rule in map(predicate, rules):
                assert rule({"x": value}) is rule({"x": Decimal(value)}) is rule(SimpleNamespace(x=value)) is expected
                assert rule({"x": None}) is False
            if value >= 0:
                assert predicate(counted)({"orders": [{}] * value}) is expected


def test_yes_and_no() -> None:
    for wanted in (True, False):
        rule = compare(CUSTOMER, "x", Op.EQ, wanted, Kind.YESNO)
        for value, expected in ((True, wanted), (False, not wanted), (None, False)):
            for shape in ({"x": value}, SimpleNamespace(x=value), UserDict(x=value), Customer({"x": value})):
                assert predicate(rule)(shape) is expected
                assert predicate(Not(rule))(shape) is not expected


def test_plain_text_is_compared_by_lower_as_by_fold() -> None:
    differing = {char for char in map(chr, range(sys.maxunicode + 1)) if char.lower() != fold(char)}
    assert differing == {"İ"}
    letters, needles = ["a", "İ", "Σ", "ς", "K", "\u212a", "i", "\u0307", "S"], ["a", "k", "s", "ak", "ka", "kk"]
    assert all(map(is_plain, needles))
    assert not is_plain("i") and not is_plain("I") and not is_plain("ς")
    for text in map("".join, product(letters, repeat=3)):
        for needle in needles:
            for look in (str.__contains__, str.startswith, str.endswith, str.__eq__):
                assert look(text.lower(), needle) is look(fold(text), needle)


def test_links_named_items_are_found_in_mixed_customers() -> None:
    has = predicate(Exists(Source(CUSTOMER, (ORDER, ITEM), TRUE), compare(ITEM, "qty", Op.GE, Decimal(2))))
    for items in ([{"qty": 2}], [SimpleNamespace(qty=2)]):
        assert has({"orders": [{"items": items}]}) is True
        assert has({"orders": [Order(1, items)]}) is True
        assert has(Shopper([{"items": items}])) is True
        assert has(Shopper([Order(1, items)])) is True
    assert has(Shopper([{}])) is False


def test_ids_are_needed_only_to_decide_between_equals() -> None:
    last = Picked(
        Source(CUSTOMER, (ORDER,), TRUE, Pick("created_at", True)),
        Field(ORDER, "grand_total", Kind.NUMBER),
        Kind.NUMBER,
    )
    value = compile_term(last, ROME)
    day = datetime(2025, 1, 1)
    assert value({"orders": [{"created_at": day, "grand_total": 1}, {"grand_total": 2}]}) == 1
    same: list[dict[str, Any]] = [{"created_at": day, "grand_total": 1}, {"created_at": day, "grand_total": 2}]
    with pytest.raises(CustomerError, match=r"orders: .*decided by id"):
        value({"orders": same})
    assert value({"orders": [{**same[0], "id": 8}, {**same[1], "id": 7}]}) == 1
    with pytest.raises(CustomerError, match=r"orders\.created_at: '2025' is a str"):
        value({"orders": [{"created_at": "2025"}]})


def test_an_error_of_a_native_function_is_its_own() -> None:
    def fails(*_: Any) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        predicate(Native("fails", (Field(CUSTOMER, "x", Kind.CODE),), sql=fails, python=fails))({"x": "a"})


def test_deep_and_long_rules_compile() -> None:
    deep: Any = compare(CUSTOMER, "x", Op.EQ, Decimal(1))
    for level in range(64):
        big = compare(CUSTOMER, "y", Op.GT, Decimal(level))
        deep = And((deep, big)) if level % 2 else Or((deep, Exists(Source(CUSTOMER, (ORDER,), TRUE), big)))
    assert predicate(deep)({"x": 1, "y": 100, "orders": []}) is True
    assert predicate(deep)({"x": 2, "y": 0, "orders": [{}]}) is False
    nested: Any = TRUE
    for depth in range(60, 0, -1):
        nested = Exists(
            Source(CUSTOMER, (Row("orders", depth),), TRUE),
            And((nested, compare(Row("orders", depth), "a", Op.EQ, Decimal(1)))),
        )
    assert predicate(nested)({"orders": [{"a": 0}, {"a": 1}]}) is True
    flat: Any = compare(CUSTOMER, "x", Op.EQ, Decimal(-1))
    for level in range(64):
        flat = And((flat, TRUE)) if level % 2 else Or((flat, compare(CUSTOMER, "x", Op.EQ, Decimal(level))))
    assert predicate(flat)({"x": 62}) is True
    many = Or(
        tuple(Exists(Source(CUSTOMER, (ORDER,), TRUE), compare(ORDER, "a", Op.EQ, Decimal(n))) for n in range(2000))
    )
    assert predicate(many)({"orders": [{"a": 1999}]}) is True
    assert predicate(many)({"orders": [{"a": 2000}]}) is False
    codes = tuple(Const(f"c{n}", Kind.CODE) for n in range(10_000))
    assert predicate(OneOf(Field(CUSTOMER, "sku", Kind.CODE), codes, Kind.CODE))({"sku": "c9999"}) is True


def test_rules_of_one_shape_share_their_code_and_nothing_else() -> None:
    program._code.cache_clear()
    rules = {
        (name, limit): predicate(compare(CUSTOMER, name, Op.GT, limit))
        for name in "ab"
        for limit in map(Decimal, range(300))
    }
    assert program._code.cache_info().misses == 1
    for (name, limit), exceeds in rules.items():
        assert exceeds({name: limit + 1, "k1": 0}) and not exceeds({name: limit})
    for length in range(300, 310):
        many = tuple(compare(CUSTOMER, f"x{n}", Op.GT, Decimal(n)) for n in range(length))
        assert predicate(Or(many))({f"x{length - 1}": length})
    assert program._code.cache_info().currsize <= 4, "long code is not kept"


def test_threads_share_a_predicate() -> None:
    rule = predicate(And((BIG_ORDER, Present(Field(CUSTOMER, "name", Kind.TEXT)))))
    shapes: list[Any] = [
        {"name": "a", "orders": [{"grand_total": 101}]},
        SimpleNamespace(name="a", orders=[Order(101)]),
        UserDict(name="a", orders=[Order(101)]),
        Customer({"name": "a", "orders": [{"grand_total": 101}]}),
    ]
    answers: list[bool] = []

    def work(start: int) -> None:
        answers.extend(rule(shapes[(start + step) % 4]) for step in range(500))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    sys.setswitchinterval(interval)
    assert len(answers) == 4000
    assert all(answers)


def test_a_function_that_holds_says_nothing_about_its_values() -> None:
    text = Field(CUSTOMER, "x", Kind.TEXT)
    absent = Native("absent", (text,), sql=lambda x: x.is_(None), python=lambda x: x is None)
    asked = OneOf(text, (Const("a", Kind.TEXT), Const("K", Kind.TEXT)), Kind.TEXT)
    matches = predicate(And((absent, asked)))
    assert not matches({}) and not matches({"x": "a"})
    assert predicate(And((Not(absent), asked)))({"x": "A"})
