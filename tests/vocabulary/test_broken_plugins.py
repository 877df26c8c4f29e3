"""A broken plugin fails at start, by its distribution, version and entry point; it is never skipped in silence."""

import sys
from importlib.metadata import distributions
from pathlib import Path
from textwrap import dedent

import pytest

from segrules.condition import ConditionType, Rows
from segrules.errors import VocabularyError
from segrules.vocabulary import load

COMES_WITH = "from segrules import ConditionType, hookimpl\nfrom segrules.condition import Text\n"

ONE_WORD = """
class Broken(ConditionType, word="points", plural="many_points"):
    '''Points.'''

@hookimpl
def segrules_condition_types():
    return [Broken]
"""

BROKEN = {
    "raises at import": ("raise RuntimeError('no such table')", "RuntimeError: no such table"),
    "lacks its module": (None, "ModuleNotFoundError"),
    "registers what is no type": (
        "@hookimpl\ndef segrules_condition_types():\n    return ['points']",
        "which is not a subclass of segrules.ConditionType",
    ),
    "fails when it is asked": ("@hookimpl\ndef segrules_condition_types():\n    return 1 / 0", "ZeroDivisionError"),
    "has a hook that nobody knows": ("@hookimpl\ndef segrules_conditions():\n    return []", "segrules_conditions"),
    "takes a word that is taken": (ONE_WORD.replace("points", "order"), 'the word "order" is claimed twice'),
    "takes a plural that is taken": (ONE_WORD.replace("many_points", "orders"), 'the word "orders" is claimed twice'),
    "takes a word that no rule can hold": (ONE_WORD.replace('"points"', '"Loyalty Points"'), "is no word"),
}


def points(folder: Path, name: str, version: str, module: str) -> list:
    """The entry points of a distribution that is really there."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[segrules]\n{name} = {module}\n")
    return [point for dist in distributions(path=[str(folder)]) for point in dist.entry_points]


@pytest.mark.parametrize("what", BROKEN)
def test_broken_plugins_are_reported(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cause = BROKEN[what]
    module = "broken_" + what.replace(" ", "_")
    monkeypatch.syspath_prepend(tmp_path)
    if source is not None:
        (tmp_path / f"{module}.py").write_text(COMES_WITH + dedent(source))
    builtin = tmp_path / "ours"
    builtin.mkdir()
    found = [
        *points(builtin, "builtin", "0.1", "segrules.conditions"),
        *points(tmp_path, "shop-points", "2.5", module),
    ]
    with pytest.raises(VocabularyError) as caught:
        load(found)
    monkeypatch.delitem(sys.modules, module, raising=False)
    said = str(caught.value)
    assert cause in said
    assert f"shop-points 2.5, entry point shop-points = {module}" in said


def test_two_strangers_with_one_word_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in ("first-shop", "second-shop"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.syspath_prepend(folder)
        module = name.replace("-", "_") + "_plugin"
        (folder / f"{module}.py").write_text(COMES_WITH + ONE_WORD)
        found += points(folder, name, "1.0", module)
    with pytest.raises(VocabularyError, match='the word "points" is claimed twice') as caught:
        load(found)
    assert "first-shop 1.0" in str(caught.value)
    assert "second-shop 1.0" in str(caught.value)


def test_rows_are_given_where_the_class_is_opened() -> None:
    with pytest.raises(TypeError, match=r"Ticket gives its rows in the body; write class Ticket\(…, rows=Rows\(…\)\)"):

        class Ticket(ConditionType, word="ticket"):
            """Support tickets."""

            rows = Rows("tickets")
