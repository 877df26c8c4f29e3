"""The pages about templates, security and webhooks run, from top to bottom."""

import doctest
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[4] / "docs" / "sequences"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.skipif(not PAGES.exists(), reason="the pages are in the repository, and not in the distribution")
@pytest.mark.parametrize("name", ["templates", "security", "webhooks"])
def test_page(name, monkeypatch, tmp_path):
    page = PAGES / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": f"docs.{name}"}
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    found = list(_BLOCK.finditer(text))
    for block in found:
        line = text.count("\n", 0, block.start()) + 1
        if ">>>" in block[1]:
            examples = doctest.DocTestParser().get_doctest(block[1], names, name, str(page), line)
            examples.globs = names
            runner.run(examples, out=complaints.append, clear_globs=False)
        else:
            exec(compile("\n" * line + block[1], str(page), "exec"), names)
    assert not complaints, "".join(complaints)
    assert len(found) > 3
