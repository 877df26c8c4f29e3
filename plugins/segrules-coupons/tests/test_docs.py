"""Every block of the pages about coupons does what stands below it."""

import doctest
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import segrules as sr
from attrs import frozen
from click.testing import CliRunner

from segrules_coupons.cli import main

ROOT = Path(__file__).parents[3]
PAGES = [*sorted((ROOT / "docs" / "coupons").glob("*.md")), Path(__file__).parents[1] / "README.md"]

_BLOCK = re.compile(r"(?:^<!-- (?P<remark>[^\n]*?) -->\n)?^```(?P<language>[\w-]+)\n(?P<text>.*?)^```$", re.M | re.S)

pytestmark = pytest.mark.skipif(len(PAGES) < 2, reason="the pages are in the repository, and not in the distribution")


@frozen
class Block:
    line: int
    language: str
    text: str
    remark: str | None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        yield Block(text.count("\n", 0, found.start("text")), found["language"], found["text"], found["remark"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for block in blocks(page):
        if block.remark == "not run":
            continue
        if block.language == "python" and ">>>" in block.text:
            found = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line)
            found.globs = names
            runner.run(found, out=complaints.append, clear_globs=False)
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        elif block.language == "segrules":
            for rule in re.split(r"\n\n+", block.text.strip()):
                assert str(sr.parse(rule)).strip() == rule
        elif block.language == "toml":
            assert tomllib.loads(block.text)
        elif block.language == "console":
            for line in block.text.splitlines():
                if line.startswith("$ segrules-coupons "):
                    done = CliRunner().invoke(main, line.split()[2:], prog_name="segrules-coupons")
                    assert done.exit_code == 0, done.output
    assert not complaints, "".join(complaints)


def test_every_field_reason_and_limit_is_explained() -> None:
    import attrs

    from segrules_coupons import Reason, SalesRule
    from segrules_coupons.steps import Wanted

    text = (ROOT / "docs" / "coupons" / "sales-rules.md").read_text(encoding="utf-8")
    for name in (*attrs.fields_dict(SalesRule), *attrs.fields_dict(Wanted)):
        assert name in ("used", "version") or f"`{name}`" in text, name
    for reason in Reason:
        assert f"`{reason.value}`" in text, reason
