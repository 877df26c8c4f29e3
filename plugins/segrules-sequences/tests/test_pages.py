"""Tutorial and results run from top to bottom, the one against a mail server; operations names what there is."""

import doctest
import re
import socket
from pathlib import Path

import pytest

from segrules_sequences.cli.group import group
from segrules_sequences.jobs import JOBS

PAGES = Path(__file__).parents[3] / "docs" / "sequences"
_BLOCK = re.compile(
    r"^(?:<!-- (?:file (?P<file>\S+)|(?P<remark>not run)) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)

pytestmark = pytest.mark.skipif(not PAGES.exists(), reason="the pages are in the repository, not in the distribution")


@pytest.mark.parametrize("name", ["tutorial", "results"])
def test_a_page(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = PAGES / f"{name}.md"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = page.read_text(encoding="utf-8").replace("8025", str(port))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": f"docs.{name}"}
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if block["file"]:
            Path(block["file"]).parent.mkdir(exist_ok=True)
            Path(block["file"]).write_text(block["text"])
        elif block["remark"]:
            continue
        elif block["language"] == "python" and ">>>" in block["text"]:
            examples = doctest.DocTestParser().get_doctest(block["text"], names, name, str(page), line)
            examples.globs = names
            runner.run(examples, out=complaints.append, clear_globs=False)
        elif block["language"] == "python":
            exec(compile("\n" * line + block["text"], str(page), "exec"), names)
    assert not complaints, "".join(complaints)
    assert runner.tries > 10


def test_operations_names_commands_and_jobs_that_there_are() -> None:
    text = "".join((PAGES / f"{name}.md").read_text(encoding="utf-8") for name in ("operations", "webhooks"))
    named = set(re.findall(r"segrules-sequences ([a-z]+)\b", text))
    assert named <= set(group.commands) and {"run", "worker", "dead", "settle"} <= named
    for name in JOBS:
        assert f"| `{name}` |" in text
