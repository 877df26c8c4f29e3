"""The figures of one sequence as lines: its steps, what came of them, its variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from segrules.cli.output import table_lines

from segrules_sequences.comparing import CONFIDENCE, Comparison, Verdict
from segrules_sequences.results import Reached, Redeemed
from segrules_sequences.statistics import Figures


def steps(figures: Figures) -> list[str]:
    """Where the mails of each step stand."""
    fields = ("scheduled", "sending", "sent", "in_doubt", "failed", "skipped")
    rows = [[each.step, *(str(getattr(each, field)) for field in fields), reasons(each.reasons)]
            for each in figures.steps]  # fmt: skip
    head = ("step", "planned", "sending", "sent", "doubt", "failed", "skipped", "why")
    return list(table_lines(head, rows, right=(1, 2, 3, 4, 5, 6)))


def came_of(figures: Figures) -> Iterator[str]:
    """The goal, with mails and without."""
    if figures.mailed is None or figures.not_mailed is None:
        return
    yield f"goal {figures.goal}: {_of(figures.mailed)} mailed{_worth(figures.mailed.value)}"
    if figures.not_mailed.of:
        yield f"  {_of(figures.not_mailed)} held out{_worth(figures.not_mailed.value)}"
    if figures.against_none is not None:
        yield f"  mails against none: {compared(figures.against_none)}"


def forms(figures: Figures) -> list[str]:
    """What came of each step, and of each of its variants against the first one; nothing where there is nothing."""
    rows = []
    for step in figures.steps:
        if figures.mailed is not None or step.coupons is not None or step.variants:
            rows.append([step.step, "", str(step.sent), *_results(step.goal, step.coupons), ""])
        for each in step.variants:
            told = compared(each.against_first) if each.against_first is not None else ""
            rows.append([step.step, each.variant, str(each.sent), *_results(each.goal, each.coupons), told])
    head = ("step", "variant", "sent", "goals", "rate", "worth", "coupons", "redeemed", "revenue", "against the first")
    return list(table_lines(head, rows, right=(2, 3, 4, 5, 6, 7))) if rows else []


def compared(found: Comparison) -> str:
    """A comparison as text, in points of a hundred."""
    told = f"{_points(found.difference)} points ({CONFIDENCE} %: {_points(found.low)} to {_points(found.high)})"
    lift = (
        f", lift {100 * found.lift:+.0f} %" if found.lift is not None and found.verdict is not Verdict.TOO_SMALL else ""
    )
    return f"{told}{lift}: {found.verdict}"


def amount(value: Decimal) -> str:
    """A sum of money; nothing for none."""
    return f"{value:,.2f}" if value else ""


def reasons(counts: Any, before: str = "", after: str = "") -> str:
    """Reasons with how often they came, the most frequent first."""
    text = ", ".join(f"{count} {why}" for why, count in Counter(counts).most_common())
    return f"{before}{text}{after}" if text else ""


def _results(goal: Reached | None, coupons: Redeemed | None) -> list[str]:
    of_goal = ["", "", ""] if goal is None else [str(goal.reached), _rate(goal), amount(goal.value)]
    if coupons is None:
        return [*of_goal, "", "", ""]
    revenue = ", ".join(f"{amount(worth)} {currency}".strip() for currency, worth in sorted(coupons.revenue.items()))
    return [*of_goal, str(coupons.issued), str(coupons.redeemed), revenue]


def _of(reached: Reached) -> str:
    return f"{reached.reached:,} of {reached.of:,} ({_rate(reached) or '-'})"


def _rate(reached: Reached) -> str:
    return "" if reached.rate is None else f"{100 * reached.rate:.1f} %"


def _worth(value: Decimal) -> str:
    return f", worth {amount(value)}" if value else ""


def _points(part: float) -> str:
    return f"{100 * part:+.1f}"
