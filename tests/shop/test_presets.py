"""The mapping files that come along: each is sound, says what it is for, and fits the shop of its example."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import segrules as sr
from segrules.shop.presets import PRESETS
from segrules.testing.backends import fresh_or_skipped

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_sound_mapping_file(name: str) -> None:
    shop = sr.Shop.preset(name, timezone="Europe/Rome")
    assert str(shop.zone) == "Europe/Rome"
    for dialect in ("sqlite", "postgresql", "mariadb", "duckdb"):
        assert sr.parse("lifetime.sales > 5000", shop).select(shop, dialect) is not None


def test_an_unknown_preset_is_told() -> None:
    with pytest.raises(sr.ShopError, match='there is no preset "oskar"; there are maho, oscar'):
        sr.Shop.preset("oskar")


@pytest.mark.parametrize("backend", ["sqlite", "mariadb"])
@pytest.mark.parametrize("name", ["maho", "woocommerce"])
def test_the_members_are_those_worked_out_by_hand(name, backend, monkeypatch, capsys) -> None:
    """The example's own check: the same customers in SQL and in memory, and the ones that it lists."""
    check = _example(name, monkeypatch)
    with fresh_or_skipped(backend) as database:
        check.fill(database.engine)
        assert check.check(database.engine) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["maho", "woocommerce"])
def test_doctor_finds_nothing(name, monkeypatch, tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    monkeypatch.setenv("DATABASE_URL", url)
    assert _example(name, monkeypatch).main() == 0
    command = [sys.executable, "-m", "segrules.cli", "doctor", "--strict", "--shop", name, "--database", url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "The mapping fits."), ran.stdout + ran.stderr


def _example(name: str, monkeypatch):
    """The module check.py of an example, which imports its neighbour fill.py."""
    monkeypatch.syspath_prepend(EXAMPLES / name)
    monkeypatch.delitem(sys.modules, "fill", raising=False)
    found = importlib.util.spec_from_file_location(f"{name}_check", EXAMPLES / name / "check.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "fill")
    return module
