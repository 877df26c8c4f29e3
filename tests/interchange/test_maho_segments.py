"""Rows of the source's tables as segments: names, scope, steps, and what cannot be carried over."""

import json
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import segrules as sr
from segrules.condition import Text
from segrules.errors import InterchangeError
from segrules.interchange.maho import DIFFERENCES, Carried, Importer, read_database, read_file, steps_file
from segrules.interchange.maho.tables import read_text
from tests.interchange.source_model import PREFIX
from tests.interchange.test_serialized import serialized

WEBSITES = [{"website_id": 0, "code": "admin"}, {"website_id": 1, "code": "base"}, {"website_id": "2", "code": "uk"}]
GROUPS = [
    {"customer_group_id": 1, "customer_group_code": "General"},
    {"customer_group_id": 3, "customer_group_code": "Top"},
]


def leaf(type_, attribute, operator, value):
    return {"type": PREFIX + type_, "attribute": attribute, "operator": operator, "value": value}


def combine(*items, aggregator="all", value="1"):
    return {"type": PREFIX + "combine", "aggregator": aggregator, "value": value, "conditions": list(items)}


SALES = leaf("customer_clv", "lifetime_sales", ">", "1000")
BORN = leaf("customer_attributes", "dob", ">=", "2000-01-01")


def row(tree=None, **columns):
    stored = tree if isinstance(tree, str | None) else json.dumps(tree)
    return {"segment_id": 1, "name": "One", "conditions_serialized": stored, **columns}


def segments(*rows, importer=None, **tables):
    return (importer or Importer()).segments({"customer_segment": list(rows), **tables})


def one(tree, importer=None, **columns):
    (found,) = segments(row(tree, **columns), importer=importer, core_website=WEBSITES, customer_group=GROUPS)
    return found


# --- trees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "rule"),
    [
        (combine(SALES, BORN), "lifetime.sales > 1000 and customer.birth_date >= 2000-01-01"),
        (combine(leaf("order_items", "qty_ordered", "==", 0)), "any order_item where (qty = 0)"),
        (combine(SALES, BORN, aggregator="any"), "lifetime.sales > 1000 or customer.birth_date >= 2000-01-01"),
        (combine(SALES, BORN, value="0"), "not (lifetime.sales > 1000 and customer.birth_date >= 2000-01-01)"),
        (
            combine(SALES, BORN, aggregator="any", value=0),
            "none of (lifetime.sales > 1000, customer.birth_date >= 2000-01-01)",
        ),
        (combine(SALES, combine(), combine(combine())), "lifetime.sales > 1000"),
        (
            combine(combine(SALES, BORN), combine(SALES, BORN, aggregator="any")),
            "lifetime.sales > 1000\n  and customer.birth_date >= 2000-01-01\n"
            "  and (lifetime.sales > 1000 or customer.birth_date >= 2000-01-01)",
        ),
        (
            combine(leaf("order_items", "product_sku", "!=", "x")),
            'any order_item where (sku is set and sku is not "x")',
        ),
        (combine(leaf("order_items", "product_sku", "==", "x"), value=False), 'no order_item where (sku is "x")'),
        (
            combine(leaf("cart_attributes", "applied_rule_ids", "{}", "3")),
            'any cart where (status is active and applied_rules contains "3")',
        ),
        (
            combine(leaf("order_attributes", "coupon_code", "()", "A, B ,C")),
            'any order where (coupon_code in ("A", "B", "C"))',
        ),
        (
            combine(leaf("customer_clv", "average_order_value", "<", "50")),
            "lifetime.average_order < 50 or lifetime.orders = 0",
        ),
        (
            combine(leaf("customer_timebased", "days_without_purchase", ">", "90")),
            "activity.last_order_at is not set or activity.days_since_last_order > 90",
        ),
        (
            combine(leaf("order_attributes", "days_since_last_order", ">", "0.04")),
            "last order has (created_at before today)",
        ),
        (combine(leaf("customer_attributes", "email", "{}", 'a"b\n')), 'customer.email contains "a\\"b\\n"'),
        # SQL calls the comparison of a missing e-mail neither true nor false, and its negation too
        (
            combine(leaf("customer_attributes", "email", "==", "x"), SALES, value="0"),
            'customer.email is set and customer.email is not "x" or not lifetime.sales > 1000',
        ),
    ],
)
def test_the_rule_of_a_tree(tree, rule):
    found = one(tree)
    # the second text is what the canonical form makes of the first
    assert found.rule == sr.parse(rule).format()
    assert found.active
    assert found.carried is not Carried.NOT
    as_php = serialized_tree(tree)
    assert one(as_php).rule == found.rule


def serialized_tree(tree):
    def array(value):
        if isinstance(value, list):
            return {place: array(each) for place, each in enumerate(value)}
        return {name: array(each) for name, each in value.items()} if isinstance(value, dict) else value

    return serialized(array(tree)).decode()


def test_the_shop_may_lie_in_another_zone():
    tree = combine(
        leaf("customer_attributes", "created_at", "==", "2025-01-31"),
        leaf("order_attributes", "created_at", ">=", "2025-01-31 00:00:00"),
        leaf("customer_attributes", "days_since_registration", ">", "30"),
    )
    assert one(tree).rule == (
        "customer.created_at on 2025-01-31\n  and any order where (created_at >= 2025-01-31)\n"
        "  and customer.days_since_registration > 30"
    )
    found = one(tree, Importer(timezone="Europe/Rome"))
    assert found.rule == (
        "customer.created_at >= 2025-01-31T00:00Z\n  and customer.created_at before 2025-02-01T00:00Z\n"
        "  and any order where (created_at >= 2025-01-31T00:00Z)\n  and customer.days_since_registration > 30"
    )
    assert [each.differences for each in found.findings] == [(), (), ("zone",)]


def test_attributes_of_the_shop():
    shop = sr.Shop.default(product_attributes={"colour": Text("The colour.")})
    tree = combine(leaf("order_items", "product_colour", "==", "red"))
    assert one(tree, Importer(shop.vocabulary)).rule == 'any order_item where (colour is "red")'
    assert one(tree).findings[0].reason == 'the shop has no field order_item.colour for the product attribute "colour"'


# --- what cannot be carried over -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (
            leaf("customer_rfm", "score", ">", "3"),
            'the source has no condition class "customer_rfm" that is known here',
        ),
        (
            leaf("customer_attributes", "shoe_size", "==", "3"),
            'the attribute "shoe_size" of customer_attributes is unknown',
        ),
        (
            {"type": "salesrule/rule_condition_address", "attribute": "x"},
            'its type "salesrule/rule_condition_address" is none of the source\'s segment conditions',
        ),
        ({"attribute": "x"}, "it has no type"),
        ("text", "it is no condition: it has no type"),
        (leaf("customer_clv", None, ">", "3"), "it has no attribute"),
        (leaf("customer_attributes", "email", ">", "m"), 'text has no order here, and ">" asks for one'),
        (leaf("customer_attributes", "email", "~", "m"), 'its operator is "~", which is unknown'),
        (
            leaf("customer_attributes", "group_id", "[]", ["1"]),
            'its operator is "[]", which the source itself cannot run',
        ),
        (leaf("customer_attributes", "email", "{}", ["a", "b"]), '"{}" takes one value, and it has a list'),
        (leaf("customer_attributes", "email", "==", []), "it has no value"),
        (leaf("customer_attributes", "email", "==", None), "it has no value"),
        (leaf("customer_attributes", "email", "==", [["a"]]), "its value is neither text nor a number"),
        (leaf("customer_attributes", "group_id", "==", ""), "it has no value"),
        (
            leaf("customer_attributes", "group_id", "==", "9"),
            "customer group 9 has no name here, because the table customer_group does not have it",
        ),
        (
            leaf("customer_attributes", "store_id", "==", "1"),
            "store 1 has no name here, because the table core_store was not given: add it with --names",
        ),
        (leaf("customer_attributes", "dob", "==", "31.01.2025"), '"31.01.2025" is no date'),
        (leaf("customer_attributes", "dob", "==", "2025-02-30"), '"2025-02-30" is not in the calendar'),
        (leaf("customer_attributes", "dob", "{}", "2025"), 'a date cannot be compared with "contains" here'),
        (leaf("customer_clv", "lifetime_sales", ">", "lots"), '"lots" is no number'),
        (leaf("customer_clv", "lifetime_sales", ">", "1e3"), '"1e3" is no number'),
        (
            leaf("customer_clv", "lifetime_sales", "()", "1,2"),
            "it has a list of values, which the source itself cannot run for this attribute",
        ),
        (leaf("customer_address", "country_id", "==", "XX"), 'country is a country code; "XX" is none'),
        (
            leaf("order_attributes", "status", "==", "fraud"),
            "status is never fraud (it is one of pending, processing, complete, on_hold, closed, canceled)",
        ),
        (
            leaf("customer_newsletter", "subscriber_status", "==", "9"),
            '"9" is no value of newsletter.status; the source has 1, 2, 3, 4',
        ),
        (
            leaf("order_items", "product_name", "==", ""),
            "it has no value, and the source passes over it as if it were not there",
        ),
        (
            leaf("cart_items", "product_type", "==", "simple"),
            "the source passes over it as if it were not there, because no product attribute is called type;"
            " if it is wanted, write any cart_item where (type is …)",
        ),
        (
            leaf("cart_attributes", "applied_rule_ids", "==", "3"),
            "the ids of a cart's sales rules can be asked for one id with contains only",
        ),
        (leaf("product_viewed", "category_id", ">", "3"), 'a category cannot be compared with ">" here'),
        (combine(aggregator="some"), "its aggregator is some, neither all nor any"),
        (
            {"type": PREFIX + "combine", "aggregator": "all"},
            "it does not say whether its conditions are to be true or false",
        ),
    ],
)
def test_nothing_is_dropped(condition, reason):
    """What cannot be said makes the segment inactive and its rule false; the rest stays as a comment."""
    found = one(combine(SALES, condition), is_active="1")
    assert found.carried is Carried.NOT
    assert not found.active
    assert found.findings[1].reason is not None and found.findings[1].reason.startswith(reason)
    lines = found.rule.split("\n")
    assert lines[-1] == "false" and all(line.startswith("#") for line in lines[:-1])
    assert "#     lifetime.sales > 1000" in lines
    assert any(reason in line for line in lines)
    assert sr.parse(found.rule).format() == found.rule


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("{", "the conditions are neither JSON nor PHP's serialize"),
        ("hello", "here should be a value (at byte 0)"),
        ('O:8:"stdClass":0:{}', "an object is refused"),
        ('{"type": "a", "type": "b"}', "the conditions are JSON with one key twice"),
        ('{"type": NaN}', "the conditions are no JSON: NaN is no number"),
        ("[1]", "the conditions are no tree"),
        ('{"a": 1}', "the conditions are no tree: it has no type"),
        ("[" * 100_000, "the conditions are nested deeper than 32 levels"),
        ('{"type": "' + "x" * (1 << 20) + '"}', "the conditions are longer than 1,048,576 bytes"),
    ],
)
def test_conditions_that_are_none(stored, reason):
    found = one(stored)
    assert found.carried is Carried.NOT and not found.active
    assert found.findings[0].reason.startswith(reason)
    assert found.rule.endswith("\nfalse")


def test_no_conditions_are_everyone():
    for stored in (None, "", "[]", "a:0:{}", json.dumps(combine())):
        found = one(stored)
        assert found.rule == "true"
        assert found.carried is Carried.EXACTLY
        assert found.notes == ("the source has no conditions, so everyone in its websites and groups is a member",)


def test_deep_and_wide_trees_are_refused():
    deep = combine(SALES)
    for _ in range(40):
        deep = combine(deep)
    assert one(deep).findings[0].reason == "the conditions are nested deeper than 32 levels"
    wide = combine(*[SALES] * 10_001)
    assert one(wide).findings[0].reason in (
        "there are more than 10,000 conditions",
        "the conditions are longer than 1,048,576 bytes",
    )
    many = one(combine(*[SALES] * 2_500))
    assert many.findings[-1].reason.startswith("the rule ")
    assert many.rule.endswith("\nfalse")


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from((SALES, BORN, combine(SALES), PREFIX + "combine", PREFIX + "order_items", "all", "==", "1")),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("type", "attribute", "operator", "value", "aggregator", "conditions")), inner
            )
        ),
        max_leaves=10,
    )
)
def test_any_tree_is_read_or_told(tree):
    found = one(json.dumps(combine(SALES, tree)))
    assert found.carried is not Carried.NOT or found.rule.endswith("\nfalse")


def test_every_difference_is_explained():
    from segrules.interchange.maho import conditions, statements

    assert all(text.endswith(".") and len(text) > 60 for text in DIFFERENCES.values())
    source = "".join(Path(each.__file__).read_text(encoding="utf-8") for each in (conditions, statements))
    assert all(f'"{name}"' in source for name in DIFFERENCES)


# --- segments --------------------------------------------------------------------------------------


def test_websites_that_would_narrow_the_orders_stand_in_the_rule():
    """In the source a segment's websites say whose customers are members, and nothing about their orders."""
    found = one(combine(BORN), website_ids="2,1", customer_group_ids="3", priority="7", refresh_mode="manual")
    assert (found.websites, found.groups, found.priority, found.mode) == (("base", "uk"), ("Top",), 7, "manual")
    assert found.rule == "customer.birth_date >= 2000-01-01"
    found = one(combine(SALES, BORN, aggregator="any"), website_ids=[2, 1])
    assert found.websites == ()
    assert found.rule == (
        "customer.website in (base, uk)\n  and (lifetime.sales > 1000 or customer.birth_date >= 2000-01-01)"
    )
    assert found.carried is Carried.EXACTLY
    assert one(combine(SALES), website_ids="1").rule == "customer.website is base and lifetime.sales > 1000"


def test_websites_without_a_name_make_it_inactive():
    found = one(combine(SALES), website_ids="1,8")
    assert found.carried is Carried.NOT and not found.active
    assert found.findings[-1].reason == "website 8 has no name here, because the table core_website does not have it"


def test_active_flags():
    for stored, active in (("1", True), (1, True), (None, True), ("0", False), (0, False)):
        assert one(combine(SALES), is_active=stored).active is active


def test_names_are_kept_apart():
    found = segments(
        *(
            row(combine(SALES), segment_id=n, name=name)
            for n, name in enumerate(["VIP", "vip", "A/B", "A-B", "", "x" * 300, " two\n words "], 1)
        )
    )
    assert [each.name for each in found] == ["VIP", "vip (2)", "A/B", "A-B (4)", "Segment 5", "x" * 191, "two words"]
    assert [each.title for each in found[:2]] == ["", "vip"]
    assert len({each.name for each in found}) == 7
    found = segments(*(row(combine(SALES), segment_id=n, name=name) for n, name in enumerate(["X (3)", "X", "X"], 1)))
    assert [each.name for each in found] == ["X (3)", "X", "X (3) (3)"]


def test_steps():
    steps = [
        {
            "sequence_id": 3,
            "segment_id": 1,
            "trigger_event": "exit",
            "template_id": 5,
            "step_number": 1,
            "delay_minutes": 0,
        },
        {
            "sequence_id": 2,
            "segment_id": 1,
            "trigger_event": "enter",
            "template_id": 4,
            "step_number": 2,
            "delay_minutes": "1440",
            "is_active": "0",
            "max_sends": 3,
            "generate_coupon": "1",
            "coupon_sales_rule_id": 9,
            "coupon_prefix": 'V"\\',
            "coupon_expires_days": 10,
        },
        {"sequence_id": 1, "segment_id": 1, "trigger_event": "enter", "template_id": 4, "step_number": 1},
    ]
    (found,) = segments(
        row(combine(SALES), auto_email_active=1),
        customer_segment_email_sequence=steps,
        newsletter_template=[{"template_id": 4, "template_code": "Welcome\tback"}],
    )
    assert tomllib.loads(steps_file(found)) == {
        "segment": "One",
        "sends": True,
        "overlapping": False,
        "steps": [
            {
                "trigger": "enter",
                "number": 1,
                "delay_minutes": 0,
                "template": "Welcome back",
                "template_id": 4,
                "active": True,
                "max_sends": 1,
            },
            {
                "trigger": "enter",
                "number": 2,
                "delay_minutes": 1440,
                "template": "Welcome back",
                "template_id": 4,
                "active": False,
                "max_sends": 3,
                "coupon": {"sales_rule": "sales rule 9", "sales_rule_id": 9, "prefix": 'V"\\', "expires_days": 10},
            },
            {
                "trigger": "exit",
                "number": 1,
                "delay_minutes": 0,
                "template": "template 5",
                "template_id": 5,
                "active": True,
                "max_sends": 1,
            },
        ],
    }


def test_steps_of_a_segment_that_is_not_complete_do_not_go_out():
    step = {"segment_id": 1, "template_id": 4, "step_number": 1}
    broken = row(combine(leaf("customer_x", "y", "==", "1")), auto_email_active=1)
    (found,) = segments(broken, customer_segment_email_sequence=[step])
    assert not found.sends
    assert found.notes == ("its e-mails are switched off until the rule is complete",)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "there is no table customer_segment, and without it there are no segments"),
        ({"customer_segment": [{"segment_id": 1}]}, "row 1 of customer_segment has no column conditions_serialized"),
        ({"customer_segment": [row(None, priority="high")]}, "'high' should be a whole number"),
        (
            {"customer_segment": [row(None)], "customer_segment_email_sequence": [{"segment_id": 7}]},
            "customer_segment_email_sequence has steps of segments that are not there: 7",
        ),
        (
            {
                "customer_segment": [row(None)],
                "customer_segment_email_sequence": [{"segment_id": 1, "sequence_id": 4, "trigger_event": "leave"}],
            },
            "step 4 of customer_segment_email_sequence has the trigger 'leave' and a delay of 0 minutes;"
            " there are enter and exit, and at most 1051200 minutes",
        ),
    ],
)
def test_rows_that_are_none(tables, message):
    with pytest.raises(InterchangeError) as caught:
        Importer().segments(tables)
    assert str(caught.value) == message


# --- where they come from --------------------------------------------------------------------------


def test_files(tmp_path):
    tree = combine(SALES)
    rows = [row(tree, name="First"), row(tree, segment_id=2, name="Second")]
    quoted = json.dumps(tree).replace('"', '""')
    contents = {
        "rows.json": json.dumps(rows),
        "tables.json": json.dumps({"customer_segment": rows, "core_website": WEBSITES, "other": 1}),
        "unpacked.json": json.dumps([{**each, "conditions_serialized": tree} for each in rows]),
        "rows.csv": "\ufeffsegment_id,name,description,conditions_serialized\n"
        f'1,First,NULL,"{quoted}"\n2,Second,,"{quoted}"\n',
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        found = Importer().segments(read_file(tmp_path / name))
        assert [(each.name, each.rule, each.description) for each in found] == [
            ("First", "lifetime.sales > 1000", ""),
            ("Second", "lifetime.sales > 1000", ""),
        ]
    for content in (json.dumps(tree), serialized_tree(tree)):
        (tmp_path / "Big spenders.txt").write_text(content, encoding="utf-8")
        (found,) = Importer().segments(read_file(tmp_path / "Big spenders.txt"))
        assert (found.name, found.rule) == ("Big spenders", "lifetime.sales > 1000")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is no JSON: "),
        ("[1]", "customer_segment should be a list of rows, each an object with the names of the columns"),
        ('{"x": 1}', "there is none of the tables customer_segment, "),
        ("a,b\n1,2\n", "this is neither JSON nor PHP's serialize, and no CSV with a column conditions_serialized"),
        ("name,conditions_serialized\nx\n", "line 2 has not as many values as the head has columns"),
        ("name,conditions_serialized\nx,y,z\n", "line 2 has not as many values as the head has columns"),
        ('name,conditions_serialized\n"x,y\n', "this is no CSV: "),
    ],
)
def test_texts_that_are_no_export(text, message):
    with pytest.raises(InterchangeError) as caught:
        read_text(text, "x")
    assert str(caught.value).startswith(message)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InterchangeError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.json")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InterchangeError, match="is not UTF-8"):
        read_file(tmp_path / "latin.csv")


def source_database(url, prefix):
    """A database with the source's tables, as its install scripts make them."""
    engine = sa.create_engine(url)
    meta = sa.MetaData()
    segment = sa.Table(
        prefix + "customer_segment",
        meta,
        sa.Column("segment_id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.Text),
        sa.Column("is_active", sa.SmallInteger),
        sa.Column("conditions_serialized", sa.Text),
        sa.Column("website_ids", sa.Text),
        sa.Column("customer_group_ids", sa.Text),
        sa.Column("priority", sa.Integer),
        sa.Column("refresh_mode", sa.String(20)),
        sa.Column("auto_email_active", sa.SmallInteger),
    )
    sequence = sa.Table(
        prefix + "customer_segment_email_sequence",
        meta,
        sa.Column("sequence_id", sa.Integer, primary_key=True),
        sa.Column("segment_id", sa.Integer),
        sa.Column("trigger_event", sa.String(10)),
        sa.Column("template_id", sa.Integer),
        sa.Column("step_number", sa.Integer),
        sa.Column("delay_minutes", sa.Integer),
    )
    website = sa.Table(
        prefix + "core_website",
        meta,
        sa.Column("website_id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String(32)),
        sa.Column("name", sa.String(64)),
    )
    meta.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            segment.insert(),
            [
                {
                    "segment_id": 1,
                    "name": "VIP",
                    "is_active": 1,
                    "conditions_serialized": json.dumps(combine(BORN)),
                    "website_ids": "1",
                    "priority": 3,
                    "auto_email_active": 1,
                },
                {
                    "segment_id": 2,
                    "name": "Old",
                    "is_active": 0,
                    "conditions_serialized": serialized_tree(combine(SALES)),
                    "website_ids": "",
                    "priority": 0,
                    "auto_email_active": 0,
                },
            ],
        )
        connection.execute(
            sequence.insert(),
            [
                {
                    "sequence_id": 1,
                    "segment_id": 1,
                    "trigger_event": "enter",
                    "template_id": 2,
                    "step_number": 1,
                    "delay_minutes": 60,
                }
            ],
        )
        connection.execute(website.insert(), [{"website_id": 1, "code": "base", "name": "Main"}])
    return engine


def test_a_database(tmp_path):
    engine = source_database(f"sqlite:///{tmp_path / 'shop.db'}", "m1_")
    vip, old = Importer().segments(read_database(engine, "m1_"))
    assert (vip.name, vip.websites, vip.active, vip.priority, len(vip.steps)) == ("VIP", ("base",), True, 3, 1)
    assert (old.name, old.rule, old.active) == ("Old", "lifetime.sales > 1000", False)
    for prefix, message in (
        ("", r"the database has no table customer_segment; did you mean --prefix m1_\?"),
        ("x';", "is no prefix of tables"),
    ):
        with pytest.raises(InterchangeError, match=message):
            read_database(engine, prefix)


def test_the_documentation_names_every_attribute():
    from segrules.interchange.maho.conditions import CLASSES

    page = (Path(__file__).parents[2] / "docs" / "import-maho.md").read_text(encoding="utf-8")
    table = page.partition("## Every attribute")[2].partition("\n## ")[0]
    for type_, attributes in CLASSES.items():
        rows = table.partition(f"| {type_} |")[2]
        for attribute in attributes:
            assert attribute in rows, f"{type_} {attribute}"
