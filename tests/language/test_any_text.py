"""Arbitrary text is read or refused, nothing else; what is read has one canonical form that keeps every comment."""

import re
import string
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segrules.clock import Clock
from segrules.conditions import segrules_condition_types
from segrules.errors import RuleError, Source
from segrules.language import format_condition, lint, parse
from segrules.language.reading import comments
from segrules.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(*segrules_condition_types())
CLOCK = Clock.at(datetime(2025, 7, 4, 12, tzinfo=UTC), ZoneInfo("Europe/Rome"))
CORPUS = Path(__file__).parent.parent / "corpus"
RULES = [
    case["rule"]
    for name in ("canonical", "warnings", "errors")
    for case in tomllib.loads((CORPUS / f"{name}.toml").read_text(encoding="utf-8"))["case"]
]
VALID = [
    case["rule"]
    for name in ("canonical", "warnings")
    for case in tomllib.loads((CORPUS / f"{name}.toml").read_text(encoding="utf-8"))["case"]
]
PIECES = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*\n?|:?\w+(?:[.-]\w+)*|[<>=!]+|\S')
TOKENS = sorted({piece for rule in RULES for piece in PIECES.findall(rule)})

MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def read(rule):
    """Reads a rule, and if it can be read, checks all that holds for every rule."""
    start = time.process_time()
    try:
        parsed = parse(rule, VOCABULARY)
    except RuleError as error:
        for each in error.diagnostics:
            assert 0 <= each.span.start <= each.span.end <= len(rule)
            assert each.render()
        return
    finally:
        assert time.process_time() - start < 0.5
    for each in lint(parsed, VOCABULARY, CLOCK):
        assert each.render()
        if each.suggestion is not None:
            span = each.suggestion.span
            parse(rule[: span.start] + each.suggestion.text + rule[span.end :], VOCABULARY)
    text = format_condition(parsed.condition)
    again = parse(text, VOCABULARY)
    assert again.condition == parsed.condition
    assert again.parameters == parsed.parameters
    assert format_condition(again.condition) == text
    assert remarks(text) == remarks(rule)
    assert format_condition(parse(format_condition(parsed.condition, 20), VOCABULARY).condition) == text


def remarks(text):
    source = Source(text)
    return sorted(text[each.start : each.end].rstrip() for each in comments(source))


@MANY
@given(rule=st.text(max_size=60))
def test_any_characters(rule):
    read(rule)


@MANY
@given(rule=st.text(alphabet=string.printable + "“”≥é\u00a0\ufeff", max_size=60))
def test_characters_of_rules(rule):
    read(rule)


@MANY
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=12))
def test_token_soup(tokens):
    read(" ".join(tokens))


@st.composite
def changed(draw):
    """A rule of the corpus in which a few words were dropped, doubled, swapped or put in from elsewhere."""
    pieces = PIECES.findall(draw(st.sampled_from(RULES))) or ["true"]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(pieces) - 1))
        how = draw(st.sampled_from(["drop", "double", "put in", "replace", "swap"]))
        if how == "drop" and len(pieces) > 1:
            del pieces[place]
        elif how == "double":
            pieces.insert(place, pieces[place])
        elif how == "put in":
            pieces.insert(place, draw(st.sampled_from(TOKENS)))
        elif how == "replace":
            pieces[place] = draw(st.sampled_from(TOKENS))
        elif how == "swap":
            other = draw(st.integers(0, len(pieces) - 1))
            pieces[place], pieces[other] = pieces[other], pieces[place]
    return " ".join(pieces)


@settings(MANY, max_examples=600)
@given(rule=changed())
def test_changed_rules(rule):
    read(rule)


@st.composite
def joined(draw):
    """Rules of the corpus joined at random, with parentheses and comments strewn in between their words."""
    rules = st.sampled_from([each for each in VALID if "#" not in each])

    def combine(parts):
        return st.one_of(
            st.tuples(parts, st.sampled_from([" and ", " or ", "\nand ", "\n or\n"]), parts).map("".join),
            parts.map(lambda each: f"({each})"),
            parts.map(lambda each: f"not ({each})"),
            st.lists(parts, min_size=1, max_size=3).map(lambda each: f"any of ({', '.join(each)})"),
        )

    rule = draw(st.recursive(rules.map(lambda each: f"({each})"), combine, max_leaves=6))
    pieces = re.findall(r'"(?:[^"\\\n]|\\.)*"|“[^”]*”|\'[^\']*\'|\s+|[^\s"“\']+', rule)
    gaps = [place for place, piece in enumerate(pieces) if piece.isspace()]
    for number in range(draw(st.integers(0, min(6, len(gaps))))):
        place = draw(st.sampled_from(gaps))
        pieces[place] = draw(st.sampled_from([" # c{}\n", "\n# c{}\n", "\n  # c{}\n\n"])).format(number)
    return draw(st.sampled_from(["", "# start\n"])) + "".join(pieces) + draw(st.sampled_from(["", " # end", "\n# end"]))


@settings(MANY, max_examples=300)
@given(rule=joined())
def test_joined_rules_keep_their_comments(rule):
    parse(rule, VOCABULARY)
    read(rule)
