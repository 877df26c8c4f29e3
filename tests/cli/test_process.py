"""The real command in a process of its own: what only shows there."""

import json
import os
import subprocess
import sys

import pytest


def run(*arguments, stdin=None, cwd=None, **environment):
    command = [sys.executable, "-m", "segrules", *arguments]
    env = {**os.environ, **environment}
    env.pop("SEGRULES_DATABASE", None)
    return subprocess.run(command, input=stdin, capture_output=True, text=True, encoding="utf-8", env=env, cwd=cwd)


def test_help_and_version_name_every_command():
    out = run("--help").stdout
    for name in ("demo", "check", "format", "sql", "count", "explain", "conditions", "plugins", "explain-code"):
        assert f"\n  {name} " in out
    assert "Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 the environment" in " ".join(out.split())
    assert run("--version").stdout.startswith("segrules ")


def test_nothing_is_coloured_when_nobody_watches(tmp_path):
    assert "\x1b" not in run("check", "-e", "lifetime.sale > 1").stdout
    made = run("demo", "--customers", "20", "--database", "shop.db", cwd=tmp_path)
    assert made.returncode == 0 and made.stderr == "" and "\x1b" not in made.stdout


@pytest.mark.parametrize(
    "command", [["check", "-e", "lifetime.sales > 5"], ["format", "-e", "true"], ["--help"], ["conditions"]]
)
def test_what_needs_no_database_imports_none(command):
    code = (
        "import sys\nfrom segrules.cli import main\n"
        f"sys.argv = ['segrules', *{command!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'sqlalchemy', 'duckdb', 'psycopg', 'pymysql', 'hypothesis', 'rich'}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]", done.stderr


def test_a_terminal_without_unicode_gets_plain_letters():
    customer = json.dumps({"id": 1})
    out = run("explain", "true", "--customer", "-", stdin=customer, PYTHONIOENCODING="ascii", PYTHONUTF8="0").stdout
    assert out.startswith("[x] member")


def test_a_reader_who_leaves_early_is_no_disaster():
    """``segrules conditions | head -1``"""
    command = f"{sys.executable} -m segrules conditions | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith("word") and "Traceback" not in done.stderr


def test_exit_codes_reach_the_shell():
    assert run("check", "-", stdin="true").returncode == 0
    assert run("check", "-", stdin="lifetime.sale > 1").returncode == 1
    assert run("check", "nosuch.seg").returncode == 2
    assert run("count", "true", "--database", "sqlite:///no.db").returncode == 3
