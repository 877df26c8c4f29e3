"""``segrules indexes``: the indexes that the stored segments want and the database lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Exit, Verb
from segrules.cli.output import echo_json, json_option
from segrules.cli.stores import opened, store_options

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.sql.advice import Advice


@click.command(cls=Verb, short_help="Say which indexes are missing.")
@click.option(
    "--fewest-rows",
    type=click.IntRange(1),
    default=1000,
    metavar="N",
    help="Leave out tables with fewer rows.  [default: 1000]",
)
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Create each index, see whether the database uses it and how fast it is, and drop it again. For a copy of "
    "the shop's database: building an index holds up those who write.",
)
@store_options
@json_option
@click.pass_context
def indexes_command(
    ctx: click.Context,
    fewest_rows: int,
    trying: bool,
    database: str | None,
    prefix: str,
    timezone: str,
    as_json: bool,
) -> None:
    """Say which indexes the stored segments want and the database lacks, as CREATE INDEX statements.

    A table is named when a segment looks rows up in it by columns that no index begins with, and the database's own
    plan reads the whole table for that. Exit code 1 when there is one.

    JSON: {"indexes": [{"ddl", "table", "columns", "rows", "wanted_by": [name], "tried": [{"statement", "used",
    "before", "after"}]}]}
    """
    from segrules.sql.functions import engine_name

    with opened(database, prefix, timezone) as store:
        found = store.indexes(at=datetime.now(UTC), fewest_rows=fewest_rows, trying=trying)
        dialect = store.engine.dialect
        engine = engine_name(dialect.name)
    listed = [_to_json(each, dialect) for each in found]
    if as_json:
        echo_json({"indexes": listed})
    elif listed:
        for each in listed:
            _show(each)
    elif engine == "duckdb":
        click.echo("DuckDB reads whole columns and needs no indexes for this.")
    else:
        click.echo("Nothing is lacking: no segment makes the database read a large table that an index would spare it.")
    ctx.exit(Exit.FINDINGS if listed else Exit.FINE)


def _to_json(each: Advice, dialect: sa.Dialect) -> dict[str, Any]:
    return {
        "ddl": each.ddl(dialect),
        "table": each.table.fullname,
        "columns": [column.name for column in each.columns],
        "rows": each.rows,
        "wanted_by": list(each.wanted_by),
        "tried": [
            {"statement": one.statement, "used": one.used, "before": round(one.before, 4), "after": round(one.after, 4)}
            for one in each.tried
        ],
    }


def _show(listed: dict[str, Any]) -> None:
    click.echo(listed["ddl"])
    some = listed["wanted_by"][:5]
    more = len(listed["wanted_by"]) - len(some)
    click.echo(f"    {listed['rows']:,} rows; for {', '.join(some)}{f' and {more} more' if more else ''}")
    for one in listed["tried"]:
        used = "used" if one["used"] else "NOT used"
        before, after = one["before"] * 1000, one["after"] * 1000
        click.echo(f"    {one['statement']}: {used}, {before:,.1f} ms before, {after:,.1f} ms after")
    click.echo()
