"""A text that cannot be read tells its other mistakes too, and nothing that only follows from the first."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from segrules.conditions import segrules_condition_types
from segrules.errors import RuleError
from segrules.language import parse
from segrules.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(*segrules_condition_types())
CORPUS = Path(__file__).parent.parent / "corpus"
VALID = [
    case["rule"]
    for case in tomllib.loads((CORPUS / "canonical.toml").read_text(encoding="utf-8"))["case"]
    if not set("#“”'") & set(case["rule"])
]
PIECES = re.compile(r'"(?:[^"\\\n]|\\.)*"|:?\w+(?:[.-]\w+)*|[<>=!]+|\S')
WORDS = sorted({piece for rule in VALID for piece in PIECES.findall(rule) if piece[0] not in "()\"'"})


def told(rule):
    with pytest.raises(RuleError) as caught:
        parse(rule, VOCABULARY)
    return [(each.code, rule[each.span.start : each.span.end]) for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("rule", "mistakes"),
    [
        (
            "lifetime.sale > 5 and customer.created_at in last 90 dais and customer.emial is set",
            [("SEG202", "lifetime.sale"), ("SEG111", "90 dais"), ("SEG202", "customer.emial")],
        ),
        (
            "lifetime.sale > 5 && newsletter.status is subscribd",
            [("SEG202", "lifetime.sale"), ("SEG103", "&&"), ("SEG205", "subscribd")],
        ),
        (
            "lifetime.sales > and lifetime.order > 3 or",
            [("SEG101", "and"), ("SEG202", "lifetime.order"), ("SEG101", "or")],
        ),
        ("any order where () and customer.emial is set", [("SEG101", ")"), ("SEG202", "customer.emial")]),
        (
            "any of (lifetime.sale > 3, , lifetime.orders > $5,000) or lifetime.sales between 5,000 and 10,000",
            [
                ("SEG202", "lifetime.sale"),
                ("SEG101", ","),
                ("SEG103", "$5,000"),
                ("SEG114", "5,000"),
                ("SEG114", "10,000"),
            ],
        ),
        (
            "lifetime.sales between 5 an 10 and 20 and customer.emial is set",
            [("SEG101", "an"), ("SEG202", "customer.emial")],
        ),
        (
            'any order where (status is compleet and any item where (skuu = "x"',
            [("SEG108", "("), ("SEG205", "compleet"), ("SEG108", "(")],
        ),
        ("customer.emial is set) and lifetime.orders > 2", [("SEG202", "customer.emial"), ("SEG108", ")")]),
        # names that would be right if the where went on are not told
        ("any order where status is complete and grand_total > 5", [("SEG110", "status")]),
        ("any order were (status is complete) and grand_total > 5", [("SEG101", "were")]),
        ('lifetime.sales in (10, "5, 6) and lifetime.sale > 2', [("SEG104", '"5, 6) and lifetime.sale > 2')]),
        (
            "any order where (grand_total > 5 dollars and statsu is complete)",
            [("SEG101", "dollars"), ("SEG204", "statsu")],
        ),
        (
            "sum(order.grand_total wher status) > 5 and customer.emial is set",
            [("SEG101", "wher"), ("SEG202", "customer.emial")],
        ),
        ("lifetime.sales > 1 1\n# so\nand customer.emial is set", [("SEG101", "1"), ("SEG202", "customer.emial")]),
    ],
)
def test_all_mistakes_are_told_beside_one_of_syntax(rule, mistakes):
    assert told(rule) == mistakes


@st.composite
def broken(draw):
    """A rule of the corpus with one word dropped, doubled or put in, parentheses and texts left as they are."""
    pieces = PIECES.findall(draw(st.sampled_from(VALID)))
    place = draw(st.integers(0, len(pieces) - 1))
    if draw(st.booleans()):
        pieces.insert(place, draw(st.sampled_from(WORDS)))
    elif pieces[place] not in "()":
        del pieces[place]
    return " ".join(pieces)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=broken())
def test_what_stands_around_a_mistake_is_judged_as_if_it_were_right(rule):
    try:
        parse(rule, VOCABULARY)
        assume(False)
    except RuleError as error:
        assume(error.diagnostics[0].code.startswith("SEG1"))
    before, behind = "customer.emial is set and (", ") and lifetime.sale > 5 and lifetime.orders > 3"
    found = told(f"{before}{rule}{behind}")
    assert ("SEG202", "customer.emial") in found
    assert ("SEG202", "lifetime.sale") in found
    whole = f"{before}{rule}{behind}"
    with pytest.raises(RuleError) as caught:
        parse(whole, VOCABULARY)
    outside = [
        each.code
        for each in caught.value.diagnostics
        if each.span.end <= len(before) or each.span.start > len(before) + len(rule)
    ]
    assert outside == ["SEG202", "SEG202"]
