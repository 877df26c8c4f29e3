"""The commands of stored segments, on the demonstration's kind of shop in a file."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from segrules.cli.group import segrules
from segrules.sql import prepare

from .shops import cleaned, make_store, rename

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a folder with shop.db and two files of segments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGRULES_DATABASE", "sqlite:///shop.db")
    engine = sa.create_engine("sqlite:///shop.db")
    prepare(engine)
    store = make_store(engine)
    cleaned(store, "abcabcabcabc")
    store.metadata.drop_all(engine)
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "as.seg").write_text('# title: The As\n# priority: 7\ncustomer.first_name is "a"', encoding="utf-8")
    (folder / "uk.seg").write_text('# websites: uk\nin segment "as"', encoding="utf-8")

    def command(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(segrules, [str(each) for each in arguments])
        assert result.exit_code == code, result.output
        return result

    return command


def answer(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_day_with_stored_segments(run: Run, tmp_path: Path) -> None:
    assert "there is no store" in run("segments", code=3).stderr
    planned = run("plan", "segments", code=1).stdout
    assert "create  as        0 -> 4        +4       -0" in planned
    assert "go on with: segrules apply segments" in planned
    assert "there is no store" in run("segments", code=3).stderr, "a plan makes no tables"
    applied = answer(run("apply", "segments", "--refresh", "--json"))
    assert [(each["segment"], each["members"]) for each in applied["refreshed"]] == [("as", 4), ("uk", 2)]
    assert {each["action"] for each in answer(run("plan", "segments", "--json"))["steps"]} == {"keep"}

    listed = answer(run("segments", "--json"))["segments"]
    assert [(each["name"], each["status"], each["members"]) for each in listed] == [
        ("as", "completed", 4),
        ("uk", "completed", 2),
    ]
    shown = run("segments", "as").stdout
    assert "as: The As\ncompleted, 4 members as of " in shown
    assert "used by: uk" in shown
    assert answer(run("segments", "as", "--json"))["history"][0]["entered"] == 4

    assert "1  uk       20" in run("members", "as", "--limit", 2).stdout
    assert "2 of 4 members; go on with --after 4" in run("members", "as", "--limit", 2).stdout
    assert [each["customer_id"] for each in answer(run("members", "as", "--after", 4, "--json"))["members"]] == [7, 10]
    assert "7 is a member of as" in run("members", "as", "--customer", 7).stdout
    asked = answer(run("members", "uk", "--customer", 4, "--json", code=1))
    assert asked == {
        "segment": "uk", "customer_id": 4, "member": False, "would_be_member": False, "segments": ["as"],
    }  # fmt: skip

    assert run("export", "uk", "--field", "email").stdout.splitlines()[1].endswith(",c1@example.org")
    assert answer(run("export", "as", "-o", "as.jsonl", "--json")) == {
        "segment": "as",
        "file": "as.jsonl",
        "members": 4,
    }
    assert len((tmp_path / "as.jsonl").read_text(encoding="utf-8").splitlines()) == 4

    engine = sa.create_engine("sqlite:///shop.db")
    prepare(engine)
    from segrules.segments import SegmentStore
    from segrules.shop import Shop

    rename(SegmentStore(engine, Shop.default()), {2: "a", 4: "b"})
    (tmp_path / "changed").write_text("4\n\n", encoding="utf-8")
    done = answer(run("refresh", "as", "--customers", "changed", "--json"))["segments"]
    assert (done[0]["members"], done[0]["entered"], done[0]["left"]) == (3, 0, 1)
    assert "as             4       +1    -0" in run("refresh", "--all").stdout
    assert run("refresh", "--due").stdout == "Nothing to do.\n"
    logged = run("refresh", "--due", "--log", "--at", "2099-01-01").stderr
    assert "segment=as status=completed" in logged

    (tmp_path / "segments" / "uk.seg").unlink()
    assert "ignore" in run("plan", "segments").stdout
    assert "delete" in run("apply", "segments", "--prune").stdout
    assert len(answer(run("segments", "--json"))["segments"]) == 1


def test_times_are_shown_without_fractions(run: Run) -> None:
    run("apply", "segments", "--refresh")
    fraction = re.compile(r":[0-9]{2}\.[0-9]")
    for command in (("segments",), ("segments", "as"), ("members", "as")):
        assert not fraction.search(run(*command).stdout)
    assert fraction.search(run("members", "as", "--json").stdout)


def test_a_customer_or_website_that_is_not_there(run: Run, tmp_path: Path) -> None:
    run("apply", "segments", "--refresh")
    assert "2 is no member of as" in run("members", "as", "--customer", 2, code=1).stdout
    assert "there is no customer 999 in this shop" in run("members", "as", "--customer", 999, code=2).stderr
    wrong = 'there is no website "ukk": did you mean "uk"?'
    for command in (("members", "as"), ("export", "as"), ("count", "-e", "true"), ("explain", "-e", "true", 1)):
        assert wrong in run(*command, "--website", "ukk", code=2).stderr
    (tmp_path / "segments" / "uk.seg").write_text("# websites: main, ukk\ntrue", encoding="utf-8")
    assert f'the segment "uk": {wrong}' in run("plan", "segments", code=2).stderr
    assert f'the segment "uk": {wrong}' in run("apply", "segments", code=2).stderr


def test_what_goes_wrong(run: Run, tmp_path: Path) -> None:
    run("apply", "segments")
    assert "say which segments" in run("refresh", code=2).stderr
    assert 'no segment "a"' in run("refresh", "a", code=2).stderr
    assert "there is no folder nowhere" in run("plan", "nowhere", code=2).stderr
    (tmp_path / "segments" / "as.seg").write_text("nonsense > 1", encoding="utf-8")
    assert "segments/as.seg:1:1" in run("plan", "segments", code=1).stderr
    engine = sa.create_engine("sqlite:///shop.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE segrules_segments SET rule = 'nonsense > 1' WHERE name = 'as'")
    failed = run("refresh", "--all", code=1)
    assert "uk             0" in failed.stdout
    assert "nonsense" in failed.stderr
    assert "nonsense" in run("segments", code=1).stderr


def test_members_that_time_changes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "segments" / "as.seg").write_text("anniversary of customer.created_at is today", encoding="utf-8")
    run("apply", "segments")
    run("refresh", "--all", "--at", "2025-07-04")
    assert answer(run("segments", "as", "--json"))["segments"][0]["next_change_at"] is None
    run("refresh", "--all", "--lag", 10, "--at", "2025-07-04")
    assert answer(run("segments", "as", "--json"))["segments"][0]["next_change_at"] == "2026-01-01T00:00:00Z"
    assert "changes next: 2026-01-01T00:00:00Z" in run("segments", "as").stdout
    yearly = ("refresh", "--due", "--schedule", "0 5 2 7 *", "--lag", 10, "--at")
    assert run(*yearly, "2026-01-01T00:09").stdout == "Nothing to do.\n"
    assert [each["segment"] for each in answer(run(*yearly, "2026-01-01T00:10", "--json"))["segments"]] == ["as", "uk"]


def test_a_bar_on_a_terminal(run: Run, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    run("apply", "segments")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "segrules.cli", "refresh", "--all"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "Refreshing" in shown
    assert "2/2" in shown
    assert b"Refreshing" not in done.stdout
