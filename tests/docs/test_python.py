"""Every Python block of the documentation runs, page by page from top to bottom."""

import doctest
from pathlib import Path

import pytest

from pages import PAGES, blocks

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def has_python(page: Path) -> bool:
    return any(block.language == "python" for block in blocks(page))


@pytest.mark.parametrize("page", [page for page in PAGES if has_python(page)], ids=lambda page: page.name)
def test_page(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": f"docs.{page.stem}"}
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for block in blocks(page):
        if block.remark is not None and block.remark.startswith("file "):
            Path(block.remark.removeprefix("file ")).write_text(block.text, encoding="utf-8")
        if block.language != "python" or block.remark == "not run":
            continue
        if ">>>" in block.text:
            found = doctest.DocTestParser().get_doctest(block.text, names, block.id, str(page), block.line)
            found.globs = names
            runner.run(found, out=complaints.append, clear_globs=False)
        else:
            # Empty lines before it, so that a traceback shows the line of the page.
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
    assert not complaints, "".join(complaints)
