"""What the source's numbers stand for: the codes of websites, stores and groups, the labels of options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from segrules.interchange.maho.operators import NotCarriedError

Rows = Iterable[Mapping[str, Any]]

#: For each kind of thing: its table, the column of its number, the column of its name, how it is called.
TABLES: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "websites": ("core_website", "website_id", "code", "website"),
        "stores": ("core_store", "store_id", "code", "store"),
        "groups": ("customer_group", "customer_group_id", "customer_group_code", "customer group"),
        "options": ("eav_attribute_option_value", "option_id", "value", "option of an attribute"),
        "templates": ("newsletter_template", "template_id", "template_code", "newsletter template"),
        "sales_rules": ("salesrule", "rule_id", "name", "sales rule"),
    }
)


@frozen
class Names:
    """The names of the source's things by kind and number."""

    known: Mapping[str, Mapping[str, str]] = field(factory=dict)

    @classmethod
    def of(cls, tables: Mapping[str, Rows]) -> Names:
        """The names in the rows of the source's tables; of an option that of the default store view."""
        known: dict[str, dict[str, str]] = {}
        for kind, (table, number, name, _) in TABLES.items():
            # that of the default store view, which has number 0, is taken last
            rows = sorted(tables.get(table, ()), key=lambda row: str(row.get("store_id", 0)) == "0")
            if rows:
                known[kind] = {str(row[number]): str(row[name]) for row in rows if row.get(name) not in (None, "")}
        return cls(known)

    def of_one(self, kind: str, number: str) -> str:
        """The name of one thing; NotCarriedError when nobody told it."""
        found = self.known.get(kind, {}).get(number)
        if found is not None:
            return found
        table, _, _, noun = TABLES[kind]
        reason = "does not have it" if kind in self.known else "was not given: add it with --names"
        raise NotCarriedError(f"{noun} {number} has no name here, because the table {table} {reason}")

    def find(self, kind: str, number: object) -> str | None:
        """The name of one thing, or None."""
        return self.known.get(kind, {}).get(str(number))
