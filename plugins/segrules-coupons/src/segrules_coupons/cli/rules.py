"""``init``, ``save`` and ``rules``: the tables, and the sales rules in them."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import click
from segrules.cli.output import echo_json, json_option, table_lines

from segrules_coupons.cli.shared import Verb, opened, plain, store_options
from segrules_coupons.errors import SalesRuleError
from segrules_coupons.sales_rule import SalesRule


@click.command("init", cls=Verb)
@store_options
def init_command(**given: Any) -> None:
    """Make the tables of the store where they are missing."""
    with opened(given, create=True) as store:
        click.echo("there are now: " + ", ".join(sorted(store.metadata.tables)))


@click.command("save", cls=Verb)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_options
def save_command(files: tuple[Path, ...], **given: Any) -> None:
    """Store the sales rules of TOML files, all or none; those of the same key are replaced.

    Each is a table [[rule]] with the fields of a sales rule: key, amount, condition and so on.
    """
    wanted = [rule for path in files for rule in read(path)]
    with opened(given) as store:
        versions = {each.key: each.version for each in store.list()}
        saved = store.save_all([attrs.evolve(each, version=versions.get(each.key, 0)) for each in wanted])
    for each in saved:
        click.echo(f"{each.key}: {each.offer} ({'new' if each.version == 1 else f'version {each.version}'})")


def read(path: Path) -> list[SalesRule]:
    """The sales rules of a TOML file. SalesRuleError that names the file."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SalesRuleError(f"{path}: {error}") from None
    tables = document.get("rule")
    if not isinstance(tables, list) or set(document) != {"rule"}:
        raise SalesRuleError(f"{path}: it has to hold tables [[rule]], and nothing else")
    known = [name for name in attrs.fields_dict(SalesRule) if name not in ("used", "version")]
    found = []
    for place, table in enumerate(tables, start=1):
        label = table.get("key", f"number {place}")
        unknown = [name for name in table if name not in known]
        if unknown:
            raise SalesRuleError(f'{path}, rule {label}: "{unknown[0]}" means nothing; there are {", ".join(known)}')
        if "key" not in table:
            raise SalesRuleError(f"{path}, rule {label}: it has no key")
        try:
            found.append(SalesRule(**table))
        except ValueError:
            actions = ", ".join(each.value for each in type(SalesRule(key="x", amount=1).action))
            raise SalesRuleError(f"{path}, rule {label}: there is no such action; there are {actions}") from None
        except SalesRuleError as error:
            raise SalesRuleError(f"{path}, rule {label}: {error}") from None
    return found


@click.command("rules", cls=Verb)
@click.argument("key", required=False, metavar="[KEY]")
@store_options
@json_option
def rules_command(key: str | None, as_json: bool, **given: Any) -> None:
    """List the sales rules in the order in which they apply, or show one.

    JSON: {"rules": [{"key", "offer", "condition", …}]}
    """
    with opened(given) as store:
        rules = [store.get(key)] if key else list(store.list())
    if as_json:
        echo_json({"rules": [{"offer": each.offer, **plain(attrs.asdict(each))} for each in rules]})
    elif key:
        for name, value in {"offer": rules[0].offer, **attrs.asdict(rules[0])}.items():
            if value not in (None, "", False):
                click.echo(f"{name:18} {plain(value)}")
    else:
        rows = [
            (each.key, "on" if each.active else "off", str(each.priority), "yes" if each.needs_code else "no",
             str(each.used), f"{each.offer}: {' '.join(each.condition.split())}")
            for each in rules
        ]  # fmt: skip
        click.echo("\n".join(table_lines(("key", "", "priority", "code", "used", "offer"), rows, right=(2, 4))))
