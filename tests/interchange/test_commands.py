"""The commands: what they print, what they write, and what they leave alone."""

import json
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.interchange import schema
from segrules.segments import files
from tests.cli.conftest import Cli
from tests.interchange.test_maho_segments import BORN, SALES, combine, leaf, row, source_database


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGRULES_DATABASE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Cli()


def export(*rows, **tables):
    Path("export.json").write_text(json.dumps({"customer_segment": list(rows), **tables}), encoding="utf-8")
    return "export.json"


SKU = leaf("order_items", "product_sku", "!=", "x")
UNKNOWN = leaf("customer_x", "y", "==", "1")


def test_the_report(cli):
    source = export(
        row(combine(SALES), name="Big"),
        row(combine(SKU, BORN), segment_id=2, name="Not x"),
        row(combine(SALES, UNKNOWN), segment_id=3, name="Odd"),
    )
    result = cli("import", "maho", source, code=1)
    assert (
        result.stdout
        == """\
Big: carried over exactly
Not x: carried over with a difference
  1--1  order_items: product_sku != x
      differs in: code
Odd: NOT carried over, written inactive
  1--2  customer_x: y == 1
      the source has no condition class "customer_x" that is known here

Differences
  code: Codes (SKU, coupon, country, currency, methods) are compared exactly. MySQL's usual collations ignore case.

3 segments: 1 exactly, 1 with a difference, 1 not
Nothing is written; write the files with --out FOLDER.
"""
    )
    assert [each.name for each in Path().iterdir()] == ["export.json"]


def test_the_files_are_what_plan_and_apply_read(cli):
    source = export(
        row(combine(SALES), name="Big", description="Those\nwho pay", website_ids="1", priority=4, is_active="0"),
        row(combine(SALES, UNKNOWN), segment_id=2, name="Odd/one"),
        row(combine(BORN), segment_id=3, name="Young"),
        core_website=[{"website_id": 1, "code": "base"}],
        customer_segment_email_sequence=[{"segment_id": 3, "template_id": 1, "step_number": 1}],
    )
    document = cli.json("import", "maho", source, "--out", "segments", code=1)
    assert [(each["name"], each["carried"], each["file"], each["steps_file"]) for each in document["segments"]] == [
        ("Big", "exactly", "segments/Big.seg", None),
        ("Odd/one", "not", "segments/Odd-one.seg", None),
        ("Young", "exactly", "segments/Young.seg", "segments/Young.steps.toml"),
    ]
    assert Path("segments/Big.seg").read_text() == (
        "# description: Those\\nwho pay\n# priority: 4\n# active: no\n\n"
        "customer.website is base and lifetime.sales > 1000\n"
    )
    assert tomllib.loads(Path("segments/Young.steps.toml").read_text())["segment"] == "Young"
    loaded = {each.name: each for each in files.load(Path("segments"))}
    assert {name: each.active for name, each in loaded.items()} == {"Big": False, "Odd/one": False, "Young": True}

    engine = sa.create_engine("sqlite:///shop.db")
    sr.prepare(engine)
    sr.Shop.default().create_tables(engine)
    store = sr.SegmentStore(engine, sr.Shop.default())
    store.create_tables()
    steps = store.apply(list(loaded.values()))
    assert {step.action.value for step in steps} == {"create"}
    assert all(sr.parse(each.rule).format() == each.rule for each in loaded.values())


def test_nothing_is_written_over(cli):
    Path("segments").mkdir()
    Path("segments/Two.seg").write_text("true\n")
    source = export(row(combine(SALES)), row(combine(SALES), segment_id=2, name="Two"))
    result = cli("import", "maho", source, "--out", "segments", code=2)
    assert result.stderr == "segrules: segments/Two.seg would be written over; take another folder, or --replace\n"
    assert [each.name for each in Path("segments").iterdir()] == ["Two.seg"]
    cli("import", "maho", source, "--out", "segments", "--replace")
    cli("import", "maho", source, "--out", "segments")  # what is there is what would be written
    assert Path("segments/Two.seg").read_text() == "lifetime.sales > 1000\n"


def test_names_in_a_file_of_their_own(cli):
    Path("rows.json").write_text(json.dumps([row(combine(leaf("customer_attributes", "group_id", "==", "3")))]))
    assert "was not given: add it with --names" in cli("import", "maho", "rows.json", code=1).stdout
    Path("names.json").write_text('{"customer_group": [{"customer_group_id": 3, "customer_group_code": "Two words"}]}')
    document = cli.json("import", "maho", "rows.json", "--names", "names.json")
    assert document["segments"][0]["rule"] == 'customer.group is "Two words"'


def test_a_database(cli):
    source_database("sqlite:///source.db", "")
    before = Path("source.db").read_bytes()
    assert "2 segments: 2 exactly" in cli("import", "maho", "sqlite:///source.db", "--out", "segments").stdout
    assert Path("source.db").read_bytes() == before
    assert cli("import", "maho", "sqlite:///none.db", code=3).stderr == "segrules: there is no database file none.db\n"
    assert not Path("none.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.json",), "none.json cannot be read: No such file or directory"),
        (("sqlite://", "--names", "x.json"), "--names goes with a FILE; a database has the names itself"),
        (("x.json", "--prefix", "a"), "--prefix goes with the URL of a database"),
        (("x.json", "--timezone", "Mars"), 'there is no time zone "Mars"'),
    ],
)
def test_wrong_usage(cli, arguments, message):
    assert message in cli("import", "maho", *arguments, code=2).stderr


# --- rules as JSON ---------------------------------------------------------------------------------


def test_there_and_back(cli):
    text = "# who pays\nlifetime.sales > 0.5  # much\n"
    Path("rule.seg").write_text(text)
    Path("rule.json").write_text(cli("to-json", "rule.seg").stdout)
    assert cli("from-json", "rule.json").stdout == text
    assert cli("from-json", "-", stdin=Path("rule.json").read_bytes()).stdout == text
    assert cli.json("from-json", "rule.json") == {"text": text.strip(), "mistakes": []}


def test_mistakes(cli):
    Path("rule.json").write_text('{"version": 1, "rule": {"condition": "set", "operand": {"field": "customer.emial"}}}')
    result = cli("from-json", "rule.json", code=1)
    assert result.stdout == ""
    assert result.stderr == ('/rule/operand/field: customer has no field "emial"\n  = did you mean customer.email?\n')
    (mistake,) = cli.json("from-json", "rule.json", code=1)["mistakes"]
    assert (mistake["pointer"], mistake["suggestion"]) == ("/rule/operand/field", "customer.email")
    assert cli("from-json", "none.json", code=2).stderr == "segrules: there is no file none.json\n"


def test_the_schema(cli):
    assert json.loads(cli("schema").stdout) == schema()


def test_what_a_builder_needs_to_know(cli):
    (order,) = cli.json("conditions", "order")["conditions"]
    fields = {each["name"]: each for each in order["fields"]}
    assert (order["kind"], order["moment"]) == ("many", "created_at")
    assert fields["status"]["operators"] == ["=", "in", "set"]
    assert fields["status"]["choices"][0] == "pending"
    assert fields["created_at"]["operators"] == ["=", "<", "<=", ">", ">=", "between", "in", "within", "set"]
    assert cli.json("conditions", "order_item")["conditions"][0]["inside"] == "item"


def test_the_words_are_those_of_the_shop(cli, monkeypatch):
    shop = sr.Shop.default("Europe/Rome", choices={"order": {"status": ("fraud", "complete")}})
    monkeypatch.setattr("segrules.cli.importing.shop_of_command", lambda timezone: shop)
    monkeypatch.setattr("segrules.cli.json_form.words_of_command", lambda: shop.vocabulary)
    registered = leaf("customer_attributes", "days_since_registration", ">", "3")
    source = export(row(combine(leaf("order_attributes", "status", "==", "fraud"), registered)))
    (found,) = cli.json("import", "maho", source)["segments"]
    assert found["rule"] == "any order where (status is fraud) and customer.days_since_registration > 3"
    assert [each["differences"] for each in found["conditions"]] == [[], ["zone"]]
    document = cli("to-json", "-e", "any order where (status is fraud)").stdout
    assert cli("from-json", "-", stdin=document.encode()).stdout == "any order where (status is fraud)\n"
