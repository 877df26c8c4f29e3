"""How answers look: JSON documents, tables and diagnostics."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import click

from segrules.errors import Diagnostic, Severity

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
    """Rows in columns below a head, two blanks apart; the columns in ``right`` end flush."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return [click.style(line(head), bold=True), *map(line, rows)]


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
