"""The grammar itself, and what reading promises about any text."""

import re
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from segrules.errors import RuleError
from segrules.language import Limits, format_condition, lint, nodes, parse
from segrules.language.reading import grammar_path, parser


def test_the_grammar_has_no_conflicts_even_when_asked(caplog):
    pytest.importorskip("interegular")
    from lark import Lark, logger

    with caplog.at_level("DEBUG", logger.name):
        Lark(grammar_path().read_text(encoding="utf-8"), parser="lalr", lexer="contextual", strict=True, debug=True)
    assert not [each for each in caplog.messages if "conflict" in each.lower()]


def test_every_keyword_ends_where_a_word_ends():
    words = re.findall(r"^[_A-Z.\d]+: /(.*[a-z].*)/i$", grammar_path().read_text(encoding="utf-8"), re.M)
    assert len(words) > 30
    assert [each for each in words if not each.endswith(("\\b", "s?\\b", "\\w*"))] == []


def test_the_parser_is_built_once():
    assert parser() is parser()


def test_importing_does_not_load_the_parser():
    code = "import sys, segrules.language; print([m for m in ('lark', 'sqlalchemy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


#: Each pair differs in one word, which must not get lost on the way.
DIFFERENT = [
    ("lifetime.sales = 5", "lifetime.sales != 5"),
    ("customer.group is a", "customer.group is not a"),
    ("not customer.group is a", "customer.group is a"),
    ("not not customer.group is a", "not customer.group is a"),
    ("customer.group in (a)", "customer.group not in (a)"),
    ("lifetime.sales between 1 and 2", "lifetime.sales not between 1 and 2"),
    ('customer.email contains "a"', 'customer.email not contains "a"'),
    ('customer.email starts with "a"', 'customer.email ends with "a"'),
    ("customer.email is set", "customer.email is not set"),
    ("customer.created_at before today", "customer.created_at after today"),
    ("customer.created_at before today", "customer.created_at not before today"),
    ("customer.created_at <= today", "customer.created_at >= today"),
    ("customer.created_at on today", "customer.created_at not on today"),
    ("customer.created_at in last 7 days", "customer.created_at in next 7 days"),
    ("customer.created_at in last 7 days", "customer.created_at not in last 7 days"),
    ("customer.created_at in last month", "customer.created_at in this month"),
    ("customer.created_at before 7 days ago", "customer.created_at before 7 days from now"),
    ("any order", "no order"),
    ("any order where (status is complete)", "every order where (status is complete)"),
    ("at least 2 orders", "at most 2 orders"),
    ("exactly 2 orders", "at most 2 orders"),
    ("first order has (status is complete)", "last order has (status is complete)"),
    ("count(distinct order.status) = 1", "count(order) = 1"),
    ("first(order.grand_total) = 1", "last(order.grand_total) = 1"),
    ("min(order.grand_total) = 1", "max(order.grand_total) = 1"),
    ("all of (true, false)", "any of (true, false)"),
    ("none of (true, false)", "any of (true, false)"),
    ("true and false", "true or false"),
    ('in segment "a"', 'not in segment "a"'),
    ("lifetime.sales + 1 > 2", "lifetime.sales - 1 > 2"),
    ("-lifetime.sales > 2", "lifetime.sales > 2"),
    ("anniversary of customer.created_at is today", "customer.created_at is today"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_no_word_gets_lost(one, other, vocabulary):
    first, second = parse(one, vocabulary).condition, parse(other, vocabulary).condition
    assert first != second
    assert format_condition(first) != format_condition(second)


def test_and_binds_before_or_and_not_before_both(vocabulary):
    condition = parse("not true and false or true", vocabulary).condition
    match condition:
        case nodes.Or(items=(nodes.And(items=(nodes.Not(), nodes.Constant())), nodes.Constant())):
            pass
        case _:
            raise AssertionError(condition)


@pytest.mark.parametrize(
    "name", ["order_count", "ordering", "android", "island", "inside", "notes", "any_of", "counter"]
)
def test_a_keyword_does_not_split_a_name(name, vocabulary):
    from segrules.condition import Quantity

    wider = vocabulary.extended(fields={"customer": {name: Quantity("A number.")}})
    assert parse(f"customer.{name} = 1", wider).condition.left.name == name


@pytest.mark.parametrize("name", ["count", "last", "any", "no", "every", "first", "exactly", "sum"])
def test_words_of_the_language_may_name_fields(name, vocabulary):
    from segrules.condition import Quantity

    wider = vocabulary.extended(fields={"order": {name: Quantity("A number.")}})
    for rule in (f"any order where ({name} > 1)", f"order.{name} > 1", f"sum(order.{name}) > 1"):
        condition = parse(rule, wider).condition
        assert parse(format_condition(condition), wider).condition == condition


@pytest.mark.parametrize("name", ["not", "and", "or", "is", "in", "where", "has", "of", "between"])
def test_behind_a_dot_every_word_is_a_name(name, vocabulary):
    from segrules.condition import Quantity

    number = {name: Quantity("A number.")}
    wider = vocabulary.extended(fields={"customer": number, "order": number})
    for rule in (
        f"customer.{name} > 3 and not customer.{name} is set",
        f"order.{name} > 1",
        f"sum(order.{name} where order.{name} > 1) > 1",
    ):
        condition = parse(rule, wider).condition
        assert parse(format_condition(condition), wider).condition == condition


@pytest.mark.parametrize(
    "words",
    [
        "all of (true)",
        "any of (true)",
        "none of (true)",
        'in segment "a"',
        'not in segment "a"',
        "at least 1 order",
        "at most 1 order",
        'customer.email starts with "a"',
        'customer.email not ends with "a"',
        "customer.created_at before 3 days from now",
        "anniversary of customer.created_at is today",
    ],
)
def test_a_comment_may_stand_between_any_two_words(words, vocabulary):
    condition = parse(words, vocabulary).condition
    pieces = words.split(" ")
    for place in range(1, len(pieces)):
        rule = " ".join(pieces[:place]) + " # with of least\n#\n" + " ".join(pieces[place:])
        parsed = parse(rule, vocabulary).condition
        text = format_condition(parsed)
        assert text.count("#") == 2
        assert parse(text, vocabulary).condition == parsed
        plain = "\n".join(each for each in text.splitlines() if not each.strip().startswith("#"))
        assert parse(plain.partition("  #")[0], vocabulary).condition == condition or "of (" in words


def test_many_signs_are_read_back(vocabulary):
    for rule in (
        "lifetime.sales > " + "-" * 40 + "5",
        "lifetime.sales > - - -(1 + 2)",
        "lifetime.sales > -(-(5% of 3))",
    ):
        condition = parse(rule, vocabulary).condition
        text = format_condition(condition)
        assert parse(text, vocabulary).condition == condition
        assert "((" not in text


def test_crlf_blanks_and_byte_order_mark(vocabulary):
    rule = "\ufefflifetime.sales\u00a0> 5\r\n\tand # why\r\n lifetime.orders > 2\r\n"
    assert format_condition(parse(rule, vocabulary).condition) == (
        "lifetime.sales > 5\n  # why\n  and lifetime.orders > 2"
    )


def test_positions_are_code_points_and_utf16(vocabulary):
    with pytest.raises(RuleError) as caught:
        parse('customer.first_name is "😀" and custmer.email is set', vocabulary)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.start.column, diagnostic.source.utf16(diagnostic.span.start)) == (32, 32)


# --- limits ----------------------------------------------------------------------------------------


def test_limits_can_be_set(vocabulary):
    for rule, limits, code in [
        ("true or false or true", Limits(source=10), "SEG401"),
        ("((true))", Limits(nesting=1), "SEG402"),
        ("customer.id in (1, 2, 3)", Limits(values=2), "SEG403"),
        ("true or false or true", Limits(conditions=2), "SEG404"),
    ]:
        with pytest.raises(RuleError) as caught:
            parse(rule, vocabulary, limits=limits)
        assert caught.value.diagnostics[0].code == code
        parse(rule, vocabulary)


@pytest.mark.parametrize("nesting", [0, 65, 1000])
def test_no_limit_is_deeper_than_reading_can_go(nesting):
    with pytest.raises(ValueError, match=f"nesting is a number of levels from 1 to 64, not {nesting}"):
        Limits(nesting=nesting)


def test_as_many_conditions_as_are_allowed(vocabulary):
    for rule in (
        " and ".join(["lifetime.sales between 1 and 2"] * 1_000),
        " or ".join(["any of (customer.id = 1,)"] * 1_000),
        "none of (" + "customer.id = 1," * 1_000 + ")",
    ):
        parse(rule, vocabulary)
        with pytest.raises(RuleError, match="more than 1000 conditions"):
            parse(f"customer.id = 1 or {rule}", vocabulary)


@pytest.mark.parametrize("given", [None, b"true", 5])
def test_what_is_no_text_is_a_mistake_of_the_program(given, vocabulary):
    with pytest.raises(TypeError, match=rf"a rule is text \(str\), not {type(given).__name__}"):
        parse(given, vocabulary)


# --- long lists ------------------------------------------------------------------------------------


def test_a_long_list_says_what_its_values_say_one_by_one(vocabulary):
    """However many plain values stand together, since together they are one word to the grammar."""
    values = ['"a"', "'b, c)'", "“d”", '"\\", \\\\"', "‘e’", '"#"', '"ü"', '"5"']
    few = [parse(f"customer.email in ({each})", vocabulary).condition.values[0] for each in values]
    for many in (1, 2, 3, 9):
        for comma in (",", " ,\n\t", ", # one, two)\n"):
            found = parse(f"customer.email in ({comma.join(values * many)}{comma})", vocabulary).condition
            assert list(found.values) == few * many
    numbers = ", ".join(["1", "2.50", "1_000"] * 20)
    for last in ("2 * 3", "-1", ":p", "(4)"):
        rule = f"lifetime.sales in ({numbers}, {last}, {numbers})"
        assert len(parse(rule, vocabulary).condition.values) == 121
    words = parse(f"customer.group in ({', '.join(['retail', 'b2b', 'Staff'] * 20)})", vocabulary).condition
    assert [each.value for each in words.values[:3]] == ["retail", "b2b", "Staff"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("5e3", "SEG105"), ("x", "SEG201"), ('"5"', "SEG307"), ("5 6", "SEG101"), ('"', "SEG104"), (",", "SEG101")],
)
@pytest.mark.parametrize("before", [3, 40])
def test_a_mistake_in_a_long_list_has_its_place(wrong, code, before, vocabulary):
    start = "lifetime.sales in (" + "10, " * before
    with pytest.raises(RuleError) as caught:
        parse(f"{start}{wrong}, {', '.join(['1'] * 40)})", vocabulary)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.span.start == len(start) + (2 if wrong == "5 6" else 0)


A = "lifetime.sales > 1000"
LARGE = {
    "ids": f"customer.id in ({','.join(map(str, range(10_000)))})",
    "conditions": " and ".join([A] * 1_000),
    "open": "(" * 65_000,
    "open and close": "(" * 32_000 + ")" * 32_000,
    "not": "not " * 16_000 + "true",
    "minus": "-" * 65_000,
    "minus with blanks": "- " * 32_000,
    "plus": "lifetime.sales > 1" + "+1" * 32_000,
    "times": "lifetime.sales > 1" + "*1" * 32_000,
    "percent of": "lifetime.sales > " + "5% of " * 10_000 + "1",
    "and": f"{A} and " * 2_500 + A,
    "unknown names": "x.a = 1 and " * 1_900 + "x.a = 1",
    "long list": "customer.id in (" + "1," * 32_000 + ")",
    "group": "any of (" + "true," * 12_000 + ")",
    "where": "any order where (" * 3_800,
    "count": "count(order where " * 3_600,
    "open quote": '"' * 65_000,
    "comments": "#\n" * 32_000 + "true",
    "blanks": " " * 65_000 + "true",
    "escaped quotes": '"' + '\\"' * 32_000,
    "parentheses in an open text": '((("' + '\\"(' * 20_000,
    "dots": "a." * 32_000 + "a = 1",
    "digits": "lifetime.sales > " + "1" * 65_000,
    "dates": "1-1-1" * 13_000,
    "names": "a " * 32_000,
    "braces": "{" * 65_000,
    "zeros": "\0" * 65_000,
    "between": "a between " * 6_500,
    "broken words": ("starts" + " " * 300) * 200,
    "words with comments": ("starts" + "#\n" * 100) * 300,
    "a word with comments": "starts" + "#\n" * 30_000,
    "escapes": 'customer.email is "' + "\\n" * 32_000 + '"',
}


@pytest.mark.parametrize("rule", LARGE.values(), ids=LARGE)
def test_no_large_text_hangs_or_crashes(rule, vocabulary):
    parse("true", vocabulary)
    start = time.process_time()
    with suppress(RuleError):
        parse(rule, vocabulary)
    assert time.process_time() - start < 1.0  # generous: the machine may be busy; linear is what matters


def test_the_deepest_rule_that_is_allowed(vocabulary):
    for rule in (
        "(" * 64 + A + ")" * 64,
        "not " * 64 + A,
        "any order where (" * 64 + "status is complete" + ")" * 64,
        "count(order where " * 64 + "status is complete" + ") > 1" * 64,
        "lifetime.sales > 1" + " + 1" * 63,
    ):
        condition = parse(rule, vocabulary).condition
        assert parse(format_condition(condition), vocabulary).condition == condition


def test_a_rule_with_countless_warnings_is_still_read(vocabulary):
    rule = "any of (" + ",".join(["lifetime.sales > 1 or lifetime.orders > 2 and customer.id = 3"] * 300) + ")"
    parsed = parse(rule, vocabulary)
    assert 100 <= len(lint(parsed, vocabulary)) <= 200


def test_a_rule_with_countless_mistakes_tells_some(vocabulary):
    with pytest.raises(RuleError) as caught:
        parse(" or ".join(f"x{number}.a = 1" for number in range(1_000)), vocabulary)
    assert len(caught.value.diagnostics) == 100
