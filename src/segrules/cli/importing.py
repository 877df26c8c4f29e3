"""``segrules import``: segments of other systems as .seg files, with a report on every condition."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.database import open_engine, told
from segrules.cli.failures import Blame, Exit, Failure, Verb
from segrules.cli.output import echo_json, json_option
from segrules.cli.shops import shop_of_command, shop_option

if TYPE_CHECKING:
    from segrules.interchange.maho import Imported


@click.group("import", short_help="Take over segments of other systems.")
def import_command() -> None:
    """Take over segments of other systems as .seg files."""


@import_command.command("maho", cls=Verb, short_help="Take over segments of Maho or Magento 1.")
@click.argument("source", metavar="FILE|URL")
@click.option("--out", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the .seg files go.")
@click.option("--names", type=click.Path(path_type=Path), metavar="FILE", help="More tables as JSON, for a FILE.")
@click.option("--prefix", default="", metavar="TEXT", help="What the names of the source's tables begin with.")
@shop_option
@click.option("--timezone", metavar="ZONE", help="The zone of the shop's days.  [default: that of the shop, or UTC]")
@click.option("--replace", is_flag=True, help="Write over files that are there already.")
@json_option
@click.pass_context
def maho_command(
    ctx: click.Context,
    source: str,
    folder: Path | None,
    names: Path | None,
    prefix: str,
    timezone: str | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Take over segments of Maho, or of a Magento 1 shop with its segments, from an export or the database.

    FILE is JSON (rows of customer_segment, or several tables), CSV, or the conditions of one segment; URL is a
    database, which is only read. Without --out nothing is written, and the report shows what would be. A segment with
    anything that cannot be carried over is written inactive, with the rule false. Exit code 1 when there is one.

    JSON: {"segments": [{"id", "name", "file", "steps_file", "carried", "active", "rule", "notes": [text],
    "conditions": [{"place", "source", "carried", "rule", "differences": [name], "reason"}]}], "differences": {name:
    text}}; "carried" is exactly, with a difference, or not
    """
    from segrules.interchange.maho import Importer

    shop = shop_of_command(timezone)
    tables = _tables(source, names, prefix)
    segments = Importer(shop.vocabulary, timezone=shop.zone.key).segments(tables)
    files = _files(segments, folder or Path())
    if folder is not None:
        _write(files, replace=replace)
    if as_json:
        echo_json(_to_json(segments, folder))
    else:
        _report(segments, folder)
    lost = any(each.carried.value == "not" for each in segments)
    ctx.exit(Exit.FINDINGS if lost else Exit.FINE)


def _tables(source: str, names: Path | None, prefix: str) -> dict[str, Any]:
    from segrules.interchange.maho import read_database, read_file

    if "://" in source:
        if names is not None:
            raise Failure(Blame.USAGE, "--names goes with a FILE; a database has the names itself")
        engine = open_engine(source)
        try:
            with told(engine):
                return read_database(engine, prefix)
        finally:
            engine.dispose()
    if prefix:
        raise Failure(Blame.USAGE, "--prefix goes with the URL of a database")
    more = {} if names is None else read_file(names)
    return {**more, **read_file(Path(source))}


def _files(segments: Sequence[Imported], folder: Path) -> dict[Path, str]:
    """The text of each file by its path."""
    from segrules.interchange.maho import steps_file

    found: dict[Path, str] = {}
    for each in segments:
        path, text = _segment_file(each, folder)
        found[path] = text
        if each.steps:
            found[_steps_path(path)] = steps_file(each)
    return found


def _segment_file(imported: Imported, folder: Path) -> tuple[Path, str]:
    from segrules.segments import Mode, Segment, files

    segment = Segment(
        name=imported.name,
        title=imported.title,
        description=imported.description,
        rule=imported.rule,
        active=imported.active,
        websites=imported.websites,
        groups=imported.groups,
        mode=Mode(imported.mode),
        priority=imported.priority,
    )
    path = files.path_of(segment, folder)
    return path, files.write(segment, name=path.stem)


def _steps_path(path: Path) -> Path:
    from segrules.interchange.maho.steps import SUFFIX

    return path.with_name(path.stem + SUFFIX)


def _write(files: dict[Path, str], *, replace: bool) -> None:
    """Write all files or, where one stands in the way, none."""
    there = [str(path) for path, text in files.items() if path.exists() and not _holds(path, text)]
    if there and not replace:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise Failure(Blame.USAGE, f"{there[0]}{more} would be written over; take another folder, or --replace")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(path.name + ".new")
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, path)
    except OSError as cause:
        raise Failure(Blame.ENVIRONMENT, f"{cause.filename} cannot be written: {cause.strerror or cause}") from None


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


# --- the report ------------------------------------------------------------------------------------

_COLOURS = {"exactly": "green", "with a difference": "yellow", "not": "red"}
_HEADS = {"exactly": "carried over exactly", "with a difference": "carried over with a difference",
          "not": "NOT carried over, written inactive"}  # fmt: skip


def _report(segments: Sequence[Imported], folder: Path | None) -> None:
    from segrules.interchange.maho import DIFFERENCES

    if not segments:
        click.echo("The source has no segments.")
        return
    for each in segments:
        carried = each.carried.value
        click.echo(f"{click.style(each.name, bold=True)}: {click.style(_HEADS[carried], fg=_COLOURS[carried])}")
        for found in each.findings:
            if found.reason is not None:
                click.echo(f"  {found.place}  {found.source}\n      {click.style(found.reason, fg='red')}")
            elif found.differences:
                click.echo(f"  {found.place}  {found.source}\n      differs in: {', '.join(found.differences)}")
        for note in each.notes:
            click.echo(f"  note: {note}")
    named = dict.fromkeys(name for each in segments for found in each.findings for name in found.differences)
    if named:
        click.echo(f"\n{click.style('Differences', bold=True)}")
        for name in named:
            click.echo(f"  {name}: {DIFFERENCES[name]}")
    counts = [sum(each.carried.value == carried for each in segments) for carried in _HEADS]
    several = "" if len(segments) == 1 else "s"
    click.echo(
        f"\n{len(segments)} segment{several}: {counts[0]} exactly, {counts[1]} with a difference, {counts[2]} not"
    )
    if folder is None:
        click.echo("Nothing is written; write the files with --out FOLDER.")
    else:
        click.echo(f"Written to {folder}; go on with: segrules plan {folder}")


def _to_json(segments: Sequence[Imported], folder: Path | None) -> dict[str, Any]:
    from segrules.interchange.maho import DIFFERENCES

    def one(each: Imported) -> dict[str, Any]:
        path = None if folder is None else _segment_file(each, folder)[0]
        return {
            "id": each.id,
            "name": each.name,
            "file": None if path is None else str(path),
            "steps_file": None if path is None or not each.steps else str(_steps_path(path)),
            "carried": each.carried.value,
            "active": each.active,
            "rule": each.rule,
            "notes": list(each.notes),
            "conditions": [
                {
                    "place": found.place,
                    "source": found.source,
                    "carried": found.carried.value,
                    "rule": found.rule,
                    "differences": list(found.differences),
                    "reason": found.reason,
                }
                for found in each.findings
            ],
        }

    return {"segments": [one(each) for each in segments], "differences": dict(DIFFERENCES)}
