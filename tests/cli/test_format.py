"""``segrules format``: files in place, texts to standard output, mistakes left alone."""

WILD = "# top\nLIFETIME.sales>5   and  not (order.status  == COMPLETE)\n"


def test_a_text_is_printed_in_canonical_form(cli):
    assert cli("format", "-e", "lifetime.sales>5").stdout == "lifetime.sales > 5\n"
    assert cli("format", "-", stdin="lifetime.sales>5").stdout == "lifetime.sales > 5\n"


def test_a_file_is_changed_in_place_once(cli, rule_file, tmp_path):
    file = rule_file("wild.seg", WILD)
    assert cli("format", file).stdout == "formatted wild.seg\n"
    text = (tmp_path / file).read_text()
    assert text == "# top\nlifetime.sales > 5 and not order.status is complete\n"
    assert cli("format", file).stdout == ""
    assert (tmp_path / file).read_text() == text


def test_check_changes_nothing_and_finds(cli, rule_file, tmp_path):
    file = rule_file("wild.seg", WILD)
    assert cli("format", "--check", file, code=1).stdout == "would change wild.seg\n"
    assert (tmp_path / file).read_text() == WILD
    cli("format", file)
    cli("format", "--check", file)
    cli("format", "--check", "-e", "lifetime.sales > 5")
    cli("format", "--check", "-e", "lifetime.sales>5", code=1)


def test_diff_shows_what_would_change(cli, rule_file, tmp_path):
    out = cli("format", "--diff", rule_file("wild.seg", WILD)).stdout
    assert "--- wild.seg" in out and "+lifetime.sales > 5" in out
    assert (tmp_path / "wild.seg").read_text() == WILD


def test_a_rule_with_mistakes_is_left_and_the_others_are_done(cli, rule_file, tmp_path):
    bad, wild = rule_file("bad.seg", "lifetime.sale>5"), rule_file("wild.seg", WILD)
    result = cli("format", bad, wild, code=1)
    assert "bad.seg:1:1" in result.stderr and result.stdout == "formatted wild.seg\n"
    assert (tmp_path / bad).read_text() == "lifetime.sale>5"


def test_the_head_of_a_segment_is_kept_apart(cli, rule_file, tmp_path):
    written = "# title: VIP\n\n# note: those who pay\nlifetime.sales > 5\n"
    file = rule_file("vip.seg", written)
    cli("format", "--check", file)
    file = rule_file("wild.seg", "# title: VIP\nlifetime.sales>5")
    cli("format", file)
    assert (tmp_path / file).read_text() == "# title: VIP\n\nlifetime.sales > 5\n"


def test_json(cli, rule_file):
    found = cli.json("format", "--check", rule_file("wild.seg", WILD), "-e", "true", "-e", "lifetime.sale > 5", code=1)
    assert [(each["name"], each["changed"]) for each in found["rules"]] == [
        ("wild.seg", True), ("<-e 1>", False), ("<-e 2>", False),
    ]  # fmt: skip
    assert found["rules"][1]["text"] == "true\n" and found["rules"][1]["diagnostics"] == []
    assert found["rules"][2]["text"] is None and found["rules"][2]["diagnostics"][0]["severity"] == "error"
