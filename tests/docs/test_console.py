"""Every command of the documentation prints what stands below it."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from pages import PAGES, Block, blocks


def sessions() -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == "console"]


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it prints."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            command, output = found[-1]
            found[-1] = command, output + line + "\n"
    return found


@pytest.mark.parametrize("block", sessions(), ids=lambda block: block.id)
def test_session(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from segrules.cli.group import segrules

    monkeypatch.chdir(tmp_path)
    for command, output in commands(block.text):
        program, *arguments = shlex.split(command)
        if program != "segrules" or block.remark == "not run":
            continue
        ran = CliRunner().invoke(segrules, arguments, prog_name="segrules")
        assert ran.output.rstrip() == output.rstrip()
        assert ran.exception is None or isinstance(ran.exception, SystemExit)
