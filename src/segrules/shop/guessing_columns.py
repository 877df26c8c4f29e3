"""How a column keeps a field, told from its type and from what it holds: the fields of a first mapping file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from segrules.algebra import Kind
from segrules.condition import Amount, Choice
from segrules.shop.kept import Kept
from segrules.shop.reflecting import Table

NUMBERS = (sa.Integer, sa.Numeric, sa.Float)
TEXTS = (sa.String, sa.Enum)
#: A column with more different values is no choice.
_MOST_CHOICES = 12
#: What texts say yes and no with, in lower case.
_FLAGS = (
    ("y", "n"), ("s", "n"), ("j", "n"), ("t", "f"), ("true", "false"), ("yes", "no"), ("si", "no"), ("sì", "no"),
    ("ja", "nein"), ("on", "off"), ("1", "0"),
)  # fmt: skip


class Columns:
    """Writes the fields of relations; what the statuses of orders are is told on the way."""

    def __init__(self, connection: sa.Connection, schema: str | None) -> None:
        self.connection = connection
        self.schema = schema
        self.on_sqlite = connection.dialect.name == "sqlite"
        self.canceled: list[str] | None = None
        self.closed: list[str] | None = None

    def can(self, kept: Kept, table: Table, column: str) -> bool:
        """Whether a column can keep such a field."""
        live = table.columns[column]["type"]
        is_number, is_text = isinstance(live, NUMBERS), isinstance(live, TEXTS)
        match kept.kind:
            case Kind.NUMBER:
                return is_number
            case Kind.ID:
                return isinstance(live, sa.Integer)
            case Kind.YESNO:
                return isinstance(live, (sa.Boolean, sa.Integer)) or (is_text and self.flag(table, column) is not None)
            case Kind.DATE:
                return isinstance(live, (sa.Date, sa.DateTime)) or (self.on_sqlite and is_text)
            case Kind.MOMENT:
                return isinstance(live, sa.DateTime) or is_number or (self.on_sqlite and is_text)
            case Kind.CHOICE:
                return is_text or isinstance(live, (sa.Integer, sa.Boolean))
            case _:
                return is_text

    def flag(self, table: Table, column: str) -> tuple[str, str | None] | None:
        """What a column of text holds for yes, and for no if it does; None when it holds anything else."""
        values = self._values(table, column) or []
        by_word = {str(each).strip().lower(): str(each) for each in values}
        for yes, no in _FLAGS:
            if len(by_word) == len(values) and yes in by_word and set(by_word) <= {yes, no}:
                return by_word[yes], by_word.get(no)
        return None

    def written(
        self, path: str, table: Table, name: str, kept: Kept, column: str, *, times: str, money: str
    ) -> tuple[str | None, str | None]:
        """A field as a table of the file, where its column's name does not say it all, and why it is a guess."""
        live = table.columns[column]["type"]
        at = f"column = {text(column)}"
        is_enum = isinstance(live, sa.Enum) and self.connection.dialect.name == "postgresql"
        if is_enum:  # no operator compares it with text
            at = f"sql = {text(f'{self._quoted(column)}::text')}"
        match kept.kind:
            case Kind.MOMENT:
                how, why = self.time(table, column, live)
                return (None if how == times else f'{{ {at}, kept = "{how}" }}'), why
            case Kind.DATE if isinstance(live, sa.DateTime) and not self.on_sqlite:
                return f"{{ sql = {text(f'DATE({self._quoted(column)})')} }}", None
            case Kind.NUMBER if kept.is_whole:
                return None, None
            case Kind.NUMBER:
                how, decimals, why = money_in(live, column)
                if how == "decimal" and decimals > 4:
                    return f"{{ sql = {text(f'ROUND({self._quoted(column)}, 4)')} }}", f"it has {decimals} decimals"
                is_money = isinstance(kept.type, Amount)
                usual = money if is_money else "decimal"
                if not is_money and how == "minor":
                    return None, None
                if how == usual:
                    return None, None
                return f'{{ {at}, kept = "{how}" }}', why if is_money else None
            case Kind.YESNO if isinstance(live, TEXTS):
                yes, _ = self.flag(table, column) or ("1", None)
                return f"{{ {at}, yes = {text(yes)} }}", f"{text(yes)} means yes"
            case Kind.YESNO if not isinstance(live, sa.Boolean) and self.connection.dialect.name == "postgresql":
                return f"{{ {at}, yes = 1 }}", "1 means yes"
            case Kind.CHOICE:
                value, why = self._choice(path, table, name, kept, column, at)
                return value or (f"{{ {at} }}" if is_enum else None), why
            case _:
                return f"{{ {at} }}" if is_enum else None, None

    def time(self, table: Table, column: str, live: Any) -> tuple[str, str | None]:
        """How a column keeps moments, and why that is a guess."""
        if isinstance(live, NUMBERS):
            high = self.connection.scalar(sa.select(sa.func.max(sa.column(column))).select_from(self._table(table)))
            present = datetime.now(UTC).timestamp()
            for how, units in (("epoch", 1), ("epoch_ms", 1000), ("epoch_us", 1_000_000)):
                if high is not None and 0.2 < float(high) / (present * units) < 1.5:
                    return how, None
            return "epoch", f"its largest number is {high}"
        if isinstance(live, sa.DateTime) and (live.timezone or isinstance(live, sa.TIMESTAMP)):
            aware = bool(live.timezone) or self.connection.dialect.name in ("mysql", "mariadb")
            return ("aware" if aware else "utc"), None
        return "utc", None

    def _choice(
        self, path: str, table: Table, name: str, kept: Kept, column: str, at: str
    ) -> tuple[str | None, str | None]:
        values = self._values(table, column)
        known = kept.type.values if isinstance(kept.type, Choice) else tuple(sorted(kept.read)) or None
        if values is None or (known is None and all(isinstance(each, str) for each in values)):
            return None, None
        if all(isinstance(each, str) for each in values) and set(values) <= set(known or ()):
            return None, None
        is_status = path == "orders" and name == "status"
        if kept.type is None or kept.read - {"canceled", "closed"}:
            return None, f"it holds {', '.join(map(repr, values))}; write codes for {', '.join(known or ())}"
        if all(isinstance(each, str) for each in values):
            if is_status:
                self.canceled = [each for each in values if re.search("cancel|storn|annul|fail", each.lower())]
                self.closed = [each for each in values if re.search("refund|closed|return", each.lower())]
            return f"{{ {at}, choices = {listed(values)} }}", "these are the values that it holds"
        if is_status:
            self.canceled, self.closed = [], []
        codes = ", ".join(f"{name}_{each} = {code(each)}" for each in values)
        return f"{{ {at}, codes = {{ {codes} }} }}", "give the codes names"

    def _values(self, table: Table, column: str) -> list[Any] | None:
        """The different values of a column; None when there are none, or many."""
        query: sa.Select[Any] = (
            sa.select(sa.column(column)).select_from(self._table(table)).distinct().limit(_MOST_CHOICES + 1)
        )
        found = [each for each in self.connection.scalars(query) if each is not None]
        return sorted(found, key=str) if 0 < len(found) <= _MOST_CHOICES else None

    def _quoted(self, column: str) -> str:
        return self.connection.dialect.identifier_preparer.quote(column)

    def _table(self, table: Table) -> sa.TableClause:
        return sa.table(table.name, schema=self.schema)


def money_in(live: Any, column: str) -> tuple[str, int, str | None]:
    """How a column keeps amounts, its decimals, and why that is a guess."""
    if isinstance(live, sa.Float):
        return "float", 2, None
    if isinstance(live, sa.Integer):
        sure = re.search("cent|minor|pence", column.lower())
        return "minor", 2, None if sure else "whole numbers are taken for cents"
    return "decimal", getattr(live, "scale", None) or 0, None


def text(value: str) -> str:
    """A text of TOML."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def code(value: Any) -> str:
    """A value of TOML."""
    return str(value).lower() if isinstance(value, bool) else text(value) if isinstance(value, str) else str(value)


def listed(values: Iterable[str]) -> str:
    """A list of texts of TOML."""
    return f"[{', '.join(map(text, values))}]"
