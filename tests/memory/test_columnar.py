"""Over a table the answers are those of the function for single customers, whatever part of them columns gave."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_ruleset import made_up

import segrules as sr
from segrules.algebra import Kind
from segrules.condition import Amount
from segrules.errors import CustomerError
from segrules.memory import compile_predicate

pa = pytest.importorskip("pyarrow")
from segrules.memory import columnar  # noqa: E402
from segrules.memory.columnar import evaluation  # noqa: E402

ROME = ZoneInfo("Europe/Rome")
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

#: Each kind as tables from here and there have it.
TYPES = {
    Kind.NUMBER: [pa.decimal128(20, 4), pa.decimal128(38, 8), pa.decimal256(50, 10)],
    Kind.ID: [pa.int64(), pa.int16()],
    Kind.TEXT: [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    Kind.CODE: [pa.string(), pa.large_string()],
    Kind.CHOICE: [pa.string(), pa.dictionary(pa.int8(), pa.string())],
    Kind.YESNO: [pa.bool_()],
    Kind.DATE: [pa.date32(), pa.date64()],
    Kind.MOMENT: [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("us", "Asia/Kolkata")],
}


@st.composite
def schemas(draw: Any, entity: str = "") -> Any:
    fields = {name: draw(st.sampled_from(TYPES[kind])) for kind, names in strategies.FIELDS.items() for name in names}
    fields |= {"id": pa.int64(), "codes": pa.list_(pa.string())}
    if not entity:
        fields["segments"] = pa.large_list(pa.string())
    for link in strategies.LINKS.get(entity, ()):
        inner = draw(schemas(f"{entity}.{link}" if entity else link))
        fields[link] = inner if link == "newsletter" else draw(st.sampled_from([pa.list_, pa.large_list]))(inner)
    left_out = draw(st.sampled_from([None, None, None, *fields]))
    return pa.struct([(name, type_) for name, type_ in fields.items() if name != left_out])


def plain(value: Any) -> Any:
    """Moments in UTC, as PyArrow wants them."""
    match value:
        case datetime(tzinfo=zone) if zone is not None:
            return value.astimezone(UTC).replace(tzinfo=None)
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case list():
            return [plain(each) for each in value]
    return value


@SLOW
@given(
    st.lists(strategies.predicates(), min_size=1, max_size=4), st.lists(strategies.customers(), max_size=6), schemas()
)
def test_random_algebra(predicates: list[Any], customers: list[Any], schema: Any) -> None:
    rows = pa.array(map(plain, customers), schema)
    table = pa.Table.from_struct_array(rows) if customers else pa.schema(schema).empty_table()
    kept = table.to_pylist()
    found = columnar.Columnar(predicates, ROME).holding(table)
    for predicate, column in zip(predicates, found, strict=True):
        assert column.to_pylist() == list(map(compile_predicate(predicate, ROME), kept))


# --- sets of rules over tables ------------------------------------------------------------------------

SHOP = sr.Shop.default(timezone="Europe/Rome")
AT = datetime(2025, 7, 4, 12, tzinfo=UTC)


def rules(*texts: str) -> sr.RuleSet:
    return sr.RuleSet({text: sr.parse(text, SHOP) for text in texts}, SHOP)


def test_random_rules_of_the_language() -> None:
    """Drawn by the kit; most of them need no row-wise help, some cannot do without."""
    scene, texts, customers = made_up("columns", 150)
    table = pa.Table.from_pylist([plain(each) for each in customers], schema=of_customers(customers))
    together, kept = sr.RuleSet(texts, SHOP), table.to_pylist()
    for at in (scene.at, scene.at + timedelta(days=40, hours=5)):
        expected = [list(each) for each in together.matching_all(kept, at=at)]
        assert [list(each) for each in together.matching_all(table, at=at)] == expected
        columns = together.matching_columns(table, at=at)
        assert columns.column_names == list(together)
        found = [[name for name, holds in row.items() if holds] for row in columns.to_pylist()]
        assert found == expected
    assert any(expected)


def of_customers(customers: list[dict[str, Any]]) -> Any:
    """The schema that the customers have together; one kind of decimals for all numbers that are no ints."""

    def type_of(values: list[Any]) -> Any:
        values = [each for each in values if each is not None]
        if any(isinstance(each, dict) for each in values):
            names = dict.fromkeys(name for each in values for name in each)
            return pa.struct([(name, type_of([each.get(name) for each in values])) for name in names])
        if any(isinstance(each, list | tuple) for each in values):
            return pa.list_(type_of([inner for each in values for inner in each]))
        if any(isinstance(each, Decimal) for each in values):
            return pa.decimal128(30, 8)
        return pa.infer_type([plain(each) for each in values]) if values else pa.null()

    return pa.schema(type_of(customers))


def test_tables_of_every_maker_and_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rich = rules("customer.group is gold", "count(order where grand_total > 10) >= 2", "no order")
    rows = [
        {"id": n, "group": ["gold", "basic", None][n % 3], "orders": [{"grand_total": Decimal(n)}] * (n % 4)}
        for n in range(100)
    ]
    table = pa.Table.from_pylist(rows)
    expected = [set(each) for each in rich.matching_all(rows, at=AT)]
    several = pa.concat_tables([table.slice(0, 30), table.slice(30, 1), table.slice(31)])
    monkeypatch.setattr("segrules.memory.columnar.frames.BATCH", 7)
    shapes = [table, several, several.to_reader(), table.to_batches(max_chunksize=13)[0]]
    try:
        import polars
    except ImportError:
        pass
    else:
        shapes.append(polars.DataFrame(table))
    for shape in shapes:
        found = [set(each) for each in rich.matching_all(shape, at=AT)]
        assert found == expected[: len(found)]
        assert len(found) in (13, 100)
    assert rich.matching_columns(table.slice(0, 0), at=AT).num_rows == 0
    assert rich.matching_columns(table.slice(97), at=AT).num_rows == 3
    assert sr.RuleSet().matching_columns(table).num_columns == 0


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([1.5]), r"credit: the column has type double; floats are not exact"),
        (pa.array(["1.5"]), r"credit: the column has type string; give decimals or integers"),
        (pa.array([[1]]), r"credit: the column has type list.*give decimals"),
    ],
)
def test_columns_of_wrong_types_are_named(column: Any, said: str) -> None:
    shop = sr.Shop.default(customer_attributes={"credit": Amount("What is left.")})
    together = sr.RuleSet({"a": sr.parse("customer.credit > 1", shop)}, shop)
    with pytest.raises(CustomerError, match=said):
        together.matching_columns(pa.table({"credit": column}), at=AT)
    assert list(together.matching_all(pa.table({"credit": pa.nulls(2)}), at=AT)) == [set(), set()]
    assert list(together.matching_all(pa.table({"credit": pa.array([1, 2], pa.uint64())}), at=AT)) == [set(), {"a"}]


def test_what_is_no_table_or_has_wrong_rows_is_said() -> None:
    some = rules("any order where (grand_total > 5)", "customer.created_at before 2 days ago")
    wide = pa.list_(pa.struct([("id", pa.int64())]))
    with pytest.raises(CustomerError, match="a list is no table; give a PyArrow table or a data frame"):
        some.matching_columns([{"id": 1}], at=AT)
    with pytest.raises(CustomerError, match="orders: the column has type int64; give lists of structs"):
        some.matching_columns(pa.table({"orders": [1]}), at=AT)
    with pytest.raises(CustomerError, match="orders: a row is null"):
        some.matching_columns(pa.table({"orders": pa.array([[None]], wide)}), at=AT)
    with pytest.raises(CustomerError, match="created_at: two columns"):
        some.matching_columns(pa.table([[1], [2]], names=["created_at", "created_at"]), at=AT)
    fine = pa.array([1], pa.timestamp("ns"))
    with pytest.raises(CustomerError, match=r"created_at: .*no finer than microseconds"):
        some.matching_columns(pa.table({"created_at": fine}), at=AT)
    whole = pa.array([1000], pa.timestamp("ns", "Europe/Rome"))
    assert some.matching_columns(pa.table({"created_at": whole}), at=AT).to_pylist()[0] == {
        "any order where (grand_total > 5)": False,
        "customer.created_at before 2 days ago": True,
    }


def test_ordinary_rules_need_no_single_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manual calls vectorised is: the function for single customers is never made."""
    ordinary = rules(
        'customer.email ends with "É.com" and customer.group in (gold, silver)',
        "lifetime.sales > 5000 and lifetime.orders >= 3",
        "avg(order.grand_total) > 200.5",
        'any order where (created_at in last 90 days and any order.items where (name contains "straße"))',
        "activity.days_since_last_order > 30 or newsletter.status is subscribed",
        "customer.birthday in next 7 days and customer.birth_date before 18 years ago",
        "count(order where no order.items) = 0",
        'in segment "vip"',
    )
    monkeypatch.setattr(evaluation, "compile_predicate", None)
    table = pa.table({"id": [1, 2], "email": ["x@É.COM", None], "group": ["gold", "gold"]})
    assert ordinary.matching_columns(table, at=AT).num_rows == 2


def test_digits_that_a_decimal_cannot_hold_are_left_to_python() -> None:
    texts = ["sum(order.grand_total) > 0.1", "sum(order.grand_total) * 1.00001 > 0.1"]
    wide = pa.list_(pa.struct([("grand_total", pa.decimal256(70, 2)), ("status", pa.string())]))
    orders = pa.array([[{"grand_total": Decimal("0.05")}] * n for n in range(4)], wide)
    found = rules(*texts).matching_columns(pa.table({"orders": orders}), at=AT)
    assert found.to_pydict() == {texts[0]: [False, False, False, True], texts[1]: [False, False, True, True]}
