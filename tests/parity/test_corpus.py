"""Hand-checked answers, in memory and on every backend."""

from pathlib import Path
from typing import Any

import pytest

from segrules import conditions
from segrules.testing import run_corpus
from segrules.vocabulary import Vocabulary

OURS = Vocabulary.of(*conditions.segrules_condition_types())
FILES = sorted((Path(__file__).parents[1] / "corpus" / "answers").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_corpus(file: Path, stages: Any) -> None:
    assert run_corpus(file, stages, OURS) > 10
