"""What can be compared with what: the sorts of values and the comparisons that each takes."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from segrules import condition
from segrules.algebra import Kind
from segrules.condition import FieldType
from segrules.errors import Span
from segrules.language.nodes import Operand


class Sort(Enum):
    """What a value is, as far as comparing is concerned."""

    NUMBER = "number"
    ID = "id"
    TEXT = "text"
    CODE = "code"
    COUNTRY = "country"
    CHOICE = "choice"
    YESNO = "yes or no"
    DATE = "date"
    MOMENT = "moment"
    ANNIVERSARY = "anniversary"
    DAYS_UNTIL = "days until"
    CATEGORIES = "categories"
    CODES = "codes"
    NAME_OR_CODE = "name or code"
    # of literals only
    DAY = "day"
    INSTANT = "instant"
    LENGTH = "length"


_SORTS: tuple[tuple[type[FieldType], Sort], ...] = (
    (condition.Id, Sort.ID),
    (condition.Country, Sort.COUNTRY),
    (condition.Code, Sort.CODE),
    (condition.Choice, Sort.CHOICE),
    (condition.YesNo, Sort.YESNO),
    (condition.Date, Sort.DATE),
    (condition.Moment, Sort.MOMENT),
    (condition.Anniversary, Sort.ANNIVERSARY),
    (condition.DaysUntil, Sort.DAYS_UNTIL),
    (condition.Categories, Sort.CATEGORIES),
    (condition.Codes, Sort.CODES),
    (condition.NameOrCode, Sort.NAME_OR_CODE),
    (condition.Text, Sort.TEXT),
)


_known_sorts: dict[type[FieldType], Sort] = {}


def sort_of(type_: type[FieldType]) -> Sort:
    """The sort of a field type, a plugin's subclasses included."""
    found = _known_sorts.get(type_)
    if found is None:
        found = next((sort for known, sort in _SORTS if issubclass(type_, known)), Sort.NUMBER)
        _known_sorts[type_] = found
    return found


EQUAL = frozenset({"=", "is"})
ORDER = frozenset({"<", "<=", ">", ">="})
TIMES = frozenset({"before", "after", "on"})
TEXTUAL = frozenset({"contains", "starts with", "ends with"})

#: The comparisons that a sort takes; besides, everything can be asked whether it ``is set``.
TAKES: dict[Sort, frozenset[str]] = {
    Sort.NUMBER: EQUAL | ORDER | {"between", "in"},
    Sort.ID: EQUAL | {"in"},
    Sort.TEXT: EQUAL | TEXTUAL | {"in"},
    Sort.CODE: EQUAL | TEXTUAL | {"in"},
    Sort.COUNTRY: EQUAL | {"in"},
    Sort.CHOICE: EQUAL | {"in"},
    Sort.YESNO: EQUAL,
    Sort.DATE: EQUAL | ORDER | TIMES | {"between", "in", "window"},
    Sort.MOMENT: EQUAL | ORDER | TIMES | {"between", "in", "window"},
    Sort.ANNIVERSARY: EQUAL | {"on", "in", "window"},
    Sort.DAYS_UNTIL: EQUAL | ORDER | {"between", "in"},
    Sort.CATEGORIES: EQUAL | {"in", "contains"},
    Sort.CODES: frozenset({"contains"}),
    Sort.NAME_OR_CODE: EQUAL | {"in", "contains"},
    Sort.DAY: EQUAL | ORDER | TIMES,
    Sort.INSTANT: EQUAL | ORDER | TIMES,
    Sort.LENGTH: EQUAL | ORDER | {"between", "in"},
}

#: The type of a parameter that stands opposite.
PARAMETER_KINDS: dict[Sort, Kind] = {
    Sort.NUMBER: Kind.NUMBER,
    Sort.ID: Kind.ID,
    Sort.TEXT: Kind.TEXT,
    Sort.CODE: Kind.CODE,
    Sort.COUNTRY: Kind.CODE,
    Sort.CHOICE: Kind.CHOICE,
    Sort.YESNO: Kind.YESNO,
    Sort.DATE: Kind.DATE,
    Sort.MOMENT: Kind.MOMENT,
    Sort.ANNIVERSARY: Kind.DATE,
    Sort.DAYS_UNTIL: Kind.NUMBER,
    Sort.CATEGORIES: Kind.TEXT,
    Sort.CODES: Kind.CODE,
    Sort.NAME_OR_CODE: Kind.TEXT,
}

#: Which sorts may stand opposite a field of a sort, besides its own.
FITS: dict[Sort, frozenset[Sort]] = {
    Sort.NUMBER: frozenset({Sort.NUMBER}),
    Sort.ID: frozenset({Sort.ID}),
    Sort.TEXT: frozenset({Sort.TEXT}),
    Sort.CODE: frozenset({Sort.CODE, Sort.COUNTRY}),
    Sort.COUNTRY: frozenset({Sort.CODE, Sort.COUNTRY}),
    Sort.CHOICE: frozenset({Sort.CHOICE}),
    Sort.YESNO: frozenset({Sort.YESNO}),
    Sort.DATE: frozenset({Sort.DATE, Sort.MOMENT, Sort.DAY}),
    Sort.MOMENT: frozenset({Sort.DATE, Sort.MOMENT, Sort.DAY, Sort.INSTANT}),
    Sort.ANNIVERSARY: frozenset({Sort.DAY}),
    Sort.DAYS_UNTIL: frozenset(),
    Sort.CATEGORIES: frozenset({Sort.CATEGORIES}),
    Sort.CODES: frozenset(),
    Sort.NAME_OR_CODE: frozenset({Sort.NAME_OR_CODE}),
}

LITERAL_NOUNS = {
    Sort.NUMBER: "a number",
    Sort.TEXT: "text",
    Sort.YESNO: "yes or no",
    Sort.DAY: "a day",
    Sort.INSTANT: "a moment",
    Sort.LENGTH: "a length of time",
}


@frozen
class Meant:
    """A value with its type: the node, its sort, how messages call it, and the choices it can have."""

    node: Operand
    sort: Sort
    noun: str
    choices: tuple[str, ...] | None = None
    literal: bool = False

    @property
    def span(self) -> Span:
        """The place in the source."""
        return self.node.span
