"""``manage.py segrules``: the command of this project, with its exit codes."""

import os
from unittest.mock import patch

import pytest

pytest.importorskip("django")

from django.core.management import execute_from_command_line
from django.test import override_settings

import segrules as sr


@pytest.fixture
def manage(project, capfd, monkeypatch):
    """Runs the command in this process; its exit code and what it printed."""
    monkeypatch.setattr("sys.argv", ["manage.py"])

    def run(*arguments):
        with patch.dict(os.environ), pytest.raises(SystemExit) as ended:
            execute_from_command_line(["manage.py", "segrules", *arguments])
        said = capfd.readouterr()
        return ended.value.code or 0, said.out + said.err

    return run


def test_it_counts_in_the_project_s_database(manage, people):
    code, said = manage("count", "lifetime.sales = 100", "--at", "2026-07-04T12:00Z")
    assert code == 0 and said.startswith("1 customer ")
    code, said = manage("doctor")
    assert code == 0 and "The mapping fits." in said


def test_the_settings_come_before_the_environment(manage, people, monkeypatch):
    monkeypatch.setenv("SEGRULES_DATABASE", "sqlite:////nowhere/else.sqlite3")
    monkeypatch.setenv("SEGRULES_SHOP", "nowhere.toml")
    code, said = manage("count", "lifetime.orders >= 1")
    assert code == 0 and said.startswith("1 customer ")


@pytest.mark.parametrize("database", ["default"], indirect=True)
def test_exit_codes(manage, database):
    assert manage("check", "-e", "lifetime.orders >= 1")[0] == 0
    assert manage("check", "-e", "lifetime.bought >= 1")[0] == 1
    assert manage("count", "--no-such-option")[0] == 2
    assert manage("count", "lifetime.orders >= 1", "--database", "sqlite:////nowhere/else.sqlite3")[0] == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SHOP": sr.Shop.default()}, "is made in Python: the command needs a mapping file, or a preset"),
        ({"SHOP": "oskar.toml"}, "there is no file oskar.toml"),
        ({"PREFIXES": "a_"}, 'SEGRULES has no key "PREFIXES"'),
        ({"DATABASE": "memory"}, "a database in memory cannot be opened twice"),
    ],
)
def test_mistakes_in_the_settings_are_told(given, said, manage):
    with override_settings(SEGRULES=given):
        code, output = manage("count", "lifetime.orders >= 1")
    assert code == 2 and said in output and "Traceback" not in output


def test_a_preset_has_the_days_of_the_project(manage):
    """Those of Django's TIME_ZONE, which is Rome's."""
    with override_settings(SEGRULES={"SHOP": "oscar"}):
        code, said = manage("sql", "any order where (created_at on today)", "--at", "2026-07-04T23:30Z", "--json")
    assert code == 0 and "2026-07-04T22:00" in said  # the midnight of Rome, where it is 5 July already
