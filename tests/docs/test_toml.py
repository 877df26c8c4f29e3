"""Every mapping file of the documentation can be read and built, and every key of one is documented."""

import tomllib

import pytest

import segrules as sr
from pages import ROOT, Block, blocks
from segrules.shop import fields, reading

PAGE = ROOT / "docs" / "mapping-file.md"


@pytest.mark.parametrize(
    "block", [block for block in blocks(PAGE) if block.language == "toml"], ids=lambda block: block.id
)
def test_a_file(block: Block) -> None:
    shop = sr.Shop.declared(tomllib.loads(block.text))
    assert "" in shop.mapping.entities


def test_every_key_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    keys = {*reading._SHOP_KEYS, *reading._RELATION_KEYS, *reading._JOIN_KEYS, *fields._FIELD_KEYS}
    words = {*fields.TIMES, *fields.MONEY}
    assert not [key for key in sorted(keys - {"statuses"}) if f"`{key}`" not in page]
    assert not [word for word in sorted(words) if f'`"{word}"`' not in page]
