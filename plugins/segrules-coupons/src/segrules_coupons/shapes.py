"""The forms of the codes that a store has made: how a typing error is told without asking the database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock

import sqlalchemy as sa
from attrs import define, field

from segrules_coupons.errors import PatternError
from segrules_coupons.pattern import Pattern, masked
from segrules_coupons.transactions import Desk

#: So many seconds the forms are remembered.
_REMEMBERED = 300.0


def patterns(desk: Desk) -> list[Pattern]:
    """Every pattern by which codes have been made."""
    batches = desk.tables.batches
    rows = desk.connection.execute(sa.select(batches.c.pattern, batches.c.alphabet).distinct())
    return [Pattern(row.pattern, row.alphabet) for row in rows]


def check_new(desk: Desk, pattern: Pattern) -> None:
    """Codes of a new pattern are not taken for mistyped codes of another one, nor the other way round."""
    for other in patterns(desk):
        if pattern.is_confused_with(other):
            raise PatternError(
                f'codes of "{pattern.text}" could be taken for mistyped ones of "{other.text}", which is in use: '
                "choose another prefix or length"
            )
    if pattern.is_checked:
        coupons = desk.tables.coupons
        chosen = sa.select(coupons.c.code).where(coupons.c.batch_id.is_(None)).where(
            coupons.c.code.startswith(pattern.prefix, autoescape=True)
        )  # fmt: skip
        for code in desk.connection.scalars(chosen):
            if pattern.fits(code) and not pattern.is_sound(code):
                raise PatternError(
                    f'the code {masked(code)} that somebody chose would look like a mistyped one of "{pattern.text}": '
                    "choose another prefix or length"
                )


def check_chosen(desk: Desk, code: str) -> None:
    """A code that somebody chose does not look like a mistyped one of a pattern."""
    for pattern in patterns(desk):
        if pattern.fits(code) and not pattern.is_sound(code):
            raise PatternError(f'this code would look like a mistyped one of "{pattern.text}"; choose another one')


def live(desk: Desk, pattern: Pattern) -> int:
    """How many codes with the form of a pattern may be live."""
    batches, coupons = desk.tables.batches, desk.tables.coupons
    total = 0
    rows = desk.connection.execute(sa.select(batches)).all()
    for row in rows:
        other = Pattern(row.pattern, row.alphabet)
        if (other.prefix, other.random) != (pattern.prefix, pattern.random):
            continue
        if not row.personal:
            total += max(row.asked, row.made) - row.cleaned
            continue
        own = (coupons.c.rule_id == row.rule_id, coupons.c.batch_id == row.id)
        total += int(desk.connection.scalar(sa.select(sa.func.count()).select_from(coupons).where(*own)) or 0)
    return total


@define(eq=False)
class Shapes:
    """The patterns of a store as they were a while ago; a newer one fits none of them, so it does no harm."""

    _patterns: Sequence[Pattern] = ()
    _until: float = 0.0
    _lock: Lock = field(factory=Lock)

    def is_mistyped(self, desk: Desk, code: str) -> bool:
        """Whether a code has the form of a pattern with a check character, and the wrong one."""
        if time.monotonic() >= self._until:
            with self._lock:
                self._patterns = [each for each in patterns(desk) if each.is_checked]
                self._until = time.monotonic() + _REMEMBERED
        fitting = [each for each in self._patterns if each.fits(code)]
        return bool(fitting) and not any(each.is_sound(code) for each in fitting)
