"""How answers look: JSON documents, tables and diagnostics."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from shutil import get_terminal_size
from typing import Any

import click

from segrules.errors import Diagnostic, Severity

#: How wide a table may be that no terminal shows, and how narrow its column of text may become.
_ENDLESS, _NARROWEST = 10_000, 30

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def echo_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def echo_diagnostic(diagnostic: Diagnostic, *, err: bool = False) -> None:
    """Print a diagnostic as it renders itself, its first line in colour on a terminal."""
    head, _, rest = diagnostic.render().partition("\n")
    colour = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    label, _, message = head.partition(": ")
    click.echo(f"{click.style(label, fg=colour, bold=True)}: {click.style(message, bold=True)}", err=err)
    click.echo(rest, err=err)


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as data; lines and columns count from 1, offsets from 0, both in code points."""
    suggestion = diagnostic.suggestion
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "source": diagnostic.source.name,
        "line": diagnostic.start.line,
        "column": diagnostic.start.column,
        "end_line": diagnostic.end.line,
        "end_column": diagnostic.end.column,
        "start": diagnostic.span.start,
        "end": diagnostic.span.end,
        "hint": diagnostic.hint,
        "suggestion": suggestion
        and {"text": suggestion.text, "start": suggestion.span.start, "end": suggestion.span.end},
    }


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows in columns below a head, two blanks apart; the columns in ``right`` end flush.

    The last column is text, which goes on below itself where the terminal ends.
    """
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head) - 1)]
    before = sum(widths) + 2 * len(widths)
    room = max(_NARROWEST, get_terminal_size((_ENDLESS, 24)).columns - before)

    def lines(row: Sequence[str]) -> Iterator[str]:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=False))
        )
        first, *more = textwrap.wrap(row[-1], room) or [""]
        yield "  ".join((*cells, first)).rstrip()
        yield from (" " * before + line for line in more)

    return [*(click.style(line, bold=True) for line in lines(head)), *(line for row in rows for line in lines(row))]


def plain_value(value: Any) -> Any:
    """A value as JSON takes it: numbers that must stay exact, days and moments as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def can_draw() -> bool:
    """Whether standard output takes characters beyond ASCII."""
    try:
        "✓├─".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
