"""``segrules check``: all mistakes at once, each at its place, and exit codes for machines."""

import pytest

GOOD = "lifetime.sales > 5000"
BAD = "lifetime.sale > 5000\nand any oder where (status is complete)"
ODD = "lifetime.sales > 1000 and lifetime.sales < 950"


def test_a_good_rule(cli):
    assert cli("check", "-e", GOOD).stdout == "1 rule: no mistakes\n"


def test_all_mistakes_of_a_rule_are_shown_with_their_places(cli):
    out = cli("check", "-e", BAD, code=1).stdout
    assert "<-e>:1:1" in out and "<-e>:2:9" in out
    assert 'lifetime has no field "sale"' in out and "lifetime.sales" in out
    assert out.endswith("1 rule: 2 mistakes\n")


def test_files_folders_standard_input_and_texts_together(cli, rule_file):
    rule_file("segments/a.seg", GOOD)
    rule_file("segments/b.seg", "\ufefflifetime.orders > 3\r\n# fin\r\n")
    rule_file("segments/readme.txt", "no rule")
    one = rule_file("one.seg", BAD)
    found = cli.json("check", "segments", one, "-", "-e", GOOD, "-e", "true", stdin=ODD, code=1)
    assert [rule["name"] for rule in found["rules"]] == [
        "segments/a.seg", "segments/b.seg", "one.seg", "<stdin>", "<-e 1>", "<-e 2>",
    ]  # fmt: skip
    assert [rule["ok"] for rule in found["rules"]] == [True, True, False, True, True, True]
    assert (found["errors"], found["warnings"]) == (2, 1)


def test_a_rule_as_argument_needs_no_flag(cli):
    assert cli("check", GOOD).stdout == "1 rule: no mistakes\n"
    assert cli("check", "true").stdout == "1 rule: no mistakes\n"


def test_a_warning_is_shown_and_is_a_finding_only_when_strict(cli):
    out = cli("check", "-e", ODD).stdout
    assert out.startswith("warning[SEG9") and out.endswith("1 rule: 1 warning\n")
    cli("check", "-e", ODD, "--strict", code=1)
    cli("check", "-e", GOOD, "--strict")


def test_windows_are_judged_at_the_moment_and_in_the_zone_given(cli):
    rule = "customer.created_at between today and 2025-07-04"
    assert cli.json("check", "-e", rule, "--at", "2025-07-04T12:00Z")["warnings"] == 0
    assert cli.json("check", "-e", rule, "--at", "2025-07-05T12:00Z")["warnings"] == 1
    late = ("check", "-e", rule, "--at", "2025-07-04T23:00Z")
    assert cli.json(*late)["warnings"] == 0
    assert cli.json(*late, "--timezone", "Europe/Rome")["warnings"] == 1


def test_the_shape_of_a_diagnostic(cli):
    found = cli.json("check", "-e", "true and lifetime.sale > 5", code=1)
    (diagnostic,) = found["rules"][0]["diagnostics"]
    assert diagnostic == {
        "code": diagnostic["code"],
        "severity": "error",
        "message": 'lifetime has no field "sale"',
        "source": "<-e>",
        "line": 1,
        "column": 10,
        "end_line": 1,
        "end_column": 23,
        "start": 9,
        "end": 22,
        "hint": diagnostic["hint"],
        "suggestion": {"text": "lifetime.sales", "start": 9, "end": 22},
    }
    assert set(found) == {"rules", "errors", "warnings"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "give a rule"),
        (["check", "nosuch.seg"], "there is no file nosuch.seg"),
        (["check", "empty"], "the folder empty holds no .seg files"),
        (["check", "latin.seg"], "latin.seg is not UTF-8"),
        (["check", "-e", GOOD, "--timezone", "Mars/Base"], 'there is no time zone "Mars/Base"'),
        (["check", "-e", GOOD, "--at", "tomorrow"], '"tomorrow" is no moment'),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(cli, rule_file, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    rule_file("latin.seg", 'customer.first_name is "André"'.encode("latin-1"))
    assert said in cli(*arguments, code=2).stderr
    error = cli.json(*arguments, code=2)["error"]
    assert error["kind"] == "usage" and said in error["message"]


@pytest.mark.parametrize("text", ["", "\0", "((((" * 500, "a" * 100_000, "lifetime.sales > " + "9" * 400, "💥 > 3"])
def test_nothing_that_is_written_makes_it_fall_over(cli, text):
    found = cli.json("check", "-", stdin=text, code=1)
    assert found["errors"] >= 1
