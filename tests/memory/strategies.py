"""Random bound algebra, and random customers that its rules say something about: both draw from the same few values."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from segrules import algebra
from segrules.algebra import (
    CUSTOMER,
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
    OneOf,
    OnMonthDay,
    Op,
    Pick,
    Picked,
    Present,
    Product,
    Row,
    Source,
    Sum,
    TextMatch,
    Truth,
)  # fmt: skip

#: The fields of every entity by kind: few, so that rules and customers meet.
FIELDS = {
    Kind.NUMBER: ("amount", "qty"),
    Kind.ID: ("product_id",),
    Kind.TEXT: ("name", "city"),
    Kind.CODE: ("sku",),
    Kind.CHOICE: ("status",),
    Kind.YESNO: ("shared",),
    Kind.DATE: ("birth_date",),
    Kind.MOMENT: ("created_at", "updated_at"),
}
LINKS = {
    "": ("orders", "newsletter", "logins"),
    "orders": ("items", "refunds"),
    "orders.items": ("categories",),
}

# Days around the changes of summer time in Rome, and a leap day.
_MOMENTS = [
    datetime(2024, 2, 28, 23, 0), datetime(2024, 2, 29, 22, 59, 59, 999999), datetime(2024, 2, 29, 23, 0),
    datetime(2025, 3, 29, 23, 0), datetime(2025, 3, 30, 21, 59, 59, 999999), datetime(2025, 3, 30, 22, 0),
    datetime(2025, 10, 25, 22, 0), datetime(2025, 10, 26, 22, 59), datetime(2025, 10, 26, 23, 0),
]  # fmt: skip
VALUES: dict[Kind, list[Any]] = {
    Kind.NUMBER: [
        0,
        1,
        2,
        -1,
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.30"),
        Decimal("1.00"),
        Decimal("999999999999.9999"),
    ],
    Kind.ID: [1, 2, 3],
    Kind.TEXT: [
        "",
        "a",
        "A",
        "É",
        "é",
        "Σ",
        "σ",
        "ς",
        "ẞ",
        "ß",
        "ss",
        "İ",
        "i",
        "I",
        "ı",
        "\u212a",
        "k",
        "ab",
        "a%",
        "_",
    ],
    Kind.CODE: ["", "A", "a", "AB", "%", "B"],
    Kind.CHOICE: ["complete", "pending", "Complete"],
    Kind.YESNO: [True, False],
    Kind.DATE: [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2025, 3, 30), date(2025, 10, 26)],
    Kind.MOMENT: _MOMENTS,
}
SEGMENTS = ["vip", "new"]
MONTH_DAYS = [228, 229, 301, 330, 331, 1026, 1027]

_ordered = [Kind.NUMBER, Kind.DATE, Kind.MOMENT]


def _is_odd(*values: Any) -> bool:
    return len([each for each in values if each is not None]) % 2 == 1


def constants(kind: Kind) -> st.SearchStrategy[Const]:
    values = st.sampled_from(VALUES[kind])
    if kind is Kind.NUMBER:
        values = values.map(Decimal)
    return st.one_of(values, values, values, st.none()).map(lambda value: Const(value, kind))


@st.composite
def fields(draw: Any, kind: Kind, rows: tuple[Row, ...]) -> Field:
    return Field(draw(st.sampled_from(rows)), draw(st.sampled_from(FIELDS[kind])), kind)


@st.composite
def sources(draw: Any, rows: tuple[Row, ...], size: int, picked: bool = False) -> tuple[Source, tuple[Row, ...]]:
    """A source that starts at any of the rows, and all the rows that are open inside it."""
    parent = draw(st.sampled_from([row for row in rows if row.entity in LINKS]))
    depth, entity, steps = max(row.depth for row in rows), parent.entity, []
    for _ in range(draw(st.integers(1, 3))):
        if entity not in LINKS:
            break
        link = draw(st.sampled_from(LINKS[entity]))
        entity, depth = f"{entity}.{link}" if entity else link, depth + 1
        steps.append(Row(entity, depth))
    inside = (*rows, *steps)
    where = draw(predicates(inside, size - 1))
    pick = None
    if picked:
        by = draw(st.sampled_from(["created_at", "updated_at", None]))
        pick = Pick(by, draw(st.booleans()), draw(st.booleans()))
    return Source(parent, tuple(steps), where, pick), inside


@st.composite
def terms(draw: Any, kind: Kind, rows: tuple[Row, ...], size: int) -> Any:
    plain = ["field", "field", "field", "const"]
    shapes = list(plain)
    if size > 0:
        shapes += ["picked", "first"]
        if kind in _ordered:
            shapes += ["extreme"]
        if kind in (Kind.DATE, Kind.MOMENT):
            shapes += ["latest"]
        if kind is Kind.NUMBER:
            shapes += ["sum", "product", "count", "count", "total", "total", "distinct", "day"]
    match draw(st.sampled_from(shapes)):
        case "const":
            return draw(constants(kind))
        case "field":
            return draw(fields(kind, rows))
        case "sum":
            return Sum(tuple(draw(st.lists(terms(kind, rows, size - 1), min_size=2, max_size=3))))
        case "product":
            return Product(draw(terms(kind, rows, size - 1)), draw(terms(kind, rows, size - 1)))
        case "day":
            return DayNumber(draw(terms(draw(st.sampled_from([Kind.DATE, Kind.MOMENT])), rows, size - 1)))
        case "first":
            return FirstPresent(tuple(draw(st.lists(terms(kind, rows, size - 1), min_size=1, max_size=3))), kind)
        case "latest":
            return Latest(tuple(draw(st.lists(terms(kind, rows, size - 1), min_size=1, max_size=3))), kind)
        case "picked":
            source, inside = draw(sources(rows, size - 1, picked=True))
            return Picked(source, draw(terms(kind, inside, size - 2)), kind)
        case "count":
            source, inside = draw(sources(rows, size - 1))
            value = draw(st.none() | st.sampled_from(list(Kind)).flatmap(lambda each: terms(each, inside, size - 2)))
            return Aggregate(Fold.COUNT, source, value, kind)
        case "distinct":
            source, inside = draw(sources(rows, size - 1))
            of = draw(st.sampled_from([Kind.TEXT, Kind.CODE, Kind.NUMBER, Kind.ID]))
            return Aggregate(Fold.COUNT_DISTINCT, source, draw(terms(of, inside, size - 2)), kind)
        case "total":
            source, inside = draw(sources(rows, size - 1))
            return Aggregate(Fold.SUM, source, draw(terms(kind, inside, size - 2)), kind)
        case _:
            source, inside = draw(sources(rows, size - 1))
            fold = draw(st.sampled_from([Fold.MIN, Fold.MAX]))
            return Aggregate(fold, source, draw(terms(kind, inside, size - 2)), kind)


@st.composite
def predicates(draw: Any, rows: tuple[Row, ...] = (CUSTOMER,), size: int = 3) -> Any:
    """A bound predicate over the open rows: negation stands at the leaves only."""
    shapes = [
        "compare",
        "compare",
        "compare",
        "one of",
        "match",
        "present",
        "element",
        "month day",
        "segment",
        "truth",
        "native",
    ]
    if size > 0:
        shapes += ["and", "or", "and", "or", "exists", "exists", "exists", "last"]
    shape = draw(st.sampled_from(shapes))
    if shape in ("and", "or"):
        items = draw(st.lists(predicates(rows, size - 1), min_size=2, max_size=4))
        return algebra.all_of(*items) if shape == "and" else algebra.any_of(*items)
    leaf = draw(leaves(shape, rows, size))
    return algebra.negate(leaf) if draw(st.integers(0, 2)) == 0 else leaf


@st.composite
def leaves(draw: Any, shape: str, rows: tuple[Row, ...], size: int) -> Any:
    match shape:
        case "compare":
            kind = draw(st.sampled_from(list(Kind)))
            op = draw(st.sampled_from(list(Op))) if kind in _ordered else Op.EQ
            return Compare(op, draw(terms(kind, rows, size)), draw(terms(kind, rows, size)), kind)
        case "one of":
            kind = draw(st.sampled_from(list(Kind)))
            return OneOf(draw(terms(kind, rows, size)), tuple(draw(st.lists(constants(kind), max_size=3))), kind)
        case "match":
            kind = draw(st.sampled_from([Kind.TEXT, Kind.CODE]))
            how = draw(st.sampled_from(list(Match)))
            return TextMatch(how, draw(terms(kind, rows, size)), draw(terms(kind, rows, 0)), kind)
        case "present":
            return Present(draw(terms(draw(st.sampled_from(list(Kind))), rows, size)))
        case "element":
            return HasElement(
                Field(draw(st.sampled_from(rows)), "codes", Kind.CODE), draw(st.none() | constants(Kind.CODE))
            )
        case "month day":
            kind = draw(st.sampled_from([Kind.DATE, Kind.MOMENT]))
            days = draw(st.frozensets(st.sampled_from(MONTH_DAYS), max_size=4))
            return OnMonthDay(draw(terms(kind, rows, size)), days)
        case "segment":
            return InSegment(draw(st.sampled_from(SEGMENTS)))
        case "truth":
            return Truth(draw(st.booleans()))
        case "native":
            found = tuple(draw(st.lists(terms(Kind.CODE, rows, 0), max_size=3)))
            return Native("is odd", found, sql=_is_odd, python=_is_odd)
        case _:
            source, inside = draw(sources(rows, size, picked=shape == "last"))
            return Exists(source, draw(predicates(inside, size - 1)))


def _own_values(kind: Kind) -> st.SearchStrategy[Any]:
    values = st.sampled_from(VALUES[kind])
    if kind is Kind.MOMENT:
        zones = st.sampled_from([None, None, None, UTC, timezone(timedelta(hours=5, minutes=30))])
        return st.tuples(values, zones).map(lambda pair: _in_zone(*pair))
    return values


def _in_zone(moment: datetime, zone: Any) -> datetime:
    return moment if zone is None else moment.replace(tzinfo=UTC).astimezone(zone)


@st.composite
def customers(draw: Any, entity: str = "") -> dict[str, Any]:
    """A customer of right-typed values; any may be missing, as None or altogether."""
    row: dict[str, Any] = {}
    for kind, names in FIELDS.items():
        for name in names:
            match draw(st.integers(0, 5)):
                case 0:
                    row[name] = None
                case 1:
                    pass
                case _:
                    row[name] = draw(_own_values(kind))
    if draw(st.booleans()):
        row["codes"] = draw(st.lists(st.sampled_from(VALUES[Kind.CODE]), max_size=2))
    for link in LINKS.get(entity, ()):
        path = f"{entity}.{link}" if entity else link
        if link == "newsletter":
            row[link] = draw(st.none() | customers(path).map(lambda each: {**each, "id": 1}))
        elif draw(st.integers(0, 4)):
            found = draw(st.lists(customers(path), max_size=3))
            numbers = draw(st.permutations(range(1, len(found) + 1)))
            row[link] = [{**each, "id": number} for each, number in zip(found, numbers, strict=True)]
    if not entity:
        row["segments"] = draw(st.lists(st.sampled_from(SEGMENTS), unique=True))
    return row
