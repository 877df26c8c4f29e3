"""``segrules doctor``: does a shop's mapping fit its database, and do all its words work?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from segrules.cli.database import database_option, open_engine, told
from segrules.cli.failures import Exit, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.cli.shops import shop_of_command, shop_option
from segrules.errors import RuleError, SegrulesError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.rule import Rule
    from segrules.shop import Shop
    from segrules.shop.contents import Rows
    from segrules.shop.examining import Finding
    from segrules.vocabulary import Relation

#: From so many rows on an index is missed.
MANY = 1000
#: So many customers are judged in memory as well.
SAMPLE = 100


@frozen
class Tried:
    """A condition type after it was asked once: of all its fields that are mapped whether they are set."""

    word: str
    fields: int
    missing: dict[str, str]
    reason: str | None = None
    customers: int = 0
    seconds: float = 0.0
    differing: tuple[Any, ...] = ()


@click.command(cls=Verb, short_help="Hold a mapping against its database.")
@shop_option
@database_option
@click.option("--strict", is_flag=True, help="A warning is a finding too.")
@json_option
@click.pass_context
def doctor_command(ctx: click.Context, database: str | None, strict: bool, as_json: bool) -> None:
    """Hold a shop's mapping against its database, and ask each condition type once.

    Every mapped table and column is looked for, with its type; rows are counted, times and codes are looked at,
    missing indexes are named. Some customers are judged in memory as well, which has to give the same answers.
    Nothing is written. Exit code 1 when something is wrong; with --strict also when something is odd.

    JSON: {"database", "relations": [{"path", "table", "rows", "lost"}], "conditions": [{"word", "fields", "missing":
    {field: reason}, "reason", "customers", "seconds", "differing": [id]}], "findings": [{"level", "place",
    "message"}], "errors", "warnings"}
    """
    shop = shop_of_command(None)
    engine = open_engine(database)
    with told(engine):
        rows, findings = _looked(shop, engine)
        tried = [] if any(map(_is_error, findings)) else list(_tried_all(shop, engine))
    differing = [each for each in tried if each.differing]
    errors = sum(map(_is_error, findings)) + len(differing)
    warnings = len(findings) - sum(map(_is_error, findings))
    where = engine.url.render_as_string(hide_password=True)
    if as_json:
        echo_json(
            {
                "database": where,
                "relations": [
                    {"path": each.path, "table": each.table, "rows": each.count, "lost": each.lost} for each in rows
                ],
                "conditions": [_to_json(each) for each in tried],
                "findings": [
                    {"level": each.level.value, "place": each.place, "message": each.message} for each in findings
                ],
                "errors": errors,
                "warnings": warnings,
            }
        )
    else:
        _report(where, rows, tried, findings)
        click.echo(_summary(errors, warnings))
    ctx.exit(Exit.FINDINGS if errors or (strict and warnings) else Exit.FINE)


def _looked(shop: Shop, engine: sa.Engine) -> tuple[list[Rows], list[Finding]]:
    """The rows of each relation, and what is wrong or odd; contents only where the names are right."""
    from segrules.shop import DeclaredShop
    from segrules.shop.checking import problems
    from segrules.shop.contents import counted, odd_contents
    from segrules.shop.examining import Finding, Level, errors, examined

    if not isinstance(shop, DeclaredShop):
        return [], [Finding(Level.ERROR, "the default shop", each) for each in problems(shop.mapping, engine)]
    declaration = shop.declaration
    findings = examined(declaration, engine)
    if any(errors(findings)):
        return [], [each for each in findings if not each.for_speed]
    now = datetime.now(UTC).replace(tzinfo=None)
    with engine.connect() as connection:
        rows = list(counted(declaration, shop.mapping, connection))
        findings += odd_contents(declaration, shop.mapping, connection, now)
    many = {each.path for each in rows if each.count >= MANY}
    return rows, [each for each in findings if not each.for_speed or each.path in many]


# --- asking each condition type once ---


def _tried_all(shop: Shop, engine: sa.Engine) -> Iterator[Tried]:
    from sqlalchemy import select

    customers = shop.mapping.entity("")
    with engine.connect() as connection:
        query = select(customers.key).select_from(customers.source).order_by(customers.key).limit(SAMPLE)
        sample = list(connection.scalars(query))
        for relation in shop.vocabulary:
            if not relation.type.construct:
                yield _tried(relation, shop, connection, sample)


def _tried(relation: Relation, shop: Shop, connection: sa.Connection, sample: Sequence[Any]) -> Tried:
    from segrules.customer import Customer
    from segrules.rule import parse

    at = datetime.now(UTC)
    asked, missing = [], {}
    for name in relation.fields:
        text = _question(relation, name, shop)
        if text is None:
            continue
        try:
            rule = parse(text, shop)
            rule.select(shop, connection.dialect, at=at)
            _look_up(rule, shop)
            asked.append(text)
        except SegrulesError as error:
            missing[name] = str(error)
    if not asked:
        rows = relation.rows
        reason = next(iter(missing.values()), "it has no fields")
        if rows is not None and rows.path not in shop.mapping.entities:
            reason = f'no table for "{rows.path}" is mapped'
        return Tried(relation.word, 0, missing, reason)
    rule = parse(" or ".join(asked), shop)
    start = perf_counter()
    count = rule.count(connection, shop, at=at)
    seconds = perf_counter() - start
    found = (
        set(connection.scalars(rule.select(shop, connection.dialect, among=list(sample), at=at))) if sample else set()
    )
    matches = rule.predicate(shop, at=at)
    loaded = Customer.load_many(connection, shop, sample, needs=rule)
    differing = tuple(each["id"] for each in loaded if matches(each) != (each["id"] in found))
    return Tried(relation.word, len(asked), missing, None, count, seconds, differing)


def _look_up(rule: Rule, shop: Shop) -> None:
    """Everything that the rule reads is mapped; ShopError when something is not, even what SQL can do without."""
    from segrules.sql.loading import Needs

    for path, fields in Needs.of([rule.lowered(shop.vocabulary, None)]).as_kept(shop.mapping).entities.items():
        shop.mapping.entity(path)
        for name in fields:
            shop.mapping.stored(path, name)


def _question(relation: Relation, name: str, shop: Shop) -> str | None:
    """Whether a field is set, as a rule; None for one that cannot be asked so."""
    from segrules.condition import Choice
    from segrules.rule import parse

    many = relation.rows is not None and relation.rows.pick is None
    field = relation.fields[name]
    values = ", ".join(f'"{each}"' for each in field.values or ()) if isinstance(field, Choice) else ""
    for asked in (*([f"{{}} in ({values})"] if values else []), "{} >= 0", "{} is set", "{}"):
        inner = asked.format(name if many else f"{relation.word}.{name}")
        text = f"any {relation.word} where ({inner})" if many else inner
        try:
            parse(text, shop)
        except RuleError:
            continue
        return text
    return None


# --- what is printed ---


def _report(where: str, rows: Sequence[Rows], tried: Sequence[Tried], findings: Sequence[Finding]) -> None:
    click.echo(f"{click.style('database', bold=True)}  {where}")
    if rows:
        click.echo()
        listed = [
            [
                each.path or "customer",
                each.table,
                f"{each.count:,}",
                f"{each.lost:,} belong to nothing" if each.lost else "",
            ]
            for each in rows
        ]
        for line in table_lines(("relation", "table", "rows", ""), listed, right=(2,)):
            click.echo(line)
    if tried:
        click.echo()
        lines = [[each.word, "no" if each.reason else "yes", _time(each), _said(each)] for each in tried]
        for line in table_lines(("condition", "works", "time", "what it found"), lines, right=(2,)):
            click.echo(line)
    click.echo()
    for each in findings:
        label = click.style(each.level.value, fg="red" if _is_error(each) else "yellow", bold=True)
        click.echo(f"{label}: {each}")
    for other in tried:
        if other.differing:
            ids = ", ".join(map(str, other.differing[:5]))
            click.echo(f"{click.style('error', fg='red', bold=True)}: {other.word}: SQL and memory differ about {ids}")


def _time(tried: Tried) -> str:
    return "" if tried.reason else f"{tried.seconds:.2f} s"


def _said(tried: Tried) -> str:
    if tried.reason is not None:
        return tried.reason
    found = f"{tried.customers:,} customer{'' if tried.customers == 1 else 's'}"
    return found + (f"; not mapped: {', '.join(tried.missing)}" if tried.missing else "")


def _summary(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return click.style("The mapping fits.", fg="green")
    found = [(errors, "error"), (warnings, "warning")]
    parts = [f"{count} {word if count == 1 else word + 's'}" for count, word in found if count]
    return click.style(", ".join(parts), fg="red" if errors else "yellow")


def _is_error(finding: Finding) -> bool:
    return finding.level.value == "error"


def _to_json(tried: Tried) -> dict[str, Any]:
    return {
        "word": tried.word,
        "fields": tried.fields,
        "missing": tried.missing,
        "reason": tried.reason,
        "customers": tried.customers,
        "seconds": round(tried.seconds, 6),
        "differing": list(tried.differing),
    }
