"""A way to call the command, and one small demonstration shop for all tests that only read."""

import json
import os
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import segrules as sr
from segrules.cli.group import segrules
from segrules.demo import DemoShop, loading

AT = datetime(2025, 7, 4, 12, 0, tzinfo=UTC)


class Cli:
    """Calls ``segrules`` in this process."""

    def __call__(self, *arguments, code=0, stdin=None, env=None):
        result = CliRunner().invoke(segrules, [str(each) for each in arguments], input=stdin, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments, **keywords):
        return json.loads(self(*arguments, "--json", **keywords).stdout)


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGRULES_DATABASE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Cli()


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory):
    """A SQLite file with a demonstration of 300 customers."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'demo.db'}"
    engine = sa.create_engine(url)
    sr.prepare(engine)
    loading.fill(engine, sr.Shop.default(), DemoShop(300, AT))
    engine.dispose()
    return url


@pytest.fixture
def rule_file(tmp_path):
    """Writes a rule into a file of the working folder and gives its name."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return os.path.relpath(path, tmp_path)

    return write
