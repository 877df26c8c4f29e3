"""The generated parts of the documentation leave nothing out."""

import importlib
import re
import sys
from types import ModuleType

import pytest

import segrules
from pages import ROOT
from segrules.cli.group import COMMANDS
from segrules.language.codes import CODES
from segrules.vocabulary import Vocabulary


@pytest.fixture(autouse=True)
def extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))


def extension(name: str) -> ModuleType:
    sys.modules.pop(name, None)
    return importlib.import_module(name)


def test_every_word_and_field_is_described() -> None:
    text = extension("condition_reference").page(Vocabulary.installed())
    for relation in Vocabulary.installed():
        assert f"\n## {relation.word}\n" in f"\n{text}"
        for name, field in relation.fields.items():
            assert f"| `{name}` |" in text
            assert field.help in text
        for example in relation.type.examples:
            assert example.rule in text


def test_every_condition_type_has_an_example() -> None:
    assert all(relation.type.examples for relation in Vocabulary.installed())


def test_every_code_is_explained() -> None:
    reference = extension("diagnostic_reference")
    errors, warnings = reference.page(warnings=False), reference.page(warnings=True)
    for code in CODES.values():
        assert f" {code.code}: {code.title}\n" in (warnings if code.is_warning else errors)


def test_every_command_has_its_help() -> None:
    text = extension("command_reference").page()
    for name in COMMANDS:
        assert f"$ segrules {name} --help\n" in text


def test_every_public_name_is_in_the_api() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    whole = set(re.findall(r"automodule:: (\S+)", text))
    single = set(re.findall(r"auto\w+:: (?:segrules\.)?(\w+)", text))
    for name, home in segrules._HOMES.items():
        assert name in single or home in whole, f"docs/api.md does not show segrules.{name}"


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`{name}`" in text, f"README.md does not name the command {name}"
