"""``conditions``, ``plugins`` and ``explain-code``: what is there, in words."""

from importlib.metadata import Distribution, EntryPoint
from types import SimpleNamespace

import pytest

import segrules as sr
from segrules.cli import plugins
from segrules.language.codes import CODES


def test_the_overview_names_every_condition_type(cli):
    out = cli("conditions").stdout
    words = {line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")}
    assert words >= set(sr.Vocabulary.installed().relations)


def test_one_type_shows_its_fields_choices_and_examples(cli):
    out = cli("conditions", "order").stdout
    for name in sr.Vocabulary.installed().relations["order"].fields:
        assert f"order.{name}" in out
    assert "pending, processing, complete" in out and "first and last go by created_at" in out
    assert "  last order has (coupon_code is set)" in out and "``" not in out
    assert cli("conditions", "Orders").stdout == out, "the plural will do, in any case"


def test_a_table_keeps_to_the_terminal(cli):
    out = cli("conditions", env={"COLUMNS": "70"}).stdout
    assert max(map(len, out.splitlines())) <= 70
    assert cli("conditions").stdout.split() == out.split(), "and loses no word"


@pytest.mark.parametrize("word", sorted(sr.Vocabulary.installed().relations))
def test_every_type_can_be_shown(cli, word):
    assert cli("conditions", word).stdout.startswith(f"{word}: ")
    (found,) = cli.json("conditions", word)["conditions"]
    members = {"word", "plural", "help", "kind", "rows", "inside", "moment", "plugin", "fields", "examples"}
    assert set(found) == members
    assert all(set(each) == {"name", "holds", "help", "choices", "operators"} for each in found["fields"])
    assert found["kind"] in ("one", "many", "construct")


def test_a_misspelt_word_gets_a_suggestion(cli):
    assert 'did you mean "order"?' in cli("conditions", "oder", code=2).stderr
    assert "segrules conditions" in cli("conditions", "xyzzy", code=2).stderr


def test_codes_in_any_spelling(cli):
    assert (
        cli("explain-code", "SEG101").stdout
        == cli("explain-code", "101").stdout
        == cli("explain-code", "seg101").stdout
    )
    assert [line.split()[0] for line in cli("explain-code").stdout.splitlines()] == list(CODES)
    assert "there is no code" in cli("explain-code", "SEG999", code=2).stderr
    (found,) = cli.json("explain-code", "SEG101")["codes"]
    assert set(found) == {"code", "severity", "title", "explanation", "bad", "good"} and found["severity"] == "error"


def test_every_code_that_check_can_give_can_be_explained(cli):
    for code in CODES:
        assert cli("explain-code", code).stdout.startswith(f"{code}, ")


# --- plugins ---------------------------------------------------------------------------------------


class Pet(sr.ConditionType, word="pet"):
    """An animal of the customer."""


class Order(sr.ConditionType, word="order"):
    """Not the first of that name."""


class _Installed(Distribution):
    version = "2.5"
    name = "segrules-pets"

    def read_text(self, filename):
        return None

    def locate_file(self, path):
        return path


def _entry_point(name, loaded):
    """An entry point of a distribution that is not really installed."""

    class Loads(EntryPoint):
        def load(self):
            if isinstance(loaded, Exception):
                raise loaded
            return loaded

    return Loads(name, f"pets.{name}", "segrules")._for(_Installed())


def _plugin(*types):
    return SimpleNamespace(segrules_condition_types=sr.hookimpl(lambda: types))


def _install(monkeypatch, *points):
    honest = plugins.entry_points
    monkeypatch.setattr(plugins, "entry_points", lambda group: [*honest(group=group), *points])


def test_the_built_in_types_are_a_plugin_like_any_other(cli):
    found = cli.json("plugins")
    assert set(found) == {"plugins", "conflict"} and found["conflict"] is None
    first = found["plugins"][0]
    assert set(first) == {"distribution", "version", "name", "module", "words", "error"}
    assert first["distribution"] == "segrules" and first["version"] == sr.__version__ and "order" in first["words"]


def test_a_strangers_plugin_is_listed_with_its_words(cli, monkeypatch):
    _install(monkeypatch, _entry_point("pets", _plugin(Pet)))
    found = {each["distribution"]: each for each in cli.json("plugins")["plugins"]}
    assert found["segrules-pets"] == {
        "distribution": "segrules-pets",
        "version": "2.5",
        "name": "pets",
        "module": "pets.pets",
        "words": ["pet"],
        "error": None,
    }
    assert "segrules-pets" in cli("plugins").stdout


def test_a_broken_plugin_is_named_with_its_cause(cli, monkeypatch):
    _install(monkeypatch, _entry_point("pets", ImportError("no cats here")))
    result = cli("plugins", code=3)
    assert "segrules-pets 2.5" in result.stderr and "no cats here" in result.stderr
    assert "order" in result.stdout, "the others are still listed"


def test_two_plugins_with_one_word_are_a_conflict(cli, monkeypatch):
    _install(monkeypatch, _entry_point("orders", _plugin(Order)))
    assert 'the word "order" is claimed twice' in cli("plugins", code=3).stderr
    assert "claimed twice" in cli.json("plugins", code=3)["conflict"]
