"""What importing segrules costs and shows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import segrules

HEAVY = ("sqlalchemy", "lark", "duckdb", "psycopg", "pymysql", "hypothesis", "pytest", "click", "rich")


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_pulls_in_nothing_heavy() -> None:
    assert not modules_after("import segrules") & set(HEAVY)


@pytest.mark.parametrize(
    "statement",
    [
        "import segrules.algebra, segrules.condition, segrules.clock, segrules.errors",
        "import segrules.conditions, segrules.vocabulary",
        "import segrules.memory, segrules.lowering, segrules.binding",
        "import segrules as sr; sr.Shop.default()",
    ],
)
def test_judging_in_memory_needs_no_database(statement: str) -> None:
    assert "sqlalchemy" not in modules_after(statement)


def test_parsing_and_judging_in_memory_need_no_database() -> None:
    statement = "import segrules as sr; sr.parse('lifetime.orders > 1').predicate(sr.Shop.default())({'id': 1})"
    found = modules_after(statement)
    assert "lark" in found
    assert "sqlalchemy" not in found


def test_the_public_names_are_those_declared() -> None:
    assert sorted(segrules.__all__) == segrules.__all__
    assert sorted(dir(segrules)) == segrules.__all__
    assert {*segrules._HOMES, "__version__"} == set(segrules.__all__)
    tree = ast.parse(Path(segrules.__file__).read_text(encoding="utf-8"))
    typed = {name.asname or name.name for each in tree.body if isinstance(each, ast.If) for node in each.body
             if isinstance(node, ast.ImportFrom) for name in node.names}  # fmt: skip
    assert typed == set(segrules._HOMES)


@pytest.mark.parametrize("name", segrules.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(segrules, name)
    if name not in ("__version__", "hookimpl"):
        assert value.__doc__
        assert value.__doc__.splitlines()[0].strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = segrules.nothing_of_the_kind
