"""Every rule of the documentation is what it is said to be."""

import re
from collections.abc import Iterator

import pytest

import segrules as sr
from pages import PAGES, Block, blocks


def rules() -> Iterator[tuple[Block, str]]:
    for page in PAGES:
        for block in blocks(page):
            if block.language == "segrules":
                for rule in re.split(r"\n\n+", block.text.strip()):
                    yield block, rule


RULES = [pytest.param(block, rule, id=f"{block.id} {rule[:40]!r}") for block, rule in rules()]


@pytest.mark.parametrize(("block", "rule"), RULES)
def test_rule(block: Block, rule: str) -> None:
    match block.remark:
        case None:
            assert str(sr.parse(rule)).strip() == rule
        case "rules: other spelling":
            again = str(sr.parse(rule))
            assert again != rule
            assert str(sr.parse(again)) == again
        case "rules: refused":
            with pytest.raises(sr.RuleError) as caught:
                sr.parse(rule)
            assert caught.value.diagnostics
        case other:
            raise AssertionError(f"{block.id}: the remark {other!r} means nothing")


def test_there_are_rules() -> None:
    assert len(RULES) > 40
