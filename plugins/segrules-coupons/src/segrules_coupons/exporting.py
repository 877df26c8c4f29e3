"""Codes as CSV that a spreadsheet reads as text, and never as a formula."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from segrules_coupons.coupon import Coupon
from segrules_coupons.errors import CouponError

COLUMNS = (
    "code",
    "rule",
    "batch",
    "source",
    "customer",
    "state",
    "uses",
    "max_uses",
    "starts",
    "expires",
    "created_at",
)

#: What a spreadsheet takes for the beginning of a formula, or for a separator before one.
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(file: IO[str], coupons: Iterable[Coupon]) -> int:
    """Write a line for each code below a head; how many there are."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    number = 0
    for each in coupons:
        writer.writerow([_cell(value) for value in _values(each)])
        number += 1
    return number


def _values(coupon: Coupon) -> tuple[Any, ...]:
    return (
        coupon.code, coupon.rule, coupon.batch, coupon.source, coupon.customer, coupon.state.value, coupon.used,
        coupon.max_uses, coupon.starts, coupon.expires, coupon.created_at,
    )  # fmt: skip


def _cell(value: Any) -> Any:
    """A value as text; an apostrophe goes before what a spreadsheet would work out."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.startswith(_RISKY) else text


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A file that takes its place when all is written; on an error nothing of it stays. Others cannot read it."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(partial, path)
    except OSError as cause:
        raise CouponError(f"{path} cannot be written: {cause.strerror or cause}") from cause
    finally:
        partial.unlink(missing_ok=True)
