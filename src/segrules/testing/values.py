"""The narrow ranges from which data and literals are drawn alike, so that equality and boundaries really collide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from attrs import field, frozen

from segrules.clock import Clock, DayEdge, Edge, FixedDay, Unit, add_units, naive_utc
from segrules.testing.choosing import Chooser, happens, one_of

ZONES = (
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
)

#: Moments of evaluation: an ordinary day, changes of summer time, leap days, the turn of the year, a day that was not.
PRESENTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2025-07-04T12:00:00",
        "2025-03-30T00:30:00",
        "2025-10-26T01:30:00.000001",
        "2024-02-29T23:59:59.999999",
        "2025-02-28T12:00:00",
        "2025-03-01T00:00:00",
        "2024-12-31T23:30:00",
        "2025-03-09T07:00:00",
        "2018-11-04T03:00:00",
        "2011-12-30T12:00:00",
    )
)

#: Distances in whole days, drawn for data and for ``N days ago`` alike.
DAYS = (0, 1, 2, 3, 7, 14, 28, 30, 31, 60, 90, 180, 365, 366, 400)
#: Distances in hours, likewise; the fractions are exact in minutes.
HOURS = (Decimal(1), Decimal(2), Decimal(6), Decimal("1.5"), Decimal(24), Decimal(0))
MINUTES = (Decimal(30), Decimal(1), Decimal("0.5"), Decimal(90))

AMOUNTS = tuple(
    map(Decimal, ("0", "1", "0.1", "0.2", "0.3", "2", "100", "99.9999", "100.0001", "200", "0.0001", "1000", "33.33"))
)
LARGE = tuple(map(Decimal, ("999999999999.9999", "999999999999", "123456789012.3456")))
QUANTITIES = tuple(map(Decimal, ("1", "0", "2", "0.5", "1.9999", "2.0001", "3", "10")))
WHOLES = (1, 0, 2, 3, 5, 10)
IDS = (1, 2, 3, 4, 5, 7, 8, 12)

#: Texts that differ only in case, in composition, in blanks, or in what a pattern would mean by them.
TEXTS = (
    "a", "A", "ann", "ANN", "Ann ", " ann", "ann b", "", " ", "i", "I", "İ", "ı", "İi", "ss", "ß", "ẞ", "Straße",
    "STRASSE", "σ", "ς", "Σ", "ΟΔΟΣ", "οδος", "οδοσ", "k", "K", "\u212a", "é", "É", "e\u0301", "e", "å", "\u212b",
    "%", "_", "\\", "a%b", "a_b", "axb", "a\\b", "'", '"', "it's", 'say "hi"', "😀", "a😀b", "ﬁ", "fi", "ǅ", "ǆ", "Ǆ",
    "Ა", "ა", "Ꭰ", "ꭰ", "a\tb", "a\nb", "a@b.it", "A@B.IT", "München", "MÜNCHEN", "Munchen", "0", "00",
)  # fmt: skip
CODES = (
    "A",
    "a",
    "AB",
    "A ",
    "SKU-1",
    "sku-1",
    "X%",
    "X_",
    "XY",
    "X\\",
    "É",
    "É",
    "ß",
    "b'c",
    "SUMMER",
    "SUMMER25",
    "",
)
COUNTRIES = ("GB", "IT", "US", "DE")
#: For a choice field whose values the vocabulary does not know.
UNDECLARED = ("gold", "Gold", "silver", "x_1")

#: The categories that products are in; two of them share a name, two names differ in case only.
CATEGORIES: tuple[dict[str, str], ...] = (
    {"code": "cam", "name": "Cameras"},
    {"code": "CAM", "name": "cameras"},
    {"code": "cof", "name": "Coffee"},
    {"code": "acc", "name": "ẞ%_"},
    {"code": "A", "name": "İ"},
)

ELEMENTS = ("SUMMER", "SUMMER25", "VIP", "vip", "A", "X_", "X%")
BIRTHDAYS = ((2000, 2, 29), (1980, 2, 28), (1979, 3, 1), (1990, 12, 31), (1991, 1, 1), (2000, 7, 4), (1999, 7, 11))


@frozen
class Moments:
    """The moments and days around one present in one zone."""

    clock: Clock
    _edges: dict[int, datetime] = field(factory=dict, init=False, eq=False, repr=False)

    def distance(self, chooser: Chooser) -> int:
        """Days from today: mostly ago, sometimes ahead."""
        days = one_of(chooser, DAYS)
        return days if happens(chooser, 5) else -days

    def moment(self, chooser: Chooser) -> datetime:
        """A naive UTC moment on, just before or just after a boundary that rules draw too."""
        nudge = timedelta(microseconds=(0, -1, 1)[chooser.below(3)])
        kind = chooser.below(8)
        if kind < 4:
            return self._edge(self.distance(chooser)) + nudge
        now = naive_utc(self.clock.now)
        if kind == 4:
            return now + nudge
        if kind == 5:
            hours = one_of(chooser, HOURS)
            return now - timedelta(microseconds=int(hours * 3_600_000_000)) + nudge
        if kind == 6:
            unit = one_of(chooser, (Unit.MONTH, Unit.WEEK, Unit.QUARTER, Unit.YEAR))
            day = add_units(self.clock.today, chooser.below(4) - 2, unit)
            return self._start(day if happens(chooser, 2) else day.replace(day=1)) + nudge
        return now + timedelta(days=self.distance(chooser), minutes=chooser.below(1440))

    def day(self, chooser: Chooser) -> date:
        """A calendar day that rules draw too."""
        if happens(chooser, 3):
            return date(*one_of(chooser, BIRTHDAYS))
        day = add_units(self.clock.today, self.distance(chooser), Unit.DAY)
        return add_units(day, -one_of(chooser, (0, 1, 20, 25, 40)), Unit.YEAR)

    def _edge(self, distance: int) -> datetime:
        found = self._edges.get(distance)
        if found is None:
            found = self._edges[distance] = self._start(add_units(self.clock.today, distance, Unit.DAY))
        return found

    def _start(self, day: date) -> datetime:
        return self.clock.moment_of(DayEdge(FixedDay(day), Edge.START))
