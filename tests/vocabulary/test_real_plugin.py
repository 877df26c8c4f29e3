"""A stranger's plugin, installed as strangers' plugins are: it brings a word and a table, and passes the public kit."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "plugin_shop"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the plugin is installed, beside segrules as it is here."""
    folder = tmp_path_factory.mktemp("plugin")
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *isolation, "--target", str(folder)]
    done = subprocess.run([*command, str(PLUGIN)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


def test_it_brings_its_word(installed: dict[str, str]) -> None:
    code = "from segrules import Shop, parse; print(parse('any loyalty_event where (points > 5)', Shop.default()))"
    done = subprocess.run([sys.executable, "-c", code], env=installed, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "any loyalty_event where (points > 5)", done.stderr


def test_it_passes_the_public_kit(installed: dict[str, str], tmp_path: Path, parity_seed: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    command += ["--parity-cases", "100", "--parity-seed", parity_seed, str(PLUGIN / "tests")]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_as_short_as_promised() -> None:
    lines = [line for file in PLUGIN.rglob("*.py") for line in file.read_text().splitlines()]
    assert len(lines) <= 60
