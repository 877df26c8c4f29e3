"""What is in the wheel and in the source distribution, and what they say of themselves."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

import segrules

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built wheel and sdist: that of SEGRULES_DIST, else freshly made."""
    given = os.environ.get("SEGRULES_DIST")
    if given:
        return Path(given)
    pytest.importorskip("build")
    target = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(target), str(ROOT)], check=True, capture_output=True)
    return target


@pytest.fixture
def wheel(built: Path) -> zipfile.ZipFile:
    (found,) = built.glob("segrules-[0-9]*.whl")
    return zipfile.ZipFile(found)


def test_the_wheel_has_grammar_types_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "segrules/grammar/segrules.lark" in names
    assert "segrules/py.typed" in names
    assert "segrules/cli/__init__.py" in names
    assert {name.partition("/")[0] for name in names} == {"segrules", f"segrules-{segrules.__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    assert wheel.read("segrules/grammar/segrules.lark") == (ROOT / "grammar" / "segrules.lark").read_bytes()


def test_the_wheel_tells_its_entry_points(wheel: zipfile.ZipFile) -> None:
    text = wheel.read(f"segrules-{segrules.__version__}.dist-info/entry_points.txt").decode()
    assert "segrules = segrules.cli:main" in text
    assert "builtin = segrules.conditions" in text


def test_the_wheel_needs_no_driver(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(wheel.read(f"segrules-{segrules.__version__}.dist-info/METADATA").decode())
    needed = {
        re.split(r"[\s\[<>=!;]", each, maxsplit=1)[0]
        for each in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in each
    }
    assert needed == {"attrs", "click", "lark", "pluggy", "sqlalchemy", "tzdata"}


def test_the_source_distribution_is_complete(built: Path) -> None:
    (found,) = built.glob("segrules-[0-9]*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        *("grammar/segrules.lark", "src/segrules/py.typed", "docs/conf.py", "docs/language.md"),
        *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "tests/packaging/test_distribution.py"),
    ):
        assert needed in names


def test_the_version_is_one() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert declared == segrules.__version__ == version("segrules")


def test_the_changelog_tells_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(segrules.__version__)}\b", text, re.M)
