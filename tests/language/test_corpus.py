"""Every sentence of tests/corpus: its canonical form, or what is said about it."""

import tomllib
from pathlib import Path

import pytest

from segrules.errors import RuleError
from segrules.language import format_condition, lint, parse
from segrules.language.codes import CODES

CORPUS = Path(__file__).parent.parent / "corpus"


def cases(name):
    return tomllib.loads((CORPUS / f"{name}.toml").read_text(encoding="utf-8"))["case"]


def by_rule(case):
    return case["rule"][:60]


def found(rule, vocabulary, clock):
    try:
        return lint(parse(rule, vocabulary), vocabulary, clock)
    except RuleError as error:
        return error.diagnostics


@pytest.mark.parametrize("case", cases("canonical"), ids=by_rule)
def test_a_rule_has_one_canonical_form(case, vocabulary):
    canonical = case.get("canonical", case["rule"])
    condition = parse(case["rule"], vocabulary).condition
    assert format_condition(condition) == canonical
    again = parse(canonical, vocabulary).condition
    assert again == condition
    assert format_condition(again) == canonical


@pytest.mark.parametrize("case", [*cases("errors"), *cases("warnings")], ids=by_rule)
def test_what_is_said_about_a_rule(case, vocabulary, clock):
    rule = case["rule"]
    (diagnostic,) = found(rule, vocabulary, clock)
    assert diagnostic.code == case["code"]
    assert rule[diagnostic.span.start : diagnostic.span.end] == case["marked"]
    assert diagnostic.message == case["message"]
    assert diagnostic.hint == case.get("hint")
    corrected = None
    if diagnostic.suggestion is not None:
        span = diagnostic.suggestion.span
        corrected = rule[: span.start] + diagnostic.suggestion.text + rule[span.end :]
        assert diagnostic.code not in [each.code for each in found(corrected, vocabulary, clock)]
        if diagnostic.code == "SEG116":
            parse(corrected, vocabulary)
    assert corrected == case.get("corrected")
    assert diagnostic.message in diagnostic.render()


@pytest.mark.parametrize("code", CODES.values(), ids=lambda each: each.code)
def test_every_code_is_what_its_example_gives(code, vocabulary, clock):
    assert [each.code for each in found(code.bad, vocabulary, clock)] == [code.code]
    assert found(code.good, vocabulary, clock) == []


def test_every_code_that_is_ever_told_is_in_the_catalogue():
    import re

    import segrules.language

    folder = Path(segrules.language.__file__).parent
    told = {
        code
        for file in folder.glob("*.py")
        if file.name != "codes.py"
        for code in re.findall(r'"(SEG\d{3})"', file.read_text(encoding="utf-8"))
    }
    assert told == set(CODES)


def test_every_mistake_of_a_rule_is_told_at_once(vocabulary):
    rule = (
        'lifetime.sale > 5 and newsletter.status is subscribd and customer.created_at > "2025-01-31"\n'
        "  and any order where (totl > 5 and grand_total > 2025-1-5)\n"
        "  and customer.group in (a, 5)"
    )
    with pytest.raises(RuleError) as caught:
        parse(rule, vocabulary, name="vip.seg")
    assert [(each.code, each.start.line) for each in caught.value.diagnostics] == [
        ("SEG202", 1),
        ("SEG205", 1),
        ("SEG307", 1),
        ("SEG204", 2),
        ("SEG106", 2),
        ("SEG301", 3),
    ]
    assert "--> vip.seg:2:" in str(caught.value)
