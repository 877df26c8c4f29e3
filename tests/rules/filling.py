"""What a customer of a test does not mention: ids and harmless values for what a shop cannot do without."""

from typing import Any

LONG_AGO = "2020-01-01T00:00:00"

_HARMLESS: dict[str, dict[str, Any]] = {
    "": {"created_at": LONG_AGO, "is_active": True},
    "addresses": {"kind": "billing", "is_default": False},
    "newsletter": {"changed_at": LONG_AGO},
    "orders": {"status": "complete", "created_at": LONG_AGO, "grand_total": 0},
    "orders.refunds": {"amount": 1, "created_at": LONG_AGO},
    "carts": {"status": "active", "created_at": LONG_AGO, "updated_at": LONG_AGO},
    "product_views": {"viewed_at": LONG_AGO},
    "wishlists": {"shared": False},
    "wishlists.items": {"added_at": LONG_AGO},
}


_PRODUCTS = ("product_views", "wishlists.items")


class Numbers:
    """The ids of one customer's rows, which no other customer's rows have."""

    def __init__(self, customer: int) -> None:
        self.customer = customer
        self.used = 500

    def of(self, row: dict[str, Any]) -> int:
        """A row's own number, which keeps its place among the customer's, or a new one."""
        if "id" in row:
            return self.customer * 1000 + int(row["id"])
        self.used += 1
        return self.customer * 1000 + self.used


def filled(row: dict[str, Any], numbers: Numbers, path: str = "") -> dict[str, Any]:
    """A row with all rows below it, complete."""
    found = {**_HARMLESS.get(path, {}), **row, "id": numbers.customer if path == "" else numbers.of(row)}
    if path in _PRODUCTS:
        found.setdefault("product_id", found["id"])
    for name, value in row.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            found[name] = filled(value, numbers, below)
        elif isinstance(value, list) and name not in ("categories", "segments", "applied_rules"):
            found[name] = [filled(each, numbers, below) for each in value]
    return found
