"""Rules as JSON and back: nothing is lost, the published schema describes it, and every mistake has its place."""

import copy
import json
import random
from datetime import UTC, datetime
from decimal import Decimal

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segrules as sr
from segrules.errors import RuleJsonError, SegrulesError
from segrules.interchange import from_json, schema, to_json
from segrules.interchange.json_checking import mistakes_of_shape
from segrules.language import format_condition
from segrules.testing import Scene, rules

SCENE = Scene(sr.Shop.default(), datetime(2025, 7, 4, 12, tzinfo=UTC))
VALIDATOR = jsonschema.Draft202012Validator(schema())

#: One rule for each form of the language.
RULES = """
true
false
lifetime.sales > 5000 and newsletter.status is subscribed
lifetime.sales > 1 or lifetime.orders > 2 and not lifetime.refunds > 3
all of (lifetime.sales > 1, any of (lifetime.orders > 2, none of (lifetime.orders = 7)))
not (lifetime.sales > 1 or lifetime.orders > 2)
customer.email not contains "a\\"b\\\\c\\n" and customer.last_name starts with "O'" and customer.email not ends with "x"
customer.group not in (wholesale, "two words", staff)
customer.group in :groups and lifetime.sales > :limit
customer.group in ()
customer.gender is female and customer.website != :site
lifetime.sales between 1.5 and 2 * lifetime.refunds
lifetime.sales - (lifetime.refunds - 3) * -2 + 1 >= 5% of (lifetime.sales + 1)
lifetime.sales not between 0.000001 and - -1
lifetime.sales > 123456789012345.123456
customer.birthday in next 7 days and customer.birthday is today and anniversary of customer.created_at on 2024-02-29
customer.birth_date not on 2000-01-31 and customer.birth_date is set and customer.birth_date is not set
customer.created_at before 2025-01-31T10:00:05.5+02:00 and customer.created_at not after now
customer.created_at >= 1.5 hours ago and customer.created_at <= 30 minutes from now
customer.created_at in this month or customer.created_at not in last quarter or customer.created_at in last 90 days
customer.created_at between 35 days ago and yesterday and customer.created_at after 3 weeks from now
any wishlist where (shared and not shared)
any wishlist where (shared is true)
any order
no order where (status is complete)
every order where (status is complete)
at least 3 orders where (status is complete)
at most 1 order
exactly 2 order.items where (sku is "X")
first order has (coupon_code is set) and last cart has (status is active)
any product_view where (price > 500 and no order_item where (sku = product_view.sku and order.status is complete))
any order where (any item where (qty > 2 and order.status is complete))
count(order where status is complete) >= 3 and count(distinct order_item.category) > 2
sum(order.grand_total where created_at in this year) > 2 * avg(order.grand_total)
last(order.grand_total where status is complete) > max(order.subtotal) - min(order.subtotal)
order.grand_total > 100
in segment "VIP" and not in segment "a \\"b\\""
address.country is "GB" and any cart where (applied_rules contains "SUMMER")
# above
lifetime.sales > 1  # behind
""".strip()


def texts():
    *single, _, _ = RULES.split("\n")
    return [*single, "# above\nlifetime.sales > 1  # behind", COMMENTED]


COMMENTED = """\
# the whole
any of (
  # one
  lifetime.sales > 1,  # behind one
  (
    # inner
    lifetime.orders > 2  # behind inner
      and lifetime.orders > 3
  ),
  any order where (
    # a row
    status is complete
    # after the row
  ),
  # after all
)
# the end"""


def there_and_back(rule):
    document = to_json(rule)
    VALIDATOR.validate(document)
    for again in (from_json(document), from_json(json.dumps(document)), from_json(json.dumps(document).encode())):
        assert again == rule
        assert again.format() == rule.format()
    assert to_json(from_json(document)) == document


@pytest.mark.parametrize("text", texts())
def test_every_form(text):
    there_and_back(sr.parse(text))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=rules(SCENE))
def test_any_rule(made):
    there_and_back(sr.parse(format_condition(made.node)))


# --- the schema ------------------------------------------------------------------------------------


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from places(each, (*path, place))


ODD = (
    None,
    True,
    7,
    -1,
    "",
    "and",
    "x.y",
    "order",
    "# note",
    [],
    {},
    [{}],
    {"number": 1},
    {"text": "x"},
    {"parameter": "p"},
    {"condition": "constant", "value": True},
    {"condition": "any", "rows": "order"},
    {"amount": 1, "unit": "day"},
)


def damaged(document, rng):
    """A document with one change somewhere: something else put there, taken away, or added."""
    document = copy.deepcopy(document)
    path = rng.choice([each for each in places(document) if each])
    around = document
    for step in path[:-1]:
        around = around[step]
    kind = rng.randint(0, 2)
    if kind == 0 or isinstance(around, list):
        around[path[-1]] = copy.deepcopy(rng.choice(ODD))
    elif kind == 1:
        del around[path[-1]]
    else:
        around[rng.choice(("negated", "where", "unknown", "items", "field", "amount"))] = copy.deepcopy(rng.choice(ODD))
    return document


DOCUMENTS = [to_json(sr.parse(text)) for text in texts()]


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_schema_and_the_reader_agree(rng: random.Random):
    document = damaged(rng.choice(DOCUMENTS), rng)
    assert VALIDATOR.is_valid(document) is (not mistakes_of_shape(document)), document


@settings(max_examples=250, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_read_is_told(rng: random.Random):
    """What is read is exactly what was said; everything else is refused with a place that is there."""
    document = damaged(damaged(rng.choice(DOCUMENTS), rng), rng)
    try:
        rule = from_json(document)
    except RuleJsonError as error:
        told = error.mistakes
    else:
        assert from_json(to_json(rule)) == rule
        return
    assert told
    for mistake in told:
        assert found(document, mistake.pointer), mistake


def found(document, pointer):
    if not pointer:
        return True
    for step in pointer.split("/")[1:]:
        try:
            document = document[int(step) if isinstance(document, list) else step.replace("~1", "/").replace("~0", "~")]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("version", "rule", "condition", "items", "left", "right", "operator", "field", "rows", "where", "text")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_anything_at_all(value):
    for document in (value, {"version": 1, "rule": value}):
        try:
            from_json(document)
        except SegrulesError:
            continue


# --- mistakes --------------------------------------------------------------------------------------


def rule(condition):
    return {"version": 1, "rule": condition}


def compare(field, operator, **value):
    return {"condition": "compare", "left": {"field": field}, "operator": operator, "right": value}


def mistakes(document):
    with pytest.raises(RuleJsonError) as caught:
        from_json(document)
    return [str(each) for each in caught.value.mistakes]


def test_all_mistakes_of_meaning_at_once():
    document = rule(
        {
            "condition": "and",
            "items": [
                compare("liftime.sales", ">", number=1),
                compare("newsletter.status", "=", choice="subscribd"),
                {"condition": "any", "rows": "oder", "where": compare("x", "=", number=1)},
                {"condition": "any", "rows": "order", "where": compare("grand_total", "contains", text="x")},
            ],
        }
    )
    assert mistakes(document) == [
        '/rule/items/0/left/field: there is nothing called "liftime"; did you mean lifetime.sales?',
        '/rule/items/1/right/choice: newsletter.status is never "subscribd"; it is one of subscribed, unsubscribed,'
        " unconfirmed, not_active, not_subscribed",
        '/rule/items/2/rows: there are no rows called "oder"; did you mean order?',
        '/rule/items/3/where/operator: "contains" does not fit grand_total, which is an amount;'
        " an amount takes =, <, >, between, in, is set",
    ]


def test_all_mistakes_of_shape_at_once():
    document = rule(
        {
            "condition": "and",
            "items": [
                {"condition": "comparee", "left": {}},
                {"condition": "compare", "left": {"fieldd": "x"}, "operator": "==", "right": {"number": 0.75}},
                {"condition": "any", "row": "order"},
                {"condition": "constant", "value": 1, "a/b~c": 2},
            ],
        }
    )
    assert mistakes(document) == [
        "/rule/items/0/condition: there is no condition 'comparee'; did you mean \"compare\"?",
        '/rule/items/1/left: this is no value; did you mean "field"?',
        "/rule/items/1/operator: here should be one of =, <, <=, >, >=, contains, starts with, ends with",
        "/rule/items/1/right/number: here should be a number, or one written as text in digits;"
        ' a float is not exact; write "0.75" as text',
        '/rule/items/2/row: a condition "any" has no member "row"; did you mean "rows"?',
        '/rule/items/2: a condition "any" needs the member "rows"',
        '/rule/items/3/a~1b~0c: a condition "constant" has no member "a/b~c"; it may have comments',
        "/rule/items/3/value: here should be true or false",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "/: this is no JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "/: here should be a rule with a version, an object"),
        (
            '{"version": 2, "rule": {"condition": "constant", "value": true}}',
            "/version: here should be 1, the version of the form",
        ),
        ('{"version": 1, "version": 1}', '/: an object has the member "version" twice'),
        ("[" * 100_000, "/: the JSON is nested too deep"),
        (" " * 3_000_000, "/: the JSON is longer than 2048 KiB"),
    ],
)
def test_no_rule_at_all(text, message):
    assert mistakes(text) == [message]


def test_deeply_nested_objects_are_refused():
    condition = {"condition": "constant", "value": True}
    for _ in range(5_000):
        condition = {"condition": "not", "item": condition}
    (message,) = mistakes(rule(condition))
    assert message.endswith("the rule is nested deeper than 200 objects")
    condition = {"condition": "constant", "value": True}
    for _ in range(80):
        condition = {"condition": "not", "item": condition}
    assert "nested deeper than 64 levels" in mistakes(rule(condition))[0]


@pytest.mark.parametrize(
    "name", ["true", "now", "order where (true)", "a or b", "x\n# y", "order.", "1x", "", "all", "any"]
)
def test_names_are_names(name):
    """No name of the JSON can become a piece of the language."""
    for document in (
        {"condition": "field", "field": name},
        {"condition": "any", "rows": name},
        compare(name, "=", number=1),
    ):
        assert "here should be a name" in mistakes(rule(document))[0]


def test_what_is_not_negated():
    document = rule({**compare("lifetime.sales", "<=", number=1), "negated": True})
    assert mistakes(document) == ['/rule/negated: "<=" is not negated; write ">", or a condition "not"']
    document = rule({**compare("lifetime.sales", "<", number=1), "negated": True})
    assert mistakes(document)[0].startswith('/rule/operator: "before" does not fit lifetime.sales')


def test_numbers_are_exact():
    assert from_json(
        '{"version":1,"rule":{"condition":"compare","left":{"field":"lifetime.sales"},"operator":"=","right":'
        '{"number":0.1}}}'
    ) == sr.parse("lifetime.sales = 0.1")
    for value in (Decimal("0.1"), "0.1", "0.10"):
        assert from_json(rule(compare("lifetime.sales", "=", number=value))) == sr.parse("lifetime.sales = 0.1")
    assert from_json(rule(compare("lifetime.sales", "=", number=-3))) == sr.parse("lifetime.sales = -3")


def test_choices_may_be_said_as_text():
    assert from_json(rule(compare("order.status", "=", text="complete"))) == sr.parse("order.status is complete")


def test_comments_cannot_break_out():
    document = rule({"condition": "constant", "value": False, "comments": {"before": ["# x\ntrue or"]}})
    assert mistakes(document) == ["/rule/comments/before/0: here should be a line that begins with #"]
