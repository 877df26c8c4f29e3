"""Commands about mails that come back, and addresses that get no more."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from segrules.cli.output import echo_json

from segrules_sequences.cli.group import command, opened
from segrules_sequences.mail.returned import LONGEST_REPORT, take_in


@command("returned")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
def returned(paths: Sequence[Path], as_json: bool) -> None:
    """Read mails that came back: a file with one mail each, a Maildir, or - for standard input.

    What is new in a Maildir is read, and moved to what has been seen.
    """
    done: Counter[str] = Counter()
    with opened() as sequences:
        for mail, seen in (each for path in paths for each in _mails(path)):
            found = take_in(sequences, mail)
            done.update(each.kind.value for each in found)
            done["of no mail of ours"] += not found
            if seen is not None:
                seen[0].rename(seen[1])
    if as_json:
        echo_json(dict(+done))
        return
    for word, count in (+done).items():
        click.echo(f"{count:>8,} {word}")
    if not +done:
        click.echo("nothing has come back")


@command("readmit")
@click.argument("address")
def readmit(address: str, as_json: bool) -> None:
    """Let an address be mailed again that was given up because mails came back."""
    with opened() as sequences:
        lifted = sequences.readmit(address)
    if as_json:
        echo_json({"readmitted": lifted})
    else:
        click.echo("it may be mailed again" if lifted else "it was not given up")


def _mails(path: Path) -> Iterator[tuple[bytes, tuple[Path, Path] | None]]:
    """The mails at a path, each with what a file is to be moved from and to once it has been read."""
    if str(path) == "-":
        yield sys.stdin.buffer.read(LONGEST_REPORT + 1), None
    elif path.is_dir():
        if not (path / "new").is_dir():
            raise click.UsageError(f"{path} is no Maildir: it has no folder new")
        (path / "cur").mkdir(exist_ok=True)
        for each in sorted((path / "new").iterdir()):
            yield _beginning(each), (each, path / "cur" / f"{each.name.partition(':')[0]}:2,S")
    else:
        yield _beginning(path), None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as mail:
        return mail.read(LONGEST_REPORT + 1)
